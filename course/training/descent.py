"""Gradient descent on a cost that can be looked at whole: the path it takes, and why.

    w <- w - rate * gradient of J at w

Near a minimum a cost is a bowl. Along a direction in which the bowl has curvature λ, a step
multiplies the distance to the minimum by 1 - rate * λ. Notebook 10 shows it; here are the path
(`descend`), the multiplier, and the rates where the behaviour changes.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from course.legacy_checks import Arguments, Count, Finite, Key, Positive, checked, refusal
from course.training.optimizers import AnyOptimizer, Optimizer, apply_updates


class Path(NamedTuple):
    """Where a descent went; the first entries are its start."""

    points: Float[Array, "times parameters"]
    """Not finite once the descent has left the numbers that the hardware can hold."""
    costs: Float[Array, " times"]
    """J at the points, infinite where those are not finite."""


class Borders(NamedTuple):
    """Learning rates at which the behaviour along a direction changes; infinite if none does."""

    oscillate: Float[Array, "*directions"]
    """1 / λ: above it each step jumps over the minimum."""
    diverge: Float[Array, "*directions"]
    """2 / λ: above it each step ends farther away than it began."""


class _Cost:
    """A function of the parameters; what it is given beforehand (`Partial`) is traced."""

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Partial:
        if not callable(value):
            raise refusal(name, "a function of the parameters", type(value).__name__, TypeError)
        return value if isinstance(value, Partial) else Partial(value)


class _Tilts(Finite):
    """A tilt for each example, with an entry for each parameter."""

    def check_shape(self, name: str, shape: tuple[int, ...], arguments: Arguments) -> None:
        super().check_shape(name, shape, arguments)
        parameters = len(arguments["start"])
        if len(shape) != 2 or shape[1] != parameters:
            raise refusal(name, f"shape (examples, {parameters})", shape)


class _BatchSize(Count):
    """At least one of the examples, and at most all."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> int:
        size = super().__call__(name, value, arguments)
        if size > (examples := len(arguments["tilts"])):
            raise refusal(name, f"at most the {examples} examples", size)
        return size


@checked(cost=_Cost(), start=Finite(ndim=1), optimizer=AnyOptimizer(), steps=Count())
def descend(
    cost: Partial, start: Float[Array, " parameters"], optimizer: Optimizer, *, steps: int
) -> Path:
    """Walk down a cost, the gradient of which is known exactly.

        w <- w + update(gradient of J at w)

    All steps are one compiled program, for which the optimizer's numbers are arguments: another
    rate compiles nothing, and under `jax.vmap` many rates run at once.

    Args:
        cost: the function J, from the parameters to one number; JAX must be able to trace it.
        start: where to begin.
        optimizer: from `course.training.optimizers`, or with optax's protocol.
        steps: how many to take.

    Returns:
        Path: the points, first the start, and the costs at them. A descent that diverges until
        numbers overflow has infinite costs from there on.

    Raises:
        TypeError, ValueError: if an argument is not as described; the message names it.

    >>> from course.training.optimizers import sgd
    >>> path = descend(lambda w: w @ w / 2, [1.0, 2.0], sgd(0.5), steps=3)
    >>> path.points.tolist()
    [[1.0, 2.0], [0.5, 1.0], [0.25, 0.5], [0.125, 0.25]]
    >>> path.costs.tolist()
    [2.5, 0.625, 0.15625, 0.0390625]

    Reference: S. Boyd and L. Vandenberghe, Convex Optimization (2004), section 9.3.
    """
    level = jnp.zeros((steps, len(start)), start.dtype)
    path: Path = _walk(cost, start, optimizer, level)
    return path


@checked(
    cost=_Cost(),
    start=Finite(ndim=1),
    optimizer=AnyOptimizer(),
    tilts=_Tilts(),
    batch_size=_BatchSize(),
    key=Key(),
    steps=Count(),
)
def descend_on_batches(
    cost: Partial,
    start: Float[Array, " parameters"],
    optimizer: Optimizer,
    *,
    tilts: Float[Array, "examples parameters"],
    batch_size: int,
    key: Array,
    steps: int,
) -> Path:
    """Walk down a cost of which each step sees a few examples, drawn anew at random.

        J_i(w) = J(w) + tilt_i · w,    gradient of a batch = gradient of J + mean tilt of the batch

    The tilts of all examples add up to nothing, so J is the mean of all J_i, and the whole batch
    walks as `descend` does. Another batch size compiles nothing.

    Args:
        cost: the function J, as in `descend`.
        start: where to begin.
        optimizer: as in `descend`.
        tilts: one for each example, with sum 0 (see `course.data.surfaces`).
        batch_size: how many different examples a step sees.
        key: a JAX random key, from which all batches follow.
        steps: how many to take.

    Returns:
        Path: the points, and J at them: the cost over all examples, not over a batch.

    Raises:
        TypeError, ValueError: if an argument is not as described; the message names it.

    >>> from course.training.optimizers import sgd
    >>> walk = partial(descend_on_batches, lambda w: w @ w / 2, [1.0], sgd(0.5), steps=2,
    ...                tilts=[[0.25], [-0.25]], key=jax.random.key(0))
    >>> walk(batch_size=2).points.tolist()
    [[1.0], [0.5], [0.25]]
    >>> print(abs(walk(batch_size=1).points[1] - 0.5))
    [0.125]

    Reference: H. Robbins and S. Monro, A Stochastic Approximation Method, Annals of Mathematical
    Statistics 22 (1951), 400-407.
    """
    slants = _batch_tilts(key, tilts, batch_size, steps=steps)
    path: Path = _walk(cost, start, optimizer, slants)
    return path


@partial(jax.jit, static_argnames="steps")
def _batch_tilts(
    key: Array, tilts: Float[Array, "examples parameters"], batch_size: int | Array, *, steps: int
) -> Float[Array, "steps parameters"]:
    """Return the mean tilt of a random batch for each step."""
    # Each row of ranks is a random order, so `batch_size` of them, at random places, are below it.
    ranks = jnp.argsort(jax.random.uniform(key, (steps, len(tilts))), axis=1)
    return (ranks < batch_size).astype(tilts.dtype) @ tilts / batch_size


@jax.jit
def _walk(
    cost: Partial,
    start: Float[Array, " parameters"],
    optimizer: Optimizer,
    slants: Float[Array, "steps parameters"],
) -> Path:
    """Take a step for each of the slants, which are added to the gradients."""

    def step(carry: tuple[Array, Any], slant: Array) -> tuple[Any, tuple[Array, Array]]:
        w, state = carry
        height, gradient = jax.value_and_grad(cost)(w)
        updates, state = optimizer.update(gradient + slant, state, w)
        return (apply_updates(w, updates), state), (w, height)

    (last, _), (points, heights) = jax.lax.scan(step, (start, optimizer.init(start)), slants)
    costs = jnp.append(heights, cost(last))
    return Path(jnp.concatenate([points, last[None]]), jnp.where(jnp.isnan(costs), jnp.inf, costs))


@checked(rate=Positive(), curvatures=Finite())
def multipliers(
    rate: float | Float[Array, "*rates"], curvatures: Float[Array, "*directions"]
) -> Float[Array, "*both"]:
    """Return by what a step multiplies the distance to the minimum along a direction.

        1 - rate * λ

    Args:
        rate: the learning rate, above 0.
        curvatures: λ, the eigenvalues of the Hessian; of a shape that broadcasts with `rate`.

    Returns:
        The multipliers: positive ones creep, negative ones jump over the minimum, and those with
        an absolute value above 1 lead away from it.

    Raises:
        TypeError, ValueError: if `rate` is not above 0, or the numbers are not finite.

    >>> multipliers(0.5, [1, 3, 5]).tolist()
    [0.5, -0.5, -1.5]

    Reference: as for `descend`.
    """
    return 1 - rate * curvatures


@checked(curvatures=Finite())
def borders(curvatures: Float[Array, "*directions"]) -> Borders:
    """Return the learning rates at which steps along a direction begin to oscillate and to diverge.

        1/λ and 2/λ

    Args:
        curvatures: λ. Where it is 0 or negative there is no minimum along the direction, so
            nothing to jump over: both borders are infinite.

    Returns:
        Borders: both rates for each curvature.

    Raises:
        TypeError, ValueError: if `curvatures` is not finite.

    >>> borders([1, 4, -1]).diverge.tolist()
    [2.0, 0.5, inf]

    Reference: as for `descend`.
    """
    reach = jnp.where(curvatures > 0, 1 / jnp.where(curvatures > 0, curvatures, 1), jnp.inf)
    return Borders(reach, 2 * reach)
