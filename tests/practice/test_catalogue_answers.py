"""Answers that readers may well give, beside the solutions and the catalogued mistakes."""

import collections
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
import scipy.stats.contingency

from course.maths import bayes, information
from course.practice.check import check
from course.practice.exercise import Exercise
from course.practice.exercises import (
    bayes_updates,
    distributions,
    entropy,
    gradient_descent,
    start_here,
)
from course.practice.exercises import cross_entropy_and_kl as kl

TIMES = 3  # cases are random: once is no proof


def named(value: Any) -> str:
    return str(value.name) if isinstance(value, Exercise) else ""


def random_mask(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A split in which chance decides how many rows are tested, too."""
    tested = rng.random(count) < 0.2
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def split(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    return np.split(rng.permutation(count), [4 * count // 5])


def by_chance(choose: Any) -> Any:
    """Return a split that tests on the rows that `choose(count, rng)` returns."""

    def split_by(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        tested = np.unique(choose(count, rng))
        return np.setdiff1d(np.arange(count), tested), tested

    return split_by


def seeded(count: int, _: np.random.Generator) -> np.ndarray:
    np.random.seed(0)  # noqa: NPY002
    return np.random.permutation(count)[: count // 5]  # noqa: NPY002


def with_least(least: float) -> Any:
    return lambda forecast, outcome: -np.log2(np.clip(forecast[outcome], least, 1))


def up_to_a_zero(p: np.ndarray) -> float:
    total = 0.0
    for x in p:
        if x == 0:
            break
        total -= x * np.log2(x)
    return total


def by_powers(hessian: np.ndarray) -> float:
    v = np.random.default_rng(0).normal(size=len(hessian))
    for _ in range(20_000):
        v = hessian @ v
        v /= np.linalg.norm(v)
    return float(2 / (v @ hessian @ v))


def softmax_cost(z: jax.Array, p: jax.Array) -> jax.Array:
    return -jnp.sum(p * jax.nn.log_softmax(z)) / jnp.log(2.0)


def kl_both_ways(p: np.ndarray, q: np.ndarray) -> float:
    """Half of each direction."""
    return float(scipy.stats.entropy(p, q, base=2) + scipy.stats.entropy(q, p, base=2)) / 2


def shared_bits(joint: np.ndarray) -> Any:
    """H(x) + H(y) - H(x, y)."""
    parts = joint.sum(axis=0), joint.sum(axis=1), joint.ravel()
    x, y, both = (scipy.stats.entropy(part, base=2) for part in parts)
    return x + y - both


def in_logarithms(prior: np.ndarray, likelihoods: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return scipy.special.softmax(np.log(prior) + np.log(likelihoods).sum(axis=0))


def told_by_table(prevalence: float, sensitivity: float, false_alarms: float) -> float:
    """Return the entropy of the pair less that of the result."""
    rows = (sensitivity, 1 - sensitivity), (false_alarms, 1 - false_alarms)
    joint = np.array(rows) * [[prevalence], [1 - prevalence]]
    return float(scipy.stats.entropy(joint.ravel(), base=2)) - float(
        scipy.stats.entropy(joint.sum(axis=0), base=2)
    )


RIGHT = [
    (kl.q1, lambda p, q: scipy.stats.entropy(p, q, base=2)),
    (kl.q1, lambda p, q: scipy.special.rel_entr(p, q).sum() / np.log(2)),
    (kl.q1, lambda p, q: sum(a * np.log2(a / b) for a, b in zip(p, q, strict=True) if a)),
    (kl.q1, lambda p, q: -np.sum(p * np.log2(q)) - scipy.stats.entropy(p, base=2)),
    (kl.q2, lambda p, z: jax.grad(softmax_cost)(jnp.asarray(z), jnp.asarray(p))),
    (
        kl.q2,
        lambda p, z: [
            (q - a) / np.log(2) for q, a in zip(scipy.special.softmax(z), p, strict=True)
        ],
    ),
    (kl.q2, lambda p, z: 1.4426950409 * (scipy.special.softmax(z) - p)),
    (kl.q3, 0.90 - float(scipy.stats.entropy([0.1, 0.9], base=2))),
    (kl.q3, np.float32(0.43)),
    (kl.q3, Decimal("0.431")),
    (kl.q4, shared_bits),
    (
        kl.q4,
        lambda joint: (
            scipy.special.rel_entr(joint, scipy.stats.contingency.expected_freq(joint)).sum()
            / np.log(2)
        ),
    ),
    (bayes_updates.q1, lambda p, s, f: 1 / (1 + (1 - p) * f / (p * s)) if p else 0),
    (bayes_updates.q1, lambda p, s, f: bayes.update([p, 1 - p], [s, f])[0]),
    (bayes_updates.q2, told_by_table),
    (
        bayes_updates.q2,
        lambda p, s, f: float(
            information.entropy([p, 1 - p])
            - information.mutual_information(
                [[p * s, p * (1 - s)], [(1 - p) * f, (1 - p) * (1 - f)]]
            )
        ),
    ),
    (bayes_updates.q3, in_logarithms),
    (bayes_updates.q3, lambda prior, rows: bayes.update_sequence(prior, rows)[-1]),
    (bayes_updates.q3, lambda prior, rows: list(in_logarithms(prior, rows[::-1]))),
    (bayes_updates.q4, lambda h, t: Fraction((1 + h) * (2 + h), (2 + h + t) * (3 + h + t))),
    (bayes_updates.q4, lambda h, t: scipy.stats.beta(1 + h, 1 + t).moment(2)),
    (entropy.q1, lambda p: float(sum(Fraction(x) * Fraction(-np.log2(x)) for x in p if x))),
    (entropy.q1, lambda p: -sum(Decimal(x) * Decimal(x).ln() / Decimal(2).ln() for x in p if x)),
    (entropy.q1, lambda p: scipy.stats.entropy(p, base=2)),
    (entropy.q1, lambda p: -np.nansum(p * np.log2(p))),
    (entropy.q2, Decimal("0.11")),
    (entropy.q3, np.array(["0", "10", "110", "1110", "1111"])),
    (entropy.q4, lambda bits: bits + np.float32(np.log2(100))),
    (distributions.q2, lambda forecast, outcome: -jnp.log2(forecast)[outcome]),
    (distributions.q2, lambda forecast, outcome: -np.log2(np.float32(forecast))[outcome]),
    (distributions.q4, scipy.special.softmax),
    (start_here.q1, lambda texts: np.array(start_here.my_rules(texts), dtype=np.int8)),
    (start_here.q2, by_chance(lambda count, rng: rng.random(count).argsort()[: count // 5])),
    (start_here.q2, by_chance(lambda count, _: random.sample(range(count), count // 5))),
    (start_here.q2, lambda count, rng: np.split(rng.permutation(count)[::-1], [-(count // 5)])),
    (gradient_descent.q2, by_powers),
    (gradient_descent.q2, lambda hessian: 2 / max(np.roots(np.poly(hessian)).real)),
    (gradient_descent.q2, lambda hessian: 2 / np.linalg.eigvalsh(np.float32(hessian))[-1]),
    (entropy.q1, lambda p: float(np.sum(np.where(p > 0, -p * np.log2(np.where(p > 0, p, 1)), 0)))),
    (entropy.q2, np.float32(0.11)),
    (entropy.q3, ("0", "11", "101", "1001", "1000")),
    (entropy.q4, lambda bits: jnp.float32(bits) + jnp.log2(100.0)),
    (distributions.q1, lambda a, b: [(a * b).mean(), a.mean() * b.mean()]),
    (distributions.q2, lambda forecast, outcome: -np.log(forecast[outcome]) / np.log(2)),
    (distributions.q3, [0.94, 0.045, 0.015]),
    (distributions.q4, lambda z: 1 / np.exp(np.minimum(z[None] - z[:, None], 700)).sum(axis=1)),
    (start_here.q2, split),
    (start_here.q2, lambda count, rng: tuple(map(set, split(count, rng)))),
    (
        start_here.q3,
        lambda examples, train, accuracy: np.mean(
            [
                accuracy(train(examples[:i] + examples[i + 20 :]), examples[i : i + 20])
                for i in range(0, len(examples), 20)
            ]
        ),
    ),
    (
        start_here.q3,
        lambda examples, train, accuracy: start_here.honest_score(
            np.random.default_rng(0).permutation(examples), train, accuracy
        ),
    ),
    (
        gradient_descent.q1,
        lambda w, slope, rate: [x - rate * g for x, g in zip(w, slope(w), strict=True)],
    ),
    (
        gradient_descent.q1,
        jax.jit(lambda w, slope, rate: w - rate * slope(w), static_argnames="slope"),
    ),
    (gradient_descent.q1, lambda w, slope, rate: w - rate * slope(w.tolist())),
    (gradient_descent.q2, lambda hessian: 2 / np.linalg.norm(hessian, 2)),
    (gradient_descent.q2, lambda hessian: 2 / jnp.linalg.eigvalsh(jnp.asarray(hessian))[-1]),
    (
        gradient_descent.q3,
        lambda w, inputs, targets: np.mean(
            [(x @ w - y) * x for x, y in zip(inputs, targets, strict=True)], axis=0
        ),
    ),
    (
        gradient_descent.q3,
        jax.grad(lambda w, inputs, targets: jnp.mean((inputs @ w - targets) ** 2) / 2),
    ),
    (gradient_descent.q4, lambda d: jnp.array([4 * d, 80 * d, 4 * d**2])),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT, ids=named)
def test_another_right_answer_passes(exercise: Exercise, answer: Any) -> None:
    for _ in range(TIMES):
        verdict = check(exercise, answer)
        assert verdict.outcome == "correct", verdict


WRONG = [
    (kl.q1, kl_both_ways, "was expected"),
    (kl.q1, lambda p, q: np.sum(p * np.log2(np.maximum(p, 1e-3) / q)), "was expected"),
    (kl.q1, lambda p, q: np.sum(p * np.log2((p + 1e-3) / (q + 1e-3))), "was expected"),
    (kl.q1, lambda p, q: np.sum((p - q) ** 2), "was expected"),
    (kl.q2, lambda p, z: 1.4427 * (np.exp(z) - p), "were expected|was expected"),
    (kl.q2, lambda p, z: 1.4427 * (z / z.sum() - p), "were expected|was expected"),
    (kl.q2, lambda p, z: 1.4427 * abs(scipy.special.softmax(z) - p), "were expected|was expected"),
    (kl.q2, lambda p, z: np.zeros_like(z), "were expected|was expected"),
    (kl.q3, -0.431, "The other way round"),
    (kl.q3, 0.5, "Not 0.5"),
    (kl.q3, 0.0, "Not 0"),
    (
        kl.q4,
        lambda joint: np.sum(joint * (joint - scipy.stats.contingency.expected_freq(joint))),
        "was expected",
    ),
    (
        kl.q4,
        lambda joint: np.sum(abs(joint - scipy.stats.contingency.expected_freq(joint))) / 2,
        "was expected",
    ),
    (kl.q4, lambda joint: max(shared_bits(joint), 0.01), "was expected"),
    (bayes_updates.q1, lambda p, s, f: round(bayes_updates.p_ill(p, s, f), 2), "was expected"),
    (bayes_updates.q1, lambda p, s, f: min(p * s / f, 1) if f else 1.0, "was expected"),
    (bayes_updates.q1, lambda p, s, f: p * s / (p * s + f * (1 - s)), "was expected"),
    (
        bayes_updates.q2,
        lambda p, s, f: float(information.entropy([p * s + (1 - p) * f, 1 - p * s - (1 - p) * f])),
        "was expected",
    ),
    (bayes_updates.q2, lambda p, s, f: 0.0547, "was expected"),
    (bayes_updates.q3, lambda prior, rows: np.eye(len(prior))[rows.sum(0).argmax()], "expected"),
    (bayes_updates.q3, lambda prior, rows: prior, "was expected"),
    (bayes_updates.q4, lambda h, t: (h + 0.5) / (h + t + 1) * (h + 1.5) / (h + t + 2), "expected"),
    (bayes_updates.q4, lambda h, t: (1 + h) / (2 + h + t) / 2, "was expected"),
    (entropy.q1, up_to_a_zero, "You stop at the first zero"),
    (entropy.q1, lambda p: -np.sum(p * np.log2(np.maximum(p, 1e-3))), "was expected"),
    (entropy.q4, lambda bits: bits + 6.64386, "was expected"),
    (entropy.q4, lambda bits: max(bits + np.log2(100), 0), "was expected"),
    (entropy.q4, lambda bits: abs(bits + np.log2(100)), "was expected"),
    *(
        (distributions.q2, with_least(least), "cut small probabilities off|was expected")
        for least in (1e-2, 1e-3, 1e-4, 1e-6, 1e-9, 1e-12, 1e-15)
    ),
    (distributions.q2, lambda p, y: -np.log2(np.float16(p[y])), "expected"),
    (distributions.q2, lambda p, y: -np.log2(round(p[y], 4)), "expected"),
    (distributions.q2, lambda p, y: -np.log2(p[y] + 1e-9), "expected"),
    (distributions.q2, lambda p, y: -np.log2(p[y] + 1e-300), "expected"),
    (start_here.q1, lambda texts: texts.spam, "AttributeError"),
    (start_here.q1, lambda texts: True, "500 values True or False were expected"),
    (start_here.q1, lambda texts: collections.deque(texts), "put `list(…)` around it"),
    *(
        (start_here.q2, by_chance(choose), "Over many calls|stand together|equal steps")
        for choose in (
            lambda count, rng: 2 * rng.permutation(count // 2)[: count // 5],
            lambda count, rng: rng.permutation(count // 2)[: count // 5],
            lambda count, rng: np.add.outer([0, 1], 2 * rng.permutation(count // 2)[: count // 10]),
            lambda count, rng: np.arange(0, count, 5) + rng.integers(5, size=count // 5),
            lambda count, rng: 1 + rng.permutation(count - 1)[: count // 5],
        )
    ),
    *(
        (start_here.q2, by_chance(choose), "the same rows again and again")
        for choose in (
            lambda count, _: np.argsort(np.random.default_rng(1).random(2000)[:count])[::5],
            lambda count, _: np.random.default_rng(0).permutation(count)[: count // 5],
            lambda count, _: np.random.default_rng(count).permutation(count)[: count // 5],
            seeded,
        )
    ),
    *(
        (gradient_descent.q2, lambda h, top=top: top / np.linalg.eigvalsh(h)[-1], "was expected")
        for top in (1.999, 1.9998, 2.0002, 2.001)
    ),
    (gradient_descent.q2, lambda h: np.round(2 / np.linalg.eigvalsh(h)[-1], 4), "was expected"),
    (entropy.q2, 1.5, "between 0 and 1"),
    (entropy.q2, 0.2, "0.722 bits: too even"),
    (entropy.q3, ["0", "10", "110", "111"], "five|5 outcomes"),
    (entropy.q3, ["0", "10", "110", "1110", "1110"], "share the word"),
    (entropy.q3, ["a", "b", "c", "d", "e"], "string of 0 and 1"),
    (entropy.q3, ["00", "01", "10", "110", "111"], "are enough"),
    (distributions.q3, [0.95, 0.05, 0], "One rainy day costs you ∞ bits"),
    (distributions.q3, [0.5, 0.4, 0.4], "sum to 1"),
    (distributions.q3, [94, 5, 1], "percentages"),
    (distributions.q3, [0.9999, 0.00005, 0.00005], "more than need be"),
    (distributions.q4, lambda z: np.exp(z - z.mean()) / np.exp(z - z.mean()).sum(), "NaN"),
    (entropy.q4, lambda bits: bits + 6.644, "expected"),
    (start_here.q1, lambda texts: [0.9] * len(texts), "True or False"),
    (start_here.q2, lambda count, rng: np.split(np.arange(count), [count // 5])[::-1], "together"),
    (start_here.q2, lambda count, rng: random_mask(count, rng), "chance does not also decide"),
    (start_here.q3, lambda examples, train, accuracy: 1.0, "was expected"),
    (distributions.q3, [1.2, -0.1, -0.1], "negative"),
    (start_here.q1, lambda texts: [True], "verdicts|True or False were expected"),
    (start_here.q1, lambda texts: np.random.default_rng(0).random(len(texts)) < 0.5, "Right on"),
    (start_here.q2, lambda count, rng: (np.arange(count // 2), np.arange(0)), "empty"),
    (
        start_here.q2,
        lambda count, rng: (rng.integers(count, size=80), rng.integers(count, size=20)),
        "both parts|come twice|neither part",
    ),
    (
        start_here.q2,
        lambda count, rng: np.split(rng.permutation(count), [count // 2]),
        "One fifth",
    ),
    (gradient_descent.q1, lambda w, slope, rate: w, "was expected|were expected"),
    (gradient_descent.q2, lambda hessian: 1.99 / np.linalg.eigvalsh(hessian).max(), "was expected"),
    (gradient_descent.q2, lambda hessian: 2 / np.linalg.eigvals(hessian)[0], "no particular order"),
    (gradient_descent.q3, lambda w, inputs, targets: 0 * w, "expected"),
    (gradient_descent.q4, lambda d: [4 * d, 80 * d + 40, 4 * d**2], "expected"),
]


@pytest.mark.parametrize(("exercise", "answer", "says"), WRONG, ids=named)
def test_another_wrong_answer_is_told_why(exercise: Exercise, answer: Any, says: str) -> None:
    for _ in range(TIMES):
        verdict = check(exercise, answer)
        assert verdict.outcome == "not yet"
        assert any(part in verdict.message for part in says.split("|")), verdict
