"""The log score of predictions: their cost, in bits.

A prediction is the forecast "my answer is right", made with probability sure / 100. It costs
-log2 of the probability that it gave to what happened.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from course.practice.progress_file import PredictionRecord


@dataclass(frozen=True)
class Summary:
    """All predictions together."""

    count: int
    right_count: int
    sure: float
    """Mean confidence, in percent."""
    bits: float
    """Mean log score, ∞ after one wrong answer at 100 %."""
    infinite: int
    """Number of those that cost ∞ bits."""
    finite_bits: float
    """Mean log score of the others; NaN where there are none."""


def log_score(sure: float, right: bool) -> float:
    """Return the cost in bits: -log2(sure/100) if right, -log2(1 - sure/100) if wrong.

    Args:
        sure: in percent, above 0 and up to 100.
        right: True if it happened.

    >>> log_score(50, True), log_score(75, False), log_score(100, True), log_score(100, False)
    (1.0, 2.0, 0.0, inf)
    """
    chance = (sure if right else 100 - sure) / 100
    return 0.0 - math.log2(chance) if chance > 0 else math.inf  # 0.0 - …: the cost of 1 is not -0


def summary(predictions: Iterable[PredictionRecord]) -> Summary:
    """Return counts, mean confidence and mean log score of predictions.

    >>> both = summary([PredictionRecord("rises", 50, True), PredictionRecord("falls", 100, False)])
    >>> both.count, both.right_count, both.sure, both.bits, both.infinite, both.finite_bits
    (2, 1, 75.0, inf, 1, 1.0)
    """
    made = list(predictions)
    costs = [log_score(one.sure, one.right) for one in made]
    finite = [cost for cost in costs if math.isfinite(cost)]
    return Summary(
        len(made),
        sum(one.right for one in made),
        _mean([one.sure for one in made]),
        _mean(costs),
        len(costs) - len(finite),
        _mean(finite),
    )


def bits(value: float) -> str:
    """Return a cost in words.

    >>> bits(0.3219), bits(float("inf")), bits(1.0)
    ('0.32 bits', '∞ bits', '1.00 bits')
    """
    return f"{value:.2f} bits" if math.isfinite(value) else "∞ bits"


def mean_in_words(total: Summary) -> str:
    """Return a mean log score in words, useful even where one prediction has made it infinite.

    >>> mean_in_words(Summary(3, 2, 80.0, math.inf, 1, 0.5))
    '∞ bits a prediction (without the 1 that cost ∞: 0.50 bits over 2)'
    """
    if not total.infinite:
        return f"{bits(total.bits)} a prediction"
    rest = total.count - total.infinite
    aside = f" (without the {total.infinite} that cost ∞: {bits(total.finite_bits)} over {rest})"
    return "∞ bits a prediction" + (aside if rest else "")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
