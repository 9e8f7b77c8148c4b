"""Results of a run: its losses, its best state, why it ended, and the arrays that hold all of it.

A checkpoint holds all that the next step depends on, so a run that is resumed from one is, bit for
bit, the run that was never stopped. (Only a finished run with an odd number of steps, extended to
more epochs without validation, may round otherwise: its steps change places in the unrolled loop.)
"""

import contextlib
import enum
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from course.checks import refusal
from course.training.arguments import Data
from course.training.steps import Metrics, TrainState

Arrays: TypeAlias = Mapping[str, np.ndarray]  # by name


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


class Failure:
    """Exception that ends a run, held back until there is a result to go with it.

    `with failure:` holds an exception, and an interrupt for good; `raise_with` raises the first.

    Args:
        hold: False to hold nothing, because others wait in the middle of what was broken off.
    """

    def __init__(self, *, hold: bool) -> None:
        self._hold = hold
        self._error: Exception | None = None

    def __enter__(self) -> "Failure":
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Exception):
            self._error = self._error or error
        return self._hold and isinstance(error, Exception | KeyboardInterrupt)

    def raise_with(self, result: FitResult) -> None:
        """Raise the exception, if there was one, with what was learned until then."""
        if self._error is None:
            return
        done = result.history.loss.shape[-1]
        with contextlib.suppress(Exception):  # some take no attributes
            self._error.result = result  # type: ignore[attr-defined]
            self._error.add_note(f"what was learned in {done} steps is kept: error.result")
        raise self._error


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


# Runs as arrays, for checkpoints


class RunFingerprint(NamedTuple):
    """Arguments of `fit` that must match when a checkpoint is resumed.

    Not compared: loss, learning rate, l2, the validation data, the number of epochs.
    """

    key: Array
    data: int
    """CRC-32 of inputs and targets."""
    batch_size: int
    validation: bool
    """True if there are validation data: then a chunk of steps ends with every epoch."""
    patience: bool
    """True if the best state is kept as well."""

    @classmethod
    def of(
        cls, key: Array, data: Data, batch_size: int, validation: Data | None, patience: int | None
    ) -> "RunFingerprint":
        """Return the fingerprint of a run with these arguments of `fit`."""
        checksum = 0
        for part in data:
            checksum = zlib.crc32(np.asarray(part).tobytes(), checksum)
        return cls(key, checksum, batch_size, validation is not None, patience is not None)

    def arrays(self) -> Arrays:
        """Return one array for each argument, under its name."""
        values = self._asdict() | {"key": jax.random.key_data(self.key)}
        return {name: np.asarray(value) for name, value in values.items()}


def to_arrays(fingerprint: RunFingerprint, run: RunState) -> dict[str, np.ndarray]:
    """Return a run as arrays by name, on the host; empty ones are left out."""
    metrics = [[each.loss, each.accuracy] for each in run.metrics]
    arrays = {
        **_leaves("", run.state),
        **fingerprint.arrays(),
        **(_leaves("best", run.best.state) if fingerprint.patience else {}),
        "best.loss": np.array(run.best.loss),
        "best.epoch": np.array(run.best.epoch),
        "losses": np.concatenate([*run.losses, np.zeros(0, np.float32)]),
        "metrics": np.array(metrics),
    }
    return {name: array for name, array in arrays.items() if array.size}


def from_arrays(fingerprint: RunFingerprint, like: RunState, saved: Any) -> RunState:
    """Return the run that was saved.

    Args:
        fingerprint: fingerprint of the run that is to go on.
        like: that run before its first step.
        saved: result of `to_arrays`.

    Raises:
        ValueError: if another run was saved: the message names the first array that differs.
    """
    named = isinstance(saved, Mapping) and all(isinstance(name, str) for name in saved)
    if not named or not all(hasattr(array, "shape") for array in saved.values()):
        expected = "a store that restores arrays by name, or None"
        raise refusal("checkpoint", expected, type(saved).__name__, TypeError)
    arguments = fingerprint.arrays()
    wanted = to_arrays(fingerprint, like)
    for name, array in wanted.items():
        if name in arguments:
            if name not in saved or not np.array_equal(saved[name], array):
                got = saved[name].tolist() if name in saved else "none of that name"
                raise refusal("checkpoint", f"{name} {array.tolist()}, as in the call", got)
        elif name not in saved or _type(saved[name]) != _type(array):
            got = _type(saved[name]) if name in saved else "none of that name"
            raise refusal("checkpoint", f"{name} of {_type(array)}, as in the model to train", got)
    for name in saved:
        # What a run has gathered, such as losses, is not there before its first step.
        if name not in wanted and name not in ("losses", "metrics"):
            raise refusal("checkpoint", "only arrays that the model to train has, too", name)

    losses = saved.get("losses", np.zeros(0, np.float32))
    state = _fill("", like.state, saved)
    best = _fill("best", like.best.state, saved) if fingerprint.patience else state
    return RunState(
        state,
        [losses] if losses.size else [],
        [Metrics(*map(jnp.asarray, row)) for row in saved.get("metrics", ())],
        Best(best, float(saved["best.loss"]), int(saved["best.epoch"])),
    )


def _leaves(prefix: str, tree: PyTree) -> dict[str, np.ndarray]:
    """Return the leaves of a pytree by their paths; random keys as numbers."""
    return {
        prefix + jax.tree_util.keystr(path): np.asarray(
            jax.random.key_data(leaf) if _is_key(leaf) else leaf
        )
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


def _fill(prefix: str, tree: PyTree, saved: Arrays) -> PyTree:
    """Return the pytree with its leaves replaced by what was saved."""

    def fill(path: Any, leaf: Any) -> Any:
        array = saved.get(prefix + jax.tree_util.keystr(path))
        if array is None:
            return leaf  # an empty one
        if _is_key(leaf):
            return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
        return jnp.asarray(array)

    return jax.tree.map_with_path(fill, tree)


def _type(array: np.ndarray) -> str:
    return f"shape {array.shape} and {array.dtype}"


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
