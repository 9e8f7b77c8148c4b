"""Rules for the numbers in an array."""

from typing import Any

import jax
import numpy as np

from course.checks.arrays import NARROW
from course.checks.decorator import Arguments, Rule
from course.checks.refusals import refusal

TOLERANCE = 1e-4  # how far a probability may exceed 1, or a sum of probabilities miss it
# The tolerance of a sum in the floats that keep their dtype: two steps of the coarse ones.
SUM_TOLERANCE = dict(zip(NARROW, (1e-4, 2**-9, 2**-6), strict=True))
TINY = float(np.finfo(np.float32).tiny)  # the hardware may take smaller numbers for 0
HUGE = float(np.finfo(np.float32).max)
BELOW_1 = float(np.nextafter(np.float32(1), np.float32(0)))  # the float32 before 1

LEAST, MOST = np.minimum.reduce, np.maximum.reduce  # half the time of `min` and `max`


def check_range(name: str, values: Any, low: float, high: float, expected: str) -> Any:
    """Return the values; refuse some below `low`, above `high` or NaN. Traced ones pass.

    NumPy reads them: ten times as fast as `jax.numpy`.
    """
    if not isinstance(values, jax.core.Tracer):
        array = np.asarray(values)
        # As Python's floats: a bound would become infinite in float16.
        least, most = float(LEAST(array, None)), float(MOST(array, None))
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


def single_precision(rule: Rule) -> Rule:
    """Return the rule for numbers that are computed in float32 at least.

    The logarithms of a belief, say, would leave the range of float16.
    """

    def wide(name: str, value: Any, arguments: Arguments) -> Any:
        value = rule(name, value, arguments)
        return value.astype(np.float32) if value.dtype.itemsize < 4 else value

    return wide
