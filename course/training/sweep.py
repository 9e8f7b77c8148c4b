"""Sweeps: train one model many times at once, with other learning rates and from other keys.

    result = sweep(model, loss, [sgd(rate) for rate in rates], data, keys=keys, ...)
    result.history.loss[i, j]     run of optimizer i from key j

All runs go through one compiled program, which `vmap` makes from that of a single run. Each is the
run that `fit` makes with that optimizer and that key.
"""

from collections.abc import Callable, Sequence
from functools import partial
from signal import SIGINT
from typing import Any, NamedTuple, cast

import jax
import numpy as np
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array, Int, PyTree

from course.checks import checked, count
from course.models.layers import Model
from course.training import steps
from course.training.arguments import (
    Data,
    as_data,
    as_keys,
    as_loss,
    as_model,
    as_optimizers,
    as_progress,
    as_strength,
    check_memory,
    check_steps,
)
from course.training.batching import BatchOrder, chunks, max_steps_per_call
from course.training.interrupts import StopSignal
from course.training.loop import warn_if_cut_short
from course.training.monitor import progress_bar
from course.training.optimizer_base import GradientTransformation, Optimizer
from course.training.results import Failure, FitResult, Stopped, make_history
from course.training.steps import Metrics, Objective, StepsResult, TrainState
from course.training.trial import check_targets, try_functions


@checked(
    model=as_model,
    loss=as_loss,
    optimizers=as_optimizers,
    data=as_data,
    epochs=count(),
    batch_size=count(),
    keys=as_keys,
    validation=as_data,
    l2=as_strength,
    progress=as_progress,
)
def sweep(
    model: Model,
    loss: Callable[[Array, Array], Array],
    optimizers: GradientTransformation | Sequence[GradientTransformation],
    data: tuple[ArrayLike, ArrayLike],
    *,
    epochs: int,
    batch_size: int,
    keys: Array,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    l2: float | None = None,
    progress: bool | Callable[..., Any] = True,
) -> FitResult:
    """Train a model with each of some optimizers, from each of some keys, all at once.

    Args:
        model, loss, data, epochs, batch_size, validation, l2, progress: see `fit`.
        optimizers: a list of optimizers of one kind, such as `[sgd(rate) for rate in rates]`; one
            is taken for a list of one.
        keys: random keys, such as `jax.random.split(key, 8)`; one is taken for a list of one.

    Returns:
        FitResult whose arrays have two leading axes: optimizers and keys. A run whose loss is NaN
        or infinite goes on and shows it; the others do not notice. An interrupt ends all of them,
        keeps what was learned, and says so in `stopped`; an exception of the bar does as in `fit`.

    >>> import jax.numpy as jnp
    >>> from course.models.layers import Model
    >>> from course.training.optimizers import sgd
    >>> line = Model(lambda key: 0.0 * jax.random.normal(key), lambda slope, x: slope * x)
    >>> squares = lambda predictions, targets: (predictions - targets) ** 2
    >>> x = jnp.linspace(-1, 1, 8)
    >>> result = sweep(line, squares, [sgd(0.1), sgd(0.5)], (x, 3 * x), epochs=10, batch_size=4,
    ...                keys=jax.random.split(jax.random.key(0), 3), progress=False)
    >>> result.params.shape, result.history.loss.shape
    ((2, 3), (2, 3, 20))
    """
    # As in `fit`, so that each run is the one that `fit` makes from its key.
    examples, held_out = cast(Data, data), cast(Data | None, validation)  # by `checked`
    init_keys, step_keys = jax.vmap(jax.random.split, out_axes=1)(keys)
    objective = Objective(cast(Partial, loss), cast(Optimizer, optimizers), l2, step_keys)
    per_epoch = BatchOrder(keys[0], len(examples[0]), batch_size).steps_per_epoch
    total = check_steps(epochs, per_epoch)

    failure = Failure(hold=True)
    stopped = Stopped.INTERRUPTED  # unless the loop ends in another way
    with StopSignal((SIGINT,)) as signals:
        state = _first_states(model, objective, init_keys, examples, held_out, batch_size, total)
        run = _Sweep(state, [], [])
        orders = [BatchOrder(one, len(examples[0]), batch_size) for one in keys]
        bar = progress_bar(progress, total=total, what="sweep")
        with failure, bar:
            for chunk in chunks(orders[0], 0, total, held_out is not None):
                if signals():
                    break
                indices = np.stack([order.take(chunk.size) for order in orders])
                steps_done, size = chunk[:2]
                result = train(model, objective, run.state, examples, indices, steps_done, size)
                # A copy: the array itself has room for the longest chunk.
                losses = np.asarray(result.losses)[..., :size].copy()
                ends = held_out is not None and chunk.ends_epoch
                metrics = (
                    evaluate(model, objective.loss, result.state.params, held_out) if ends else None
                )
                # All at once: an interrupt comes before or after a chunk.
                run = run.advance(result.state, losses, metrics)
                _report(bar, losses)
            else:
                stopped = Stopped.FINISHED
        del bar  # in its finaliser a signal that is not noted would be lost
        history = make_history(run.losses, run.metrics, examples, per_epoch)
    # Only now, as no signal is noted any more: one that came late is told, too.
    stopped = Stopped.INTERRUPTED if signals() else stopped
    outcome = FitResult(run.state.params, run.state.opt_state, history, stopped)
    failure.raise_with(outcome)
    warn_if_cut_short(outcome)
    return outcome


class _Sweep(NamedTuple):
    """Runs between two chunks."""

    state: TrainState
    losses: list[np.ndarray]
    """Losses of the steps so far, by chunk."""
    metrics: list[Metrics]
    """Validation metrics of the epochs so far."""

    def advance(self, state: TrainState, losses: np.ndarray, metrics: Metrics | None) -> "_Sweep":
        """Return the runs after a chunk, with validation metrics if an epoch ends with it."""
        measured = [] if metrics is None else [jax.tree.map(np.array, metrics)]
        return _Sweep(state, [*self.losses, losses], [*self.metrics, *measured])


def _report(bar: Any, losses: np.ndarray) -> None:
    """Move a progress bar on by a chunk, with the median of the losses that are finite."""
    known = losses[..., -1][np.isfinite(losses[..., -1])]
    bar.set_postfix(loss=f"{np.median(known):.3g}" if known.size else "nan", refresh=False)
    bar.update(losses.shape[-1])


def _first_states(
    model: Model,
    objective: Objective,
    keys: Array,
    data: Data,
    held_out: Data | None,
    batch_size: int,
    total_steps: int,
) -> TrainState:
    """Return the states before the first step; refuse what `fit` refuses, and too many runs."""
    optimizer = jax.tree.map(lambda leaf: leaf[0], objective.optimizer)
    needed = try_functions(model, objective.loss, optimizer, keys[0], data, batch_size)
    rates = jax.tree.leaves(objective.optimizer)
    runs = len(keys) * (len(rates[0]) if rates else 1)
    # What is learned, the losses of a chunk in which each step has a place, and the history.
    room = max_steps_per_call(batch_size)
    needed = runs * (needed + 4 * room + 4 * total_steps) + len(keys) * 4 * room * batch_size
    check_memory("keys", f"{runs} runs (optimizers times keys) that fit", needed)
    state = init_train_states(model, objective.optimizer, keys)
    first = jax.tree.map(lambda leaf: leaf[0, 0], state.params)
    check_targets(model, objective.loss, first, data, held_out)
    return state


@partial(jax.jit, static_argnames="model")
def init_train_states(model: Model, optimizers: Optimizer, keys: Array) -> TrainState:
    """Return the states before the first step, with axes (optimizers, keys)."""
    each_key = jax.vmap(partial(steps.init_train_state, model), in_axes=(None, 0))
    return jax.vmap(each_key, in_axes=(0, None))(optimizers, keys)


@partial(jax.jit, static_argnames="model")
def train(
    model: Model,
    objective: Objective,
    states: TrainState,
    data: Data,
    indices: Int[Array, "keys capacity batch"],
    steps_done: Int[Array, ""] | int,
    count: Int[Array, ""] | int,
) -> StepsResult:
    """Take `count` steps in all runs; see `steps.take_steps`."""

    def one_run(
        optimizer: Optimizer, key: Array, state: TrainState, own_indices: Array
    ) -> StepsResult:
        own = objective._replace(optimizer=optimizer, key=key)
        return steps.take_steps(model, own, state, data, own_indices, steps_done, count)

    each_key = jax.vmap(one_run, in_axes=(None, 0, 0, 0))
    each_optimizer = jax.vmap(each_key, in_axes=(0, None, 0, None))
    return each_optimizer(objective.optimizer, objective.key, states, indices)


@partial(jax.jit, static_argnames="model")
def evaluate(model: Model, loss: Partial, params: PyTree, data: Data) -> Metrics:
    """Measure all runs on data."""
    one_run = partial(steps.measure, model, loss, data=data)
    return jax.vmap(jax.vmap(one_run))(params)
