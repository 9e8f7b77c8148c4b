"""The progress file: locked while it changes, replaced whole, set aside where it is damaged.

    {"schema": 1,
     "exercises":   {"entropy.q1": {"outcome": "correct", "attempts": 2, "solved_at": "…",
                                    "hints_used": 1, "solution_seen": false}},
     "predictions": {"entropy.p1": {"guess": "…", "sure": 80, "right": true, "at": "…"}}}

A crash at any moment leaves the old file or the new one. A file that a newer version of the course
has written is left alone. What goes wrong becomes one sentence for the reader.
"""

import errno
import itertools
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from course.paths import file_path
from course.practice.deferred_interrupts import InterruptsNoted
from course.practice.describe import short

SCHEMA = 1
LOCK_SECONDS = 5.0
MOST = 10**9  # attempts and hints; more is damage, and too many digits could not be written back

Content = dict[str, Any]


@dataclass(frozen=True)
class ExerciseRecord:
    """The state of one exercise."""

    outcome: str = "not yet"
    """Best so far, "correct" or "not yet"."""
    attempts: int = 0
    """Number of checks of something, right or wrong."""
    solved_at: str = ""
    """Time when it was first right, in UTC; "" before."""
    hints_used: int = 0
    """Number of its hints that were shown."""
    solution_seen: bool = False
    """True once its solution was shown."""


@dataclass(frozen=True)
class PredictionRecord:
    """One prediction, as first made."""

    guess: str
    """Option chosen."""
    sure: float
    """Confidence of the reader, in percent: 50 to 100 of two options, less of more."""
    right: bool
    """True if it happened."""
    at: str = ""
    """Time, in UTC."""

    def __post_init__(self) -> None:
        if not 0 < self.sure <= 100:
            raise ValueError(f"sure: expected a percentage above 0 up to 100, got {self.sure!r}")


@dataclass(frozen=True)
class Progress:
    """Everything recorded, by name."""

    exercises: dict[str, ExerciseRecord] = field(default_factory=dict)
    predictions: dict[str, PredictionRecord] = field(default_factory=dict)
    note: str = ""
    """Sentence about what was wrong with the file; "" if nothing was."""


class DamagedError(Exception):
    """The file cannot be a progress file; the message says why."""


class NewerError(Exception):
    """A newer version of the course has written the file."""


def path() -> Path:
    """Return the place of the progress file: `COURSE_PROGRESS`, or the user's data folder.

    A relative path is taken from the data folder: from wherever a notebook or a command is started,
    it is one file.

    Raises:
        ValueError: if there can be no file at this place, or this user has no home folder.
    """
    named = os.environ.get("COURSE_PROGRESS", "").strip() or "progress.json"
    place = file_path("COURSE_PROGRESS", named, base=user_data_path("why-models-learn"))
    # A link stays: what is replaced is the file it points to.
    return Path(os.path.realpath(place))


def parsed(content: Content) -> Progress:
    """Return the records in the content of a file.

    Raises:
        DamagedError: if an entry lacks a field of its dataclass, or has one of another type. Keys
            that are no fields are those of another version.
    """
    try:
        exercises, predictions = content["exercises"].items(), content["predictions"].items()
        return Progress(
            {name: _record(ExerciseRecord, entry) for name, entry in exercises},
            {name: _record(PredictionRecord, entry) for name, entry in predictions},
        )
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise DamagedError("not a progress file") from error


def _record(kind: type[Any], entry: Content) -> Any:
    values = {name: entry[name] for name in get_type_hints(kind)}
    for name, wanted in get_type_hints(kind).items():
        types = (int, float) if wanted is float else wanted
        # In Python True is an int; in this file it is not.
        if not isinstance(values[name], types) or isinstance(values[name], bool) != (types is bool):
            raise TypeError(f"{name}: expected {wanted}, got {values[name]!r}")
        if wanted is int and not 0 <= values[name] <= MOST:
            raise ValueError(f"{name}: expected 0 to {MOST}, got another number")
    return kind(**values)


def sound(content: Content) -> tuple[Content, list[str]]:
    """Return the content without its damaged entries, and their names.

    Raises:
        DamagedError: if there is none that is not damaged.
    """
    kept, dropped = dict(content), []
    for section in ("exercises", "predictions"):
        entries = content[section] if isinstance(content.get(section), dict) else {}
        kept[section] = {}
        for name, entry in entries.items():
            try:
                parsed({"exercises": {}, "predictions": {}} | {section: {name: entry}})
            except DamagedError:
                dropped.append(name)
            else:
                kept[section][name] = entry
    if not (kept["exercises"] or kept["predictions"]):
        raise DamagedError("not a progress file")
    return kept, dropped


def load(place: Path) -> Content:
    """Return the content of the file at `place`, checked; an empty one where there is no file.

    Raises:
        DamagedError: if it is not a progress file.
        NewerError: if it is one of a later version.
        OSError: if it cannot be read.
    """
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return {"schema": SCHEMA, "exercises": {}, "predictions": {}}
    if not stat.S_ISREG(mode):
        raise OSError(f"{place} is not a file")  # a folder, a device, a pipe: not ours to move
    content = _content(place)
    parsed(content)
    return content


def _content(place: Path) -> Content:
    """Return the content of a file of this version; its entries are not looked at."""
    try:
        content = json.loads(place.read_bytes(), parse_int=_whole)
        schema = content["schema"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise DamagedError("not readable") from error
    if type(schema) is int and schema > SCHEMA:
        raise NewerError(f"{place.name} was written by a newer version of the course.")
    if type(schema) is not int or schema < SCHEMA:
        raise DamagedError("not a progress file")
    return dict(content)


def _whole(digits: str) -> int | None:
    """Return an integer, or None for one of more digits than Python reads."""
    try:
        return int(digits)
    except ValueError:
        return None


def save(place: Path, content: Content) -> None:
    """Replace the file at `place` by `content`, wholly or not at all. Call it under the lock."""
    if place.exists() and not place.stat().st_mode & 0o222:  # though a rename would do it
        raise PermissionError(errno.EACCES, f"{place.name} is read-only")
    temporary = place.with_name(f".{place.name}.tmp")
    try:
        temporary.touch(mode=0o600)  # the reader's alone
        with open(temporary, "w", encoding="ascii") as file:
            json.dump(content, file, indent=1, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())  # the bytes are on the disk before the name points to them
        with suppress(OSError):  # there is no old file
            shutil.copymode(place, temporary)
        os.replace(temporary, place)
    finally:
        temporary.unlink(missing_ok=True)


def mend(place: Path, damage: DamagedError) -> tuple[Content, str]:
    """Keep a damaged file under another name, and return what is sound in it and a sentence.

    Call it under the lock.
    """
    names = (place.with_name(f"{place.name}.damaged-{number}") for number in itertools.count(1))
    aside = next(name for name in names if not os.path.lexists(name))
    try:
        content, dropped = sound(_content(place))
    except DamagedError:
        os.rename(place, aside)
        return load(place), (
            f"Your progress file was damaged ({damage}): it is kept as {aside.name}, "
            "and you begin a new one."
        )
    shutil.copy2(place, aside)
    save(place, content)
    listed = ", ".join(short(name, 40) for name in dropped[:3]) + ", …" * (len(dropped) > 3)
    return content, (
        f"Your progress file was damaged: it is kept as {aside.name}, and you go on without what "
        f"could not be read ({listed or 'a section'})."
    )


@dataclass
class OpenFile:
    """Content of the progress file, to be changed, and what went wrong."""

    content: Content
    note: str = ""

    def failed(self, error: Exception) -> None:
        """Add a sentence that says what kept the progress from being read or recorded."""
        if isinstance(error, NewerError):
            sentence = f"{error} It is left as it is, and nothing is recorded."
        elif isinstance(error, Timeout):
            sentence = "Another program holds your progress file, so this was not recorded."
        else:
            reason = getattr(error, "strerror", None) or str(error)
            sentence = f"Your progress cannot be kept ({reason}); everything else works. "
            sentence += "See `course doctor`."
        self.note = f"{self.note} {sentence}".strip()


@contextmanager
def opened() -> Iterator[OpenFile]:
    """Yield the progress file, locked, and write it back if its content was changed.

    Nothing is raised: where the file cannot be used, an empty content is yielded, the changes are
    lost, and the note says why. An interrupt comes when the file is written and unlocked.
    """
    file = OpenFile({"exercises": {}, "predictions": {}})
    with InterruptsNoted(), ExitStack() as stack:
        before = None
        try:
            place = path()
            place.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(f"{place}.lock", poll_interval=0.01)
            stack.enter_context(lock.acquire(timeout=LOCK_SECONDS))
            try:
                file.content = load(place)
            except DamagedError as damage:
                file.content, file.note = mend(place, damage)
            before = json.dumps(file.content)
        except Exception as error:  # a place that cannot be used, in one of many ways
            file.failed(error)
        yield file
        try:
            if before is not None and json.dumps(file.content) != before:
                save(place, file.content)
        except OSError as error:
            file.failed(error)


def read() -> Progress:
    """Return what is recorded. A damaged file is set aside, a missing one is an empty one."""
    try:
        return parsed(load(path()))  # no lock: the file is only ever replaced whole
    except DamagedError:
        with opened() as file:
            pass
    except Exception as error:  # as in `opened`
        file = OpenFile({"exercises": {}, "predictions": {}})
        file.failed(error)
    known = parsed(file.content)
    return Progress(known.exercises, known.predictions, file.note)
