"""Points on the line y = 2x + 1, to which a model with two parameters is fitted.

    x ~ uniform on the integers 0, 1, ..., 99,    y = SLOPE x + INTERCEPT

There is no noise: the best line has zero error, so any error that remains comes from training. The
inputs are large, so the problem is ill-conditioned: the squared error has about 3,300 times as much
curvature along the slope as along the intercept, and the intercept converges last.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from course.checks import checked, count, key

SLOPE = 2.0
INTERCEPT = 1.0
HIGHEST = 99  # the largest x


class LinePoints(NamedTuple):
    """Points on the line."""

    x: Float[Array, " points"]
    y: Float[Array, " points"]


@checked(key=key, points=count())
@partial(jax.jit, static_argnames="points")
def simulate(key: PRNGKeyArray, points: int = 10_000) -> LinePoints:
    """Draw points on the line, in random order.

        x ~ uniform on {0, ..., 99},    y = 2x + 1

    Args:
        key: a JAX random key; take another one for points to test on.
        points: number of points, at least 1; static under `jit` and `vmap`.

    Returns:
        LinePoints with x and y of each point, exact in float32.

    >>> x, y = simulate(jax.random.key(0), 4)
    >>> print(bool((y == 2 * x + 1).all()), x.shape)
    True (4,)
    """
    x = jax.random.randint(key, (points,), 0, HIGHEST + 1).astype(jnp.float32)
    return LinePoints(x, SLOPE * x + INTERCEPT)
