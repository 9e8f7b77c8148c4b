"""Rules of `checked` for what `fit`, `sweep` and `evaluate` are given.

All is looked at once, before the first step. What is wrong with the functions among the arguments
shows only when they are called: see `course.training.trial`.
"""

import inspect
import os
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array

from course import checks
from course.checks import Arguments, Rule, read_array, refusal
from course.training.optimizer_base import Optimizer, as_optimizer, as_partial

Data: TypeAlias = tuple[Array, Array]  # inputs and targets, the examples along the first axis

MAX_STEPS = 2**31 - 1  # of a run: they are counted in int32
BAR = ("update", "set_postfix", "__enter__", "__exit__")  # methods of a progress bar


def known(rule: Rule) -> Rule:
    """Return a rule that also refuses numbers that `jit`, `vmap` or `grad` traces."""

    def rule_for_known(name: str, value: Any, arguments: Arguments) -> Any:
        value = rule(name, value, arguments)
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
            expected = "numbers that are known before the program runs"
            raise refusal(name, expected, "traced ones (inside jit, vmap or grad)", TypeError)
        return value

    return rule_for_known


def as_data(name: str, value: Any, arguments: Arguments) -> Data:
    """Rule for a pair (inputs, targets) of finite numbers, the examples along the first axis.

    Floats become float32 (float64 where JAX is told to use it), integers and booleans int32. Each
    validation example must have the shapes of one in `data`, an earlier argument, and targets of
    the same kind.
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        got = type(value).__name__
        got += f" of length {len(value)}" if isinstance(value, tuple | list) else ""
        raise refusal(name, "a pair (inputs, targets)", got, TypeError)
    inputs = _as_examples(name, "inputs", value[0])
    targets = _as_examples(name, "targets", value[1])
    if len(inputs) != len(targets):
        raise refusal(name, f"a target for each of the {len(inputs)} inputs", len(targets))
    if name == "data":
        return inputs, targets
    like = arguments["data"]
    return _as_in_data(name, "inputs", inputs, like[0]), _as_in_data(
        name, "targets", targets, like[1]
    )


def _as_in_data(name: str, what: str, part: Array, like: Array) -> Array:
    """Return inputs or targets of another set of examples, which must be of the kind of `data`."""
    if part.shape[1:] != like.shape[1:]:
        axes = ", ".join(["examples", *map(str, like.shape[1:])])
        raise refusal(name, f"{what} of shape ({axes}) as in data", part.shape)
    if jnp.issubdtype(like.dtype, jnp.integer) and not jnp.issubdtype(part.dtype, jnp.integer):
        raise refusal(name, f"{what} that are integers as in data", part.dtype, TypeError)
    whole = jnp.issubdtype(part.dtype, jnp.integer)
    return part.astype(like.dtype) if whole else part  # whole numbers among floats are floats


def _as_examples(name: str, what: str, value: Any) -> Array:
    """Return inputs or targets as an array on the device; no number changes but by rounding."""
    if _is_masked(value):
        raise refusal(
            name, f"{what} without a mask: choose the rows first", "masked ones", TypeError
        )
    array = read_array(name, value, numpy=True)
    if array.dtype == object and all(type(each) is int for each in array.flat):
        whole = True  # beyond 64 bits
    else:
        whole = array.dtype == bool or jnp.issubdtype(array.dtype, jnp.integer)
    floating = jnp.issubdtype(array.dtype, jnp.floating)
    if not (floating or whole) or array.dtype.kind == "m":  # to NumPy, times are integers
        raise refusal(name, f"{what} that are numbers", array.dtype, TypeError)
    if array.ndim == 0 or array.size == 0:
        raise refusal(name, f"at least one example in {what}", f"shape {array.shape}")

    # float16 and bfloat16 stay: who chose them wants them.
    narrow = floating and array.dtype.itemsize == 2
    dtype = array.dtype if narrow else jax.dtypes.canonicalize_dtype(float if floating else int)
    convert = _finite if floating else _whole
    converted = convert(name, what, array, dtype)
    keep = isinstance(value, jax.Array) and value.dtype == dtype
    return value if keep else jnp.asarray(converted)


def _is_masked(value: Any) -> bool:
    """Return True if there is a masked array, also in a list: NumPy would drop the mask."""
    if isinstance(value, list | tuple):
        return any(map(_is_masked, value))
    return isinstance(value, np.ma.MaskedArray)


def _finite(name: str, what: str, array: np.ndarray, dtype: Any) -> np.ndarray:
    """Return floats in another dtype, in which they must be finite as well."""
    with np.errstate(over="ignore"):
        converted = array.astype(dtype, copy=False)
    finite = np.isfinite(converted)
    if not finite.all():
        got = array[~finite].flat[0]
        most = f" of a size that {dtype} holds"
        raise refusal(name, f"finite {what}{most if np.isfinite(got) else ''}", got)
    return converted


def _whole(name: str, what: str, array: np.ndarray, dtype: Any) -> np.ndarray:
    """Return whole numbers in another dtype, into which they must fit."""
    if array.dtype.itemsize >= 4:
        bounds = np.iinfo(dtype)
        for each in (int(array.min()), int(array.max())):
            if not bounds.min <= each <= bounds.max:
                got = each if abs(each) < 2**64 else f"one of {each.bit_length()} bits"
                raise refusal(name, f"{what} from {bounds.min} to {bounds.max}", got)
    return array.astype(dtype)


def as_model(name: str, value: Any, _arguments: Arguments) -> Any:
    """Rule for a hashable pair of functions `init(key)` and `apply(params, inputs)`."""
    pair = all(callable(getattr(value, part, None)) for part in ("init", "apply"))
    if not pair or isinstance(value, type):
        raise refusal(name, "a model with init and apply", _describe(value), TypeError)
    try:
        hash(value)
    except Exception:
        raise refusal(name, "a hashable model", type(value).__name__, TypeError) from None
    return value


@known
def as_loss(name: str, value: Any, arguments: Arguments) -> Partial:
    """Rule for a function (predictions, targets); numbers bound by `Partial` are its leaves."""
    checks.function("a function (predictions, targets)")(name, value, arguments)
    return as_partial(value)


@known
def as_one_optimizer(name: str, value: Any, _arguments: Arguments) -> Optimizer:
    """Rule for a `GradientTransformation`; it becomes an Optimizer."""
    return as_optimizer(value, name)


@known
def as_optimizers(name: str, value: Any, _arguments: Arguments) -> Optimizer:
    """Rule for optimizers of one kind; they become one whose numbers have a leading axis."""
    # An optimizer is a tuple as well, but a named one.
    listed = list(value) if type(value) in (list, tuple) else [value]
    if not listed:
        raise refusal(name, "at least one optimizer", "none")
    single = [as_optimizer(optimizer, name) for optimizer in listed]
    kinds = {jax.tree.structure(optimizer) for optimizer in single}
    if len(kinds) > 1:
        raise refusal(name, "optimizers of one kind", f"{len(kinds)} kinds")
    leaves = [[jnp.shape(leaf) for leaf in jax.tree.leaves(each)] for each in single]
    if any(each != leaves[0] for each in leaves):
        raise refusal(name, "optimizers of one kind", "numbers of different shapes")
    return jax.tree.map(lambda *leaves: jnp.stack(list(map(jnp.asarray, leaves))), *single)


as_key = known(checks.key)


@known
def as_keys(name: str, value: Any, arguments: Arguments) -> Array:
    """Rule for one random key or an array of them along one axis; one becomes an array of one."""
    typed = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    many = isinstance(value, jax.Array) and value.ndim == (1 if typed else 2)
    if many and len(value) == 0:
        raise refusal(name, "at least one key", "none")
    one: Array = checks.key(name, value[0] if many else value, arguments)
    return value if many else one[None]


_strength = known(checks.number("a number of at least 0", 0.0))


def as_strength(name: str, value: Any, arguments: Arguments) -> float | None:
    """Rule for a number of at least 0; exactly 0 becomes None."""
    return _strength(name, value, arguments) or None


def as_patience(name: str, value: Any, arguments: Arguments) -> int:
    """Rule for a number of epochs; there must be validation data to go by."""
    epochs: int = checks.count()(name, value, arguments)
    if arguments["validation"] is None:
        raise refusal(name, "validation data to go by", "none")
    return epochs


def as_stop(name: str, value: Any, _arguments: Arguments) -> Callable[[], bool]:
    """Rule for a function without arguments that returns True or False."""
    expected = "a function without arguments that returns True or False"
    if not callable(value) or not _takes_no_arguments(value):
        raise refusal(name, expected, _describe(value), TypeError)

    def ask() -> bool:
        answer = value()
        is_one = isinstance(answer, bool | np.bool_ | jax.Array | np.ndarray)
        if not is_one or np.shape(answer) or np.asarray(answer).dtype != bool:
            raise refusal(name, expected, f"one that returns {_describe(answer)}", TypeError)
        return bool(answer)

    return ask


def _takes_no_arguments(function: Callable[..., Any]) -> bool:
    """Return False if a function is known to need arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions in C have none
        return True
    try:
        signature.bind()
    except TypeError:
        return False
    return True


def as_progress(name: str, value: Any, _arguments: Arguments) -> bool | Callable[..., Any]:
    """Rule for True, False, or a function that makes a progress bar."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if not callable(value):
        raise refusal(name, EXPECTED_BAR, _describe(value), TypeError)
    return value


EXPECTED_BAR = "True, False, or a class of bars such as tqdm.tqdm"


def make_bar(make: Callable[..., Any], **settings: Any) -> Any:
    """Return the bar that a function given as `progress` makes."""
    try:
        bar = make(**settings)
    except TypeError as error:  # it takes other arguments
        raise refusal("progress", EXPECTED_BAR, f"{_describe(make)}: {error}", TypeError) from error
    if not all(hasattr(bar, method) for method in BAR):
        got = f"a function that returns {_describe(bar)}"
        raise refusal("progress", EXPECTED_BAR, got, TypeError)
    return bar


def check_steps(epochs: int, steps_per_epoch: int) -> int:
    """Return the number of steps of a run; refuse one that has no end."""
    most = MAX_STEPS // steps_per_epoch
    if epochs > most:
        raise refusal("epochs", f"at most {most}, which makes {MAX_STEPS} steps", epochs)
    return epochs * steps_per_epoch


def check_memory(name: str, expected: str, needed: int) -> None:
    """Refuse what needs more bytes than there are: without memory, XLA ends the whole process."""
    there = memory_bytes()
    if needed > there:
        got = f"what takes {needed / 2**30:.3g} GiB"
        raise refusal(name, f"{expected} in the {there / 2**30:.3g} GiB of memory", got)


def memory_bytes() -> int:
    """Return the memory of the device, in bytes."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return 2**36


def _describe(value: Any) -> str:
    """Return the kind of a value in a word; a class or function by its name."""
    return getattr(value, "__name__", None) or type(value).__name__
