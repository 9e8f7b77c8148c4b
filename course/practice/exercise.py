"""Exercises: check an answer, give a hint, show a solution.

>>> import numpy as np
>>> def double(x):
...     return 2 * x
>>> exercise = Exercise(
...     name="demo.q1", title="Twice", difficulty=1, minutes=2, solution=double,
...     cases=lambda rng: [(rng.normal(),), (rng.normal(size=3),)],
...     mistakes=[Mistake("square", lambda x: x**2, "You squared; double it instead.")],
...     hints=["Multiply by two."],
... )
>>> judge(exercise, lambda x: x + x)[0]
'correct'
>>> judge(exercise, lambda x: x * x)
('not yet', 'You squared; double it instead.')
"""

import inspect
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

from course.practice import progress
from course.practice.answer import plain
from course.practice.check import FaultyError, judge
from course.practice.compare import same
from course.practice.session import Printed, snapshot
from course.practice.solution_code import pasteable
from course.practice.text import class_name, readable, short
from course.practice.time_limit import Ended, limited
from course.practice.verdict import Outcome, Text, Verdict

TIME_LIMIT = 10.0
LONGEST_MESSAGE = 2000

_one_at_a_time = threading.Lock()
_hints_shown: dict[str, int] = {}


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer and what to say to it.

    Attributes:
        name: a word or two, for tests and lists.
        wrong: the wrong function or value; an answer that equals it makes this mistake.
        message: names the mistake and points to the way out.
    """

    name: str
    wrong: Any
    message: str


@dataclass(frozen=True, eq=False)
class Exercise:
    """One exercise: what is asked for, and how an answer is judged.

    Attributes:
        name: topic and name, "entropy.q1": the module it lives in and its name there.
        title: a few words.
        difficulty: 1 (one idea), 2 (put two together) or 3 (think first).
        minutes: how long it takes most readers.
        solution: the right function; where a value is asked for, that value or a function of no
            arguments that computes it. A function is written with `def`, in a file, to be shown.
            Kept as `right`; on the exercise, `solution()` shows it.
        cases: for functions: random generator → list of argument tuples, edge cases included. None
            where a value is asked for. Arrays in them are NumPy arrays; each call gets a copy.
        mistakes: typical wrong answers; the first that matches is named.
        hints: from a nudge to almost the solution.
        judge: where a property decides, not equality: `judge(answer)` for a value,
            `judge(result, *arguments)` for a function, returns None if right, else a sentence. The
            answer arrives as a float64 array where the solution is numeric, else as plain Python
            in the solution's container; its type, shape and NaN have been looked at before.
        shape_matters: False lets the judge see numbers of any shape.
        tolerance: numbers agree when |difference| ≤ tolerance · (1 + |expected|).
        answer: the name of the blank in the notebook; the solution function's name by default.
        blank: what the notebook ships, where that is neither None, `...` nor a function that
            returns one of them or raises NotImplementedError.
        praise: what to say when it is right: the idea in a sentence.
    """

    name: str
    title: str
    difficulty: int
    minutes: int
    solution: Any
    cases: Callable[[np.random.Generator], Sequence[tuple[Any, ...]]] | None = None
    mistakes: Sequence[Mistake] = ()
    hints: Sequence[str] = ()
    judge: Callable[..., str | None] | None = None
    shape_matters: bool = True
    tolerance: float = 1e-4
    answer: str = ""
    blank: Any = None
    praise: str = ""
    right: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.difficulty not in (1, 2, 3):
            raise ValueError(f"difficulty: expected 1, 2 or 3, got {self.difficulty!r}")
        if not self.minutes > 0:
            raise ValueError(f"minutes: expected a positive number, got {self.minutes!r}")
        if self.name.count(".") != 1:
            raise ValueError(f"name: expected 'topic.name', got {self.name!r}")
        if self.cases is not None and not callable(self.solution):
            raise TypeError("solution: expected a function, because there are cases")
        if not self.answer and not isinstance(self.solution, FunctionType):
            raise ValueError("answer: expected the name of the blank: the solution has none")
        object.__setattr__(self, "right", self.solution)
        object.__setattr__(self, "solution", self._show_solution)

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
        """Judge an answer; whatever it is and does, a verdict comes back.

        Args:
            answer: the reader's function or value.
            more: nothing; a second answer is refused in words.
            seconds: the time limit for the whole check.
            unknown: nothing; other keywords are refused in words.
        """
        verdict: Verdict | None = None
        printed = Printed()
        limit = seconds if isinstance(seconds, (int, float)) and 0 < seconds < 1e6 else TIME_LIMIT

        def finish(ended: Ended) -> None:
            nonlocal verdict
            verdict = self._kept(self._told(ended, limit, printed.text))

        with suppress(BaseException):  # the last line of defence: the promise has no exceptions
            if more:
                return self._verdict("not yet", "Hand over one answer to `check`, not several.")
            if unknown:
                listed = ", ".join(f"`{name}`" for name in unknown)
                message = f"`check` knows no keyword {short(listed)}: hand over your answer alone."
                return self._verdict("not yet", message)
            if not _one_at_a_time.acquire(blocking=False):
                return self._verdict("not yet", "Another check is still running: one at a time.")
            try:
                work, prepare = partial(_quietly, self, answer), partial(snapshot, printed)
                limited(work, limit, prepare=prepare, finish=finish)
            finally:
                _one_at_a_time.release()
        return verdict or self._verdict("not yet", "The check was stopped before it had judged.")

    def _told(self, ended: Ended, limit: float, printed: str) -> Verdict:
        """The verdict for the way in which judging ended."""
        if ended.how == "finished":
            return self._verdict(*ended.value, printed=printed)
        if ended.how == "out of time":
            message = (
                f"Your code was still running after {limit:g} seconds and was stopped: "
                "is there a loop without end?"
            )
        elif ended.how == "interrupted":
            message = "You stopped the check, so there is no judgement."
        elif ended.error is None:  # not even begun
            message = "The check itself failed, so there is no judgement of your answer."
        else:
            message = f"Your answer could not be judged: it raised {class_name(ended.error)}."
        return self._verdict("not yet", message, printed=printed)

    def _verdict(self, outcome: Outcome, message: str, *, printed: str = "") -> Verdict:
        said = readable(short(message, LONGEST_MESSAGE))
        return Verdict(outcome, said, self.heading, readable(printed))

    def _kept(self, verdict: Verdict) -> Verdict:
        """Record the attempt; what goes wrong with that is a note in the verdict."""
        if verdict.outcome == "not attempted":
            return verdict
        return replace(verdict, note=progress.record_attempt(self.name, verdict.outcome))

    def hint(self) -> Text:
        """The next hint; the last one stays."""
        if not self.hints:
            return Text("There is no hint for this one.")
        shown = min(_hints_shown.get(self.name, 0) + 1, len(self.hints))
        _hints_shown[self.name] = shown
        note = progress.record_hint(self.name, shown)
        last = f" That was the last one; `practice.{self.name}.solution()` shows a solution."
        text = f"Hint {shown} of {len(self.hints)}: {self.hints[shown - 1]}"
        return Text(
            text + (last if shown == len(self.hints) else "") + (f" {note}" if note else "")
        )

    def solution_code(self) -> str:
        """One right answer as code for the reader's cell."""
        name = self.answer or self.right.__name__
        return pasteable(self.right, name, value=self.cases is None)

    def _show_solution(self) -> Text:
        """One right answer, to be read or pasted into the cell above the check."""
        note = progress.record_solution(self.name)
        return Text(f"{self.title}: one solution. {note}".rstrip(), self.solution_code())

    def expected(self) -> Any:
        """The right value, plain, where a value is asked for."""
        return plain(self.right() if callable(self.right) else self.right)

    def is_blank(self, answer: Any) -> bool:
        """Is this what the notebook ships?"""
        if self.blank is None:
            return False
        blank = inspect.unwrap(self.blank) if callable(self.blank) else self.blank
        if isinstance(blank, FunctionType) and isinstance(answer, FunctionType):
            mine, shipped = answer.__code__, blank.__code__
            return (mine.co_code, mine.co_consts) == (shipped.co_code, shipped.co_consts)
        try:
            return not callable(answer) and same(plain(blank), plain(answer), 0.0)
        except Exception:  # not readable, hence not what was shipped
            return False


def _quietly(exercise: Exercise, answer: Any) -> tuple[Outcome, str]:
    """Judge; a fault of the exercise is told as such."""
    try:
        return judge(exercise, answer)
    except FaultyError as fault:
        return "not yet", f"The exercise itself failed, not your answer ({fault})."
