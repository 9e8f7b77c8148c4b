"""The progress file on disk: load it, replace it whole, set a damaged one aside."""

import json
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

SCHEMA = 1

Content = dict[str, Any]

# What each entry must hold; keys beyond these are kept and not looked at.
_EXERCISE = {
    "outcome": str,
    "attempts": int,
    "solved_at": str,
    "hints_used": int,
    "solution_seen": bool,
}
_PREDICTION = {"guess": str, "sure": (int, float), "right": bool, "at": str}


class DamagedError(Exception):
    """What is there cannot be a progress file; the message says why."""


class NewerError(Exception):
    """A newer version of the course has written the file."""


def empty() -> Content:
    """A file in which nothing is recorded."""
    return {"schema": SCHEMA, "exercises": {}, "predictions": {}}


def load(place: Path) -> Content:
    """The content of the file at `place`, checked.

    Raises:
        FileNotFoundError: there is none yet.
        DamagedError: it is not a progress file.
        NewerError: it is one of a later version.
        OSError: it cannot be read.
    """
    if place.is_symlink():  # the path has been resolved: what is left is a ring of links
        raise DamagedError("a link that leads nowhere")
    if place.is_dir():
        raise DamagedError("a folder")
    if not stat.S_ISREG(place.stat().st_mode):
        raise OSError(f"{place} is not a file")  # a device or a pipe, which would block or be moved
    try:
        content = json.loads(place.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DamagedError("not readable") from error
    if not isinstance(content, dict) or type(content.get("schema")) is not int:
        raise DamagedError("not a progress file")
    if content["schema"] > SCHEMA:
        raise NewerError(f"{place.name} was written by a newer version of the course.")
    if content["schema"] < SCHEMA or not _sound(content):
        raise DamagedError("not a progress file")
    return content


def _sound(content: Content) -> bool:
    """Has every entry the types it should have?"""
    for key, types in (("exercises", _EXERCISE), ("predictions", _PREDICTION)):
        entries = content.get(key)
        if not isinstance(entries, dict):
            return False
        for entry in entries.values():
            if not isinstance(entry, dict) or not all(
                _is(entry.get(name), kind) for name, kind in types.items()
            ):
                return False
    return all(50 <= entry["sure"] <= 100 for entry in content["predictions"].values())


def _is(value: Any, kind: Any) -> bool:
    # In Python True is an int; in this file it is not.
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def save(place: Path, content: Content) -> None:
    """Replace the file at `place` by `content`, wholly or not at all.

    The bytes are on the disk before the name points to them, and the name before this returns.
    """
    text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    handle, temporary = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".tmp", dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):  # there is none yet, and a new file is the reader's alone
            os.chmod(temporary, stat.S_IMODE(place.stat().st_mode))
        os.replace(temporary, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(place.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system lets folders be synchronised."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sweep(place: Path) -> None:
    """Delete what killed processes have left half-written. Call it under the lock."""
    prefix = f".{place.name}."
    with os.scandir(place.parent) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        if name.startswith(prefix) and name.endswith(".tmp"):
            with suppress(OSError):
                (place.parent / name).unlink()


def set_aside(place: Path, damage: DamagedError) -> str:
    """Rename what is at `place` and say so. Call it under the lock.

    Raises:
        OSError: for a folder that holds something: that is not ours to move.
    """
    if place.is_dir() and not place.is_symlink() and any(place.iterdir()):
        raise OSError(f"{place} is a folder; COURSE_PROGRESS should name a file")
    number = 1
    while os.path.lexists(aside := place.with_name(f"{place.name}.damaged-{number}")):
        number += 1
    os.rename(place, aside)
    return (
        f"Your progress file was damaged ({damage}): it is kept as {aside.name}, "
        "and a new one was begun."
    )
