"""Fit a model to data: thousands of steps in a compiled program, and Python between them.

    repeat: theta <- theta + update(grad J(theta; next batch))

The compiled part is `course.training.steps`, the order of the examples `course.training.order`.
Here is what happens between two calls of it: the progress bar, validation, early stopping, and what
becomes of a run that is interrupted or whose loss stops being a number.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, PyTree

from course.checks import Count, Key, checked, refusal
from course.models.layers import Model
from course.training import steps
from course.training.optimizers import AnyOptimizer, Optimizer
from course.training.order import Order, parts
from course.training.progress import bar
from course.training.rules import BatchSize, Examples, Loss, ModelRule, Patience, Strength
from course.training.steps import Data, Learner, Score, Task

GLANCE = 1024
"""How many examples the bar's accuracy is measured on where there are no validation data."""
FINISHED = "finished"


class History(NamedTuple):
    """How a run went; a sweep has two more axes in front, optimizers and keys."""

    loss: Float[np.ndarray, "*sweep steps"]
    """The mean loss of each step's batch before its update, in the unit of the loss."""
    validation_loss: Float[np.ndarray, "*sweep epochs"] | None
    """The mean loss of the validation data after each epoch; None without such data."""
    validation_accuracy: Float[np.ndarray, "*sweep epochs"] | None
    """The share of its labels predicted right after each epoch; None if they are no labels."""
    steps_per_epoch: int
    """Full batches in an epoch."""

    @property
    def epoch_loss(self) -> Float[np.ndarray, "*sweep epochs"]:
        """The mean of `loss` over each full epoch."""
        epochs = self.loss.shape[-1] // self.steps_per_epoch
        whole = self.loss[..., : epochs * self.steps_per_epoch]
        parts = whole.reshape(*whole.shape[:-1], epochs, self.steps_per_epoch)
        return np.asarray(parts.mean(axis=-1))


class FitResult(NamedTuple):
    """What came of a run."""

    params: PyTree
    """What was learned: with early stopping, the parameters of the best epoch."""
    state: PyTree
    """The optimizer's state that belongs to `params`."""
    history: History
    stopped: str
    """Why the run ended: "finished", or a sentence."""


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
        progress: show a bar with loss, accuracy and time left; False for none, or a function that
            makes one, such as `tqdm.tqdm`. The environment variable COURSE_QUIET silences it.

    Returns:
        FitResult. A run that an interrupt ends, or a loss that is NaN or infinite, returns as well,
        with a warning: then `params` are the last good ones and `stopped` says what happened at
        which step. A second run with other values (a rate, `l2`, a temperature in `loss`, the
        number of epochs) but the same model, kinds and shapes compiles nothing.

    Raises:
        TypeError, ValueError: if an argument is not as described, or the loss does not give one
            number for each example. The message names the argument.

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
    learner = steps.begin(model, optimizer, begin_key)
    check_loss(model, loss, learner.params, data)
    task = Task(loss, optimizer, l2, step_key)
    order = Order(key, len(data[0]), batch_size)

    losses: list[np.ndarray] = []
    scores: list[Score] = []
    best, stopped = Best(learner), FINISHED
    with bar(progress, total=epochs * order.steps, what="fit") as shown:
        try:
            for first, count in parts(epochs, order.steps, batch_size, pause=bool(validation)):
                batches = order.take(count)
                after = steps.train(model, task, learner, data, batches, first, count)
                new = np.asarray(after.losses)[:count]
                if not (np.isfinite(new).all() and after.sound):
                    good = int(np.isfinite([*new, np.nan]).argmin())
                    if good > 1:  # the same steps again, without the update that spoiled it all
                        again = steps.train(model, task, learner, data, batches, first, good - 1)
                        learner = again.learner
                    losses.append(new[: good + 1])
                    stopped = f"the loss was no longer finite at step {first + good}"
                    warn(stopped)
                    break
                # Both at once: no interrupt comes in between.
                learner, losses = after.learner, [*losses, new]
                if validation and (first + count) % order.steps == 0:
                    scores.append(steps.evaluate(model, loss, learner.params, validation))
                    best = best.or_better(learner, scores)
                    if patience and len(scores) - best.epoch >= patience:
                        stopped = f"no lower validation loss for {patience} epochs"
                        break
                if not shown.disable:
                    glance = validation or (data[0][:GLANCE], data[1][:GLANCE])
                    score = steps.evaluate(model, loss, learner.params, glance)
                    shown.set_postfix(figures(new, score), refresh=False)
                    shown.update(count)
        except KeyboardInterrupt:
            stopped = f"interrupted after {sum(map(len, losses))} steps"
            warn(stopped)
    if patience and best.epoch:
        learner = best.learner
    record = history(losses, scores, data, order.steps)
    return FitResult(learner.params, learner.state, record, stopped)


class Best(NamedTuple):
    """The learner with the lowest validation loss so far."""

    learner: Learner
    loss: float = math.inf
    epoch: int = 0
    """After how many epochs; 0 before any was judged."""

    def or_better(self, learner: Learner, scores: Sequence[Score]) -> "Best":
        """Return the learner of the last score if it is better, or the first."""
        loss = float(scores[-1].loss)
        better = loss < self.loss or not self.epoch
        return Best(learner, loss, len(scores)) if better else self


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


def history(
    losses: Sequence[np.ndarray], scores: Sequence[Score], data: Data, steps_per_epoch: int
) -> History:
    """Put the parts of a run together."""
    loss = np.concatenate(losses, axis=-1) if losses else np.zeros(0, np.float32)
    if not scores:
        return History(loss, None, None, steps_per_epoch)
    validation = np.stack([score.loss for score in scores], axis=-1)
    accuracy = np.stack([score.accuracy for score in scores], axis=-1)
    labels = jnp.issubdtype(data[1].dtype, jnp.integer)
    return History(loss, validation, accuracy if labels else None, steps_per_epoch)


def warn(stopped: str) -> None:
    """Say that a run ended before its time."""
    # The caller of `fit`: above this function, `fit` and what checks its arguments.
    warnings.warn(f"{stopped}; what was learned until then is kept", RuntimeWarning, stacklevel=4)


def figures(losses: np.ndarray, score: Score) -> dict[str, str]:
    """What the bar says."""
    shown = {"loss": f"{losses.mean():.3g}"}
    if np.isfinite(score.accuracy):
        shown["accuracy"] = f"{score.accuracy:.1%}"
    return shown
