"""Scores that may be promised, and scores that may not, each in several checks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from course.practice.exercises.start_here import honest_score, q3

Score = Callable[[list[Any], Any, Any], float]
CHECKS = 2  # of each answer, on other examples each time


def folds(size: int, choose: Callable[[list[float]], Any]) -> Score:
    """Test on every block of a size in turn, and make one number of the scores."""

    def score(examples: list[Any], train: Any, accuracy: Any) -> Any:
        starts = range(0, len(examples), size)
        return choose(
            [
                accuracy(train(examples[:i] + examples[i + size :]), examples[i : i + size])
                for i in starts
            ]
        )

    return score


def shuffled(examples: list[Any], train: Any, accuracy: Any) -> float:
    order = np.random.default_rng().permutation(len(examples))
    return honest_score([examples[i] for i in order], train, accuracy)


def over_sizes(choose: Callable[[list[float]], float]) -> Score:
    """Train on more and more examples, test on the same twenty."""
    return lambda examples, train, accuracy: choose(
        [accuracy(train(examples[20 : 20 + n]), examples[:20]) for n in (50, 60, 70, 80)]
    )


@pytest.mark.parametrize(
    "score",
    [
        pytest.param(honest_score, id="a fifth"),
        pytest.param(shuffled, id="a fifth at random"),
        pytest.param(folds(20, np.mean), id="five folds"),
        pytest.param(folds(1, np.mean), id="leave one out"),
        pytest.param(lambda e, train, accuracy: accuracy(train(e[:50]), e[50:]), id="a half"),
        pytest.param(lambda e, train, accuracy: accuracy(train(e[10:]), e[:10]), id="a tenth"),
    ],
)
def test_an_honest_score_is_right(score: Score) -> None:
    assert {q3.check(score).outcome for _ in range(CHECKS)} == {"correct"}


@pytest.mark.parametrize(
    ("score", "said"),
    [
        pytest.param(folds(5, max), "the best of several", id="best of twenty"),
        pytest.param(folds(20, max), "the best of several", id="best of five"),
        pytest.param(folds(20, min), "worst of several", id="worst of five"),
        pytest.param(over_sizes(max), "the best of several", id="best of four sizes"),
        pytest.param(folds(1, lambda scores: scores[0]), "very few examples", id="one example"),
        pytest.param(folds(3, lambda scores: scores[0]), "very few examples", id="three examples"),
    ],
)
def test_a_score_that_is_luck_is_named(score: Score, said: str) -> None:
    for _ in range(CHECKS):
        verdict = q3.check(score)
        assert verdict.outcome == "not yet"
        assert said in verdict.message


@pytest.mark.parametrize(("score", "said"), [(1.5, "shares go from 0"), (0.5, "was expected")])
def test_a_number_that_no_model_made_is_refused(score: float, said: str) -> None:
    verdict = q3.check(lambda examples, train, accuracy: score)
    assert verdict.outcome == "not yet"
    assert said in verdict.message
