"""Folder of checkpoints: which of the things in it are the course's, and which are not.

Orbax takes for its own whatever has the name of a checkpoint, and removes the oldest.
"""

import os
import re
import shutil
import time
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".in-use"  # file that a run holds locked as long as it uses the folder
PREFIX = "course_step"  # of a checkpoint's name, as in course_step_120
PARTS = {"_CHECKPOINT_METADATA", "about", "arrays"}  # of a checkpoint; damage may leave fewer
TRIES, PAUSE_SECONDS = 40, 0.05  # to remove a folder into which somebody still writes
UNFINISHED = f"{PREFIX}_*.orbax-checkpoint-tmp*/"  # folders of checkpoints that are being written


def refuse_foreign(folder: Path) -> None:
    """Raise if something in a folder has a checkpoint's name and is none.

    Raises:
        FileExistsError: it would be removed in time; the message names it.
    """
    for found in folder.glob(f"{PREFIX}_*"):
        if not re.fullmatch(rf"{PREFIX}_\d+", found.name):
            continue
        try:
            names = set(os.listdir(found))
        except FileNotFoundError:  # another process has just removed it
            continue
        except NotADirectoryError:
            names = {""}
        if names and not names & PARTS:
            raise FileExistsError(
                f"{found} is no checkpoint of the course: move it, or choose another folder"
            )


def remove_unfinished(folder: Path) -> None:
    """Remove what writes that failed or were killed have left in a folder.

    Threads of a write that failed may go on for a moment, and fill what is just being removed.
    """
    for left in folder.glob(UNFINISHED):
        for tries_left in reversed(range(TRIES)):
            try:
                shutil.rmtree(left)
                break
            except OSError:
                if not tries_left:
                    raise
                time.sleep(PAUSE_SECONDS)


def lock(folder: Path) -> FileLock | None:
    """Return the lock of a folder, acquired; None on a file system without locks.

    Raises:
        BlockingIOError: if another process holds it.
        OSError: if there can be no lock.
    """
    made = FileLock(folder / LOCK, is_singleton=True)
    try:
        made.acquire(blocking=False)
    except Timeout:
        raise BlockingIOError(f"another process is at work in {folder}") from None
    except NotImplementedError:
        return None
    except OSError as error:
        reason = f"{folder / LOCK} cannot be locked ({error.strerror})"
        raise OSError(f"{reason}: choose another folder") from error
    return made
