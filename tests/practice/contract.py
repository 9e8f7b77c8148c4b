"""The promises of every exercise and every prediction, wherever it is written."""

from typing import Any

from course.practice.exercise import Exercise
from course.practice.predict import Prediction, Revealed

TIMES = 3  # inputs are random: each promise must hold on fresh ones


def blank_function(*_: Any, **__: Any) -> None:
    """The blank that a notebook ships."""


def prove_exercise(exercise: Exercise) -> None:
    """The solution passes, also when pasted; blanks are not attempted; mistakes are named."""
    namespace: dict[str, Any] = {}
    exec(exercise.solution_code(), namespace)
    for answer in [namespace[exercise.blank]] * TIMES:
        verdict = exercise.check(answer)
        assert verdict.outcome == "correct", verdict
    for blank in [None, ..., *([blank_function] if exercise.cases else [])]:
        assert exercise.check(blank).outcome == "not attempted"
    for mistake in exercise.mistakes:
        for _ in range(TIMES):
            verdict = exercise.check(mistake.wrong)
            assert (verdict.outcome, verdict.message) == ("not yet", mistake.message), mistake.name
    assert exercise.mistakes or exercise.judge, "no typical mistake is named"
    assert exercise.hints
    assert exercise.difficulty in (1, 2, 3)
    assert exercise.minutes > 0
    assert all(text.strip() for text in [*exercise.hints, exercise.title])


def prove_prediction(prediction: Prediction) -> None:
    """The truth is one of the options, with a sentence, and the same each time."""
    truth = Revealed(*prediction.reveal())
    assert len({option.casefold() for option in prediction.options}) == len(prediction.options) > 1
    assert truth.right_option in prediction.options
    assert truth.sentence.endswith(".")
    assert prediction.question.endswith("?")
    assert truth == Revealed(*prediction.reveal())
