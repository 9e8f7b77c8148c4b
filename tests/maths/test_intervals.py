"""Intervals for the bias of a coin keep what they promise, counted and summed."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from course.maths.bayes import Beta
from course.maths.intervals import confidence_interval, coverage


@pytest.mark.parametrize("mass", [0.5, 0.95, 0.999])
def test_agrees_with_scipy(mass: float) -> None:
    for heads, tails in [(0, 1), (1, 0), (0, 10), (9, 1), (55, 45), (1, 999)]:
        wanted = binomtest(heads, heads + tails).proportion_ci(mass, method="exact")
        found = confidence_interval(heads, tails, mass)
        np.testing.assert_allclose(found, [wanted.low, wanted.high], rtol=1e-6, atol=1e-9)


def test_no_flip_leaves_everything_possible() -> None:
    np.testing.assert_array_equal(confidence_interval(0, 0), [0, 1])


def test_takes_arrays() -> None:
    heads = np.arange(4)
    ends = confidence_interval(heads, 3 - heads)
    assert ends.shape == (2, 4)
    np.testing.assert_allclose(ends[:, 2], confidence_interval(2, 1))


@pytest.mark.parametrize("flips", [1, 5, 10])
def test_holds_every_bias_often_enough(flips: int) -> None:
    heads, truths = np.arange(flips + 1)[:, None], np.linspace(0, 1, 1001)
    low, high = confidence_interval(heads, flips - heads)
    held = (low - 1e-12 <= truths) & (truths <= high + 1e-12)
    assert (binom.pmf(heads, flips, truths) * held).sum(axis=0).min() >= 0.95 - 1e-9


def test_counts_what_the_sum_says() -> None:
    heads, truths = np.arange(11), np.array([0.02, 0.5, 0.9])
    ends = Beta(1, 1).update(heads, 10 - heads).interval(0.95)
    held = (ends[0][:, None] <= truths) & (truths <= ends[1][:, None])
    exact = (binom.pmf(heads[:, None], 10, truths) * held).sum(axis=0)
    np.testing.assert_allclose(coverage(ends, truths, worlds=20_000), exact, atol=0.015)


def test_another_seed_is_another_world() -> None:
    ends = confidence_interval([0, 1, 2], [2, 1, 0], 0.5)
    biases = np.linspace(0.05, 0.95, 50)
    first, again, other = (coverage(ends, biases, worlds=50, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_refuses_what_is_no_count_or_no_bias() -> None:
    with pytest.raises(ValueError, match="heads: expected"):
        confidence_interval(-1, 1)
    with pytest.raises(ValueError, match="mass: expected"):
        confidence_interval(1, 1, 1.0)
    with pytest.raises(ValueError, match="biases: expected"):
        coverage([[0.0], [1.0]], [1.5])
