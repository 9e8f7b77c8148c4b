"""Snapshots: a run as arrays by name, and when they are saved.

A snapshot holds all that the next step depends on, so a run that is resumed from one is, bit for
bit, the run that was never stopped.
"""

import functools
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from course.checks import refusal
from course.training.results import Best, RunState
from course.training.scale.runner import Runner
from course.training.steps import Data, Metrics

Arrays: TypeAlias = Mapping[str, np.ndarray]  # by name


class RunFingerprint(NamedTuple):
    """Arguments of `fit` that must match when a checkpoint is resumed.

    Not compared: loss, learning rate, l2.
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
            checksum = zlib.crc32(np.ascontiguousarray(part).data, checksum)
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


def from_arrays(fingerprint: RunFingerprint, like: RunState, saved: Arrays) -> RunState:
    """Return the run that was saved.

    Args:
        fingerprint: fingerprint of the run that is to go on.
        like: that run before its first step.
        saved: result of `to_arrays`.

    Raises:
        ValueError: if another run was saved: the message names the first array that differs.
    """
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


@runtime_checkable
class ArrayStore(Protocol):
    """Stores a dict of arrays and returns the latest one."""

    def save(self, step: int, arrays: Arrays) -> bool:
        """Store the arrays of a run after so many steps; return False if that failed."""

    def restore(self) -> Arrays | None:
        """Return the arrays that were stored last, or None."""


class Saver:
    """Saves a run every few seconds and at its end; only process 0 writes and reads.

    Args:
        store: store of the snapshots; None to save nothing.
        runner: says which process this is, and broadcasts what process 0 has read.
        fingerprint: returns the fingerprint of the run; called only if there is a store, because
            it reads all data.
    """

    def __init__(
        self, store: ArrayStore | None, runner: Runner, fingerprint: Callable[[], RunFingerprint]
    ) -> None:
        self._store = store
        self._runner = runner
        self._fingerprint = functools.cache(fingerprint)
        self._steps = 0
        self._time = time.monotonic()

    def restore(self, run: RunState) -> RunState:
        """Return the run that was saved, or `run` if there is none."""
        if self._store is not None:
            saved = self._runner.broadcast(self._store.restore)
            if saved is not None:
                run = from_arrays(self._fingerprint(), run, saved)
        self._record(run)
        return run

    def due(self, seconds: float | None) -> bool:
        """Return whether `seconds` have passed since the last save."""
        return self._store is not None and time.monotonic() - self._time >= (seconds or 0)

    def save(self, run: RunState) -> None:
        """Save a run that has taken steps since the last save."""
        if self._store is None or run.steps <= self._steps:
            return
        written = True
        if self._runner.is_main:
            written = self._store.save(run.steps, to_arrays(self._fingerprint(), run))
        self._time = time.monotonic()
        if written:  # otherwise the next call tries again
            self._record(run)

    def close(self) -> None:
        """Close the store, if it can be closed."""
        close = getattr(self._store, "close", None)
        if close is not None and self._runner.is_main:
            close()

    def _record(self, run: RunState) -> None:
        """Record `run` as saved and restart the timer."""
        self._steps = run.steps
        self._time = time.monotonic()
