"""Fit a model to data: thousands of steps in a compiled program, and Python between them.

    repeat: theta <- theta + update(grad J(theta; next batch))

The compiled part is `course.training.steps`, the order of the examples `course.training.batching`.
Here is what happens between two calls of it: the progress bar, validation, early stopping, and what
becomes of a run that is interrupted or whose loss stops being a number. Many devices are the matter
of `course.training.scale.parallel`, what a checkpoint holds that of `course.training.results`.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, PyTree

from course.legacy_checks import Count, Key, OneOf, checked, refusal
from course.models.layers import Model
from course.training import steps
from course.training.batching import BatchOrder, chunks
from course.training.optimizers import AnyOptimizer, Optimizer
from course.training.progress_bar import bar
from course.training.results import (
    Best,
    FitResult,
    History,
    RunState,
    history,
)
from course.training.rules import (
    BatchSize,
    Devices,
    Examples,
    Keeper,
    Loss,
    ModelRule,
    Patience,
    Strength,
)
from course.training.scale.parallel import BACKENDS
from course.training.scale.runner import hire
from course.training.scale.snapshot import ArrayStore, RunFingerprint, Saver
from course.training.steps import Data, Metrics, Objective

__all__ = [
    "FINISHED",
    "INTERRUPTED",
    "FitResult",
    "History",
    "check_loss",
    "fit",
    "history",
    "warn",
]

GLANCE = 1024
"""How many examples the bar's accuracy is measured on where there are no validation data."""
FINISHED = "finished"
INTERRUPTED = "interrupted"


@checked(
    model=ModelRule(),
    loss=Loss(),
    optimizer=AnyOptimizer(),
    data=Examples(),
    epochs=Count(),
    batch_size=BatchSize(),
    key=Key(),
    validation=Examples(optional=True),
    patience=Patience(),
    l2=Strength(),
    devices=Devices(),
    backend=OneOf(*BACKENDS),
    checkpoint=Keeper(),
    save_every=Strength(),
)
def fit(
    model: Model,
    loss: Partial,
    optimizer: Optimizer,
    data: Data,
    *,
    epochs: int,
    batch_size: int,
    key: Array,
    validation: Data | None = None,
    patience: int | None = None,
    l2: float | None = None,
    devices: int | str | Sequence[jax.Device] | None = None,
    backend: str = "pmap",
    checkpoint: ArrayStore | None = None,
    save_every: float | None = 10.0,
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
            epoch is shuffled anew, no example is left out for long.
        key: settles the initial parameters, the order of the examples, and any randomness of the
            model. The same key gives the same run.
        validation: inputs and targets to measure the loss (and accuracy) on after each epoch.
        patience: stop when the validation loss has not gone down for so many epochs, and return
            the parameters with the lowest. None: run all epochs, return the last parameters.
        l2: strength of a penalty l2/2 |params|^2 on all parameters.
        devices: how many devices share each batch, "all", or the devices themselves; None leaves
            everything on one. The result is the same but for rounding and for what is random in
            the model. Several processes, once they have found each other (`processes.join`), must
            all call `fit` with the same arguments and all devices.
        backend: "pmap" or "sharded", two ways to say it to JAX; see `scale.parallel`.
        checkpoint: where to keep what was learned, such as
            `course.training.scale.checkpoint.OrbaxStore("folder")`. If there is something already,
            the run goes on from there, as if it had never ended; the loss, the rates and the
            penalty are taken to be what they were.
        save_every: seconds between two checkpoints; there is one at the end in any case.
        stop: asked several times a second; when it says true, the run ends as by an interrupt.
        progress: show a bar with loss, accuracy and time left; False for none, or a function that
            makes one, such as `tqdm.tqdm`. The environment variable COURSE_QUIET silences it.

    Returns:
        FitResult. A run that an interrupt ends, or a loss that is NaN or infinite, returns as well,
        with a warning: then `params` are the last good ones and `stopped` says what happened at
        which step. A second run with other values (a rate, `l2`, a temperature in `loss`, the
        number of epochs) but the same model, kinds and shapes compiles nothing.

    Raises:
        TypeError, ValueError: if an argument is not as described, the loss does not give one
            number for each example, the devices cannot share a batch evenly, or the checkpoint is
            that of another run. The message names the argument.

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
    begin_key, step_key = jax.random.split(key)
    learner = steps.init_state(model, optimizer, begin_key)
    check_loss(model, loss, learner.params, data)
    task = Objective(loss, optimizer, l2, step_key)
    order = BatchOrder(key, len(data[0]), batch_size)
    crew = hire(model, devices, backend, batch_size)
    run = RunState(learner, [], [], Best(learner))
    plan = partial(RunFingerprint.of, key, data, batch_size, validation, patience)
    saver = Saver(checkpoint, crew, plan)
    run = saver.restore(run)
    order.skip(run.steps)

    learner, examples = crew.place((run.state, data))
    glance = crew.near(validation or (data[0][:GLANCE], data[1][:GLANCE]))
    stopped = tired(patience) if run.tired(patience) else FINISHED
    seconds = 0.0  # that a part took, the same in all processes
    with (
        bar(progress if crew.is_main else False, total=epochs * order.steps, what="fit") as shown,
        crew.listening(stop) as asked,
    ):
        shown.update(run.steps)
        pieces = chunks(
            epochs if stopped == FINISHED else 0,
            order.steps,
            batch_size,
            pause=bool(validation),
            begin=run.steps,
            took=lambda: seconds,
        )
        try:
            for first, count in pieces:
                begun = time.perf_counter()
                batches = order.take(count)
                after = crew.train(task, learner, examples, batches, first, count)
                new = np.asarray(crew.local(after.losses))[:count]
                if not (np.isfinite(new).all() and crew.local(after.sound)):
                    good = int(np.isfinite([*new, np.nan]).argmin())
                    if good > 1:  # the same steps again, without the update that spoiled it all
                        again = crew.train(task, learner, examples, batches, first, good - 1)
                        run = run._replace(state=crew.local(again.learner))
                    run = run._replace(losses=[*run.losses, new[: good + 1]])
                    stopped = f"the loss was no longer finite at step {first + good}"
                    saver.skip(run)  # the checkpoint from before is worth more
                    break
                learner, here = after.learner, crew.local(after.learner)
                score = None
                if validation and (first + count) % order.steps == 0:
                    score = steps.evaluate(model, loss, here.params, glance)
                run = run.after(here, new, score)  # all at once: no interrupt comes in between
                if not shown.disable:
                    seen = score or steps.evaluate(model, loss, here.params, glance)
                    shown.set_postfix(figures(new, seen), refresh=False)
                    shown.update(count)
                seconds, enough, interrupted, due = crew.agree(
                    [
                        time.perf_counter() - begun,
                        run.tired(patience),
                        asked(),
                        saver.due(save_every),
                    ]
                )
                if enough:
                    stopped = tired(patience)
                    break
                if interrupted:
                    stopped = f"{INTERRUPTED} after {run.steps} steps"
                    break
                if due:
                    saver.save(run)
        except KeyboardInterrupt:
            if crew.several:  # the others do not know of it
                raise
            stopped = f"{INTERRUPTED} after {run.steps} steps"
    saver.save(run)
    saver.close()
    crew.agree(0.0)  # nobody ends before the last checkpoint is written
    if stopped not in (FINISHED, tired(patience)):
        warn(stopped)
    if patience and run.best.epoch:
        run = run._replace(state=run.best.state)
    record = history(run.losses, run.metrics, data, order.steps)
    return FitResult(run.state.params, run.state.state, record, stopped)


def tired(patience: int | None) -> str:
    """Why a run ends whose validation loss does not go down any more."""
    return f"no lower validation loss for {patience} epochs"


def check_loss(model: Model, loss: Partial, params: PyTree, data: Data) -> None:
    """Refuse a loss that does not give one number for each example.

    The loss is called once outside the compiled program, with all targets, where it can see their
    values: a label that is out of range is found here.
    """
    inputs, targets = data
    one = steps.predictions(model, params, inputs[:1])
    losses = loss(jnp.broadcast_to(one, (len(targets), *one.shape[1:])), targets)
    if jnp.shape(losses) != (wanted := targets.shape[:1]):
        raise refusal("loss", f"one for each example, shape {wanted}", f"shape {jnp.shape(losses)}")


def warn(stopped: str) -> None:
    """Say that a run ended before its time."""
    # The caller of `fit`: above this function, `fit` and what checks its arguments.
    warnings.warn(f"{stopped}; what was learned until then is kept", RuntimeWarning, stacklevel=4)


def figures(losses: np.ndarray, score: Metrics) -> dict[str, str]:
    """What the bar says."""
    shown = {"loss": f"{losses.mean():.3g}"}
    if np.isfinite(score.accuracy):
        shown["accuracy"] = f"{score.accuracy:.1%}"
    return shown
