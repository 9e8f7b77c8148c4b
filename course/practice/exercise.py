"""Exercises: what is asked, and how a reader checks an answer, gets a hint, sees a solution.

>>> def double(x):
...     return 2 * x
>>> exercise = Exercise(
...     name="demo.q1", title="Twice", difficulty=1, minutes=2, reference=double,
...     cases=lambda rng: [(rng.normal(),), (rng.normal(size=3),)],
...     hints=["Multiply by two."],
... )
>>> exercise
Twice (difficulty 1 of 3, about 2 minutes). Use `practice.demo.q1.check(…)`, \
`practice.demo.q1.hint()`, `practice.demo.q1.solution()`.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

from course.practice import progress
from course.practice.check import INTERRUPTED, TIME_LIMIT, Mistake, Question, check
from course.practice.describe import short
from course.practice.solution_code import pasteable
from course.practice.verdict import Text, Verdict

__all__ = ["Exercise", "Mistake"]

_one_at_a_time = threading.Lock()
_hints_shown: dict[str, int] = {}


@dataclass(frozen=True, eq=False, kw_only=True)
class Exercise(Question):
    """One exercise as a notebook offers it."""

    name: str
    """Topic and name, "entropy.q1": the module it lives in and its name there."""
    title: str
    """A few words."""
    difficulty: int
    """1 (one idea), 2 (put two together) or 3 (think first)."""
    minutes: int
    """Time that it takes most readers."""
    hints: Sequence[str] = ()
    """From a nudge to almost the solution."""
    answer: str = ""
    """Name of the blank in the notebook; the name of the reference by default."""

    def __post_init__(self) -> None:
        if not self.answer:
            if not isinstance(self.reference, FunctionType):
                raise ValueError("answer: expected the name of the blank: the reference has none")
            object.__setattr__(self, "answer", self.reference.__name__)

    @property
    def heading(self) -> str:
        """Title, difficulty and minutes in one line."""
        time = f"about {self.minutes} minute" + ("s" if self.minutes != 1 else "")
        return f"{self.title} (difficulty {self.difficulty} of 3, {time})"

    def __repr__(self) -> str:
        return repr(self._shown())

    def _repr_html_(self) -> str:
        return self._shown()._repr_html_()

    def _shown(self) -> Text:
        call = f"practice.{self.name}"
        return Text(f"{self.heading}. Use `{call}.check(…)`, `{call}.hint()`, `{call}.solution()`.")

    def check(
        self, answer: Any = None, *more: Any, seconds: float = TIME_LIMIT, **unknown: Any
    ) -> Verdict:
        """Judge an answer and record the attempt.

        Args:
            answer: the reader's function or value.
            more: unused; accepted so that a wrong call gets a sentence, not a TypeError.
            seconds: the time limit for the whole check.
            unknown: unused, likewise.
        """
        if more:
            return Verdict("not yet", "Hand over one answer to `check`, not several.")
        if unknown:
            listed = short(", ".join(f"`{name}`" for name in unknown))
            message = f"`check` knows no keyword {listed}: hand over your answer alone."
            return Verdict("not yet", message)
        # An answer may check itself, and two threads cannot both keep one session.
        if not _one_at_a_time.acquire(blocking=False):
            return Verdict("not yet", "Another check is still running: one at a time.")
        try:
            verdict = replace(check(self, answer, seconds), heading=self.heading)
            if verdict.judged and verdict.outcome != "not attempted":
                note = progress.record_attempt(self.name, verdict.outcome)
                verdict = replace(verdict, note=note)
        except KeyboardInterrupt:  # between two steps, or while the attempt is recorded
            verdict = Verdict("not yet", INTERRUPTED, self.heading)
        finally:
            _one_at_a_time.release()
        return verdict

    def hint(self) -> Text:
        """Show the next hint; the last one stays."""
        if not self.hints:
            return Text("There is no hint for this one.")
        shown = min(_hints_shown.get(self.name, 0) + 1, len(self.hints))
        _hints_shown[self.name] = shown
        note = progress.record_hint(self.name, shown)
        text = f"Hint {shown} of {len(self.hints)}: {self.hints[shown - 1]}"
        if shown == len(self.hints):
            text += f" That was the last one; `practice.{self.name}.solution()` shows a solution."
        return Text(f"{text} {note}".rstrip())

    def solution(self) -> Text:
        """Show one right answer, to be read or pasted into the cell above the check."""
        note = progress.record_solution(self.name)
        return Text(f"{self.title}: one solution. {note}".rstrip(), self.solution_code())

    def solution_code(self) -> str:
        """Return one right answer as code for the reader's cell."""
        return pasteable(self.reference, self.answer, value=self.cases is None)
