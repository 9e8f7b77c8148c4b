"""Whatever is handed to a public function is refused in one form, or is a legal argument.

"NAME: expected ..., got ..." in one short sentence: no other library's words, no warning, no value
that is taken for another one, and no size that ends the process.
"""

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.support.good_calls import Call, good_calls, public_functions


class Raises:
    """An object that raises when anybody asks for its values, as a tensor with a gradient does."""

    def __array__(self, *_args: object, **_kwargs: object) -> np.ndarray:
        raise RuntimeError("no")

    __float__ = __index__ = __len__ = __iter__ = __bool__ = __array__  # type: ignore[assignment]


class Sphinx:
    """An object that does not even tell its class."""

    @property
    def __class__(self) -> type:
        raise RuntimeError("no")


class Endless:
    """A list that claims to have more entries than any memory."""

    def __len__(self) -> int:
        return 2**62

    def __getitem__(self, _place: int) -> float:
        return 0.5


def nested(depth: int) -> Any:
    value: Any = 0.5
    for _ in range(depth):
        value = [value]
    return value


MASKED = np.ma.array([0.2, 0.3, 0.5], mask=[True, False, False])
# No argument of any function may be one of these.
NEVER = {
    "a masked array": MASKED,
    "masked arrays": [MASKED, MASKED],
    "differences of dates": np.array([1, 2], "m8[D]"),
    "a difference of dates": np.timedelta64(1, "D"),
    "dates": np.array(["2020-01-01"], "M8[D]"),
    "complex numbers": np.array([1j, 1]),
    "objects": np.array([0.5, None], object),
    "a structure": np.zeros(3, [("a", "f4"), ("b", "i4")]),
    "not a number": float("nan"),
    "a hole": [0.5, None],
    "ragged": [[1.0], [1.0, 2.0]],
    "nested": nested(40),
    "huge and negative": -(10**400),
    "bytes": b"ab",
    "a set": {0.3, 0.7},
    "an object": object(),
    "an object that raises": Raises(),
    "objects that raise": [Raises(), Raises()],
    "an endless list": Endless(),
    "a range": range(2**40),
    "keys": jax.random.split(jax.random.key(0), 3),
}
NEVER_A_SIZE = (2**31, 2**40, 2**62, 2**63, 10**400, 10**5000)
# These take data of any kind, and values whose class is a matter of the learner's.
ANYTHING = {("random_split", "data")}

CALLS = good_calls()
IDS = [f"{call.function.__name__}-{n}" for n, call in enumerate(CALLS)]


def name_of(function: Callable[..., Any]) -> str:
    return str(function.__name__)


def refused(call: Call, name: str, value: object) -> str | None:
    """Return what is wrong with the way in which a spoiled argument is refused; None if nothing."""
    try:
        call.function(**{**call.arguments, name: value})
    except (TypeError, ValueError) as error:
        said = str(error)
        whole = re.fullmatch(r"([\w*+/@-]+): expected .+, got .+", said)
        return None if whole and len(said) < 400 else f"{type(error).__name__}: {said[:200]}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return "accepted"


def test_every_public_function_has_a_good_call() -> None:
    called = {name_of(call.function) for call in CALLS}
    missing = [f for f in public_functions() if name_of(f) not in called]
    assert [f"{f.__module__}.{f.__qualname__}" for f in missing] == []


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_what_no_argument_can_be_is_refused(call: Call) -> None:
    wrong = {
        (name, what): answer
        for name in call.arguments
        for what, value in NEVER.items()
        if (name_of(call.function), name) not in ANYTHING and (answer := refused(call, name, value))
    }
    assert wrong == {}


SIZED = [
    (call, name)
    for call in CALLS
    for name, value in call.arguments.items()
    if type(value) is int and name != "seed"
]


@pytest.mark.parametrize(
    ("call", "name"), SIZED, ids=[f"{name_of(call.function)}-{name}" for call, name in SIZED]
)
def test_sizes_that_no_machine_has_are_refused(call: Call, name: str) -> None:
    fits = {2**31, 2**40, 2**62, 2**63} if name in ("heads", "tails") else set()  # a float holds it
    wrong = {
        value.bit_length(): answer
        for value in NEVER_A_SIZE
        if value not in fits and (answer := refused(call, name, value))
    }
    assert wrong == {}


PARAMS = [
    (call, name, field)
    for call in CALLS
    for name in call.arguments
    if name in ("params", "spam_filter")
    for field in range(len(jax.tree.leaves(call.arguments[name])))
]
DAMAGES: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda _leaf: None,
    "no number": lambda leaf: jnp.full(jnp.shape(leaf), jnp.nan),
    "complex": lambda leaf: np.asarray(leaf) + 1j,
    "another shape": lambda leaf: jnp.ones((*jnp.shape(leaf), 7)),
    "a word": lambda _leaf: "word",
}


@pytest.mark.parametrize(
    ("call", "name", "field"), PARAMS, ids=[f"{name_of(c.function)}-{f}" for c, _, f in PARAMS]
)
def test_damaged_parameters_are_refused(call: Call, name: str, field: int) -> None:
    leaves, structure = jax.tree.flatten(call.arguments[name])
    if isinstance(leaves[field], str):
        return  # a word of the vocabulary
    wrong = {}
    for what, damage in DAMAGES.items():
        spoiled = [damage(leaf) if n == field else leaf for n, leaf in enumerate(leaves)]
        answer = refused(call, name, jax.tree.unflatten(structure, spoiled))
        if answer:
            wrong[what] = answer
    assert wrong == {}


def test_the_good_calls_are_good() -> None:
    for call in CALLS:
        if call.function.__module__ != "course.show.bars":  # which need bars to be there already
            call.function(**call.arguments)
