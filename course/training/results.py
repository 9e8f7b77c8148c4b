"""Results of a run: its losses, its best state, why it ended."""

import enum
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from course.training.steps import Data, Metrics, TrainState


class Stopped(enum.StrEnum):
    """Reason why a run ended."""

    FINISHED = "finished"
    PATIENCE = "the validation loss no longer fell"
    INTERRUPTED = "interrupted"
    NOT_FINITE = "the loss was no longer finite"


class History(NamedTuple):
    """Course of a run; under `sweep` with leading axes (optimizers, keys)."""

    loss: Float[np.ndarray, "*sweep steps"]
    """Mean loss of each step's batch before its update, in the unit of the loss.

    Where a run ended because its loss was no longer finite, that step is the last one.
    """
    validation_loss: Float[np.ndarray, "*sweep epochs"] | None
    """Mean loss of the validation data after each epoch; None without such data."""
    validation_accuracy: Float[np.ndarray, "*sweep epochs"] | None
    """Share of its labels predicted right after each epoch; None if they are no labels."""
    steps_per_epoch: int
    """Full batches in an epoch."""

    @property
    def epoch_loss(self) -> Float[np.ndarray, "*sweep epochs"]:
        """Mean of `loss` over each full epoch."""
        epochs = self.loss.shape[-1] // self.steps_per_epoch
        full = self.loss[..., : epochs * self.steps_per_epoch]
        by_epoch = full.reshape(*full.shape[:-1], epochs, self.steps_per_epoch)
        return np.asarray(by_epoch.mean(axis=-1))


class FitResult(NamedTuple):
    """Result of a run; under `sweep` all arrays have leading axes (optimizers, keys)."""

    params: PyTree
    """Trained parameters: with early stopping, those of the best epoch."""
    state: PyTree
    """State of the optimizer that belongs to `params`."""
    history: History
    stopped: Stopped
    """Reason why the run ended, a string such as "finished"."""


class Best(NamedTuple):
    """State with the lowest validation loss so far."""

    state: TrainState
    loss: float = math.inf
    epoch: int = 0
    """Number of epochs it was trained for; 0 before any was measured."""

    def update(self, state: TrainState, loss: float, epoch: int) -> "Best":
        """Return the better of this state and another; any number is better than NaN."""
        better = self.epoch == 0 or loss < self.loss
        if better or (math.isnan(self.loss) and not math.isnan(loss)):
            return Best(state, loss, epoch)
        return self


class RunState(NamedTuple):
    """Run between two chunks; a checkpoint holds it."""

    state: TrainState
    losses: list[np.ndarray]
    """Losses of the steps so far, by chunk."""
    metrics: list[Metrics]
    """Validation metrics of the epochs so far."""
    best: Best

    @property
    def steps(self) -> int:
        """Number of steps taken."""
        return sum(losses.shape[-1] for losses in self.losses)

    def advance(
        self, state: TrainState, losses: np.ndarray, metrics: Metrics | None = None
    ) -> "RunState":
        """Return the run after a chunk, with validation metrics if an epoch ends with it."""
        run = self._replace(state=state, losses=[*self.losses, losses])
        if metrics is None:
            return run
        epoch = len(self.metrics) + 1
        best = self.best.update(state, float(metrics.loss), epoch)
        return run._replace(metrics=[*self.metrics, metrics], best=best)

    def patience_exhausted(self, patience: int | None) -> bool:
        """Return True if the validation loss has not fallen for `patience` epochs."""
        return patience is not None and len(self.metrics) - self.best.epoch >= patience


def make_history(
    losses: Sequence[np.ndarray], metrics: Sequence[Metrics], data: Data, steps_per_epoch: int
) -> History:
    """Return the history of a run from its chunks and epochs."""
    loss = np.concatenate(losses, axis=-1) if losses else np.zeros(0, np.float32)
    if not metrics:
        return History(loss, None, None, steps_per_epoch)
    validation = np.stack([epoch.loss for epoch in metrics], axis=-1)
    accuracy = np.stack([epoch.accuracy for epoch in metrics], axis=-1)
    has_labels = jnp.issubdtype(data[1].dtype, jnp.integer)
    return History(loss, validation, accuracy if has_labels else None, steps_per_epoch)
