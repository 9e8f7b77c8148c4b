"""Verdicts: what passes, what does not yet, what has not been attempted, and what is said."""

import functools
import itertools
import math
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course.practice.check import Mistake, Question, check
from course.practice.exercise import Exercise
from course.practice.progress_file import read
from tests.practice.examples import (
    confident_forecast,
    entropy_bits,
    fair_die,
    my_entropy,
    prefix_code,
)


def pure(p):
    return sum(-x * math.log2(x) for x in p if x > 0)


def jax_only(p):
    p = p.at[0].set(p[0])  # NumPy arrays have no .at
    return -jnp.sum(jnp.where(p > 0, p * jnp.log2(jnp.where(p > 0, p, 1)), 0))


def many(*args, base=2.0, **options):
    return my_entropy(args[0]) / math.log2(base)


RIGHT = {
    "pure Python": pure,
    "partial": functools.partial(many, base=2),
    "variadic": many,
    "keyword default": lambda p, base=2.0: my_entropy(p) / math.log2(base),
    "JAX": lambda p: jnp.sum(jax.scipy.special.entr(jnp.asarray(p))) / jnp.log(2),
    "jitted": jax.jit(lambda p: jnp.sum(jax.scipy.special.entr(p)) / jnp.log(2)),
    "shape (1, 1)": lambda p: np.array([[my_entropy(p)]]),
    "tuple of one float32": lambda p: (np.float32(my_entropy(p)),),
    "complex without imaginary part": lambda p: complex(my_entropy(p)),
    "only for JAX": jax_only,
}


@pytest.mark.parametrize("name", RIGHT)
def test_alternative_right_functions_pass(name: str) -> None:
    verdict = entropy_bits.check(RIGHT[name])
    assert (verdict.outcome, verdict.message) == ("correct", entropy_bits.praise)


SIX = math.log2(6)


@pytest.mark.parametrize(
    ("exercise", "answers"),
    [
        (fair_die, [2.585, SIX, np.float32(SIX), np.array([SIX]), jnp.log2(6.0), (SIX,), [[SIX]]]),
        (confident_forecast, [[0.6, 0.3, 0.1], (0.7, 0.2, 0.1), np.ones(3) / 3, jnp.ones(3) / 3]),
        (prefix_code, [{"0", "10", "11"}, ["1", "00", "01"], ("11", "10", "0")]),
    ],
)
def test_alternative_right_values_pass(exercise: Exercise, answers: list[Any]) -> None:
    for answer in answers:
        assert exercise.check(answer).outcome == "correct", answer


def not_written(p):
    raise NotImplementedError


@pytest.mark.parametrize(
    "answer", [None, ..., lambda p: ..., not_written, lambda *_: None, lambda p: [..., 1]]
)
def test_a_blank_function_is_not_attempted(answer: Any) -> None:
    verdict = entropy_bits.check(answer)
    assert verdict.outcome == "not attempted"
    assert repr(verdict).startswith("Entropy of a forecast (difficulty 2 of 3, about 5 minutes)\n")
    assert read().exercises == {}


@pytest.mark.parametrize("answer", [None, ..., (..., ..., ...), [0.5, ...], {"a": ...}])
def test_a_blank_value_is_not_attempted(answer: Any) -> None:
    assert confident_forecast.check(answer).outcome == "not attempted"


def test_a_mistake_that_gives_nan_is_named() -> None:
    mistake = Mistake("zero", lambda p: np.nan if 0 in p else my_entropy(p), "Leave out p = 0.")
    question = Question(reference=my_entropy, cases=entropy_bits.cases, mistakes=[mistake])
    assert check(question, lambda p: -np.sum(p * np.log2(p))).message == "Leave out p = 0."


def forgets(p):
    return my_entropy(p) if len(p) == 2 else None


async def awaits(p):
    return my_entropy(p)


def yields(p):
    yield my_entropy(p)


def divides(p):
    count = len(p) - 2
    factor = 1 / count
    return my_entropy(p) * factor


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda p: 1.234, "With p = [1, 0], your function gave 1.234, but 0 was expected."),
        (forgets, "returned nothing: is a `return` missing on one of its paths?"),
        (lambda p: p, "gave [1, 0] (2 numbers), but a single number was expected."),
        (lambda p: "0", "gave '0' (text)"),
        (lambda p: True, "gave True (True or False)"),
        (lambda p: {}, "a dictionary"),
        (awaits, "coroutine (leave out `async`)"),
        (yields, "generator (use `return`, not `yield`, or put `list(…)` around it)"),
        (lambda p: my_entropy, "gave a function"),
        (lambda p: np.zeros(10**6), "1,000,000 values"),
        (lambda p: range(10**9), "more than 100,000 values"),
        (lambda: 1.0, "should take 1 parameter, (p); it takes `()`"),
        (math.log2, "raised TypeError"),
        ("my_entropy", "This asks for a function"),
    ],
)
def test_a_wrong_function_gets_a_reason(answer: Any, said: str) -> None:
    verdict = entropy_bits.check(answer)
    assert verdict.outcome == "not yet"
    assert said in verdict.message


def test_the_readers_own_line_is_shown() -> None:
    message = entropy_bits.check(divides).message
    line = divides.__code__.co_firstlineno + 2
    assert f"(line {line}: `factor = 1 / count`)" in message
    assert "course/practice" not in message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (2.0, "Your answer is 2, and that is not it."),
        (math.nan, "Your answer is NaN"),
        ("2.585", "Your answer is '2.585' (text), but a single number was expected."),
        (lambda: 2.585, "your answer is a function"),
        ((x for x in [2.585]), "Your answer is a generator"),
    ],
)
def test_a_wrong_value_gets_a_reason_but_not_the_answer(answer: Any, said: str) -> None:
    verdict = fair_die.check(answer)
    assert verdict.outcome == "not yet"
    assert said in verdict.message
    assert "2.584" not in verdict.message


@pytest.mark.parametrize(
    ("exercise", "answer", "said"),
    [
        (confident_forecast, [0.1, 0.1, 0.8], "This forecast costs 3.17 bits a day"),
        (confident_forecast, [0.5, 0.5], "3 numbers were expected"),
        (confident_forecast, [0.5, 0.5, math.nan], "NaN in [0.5, 0.5, NaN]"),
        (prefix_code, ["0", "01", "11"], "`01` begins with `0`"),
        (prefix_code, 7, "a set was expected"),
        (prefix_code, [1, 2, 3], "has not the form asked for (TypeError"),
    ],
)
def test_an_answer_without_the_property_gets_the_judges_reason(
    exercise: Exercise, answer: Any, said: str
) -> None:
    verdict = exercise.check(answer)
    assert verdict.outcome == "not yet"
    assert said in verdict.message


def longer(text, count):
    return text * count


def test_a_judge_sees_result_and_arguments() -> None:
    def judge(result: str, text: str, count: int) -> str | None:
        return None if len(result) == len(text) * count else f"`{result}` is too short or too long."

    question = Question(
        reference=longer, cases=lambda rng: [("ab", int(rng.integers(2, 9)))], judge=judge
    )
    assert check(question, lambda text, count: "x" * (len(text) * count)).outcome == "correct"
    message = check(question, lambda text, count: text).message
    assert message.startswith("`ab` is too short or too long. (With text = 'ab', count = ")


def test_a_literal_does_not_pass_for_a_function() -> None:
    answers = [my_entropy(case[0]) for case in entropy_bits.cases(np.random.default_rng(0))]
    seen = iter(answers)
    assert entropy_bits.check(lambda p: next(seen)).outcome == "not yet"


def test_a_fault_of_the_exercise_is_told_as_such() -> None:
    verdict = check(Question(reference=my_entropy, cases=lambda rng: [(None,)]), my_entropy)
    assert verdict.outcome == "not yet"
    assert "The exercise itself failed, not your answer (TypeError" in verdict.message


@pytest.mark.parametrize("seconds", [0, -1, math.nan, "ten", None])
def test_a_senseless_time_limit_is_not_used(seconds: Any) -> None:
    assert entropy_bits.check(my_entropy, seconds=seconds).outcome == "correct"


class OwnBaseError(BaseException):
    """An exception that `except Exception` does not catch."""


class OwnError(ValueError):
    """An exception that has no message, not even an empty one."""

    def __str__(self) -> str:
        raise OwnError


class Unreadable:
    """An object of which nothing can be learned."""

    def __getattr__(self, name: str) -> Any:
        raise OwnBaseError("`<b>mine</b>`")

    __array__ = __eq__ = __len__ = __repr__ = __getattr__  # type: ignore[assignment]


def raising(error: Any) -> Any:
    def answer(p):
        raise error

    return answer


def deep(p):
    return deep(p)


def nested(p):
    result: list[Any] = []
    result.append(result)
    return result


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda p: sys.exit(3), "raised SystemExit: 3"),
        (raising(GeneratorExit), "raised GeneratorExit"),
        (raising(OwnBaseError("`<b>mine</b>`")), "raised OwnBaseError: `<b>mine</b>`"),
        (raising(ExceptionGroup("two", [ValueError("one")])), "raised ExceptionGroup: two"),
        (raising(OwnError()), "raised OwnError"),
        (raising(ValueError("x" * 10**6)), "raised ValueError: xxx"),
        (raising(ValueError("a\ud800b\x00")), "raised ValueError: a\ufffdb\ufffd"),
        (raising(KeyboardInterrupt), "You stopped the check, so there is no judgement."),
        (deep, "raised RecursionError"),
        (nested, "lists nested without end"),
        (lambda p: Unreadable(), "gave an Unreadable that cannot be read (OwnBaseError"),
        (lambda p: itertools.count(), "gave a count"),
        (lambda p: np.broadcast_to(0.5, (10**6, 10**6)), "1,000,000,000,000 values"),
        (lambda p: "x" * 10**7, "gave 'xxx"),
        (lambda p: 7 ** (10**5), "an integer of 84,510 digits"),
        (lambda p: np.ma.masked, "but"),
        (lambda p: np.datetime64("2026-01-01"), "but"),
        (lambda p: {1, "a", None, 2.0}, "gave {"),
        (lambda p: exec("def f(:"), "raised SyntaxError"),
    ],
)
def test_whatever_a_function_raises_or_returns_there_is_a_verdict(answer: Any, said: str) -> None:
    verdict = entropy_bits.check(answer)
    assert verdict.outcome == "not yet"
    assert said in verdict.message
    assert len(verdict.message) < 1000
    repr(verdict).encode()
    assert "<b>" not in verdict._repr_html_()


@pytest.mark.parametrize("exercise", [fair_die, confident_forecast, prefix_code])
def test_whatever_a_value_is_there_is_a_verdict(exercise: Exercise) -> None:
    for answer in (Unreadable(), Unreadable, np.zeros(10**6), itertools.count(), {1: len}):
        assert exercise.check(answer).outcome == "not yet"


def test_a_judge_that_quotes_a_huge_answer_is_cut() -> None:
    huge = prefix_code.check(["0" * 10**6, "0" * 10**6 + "1", "1"])
    assert huge.outcome == "not yet"
    assert 1000 < len(huge.message) < 2100


def test_a_right_answer_that_swallows_the_alarm_is_not_correct() -> None:
    def answer(p):
        try:
            while True:
                pass
        except BaseException:
            return my_entropy(p)

    verdict = check(Question(reference=my_entropy, cases=entropy_bits.cases), answer, seconds=0.3)
    assert verdict.outcome == "not yet"
    assert "still running after 0.3 seconds" in verdict.message
