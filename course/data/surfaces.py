"""Four cost surfaces of two parameters, on which every step of an optimizer can be drawn.

Their curvatures are known, and with them the behaviour of gradient descent with learning rate alpha
near a point of zero gradient: along a direction of curvature lambda, each step multiplies the
distance by 1 - alpha lambda.

    name         cost(w)                              curvatures at `minimum`
    bowl         (w0^2 + w1^2)/2                      1 and 1
    ravine       (w0^2 + 25 w1^2)/2                   1 and 25
    Rosenbrock   (1 - w0)^2 + 100 (w1 - w0^2)^2       0.3994 and 1001.6
    saddle       (w0^2 - w1^2)/2                      -1 and 1: no minimum, unbounded below

Real costs are averages over examples, and a minibatch holds only some of them. Here example i has
the cost of the surface plus a linear term, cost(w) + tilt_i . w, and the tilts of all examples sum
to exactly zero: the full batch has no noise, and a minibatch has more the smaller it is. Real
gradient noise depends on w; this is the same everywhere.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from course.checks import (
    TINY,
    Arguments,
    checked,
    count,
    instance,
    number,
    refusal,
    single_precision,
    within,
)
from course.checks import seed as any_seed

Point: TypeAlias = Float[Array, "2"]

EXAMPLES = 64  # default number of examples of a noisy surface


class Surface(NamedTuple):
    """Cost of two parameters; hashable, so that `jit` can take it as a static argument."""

    name: str
    cost: Callable[[Point], Float[Array, ""]]
    """cost(w) -> cost at w, for JAX to differentiate."""
    start: tuple[float, float]
    """First point of a descent."""
    minimum: tuple[float, float]
    """Point of zero gradient: the minimum, and for the saddle the saddle point."""
    limits: tuple[tuple[float, float], tuple[float, float]]
    """Ranges of w0 and of w1 to plot."""
    noise: float
    """Scale for `tilts` at which both the noise and the descent are visible."""


class Curvature(NamedTuple):
    """Principal curvatures of a surface at a point."""

    values: Float[Array, "2"]
    """Eigenvalues of the Hessian, the smaller first; negative where the surface is concave."""
    directions: Float[Array, "2 2"]
    """Row i is the unit vector along which the curvature is values[i]."""


def _bowl(w: Point) -> Float[Array, ""]:
    return (w[0] ** 2 + w[1] ** 2) / 2


def _ravine(w: Point) -> Float[Array, ""]:
    return (w[0] ** 2 + 25 * w[1] ** 2) / 2


def _rosenbrock(w: Point) -> Float[Array, ""]:
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


def _saddle(w: Point) -> Float[Array, ""]:
    return (w[0] ** 2 - w[1] ** 2) / 2


BOWL = Surface("bowl", _bowl, (-1.6, 1.2), (0.0, 0.0), ((-2.0, 2.0), (-2.0, 2.0)), noise=1.0)
RAVINE = Surface("ravine", _ravine, (-1.8, 0.6), (0.0, 0.0), ((-2.0, 2.0), (-1.0, 1.0)), noise=2.0)
ROSENBROCK = Surface(
    "Rosenbrock", _rosenbrock, (-1.2, 1.0), (1.0, 1.0), ((-1.7, 1.7), (-0.7, 1.9)), noise=10.0
)
SADDLE = Surface("saddle", _saddle, (-1.6, 0.01), (0.0, 0.0), ((-2.0, 2.0), (-2.0, 2.0)), noise=0.1)

# The four by name.
SURFACES: Mapping[str, Surface] = MappingProxyType(
    {surface.name: surface for surface in (BOWL, RAVINE, ROSENBROCK, SADDLE)}
)


def _surface(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for a surface, which JAX must be able to hash."""
    surface = instance(Surface)(name, value, arguments)
    try:
        hash(surface)
    except TypeError:
        raise refusal(name, "one of SURFACES", "one that cannot be hashed", TypeError) from None
    return surface


_POINT = single_precision(within(-1e15, 1e15, "numbers from -1e15 to 1e15"))


@checked(surface=_surface, w=_POINT)
@partial(jax.jit, static_argnames="surface")
def eigenvalues(surface: Surface, w: Point) -> Curvature:
    """Return the principal curvatures of a surface at a point, and their directions.

        H v_i = lambda_i v_i,    H = the matrix of second derivatives of cost at w

    Args:
        surface: one of SURFACES.
        w: point, shape (2,), up to 1e15 in size: beyond, the curvatures overflow.

    Returns:
        Curvature with both eigenvalues and their directions. Of a direction and its opposite, the
        one whose larger coordinate is positive is given.

    >>> print(eigenvalues(RAVINE, RAVINE.minimum).values)
    [ 1. 25.]

    Reference: S. Boyd and L. Vandenberghe, Convex Optimization (2004), sections 9.1 and 9.3.
    """
    values, columns = jnp.linalg.eigh(jax.hessian(surface.cost)(w))
    rows = columns.T
    larger = jnp.take_along_axis(rows, jnp.argmax(jnp.abs(rows), axis=1, keepdims=True), axis=1)
    return Curvature(values, rows * jnp.sign(larger))


@checked(
    examples=count(2, 1024),
    scale=number("a standard deviation from 0 to 1e30", 0.0, 1e30),
    seed=any_seed,
)
def tilts(
    examples: int = EXAMPLES, *, scale: float = 1.0, seed: int = 0
) -> Float[np.ndarray, "examples 2"]:
    """Draw the linear term of each example, by which its cost differs from the surface.

        tilt_i ~ Normal(0, scale^2) in each coordinate, then moved so that sum_i tilt_i = 0

    The tilts are whole multiples of a power of two, about scale/1000, and few enough for their sum
    to be exact in float32 whatever the order: it is 0 and not nearly 0.

    Args:
        examples: number of examples, from 2 to 1024.
        scale: standard deviation, in units of the gradient; `Surface.noise` suits each surface.
        seed: an integer from 0; equal seeds give equal tilts.

    Returns:
        A pair of float32 numbers for each example.

    >>> noise = tilts(64, scale=BOWL.noise)
    >>> print(noise.shape, noise.sum(axis=0))
    (64, 2) [0. 0.]
    """
    if scale < TINY:  # 0 in float32
        return np.zeros((examples, 2), dtype=np.float32)
    unit = math.ldexp(1.0, math.frexp(scale)[1] - 11)
    drawn = np.random.default_rng(seed).standard_normal((examples, 2)).clip(-7, 7)
    steps = np.round((drawn - drawn.mean(axis=0)) * scale / unit)
    # Rounding leaves a small sum; the first examples give it back, one step each.
    for column in steps.T:
        surplus = int(column.sum())
        column[: abs(surplus)] -= np.sign(surplus)
    return (steps * unit).astype(np.float32)
