"""Forecasts of tomorrow's sky: one row of probabilities for each reading of the barometer.

The parameters of every forecaster here are a table, and applying it means looking up a row. What
differs is where the table comes from: `fit` counts, `climatology` counts without looking at the
barometer, `point` keeps only the likeliest sky of each row. There is no `init`: counting finds
the table in one go, without a first guess to improve.
"""

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from course.data.weather import BAROMETERS, SKIES
from course.legacy_checks import (
    Arguments,
    Labels,
    Positive,
    Probabilities,
    Shape,
    checked,
    refusal,
)

Table: TypeAlias = Float[Array, "barometers skies"]
PseudoCount: TypeAlias = float | Float[Array, ""]


class _Table(Probabilities):
    """A forecast for each barometer."""

    def check_shape(self, name: str, shape: Shape, _arguments: Arguments) -> None:
        if shape != (wanted := (len(BAROMETERS), len(SKIES))):
            raise refusal(name, f"shape {wanted}", f"shape {shape}")


@checked(
    barometer=Labels(below=len(BAROMETERS), ndim=1),
    sky=Labels(below=len(SKIES), ndim=1, like="barometer", axis=-1),
    pseudo_count=Positive(ndim=0),
)
@jax.jit
def fit(
    barometer: Int[Array, " days"], sky: Int[Array, " days"], *, pseudo_count: PseudoCount = 1.0
) -> Table:
    """Learn the forecast for each barometer by counting.

        p(sky | barometer) = (days with both + a) / (days with barometer + 3a),   a = pseudo_count

    Args:
        barometer: labels of the evening barometer, one for each day.
        sky: labels of the next day's sky, one for each day.
        pseudo_count: days added to each of the nine counts before any was seen, above 0. It keeps
            what was never seen possible, and a barometer never seen gets the even forecast.

    Returns:
        A table with a row for each barometer and a column for each sky; every row sums to one.

    Raises:
        TypeError: if a label is not a whole number.
        ValueError: if a label is out of range, `sky` is not as long as `barometer`, or
            `pseudo_count` is not above 0.

    >>> import numpy as np
    >>> print(np.asarray(fit([0, 0, 2], [2, 2, 0])).round(2))
    [[0.2  0.2  0.6 ]
     [0.33 0.33 0.33]
     [0.5  0.25 0.25]]

    Reference: A. Gelman et al., Bayesian Data Analysis (3rd ed., 2013), section 3.4: the mean of
    the posterior under a Dirichlet prior whose parameters are all `pseudo_count`.
    """
    counts = jnp.zeros((len(BAROMETERS), len(SKIES))).at[barometer, sky].add(1)
    return _shares(counts + pseudo_count)


@checked(sky=Labels(below=len(SKIES), ndim=1), pseudo_count=Positive(ndim=0))
@jax.jit
def climatology(sky: Int[Array, " days"], *, pseudo_count: PseudoCount = 1.0) -> Table:
    """Learn one forecast for all days, the baseline that never looks at the barometer.

        p(sky) = (days with the sky + a) / (days + 3a),   a = pseudo_count

    Args:
        sky: labels of the sky, one for each day.
        pseudo_count: days added to each of the three counts before any was seen, above 0.

    Returns:
        A table like that of `fit`, with the same row for every barometer.

    Raises:
        TypeError: if a label is not a whole number.
        ValueError: if a label is out of range, or `pseudo_count` is not above 0.

    >>> import numpy as np
    >>> print(np.asarray(climatology([0, 0, 2])).round(2))
    [[0.5  0.17 0.33]
     [0.5  0.17 0.33]
     [0.5  0.17 0.33]]

    Reference: D. S. Wilks, Statistical Methods in the Atmospheric Sciences (4th ed., 2019),
    chapter 9: climatology as the reference forecast.
    """
    counts = jnp.zeros(len(SKIES)).at[sky].add(1)
    return jnp.broadcast_to(_shares(counts + pseudo_count), (len(BAROMETERS), len(SKIES)))


@checked(table=_Table())
@jax.jit
def point(table: Table) -> Table:
    """Turn each row into a point forecast: all probability on its likeliest sky.

        q(sky | barometer) = 1 if sky is the mode of the row, else 0    (of two modes, the first)

    Args:
        table: probabilities, a row for each barometer and a column for each sky.

    Returns:
        A table of the same shape, of zeros and ones.

    Raises:
        TypeError: if `table` does not hold numbers.
        ValueError: if `table` has another shape or a row is not a distribution.

    >>> from course.data.weather import CONDITIONAL
    >>> print(point(CONDITIONAL))
    [[0. 0. 1.]
     [0. 1. 0.]
     [1. 0. 0.]]

    Reference: T. Gneiting, Making and Evaluating Point Forecasts, Journal of the American
    Statistical Association 106 (2011), 746-762.
    """
    return jax.nn.one_hot(jnp.argmax(table, axis=-1), len(SKIES))


@checked(table=_Table(), barometer=Labels(below=len(BAROMETERS)))
@jax.jit
def apply(table: Table, barometer: Int[Array, "*days"]) -> Float[Array, "*days skies"]:
    """Forecast tomorrow's sky from the barometer: the table's row.

        q(sky) = table[barometer, sky]

    Args:
        table: probabilities, a row for each barometer and a column for each sky.
        barometer: labels of the evening barometer: one, or an array of any shape.

    Returns:
        For each label a forecast of the three skies, along a new last axis.

    Raises:
        TypeError: if a label is not a whole number.
        ValueError: if a label is out of range, or `table` is not as described.

    >>> from course.data.weather import CONDITIONAL
    >>> import numpy as np
    >>> print(np.asarray(apply(CONDITIONAL, 0)).round(2))
    [0.05 0.3  0.65]

    Reference: none; it is a look-up.
    """
    return table[barometer]


def _shares(counts: Float[Array, "*rows skies"]) -> Float[Array, "*rows skies"]:
    return counts / counts.sum(axis=-1, keepdims=True)
