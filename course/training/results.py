"""What is known of a run: how its loss went, what came of it, and what a checkpoint keeps of it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from course.training.steps import Data, Metrics, TrainState


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


class Best(NamedTuple):
    """The state with the lowest validation loss so far."""

    state: TrainState
    loss: float = math.inf
    epoch: int = 0
    """After how many epochs; 0 before any was judged."""

    def or_better(self, state: TrainState, metrics: Sequence[Metrics]) -> "Best":
        """Return the state of the last score if it is better, or the first."""
        loss = float(metrics[-1].loss)
        better = (
            not self.epoch or loss < self.loss or (math.isnan(self.loss) and not math.isnan(loss))
        )
        return Best(state, loss, len(metrics)) if better else self


def history(
    losses: Sequence[np.ndarray], metrics: Sequence[Metrics], data: Data, steps_per_epoch: int
) -> History:
    """Put the parts of a run together."""
    loss = np.concatenate(losses, axis=-1) if losses else np.zeros(0, np.float32)
    if not metrics:
        return History(loss, None, None, steps_per_epoch)
    validation = np.stack([score.loss for score in metrics], axis=-1)
    accuracy = np.stack([score.accuracy for score in metrics], axis=-1)
    labels = jnp.issubdtype(data[1].dtype, jnp.integer)
    return History(loss, validation, accuracy if labels else None, steps_per_epoch)


class RunState(NamedTuple):
    """A run between two of its steps."""

    state: TrainState
    losses: list[np.ndarray]
    """Of the steps so far, in parts."""
    metrics: list[Metrics]
    """Of the epochs so far."""
    best: Best

    @property
    def steps(self) -> int:
        """How many were taken."""
        return sum(map(len, self.losses))

    def after(self, state: TrainState, losses: np.ndarray, score: Metrics | None) -> "RunState":
        """Return the run after some more steps, and the score if an epoch ends with them."""
        metrics = self.metrics if score is None else [*self.metrics, score]
        best = self.best if score is None else self.best.or_better(state, metrics)
        return RunState(state, [*self.losses, losses], metrics, best)

    def tired(self, patience: int | None) -> bool:
        """Whether the validation loss has not gone down for so many epochs."""
        return bool(patience) and len(self.metrics) - self.best.epoch >= (patience or 0)
