"""What is known of a run: how its loss went, what came of it, and what a checkpoint keeps of it."""

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from course.legacy_checks import refusal
from course.training.steps import Data, Metrics, TrainState

Saved = Mapping[str, np.ndarray]
"""Arrays by name: all that a checkpoint holds."""


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
    """The learner with the lowest validation loss so far."""

    learner: TrainState
    loss: float = math.inf
    epoch: int = 0
    """After how many epochs; 0 before any was judged."""

    def or_better(self, learner: TrainState, scores: Sequence[Metrics]) -> "Best":
        """Return the learner of the last score if it is better, or the first."""
        loss = float(scores[-1].loss)
        better = (
            not self.epoch or loss < self.loss or (math.isnan(self.loss) and not math.isnan(loss))
        )
        return Best(learner, loss, len(scores)) if better else self


def history(
    losses: Sequence[np.ndarray], scores: Sequence[Metrics], data: Data, steps_per_epoch: int
) -> History:
    """Put the parts of a run together."""
    loss = np.concatenate(losses, axis=-1) if losses else np.zeros(0, np.float32)
    if not scores:
        return History(loss, None, None, steps_per_epoch)
    validation = np.stack([score.loss for score in scores], axis=-1)
    accuracy = np.stack([score.accuracy for score in scores], axis=-1)
    labels = jnp.issubdtype(data[1].dtype, jnp.integer)
    return History(loss, validation, accuracy if labels else None, steps_per_epoch)


class Progress(NamedTuple):
    """A run between two of its steps."""

    learner: TrainState
    losses: list[np.ndarray]
    """Of the steps so far, in parts."""
    scores: list[Metrics]
    """Of the epochs so far."""
    best: Best

    @property
    def steps(self) -> int:
        """How many were taken."""
        return sum(map(len, self.losses))

    def after(self, learner: TrainState, losses: np.ndarray, score: Metrics | None) -> "Progress":
        """Return the run after some more steps, and the score if an epoch ends with them."""
        scores = self.scores if score is None else [*self.scores, score]
        best = self.best if score is None else self.best.or_better(learner, scores)
        return Progress(learner, [*self.losses, losses], scores, best)

    def tired(self, patience: int | None) -> bool:
        """Whether the validation loss has not gone down for so many epochs."""
        return bool(patience) and len(self.scores) - self.best.epoch >= (patience or 0)


class Plan(NamedTuple):
    """What must be as it was for a run to go on. Loss, rates and penalties are taken on trust."""

    key: Array
    data: int
    """A checksum of them."""
    batch_size: int
    validated: bool
    """Whether there are validation data: then an epoch ends with a whole part of the run."""
    patient: bool
    """Whether the best learner is kept, too."""

    @classmethod
    def of(
        cls, key: Array, data: Data, batch_size: int, validation: Data | None, patience: int | None
    ) -> "Plan":
        """The plan of a run with these arguments of `fit`."""
        checksum = 0
        for part in data:
            checksum = zlib.crc32(np.ascontiguousarray(part).data, checksum)
        return cls(key, checksum, batch_size, validation is not None, patience is not None)

    def arrays(self) -> Saved:
        """As a checkpoint keeps it, under the names of the arguments."""
        return {
            "key": np.asarray(jax.random.key_data(self.key)),
            "data": np.array(self.data),
            "batch_size": np.array(self.batch_size),
            "validation": np.array(self.validated),
            "patience": np.array(self.patient),
        }


def pack(plan: Plan, run: Progress) -> Saved:
    """Return a run as arrays by name, on the host."""
    scores = [[score.loss, score.accuracy] for score in run.scores]
    return {
        **plan.arrays(),
        "losses": np.concatenate([*run.losses, np.zeros(0, np.float32)]),
        "scores": np.array(scores).reshape(-1, 2),
        **_named("", run.learner),
        **(_named("best", run.best.learner) if plan.patient else {}),
        "best.loss": np.array(run.best.loss),
        "best.epoch": np.array(run.best.epoch),
    }


def unpack(plan: Plan, like: Progress, saved: Saved) -> Progress:
    """Return the run that was saved.

    Args:
        plan: of the run that is to go on.
        like: that run before its first step.
        saved: what `pack` returned.

    Returns:
        The run.

    Raises:
        ValueError: if another run was saved: the message names the first array that differs.
    """
    learner = _filled("", like.learner, saved)
    for name, value in plan.arrays().items():
        if name not in saved or not np.array_equal(saved[name], value):
            got = saved[name].tolist() if name in saved else "none"
            raise refusal("checkpoint", f"{name} {value.tolist()}, as in the call", got)
    best = _filled("best", like.learner, saved) if plan.patient else learner
    for name in ("losses", "scores", "best.loss", "best.epoch"):
        if name not in saved:
            raise refusal("checkpoint", f"{name}, as `fit` has saved it", "none of that name")
    losses, scores = saved["losses"], saved["scores"]
    return Progress(
        learner,
        [losses] if len(losses) else [],
        [Metrics(*map(jnp.asarray, score)) for score in scores],
        Best(best, float(saved["best.loss"]), int(saved["best.epoch"])),
    )


def _named(prefix: str, tree: PyTree) -> dict[str, np.ndarray]:
    """The leaves of a pytree by the place where they are; random keys as numbers."""
    return {
        _place(prefix, path): np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


def _filled(prefix: str, tree: PyTree, saved: Saved) -> PyTree:
    """The pytree with its leaves taken from what was saved."""
    names = [_place(prefix, path) for path, _ in jax.tree.leaves_with_path(tree)]
    kept = f"{prefix}.params", f"{prefix}.state"
    for name, array in _named(prefix, tree).items():
        wanted = f"{name} of shape {array.shape} and {array.dtype}, as in the model to be trained"
        if name not in saved:
            raise refusal("checkpoint", wanted, "none of that name")
        if (got := saved[name]).shape != array.shape or got.dtype != array.dtype:
            raise refusal("checkpoint", wanted, f"shape {got.shape} and {got.dtype}")
    for name in saved:
        if name.startswith(kept) and name not in names:
            raise refusal("checkpoint", "nothing that the model to be trained has not", name)

    def filled(path: Any, leaf: Any) -> Any:
        array = saved[_place(prefix, path)]
        if _is_key(leaf):
            return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
        return jnp.asarray(array)

    return jax.tree.map_with_path(filled, tree)


def _place(prefix: str, path: Any) -> str:
    return prefix + str(jax.tree_util.keystr(path))


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
