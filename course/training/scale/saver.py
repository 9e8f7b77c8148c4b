"""Checkpoints of a run: when it is saved, and how it goes on from the one that was saved."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from course.checks import Arguments, refusal
from course.training.results import RunFingerprint, RunState, from_arrays, to_arrays
from course.training.scale.checkpoint import ArrayStore
from course.training.scale.runner import Runner


def as_store(name: str, value: Any, _arguments: Arguments) -> ArrayStore:
    """Rule for an object that saves and restores arrays."""
    if isinstance(value, type) or not isinstance(value, ArrayStore):
        got = getattr(value, "__name__", None) or type(value).__name__
        raise refusal(name, "an object with save and restore, such as OrbaxStore", got, TypeError)
    return value


class Saver:
    """Saves a run every few seconds and at its end; only process 0 writes and reads.

    Args:
        store: store of the checkpoints; None to save nothing.
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
        with self:
            saved = self._runner.broadcast(self._store.restore) if self._store else None
            if saved is not None:
                if not isinstance(saved, Mapping) or not all(map(_is_array, saved.values())):
                    expected = "a store whose restore returns arrays by name, or None"
                    raise refusal("checkpoint", expected, type(saved).__name__, TypeError)
                run = from_arrays(self._fingerprint(), run, saved)
        self._record(run)
        return run

    def save_if_due(self, run: RunState, seconds: float) -> None:
        """Save a run if `seconds` have passed since the last save."""
        if time.monotonic() - self._time >= seconds:
            self.save(run)

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

    def close(self, run: RunState) -> None:
        """Save a run at its end and close the store; all processes wait for that."""
        try:
            self.save(run)
        finally:
            self._close_store()
        self._runner.max_over_processes(0.0)

    def __enter__(self) -> "Saver":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Another run may use the folder. One of several processes ends soon, and says why first.
        if kind is not None and not self._runner.multi_process:
            self._close_store()

    def _close_store(self) -> None:
        close = getattr(self._store, "close", None)
        if close is not None and self._runner.is_main:
            close()

    def _record(self, run: RunState) -> None:
        """Record `run` as saved and restart the timer."""
        self._steps = run.steps
        self._time = time.monotonic()


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray | np.generic | jax.Array)
