"""Checkpoints: what a run has learned, kept on disk, so that it can go on after whatever happens.

    fit(..., checkpoint=Checkpoints("runs/digits"))

Orbax writes and reads them. A checkpoint becomes visible only when it is complete, and it carries a
checksum; what is damaged is passed over, set aside and named.
"""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from course.legacy_checks import Count
from course.training.scale.snapshot import Saved

ORBAX = "orbax.checkpoint"
INSTALL = (
    "Checkpoints are written by Orbax, which is not installed: pip install orbax-checkpoint "
    "(it is the extra `scale` of the course)"
)
ABOUT, LOCK = "about", ".in-use"
DAMAGED = "damaged-"
"""Before the name of a checkpoint that was set aside."""


class DamagedError(Exception):
    """A checkpoint whose content is not what was written."""


class Checkpoints:
    """The checkpoints of a run in a folder, of which the last few are kept.

    Where several processes train together, only process 0 writes and reads.

    Args:
        folder: where they are, or will be.
        keep: how many are kept.

    Raises:
        ImportError: if Orbax is not installed; the message says how to install it.
        TypeError, ValueError: if `keep` is no integer of at least 1.

    Reference: `orbax.checkpoint.CheckpointManager`.
    """

    def __init__(self, folder: str | os.PathLike[str], *, keep: int = 3) -> None:
        try:
            missing = importlib.util.find_spec(ORBAX) is None
        except ModuleNotFoundError:
            missing = True
        if missing:
            raise ImportError(INSTALL)
        self.folder = Path(folder).absolute()
        self._keep = Count()("keep", keep, {})
        self._manager: Any = None
        self._lock: Any = None

    @property
    def steps(self) -> list[int]:
        """After how many steps the checkpoints were made that are there, in order."""
        found = [
            path.parent for path in self.folder.glob(f"*/{ABOUT}") if path.parent.name.isdecimal()
        ]
        if not found:
            return []
        from orbax import checkpoint as orbax

        complete = orbax.utils.is_checkpoint_finalized
        return sorted(int(path.name) for path in found if complete(path))

    def save(self, step: int, arrays: Saved) -> bool:
        """Write a checkpoint.

        Args:
            step: how many steps were taken.
            arrays: what is to be kept, by name.

        Returns:
            Whether it was written. Where it cannot be (a full disk), a warning says so and the
            checkpoints from before stay: a training that goes on is worth more than none.
        """
        from orbax import checkpoint as orbax

        names = sorted(arrays)
        full = {f"{i}": np.asarray(arrays[name]) for i, name in enumerate(names)}
        about = {
            "names": names,
            "shapes": [list(array.shape) for array in full.values()],
            "dtypes": [array.dtype.name for array in full.values()],
            "sha256": digest(full),
        }
        try:
            manager = self._open()
            if step in manager.all_steps():
                manager.delete(step)
            manager.save(
                step,
                args=orbax.args.Composite(
                    # Orbax writes no empty arrays; `about` knows them.
                    arrays=orbax.args.StandardSave({k: a for k, a in full.items() if a.size}),
                    about=orbax.args.JsonSave(about),
                ),
                force=True,
            )
        except Exception as error:  # of Orbax, TensorStore or the system
            self._clear(step)
            before = [one for one in self.steps if one < step]
            # `fit` and what checks its arguments lie between here and whoever called it.
            warnings.warn(
                f"the checkpoint of step {step} could not be written ({brief(error)}); "
                + (f"that of step {before[-1]} stays" if before else "there is none yet"),
                RuntimeWarning,
                stacklevel=2,
            )
            return False
        return True

    def restore(self) -> Saved | None:
        """Read the last checkpoint that is whole.

        Returns:
            What was given to `save`; None where there is no checkpoint. If one is damaged, the one
            before it is read instead, the damaged one is set aside, and a warning says so.

        Raises:
            OSError: if there are checkpoints and none can be read (nothing is changed then), or
                another process is at work in the folder.
        """
        damaged: dict[int, str] = {}
        steps = self.steps
        if steps:
            self._hold()
        for step in reversed(steps):
            try:
                saved = self._read(step)
            except (MemoryError, PermissionError):
                raise
            except Exception as error:  # whatever reading damaged files leads to
                damaged[step] = f"that of step {step} ({brief(error)})"
                continue
            if damaged:
                for one in damaged:
                    self._set_aside(one)
                text = f"damaged and set aside: {', '.join(damaged.values())}"
                warnings.warn(
                    f"checkpoints in {self.folder} are {text}; going on from step {step}",
                    RuntimeWarning,
                    stacklevel=2,
                )
            return saved
        if damaged:
            self.close()
            raise OSError(
                f"No checkpoint in {self.folder} can be read: {', '.join(damaged.values())}"
            )
        return None

    def close(self) -> None:
        """Let go of the folder; the object can be used again."""
        if self._manager is not None:
            self._manager.close()
            self._manager = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _hold(self) -> None:
        """Keep other processes out until `close`: two runs would spoil each other's checkpoints."""
        if self._lock is None:
            lock = FileLock(self.folder / LOCK, is_singleton=True)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                raise OSError(f"another process is at work in {self.folder}") from None
            except NotImplementedError:  # a file system without locks
                return
            self._lock = lock

    def _read(self, step: int) -> Saved:
        from orbax import checkpoint as orbax

        found = self._open().restore(
            step,
            args=orbax.args.Composite(
                arrays=orbax.args.StandardRestore(), about=orbax.args.JsonRestore()
            ),
        )
        about, arrays = found["about"], found["arrays"]
        full = {}
        for i, (shape, dtype) in enumerate(zip(about["shapes"], about["dtypes"], strict=True)):
            empty = np.zeros(shape, np.dtype(dtype)) if 0 in shape else None
            full[f"{i}"] = np.asarray(arrays[f"{i}"] if empty is None else empty)
        if digest(full) != about["sha256"]:
            raise DamagedError("its checksum is another")
        return dict(zip(about["names"], full.values(), strict=True))

    def _open(self) -> Any:
        """Orbax's manager, made when it is first needed: that takes seconds."""
        if self._manager is None:
            from orbax import checkpoint as orbax

            self.folder.mkdir(parents=True, exist_ok=True)
            self._hold()
            self._manager = orbax.CheckpointManager(
                self.folder,
                options=orbax.CheckpointManagerOptions(
                    max_to_keep=self._keep,
                    create=False,
                    cleanup_tmp_directories=True,
                    enable_async_checkpointing=False,
                    # One process does it all, and waits for no other.
                    multiprocessing_options=orbax.options.MultiprocessingOptions(
                        primary_host=0, active_processes={0}, barrier_sync_key_prefix="course"
                    ),
                ),
            )
        return self._manager

    def _set_aside(self, step: int) -> None:
        with contextlib.suppress(OSError):
            self.folder.joinpath(str(step)).rename(self.folder / f"{DAMAGED}{step}")
        self.close()

    def _clear(self, step: int) -> None:
        """Remove what a write that failed has left."""
        with contextlib.suppress(Exception):
            self._manager.close()
        self._manager = None
        for left in self.folder.glob(f"{step}.orbax-checkpoint-tmp*"):
            shutil.rmtree(left, ignore_errors=True)
        if step not in self.steps:
            shutil.rmtree(self.folder / str(step), ignore_errors=True)


def digest(arrays: Saved) -> str:
    """A checksum of arrays and of the order in which they stand."""
    sha = hashlib.sha256()
    for array in arrays.values():
        sha.update(f"{array.dtype.name}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def brief(error: Exception) -> str:
    """The first line of an error, with its kind."""
    line = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {line[:200]}".removesuffix(": ")
