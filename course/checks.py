"""Argument checks of public functions: one decorator, and small functions for values.

    @checked(p=probabilities(), unit=one_of("bits", "nats"))
    def entropy_of_last_axis(p: Float[Array, "*batch outcomes"], *, unit: str = "bits"): ...

`checked` converts and checks the arguments that it names, in that order, before the function runs.

- Shape and dtype stand in the jaxtyping annotation and nowhere else. An axis name means one size in
  all arguments of a call (`#name` may also be 1), `*name` any number of axes.
- A list, a tuple, a NumPy or JAX array or a Python number becomes a JAX array, or NumPy float64
  where the annotation says `np.ndarray`. Integers are taken for floats (a one-hot list is a fine
  belief), booleans are not: a mask passed by mistake is likelier.
- A rule looks at the value: `(name, value, arguments) -> value`, with `arguments` by name and
  those checked before already converted. It returns the value, perhaps converted.
- An array that `jit`, `vmap` or `grad` traces has a shape but no values: only the shape is checked,
  while the function is compiled, and costs nothing when it runs.
- A parameter's own default is taken as it is.

Every refusal reads "NAME: expected ..., got ...": a `TypeError` for the wrong kind of thing, a
`ValueError` for a wrong value or shape.
"""

import contextlib
import functools
import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import AbstractArray

TOLERANCE = 1e-4  # how far a probability may exceed 1, or a sum of probabilities miss it
# The floats that keep their dtype, with the tolerance of a sum: two steps of the coarse ones.
SUM_TOLERANCE = {np.dtype("float32"): 1e-4, np.dtype("float16"): 2**-9, np.dtype("bfloat16"): 2**-6}
TINY = float(np.finfo(np.float32).tiny)  # the hardware may take smaller numbers for 0
HUGE = float(np.finfo(np.float32).max)
BELOW_1 = float(np.nextafter(np.float32(1), np.float32(0)))  # the float32 before 1

P = ParamSpec("P")
Result = TypeVar("Result")
Shape = tuple[int, ...]
Sizes = dict[str, int | Shape]
Arguments = Mapping[str, Any]
Rule = Callable[[str, Any, Arguments], Any]


def checked(**rules: Rule) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Convert and check arguments before a function runs; see the module for what is checked.

    Args:
        **rules: the rule of each parameter to be checked.

    >>> from jaxtyping import Array, Float
    >>> @checked(side=positive)
    ... def area(side: Float[Array, "*shape"]):
    ...     return side**2
    >>> area([1, 3]).tolist()
    [1.0, 9.0]
    >>> area(-2)
    Traceback (most recent call last):
        ...
    ValueError: side: expected positive numbers, got -2
    """

    def decorate(function: Callable[P, Result]) -> Callable[P, Result]:
        signature = inspect.signature(function)
        parameters = dict(signature.parameters)
        positional = [n for n, p in parameters.items() if p.kind is not p.KEYWORD_ONLY]
        defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
        arrays = {n: spec for n in rules if (spec := _read_annotation(parameters[n].annotation))}

        @functools.wraps(function)
        def checked_function(*args: P.args, **kwargs: P.kwargs) -> Result:
            # `signature.bind` would take longer than most checks: it is left to the wrong calls.
            given = dict(zip(positional, args, strict=False)) | kwargs
            arguments = defaults | given
            if len(given) < len(args) + len(kwargs) or arguments.keys() != parameters.keys():
                signature.bind(*args, **kwargs)  # raises Python's own message

            sizes: Sizes = {}
            for name, rule in rules.items():
                value = arguments[name]
                if name not in defaults or value is not defaults[name]:
                    spec = arrays.get(name)
                    # The rule sees the values as they came: a conversion could wrap or overflow.
                    value = rule(name, spec.read(name, value, sizes) if spec else value, arguments)
                    arguments[name] = spec.convert(value) if spec else value
            return function(**arguments)  # type: ignore[call-arg]

        return checked_function

    return decorate


def refusal(name: str, expected: str, got: object, kind: type[Exception] = ValueError) -> Exception:
    """Error for a refused argument, in the one form that all messages have."""
    return kind(f"{name}: expected {expected}, got {got}")


# Shape and dtype


class ArraySpec(NamedTuple):
    """Array that an annotation asks for."""

    numpy: bool
    """NumPy instead of JAX, for code that never runs under `jit`."""
    kind: str
    """"float", "int" or "bool"."""
    axes: tuple[str, ...]
    """Axes in jaxtyping's notation, such as ("*batch", "classes")."""

    def read(self, name: str, value: Any, sizes: Sizes) -> Any:
        """Return `value` as an array of its own dtype, or refuse its dtype or shape."""
        array = read_array(name, value, numpy=self.numpy)
        if self.dtype(array.dtype) is None:
            got = array.dtype.name if array.shape else type(value).__name__
            raise refusal(name, KINDS[self.kind][0], got, TypeError)
        if 0 in array.shape:
            raise refusal(name, "at least one value", describe_shape(array.shape))
        check_shape(name, array.shape, self.axes, sizes)
        return array

    def convert(self, array: Any) -> Any:
        """Return an array that was read in the dtype that the function works with."""
        dtype = self.dtype(array.dtype)
        if array.dtype != dtype:
            array = array.astype(dtype)
        return array if self.numpy or isinstance(array, jax.Array) else jnp.asarray(array)

    def dtype(self, given: Any) -> Any:
        """Return the dtype to convert to; None if the given one is refused."""
        _, widest, *accepted = KINDS[self.kind]
        if self.kind == "float" and given in SUM_TOLERANCE and not self.numpy:
            return given
        if not any(jnp.issubdtype(given, kind) for kind in accepted):
            return None
        return np.dtype(widest) if self.numpy else jax.dtypes.canonicalize_dtype(widest)


# Of each kind: the words for it, what it is converted to, and the dtypes that are taken for it.
KINDS: dict[str, tuple[Any, ...]] = {
    "float": ("numbers", float, jnp.floating, jnp.integer),
    "int": ("integers", int, jnp.integer),
    "bool": ("true or false", bool, np.bool_),
}


def _read_annotation(annotation: Any) -> ArraySpec | None:
    """Return the array that a jaxtyping annotation asks for; None for anything else."""
    if not (isinstance(annotation, type) and issubclass(annotation, AbstractArray)):
        return None
    kind = annotation.dtype.__name__.lower()
    return ArraySpec(annotation.array_type is np.ndarray, kind, tuple(annotation.dim_str.split()))


def read_array(name: str, value: Any, *, numpy: bool = False) -> Any:
    """Return the value as a NumPy or JAX array of its own dtype; a JAX array stays one.

    With `numpy` the result is always NumPy's, and traced arrays are refused.
    """
    try:
        return value if isinstance(value, jax.Array) and not numpy else np.asarray(value)
    except jax.errors.TracerArrayConversionError:
        if numpy:
            raise refusal(name, "numbers that are known", type(value).__name__, TypeError) from None
        return jnp.asarray(value)  # a list of traced numbers
    except (TypeError, ValueError, OverflowError):
        raise refusal(name, "numbers", f"an irregular {type(value).__name__}", TypeError) from None


def check_shape(name: str, shape: Shape, axes: tuple[str, ...], sizes: Sizes) -> None:
    """Refuse a shape that does not fit its annotation, or the sizes of earlier arguments.

    Args:
        name: parameter, for the message.
        shape: to check.
        axes: of the annotation; at most one of them is variadic.
        sizes: known so far, by axis name; those of this argument are added.
    """
    known = dict(sizes)
    parts: list[int | Shape] = list(shape)
    many = next((i for i, axis in enumerate(axes) if "*" in axis or axis == "..."), None)
    if many is not None:
        # What the other axes leave, perhaps nothing, is one part.
        end = max(len(shape) - (len(axes) - 1 - many), many)
        parts[many:end] = [shape[many:end]]
    if len(parts) != len(axes) or not all(map(functools.partial(_bind, sizes), axes, parts)):
        raise refusal(name, _describe_axes(axes, known), describe_shape(shape))


def _bind(sizes: Sizes, axis: str, size: int | Shape) -> bool:
    """Note the size of an axis; return False if it contradicts the one that is known."""
    name = axis.strip("*#")
    if name in ("...", "_", ""):
        return True
    known = int(name) if name.isdecimal() else sizes.setdefault(name, size)
    if known == size or "#" not in axis:
        return known == size
    with contextlib.suppress(ValueError):
        both = np.broadcast_shapes(known, size)
        sizes[name] = both if isinstance(size, tuple) else both[0]
        return True
    return False


def describe_shape(shape: Shape) -> str:
    """Return a shape in words."""
    return f"shape {shape}" if shape else "a single number"


def _describe_axes(axes: tuple[str, ...], sizes: Sizes) -> str:
    """Return the axes of an annotation in words, the known sizes as numbers."""
    unknown = ("..." if "*" in axis else axis.strip("#") for axis in axes)
    parts = [sizes.get(axis.strip("*#"), word) for axis, word in zip(axes, unknown, strict=True)]
    inner = ", ".join(filter(None, (str(part).strip("(),") for part in parts)))
    comma = "" if ", " in inner else ","
    return f"shape ({inner}{comma})" if inner else "a single number"


# Values


def check_range(name: str, values: Any, low: float, high: float, expected: str) -> Any:
    """Return the values; refuse some below `low`, above `high` or NaN. Traced ones pass.

    NumPy reads them: ten times as fast as `jax.numpy`.
    """
    if not isinstance(values, jax.core.Tracer):
        array = np.asarray(values)
        least, most = float(array.min()), float(array.max())
        if not (low <= least and most <= high):  # NaN fails both
            raise refusal(name, expected, f"{most if low <= least else least:.7g}")
    return values


def within(low: float, high: float, expected: str) -> Rule:
    """Return a rule for numbers from `low` to `high`, described in words."""
    return lambda name, value, _arguments: check_range(name, value, low, high, expected)


finite = within(-HUGE, HUGE, "finite numbers")  # and finite in float32
positive = within(TINY, HUGE, "positive numbers")
probability = within(0.0, 1.0 + TOLERANCE, "probabilities from 0 to 1")  # each on its own


def probabilities(axis: int | None = -1) -> Rule:
    """Return a rule for distributions: numbers from 0 to 1 with sum 1 along an axis, or in all."""

    def rule(name: str, value: Any, arguments: Arguments) -> Any:
        probability(name, value, arguments)
        if isinstance(value, jax.core.Tracer):
            return value
        values = np.asarray(value)
        sums = np.atleast_1d(np.add.reduce(values, axis=axis, dtype=np.float64))
        error = abs(sums - 1.0)
        if error.max() > SUM_TOLERANCE.get(values.dtype, TOLERANCE):
            where = "" if axis is None else f" along axis {axis}"
            got = f"sum {sums.flat[error.argmax()]:.7g}"
            raise refusal(name, f"probabilities that sum to 1{where}", got)
        return value

    return rule


def labels(below: int | str) -> Rule:
    """Return a rule for class labels from 0: JAX would clamp those out of range silently.

    Args:
        below: number of classes, or an earlier array parameter whose last axis holds them.
    """

    def rule(name: str, value: Any, arguments: Arguments) -> Any:
        classes = arguments[below].shape[-1] if isinstance(below, str) else below
        return check_range(name, value, 0, classes - 1, f"labels from 0 to {classes - 1}")

    return rule


# Single things


def integer(name: str, value: Any) -> int:
    """Return the value as a Python integer; booleans, floats and traced numbers are refused."""
    with contextlib.suppress(TypeError):
        if not isinstance(value, bool | np.bool_):
            return operator.index(value)
    raise refusal(name, "an integer", type(value).__name__, TypeError)


def count(minimum: int = 1, maximum: float = float("inf")) -> Rule:
    """Return a rule for a Python integer within bounds, such as a number of steps."""

    def rule(name: str, value: Any, _arguments: Arguments) -> int:
        n = integer(name, value)
        if not minimum <= n <= maximum:
            bound = f"at least {minimum}" if n < minimum else f"at most {maximum}"
            raise refusal(name, f"an integer of {bound}", n)
        return n

    return rule


def number(expected: str = "a number above 0", low: float = TINY, high: float = HUGE) -> Rule:
    """Return a rule for one number within bounds; it becomes a Python float.

    To a compiled program all floats are one kind of argument, so another value compiles nothing.
    A traced number stays as it is.
    """

    def rule(name: str, value: Any, _arguments: Arguments) -> Any:
        array = read_array(name, value)
        real = any(jnp.issubdtype(array.dtype, kind) for kind in (jnp.floating, jnp.integer))
        if array.shape or not real:
            got = describe_shape(array.shape) if real else type(value).__name__
            raise refusal(name, expected, got, TypeError)
        if isinstance(array, jax.core.Tracer):
            return array.astype(float) if jnp.issubdtype(array.dtype, jnp.integer) else array
        return float(check_range(name, array, low, high, expected))

    return rule


def one_of(*words: str) -> Rule:
    """Return a rule for one of a few words."""
    choice = " or ".join(map(repr, words))

    def rule(name: str, value: Any, _arguments: Arguments) -> str:
        if not isinstance(value, str):
            raise refusal(name, choice, type(value).__name__, TypeError)
        if value not in words:
            raise refusal(name, choice, repr(value))
        return value

    return rule


def key(name: str, value: Any, _arguments: Arguments) -> Any:
    """Rule for one random key: `jax.random.key(seed)` or a raw `jax.random.PRNGKey(seed)`."""
    dtype = value.dtype if isinstance(value, jax.Array) else None
    typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if not typed and dtype != np.uint32:
        raise refusal(name, "a key like jax.random.key(0)", type(value).__name__, TypeError)
    if value.ndim != (0 if typed else 1):
        raise refusal(name, "one key like jax.random.key(0)", describe_shape(value.shape))
    return value


def instance(kind: Any, expected: str = "") -> Rule:
    """Return a rule for a value of one class, or of several (`int | None`), with words for it."""

    def rule(name: str, value: Any, _arguments: Arguments) -> Any:
        if not isinstance(value, kind):
            raise refusal(name, expected or kind.__name__, type(value).__name__, TypeError)
        return value

    return rule


flag = instance(bool | np.bool_, "True or False")
text = instance(str, "a string")
function = functools.partial(instance, Callable)  # function("a function (x, y)") is a rule
