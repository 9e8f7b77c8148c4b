"""Gradient descent on a cost that can be looked at whole: the path it takes, and why.

    w <- w - rate * gradient of J at w

Near a minimum a cost is a bowl. Along a direction in which the bowl has curvature λ, a step
multiplies the distance to the minimum by 1 - rate * λ. Notebook 10 shows it; here are the path
(`descend`), the multiplier, and the rates where the behaviour changes. S. Boyd and
L. Vandenberghe, Convex Optimization (2004), section 9.3, has the theory.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from course.checks import (
    MOST,
    check_size,
    checked,
    count,
    describe_shape,
    finite,
    function,
    kind_of,
    positive,
    read_array,
    refusal,
)
from course.checks import key as one_key
from course.training.optimizer_base import GradientTransformation, as_partial, transformation
from course.training.optimizers import Optimizer, apply_updates, as_optimizer


class Path(NamedTuple):
    """Points that a descent visited, with their costs; the first entries are its start."""

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


COST = function("a function of the parameters", 1)
MOST_STEPS = 2**20


@checked(cost=COST, start=finite, optimizer=transformation, steps=count(1, MOST_STEPS))
def descend(
    cost: Callable[[Array], Array],
    start: Float[Array, " parameters"],
    optimizer: Optimizer | GradientTransformation,
    *,
    steps: int,
) -> Path:
    """Walk down a cost, the gradient of which is known exactly.

        w <- w + update(gradient of J at w)

    All steps are one compiled program, for which the optimizer's numbers are arguments: another
    rate compiles nothing, and under `jax.vmap` many rates run at once.

    Args:
        cost: the function J, from the parameters to one number; JAX must be able to trace it.
        start: parameters before the first step.
        optimizer: from `course.training.optimizers`, or with optax's protocol.
        steps: number of steps, at most 2^20.

    >>> from course.training.optimizers import sgd
    >>> path = descend(lambda w: w @ w / 2, [1.0, 2.0], sgd(0.5), steps=3)
    >>> path.points.tolist()
    [[1.0, 2.0], [0.5, 1.0], [0.25, 0.5], [0.125, 0.25]]
    >>> path.costs.tolist()
    [2.5, 0.625, 0.15625, 0.0390625]
    """
    check_size("steps", "numbers in the path", steps, len(start))
    no_tilts = jnp.zeros((steps, len(start)), start.dtype)
    return _walk(as_partial(cost), start, as_optimizer(optimizer), no_tilts)


@checked(
    cost=COST,
    start=finite,
    optimizer=transformation,
    tilts=finite,
    batch_size=count(),
    key=one_key,
    steps=count(1, MOST_STEPS),
)
def descend_on_batches(
    cost: Callable[[Array], Array],
    start: Float[Array, " parameters"],
    optimizer: Optimizer | GradientTransformation,
    *,
    tilts: Float[Array, "examples parameters"],
    batch_size: int,
    key: Array,
    steps: int,
) -> Path:
    """Walk down a cost of which each step sees a random batch of examples.

        J_i(w) = J(w) + tilt_i · w,    gradient of a batch = gradient of J + mean tilt of the batch

    The tilts of all examples add up to nothing, so J is the mean of all J_i, and the whole batch
    walks as `descend` does. Another batch size compiles nothing.

    Args:
        cost: the function J, as in `descend`; the costs of the path are J, over all examples.
        start: parameters before the first step.
        optimizer: as in `descend`.
        tilts: one for each example, with sum 0 (see `course.data.surfaces`).
        batch_size: number of different examples that a step sees.
        key: a JAX random key, from which all batches follow.
        steps: number of steps.

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
    if batch_size > len(tilts):
        raise refusal("batch_size", f"at most the {len(tilts)} examples", batch_size)
    check_size("steps", "numbers in the path", steps, len(start))
    check_size("steps", "examples", steps, len(tilts), most=MOST)
    batch_tilts = _batch_tilts(key, tilts, batch_size, steps=steps)
    return _walk(as_partial(cost), start, as_optimizer(optimizer), batch_tilts)


@partial(jax.jit, static_argnames="steps")
def _batch_tilts(
    key: Array, tilts: Float[Array, "examples parameters"], batch_size: int | Array, *, steps: int
) -> Float[Array, "steps parameters"]:
    """Return the mean tilt of a random batch for each step."""
    # Each row of ranks is a random order: the examples with a rank below the size are a batch.
    ranks = jnp.argsort(jax.random.uniform(key, (steps, len(tilts))), axis=1)
    in_batch = (ranks < batch_size).astype(tilts.dtype)
    return in_batch @ tilts / batch_size


@jax.jit
def _walk(
    cost: Partial,
    start: Float[Array, " parameters"],
    optimizer: Optimizer,
    tilts: Float[Array, "steps parameters"],
) -> Path:
    """Take a step for each of the tilts, which are added to the gradients."""
    one_cost = _one_number(cost)

    def step(carry: tuple[Array, Any], tilt: Array) -> tuple[Any, tuple[Array, Array]]:
        w, state = carry
        value, gradient = jax.value_and_grad(one_cost)(w)
        updates, state = optimizer.update(gradient + tilt, state, w)
        return (apply_updates(w, updates), state), (w, value)

    (last, _), (points, values) = jax.lax.scan(step, (start, optimizer.init(start)), tilts)
    points = jnp.concatenate([points, last[None]])
    costs = jnp.append(values, one_cost(last))
    # The cost of an overflow may be inf - inf, which is NaN.
    return Path(points, jnp.where(jnp.isnan(costs), jnp.inf, costs))


def _one_number(cost: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Return the cost, which is looked at while JAX traces it: it gives one float."""

    def checked_cost(w: Array) -> Array:
        try:
            value = cost(w)
        except jax.errors.JAXTypeError as error:
            got = f"one that raises {type(error).__name__}: it asks for numbers, not for formulas"
            raise refusal("cost", "a function that JAX can trace", got, TypeError) from error
        number = read_array("cost", value)
        if number.shape or kind_of(number.dtype) != "float":
            got = f"{type(value).__name__} of {describe_shape(number.shape)}"
            raise refusal("cost", "a function that gives one float", got, TypeError)
        return value

    return checked_cost


@checked(rate=positive, curvatures=finite)
def multipliers(
    rate: Float[Array, "*#shape"], curvatures: Float[Array, "*#shape"]
) -> Float[Array, "*both"]:
    """Return the factor by which a step multiplies the distance to the minimum along a direction.

        1 - rate * λ

    Args:
        rate: learning rate above 0.
        curvatures: λ, the eigenvalues of the Hessian; of a shape that broadcasts with `rate`.

    Returns:
        The multipliers: from 0 to 1 the steps approach the minimum from one side, below 0 each
        step jumps over it, and an absolute value above 1 leads away from it.

    >>> multipliers(0.5, [1, 3, 5]).tolist()
    [0.5, -0.5, -1.5]
    """
    return 1 - rate * curvatures


@checked(curvatures=finite)
def borders(curvatures: Float[Array, "*directions"]) -> Borders:
    """Return the learning rates at which steps along a direction begin to oscillate and to diverge.

        1/λ and 2/λ

    Args:
        curvatures: λ. Where it is 0 or negative there is no minimum along the direction, so
            nothing to jump over: both borders are infinite.

    >>> borders([1, 4, -1]).diverge.tolist()
    [2.0, 0.5, inf]
    """
    reach = jnp.where(curvatures > 0, 1 / jnp.where(curvatures > 0, curvatures, 1), jnp.inf)
    return Borders(reach, 2 * reach)
