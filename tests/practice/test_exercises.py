"""Every exercise and prediction of the course keeps its promises, and so do the examples."""

from contextlib import nullcontext
from typing import Any

import pytest

from course.practice.exercise import Exercise, Mistake
from course.practice.exercises import load, members, topics
from course.practice.predict import Prediction, Revealed
from tests.practice import examples

TIMES = 3  # inputs are random: each promise must hold on fresh ones
MODULES = {topic: load(topic) for topic in topics()} | {"examples": examples}


def all_of(kind: type[Any]) -> list[Any]:
    return [one for module in MODULES.values() for one in members(module, kind)]


@pytest.mark.parametrize("exercise", all_of(Exercise), ids=lambda exercise: exercise.name)
def test_exercise(exercise: Exercise) -> None:
    """The solution passes, also when pasted; blanks are not attempted; mistakes are named."""
    namespace: dict[str, Any] = {}
    exec(exercise.solution_code(), namespace)
    for answer in [namespace[exercise.blank]] * TIMES:
        verdict = exercise.check(answer)
        assert verdict.outcome == "correct", verdict
    for blank in [None, ..., *([lambda *_, **__: None] if exercise.cases else [])]:
        assert exercise.check(blank).outcome == "not attempted"
    for mistake in [mistake for mistake in exercise.mistakes for _ in range(TIMES)]:
        verdict = exercise.check(mistake.wrong)
        assert (verdict.outcome, verdict.message) == ("not yet", mistake.message), mistake.name
    assert exercise.mistakes or exercise.judge, "no typical mistake is named"
    assert exercise.hints
    assert exercise.difficulty in (1, 2, 3)
    assert exercise.minutes > 0
    assert all(text.strip() for text in [*exercise.hints, exercise.title])


@pytest.mark.parametrize("prediction", all_of(Prediction), ids=lambda prediction: prediction.name)
def test_prediction(prediction: Prediction) -> None:
    """The truth is one of the options, with a sentence, and the same each time."""
    truth = Revealed(*prediction.reveal())
    assert len({option.casefold() for option in prediction.options}) == len(prediction.options) > 1
    assert truth.right_option in prediction.options
    assert truth.sentence.endswith(".")
    assert prediction.question.endswith("?")
    assert truth == Revealed(*prediction.reveal())


@pytest.mark.parametrize("topic", MODULES)
def test_names_say_where_things_are(topic: str) -> None:
    module = MODULES[topic]
    for name, one in vars(module).items():
        if isinstance(one, (Exercise, Prediction)):
            assert one.name == f"{topic}.{name}"
    assert module.NOTEBOOK.endswith(f"_{topic}") or topic == "examples"
    assert isinstance(module.TITLE, str)


def test_no_two_have_one_name() -> None:
    names = [one.name for one in all_of(Exercise) + all_of(Prediction)]
    assert len(set(names)) == len(names)


def times_two(x):
    return 2 * x


@pytest.mark.parametrize(
    ("faulty", "mistakes"),
    [
        (False, [("square", lambda x: x**2, "You squared.")]),
        (True, []),
        (True, [("no mistake", lambda x: x + x, "Wrong.")]),
        (True, [("first", lambda x: x**2, "One."), ("hidden", lambda x: x * x, "Another.")]),
    ],
)
def test_a_faulty_catalogue_is_found(faulty: bool, mistakes: list[Any]) -> None:
    exercise = Exercise(
        name="a.b",
        title="Twice",
        difficulty=1,
        minutes=1,
        reference=times_two,
        cases=lambda rng: [(rng.normal() + 5,)],
        mistakes=[Mistake(*mistake) for mistake in mistakes],
        hints=["Add it to itself."],
    )
    with pytest.raises(AssertionError) if faulty else nullcontext():
        test_exercise(exercise)
