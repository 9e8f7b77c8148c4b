"""Temporary."""

import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from course.legacy_checks import refusal
from course.training.results import Best, RunState
from course.training.steps import Data, Metrics

Saved = Mapping[str, np.ndarray]
"""Arrays by name: all that a checkpoint holds."""


class RunFingerprint(NamedTuple):
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
    ) -> "RunFingerprint":
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


def to_arrays(plan: RunFingerprint, run: RunState) -> Saved:
    """Return a run as arrays by name, on the host."""
    scores = [[score.loss, score.accuracy] for score in run.metrics]
    return {
        **plan.arrays(),
        "losses": np.concatenate([*run.losses, np.zeros(0, np.float32)]),
        "scores": np.array(scores).reshape(-1, 2),
        **_named("", run.state),
        **(_named("best", run.best.state) if plan.patient else {}),
        "best.loss": np.array(run.best.loss),
        "best.epoch": np.array(run.best.epoch),
    }


def from_arrays(plan: RunFingerprint, like: RunState, saved: Saved) -> RunState:
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
    learner = _filled("", like.state, saved)
    for name, value in plan.arrays().items():
        if name not in saved or not np.array_equal(saved[name], value):
            got = saved[name].tolist() if name in saved else "none"
            raise refusal("checkpoint", f"{name} {value.tolist()}, as in the call", got)
    best = _filled("best", like.state, saved) if plan.patient else learner
    for name in ("losses", "scores", "best.loss", "best.epoch"):
        if name not in saved:
            raise refusal("checkpoint", f"{name}, as `fit` has saved it", "none of that name")
    losses, scores = saved["losses"], saved["scores"]
    return RunState(
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
    kept = f"{prefix}.params", f"{prefix}.opt_state"
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


@runtime_checkable
class ArrayStore(Protocol):
    """What keeps arrays by name somewhere."""

    def save(self, step: int, arrays: Saved) -> Any:
        """Keep the arrays of a run after so many steps; False says that it could not be done."""

    def restore(self) -> Saved | None:
        """Return the arrays that were kept last, or None."""


class Saver:
    """Saves a run every few seconds and at its end: of several processes, the first one does it."""

    def __init__(
        self, checkpoint: ArrayStore | None, crew, plan: Callable[[], RunFingerprint]
    ) -> None:
        self._checkpoint, self._crew = checkpoint, crew
        self._plan = plan() if checkpoint is not None else None
        self._at, self._when = 0, time.monotonic()

    def restore(self, run: RunState) -> RunState:
        """The run that was saved before, or the one that is given."""
        if self._checkpoint is None or self._plan is None:
            return run
        saved: Saved | None = self._crew.broadcast(self._checkpoint.restore)
        if saved is not None:
            run = from_arrays(self._plan, run, saved)
        self.pass_over(run)
        return run

    def due(self, seconds: float | None) -> bool:
        """Whether it is time."""
        waited = time.monotonic() - self._when
        return self._checkpoint is not None and waited >= (seconds or 0)

    def save(self, run: RunState) -> None:
        """Save a run that has gone on since it was saved last."""
        if self._checkpoint is None or self._plan is None or run.steps <= self._at:
            return
        written = True
        if self._crew.is_main:
            written = self._checkpoint.save(run.steps, to_arrays(self._plan, run)) is not False
        self._when = time.monotonic()
        if written:  # otherwise it is tried again
            self.pass_over(run)

    def pass_over(self, run: RunState) -> None:
        """Note that there is nothing of a run that needs to be saved now."""
        self._at, self._when = run.steps, time.monotonic()

    def close(self) -> None:
        """Let go of what the checkpoints are kept in, if it can be let go of."""
        close = getattr(self._checkpoint, "close", None)
        if callable(close) and self._crew.is_main:
            close()
