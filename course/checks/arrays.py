"""Shapes and dtypes of arrays, as jaxtyping's annotations ask for them."""

import contextlib
import functools
import itertools
import operator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import AbstractArray

from course.checks.refusals import describe_error, describe_integer, is_refusal, refusal

Shape = tuple[int, ...]
Sizes = dict[str, int | Shape]

# A number of examples, steps or the like is at most this: an array of as many pairs of float64
# takes 256 MiB.
MOST = 2**24
# As many numbers has an array at most whose size follows from arguments: 512 MiB in float32.
MOST_NUMBERS = 2**27
MOST_GIVEN = 2**31 - 1  # numbers in an array that is given, which JAX counts in int32
MOST_AXES = 32  # that JAX can handle

# The floats that keep their dtype in JAX.
NARROW = (np.dtype("float32"), np.dtype("float16"), np.dtype("bfloat16"))
# Of each kind: the words for it, what it is converted to, and the kinds that are taken for it.
KINDS: dict[str, tuple[str, type, tuple[str, ...]]] = {
    "float": ("numbers", float, ("float", "int")),
    "int": ("integers", int, ("int",)),
    "bool": ("true or false", bool, ("bool",)),
}


@functools.lru_cache(maxsize=256)
def kind_of(dtype: Any) -> str:
    """Return "float", "int" or "bool"; nothing for a dtype of anything else."""
    # To NumPy a difference of dates is a signed integer.
    if jnp.issubdtype(dtype, np.timedelta64) or jnp.issubdtype(dtype, jax.dtypes.extended):
        return ""
    kinds = {"float": jnp.floating, "int": jnp.integer, "bool": np.bool_}
    return next((kind for kind, generic in kinds.items() if jnp.issubdtype(dtype, generic)), "")


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
            raise refusal(name, KINDS[self.kind][0], describe_kind(value, array), TypeError)
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
        _, widest, accepted = KINDS[self.kind]
        if kind_of(given) not in accepted:
            return None
        if self.numpy:
            return np.dtype(widest)
        keeps = self.kind == "float" and given in NARROW
        return given if keeps else jax.dtypes.canonicalize_dtype(widest)


def read_annotation(annotation: Any) -> ArraySpec | None:
    """Return the array that a jaxtyping annotation asks for; None for anything else."""
    if not (isinstance(annotation, type) and issubclass(annotation, AbstractArray)):
        return None
    kind = annotation.dtype.__name__.lower()
    return ArraySpec(annotation.array_type is np.ndarray, kind, tuple(annotation.dim_str.split()))


def read_array(name: str, value: Any, *, numpy: bool = False) -> Any:
    """Return the value as a NumPy or JAX array of its own dtype; a JAX array stays one.

    With `numpy` the result is always NumPy's, and traced arrays are refused.
    """
    if not numpy and isinstance(value, jax.Array):
        return value
    try:
        # NumPy would believe a list that claims to be endless, until the memory is full.
        length = operator.length_hint(value)
        if length <= MOST_NUMBERS:
            _check_length(name, value, length)
            array = np.asarray(value)
    except jax.errors.TracerArrayConversionError:
        return _read_traced(name, value, numpy=numpy)
    except Exception as error:  # an object may raise anything when it is converted
        if is_refusal(error):
            raise
        irregular = isinstance(value, list | tuple) and isinstance(error, ValueError)
        got = f"an irregular {type(value).__name__}"
        raised = f"{type(value).__name__}, which raises {describe_error(error)}"
        raise refusal(name, "numbers", got if irregular else raised, TypeError) from None
    if length > MOST_NUMBERS:
        raise refusal(name, f"at most {MOST_NUMBERS} values", length)
    if array.size > MOST_GIVEN:  # a view, perhaps, that repeats few numbers
        raise refusal(name, f"at most {MOST_GIVEN} values in all", describe_shape(array.shape))
    if array.ndim > MOST_AXES:
        raise refusal(name, f"at most {MOST_AXES} axes", array.ndim)
    if type(value) is not np.ndarray and _holds_masks(value, array.ndim):
        raise refusal(name, "an array without a mask", type(value).__name__, TypeError)
    return array


def _check_length(name: str, value: Any, length: int) -> None:
    """Refuse an object like a list that goes on after its end: NumPy would go on, too."""
    listed = isinstance(value, list | tuple | memoryview) or hasattr(value, "__array__")
    if listed or not hasattr(value, "__getitem__"):
        return
    if any(True for _ in itertools.islice(value, length, length + 1)):
        raise refusal(name, f"{length} values, as its length says", "more")


def _read_traced(name: str, value: Any, *, numpy: bool) -> Any:
    """Return a list of traced numbers as an array."""
    if numpy:
        raise refusal(name, "numbers that are known", type(value).__name__, TypeError)
    try:
        return jnp.asarray(value)
    except Exception as error:
        got = f"{type(value).__name__}, which raises {describe_error(error)}"
        raise refusal(name, "numbers", got, TypeError) from None


def _holds_masks(value: Any, depth: int) -> bool:
    """Return True for a masked array, also in lists, where NumPy would drop what it masks."""
    if isinstance(value, list | tuple) and depth > 1:
        return any(_holds_masks(item, depth - 1) for item in value)
    return isinstance(value, np.ma.MaskedArray)


def read_known(name: str, value: Any, expected: str) -> np.ndarray:
    """Return the values as a NumPy array; refuse traced ones, and those of a deleted array."""
    try:
        return np.asarray(value)
    except Exception as error:
        got = f"{type(value).__name__}, which raises {describe_error(error)}"
        raise refusal(name, expected, got, TypeError) from None


def check_size(name: str, what: str, *sizes: int, most: int = MOST_NUMBERS) -> None:
    """Refuse sizes whose product would be more numbers than an array should have."""
    total = functools.reduce(operator.mul, sizes, 1)
    if total > most:
        got = " x ".join(map(describe_integer, sizes))
        raise refusal(name, f"at most {most} {what} in all", got)


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


def describe_kind(value: Any, array: Any) -> str:
    """Return what came in the place of numbers, in a word."""
    if type(value) is int:
        return describe_integer(value)
    return str(array.dtype.name) if array.shape else type(value).__name__


def _describe_axes(axes: tuple[str, ...], sizes: Sizes) -> str:
    """Return the axes of an annotation in words, the known sizes as numbers."""
    unknown = ("..." if "*" in axis else axis.strip("#") for axis in axes)
    parts = [sizes.get(axis.strip("*#"), word) for axis, word in zip(axes, unknown, strict=True)]
    inner = ", ".join(filter(None, (str(part).strip("(),") for part in parts)))
    comma = "" if ", " in inner else ","
    return f"shape ({inner}{comma})" if inner else "a single number"
