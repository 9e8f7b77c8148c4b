"""Judge an answer: call it, read it, compare it, name its mistake."""

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.practice.answer import BlankError, UnreadableError, numbers, plain
from course.practice.calling import (
    Arguments,
    Trouble,
    UnwrittenError,
    call,
    read,
    wrong_parameters,
)
from course.practice.compare import difference, mismatch, same
from course.practice.describe import raised, words
from course.practice.text import class_name, short
from course.practice.verdict import Outcome

if TYPE_CHECKING:
    from course.practice.exercise import Exercise

Judged = tuple[Outcome, str]

EMPTY: Judged = ("not attempted", "Fill in the blank, then run this cell again.")
RETURNS_NOTHING: Judged = (
    "not attempted",
    "Your function returns nothing yet. If you have written it already: is the `return` missing?",
)

# How a phrase begins that continues "your function …"; what a judge says is a sentence already.
_VERBS = ("gave ", "raised ", "returned ")


class FaultyError(Exception):
    """The exercise itself failed, not the answer."""


def judge(exercise: "Exercise", answer: Any) -> Judged:
    """Outcome and message for one answer.

    Raises:
        Stop: when the time is over.
        FaultyError: when the exercise's own code fails.
    """
    if answer is None or answer is ... or exercise.is_blank(answer):
        return EMPTY
    if exercise.cases is None:
        return _judge_value(exercise, answer)
    return _judge_function(exercise, answer, exercise.cases)


def _judge_value(exercise: "Exercise", answer: Any) -> Judged:
    """An exercise that asks for a value."""
    expected = _trusted(exercise.expected)
    if callable(answer) and not hasattr(type(answer), "__array__"):
        return "not yet", "This asks for a value, and your answer is a function: call it."
    try:
        got = read(answer)
    except BlankError:
        return EMPTY
    if isinstance(got, Trouble):
        return "not yet", _about_value(got.phrase)
    problem = _problem(exercise, expected, got, ())
    if problem is None:
        return "correct", exercise.praise or "That is it."
    for mistake in exercise.mistakes:
        wrong = _trusted(mistake.wrong) if callable(mistake.wrong) else mistake.wrong
        if same(_trusted(plain, wrong), got, exercise.tolerance):
            return "not yet", mistake.message
    return "not yet", _about_value(problem)


def _judge_function(exercise: "Exercise", answer: Any, cases: Callable[..., Any]) -> Judged:
    """An exercise that asks for a function."""
    arguments = [tuple(case) for case in _trusted(cases, np.random.default_rng())]
    # Before the answer runs: it might change what the solution uses.
    right = [_result(exercise.right, case) for case in arguments]
    names = list(inspect.signature(exercise.right).parameters)
    if not callable(answer):
        given = class_name(type(answer))
        advice = "This asks for a function: hand over its name, without (). "
        return "not yet", f"{advice}What came is of type {given}."
    parameters = wrong_parameters(answer, arguments[0], names)
    if parameters is not None:
        return "not yet", parameters
    got: list[Any] = []
    try:
        for case in arguments:
            got.append(call(answer, case))
            if isinstance(got[-1], Trouble):
                break
    except UnwrittenError:
        return EMPTY
    if all(value is None or value is ... for value in got):
        return RETURNS_NOTHING
    return _compared(exercise, arguments, right, got, names)


def _compared(
    exercise: "Exercise",
    arguments: Sequence[Arguments],
    right: Sequence[Any],
    got: Sequence[Any],
    names: Sequence[str],
) -> Judged:
    """Compare every result; name the mistake, or show the smallest example of a difference."""
    problems: list[tuple[str, str]] = []
    for case, expected, value in zip(arguments, right, got, strict=False):
        if isinstance(value, Trouble):
            problem: str | None = value.phrase
        elif value is None or value is ...:
            problem = "returned nothing: is a `return` missing on one of its paths?"
        else:
            problem = _problem(exercise, expected, value, case)
        if problem is not None:
            problems.append((_example(names, case), problem))
    if not problems:
        return "correct", exercise.praise or "It agrees with the course's own on random inputs."
    if not any(isinstance(value, Trouble) for value in got):
        for mistake in exercise.mistakes:
            if _makes(mistake.wrong, arguments, got, exercise.tolerance):
                return "not yet", mistake.message
    example, problem = min(problems, key=lambda found: len(found[0]))
    return "not yet", _about_function(problem, example)


def _problem(exercise: "Exercise", expected: Any, got: Any, case: Arguments) -> str | None:
    """What is wrong with one plain result, or None."""
    if exercise.judge is None:
        return difference(expected, got, exercise.tolerance, tell=exercise.cases is not None)
    wrong_form = mismatch(expected, got, shape=exercise.shape_matters)
    if wrong_form is not None:
        return wrong_form
    try:
        return exercise.judge(_like(expected, got), *copy.deepcopy(case))
    except Exception as error:  # most likely an answer of a form that the judge did not think of
        return f"gave {words(got)}, which has not the form asked for ({raised(error)})"


def _like(expected: Any, got: Any) -> Any:
    """`got` as the solution is: an array where that is numeric, else in the same container."""
    array = numbers(got) if numbers(expected) is not None else None
    if array is not None:
        return array.reshape(np.shape(expected)) if array.size == np.size(expected) == 1 else array
    if isinstance(expected, (set, list, tuple)) and type(got) is not type(expected):
        return type(expected)(got)
    return got


def _makes(
    wrong: Callable[..., Any], arguments: Sequence[Arguments], got: Sequence[Any], tolerance: float
) -> bool:
    """Does the answer give what this wrong function gives, every time?"""
    return all(
        same(_result(wrong, case), value, tolerance)
        for case, value in zip(arguments, got, strict=True)
    )


def _result(function: Callable[..., Any], case: Arguments) -> Any:
    """The plain result of one of the exercise's own functions."""
    return _trusted(plain, _trusted(function, *copy.deepcopy(case)))


def _trusted(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the exercise's own code; its failure is not the reader's."""
    try:
        return function(*arguments)
    except Exception as error:
        raise FaultyError(raised(error)) from error


def _example(names: Sequence[str], case: Arguments) -> str:
    """The arguments of a call, in words."""
    pairs = zip(names, case, strict=False)
    return ", ".join(f"{name} = {_argument(value)}" for name, value in pairs)


def _argument(value: Any) -> str:
    """One argument in words; functions and random generators by name."""
    try:
        return short(words(plain(value)), 100)
    except UnreadableError:
        return f"`{getattr(value, '__name__', type(value).__name__)}`"


def _about_function(phrase: str, example: str) -> str:
    """What a function did wrong, and with which arguments."""
    if phrase.startswith(_VERBS):
        return _ended(f"With {example}, your function {phrase}")
    return f"{phrase} (With {example}.)" if len(example) <= 100 else phrase


def _about_value(phrase: str) -> str:
    """What is wrong with a value."""
    if phrase.startswith(_VERBS):
        return _ended(f"Your answer {phrase.replace('gave', 'is', 1)}")
    return phrase


def _ended(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else text + "."
