"""Simulated weather with a known distribution: tomorrow's sky given this evening's barometer.

Each day the evening barometer is falling, steady or rising, and tomorrow is sunny, cloudy or rainy:

    barometer ~ BAROMETER_SHARES        sky | barometer ~ CONDITIONAL[barometer]

Days are independent of each other, and so are their skies given the barometers. That is all that
is simulated, and it is what makes the data useful: the best possible forecast, CONDITIONAL, is
known, so any other forecast can be compared with the truth and not only with another guess.

Real weather differs in every respect: a rainy day tends to follow a rainy day, seasons turn, a
barometer has a reading in hectopascals and not three words, and nobody knows the true conditional.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from course.checks import checked, count, key

BAROMETERS = ("falling", "steady", "rising")  # a barometer label is a position in this tuple
SKIES = ("sun", "cloud", "rain")  # a sky label is a position in this tuple


def _read_only(shares: list[float] | list[list[float]]) -> Float[np.ndarray, "..."]:
    """Return an array that cannot be written to."""
    array = np.array(shares)
    array.setflags(write=False)
    return array


# p(barometer), read-only.
BAROMETER_SHARES = _read_only([0.3, 0.4, 0.3])

# p(sky | barometer), read-only: one row for each barometer, one column for each sky.
CONDITIONAL = _read_only(
    [
        [0.05, 0.30, 0.65],
        [0.30, 0.50, 0.20],
        [0.95, 0.04, 0.01],
    ]
)


class Weather(NamedTuple):
    """Labels of the barometer on each evening and of the sky on the day after."""

    barometer: Int[Array, " days"]
    """Position in BAROMETERS."""
    sky: Int[Array, " days"]
    """Position in SKIES."""


@checked(key=key, days=count())
@partial(jax.jit, static_argnames="days")
def simulate(key: PRNGKeyArray, days: int) -> Weather:
    """Simulate evenings and the skies of the days after.

        barometer ~ BAROMETER_SHARES,    sky ~ CONDITIONAL[barometer],    every day independently

    The labels depend on the key alone, not on the processor: uniform numbers are compared with
    cumulative shares, and neither needs rounding that processors might do differently.

    Args:
        key: a JAX random key.
        days: number of days, at least 1; static under `jit` and `vmap`.

    Returns:
        Weather with one barometer and one sky for each day. More days of the same key begin with
        the same days.

    >>> weather = simulate(jax.random.key(0), 4)
    >>> for barometer, sky in zip(weather.barometer, weather.sky):
    ...     print(BAROMETERS[barometer], "then", SKIES[sky])
    rising then sun
    falling then sun
    falling then rain
    falling then rain

    Reference: the inverse-transform method, for instance L. Devroye, Non-Uniform Random Variate
    Generation (1986), chapter III.
    """
    key_barometer, key_sky = jax.random.split(key)
    barometer = _draw(key_barometer, days, jnp.float32(np.cumsum(BAROMETER_SHARES)))
    sky = _draw(key_sky, days, jnp.float32(np.cumsum(CONDITIONAL, axis=1))[barometer])
    return Weather(barometer, sky)


def _draw(
    key: PRNGKeyArray, days: int, cumulative: Float[Array, "*shape outcomes"]
) -> Int[Array, " days"]:
    """Draw one outcome a day: the number of cumulative shares that a uniform number exceeds."""
    uniform = jax.random.uniform(key, (days, 1), dtype=jnp.float32)
    return jnp.sum(uniform >= cumulative[..., :-1], axis=1)
