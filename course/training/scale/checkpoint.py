"""Checkpoints on disk, so that a run that was killed goes on from the last one.

    fit(..., checkpoint=OrbaxStore("runs/digits"))

Orbax's `CheckpointManager` writes and reads them: a checkpoint becomes visible only when it is
complete, and the last few are kept. Three things are added here. A lock keeps a second run out of
the folder. A CRC-32 of the arrays finds flipped bytes: Orbax notices those in its indices, but not
most of those in the arrays. And where the last checkpoint is damaged, the one before it is read.
"""

import contextlib
import functools
import os
import time
import warnings
import zlib
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from filelock import FileLock

from course.checks import count
from course.paths import folder_path
from course.training.results import Arrays, RunFingerprint, RunState, from_arrays, to_arrays
from course.training.scale.checkpoint_folder import PREFIX, lock, refuse_foreign, remove_unfinished
from course.training.scale.runner import Runner

INSTALL = (
    "Checkpoints are written by Orbax, which is not installed: pip install orbax-checkpoint "
    "(it is the extra `scale` of the course)"
)


@runtime_checkable
class ArrayStore(Protocol):
    """Stores a dict of arrays and returns the latest one."""

    def save(self, step: int, arrays: Arrays) -> bool:
        """Store the arrays of a run after so many steps; return False if that failed."""

    def restore(self) -> Arrays | None:
        """Return the arrays that were stored last, or None."""


class OrbaxStore:
    """Store the arrays of a run in a folder, as the last few checkpoints.

    Where several processes train together, only process 0 may save and restore.

    Args:
        folder: folder for the checkpoints; it is made, and locked, by the first use.
        keep: number of checkpoints that are kept.

    Raises:
        ImportError: if Orbax is not installed; the message says how to install it.

    Reference: `orbax.checkpoint.CheckpointManager`.
    """

    def __init__(self, folder: str | os.PathLike[str], *, keep: int = 3) -> None:
        self.folder = folder_path("folder", folder)
        try:
            from orbax import checkpoint  # here, because it takes a second
        except ImportError as error:
            raise ImportError(INSTALL) from error
        self._keep = count()("keep", keep, {})
        self._orbax = checkpoint
        self._names = checkpoint.path.step.standard_name_format(step_prefix=PREFIX)
        self._manager: Any = None
        self._lock: FileLock | None = None

    @property
    def steps(self) -> list[int]:
        """Steps of the complete checkpoints in the folder, in ascending order."""
        return sorted(found.step for found in self._names.find_all(self.folder))

    def save(self, step: int, arrays: Arrays) -> bool:
        """Write a checkpoint.

        Args:
            step: number of steps that were taken.
            arrays: arrays by name; none may be empty.

        Returns:
            True if it was written. If it could not be (a full disk), a warning says so and the
            checkpoints before it stay: training that goes on is worth more than an exception.
        """
        args = self._orbax.args
        content = {name: np.asarray(array) for name, array in arrays.items()}
        try:
            self._open().save(
                step,
                args=args.Composite(
                    arrays=args.StandardSave(content),
                    about=args.JsonSave({"crc32": checksum(content)}),
                ),
                force=True,
            )
        except BaseException as error:  # of Orbax, TensorStore or the system
            self._forget_manager()
            if not isinstance(error, Exception):  # an interrupt
                raise
            before = [one for one in self.steps if one < step]
            warnings.warn(
                f"the checkpoint of step {step} could not be written ({first_line(error)}); "
                + (f"that of step {before[-1]} stays" if before else "there is none yet"),
                RuntimeWarning,
                stacklevel=2,
            )
            return False
        return True

    def restore(self) -> Arrays | None:
        """Read the last undamaged checkpoint.

        Returns:
            The arrays that were given to `save`; None if the folder holds no checkpoint. Damaged
            checkpoints after it are renamed, not deleted, and a warning names them.

        Raises:
            OSError: if there are checkpoints and none can be read (nothing is changed then), or
                another process uses the folder.
        """
        # From the last one backwards, until one is whole.
        self._open()  # an empty folder is locked as well: two first runs would mix
        damaged: dict[int, str] = {}
        for step in reversed(self.steps):
            try:
                arrays = self._read(step)
            except (BlockingIOError, MemoryError, PermissionError):
                raise  # says nothing about the checkpoint
            except Exception as error:  # damaged files lead to any kind
                damaged[step] = f"that of step {step} ({first_line(error)})"
                continue
            if damaged:  # only now: a run must not start over because nothing can be read
                self._set_aside(damaged)
                names = ", ".join(damaged.values())
                warnings.warn(
                    f"checkpoints in {self.folder} are damaged and set aside: {names}; "
                    f"going on from step {step}",
                    RuntimeWarning,
                    stacklevel=2,
                )
            return arrays
        if damaged:
            self.close()
            names = ", ".join(damaged.values())
            raise OSError(f"No checkpoint in {self.folder} can be read: {names}")
        return None

    def close(self) -> None:
        """Unlock the folder; the object can be used again."""
        self._forget_manager()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _read(self, step: int) -> Arrays:
        """Return the arrays of a checkpoint, or raise if they are not what was saved."""
        args = self._orbax.args
        found = self._open().restore(
            step, args=args.Composite(arrays=args.StandardRestore(), about=args.JsonRestore())
        )
        arrays = {name: np.asarray(array) for name, array in found["arrays"].items()}
        if checksum(arrays) != found["about"]["crc32"]:
            raise ValueError("its checksum differs")
        return arrays

    def _open(self) -> Any:
        """Return Orbax's manager; the folder is locked from the first call to `close`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        refuse_foreign(self.folder)
        if self._lock is None:
            self._lock = lock(self.folder)
        # Orbax's manager reads the folder when it is made; that takes a moment.
        if self._manager is None:
            remove_unfinished(self.folder)
            options = self._orbax.options.MultiprocessingOptions(
                # Process 0 waits for no other one.
                primary_host=0,
                active_processes={0},
                barrier_sync_key_prefix="course",
            )
            self._manager = self._orbax.CheckpointManager(
                self.folder,
                options=self._orbax.CheckpointManagerOptions(
                    max_to_keep=self._keep,
                    step_name_format=self._names,
                    create=False,
                    enable_async_checkpointing=False,
                    multiprocessing_options=options,
                ),
            )
        return self._manager

    def _forget_manager(self) -> None:
        """Close the manager; after a failed write a new one removes what that has left."""
        manager, self._manager = self._manager, None
        if manager is not None:
            with contextlib.suppress(Exception):  # after a failed write
                manager.close()

    def _set_aside(self, steps: Any) -> None:
        """Rename damaged checkpoints, so that their steps can be saved again."""
        for step in steps:
            name = self._names.build_name(step)
            (self.folder / name).rename(self.folder / f"damaged-{name}-{time.time_ns()}")
        self._open().reload()


def checksum(arrays: Arrays) -> int:
    """Return the CRC-32 of all names, types, shapes and values."""
    crc = 0
    for name, array in sorted(arrays.items()):
        crc = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc)
        crc = zlib.crc32(array.tobytes(), crc)
    return crc


def first_line(error: Exception) -> str:
    """Return the kind and the first line of an error; the middle of a long one is left out."""
    line = (str(error).strip().splitlines() or [""])[0]
    if len(line) > 300:
        line = f"{line[:100]} ... {line[-200:]}"  # the system's own reason stands at the end
    return f"{type(error).__name__}: {line}".removesuffix(": ")


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
        saved = self._runner.broadcast(self._store.restore) if self._store else None
        if saved is not None:
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
