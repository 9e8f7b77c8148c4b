"""Compiled part of training: many steps of an optimizer in one call.

    theta <- theta + update(grad J(theta)),    J(theta) = mean loss of a batch + l2/2 |theta|^2

`take_steps` is this scan over batches, with an l2 penalty, random keys and devices added:

    def step(state, batch):
        params, opt_state = state
        loss, grads = jax.value_and_grad(objective)(params, batch)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return (apply_updates(params, updates), opt_state), loss

    state, losses = jax.lax.scan(step, state, batches)

Whatever a slider may move (rates, strengths, temperatures, the key, the number of steps) is a
traced argument, so another value recompiles nothing. Static are the model, the kinds of loss and
optimizer, and the shapes. But for `evaluate` these functions are for `fit` and `sweep`, which have
checked the arguments.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, PyTree

from course.checks import checked
from course.models.layers import Model
from course.training.arguments import Data, as_data, as_loss, as_model
from course.training.optimizers import Optimizer, apply_updates
from course.training.trial import check_params, check_targets


class Objective(NamedTuple):
    """Function to minimise, and the optimizer that does it."""

    loss: Partial
    """(predictions, targets) -> loss of each example."""
    optimizer: Optimizer
    l2: float | Float[Array, ""] | None
    """Strength of the penalty on all parameters; None leaves it out of the program."""
    key: Array
    """Random key from which each step draws its own, for dropout and the like."""


class TrainState(NamedTuple):
    """Everything that a step changes."""

    params: PyTree
    """Parameters of the model."""
    opt_state: PyTree
    """State of the optimizer."""


class StepsResult(NamedTuple):
    """Result of `take_steps`; under `sweep` every field has leading axes (optimizers, keys)."""

    state: TrainState
    losses: Float[Array, "*runs capacity"]
    """Mean loss of each step's batch before its update, without the penalty; then zeros."""
    finite: Bool[Array, "*runs"]
    """True if the last batch has a finite loss after the last update, too."""


class Metrics(NamedTuple):
    """Fit of predictions to targets; under `sweep` with leading axes (optimizers, keys)."""

    loss: Float[Array | np.ndarray, "*runs"]
    """Mean over the examples."""
    accuracy: Float[Array | np.ndarray, "*runs"]
    """Share of labels predicted right; NaN where targets are no labels."""


def identity(tree: PyTree) -> PyTree:
    """Return `tree`: the average over a single device."""
    return tree


def init_train_state(model: Model, optimizer: Optimizer, key: Array) -> TrainState:
    """Return the state before the first step."""
    # Two programs: random numbers compile long, and another optimizer need not compile them again.
    params = _init_params(model, key)
    return TrainState(params, _init_optimizer(optimizer, params))


@partial(jax.jit, static_argnames="model")
def _init_params(model: Model, key: Array) -> PyTree:
    """Return the parameters that a model begins with."""
    return model.init(key)


@jax.jit
def _init_optimizer(optimizer: Optimizer, params: PyTree) -> PyTree:
    """Return the state that an optimizer begins with."""
    return optimizer.init(params)


def take_steps(
    model: Model,
    objective: Objective,
    state: TrainState,
    data: Data,
    indices: Int[Array, "capacity batch"],
    steps_done: Int[Array, ""] | int,
    count: Int[Array, ""] | int,
    *,
    average: Callable[[PyTree], PyTree] = identity,
    unroll: int = 2,
) -> StepsResult:
    """Take steps on batches of examples.

    A `lax.scan` would compile for each number of steps; this loop has a traced length, so any
    number up to the capacity of `indices` runs as the same program.

    Args:
        model: to train.
        objective: to minimise.
        state: before the first of these steps. It stays valid: `fit` returns it if a step breaks.
        data: all examples.
        indices: places of the examples of each step in `data`.
        steps_done: number of steps taken before.
        count: number of steps to take.
        average: mean over the devices that share a batch, each with its own columns of `indices`.
        unroll: steps per loop iteration; 2 saves one copy of the state (as in `lax.scan`).
    """

    def step(number: Array, carry: tuple[TrainState, Array]) -> tuple[TrainState, Array]:
        (params, opt_state), losses = carry
        key = jax.random.fold_in(objective.key, steps_done + number)
        batch = take_rows(data, indices[number])
        grads, loss = jax.grad(penalized_loss, has_aux=True)(params, model, objective, batch, key)
        updates, opt_state = objective.optimizer.update(average(grads), opt_state, params)
        return TrainState(apply_updates(params, updates), opt_state), losses.at[number].set(loss)

    def unrolled(number: Array, carry: tuple[TrainState, Array]) -> tuple[TrainState, Array]:
        for place in range(unroll):
            carry = step(unroll * number + place, carry)
        return carry

    # XLA may fuse, and so round, the unrolled steps differently. Chunks have even length, so each
    # step always has the same place; the second loop takes what an odd epoch leaves over.
    carry = jax.lax.fori_loop(0, count // unroll, unrolled, (state, jnp.zeros(len(indices))))
    if unroll > 1:
        carry = jax.lax.fori_loop(count // unroll * unroll, count, step, carry)
    state, losses = carry

    # Devices average these in one message at the end, not in one for each step.
    last = take_rows(data, indices[count - 1])
    _, final = penalized_loss(state.params, model, objective, last, objective.key)
    losses, final = average((losses, final))
    return StepsResult(state, losses, jnp.isfinite(final))


train = partial(jax.jit, static_argnames="model")(take_steps)  # `take_steps`, compiled


@checked(model=as_model, loss=as_loss, data=as_data)
def evaluate(
    model: Model,
    loss: Callable[[Array, Array], Array],
    params: PyTree,
    data: tuple[ArrayLike, ArrayLike],
) -> Metrics:
    """Measure a model on data, without randomness.

    Args:
        model, loss, data: see `course.training.loop.fit`.
        params: parameters of the model.

    >>> line = Model(lambda key: 0.0 * jax.random.normal(key), lambda slope, x: slope * x)
    >>> squares = lambda predictions, targets: (predictions - targets) ** 2
    >>> print(evaluate(line, squares, jnp.float32(3), ([1.0, 2.0], [3.0, 8.0])).loss)
    2.0
    """
    examples, kind = cast(Data, data), cast(Partial, loss)  # by `checked`
    check_params(model, params)
    check_targets(model, kind, params, examples, None)
    return measure(model, kind, params, examples)


@partial(jax.jit, static_argnames="model")
def measure(model: Model, loss: Partial, params: PyTree, data: Data) -> Metrics:
    """Measure a model on data: `evaluate`, compiled, of arguments that are checked."""
    inputs, targets = data
    predictions = model.apply(params, inputs)
    return Metrics(jnp.mean(loss(predictions, targets)), jnp.mean(correct(predictions, targets)))


def penalized_loss(
    params: PyTree, model: Model, objective: Objective, batch: Data, key: Array
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Return J of a batch, and the mean loss that is part of it."""
    inputs, targets = batch
    # A model that takes a key is random in training only: see `evaluate`.
    options = {"key": key} if "key" in inspect.signature(model.apply).parameters else {}
    loss = jnp.mean(objective.loss(model.apply(params, inputs, **options), targets))
    if objective.l2 is None:
        return loss, loss
    squares = [jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(params)]
    return loss + objective.l2 / 2 * sum(squares), loss


def correct(predictions: Array, targets: Array) -> Float[Array, "*examples"]:
    """Return 1 where a label is predicted right and 0 where not; NaN if targets are no labels.

    Labels are integers. Of scores for each class the largest counts, of a single score its sign.
    """
    if not jnp.issubdtype(targets.dtype, jnp.integer):
        return jnp.full(targets.shape[:1], jnp.nan)
    one_score = predictions.ndim == targets.ndim
    labels = predictions > 0 if one_score else jnp.argmax(predictions, axis=-1)
    if labels.shape != targets.shape:
        return jnp.full(targets.shape[:1], jnp.nan)
    return (labels.astype(targets.dtype) == targets).astype(float)


def take_rows(data: Data, chosen: Int[Array, " batch"]) -> Data:
    """Return some of the examples."""
    # The indices are in range; "clip" is the mode that costs least on a CPU.
    take = partial(jnp.take, indices=chosen, axis=0, mode="clip")
    return take(data[0]), take(data[1])
