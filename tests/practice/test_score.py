"""The cost of predictions."""

import math

import pytest

from course.practice import score
from course.practice.progress_file import PredictionRecord


def test_log_scores_and_their_summary() -> None:
    records = [
        PredictionRecord("a", 80, True),
        PredictionRecord("a", 80, False),
        PredictionRecord("a", 100, False),
    ]
    total = score.summary(records)
    assert (total.count, total.right_count, total.infinite) == (3, 1, 1)
    assert total.sure == pytest.approx(260 / 3)
    assert total.bits == math.inf
    assert total.finite_bits == pytest.approx(-(math.log2(0.8) + math.log2(0.2)) / 2)
    nothing = score.summary([])
    assert (nothing.count, nothing.right_count) == (0, 0)
    assert math.isnan(nothing.bits)
    assert score.mean_in_words(score.summary(records[2:])) == "∞ bits a prediction"
