"""Record what the reader has done.

Each function returns a sentence about what went wrong, "" if nothing did; that of a prediction
returns the prediction that counts before it.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from course.practice.progress_file import ExerciseRecord, OpenFile, PredictionRecord, opened


def record_attempt(name: str, outcome: str) -> str:
    """Add one attempt at an exercise."""
    with opened() as file:
        entry = _exercise(file, name)
        entry["attempts"] += 1
        if outcome == "correct":
            entry["outcome"] = outcome
            entry["solved_at"] = entry["solved_at"] or _now()
    return file.note


def record_hint(name: str, hints_used: int) -> str:
    """Record how many hints of an exercise were shown."""
    with opened() as file:
        entry = _exercise(file, name)
        entry["hints_used"] = max(hints_used, entry["hints_used"])
    return file.note


def record_solution(name: str) -> str:
    """Record that the solution of an exercise was shown."""
    with opened() as file:
        _exercise(file, name)["solution_seen"] = True
    return file.note


def record_prediction(
    name: str, guess: str, sure: float, right: bool
) -> tuple[PredictionRecord, str]:
    """Record a prediction, unless there is one already: the first answer counts.

    Returns:
        The prediction that counts, and "" or what went wrong.
    """
    made = asdict(PredictionRecord(guess, sure, right, _now()))
    with opened() as file:
        kept = file.content["predictions"].setdefault(name, made)
    return PredictionRecord(**{key: kept[key] for key in made}), file.note


def _exercise(file: OpenFile, name: str) -> dict[str, Any]:
    """Return the entry of an exercise, made where there is none."""
    entry: dict[str, Any] = file.content["exercises"].setdefault(name, asdict(ExerciseRecord()))
    return entry


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
