"""Points on the line y = 2x + 1, for a model that has nothing to learn but two numbers.

    x ~ uniform on the whole numbers 0, 1, ..., 99,    y = SLOPE x + INTERCEPT

There is no noise: the best line makes no error at all, so what an error is left is the learner's.
Inputs as large as these are what makes the example instructive: the squared error bends some
3,300 times as much along the slope as along the intercept, which therefore comes last.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from course.legacy_checks import Count, Key, checked

SLOPE = 2.0
INTERCEPT = 1.0
HIGHEST = 99
"""The largest x."""


class Line(NamedTuple):
    """Points on the line."""

    x: Float[Array, " points"]
    y: Float[Array, " points"]


@checked(key=Key(), points=Count())
@partial(jax.jit, static_argnames="points")
def simulate(key: PRNGKeyArray, points: int = 10_000) -> Line:
    """Draw points on the line, in random order.

        x ~ uniform on {0, ..., 99},    y = 2x + 1

    Args:
        key: a JAX random key; take another one for points to test on.
        points: how many, at least 1; fixed under `jit` and `vmap`.

    Returns:
        Line with x and y of each point, exact in float32.

    Raises:
        TypeError, ValueError: if `key` is not one key or `points` not an integer of at least 1.

    >>> x, y = simulate(jax.random.key(0), 4)
    >>> print(bool((y == 2 * x + 1).all()), x.shape)
    True (4,)

    Reference: none; it is the smallest regression there is.
    """
    x = jax.random.randint(key, (points,), 0, HIGHEST + 1).astype(jnp.float32)
    return Line(x, SLOPE * x + INTERCEPT)
