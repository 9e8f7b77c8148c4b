"""What the reader has done, in one JSON file that stays on this machine.

    {"schema": 1,
     "exercises":   {"entropy.q1": {"outcome": "correct", "attempts": 2, "solved_at": "…",
                                    "hints_used": 1, "solution_seen": false}},
     "predictions": {"entropy.p1": {"guess": "…", "sure": 80, "right": true, "at": "…"}}}

The file is written under a lock and replaced whole, so that a crash at any moment leaves the old or
the new one. A damaged file is set aside under another name; one that a newer version of the course
has written is left alone. What goes wrong comes back as one sentence for the reader.
"""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from course.practice import progress_file as store

LOCK_SECONDS = 5.0


@dataclass(frozen=True)
class ExerciseRecord:
    """How far one exercise has come.

    Attributes:
        outcome: the best so far, "correct" or "not yet".
        attempts: checks of something, right or wrong.
        solved_at: when it was first right, in UTC; "" before.
        hints_used: how many of its hints were shown.
        solution_seen: was its solution shown?
    """

    outcome: str = "not yet"
    attempts: int = 0
    solved_at: str = ""
    hints_used: int = 0
    solution_seen: bool = False


@dataclass(frozen=True)
class PredictionRecord:
    """One prediction, as first made.

    Attributes:
        guess: the option chosen.
        sure: how sure the reader was, in percent, 50 to 100.
        right: did it happen?
        at: when, in UTC.
    """

    guess: str
    sure: float
    right: bool
    at: str = ""


@dataclass(frozen=True)
class Progress:
    """Everything recorded, by name; `note` says what was wrong with the file, if anything."""

    exercises: dict[str, ExerciseRecord] = field(default_factory=dict)
    predictions: dict[str, PredictionRecord] = field(default_factory=dict)
    note: str = ""


class NoHomeError(OSError):
    """There is no place for the file."""


def path() -> Path:
    """Where the progress file is, or will be: `COURSE_PROGRESS`, or the user's data folder.

    Raises:
        NoHomeError: when this user has no home folder.
    """
    named = os.environ.get("COURSE_PROGRESS", "").strip()
    try:
        place = (
            Path(named).expanduser()
            if named
            else user_data_path("why-models-learn") / "progress.json"
        )
    except RuntimeError as error:  # from expanduser
        raise NoHomeError("this user has no home folder") from error
    if not named and not place.is_absolute():
        raise NoHomeError("this user has no home folder")
    # A link stays: what is replaced is the file it points to.
    return Path(os.path.realpath(place))


def read() -> Progress:
    """What is recorded. A damaged file is set aside, a missing one is an empty one."""
    found: Progress = Progress()

    def look(content: store.Content) -> bool:
        nonlocal found
        found = _parsed(content)
        return False

    try:
        content = store.load(path())
        return _parsed(content)
    except store.DamagedError:
        note = _under_lock(look)
        return Progress(found.exercises, found.predictions, note)
    except FileNotFoundError:
        return Progress()
    except Exception as error:  # a place that cannot be used, in one of many ways
        return Progress(note=_sentence(error))


def record_attempt(name: str, outcome: str) -> str:
    """Add one attempt at an exercise; return "" or what went wrong, in a sentence."""

    def change(content: store.Content) -> bool:
        entry = content["exercises"].setdefault(name, asdict(ExerciseRecord()))
        entry["attempts"] = entry.get("attempts", 0) + 1
        if outcome == "correct":
            entry["outcome"] = outcome
            entry["solved_at"] = entry.get("solved_at") or _now()
        return True

    return _under_lock(change)


def record_hint(name: str, shown: int) -> str:
    """Keep how many hints of an exercise were shown; return "" or what went wrong."""

    def change(content: store.Content) -> bool:
        entry = content["exercises"].setdefault(name, asdict(ExerciseRecord()))
        entry["hints_used"] = max(shown, entry.get("hints_used", 0))
        return True

    return _under_lock(change)


def record_solution(name: str) -> str:
    """Keep that the solution of an exercise was shown; return "" or what went wrong."""

    def change(content: store.Content) -> bool:
        content["exercises"].setdefault(name, asdict(ExerciseRecord()))["solution_seen"] = True
        return True

    return _under_lock(change)


def record_prediction(
    name: str, guess: str, sure: float, right: bool
) -> tuple[PredictionRecord, str]:
    """Keep a prediction, unless there is one already: the first answer counts.

    Returns:
        The prediction that counts, and "" or what went wrong.
    """
    kept = PredictionRecord(guess, sure, right, _now())

    def change(content: store.Content) -> bool:
        nonlocal kept
        earlier = content["predictions"].get(name)
        if earlier is not None:
            kept = _record(PredictionRecord, earlier)
            return False
        content["predictions"][name] = asdict(kept)
        return True

    note = _under_lock(change)
    return kept, note


def _under_lock(change: Callable[[store.Content], bool]) -> str:
    """Load the file, let `change` edit it, write it back if that returns True; say what failed."""
    note = ""
    try:
        place = path()
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{place}.lock", poll_interval=0.01).acquire(timeout=LOCK_SECONDS):
            store.sweep(place)
            try:
                content = store.load(place)
            except FileNotFoundError:
                content = store.empty()
            except store.DamagedError as damage:
                note = store.set_aside(place, damage)
                content = store.empty()
            if change(content):
                store.save(place, content)
    except Exception as error:  # as in `read`
        return f"{note} {_sentence(error)}".strip()
    return note


def _sentence(error: Exception) -> str:
    """What kept the progress from being recorded or read."""
    if isinstance(error, store.NewerError):
        return f"{error} It is left as it is, and nothing is recorded."
    if isinstance(error, Timeout):
        return "Another program holds your progress file, so this was not recorded."
    reason = getattr(error, "strerror", None) or str(error)
    return f"Your progress cannot be kept ({reason}); everything else works. See `course doctor`."


def _parsed(content: store.Content) -> Progress:
    return Progress(
        {name: _record(ExerciseRecord, entry) for name, entry in content["exercises"].items()},
        {name: _record(PredictionRecord, entry) for name, entry in content["predictions"].items()},
    )


def _record(kind: type[Any], entry: dict[str, Any]) -> Any:
    """The record in one entry; keys that this version does not know are for another."""
    known = kind.__dataclass_fields__
    return kind(**{key: value for key, value in entry.items() if key in known})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
