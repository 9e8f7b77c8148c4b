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
                if name in defaults and value is defaults[name]:
                    continue
                if name in arrays:
                    # The rule sees the values as they came: a conversion could wrap or overflow.
                    array = rule(name, arrays[name].read(name, value, sizes), arguments)
                    arguments[name] = arrays[name].convert(array)
                else:
                    arguments[name] = rule(name, value, arguments)
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
            many = isinstance(value, list | tuple | np.ndarray | jax.Array)
            got = array.dtype.name if many else type(value).__name__
            raise refusal(name, KINDS[self.kind], got, TypeError)
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
        if self.kind == "bool":
            return np.bool_ if given == np.bool_ else None
        if self.kind == "float" and given in SUM_TOLERANCE and not self.numpy:
            return given
        integer = jnp.issubdtype(given, jnp.integer)
        if self.kind == "int":
            whole = np.int64 if self.numpy else jax.dtypes.canonicalize_dtype(int)
            return whole if integer else None
        wide = np.float64 if self.numpy else jax.dtypes.canonicalize_dtype(float)
        return wide if integer or jnp.issubdtype(given, jnp.floating) else None


KINDS = {"float": "numbers", "int": "integers", "bool": "true or false"}


def _read_annotation(annotation: Any) -> ArraySpec | None:
    """Return the array that a jaxtyping annotation asks for; None for anything else."""
    if not (isinstance(annotation, type) and issubclass(annotation, AbstractArray)):
        return None
    kind = annotation.dtype.__name__.lower()
    return ArraySpec(annotation.array_type is np.ndarray, kind, tuple(annotation.dim_str.split()))


def read_array(name: str, value: Any, *, numpy: bool = False) -> Any:
    """Return the value as a NumPy or JAX array of its own dtype; a JAX array stays one.

    Args:
        name: parameter, for the message.
        value: number, list, tuple or array.
        numpy: refuse traced arrays, and return NumPy only.
    """
    got = type(value).__name__
    try:
        return value if isinstance(value, jax.Array) and not numpy else np.asarray(value)
    except jax.errors.TracerArrayConversionError:
        if numpy:
            raise refusal(name, "numbers that are known", got, TypeError) from None
        return jnp.asarray(value)  # a list of traced numbers
    except (TypeError, ValueError, OverflowError):
        raise refusal(name, "numbers", f"an irregular {got}", TypeError) from None


def check_shape(name: str, shape: Shape, axes: tuple[str, ...], sizes: Sizes) -> None:
    """Refuse a shape that does not fit its annotation, or the sizes of earlier arguments.

    Args:
        name: parameter, for the message.
        shape: to check.
        axes: of the annotation; at most one of them is variadic.
        sizes: known so far, by axis name; those of this argument are added.
    """
    many = next((i for i, axis in enumerate(axes) if "*" in axis or axis == "..."), None)
    surplus = len(shape) - len(axes)
    fits = surplus == 0 if many is None else surplus >= -1
    if fits:
        parts: list[int | Shape] = list(shape)
        if many is not None:
            parts[many : many + surplus + 1] = [shape[many : many + surplus + 1]]
        fits = all(_bind(axis, part, sizes) for axis, part in zip(axes, parts, strict=True))
    if not fits:
        raise refusal(name, _describe_axes(axes, sizes), describe_shape(shape))


def _bind(axis: str, size: int | Shape, sizes: Sizes) -> bool:
    """Note the size of an axis; return False if it contradicts the one that is known."""
    name = axis.strip("*#")
    if name in ("...", "_", ""):
        return True
    if name.isdecimal():
        return size == int(name)
    known = sizes.setdefault(name, size)
    if known == size or "#" not in axis:
        return known == size
    try:
        broadcast = np.broadcast_shapes(known, size)
    except ValueError:
        return False
    sizes[name] = broadcast if isinstance(size, tuple) else broadcast[0]
    return True


def describe_shape(shape: Shape) -> str:
    """Return a shape in words."""
    return f"shape {shape}" if shape else "a single number"


def _describe_axes(axes: tuple[str, ...], sizes: Sizes) -> str:
    """Return the axes of an annotation in words, the known sizes as numbers."""
    words: list[str] = []
    for axis in axes:
        name = axis.strip("*#")
        size = sizes.get(name, "..." if "*" in axis else name)
        words += map(str, size) if isinstance(size, tuple) else [str(size)]
    if not words:
        return "a single number"
    return f"shape ({words[0]},)" if len(words) == 1 else f"shape ({', '.join(words)})"


# Values


def check_range(name: str, values: Any, low: float, high: float, expected: str) -> None:
    """Refuse values below `low`, above `high` or NaN; traced ones pass.

    NumPy reads them: ten times as fast as `jax.numpy`.
    """
    if isinstance(values, jax.core.Tracer):
        return
    array = np.asarray(values)
    least, most = array.min(), array.max()
    if not (low <= least and most <= high):  # NaN fails both
        raise refusal(name, expected, f"{most if low <= least else least:.7g}")


def finite(name: str, value: Any, _arguments: Arguments) -> Any:
    """Rule for numbers that are neither NaN nor infinite, nor so in float32."""
    check_range(name, value, -HUGE, HUGE, "finite numbers")
    return value


def positive(name: str, value: Any, _arguments: Arguments) -> Any:
    """Rule for numbers above 0."""
    check_range(name, value, TINY, HUGE, "positive numbers")
    return value


def probability(name: str, value: Any, _arguments: Arguments) -> Any:
    """Rule for numbers from 0 to 1, each on its own."""
    check_range(name, value, 0.0, 1.0 + TOLERANCE, "probabilities from 0 to 1")
    return value


def probabilities(axis: int | str | None = -1, *, like: str | None = None) -> Rule:
    """Return a rule for distributions: numbers from 0 to 1 with sum 1.

    Args:
        axis: along which the sum is 1, or the parameter that holds it; None for all axes.
        like: an earlier parameter that must have as many outcomes along the axis.
    """

    def rule(name: str, value: Any, arguments: Arguments) -> Any:
        source, along = (axis, arguments[axis]) if isinstance(axis, str) else (name, axis)
        if along is not None:
            along = check_axis(source, along, value.shape)
            if like and value.shape[along:][:1] != arguments[like].shape[along:][:1]:
                wanted = f"a shape like {like} {arguments[like].shape}"
                raise refusal(name, wanted, describe_shape(value.shape))
        if isinstance(value, jax.core.Tracer):
            return value
        # Where nothing is negative, a sum of 1 leaves no value above 1.
        values = np.asarray(value)
        sums = np.atleast_1d(np.add.reduce(values, axis=along, dtype=np.float64))
        error = abs(sums - 1.0)
        if not (values.min() >= 0 and error.max() <= SUM_TOLERANCE.get(values.dtype, TOLERANCE)):
            probability(name, values, arguments)
            where = "" if along is None else f" along axis {along}"
            worst = sums.flat[error.argmax()]
            raise refusal(name, f"probabilities that sum to 1{where}", f"sum {worst:.7g}")
        return value

    return rule


def check_axis(name: str, axis: Any, shape: Shape) -> int:
    """Return an axis of `shape` counted from the end, or refuse it."""
    place = integer(name, axis)
    if not shape:
        raise refusal(name, "at least one dimension", "a single number")
    if not -len(shape) <= place < len(shape):
        raise refusal(name, f"an axis of shape {shape}", place)
    return place if place < 0 else place - len(shape)


def labels(below: int | str) -> Rule:
    """Return a rule for class labels from 0: JAX would clamp those out of range silently.

    Args:
        below: number of classes, or an earlier array parameter whose last axis holds them.
    """

    def rule(name: str, value: Any, arguments: Arguments) -> Any:
        classes = arguments[below].shape[-1] if isinstance(below, str) else below
        check_range(name, value, 0, classes - 1, f"labels from 0 to {classes - 1}")
        return value

    return rule


def paired(*others: str, rule: Rule = finite, own: int = 0, theirs: int = 0) -> Rule:
    """Return a rule for one value for each example of other arrays, or a single one for all.

    Nothing else broadcasts: predictions of shape (batch, 1) and targets of shape (batch,) would
    silently make (batch, batch) losses, each prediction held against each target.

    Args:
        *others: earlier parameters.
        rule: for the values.
        own: number of the value's last axes that belong to one example.
        theirs: the same of the others.
    """

    def check(name: str, value: Any, arguments: Arguments) -> Any:
        rows = value.ndim - own
        for other in others:
            examples = arguments[other].shape[: arguments[other].ndim - theirs]
            if rows and examples and value.shape[:rows] != examples:
                wanted = f"shape {examples + value.shape[rows:]} to go with {other}"
                raise refusal(name, wanted, describe_shape(value.shape))
        return rule(name, value, arguments)

    return check


# Single things


def integer(name: str, value: Any) -> int:
    """Return the value as a Python integer; booleans, floats and traced numbers are refused."""
    with contextlib.suppress(TypeError):
        if not isinstance(value, bool | np.bool_):
            return operator.index(value)
    raise refusal(name, "an integer", type(value).__name__, TypeError)


def count(minimum: int = 1, maximum: int | None = None) -> Rule:
    """Return a rule for a Python integer within bounds, such as a number of steps."""

    def rule(name: str, value: Any, _arguments: Arguments) -> int:
        n = integer(name, value)
        if n < minimum:
            raise refusal(name, f"an integer of at least {minimum}", n)
        if maximum is not None and n > maximum:
            raise refusal(name, f"an integer of at most {maximum}", n)
        return n

    return rule


def number(expected: str = "a number above 0", low: float = TINY, high: float = HUGE) -> Rule:
    """Return a rule for one number within bounds; it becomes a Python float.

    To a compiled program all floats are one kind of argument, so another value compiles nothing.
    A traced number stays as it is.
    """

    def rule(name: str, value: Any, _arguments: Arguments) -> Any:
        array = read_array(name, value)
        real = jnp.issubdtype(array.dtype, jnp.floating) or jnp.issubdtype(array.dtype, jnp.integer)
        if not real:
            raise refusal(name, expected, type(value).__name__, TypeError)
        if array.shape:
            raise refusal(name, expected, describe_shape(array.shape), TypeError)
        if isinstance(array, jax.core.Tracer):
            return array.astype(jnp.promote_types(array.dtype, np.float32))
        check_range(name, array, low, high, expected)
        return float(array)

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


def instance(kind: type[Any]) -> Rule:
    """Return a rule for a value of one class, such as one of the course's own tuples."""

    def rule(name: str, value: Any, _arguments: Arguments) -> Any:
        if not isinstance(value, kind):
            raise refusal(name, kind.__name__, type(value).__name__, TypeError)
        return value

    return rule


def function(expected: str) -> Rule:
    """Return a rule for a function, described in words such as "a function (x, y)"."""

    def rule(name: str, value: Any, _arguments: Arguments) -> Any:
        if not callable(value):
            raise refusal(name, expected, type(value).__name__, TypeError)
        return value

    return rule


def flag(name: str, value: Any, _arguments: Arguments) -> bool:
    """Rule for True or False."""
    if not isinstance(value, bool | np.bool_):
        raise refusal(name, "True or False", type(value).__name__, TypeError)
    return bool(value)


def text(name: str, value: Any, _arguments: Arguments) -> str:
    """Rule for a string."""
    if not isinstance(value, str):
        raise refusal(name, "a string", type(value).__name__, TypeError)
    return value


def texts(name: str, value: Any, _arguments: Arguments) -> tuple[str, ...]:
    """Rule for at least one string, in a list or the like; becomes a tuple."""
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        raise refusal(name, "a list of strings", type(value).__name__, TypeError)
    strings = tuple(value)
    for string in strings:
        if not isinstance(string, str):
            raise refusal(name, "a list of strings", f"a {type(string).__name__} in it", TypeError)
    if not strings:
        raise refusal(name, "at least one string", "none")
    return strings
