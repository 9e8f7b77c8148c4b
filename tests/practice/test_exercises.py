"""Every exercise and prediction of the course keeps its promises, and so do the examples."""

from typing import Any

import pytest

from course.practice.exercise import Exercise, Mistake
from course.practice.exercises import load, members, topics
from course.practice.predict import Prediction
from tests.practice import examples
from tests.practice.contract import prove_exercise, prove_prediction

MODULES = {topic: load(topic) for topic in topics()} | {"examples": examples}


def all_of(kind: type[Any]) -> list[Any]:
    return [one for module in MODULES.values() for one in members(module, kind)]


@pytest.mark.parametrize("exercise", all_of(Exercise), ids=lambda exercise: exercise.name)
def test_exercise(exercise: Exercise) -> None:
    prove_exercise(exercise)


@pytest.mark.parametrize("prediction", all_of(Prediction), ids=lambda prediction: prediction.name)
def test_prediction(prediction: Prediction) -> None:
    prove_prediction(prediction)


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


def right(x):
    return 2 * x


def faulty(**changes: Any) -> Exercise:
    fields: dict[str, Any] = {
        "name": "a.b",
        "title": "Twice",
        "difficulty": 1,
        "minutes": 1,
        "reference": right,
        "cases": lambda rng: [(rng.normal() + 5,)],
        "mistakes": [Mistake("square", lambda x: x**2, "You squared.")],
        "hints": ["Add it to itself."],
    }
    return Exercise(**(fields | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"hints": []},
        {"hints": [" "]},
        {"difficulty": 4},
        {"minutes": 0},
        {"mistakes": []},
        {"mistakes": [Mistake("no mistake", lambda x: x + x, "Wrong.")]},
        {
            "mistakes": [
                Mistake("first", lambda x: x**2, "One message."),
                Mistake("hidden", lambda x: x * x, "Another message."),
            ]
        },
        {"cases": lambda rng: [(rng,)]},
    ],
)
def test_a_faulty_exercise_is_found(changes: dict[str, Any]) -> None:
    prove_exercise(faulty())
    with pytest.raises(AssertionError):
        prove_exercise(faulty(**changes))


@pytest.mark.parametrize(
    ("options", "reveal"),
    [
        (("yes", "no"), lambda: ("up", "It does.")),
        (("yes", "no"), lambda: ("yes", "no full stop")),
        (("yes", "Yes"), lambda: ("yes", "It does.")),
        (("yes",), lambda: ("yes", "It does.")),
    ],
)
def test_a_faulty_prediction_is_found(options: Any, reveal: Any) -> None:
    with pytest.raises(AssertionError):
        prove_prediction(Prediction("a.p", "Does it?", options, reveal))
