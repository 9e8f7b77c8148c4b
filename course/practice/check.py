"""Check an answer: run it under a time limit, read what it gives, compare it, name its mistake.

An answer is right if it gives what the reference gives on random inputs, or if the exercise's judge
has nothing to object. Whatever an answer raises, prints or changes, and if it never ends, there is
a verdict, and the session is as it was. Not caught is what cannot be interrupted: one long call
into C (see `time_limit`).

>>> def double(x):
...     return 2 * x
>>> question = Question(
...     reference=double,
...     cases=lambda rng: [(rng.normal(),), (rng.normal(size=3),)],
...     mistakes=[Mistake("square", lambda x: x**2, "You squared; double it instead.")],
... )
>>> check(question, lambda x: x + x).outcome
'correct'
>>> check(question, lambda x: x * x)
✘ Not yet. You squared; double it instead.
"""

import copy
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from course.practice.answer import (
    ArgumentTuple,
    BlankError,
    Trouble,
    call,
    plain,
    read,
    wrong_parameters,
)
from course.practice.compare import difference, mismatch, numbers, same
from course.practice.describe import class_name, describe, raised, readable, short
from course.practice.session import Printed, quiet, session_kept
from course.practice.time_limit import TimeLimit, TimeUp
from course.practice.verdict import Outcome, Verdict
from course.practice.wording import CANNOT_STOP, about_function, about_value, example, stopped

TIME_LIMIT = 10.0  # seconds
LONGEST_MESSAGE = 2000  # characters
INTERRUPTED = "You stopped the check, so there is no judgement."

Judged = tuple[Outcome, str]
Prepared = Sequence[tuple[ArgumentTuple, Any]]  # arguments, and what the reference gives

EMPTY: Judged = ("not attempted", "Fill in the blank, then run this cell again.")
RETURNS_NOTHING: Judged = (
    "not attempted",
    "Your function returns nothing yet. If you have written it already: is the `return` missing?",
)

_PRAISE = ("It agrees with the course's own on random inputs.", "That is it.")


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer and what to say to it."""

    name: str
    """A word or two, for tests and lists."""
    wrong: Any
    """The wrong function or value; an answer that equals it makes this mistake."""
    message: str
    """Names the mistake and points to the way out."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Question:
    """The right answer, and what is needed to tell others from it."""

    reference: Any
    """The right function; where a value is asked for, that value or a function of no arguments that
    computes it. A function is written with `def`, in a file, so that it can be shown."""
    cases: Callable[[np.random.Generator], Sequence[tuple[Any, ...]]] | None = None
    """For functions: random generator → list of argument tuples, edge cases included. None where a
    value is asked for. Arrays in them are NumPy arrays; each call gets a copy."""
    mistakes: Sequence[Mistake] = ()
    """Typical wrong answers; the first that matches is named."""
    judge: Callable[..., str | None] | None = None
    """Where a property decides, not equality: `judge(answer)` for a value, `judge(result,
    *arguments)` for a function, returns None if right, else a sentence. The answer arrives as a
    float64 array where the reference is numeric, else as plain Python in the reference's container;
    its type, shape and NaN have been looked at before."""
    shape_matters: bool = True
    """False lets the judge see numbers of any shape."""
    tolerance: float = 1e-4
    """Numbers agree when |difference| ≤ tolerance · (least + |expected|)."""
    least: float = 1.0
    """0 where small numbers are asked for to as many digits as large ones."""
    judge_all: Callable[..., str | None] | None = None
    """Judges all results of a function together, once each of them is right alone:
    `judge_all(results, argument_tuples)`, as `judge` does."""
    praise: str = ""
    """Sentence for a right answer: the idea."""


def check(question: Question, answer: Any, seconds: float = TIME_LIMIT) -> Verdict:
    """Judge an answer; whatever it is and does, a verdict comes back.

    Args:
        question: what was asked.
        answer: the reader's function or value.
        seconds: the time limit for what the answer itself computes.
    """
    allowed = seconds if isinstance(seconds, (int, float)) and 0 < seconds < 1e6 else TIME_LIMIT
    outcome: Outcome = "not yet"
    judged = True
    printed = Printed()
    limit = TimeLimit(allowed, partial(print, CANNOT_STOP, file=sys.stdout, flush=True))
    try:
        # Outside of `limit.run` an interrupt is only noted, so that it cuts nothing in two. The
        # course's own functions run before and after: their time is not the answer's, and what the
        # answer has changed in the session is put back before it is judged.
        if answer is None or answer is ...:
            return Verdict(*EMPTY)
        with limit, quiet():
            prepared = limit.run(_prepared, question)
            with session_kept(printed):
                given = limit.run(_given, question, answer, prepared, timed=True)
            outcome, message = limit.run(_judged, question, prepared, given)
    except TimeUp:
        message = stopped(limit)
    except KeyboardInterrupt:
        message = INTERRUPTED
        judged = False
    except FaultyError as fault:
        judged = False
        message = f"The exercise itself failed, not your answer ({fault})."
    except BaseException as error:  # the promise has no exceptions
        message = f"Your answer could not be judged: it raised {class_name(type(error))}."
    message = readable(short(message, LONGEST_MESSAGE))
    return Verdict(outcome, message, printed=readable(printed.text), judged=judged)


class FaultyError(Exception):
    """The exercise itself failed, not the answer."""


def _prepared(question: Question) -> Prepared:
    """Return the arguments of all calls, and what each should give."""
    if question.cases is None:
        return [((), _result(question.reference, ()))]
    arguments = [tuple(case) for case in _trusted(question.cases, np.random.default_rng())]
    return [(case, _result(question.reference, case)) for case in arguments]


def _given(question: Question, answer: Any, prepared: Prepared) -> list[Any] | Judged:
    """Return the plain results of an answer, or what there is to say if it gives none."""
    if question.cases is None:
        # Before it is read, which would tell of "a function" but not of the way out.
        if callable(answer) and not hasattr(answer, "__array__"):
            return "not yet", "This asks for a value, and your answer is a function: call it."
        try:
            return [read(answer)]
        except BlankError:
            return EMPTY
    if not callable(answer):
        advice = "This asks for a function. Pass the function itself, without ()."
        return "not yet", f"{advice} You passed a value of type {class_name(type(answer))}."
    parameters = wrong_parameters(answer, prepared[0][0], _names(question))
    if parameters is not None:
        return "not yet", parameters
    # Results up to the first call that fails: the next ones would most likely fail as well.
    got: list[Any] = []
    try:
        for case, _ in prepared:
            got.append(call(answer, case))
            if isinstance(got[-1], Trouble):
                break
    except BlankError:
        return EMPTY
    return RETURNS_NOTHING if all(value is None or value is ... for value in got) else got


def _judged(question: Question, prepared: Prepared, got: list[Any] | Judged) -> Judged:
    """Return outcome and message for what an answer gave."""
    if isinstance(got, tuple):
        return got
    wrong: list[tuple[str, ArgumentTuple]] = []
    for (case, wanted), value in zip(prepared, got, strict=False):
        problem = _problem(question, wanted, value, case)
        if problem is not None:
            wrong.append((problem, case))
    if not wrong and question.judge_all is not None:
        objection = _trusted(question.judge_all, got, [case for case, _ in prepared])
        if objection is not None:
            wrong.append((objection, ()))
    if not wrong:
        return "correct", question.praise or _PRAISE[question.cases is None]
    # The name of the mistake helps most, if it is a known one; else the shortest example.
    if not any(isinstance(value, Trouble) for value in got):
        for mistake in question.mistakes:
            if _makes(question, mistake.wrong, prepared, got):
                return "not yet", mistake.message
    if question.cases is None:
        return "not yet", about_value(wrong[0][0])
    examples = [(problem, example(_names(question), case)) for problem, case in wrong]
    return "not yet", about_function(*min(examples, key=lambda found: len(found[1])))


def _names(question: Question) -> list[str]:
    """Return the names of the parameters that the answer should have."""
    return list(inspect.signature(question.reference).parameters)


def _problem(question: Question, expected: Any, got: Any, case: ArgumentTuple) -> str | None:
    """Return a phrase that says what is wrong with one result, or None."""
    if isinstance(got, Trouble):
        return got.phrase
    if question.cases is not None and (got is None or got is ...):
        return "returned nothing: is a `return` missing on one of its paths?"
    if question.judge is None:
        return difference(
            expected,
            got,
            question.tolerance,
            least=question.least,
            tell=question.cases is not None,
        )
    wrong_form = mismatch(expected, got, shape=question.shape_matters)
    if wrong_form is not None:
        return wrong_form
    try:
        return question.judge(_like(expected, got), *copy.deepcopy(case))
    except Exception as error:  # most likely an answer of a form that the judge did not think of
        return f"gave {describe(got)}, which has not the form asked for ({raised(error)})"


def _like(expected: Any, got: Any) -> Any:
    """Return `got` as an array where the reference is numeric, else in its container."""
    array = numbers(got) if numbers(expected) is not None else None
    if array is not None:
        return array.reshape(np.shape(expected)) if array.size == np.size(expected) == 1 else array
    if isinstance(expected, (set, list, tuple)) and type(got) is not type(expected):
        return type(expected)(got)
    return got


def _makes(question: Question, wrong: Any, prepared: Prepared, got: Sequence[Any]) -> bool:
    """Return whether the answer gives what this wrong function or value gives, every time."""
    return all(
        same(_result(wrong, case), value, question.tolerance, question.least)
        for (case, _), value in zip(prepared, got, strict=True)
    )


def _result(right: Any, case: ArgumentTuple) -> Any:
    """Return the plain result of one of the exercise's own functions, or its plain value."""
    return _trusted(plain, _trusted(right, *copy.deepcopy(case)) if callable(right) else right)


def _trusted(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the exercise's own code; its failure is not the reader's."""
    try:
        return function(*arguments)
    except Exception as error:
        raise FaultyError(raised(error)) from error
