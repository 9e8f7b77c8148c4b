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
from contextlib import suppress
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

from course.practice import progress
from course.practice.check import INTERRUPTED, TIME_LIMIT, Mistake, Question, check
from course.practice.deferred_interrupts import InterruptsNoted
from course.practice.describe import short
from course.practice.solution_code import pasteable
from course.practice.verdict import Text, Verdict

__all__ = ["Exercise", "Mistake"]

_one_at_a_time = threading.Lock()
_hints_used: dict[str, int] = {}


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
    blank: str = ""
    """Name of the blank in the notebook; the name of the reference by default."""

    def __post_init__(self) -> None:
        if not self.blank:
            if not isinstance(self.reference, FunctionType):
                raise ValueError("blank: expected the name of the blank: the reference has none")
            object.__setattr__(self, "blank", self.reference.__name__)

    @property
    def heading(self) -> str:
        """Title, difficulty and minutes in one line."""
        time = f"about {self.minutes} minute" + ("s" if self.minutes != 1 else "")
        return f"{self.title} (difficulty {self.difficulty} of 3, {time})"

    def __repr__(self) -> str:
        return repr(self._text())

    def _repr_html_(self) -> str:
        return self._text()._repr_html_()

    def _text(self) -> Text:
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
            unknown: unused, for the same reason.
        """
        if more:
            return Verdict("not yet", "Pass one answer to `check`, not several.")
        if unknown:
            listed = short(", ".join(f"`{name}`" for name in unknown))
            message = f"`check` knows no keyword {listed}: pass your answer alone."
            return Verdict("not yet", message)
        # The record is written whole, or not at all, whenever an interrupt comes.
        verdict = Verdict("not yet", INTERRUPTED, self.heading)
        with suppress(KeyboardInterrupt), InterruptsNoted():
            verdict = self._checked(answer, seconds)
        return verdict

    def _checked(self, answer: Any, seconds: float) -> Verdict:
        # An answer may check itself, and two threads cannot both keep one session.
        if not _one_at_a_time.acquire(blocking=False):
            return Verdict("not yet", "Another check is still running: one at a time.")
        try:
            verdict = replace(check(self, answer, seconds), heading=self.heading)
            if verdict.judged and verdict.outcome != "not attempted":
                note = progress.record_attempt(self.name, verdict.outcome)
                verdict = replace(verdict, note=note)
        finally:
            _one_at_a_time.release()
        return verdict

    def hint(self) -> Text:
        """Show the next hint; the last one stays."""
        if not self.hints:
            return Text("There is no hint for this one.")
        count = min(_hints_used.get(self.name, 0) + 1, len(self.hints))
        _hints_used[self.name] = count
        note = progress.record_hint(self.name, count)
        text = f"Hint {count} of {len(self.hints)}: {self.hints[count - 1]}"
        if count == len(self.hints):
            text += f" That was the last one; `practice.{self.name}.solution()` shows a solution."
        return Text(f"{text} {note}".rstrip())

    def solution(self) -> Text:
        """Show one right answer, to be read or pasted into the cell above the check."""
        note = progress.record_solution(self.name)
        return Text(f"{self.title}: one solution. {note}".rstrip(), self.solution_code())

    def solution_code(self) -> str:
        """Return one right answer as code for the reader's cell."""
        return pasteable(self.reference, self.blank, value=self.cases is None)
