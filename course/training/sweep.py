"""Sweeps: train one model many times at once, with other learning rates and from other keys.

    result = sweep(model, loss, [sgd(rate) for rate in rates], data, keys=keys, ...)
    result.history.loss[i, j]     run of optimizer i from key j

All runs go through one compiled program, which `vmap` makes from that of a single run. Each is the
run that `fit` makes with that optimizer and that key.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array, Int, PyTree

from course.checks import Arguments, checked, count, function, key, refusal
from course.models.layers import Model
from course.training import steps
from course.training.batching import BatchOrder, chunks
from course.training.loop import check_loss, progress_bar, warn_if_cut_short
from course.training.optimizer_base import (
    GradientTransformation,
    Optimizer,
    as_optimizer,
    as_partial,
)
from course.training.results import FitResult, Stopped, make_history
from course.training.steps import Data, Metrics, Objective, StepsResult, TrainState


def as_optimizers(name: str, value: Any, _arguments: Arguments) -> Optimizer:
    """Rule for optimizers of one kind; they become one whose numbers have a leading axis."""
    # An optimizer is a tuple as well, but a named one.
    listed = list(value) if type(value) in (list, tuple) else [value]
    if not listed:
        raise refusal(name, "at least one optimizer", "none")
    single = [as_optimizer(optimizer, name) for optimizer in listed]
    kinds = {jax.tree.structure(optimizer) for optimizer in single}
    if len(kinds) > 1:
        raise refusal(name, "optimizers of one kind", f"{len(kinds)} kinds")
    return jax.tree.map(lambda *leaves: jnp.stack(list(map(jnp.asarray, leaves))), *single)


def as_keys(name: str, value: Any, arguments: Arguments) -> Array:
    """Rule for one random key or an array of them along one axis; one becomes an array of one."""
    typed = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    many = isinstance(value, jax.Array) and value.ndim == (1 if typed else 2)
    if many and len(value) == 0:
        raise refusal(name, "at least one key", "none")
    one: Array = key(name, value[0] if many else value, arguments)
    return value if many else one[None]


@checked(
    model=steps.as_model,
    loss=function("a function (predictions, targets)"),
    optimizers=as_optimizers,
    data=steps.as_data,
    epochs=count(),
    batch_size=count(),
    keys=as_keys,
    validation=steps.as_data,
    l2=steps.as_strength,
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
        keeps what was learned, and says so in `stopped`.

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
    objective = Objective(as_partial(loss), cast(Optimizer, optimizers), l2, step_keys)
    state = init_train_states(model, objective.optimizer, init_keys)
    check_loss(model, objective.loss, jax.tree.map(lambda leaf: leaf[0, 0], state.params), examples)
    orders = [BatchOrder(one, len(examples[0]), batch_size) for one in keys]
    total = epochs * orders[0].steps_per_epoch

    losses: list[np.ndarray] = []
    metrics: list[Metrics] = []
    stopped = Stopped.FINISHED
    with progress_bar(progress, total=total, what="sweep") as bar:
        try:
            for chunk in chunks(orders[0], 0, total, held_out is not None):
                indices = np.stack([order.take(chunk.size) for order in orders])
                result = train(
                    model, objective, state, examples, indices, chunk.steps_done, chunk.size
                )
                new_losses = np.asarray(result.losses)[..., : chunk.size]
                # Both at once: an interrupt comes before or after a chunk.
                state, losses = result.state, [*losses, new_losses]
                if held_out is not None and chunk.ends_epoch:
                    metrics.append(evaluate(model, objective.loss, state.params, held_out))
                known = new_losses[..., -1][np.isfinite(new_losses[..., -1])]
                shown = f"{np.median(known):.3g}" if known.size else "nan"
                bar.set_postfix(loss=shown, refresh=False)
                bar.update(chunk.size)
        except KeyboardInterrupt:
            stopped = Stopped.INTERRUPTED
    history = make_history(losses, metrics, examples, orders[0].steps_per_epoch)
    warn_if_cut_short(stopped, history)
    return FitResult(state.params, state.opt_state, history, stopped)


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
    one_run = partial(steps.evaluate, model, loss, data=data)
    return jax.vmap(jax.vmap(one_run))(params)
