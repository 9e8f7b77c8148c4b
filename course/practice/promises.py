"""Accuracies that are promised: models to be scored, and judges of the scores.

An honest score is the accuracy on examples that the model has not seen. Three kinds of models have
one that is known. Of a fourth kind a single score is luck, and only many of them show whether it
was chosen, or rests on too few examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

HALF_RIGHT = 120  # models that are right on one half of the fresh examples


def memorise(examples: Any) -> frozenset[Any]:
    """A model that only knows what it has seen."""
    return frozenset(map(tuple, examples))  # shuffled by NumPy, they are rows of an array


def share_remembered(model: Any, examples: Any) -> float:
    """Share of the examples that the memorising model gets right: those that it has seen."""
    return sum(tuple(example) in model for example in examples) / len(examples)


def find_rule(examples: Any) -> bool:
    """A model that finds the rule behind the examples if there are enough of them."""
    return len(memorise(examples)) >= 40


def share_ruled(model: Any, examples: Any) -> float:
    """All right if the rule was found, else none."""
    return float(model) if len(examples) else float("nan")


def share_halfway(model: Any, examples: Any) -> float:
    """A model that does better on examples it has seen, though not perfectly."""
    return 0.6 if model.isdisjoint(memorise(examples)) else 0.8


@dataclass(frozen=True)
class HalfRight:
    """Accuracy of a model that is right on what it has seen and on half of the rest, by chance."""

    right: np.ndarray
    """A row for each number of training examples, a column for each example: half are True."""

    def __call__(self, model: Any, examples: Any) -> float:
        own = self.right[len(model)]
        verdicts = [tuple(one) in model or own[int(one[0])] for one in examples]
        return float(np.mean(verdicts)) if verdicts else float("nan")


PROMISES = {share_remembered: 0.0, share_ruled: 1.0, share_halfway: 0.6}


def promise_kept(promised: float, *arguments: Any) -> str | None:
    """Return None if the score is the model's accuracy on fresh examples, else what is wrong.

    A single score of a model that is half right says little: `promises_kept` looks at all of them.
    """
    *_, accuracy = arguments
    if isinstance(accuracy, HalfRight):
        return None if 0 <= promised <= 1 else f"gave {promised:g}, and shares go from 0 to 1"
    kept = PROMISES[accuracy]
    if abs(promised - kept) < 1e-4:
        return None
    return f"gave {promised:.4g}, but {kept:g} was expected, the accuracy on fresh examples"


def promises_kept(promised: Sequence[float], arguments: Sequence[Any]) -> str | None:
    """Return None if scores of models that are half right are honest together, else the fault."""
    errors = np.array(
        [
            score - 0.5
            for score, (*_, accuracy) in zip(promised, arguments, strict=True)
            if isinstance(accuracy, HalfRight)
        ]
    )
    # Ten examples tested, the fewest that pass, are off by 0.15; the mean of all scores by 0.014.
    # The best of four with twenty examples lies 0.10 too high. Scores that are mostly luck must
    # lie further off than luck alone takes them.
    if abs(errors.mean()) > max(0.07, 4 * errors.std() / np.sqrt(len(errors))):
        which = "best" if errors.mean() > 0 else "worst"
        return (
            f"Models that are right on half of all fresh examples get {0.5 + errors.mean():.0%} "
            f"from you on average. Do not choose the {which} of several scores: what is chosen "
            "is luck. Promise one, or the mean of all."
        )
    if np.sqrt(np.mean(errors**2)) > 0.19:
        return (
            "Your score rests on very few examples, so it is mostly luck. Keep more for testing: "
            "twenty, say."
        )
    return None


def learners(rng: np.random.Generator) -> list[tuple[list[tuple[int, bool]], object, object]]:
    """Examples to be learned by heart, by a rule, by both, and by models that are half right."""
    numbers = rng.permutation(100)
    chance = [(int(n), bool(rng.random() < 0.5)) for n in numbers]
    ruled = [(int(n), bool(n % 2)) for n in numbers]
    return [
        (chance, memorise, share_remembered),
        (ruled, find_rule, share_ruled),
        (ruled, memorise, share_halfway),
        *((chance, memorise, _half_right(rng)) for _ in range(HALF_RIGHT)),
    ]


def _half_right(rng: np.random.Generator) -> HalfRight:
    halves = np.tile(np.arange(100) < 50, (101, 1))
    return HalfRight(rng.permuted(halves, axis=1))
