"""Train one model many times at once: with other learning rates, from other keys.

    result = sweep(model, loss, [sgd(rate) for rate in rates], data, keys=keys, ...)
    result.history.loss[i, j]     the run of the i-th optimizer from the j-th key

All runs go through one compiled program, which `vmap` has made from that of a single run. Each is
the run that `fit` makes with that optimizer and that key.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Int

from course.legacy_checks import Arguments, Count, Key, checked, refusal
from course.models.layers import Model
from course.training import steps
from course.training.batching import BatchOrder, chunks
from course.training.loop import FINISHED, FitResult, check_loss, history, warn
from course.training.optimizer_base import Optimizer, transformation
from course.training.progress_bar import bar
from course.training.rules import BatchSize, Examples, Loss, ModelRule, Strength
from course.training.steps import Data, Metrics, Objective, StepsResult, TrainState


class _Optimizers:
    """One optimizer or a sequence of one kind; becomes one whose leaves have an axis in front."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Optimizer:
        # An optimizer is a tuple, too, but a named one.
        listed = list(value) if type(value) in (list, tuple) else [value]
        if not listed:
            raise refusal(name, "at least one optimizer", "none")
        single = [transformation(name, one, arguments) for one in listed]
        kinds = {jax.tree.structure(one) for one in single}
        if len(kinds) > 1:
            raise refusal(name, "optimizers of one kind", f"{len(kinds)} kinds")
        stacked: Optimizer = jax.tree.map(
            lambda *leaves: jnp.stack(list(map(jnp.asarray, leaves))), *single
        )
        return stacked


class _Keys(Key):
    """A key, or an array of them along one axis."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Array:
        typed = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
        many = isinstance(value, jax.Array) and value.ndim == (1 if typed else 2)
        if many and len(value) == 0:
            raise refusal(name, "at least one key", "none")
        one: Array = super().__call__(name, value[0] if many else value, arguments)
        return value if many else one[None]


@checked(
    model=ModelRule(),
    loss=Loss(),
    optimizers=_Optimizers(),
    data=Examples(),
    epochs=Count(),
    batch_size=BatchSize(),
    keys=_Keys(),
    validation=Examples(optional=True),
    l2=Strength(),
)
def sweep(
    model: Model,
    loss: Partial,
    optimizers: Optimizer,
    data: Data,
    *,
    epochs: int,
    batch_size: int,
    keys: Array,
    validation: Data | None = None,
    l2: float | None = None,
    progress: bool | Callable[..., Any] = True,
) -> FitResult:
    """Train a model with each of some optimizers, from each of some keys, all at once.

    Args:
        model: see `fit`.
        loss: see `fit`.
        optimizers: a list of optimizers of one kind, such as `[sgd(rate) for rate in rates]`; one
            is taken for a list of one.
        data: see `fit`.
        epochs: see `fit`.
        batch_size: see `fit`.
        keys: random keys, such as `jax.random.split(key, 8)`; one is taken for a list of one.
        validation: see `fit`.
        l2: see `fit`.
        progress: see `fit`.

    Returns:
        FitResult whose arrays all have two more axes in front: optimizers and keys. A run whose
        loss is NaN or infinite goes on and shows it; the others do not notice. An interrupt ends
        all of them, keeps what was learned, and says so in `stopped`.

    Raises:
        TypeError, ValueError: if an argument is not as described. The message names the argument.

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
    begin_keys, step_keys = jax.vmap(jax.random.split, out_axes=1)(keys)
    learners = init_states(model, optimizers, begin_keys)
    check_loss(model, loss, jax.tree.map(lambda leaf: leaf[0, 0], learners.params), data)
    tasks = Objective(loss, optimizers, l2, step_keys)
    orders = [BatchOrder(key, len(data[0]), batch_size) for key in keys]
    per_epoch = orders[0].steps

    losses: list[np.ndarray] = []
    scores: list[Metrics] = []
    stopped = FINISHED
    with bar(progress, total=epochs * per_epoch, what="sweep") as shown:
        try:
            for first, count in chunks(epochs, per_epoch, batch_size, pause=bool(validation)):
                batches = np.stack([order.take(count) for order in orders])
                after = train(model, tasks, learners, data, batches, first, count)
                new = np.asarray(after.losses)[..., :count]
                learners, losses = after.learner, [*losses, new]
                if validation and (first + count) % per_epoch == 0:
                    scores.append(evaluate(model, loss, learners.params, validation))
                shown.set_postfix(loss=f"{np.nanmedian(new[..., -1]):.3g}", refresh=False)
                shown.update(count)
        except KeyboardInterrupt:
            stopped = f"interrupted after {sum(part.shape[-1] for part in losses)} steps"
            warn(stopped)
    record = history(losses, scores, data, per_epoch)
    return FitResult(learners.params, learners.state, record, stopped)


@partial(jax.jit, static_argnames="model")
def init_states(model: Model, optimizers: Optimizer, keys: Array) -> TrainState:
    """Return all learners before their first step."""
    each_key = jax.vmap(partial(steps.init_state, model), in_axes=(None, 0))
    learners: TrainState = jax.vmap(each_key, in_axes=(0, None))(optimizers, keys)
    return learners


@partial(jax.jit, static_argnames="model")
def train(
    model: Model,
    tasks: Objective,
    learners: TrainState,
    data: Data,
    order: Int[Array, "keys capacity batch"],
    first: Int[Array, ""] | int,
    count: Int[Array, ""] | int,
) -> StepsResult:
    """Let all learners take `count` steps (see `steps.take_steps`)."""

    def one(optimizer: Optimizer, key: Array, learner: TrainState, order: Array) -> StepsResult:
        task = Objective(tasks.loss, optimizer, tasks.l2, key)
        return steps.take_steps(model, task, learner, data, order, first, count)

    each_key = jax.vmap(one, in_axes=(None, 0, 0, 0))
    each_optimizer = jax.vmap(each_key, in_axes=(0, None, 0, None))
    after: StepsResult = each_optimizer(tasks.optimizer, tasks.key, learners, order)
    return after


@partial(jax.jit, static_argnames="model")
def evaluate(model: Model, loss: Partial, params: Any, data: Data) -> Metrics:
    """Metrics all learners."""

    def one(params: Any) -> Metrics:
        score: Metrics = steps.evaluate(model, loss, params, data)
        return score

    scores: Metrics = jax.vmap(jax.vmap(one))(params)
    return scores
