"""What a public function accepts, said in one decorator.

    @checked(p=Probabilities(axis="axis"), unit=OneOf("bits", "nats"))
    def entropy(p, *, axis=-1, unit="bits"): ...

`checked` hands each named argument to its rule, in the order in which the rules are written. A rule
is any callable `(name, value, arguments) -> value`: it returns the value converted, or raises
"NAME: expected ..., got ...", a `TypeError` for the wrong kind of thing and a `ValueError` for a
wrong value or shape. `arguments` holds all arguments by name, those with an earlier rule already
converted, so a rule may look at another parameter: `Probabilities(axis="axis")` reads the axis from
the parameter `axis` and checks it on the way. A parameter's own default is taken as it is.

- Lists, tuples, NumPy and JAX arrays and Python numbers become JAX arrays of floats; a rule with
  `numpy=True` gives NumPy float64 instead, for code that never runs under `jit`. Integers are
  numbers: a one-hot list is a fine belief. Booleans are not: a mask passed by mistake is likelier.
- Shapes and dtypes are always checked, values only where there are any: an array traced by `jit`,
  `vmap` or `grad` has none. They are read with NumPy, ten times as fast as with `jax.numpy`.
"""

import contextlib
import functools
import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

TOLERANCE = 1e-4  # how far a probability may exceed 1, or a sum of probabilities miss it
# The floats that stay as they are, with the tolerance of a sum: two steps of the coarse ones.
SUM_TOLERANCE = {np.dtype("float32"): 1e-4, np.dtype("float16"): 2**-9, np.dtype("bfloat16"): 2**-6}

Result = TypeVar("Result")
Shape = tuple[int, ...]
Arguments = Mapping[str, Any]
Rule = Callable[[str, Any, Arguments], Any]


@runtime_checkable
class Checked(Protocol[Result]):
    """A checked function; inside is the plain one, for hot paths: arrays only, no checks."""

    __wrapped__: Callable[..., Result]

    def __call__(self, *args: Any, **kwargs: Any) -> Result: ...


def checked(**rules: Rule) -> Callable[[Callable[..., Result]], Checked[Result]]:
    """Check and convert the arguments of a function before it runs.

    To a type checker the result is what it was, and the arguments are whatever the rules take.

    Args:
        **rules: the rule of each parameter that has one.

    >>> @checked(side=Positive())
    ... def area(side):
    ...     return side**2
    >>> area([1, 3]).tolist()
    [1.0, 9.0]
    >>> area(-2)
    Traceback (most recent call last):
        ...
    ValueError: side: expected positive numbers, got -2
    """

    def decorate(function: Callable[..., Result]) -> Checked[Result]:
        signature = inspect.signature(function)
        parameters = dict(signature.parameters)
        positional = [n for n, p in parameters.items() if p.kind is not p.KEYWORD_ONLY]
        defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}

        @functools.wraps(function)
        def checked_function(*args: Any, **kwargs: Any) -> Result:
            given = dict(zip(positional, args, strict=False)) | kwargs
            arguments = defaults | given
            if len(given) < len(args) + len(kwargs) or arguments.keys() != parameters.keys():
                signature.bind(*args, **kwargs)  # raises Python's own message
            for name, rule in rules.items():
                value = arguments[name]
                if name not in defaults or value is not defaults[name]:
                    arguments[name] = rule(name, value, arguments)
            return function(**arguments)

        return checked_function

    return decorate


def refusal(name: str, expected: str, got: object, kind: type[Exception] = ValueError) -> Exception:
    """The error for an argument that a rule refuses, in the one form that all messages have."""
    return kind(f"{name}: expected {expected}, got {got}")


@dataclass(frozen=True, kw_only=True)
class Finite:
    """Numbers that are neither NaN nor infinite; the other array rules refine this one.

    Args:
        axis: an axis that the array must have, or the name of the parameter that holds it.
        ndim: the number of dimensions that the array must have.
        like: the name of an earlier parameter: both arrays must broadcast, and have the same size
            along `axis`.
        numpy: convert to NumPy float64 instead of a JAX array.
    """

    axis: int | str | None = None
    ndim: int | None = None
    like: str | None = None
    numpy: bool = False

    expected: ClassVar[str] = "finite numbers"
    low: ClassVar[float] = -float(np.finfo(np.float32).max)
    high: ClassVar[float] = float(np.finfo(np.float32).max)

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        array = self.read(name, value)
        dtype = self.dtype(array.dtype)
        if dtype is None:
            many = isinstance(value, (list, tuple, np.ndarray, jax.Array))
            got = array.dtype.name if many else type(value).__name__
            raise refusal(name, self.expected, got, TypeError)
        self.check_shape(name, array.shape, arguments)
        if not isinstance(array, jax.core.Tracer):
            self.check_values(name, np.asarray(array), arguments)
        if array.dtype != dtype:
            array = array.astype(dtype)
        return array if self.numpy or isinstance(array, jax.Array) else jnp.asarray(array)

    def read(self, name: str, value: Any) -> Any:
        """The value as a NumPy or JAX array."""
        got = type(value).__name__
        try:
            return value if isinstance(value, jax.Array) and not self.numpy else np.asarray(value)
        except jax.errors.TracerArrayConversionError:
            if self.numpy:
                raise refusal(name, self.expected, got, TypeError) from None
            return jnp.asarray(value)  # a list of traced numbers
        except (TypeError, ValueError, OverflowError):
            raise refusal(name, self.expected, f"an irregular {got}", TypeError) from None

    def dtype(self, given: Any) -> Any:
        """The dtype to convert to; None if the given one is refused."""
        if given in SUM_TOLERANCE and not self.numpy:
            return given
        real = jnp.issubdtype(given, jnp.floating) or jnp.issubdtype(given, jnp.integer)
        wide = np.float64 if self.numpy else jax.dtypes.canonicalize_dtype(float)
        return wide if real else None

    def check_shape(self, name: str, shape: Shape, arguments: Arguments) -> None:
        if 0 in shape:
            raise refusal(name, "at least one value", f"shape {shape}")
        if self.ndim is not None and len(shape) != self.ndim:
            raise refusal(name, f"a {self.ndim}-dimensional array", f"shape {shape}")
        source, axis = name, self.axis
        if isinstance(axis, str):
            source, axis = axis, _integer(axis, arguments[axis])
        if axis is not None and not shape:
            raise refusal(name, "at least one dimension", "a single number")
        if axis is not None and not -len(shape) <= axis < len(shape):
            raise refusal(source, f"an axis of shape {shape}", axis)
        if self.like is not None and shape != (other := arguments[self.like].shape):
            # An axis counted from the front is the same axis only in arrays of equal rank.
            aligned = axis is None or axis < 0 or len(shape) == len(other)
            same = axis is None or shape[axis] == other[axis]
            if not (aligned and same and _broadcast(shape, other)):
                raise refusal(name, f"a shape like {self.like} {other}", shape)

    def check_values(self, name: str, values: np.ndarray, _arguments: Arguments) -> None:
        _check_range(name, values, self.low, self.high, self.expected)


class Positive(Finite):
    """Numbers above zero; what is so small that the hardware takes it for zero counts as zero."""

    expected = "positive numbers"
    low = float(np.finfo(np.float32).tiny)


class Probability(Finite):
    """Numbers from 0 to 1, each on its own."""

    expected = "probabilities from 0 to 1"
    low, high = 0.0, 1.0 + TOLERANCE


@dataclass(frozen=True, kw_only=True)
class Probabilities(Probability):
    """Distributions: numbers from 0 to 1 whose sum along `axis` is 1 (over everything if None)."""

    axis: int | str | None = -1

    def check_values(self, name: str, values: np.ndarray, arguments: Arguments) -> None:
        if values.min() >= 0:  # so that a sum of 1 leaves no value above 1
            axis = arguments[self.axis] if isinstance(self.axis, str) else self.axis
            sums = np.add.reduce(values, axis=axis, dtype=np.float64)
            error = abs(sums - 1.0)
            if (error.max() if error.ndim else error) <= SUM_TOLERANCE.get(values.dtype, TOLERANCE):
                return
        super().check_values(name, values, arguments)
        along = "" if axis is None else f" along axis {axis}"
        got = f"sum {sums.flat[error.argmax()]:.7g}"
        raise refusal(name, f"probabilities that sum to 1{along}", got)


Joint = functools.partial(Probabilities, axis=None, ndim=2)  # a table of pairs, with sum 1


@dataclass(frozen=True, kw_only=True)
class Labels(Finite):
    """Class labels, integers from 0 to `below` - 1: JAX would clamp the others silently.

    Args:
        below: the number of classes, or the name of an earlier array parameter whose last axis
            holds the classes; then the labels must broadcast with its leading axes.
    """

    below: int | str

    expected: ClassVar[str] = "integer labels"

    def dtype(self, given: Any) -> Any:
        whole = np.int64 if self.numpy else jax.dtypes.canonicalize_dtype(int)
        return whole if jnp.issubdtype(given, jnp.integer) else None

    def check_shape(self, name: str, shape: Shape, arguments: Arguments) -> None:
        super().check_shape(name, shape, arguments)
        rows = arguments[self.below].shape[:-1] if isinstance(self.below, str) else ()
        if not _broadcast(shape, rows):
            raise refusal(name, f"a label for each row of {self.below} {rows}", shape)

    def check_values(self, name: str, values: np.ndarray, arguments: Arguments) -> None:
        below = self.below
        last = (arguments[below].shape[-1] if isinstance(below, str) else below) - 1
        _check_range(name, values, 0, last, f"labels from 0 to {last}")


@dataclass(frozen=True)
class Count:
    """A Python integer of at least `minimum` (and at most `maximum`), such as a number of steps."""

    minimum: int = 1
    maximum: float = float("inf")

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> int:
        number = _integer(name, value)
        if number < self.minimum:
            raise refusal(name, f"an integer of at least {self.minimum}", number)
        if number > self.maximum:
            raise refusal(name, f"an integer of at most {self.maximum}", number)
        return number


class OneOf:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> str:
        choice = " or ".join(map(repr, self.words))
        if not isinstance(value, str):
            raise refusal(name, choice, type(value).__name__, TypeError)
        if value not in self.words:
            raise refusal(name, choice, repr(value))
        return value


class Key:
    """One random key: `jax.random.key(seed)`, or the older raw `jax.random.PRNGKey(seed)`."""

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Any:
        dtype = value.dtype if isinstance(value, jax.Array) else None
        typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
        if not typed and dtype != np.uint32:
            raise refusal(name, "a key like jax.random.key(0)", type(value).__name__, TypeError)
        if value.ndim != (0 if typed else 1):
            raise refusal(name, "one key like jax.random.key(0)", f"shape {value.shape}")
        return value


def _integer(name: str, value: Any) -> int:
    """The value as a Python integer; booleans, floats and traced numbers are refused."""
    with contextlib.suppress(TypeError):
        if not isinstance(value, (bool, np.bool_)):
            return operator.index(value)
    raise refusal(name, "an integer", type(value).__name__, TypeError)


def _check_range(name: str, values: np.ndarray, low: float, high: float, expected: str) -> None:
    least, most = values.min(), values.max()
    if not (low <= least and most <= high):  # NaN fails both
        raise refusal(name, expected, f"{most if low <= least else least:.7g}")


def _broadcast(shape: Shape, other: Shape) -> bool:
    return all(a == b or 1 in (a, b) for a, b in zip(shape[::-1], other[::-1], strict=False))
