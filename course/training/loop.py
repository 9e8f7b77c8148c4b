"""Training loop: thousands of steps in compiled calls, and Python between them.

    repeat: theta <- theta + update(grad J(theta; next batch))

The compiled part is `course.training.steps`, the order of the examples `course.training.batching`.
Between two calls come the progress bar, validation, early stopping and checkpoints, and what ends a
run early: an interrupt, or a loss that is no longer finite. `course.training.scale.runner` knows
how many devices and processes take the steps.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from signal import SIGINT, SIGTERM
from typing import Any, cast

import jax
import numpy as np
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array

from course.checks import Arguments, checked, count, number, one_of, refusal
from course.models.layers import Model
from course.training import steps
from course.training.arguments import (
    Data,
    as_data,
    as_key,
    as_loss,
    as_model,
    as_one_optimizer,
    as_patience,
    as_progress,
    as_stop,
    as_strength,
    check_memory,
    check_steps,
    known,
)
from course.training.batching import BatchOrder, Chunk, chunks
from course.training.interrupts import StopSignal
from course.training.monitor import Monitor, progress_bar
from course.training.optimizer_base import GradientTransformation
from course.training.optimizers import Optimizer
from course.training.results import (
    Best,
    Failure,
    FitResult,
    RunFingerprint,
    RunState,
    Stopped,
    make_history,
)
from course.training.scale.checkpoint import ArrayStore, Saver
from course.training.scale.parallel import BACKENDS
from course.training.scale.runner import Runner, make_runner
from course.training.steps import Metrics, Objective, TrainState
from course.training.trial import check_targets, try_functions


def as_store(name: str, value: Any, _arguments: Arguments) -> ArrayStore:
    """Rule for an object that saves and restores arrays."""
    if isinstance(value, type) or not isinstance(value, ArrayStore):
        got = getattr(value, "__name__", None) or type(value).__name__
        raise refusal(name, "an object with save and restore, such as OrbaxStore", got, TypeError)
    return value


@checked(
    model=as_model,
    loss=as_loss,
    optimizer=as_one_optimizer,
    data=as_data,
    epochs=count(),
    batch_size=count(),
    key=as_key,
    validation=as_data,
    patience=as_patience,
    l2=as_strength,
    backend=one_of(*BACKENDS),
    checkpoint=as_store,
    save_every=known(number("seconds, at least 0", 0.0)),
    stop=as_stop,
    progress=as_progress,
)
def fit(
    model: Model,
    loss: Callable[[Array, Array], Array],
    optimizer: Optimizer | GradientTransformation,
    data: tuple[ArrayLike, ArrayLike],
    *,
    epochs: int,
    batch_size: int,
    key: Array,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    patience: int | None = None,
    l2: float | None = None,
    devices: int | str | Sequence[jax.Device] | None = None,
    backend: str = "pmap",
    checkpoint: ArrayStore | None = None,
    save_every: float = 10.0,
    stop: Callable[[], bool] | None = None,
    progress: bool | Callable[..., Any] = True,
) -> FitResult:
    """Train a model from its initial parameters.

    Args:
        model: a pair of functions, `init(key) -> params` and `apply(params, inputs) -> predictions`
            for a batch of inputs; if `apply` takes a `key=`, each step gives it another.
        loss: a function `(predictions, targets) -> losses`, one for each example.
        optimizer: from `course.training.optimizers`, or any transformation with optax's protocol.
        data: inputs and targets, the examples along the first axis of both.
        epochs: passes over the data.
        batch_size: examples in a step. What an epoch leaves over is left out of it; since every
            epoch has its own shuffle, no example is left out for long.
        key: determines the initial parameters, the order of the examples, and any randomness of
            the model. The same key gives the same run.
        validation: inputs and targets to measure the loss (and accuracy) on after each epoch.
        patience: epochs without a lower validation loss after which the run stops and returns the
            parameters with the lowest. None: run all epochs, return the last parameters.
        l2: strength of a penalty l2/2 |params|^2 on all parameters.
        devices: number of devices that share each batch, "all", or the devices themselves; None
            leaves everything on one. The result is the same but for rounding and for what is random
            in the model. Several processes, once they have found each other (`processes.join`),
            must all call `fit` with the same arguments and all devices.
        backend: "pmap" or "sharded"; see `course.training.scale.parallel`.
        checkpoint: store of what was learned, such as
            `course.training.scale.checkpoint.OrbaxStore("folder")`. If it holds a checkpoint, the
            run is resumed from there, as if it had never ended; the loss, the rates and the penalty
            are taken to be what they were.
        save_every: seconds between two checkpoints; there is one at the end in any case.
        stop: a function without arguments, asked between two chunks of steps, which take about
            0.2 s; when it returns True, the run ends as by an interrupt.
        progress: show a bar with loss, accuracy and time left; False for none, or a function that
            makes one, such as `tqdm.tqdm`. The environment variable COURSE_QUIET silences it.

    Returns:
        Parameters, history and the reason why the run ended. A run that ends by an interrupt or by
        a loss that is NaN or infinite returns as well, with a warning: then `params` are the last
        finite ones (with patience the best), and `history` ends where it happened. An exception of
        `stop`, of the bar or of the checkpoint's store ends a run as an interrupt does: what was
        learned is saved, and is the `result` of the exception. A second run with other values (a
        rate, `l2` above 0, a temperature in `loss`, the number of epochs) but the same model, kinds
        and shapes compiles nothing.

    >>> import jax.numpy as jnp
    >>> from course.models.layers import Model
    >>> from course.training.optimizers import sgd
    >>> line = Model(lambda key: 0.0 * jax.random.normal(key), lambda slope, x: slope * x)
    >>> x = jnp.linspace(-1, 1, 8)
    >>> squares = lambda predictions, targets: (predictions - targets) ** 2
    >>> result = fit(line, squares, sgd(0.5), (x, 3 * x), epochs=40, batch_size=4,
    ...              key=jax.random.key(0), progress=False)
    >>> print(f"slope {result.params:.3f} after {len(result.history.loss)} steps")
    slope 3.000 after 80 steps
    """
    # The parts of a run: what it minimises, who takes the steps.
    examples, held_out = cast(tuple[Data, Data | None], (data, validation))  # by `checked`
    init_key, step_key = jax.random.split(key)
    objective = Objective(cast(Partial, loss), cast(Optimizer, optimizer), l2, step_key)
    runner = make_runner(model, devices, backend, batch_size)

    # A checkpoint holds a run between two chunks: a resumed run goes on as if it had not ended.
    fingerprint = partial(RunFingerprint.of, key, examples, batch_size, held_out, patience)
    saver = Saver(checkpoint, runner, fingerprint)
    failure = Failure(hold=not runner.multi_process)
    with _noted_signals(runner) as signals, saver:
        start = _first_state(model, objective, init_key, examples, held_out, batch_size)
        run = saver.restore(RunState(start, [], [], Best(start)))
        order = BatchOrder(key, len(examples[0]), batch_size, skip=run.steps)
        total = check_steps(epochs, order.steps_per_epoch)
        training = _Training(run, runner, objective, examples)
        monitor = Monitor(model, objective.loss, examples, held_out, runner)

        shown = runner.is_main and progress
        bar = progress_bar(shown, done=run.steps, total=total, what="fit")
        with failure, bar:
            ends = (bool(held_out), runner.max_over_processes)
            for chunk in chunks(order, run.steps, total, *ends):
                asked = (stop is not None and stop()) or signals()
                training.stopped = _why_stop(runner, training.run, patience, asked)
                if not training.stopped:
                    metrics = training.take_steps(chunk, order, monitor)
                if training.stopped:
                    break
                monitor.report(bar, training.run, metrics)
                saver.save_if_due(training.run, save_every)
            else:
                training.stopped = Stopped.FINISHED
        # A second Ctrl-C breaks off a chunk, not the last save: there, one is only noted again.
        # Its finaliser, in which an exception would be ignored, runs while signals are noted, too.
        signals.note_next()
        del bar
        with failure:
            saver.close(training.run)
        result = training.result(order.steps_per_epoch, patience)
    # Only now, as no signal is noted any more: one that came late is told, too.
    if signals() and result.stopped is not Stopped.NOT_FINITE:
        result = result._replace(stopped=Stopped.INTERRUPTED)
    failure.raise_with(result)
    warn_if_cut_short(result)
    return result


def _first_state(
    model: Model, objective: Objective, key: Array, data: Data, held_out: Data | None, batch: int
) -> TrainState:
    """Return the state before the first step; refuse functions or targets that do not go together.

    All is tried out now: what is wrong is said before the first step, not after an hour.
    """
    needed = try_functions(model, objective.loss, objective.optimizer, key, data, batch)
    check_memory("model", "parameters that fit, with all that belongs to them,", needed)
    state = steps.init_train_state(model, objective.optimizer, key)
    check_targets(model, objective.loss, state.params, data, held_out)
    return state


class _Training:
    """A run while it goes on: what neither an interrupt nor an exception loses.

    Args:
        run: where it starts.
        runner: takes the steps.
        objective: to minimise.
        data: all examples.
    """

    def __init__(self, run: RunState, runner: Runner, objective: Objective, data: Data) -> None:
        self.run = run
        self.stopped: Stopped | None = None
        self._runner = runner
        self._objective = objective
        self._state, self._data = runner.replicate((run.state, data))  # indices of batches follow
        self._broken: list[np.ndarray] = []

    def take_steps(self, chunk: Chunk, order: BatchOrder, monitor: Monitor) -> Metrics | None:
        """Take the steps of a chunk; return validation metrics where an epoch ends."""
        batches = order.take(chunk.size)
        result = self._runner.train(self._objective, self._state, self._data, batches, chunk)
        # A copy: the array itself has room for the longest chunk.
        losses = np.asarray(self._runner.local_copy(result.losses))[: chunk.size].copy()
        if not (np.isfinite(losses).all() and self._runner.local_copy(result.finite)):
            # `run` still holds the last finite state, at most one chunk old.
            self.stopped = Stopped.NOT_FINITE
            self._broken.append(losses[: _first_not_finite(losses) + 1])
            return None

        self._state = result.state
        metrics = monitor.measure(result.state.params, chunk)
        self.run = self.run.advance(self._runner.local_copy(result.state), losses, metrics)
        return metrics

    def result(self, steps_per_epoch: int, patience: int | None) -> FitResult:
        """Return what was learned."""
        run = self.run
        losses = [*run.losses, *self._broken]
        history = make_history(losses, run.metrics, self._data, steps_per_epoch)
        params, opt_state = run.best.state if patience and run.best.epoch else run.state
        return FitResult(params, opt_state, history, self.stopped or Stopped.INTERRUPTED)


def _noted_signals(runner: Runner) -> StopSignal:
    """Return what notes Ctrl-C; a second one breaks off a chunk, and what was learned is kept.

    A launcher ends several processes by SIGTERM; one alone dies of it, as any program.
    """
    return StopSignal((SIGINT, SIGTERM) if runner.multi_process else (SIGINT,))


def _why_stop(runner: Runner, run: RunState, patience: int | None, asked: bool) -> Stopped | None:
    """Return the reason to end a run now, the same in all processes, or None."""
    exhausted, interrupted = runner.max_over_processes([run.patience_exhausted(patience), asked])
    if exhausted:
        return Stopped.PATIENCE
    return Stopped.INTERRUPTED if interrupted else None


def warn_if_cut_short(result: FitResult) -> None:
    """Warn that a run ended before its time."""
    losses = result.history.loss
    if result.stopped is Stopped.NOT_FINITE:
        # Where all losses are finite, the one after the last update was not.
        sentence = f"{result.stopped} at step {_first_not_finite(losses)}"
    elif result.stopped is Stopped.INTERRUPTED:
        sentence = f"{result.stopped} after {losses.shape[-1]} steps"
    else:
        return
    # The caller of `fit`: above this function, `fit` and what checks its arguments.
    warnings.warn(f"{sentence}; what was learned until then is kept", RuntimeWarning, stacklevel=4)


def _first_not_finite(losses: np.ndarray) -> int:
    """Return the index of the first loss that is not finite; their number if there is none."""
    return int(np.isfinite([*losses, np.nan]).argmin())
