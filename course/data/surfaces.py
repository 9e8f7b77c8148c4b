"""Four landscapes of two parameters, on which every step of an optimizer can be seen.

Their curvatures are known, and so is what gradient descent with learning rate alpha does near a
point of zero gradient: along a direction of curvature lambda, each step multiplies the distance by
1 - alpha lambda.

    name         cost(w)                              curvatures at `minimum`
    bowl         (w0^2 + w1^2)/2                      1 and 1
    ravine       (w0^2 + 25 w1^2)/2                   1 and 25
    Rosenbrock   (1 - w0)^2 + 100 (w1 - w0^2)^2       0.3994 and 1001.6
    saddle       (w0^2 - w1^2)/2                      -1 and 1: no minimum, the cost falls for ever

Real costs are averages over examples, and a minibatch sees only some of them. Here example i has
the cost of the surface tilted a little, cost(w) + tilt_i . w, and the tilts of all examples sum to
exactly zero: the full batch has no noise, and a minibatch has more the smaller it is. Real noise
changes from place to place; this is the same everywhere.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from course.data.rules import NOISE, SEED, Kind
from course.legacy_checks import Arguments, Count, Finite, Shape, checked, refusal

Point: TypeAlias = Float[Array, "2"]

EXAMPLES = 64
"""How many examples a noisy surface has, unless told otherwise."""


class Surface(NamedTuple):
    """A cost of two parameters; hashable, so that `jit` can take it as a static argument."""

    name: str
    cost: Callable[[Point], Float[Array, ""]]
    """cost(w) -> the height at w, for JAX to differentiate."""
    start: tuple[float, float]
    """Where a descent begins."""
    minimum: tuple[float, float]
    """The point of zero gradient: the lowest, and for the saddle the saddle point."""
    limits: tuple[tuple[float, float], tuple[float, float]]
    """What to show of w0 and of w1."""
    noise: float
    """A scale for `tilts` at which the noise is plain to see and the descent too."""


class Curvature(NamedTuple):
    """How a surface bends at a point."""

    values: Float[Array, "2"]
    """The eigenvalues of the Hessian, the smaller first; negative where it bends downwards."""
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

SURFACES: Mapping[str, Surface] = MappingProxyType(
    {surface.name: surface for surface in (BOWL, RAVINE, ROSENBROCK, SADDLE)}
)
"""The four of them by name."""

SURFACE = Kind(Surface)


class _Point(Finite):
    """Two numbers."""

    def check_shape(self, name: str, shape: Shape, _arguments: Arguments) -> None:
        if shape != (2,):
            raise refusal(name, "two numbers", f"shape {shape}")


class _Tilts(Finite):
    """A pair of numbers for each example."""

    def check_shape(self, name: str, shape: Shape, arguments: Arguments) -> None:
        super().check_shape(name, shape, arguments)
        if len(shape) != 2 or shape[1] != 2:
            raise refusal(name, "a pair of numbers for each example", f"shape {shape}")


@checked(surface=SURFACE, w=_Point())
@partial(jax.jit, static_argnames="surface")
def eigenvalues(surface: Surface, w: Point) -> Curvature:
    """How a surface bends at a point, along the two directions in which it does not twist.

        H v_i = lambda_i v_i,    H = the matrix of second derivatives of cost at w

    Args:
        surface: one of SURFACES.
        w: the point.

    Returns:
        Curvature with both eigenvalues and their directions. A direction and its opposite are the
        same; the one whose larger coordinate is positive is given.

    Raises:
        TypeError, ValueError: if `surface` is no Surface or `w` not two finite numbers.

    >>> print(eigenvalues(RAVINE, RAVINE.minimum).values)
    [ 1. 25.]

    Reference: S. Boyd and L. Vandenberghe, Convex Optimization (2004), sections 9.1 and 9.3.
    """
    values, columns = jnp.linalg.eigh(jax.hessian(surface.cost)(w))
    rows = columns.T
    larger = jnp.take_along_axis(rows, jnp.argmax(jnp.abs(rows), axis=1, keepdims=True), axis=1)
    return Curvature(values, rows * jnp.sign(larger))


@checked(examples=Count(2, 1024), scale=NOISE, seed=SEED)
def tilts(
    examples: int = EXAMPLES, *, scale: float = 1.0, seed: int = 0
) -> Float[np.ndarray, "examples 2"]:
    """Draw what makes the cost of every example differ from that of the surface.

        tilt_i ~ Normal(0, scale^2) in each coordinate, then moved so that sum_i tilt_i = 0

    The tilts are whole multiples of a power of two, about scale/1000, and few enough for their sum
    to be exact in float32 whatever the order: it is 0 and not nearly 0.

    Args:
        examples: how many, from 2 to 1024.
        scale: the standard deviation, in units of the gradient; a surface has one that suits it.
        seed: an integer from 0; equal seeds give equal tilts.

    Returns:
        A pair of float32 numbers for each example.

    Raises:
        TypeError, ValueError: if `examples` is below 2 or `scale` or `seed` negative.

    >>> noise = tilts(64, scale=BOWL.noise)
    >>> print(noise.shape, noise.sum(axis=0))
    (64, 2) [0. 0.]

    Reference: none; it is the simplest noise that a full batch does not have.
    """
    if scale == 0:
        return np.zeros((examples, 2), dtype=np.float32)
    unit = math.ldexp(1.0, math.frexp(scale)[1] - 11)
    drawn = np.random.default_rng(seed).standard_normal((examples, 2)).clip(-7, 7)
    steps = np.round((drawn - drawn.mean(axis=0)) * scale / unit)
    for column in steps.T:  # what rounding has left over, one step from each of the first
        surplus = int(column.sum())
        column[: abs(surplus)] -= np.sign(surplus)
    moved: np.ndarray = (steps * unit).astype(np.float32)
    return moved


@checked(surface=SURFACE, tilts=_Tilts(), w=_Point())
def noisy_cost(surface: Surface, tilts: Float[Array, "batch 2"], w: Point) -> Float[Array, ""]:
    """The average cost of some examples: the surface, tilted by the mean of their tilts.

        J(w) = cost(w) + (1/n) sum_i tilt_i . w

    Args:
        surface: one of SURFACES.
        tilts: those of the batch: some rows of what the function `tilts` gives, or all.
        w: the point.

    Returns:
        The cost; that of the surface itself if all tilts are given.

    Raises:
        TypeError, ValueError: if `surface` is no Surface, or the shapes are not as described.

    >>> print(noisy_cost(BOWL, tilts(64), [3.0, 4.0]))
    12.5

    Reference: L. Bottou, F. Curtis and J. Nocedal, Optimization Methods for Large-Scale Machine
    Learning, SIAM Review 60 (2018), 223-311, section 4: gradients with noise of mean zero.
    """
    return surface.cost(w) + jnp.mean(tilts, axis=0) @ w
