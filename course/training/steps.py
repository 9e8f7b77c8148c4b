"""The compiled part of training: many steps in one call.

    theta <- theta + update(grad J(theta)),    J(theta) = mean loss of a batch + l2/2 |theta|^2

Everything that a slider may move (rates, strengths, temperatures, the key, the number of steps) is
an argument that the compiler does not look into, so another value compiles nothing. What it does
look into: the model, the kinds of loss and optimizer, and the shapes.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int, PyTree

from course.models.layers import Model
from course.training.optimizers import Optimizer, apply_updates

Data: TypeAlias = tuple[Array, Array]
"""Inputs and targets, the examples along the first axis of both."""


class Objective(NamedTuple):
    """What is to be minimised, and how."""

    loss: Partial
    """(predictions, targets) -> the loss of each example."""
    optimizer: Optimizer
    l2: float | Float[Array, ""] | None
    """Strength of the penalty on all parameters; None leaves it out of the program."""
    key: Array
    """From which each step draws its own randomness, such as dropout."""


class TrainState(NamedTuple):
    """What a step changes."""

    params: PyTree
    state: PyTree
    """The optimizer's."""


class StepsResult(NamedTuple):
    """What some steps have led to; a sweep puts axes in front."""

    learner: TrainState
    losses: Float[Array, "*runs capacity"]
    """The mean loss of each step's batch before its update, without the penalty; then zeros."""
    sound: Bool[Array, "*runs"]
    """Whether the loss is finite after the last update, too."""


class Metrics(NamedTuple):
    """How well predictions fit their targets; a sweep puts axes in front."""

    loss: Float[Array, "*runs"]
    """Mean over the examples."""
    accuracy: Float[Array, "*runs"]
    """The share of labels that are predicted right; NaN where targets are no labels."""


def identity(tree: PyTree) -> PyTree:
    """What a single device does to agree with all the others: nothing."""
    return tree


@partial(jax.jit, static_argnames="model")
def init_state(model: Model, optimizer: Optimizer, key: Array) -> TrainState:
    """Return the learner before its first step."""
    params = model.init(key)
    return TrainState(params, optimizer.init(params))


def take_steps(
    model: Model,
    task: Objective,
    learner: TrainState,
    data: Data,
    order: Int[Array, "capacity batch"],
    first: Int[Array, ""] | int,
    count: Int[Array, ""] | int,
    *,
    average: Callable[[PyTree], PyTree] = identity,
    unroll: int = 2,
) -> StepsResult:
    """Take `count` steps, the n-th on the examples `order[n]`; `first` were taken before.

    Where several devices take the steps together, each has its own columns of `order`, and
    `average` turns what each has found for its examples into the mean over all of them. `unroll`
    steps make a turn of the loop, at the end of which arrays are copied: two of them save a copy.

    It is a `scan` whose length is not known to the compiler (`fori_loop`): any number of steps up
    to the capacity of `order` runs as the same program. The learner that was handed in stays valid:
    it is what `fit` returns to when a step goes wrong. (To donate its memory and keep a copy for
    that would take as much of it.)
    """

    def step(number: Array, carry: tuple[TrainState, Array]) -> tuple[TrainState, Array]:
        (params, state), losses = carry
        key = jax.random.fold_in(task.key, first + number)
        gradients, loss = jax.grad(objective, has_aux=True)(
            params, model, task, take_rows(data, order[number]), key
        )
        gradients = average(gradients)
        updates, state = task.optimizer.update(gradients, state, params)
        return TrainState(apply_updates(params, updates), state), losses.at[number].set(loss)

    def some(number: Array, carry: tuple[TrainState, Array]) -> tuple[TrainState, Array]:
        for place in range(unroll):
            carry = step(unroll * number + place, carry)
        return carry

    # Each place in a turn may round otherwise; see `batching.chunks` for why no run notices.
    carry = jax.lax.fori_loop(0, count // unroll, some, (learner, jnp.zeros(len(order))))
    if unroll > 1:
        carry = jax.lax.fori_loop(count // unroll * unroll, count, step, carry)
    learner, losses = carry
    last = take_rows(data, order[count - 1])
    final, _ = objective(learner.params, model, task, last, task.key)
    losses, final = average((losses, final))  # in one message, not in one for each step
    return StepsResult(learner, losses, jnp.isfinite(final))


train = partial(jax.jit, static_argnames="model")(take_steps)
"""`take_steps`, compiled."""


@partial(jax.jit, static_argnames="model")
def evaluate(model: Model, loss: Partial, params: PyTree, data: Data) -> Metrics:
    """Metrics a model without randomness."""
    inputs, targets = data
    predictions = model.apply(params, inputs)
    return Metrics(jnp.mean(loss(predictions, targets)), jnp.mean(correct(predictions, targets)))


@partial(jax.jit, static_argnames="model")
def predictions(model: Model, params: PyTree, inputs: Array) -> Array:
    """Apply a model without randomness."""
    return model.apply(params, inputs)


def objective(
    params: PyTree, model: Model, task: Objective, batch: Data, key: Array
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Return J, and the part of it that is the loss."""
    inputs, targets = batch
    loss = jnp.mean(task.loss(predict(model, params, inputs, key), targets))
    if task.l2 is None:
        return loss, loss
    squares = [jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(params)]
    return loss + task.l2 / 2 * sum(squares), loss


def predict(model: Model, params: PyTree, inputs: Array, key: Array) -> Array:
    """Apply a model as in training: with a key, if it can use one."""
    if "key" in inspect.signature(model.apply).parameters:
        return model.apply(params, inputs, key=key)
    return model.apply(params, inputs)


def correct(predictions: Array, targets: Array) -> Float[Array, "*examples"]:
    """1 where a label is predicted right and 0 where not; NaN if the targets are no labels.

    Labels are integers. Of scores for each class the largest counts, of a single score its sign.
    """
    if not jnp.issubdtype(targets.dtype, jnp.integer):
        return jnp.full(targets.shape[:1], jnp.nan)
    scores_each = predictions.ndim == targets.ndim + 1
    guess: Any = jnp.argmax(predictions, axis=-1) if scores_each else predictions > 0
    right: Array = guess == targets
    return right.astype(float)


def take_rows(data: Data, chosen: Int[Array, " batch"]) -> Data:
    """Return some of the examples."""
    # The indices are in range; "clip" is the mode that costs least on a CPU.
    take = partial(jnp.take, indices=chosen, axis=0, mode="clip")
    return take(data[0]), take(data[1])
