"""What a figure accepts as numbers."""

from collections.abc import Sequence, Sized
from typing import SupportsFloat

import numpy as np
from numpy.typing import ArrayLike, NDArray


def numbers(
    name: str, values: ArrayLike, *, ndim: Sequence[int], infinite: bool = False
) -> NDArray[np.float64]:
    """Returns `values` (a list, a NumPy or a JAX array) as an array of floats.

    Args:
      name: of the parameter, for the message.
      values: to convert.
      ndim: the numbers of dimensions that fit.
      infinite: whether infinity is a value; NaN never is.

    Raises:
      TypeError: these are no numbers.
      ValueError: the shape does not fit, or a value is not finite.

    >>> numbers("p", [1, 0], ndim=[1])
    array([1., 0.])
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" and array.dtype.name != "bfloat16":
        raise TypeError(f"{name}: expected numbers, got {array.dtype}")
    if array.ndim not in ndim or array.size == 0:
        allowed = " or ".join(str(n) for n in ndim)
        raise ValueError(f"{name}: expected {allowed} dimensions, got shape {array.shape}")
    array = array.astype(np.float64)
    if np.isnan(array).any() or not (infinite or np.isfinite(array).all()):
        raise ValueError(f"{name}: expected finite numbers, got {array}")
    return array


def number(
    name: str,
    value: SupportsFloat,
    *,
    low: SupportsFloat = float("-inf"),
    high: SupportsFloat = float("inf"),
) -> float:
    """Returns a single value as a float.

    Raises:
      TypeError: it is no number.
      ValueError: it is not finite, or not between `low` and `high`.

    >>> number("height", np.float32(0.5), low=0)
    0.5
    """
    converted = float(numbers(name, np.asarray(value), ndim=[0]))
    if not float(low) <= converted <= float(high):
        raise ValueError(f"{name}: expected a number from {low} to {high}, got {converted}")
    return converted


def same_length(name: str, given: Sized, expected: int, what: str) -> None:
    """Raises ValueError unless `given` has as many items as there are of `what`."""
    if len(given) != expected:
        raise ValueError(f"{name}: expected {expected}, one for each {what}, got {len(given)}")
