"""Forecasts of tomorrow's sky: one row of probabilities for each reading of the barometer.

The parameters are a table of shares, and applying it means looking up a row. Counting needs no
`init`.
"""

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from course.checks import checked, labels, probabilities
from course.data.weather import BAROMETERS, SKIES
from course.models.inputs import PSEUDO_COUNT

Table: TypeAlias = Float[Array, "3 3"]  # a row for each barometer, a column for each sky


@checked(barometer=labels(len(BAROMETERS)), sky=labels(len(SKIES)), pseudo_count=PSEUDO_COUNT)
@jax.jit
def fit(
    barometer: Int[Array, " days"],
    sky: Int[Array, " days"],
    *,
    pseudo_count: float | Float[Array, ""] = 1.0,
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

    >>> import numpy as np
    >>> print(np.asarray(fit([0, 0, 2], [2, 2, 0])).round(2))
    [[0.2  0.2  0.6 ]
     [0.33 0.33 0.33]
     [0.5  0.25 0.25]]

    Reference: A. Gelman et al., Bayesian Data Analysis (3rd ed., 2013), section 3.4: the mean of
    the posterior under a Dirichlet prior whose parameters are all `pseudo_count`.
    """
    counts = jnp.zeros((len(BAROMETERS), len(SKIES))).at[barometer, sky].add(1)
    counts = counts + pseudo_count
    return counts / counts.sum(axis=-1, keepdims=True)


@checked(table=probabilities(), barometer=labels(len(BAROMETERS)))
@jax.jit
def apply(table: Table, barometer: Int[Array, "*days"]) -> Float[Array, "*days skies"]:
    """Forecast tomorrow's sky from the barometer: the table's row.

        q(sky) = table[barometer, sky]

    Args:
        table: probabilities, a row for each barometer and a column for each sky.
        barometer: labels of the evening barometer: one, or an array of any shape.

    Returns:
        For each label a forecast of the three skies, along a new last axis.

    >>> from course.data.weather import CONDITIONAL
    >>> import numpy as np
    >>> print(np.asarray(apply(CONDITIONAL, 0)).round(2))
    [0.05 0.3  0.65]
    """
    return table[barometer]
