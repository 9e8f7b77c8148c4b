"""Rules for single things: a count, a number, a key, a word, a function."""

import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from course.checks.arrays import MOST, describe_kind, describe_shape, kind_of, read_array
from course.checks.decorator import Arguments, Rule
from course.checks.refusals import describe_integer, describe_text, refusal
from course.checks.values import HUGE, TINY, check_range


def integer(name: str, value: Any) -> int:
    """Return the value as a Python integer; booleans, floats and traced numbers are refused."""
    try:
        # An array of objects or of dates, or a masked one, may give an integer as well.
        dtype = getattr(value, "dtype", None)
        whole = kind_of(dtype) == "int" if dtype is not None else not isinstance(value, bool)
        if whole and not isinstance(value, np.ma.MaskedArray):
            return int(operator.index(value))
    except Exception:  # an object may raise anything when it is asked
        whole = False
    raise refusal(name, "an integer", type(value).__name__, TypeError)


def count(minimum: int = 1, maximum: float = MOST) -> Rule:
    """Return a rule for a Python integer within bounds, such as a number of steps.

    The default maximum is for what becomes the size of an array: see `MOST`.
    """

    def rule(name: str, value: Any, _arguments: Arguments) -> int:
        n = integer(name, value)
        if not minimum <= n <= maximum:
            bound = f"at least {minimum}" if n < minimum else f"at most {maximum}"
            raise refusal(name, f"an integer of {bound}", describe_integer(n))
        return n

    return rule


seed = count(0, math.inf)  # a seed is no size


def number(expected: str = "a number above 0", low: float = TINY, high: float = HUGE) -> Rule:
    """Return a rule for one number within bounds; it becomes a Python float.

    To a compiled program all floats are one kind of argument, so another value compiles nothing.
    A traced number stays as it is.
    """

    def rule(name: str, value: Any, _arguments: Arguments) -> Any:
        array = read_array(name, value)
        kind = kind_of(array.dtype)
        if array.shape or kind not in ("float", "int"):
            shaped = kind in ("float", "int")
            got = describe_shape(array.shape) if shaped else describe_kind(value, array)
            raise refusal(name, expected, got, TypeError)
        if isinstance(array, jax.core.Tracer):
            return array.astype(float) if kind == "int" else array
        return float(check_range(name, array, low, high, expected))

    return rule


def one_of(*words: str) -> Rule:
    """Return a rule for one of a few words."""
    choice = " or ".join(map(repr, words))

    def rule(name: str, value: Any, _arguments: Arguments) -> str:
        if not isinstance(value, str):
            raise refusal(name, choice, type(value).__name__, TypeError)
        word = str.__str__(value)
        if word not in words:
            raise refusal(name, choice, describe_text(word))
        return word

    return rule


def key(name: str, value: Any, _arguments: Arguments) -> Any:
    """Rule for one random key: `jax.random.key(seed)` or a raw `jax.random.PRNGKey(seed)`."""
    dtype = value.dtype if isinstance(value, jax.Array) else None
    typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if not typed and dtype != np.uint32:
        raise refusal(name, "a key like jax.random.key(0)", type(value).__name__, TypeError)
    if (value.shape != ()) if typed else not _is_raw_key(value):
        raise refusal(name, "one key like jax.random.key(0)", describe_shape(value.shape))
    return value


def _is_raw_key(value: jax.Array) -> bool:
    """Return True if the numbers are as many as a key of JAX's current kind has."""
    try:
        return jax.random.wrap_key_data(value).shape == ()
    except (TypeError, ValueError):
        return False


def known_key(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for one random key that is not traced, since NumPy draws by it."""
    if isinstance(value, jax.core.Tracer):
        raise refusal(name, "a key that is not traced", type(value).__name__, TypeError)
    return key(name, value, arguments)


def instance(kind: Any, expected: str = "") -> Rule:
    """Return a rule for a value of one class, or of several (`int | None`), with words for it."""

    def rule(name: str, value: Any, _arguments: Arguments) -> Any:
        if not isinstance(value, kind):
            raise refusal(name, expected or kind.__name__, type(value).__name__, TypeError)
        return value

    return rule


flag = instance(bool | np.bool_, "True or False")


def text(name: str, value: Any, _arguments: Arguments) -> str:
    """Rule for a string."""
    if not isinstance(value, str):
        raise refusal(name, "a string", type(value).__name__, TypeError)
    return str.__str__(value)


def function(expected: str, arguments: int | None = None) -> Rule:
    """Return a rule for a function, with words for it.

    Args:
        expected: the words.
        arguments: number of values that it will be called with; None does not look.
    """

    def rule(name: str, value: Any, _arguments: Arguments) -> Any:
        if not callable(value):
            raise refusal(name, expected, type(value).__name__, TypeError)
        if arguments is not None and not _takes(value, arguments):
            raise refusal(name, expected, "one that takes other arguments", TypeError)
        return value

    return rule


def _takes(function: Callable[..., Any], arguments: int) -> bool:
    """Return False for a function that cannot be called with so many values."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True  # some of Python's own have no signature to look at
    try:
        signature.bind(*[None] * arguments)
    except TypeError:
        return False
    return True
