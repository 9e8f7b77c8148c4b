"""Softmax, scores of forecasts and log-probabilities against scipy, and what they refuse."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from course.maths.distributions import (
    bernoulli_log_prob,
    categorical_log_prob,
    laplace_log_prob,
    log_score,
    log_softmax,
    normal_log_prob,
    softmax,
)
from course.maths.information import cross_entropy, entropy, surprisal

FORECAST = np.array([0.65, 0.30, 0.05])
# Compiled as a whole: operation by operation, each would be a program of its own.
LOG_SOFTMAX_SLOPES = jax.jit(jax.jacobian(log_softmax))
EACH_LOG_SOFTMAX_SLOPES = jax.jit(jax.vmap(jax.jacobian(log_softmax)))


def logits_of_size(size, shape=(20, 7)):
    return (size * np.random.default_rng(0).normal(size=shape)).astype(np.float32)


@pytest.mark.parametrize("size", [0.0, 1.0, 30.0, 1e4, 1e38])
def test_softmax_equals_scipy(size):
    logits = logits_of_size(size)
    for axis in (-1, 0):
        exact = special.softmax(logits.astype(np.float64), axis=axis)
        np.testing.assert_allclose(softmax(logits, axis=axis), exact, rtol=1e-5, atol=1e-37)


def test_softmax_by_hand():
    odds = softmax(np.log([1, 2, 5]))
    np.testing.assert_allclose(odds, [1 / 8, 2 / 8, 5 / 8], rtol=1e-6)


def test_adding_a_constant_to_logits_changes_nothing():
    logits = np.array([0.0, 1.0, -2.0])
    np.testing.assert_allclose(softmax(logits + 1000), softmax(logits), rtol=1e-6)


def test_gradient_of_softmax():
    logits = np.float32([1.0, -2.0, 0.5])
    p, slopes = np.asarray(softmax(logits)), jax.jit(jax.jacobian(softmax))
    np.testing.assert_allclose(slopes(logits), np.diag(p) - np.outer(p, p), atol=1e-6)
    assert np.isfinite(slopes(np.float32([1e4, -1e4, 1e4]))).all()


@pytest.mark.parametrize("size", [0.0, 1.0, 30.0, 1e4])
def test_log_softmax_equals_scipy(size):
    logits = logits_of_size(size)
    for axis in (-1, 0):
        exact = special.log_softmax(logits.astype(np.float64), axis=axis)
        np.testing.assert_allclose(log_softmax(logits, axis=axis), exact, rtol=1e-6, atol=1e-6)
    slopes = EACH_LOG_SOFTMAX_SLOPES(logits)
    p = special.softmax(logits.astype(np.float64), axis=-1)
    np.testing.assert_allclose(slopes, np.eye(7) - p[:, None, :], atol=1e-6)


@pytest.mark.parametrize("size", [1e4, 1e30, 1e37])
def test_log_softmax_of_very_large_logits_is_finite(size):
    logits = np.float32([size, size, 0, -size])
    exact = np.array([0, 0, -size, -2 * size]) - math.log(2)
    np.testing.assert_allclose(log_softmax(logits), exact, rtol=1e-6)
    slopes = LOG_SOFTMAX_SLOPES(logits)
    np.testing.assert_allclose(slopes, np.eye(4) - [0.5, 0.5, 0, 0], atol=1e-6)


def test_the_log_score_is_the_surprise_at_what_happened():
    assert float(log_score(FORECAST, 2)) == pytest.approx(-math.log2(0.05), rel=1e-6)
    assert float(log_score(FORECAST, 2, unit="nats")) == pytest.approx(-math.log(0.05), rel=1e-6)
    assert log_score([1, 0, 0], [0, 1]).tolist() == [0, math.inf]


def test_one_forecast_on_many_outcomes_and_many_forecasts_on_one():
    forecasts = np.stack([FORECAST, FORECAST[::-1]])
    outcomes = np.array([[0, 1], [2, 2], [1, 0]])
    expected = surprisal(FORECAST[outcomes])
    np.testing.assert_allclose(log_score(FORECAST, outcomes), expected, rtol=1e-6)
    np.testing.assert_allclose(log_score(forecasts, 0), surprisal(forecasts[:, 0]), rtol=1e-6)
    expected = surprisal(forecasts[np.arange(2), outcomes])
    np.testing.assert_allclose(log_score(forecasts, outcomes), expected, rtol=1e-6)


def test_the_average_log_score_is_the_cross_entropy_with_the_frequencies():
    outcomes = np.repeat([0, 1, 2], [13, 6, 1])
    average = float(log_score(FORECAST, outcomes).mean())
    assert average == pytest.approx(float(cross_entropy(FORECAST, FORECAST)), rel=1e-5)
    assert average == pytest.approx(float(entropy(FORECAST)), rel=1e-5)  # 1.141 bits
    assert average == pytest.approx(1.141, abs=5e-4)


def test_gradient_of_the_log_score_stays_finite():
    slope = jax.jit(jax.grad(lambda q: log_score(q, 1, unit="nats")))
    np.testing.assert_allclose(slope(np.float32([0.5, 0.25, 0.25])), [0, -4, 0])
    assert np.isfinite(slope(np.float32([1, 0, 0]))).all()


@pytest.mark.parametrize("size", [0.0, 1.0, 30.0, 1e4])
def test_categorical_log_prob_equals_scipy(size):
    logits = logits_of_size(size)
    labels = np.arange(20) % 7
    exact = special.log_softmax(logits.astype(np.float64), axis=-1)
    result = categorical_log_prob(labels, logits)
    np.testing.assert_allclose(result, exact[np.arange(20), labels], rtol=1e-6, atol=1e-6)
    every = categorical_log_prob(np.arange(7)[:, None], logits)
    np.testing.assert_allclose(every, exact.T, rtol=1e-6, atol=1e-6)


def test_categorical_log_prob_is_exact_where_the_probability_rounds_to_0():
    logits = jnp.array([0.0, 1e4])
    assert categorical_log_prob(0, logits) == -1e4
    np.testing.assert_allclose(jax.grad(categorical_log_prob, argnums=1)(0, logits), [1, -1])


@pytest.mark.parametrize("size", [0.0, 1.0, 30.0, 1e4])
def test_bernoulli_log_prob_equals_scipy(size):
    logit, y = logits_of_size(size), np.arange(140).reshape(20, 7) % 2
    exact = special.log_expit(np.where(y, 1, -1) * logit.astype(np.float64))
    result = bernoulli_log_prob(y, logit)
    np.testing.assert_allclose(result, exact, rtol=1e-5, atol=1e-36)
    slopes = jax.jit(jax.grad(lambda z, y: bernoulli_log_prob(y, z).sum()))(logit, y)
    exact = y - special.expit(logit.astype(np.float64))
    np.testing.assert_allclose(slopes, exact, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("f", "exact"),
    [(normal_log_prob, stats.norm.logpdf), (laplace_log_prob, stats.laplace.logpdf)],
)
def test_densities_equal_scipy(f, exact):
    rng = np.random.default_rng(0)
    y, mean = rng.normal(size=(2, 20, 7)).astype(np.float32)
    scale = np.exp(rng.normal(size=(20, 1))).astype(np.float32)
    wide = [np.float64(array) for array in (y, mean, scale)]
    np.testing.assert_allclose(f(y, mean, scale), exact(*wide), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(f(y[0], 0, 1), exact(wide[0][0]), rtol=1e-5)
    step = 1e-6
    slopes = jax.jit(jax.grad(lambda *given: f(*given).sum(), argnums=(0, 1, 2)))(y, mean, scale)
    for argument in range(3):
        above, below = (
            [*wide[:argument], wide[argument] + d, *wide[argument + 1 :]] for d in (step, -step)
        )
        slope = (exact(*above) - exact(*below)) / (2 * step)
        slope = slope.sum(axis=1, keepdims=True) if argument == 2 else slope
        np.testing.assert_allclose(slopes[argument], slope, rtol=1e-4, atol=1e-5)


def test_densities_in_the_far_tail_and_at_a_tiny_scale():
    assert float(normal_log_prob(1e4, 0.0, 1.0)) == pytest.approx(-5e7, rel=1e-6)
    assert float(laplace_log_prob(1e4, 0.0, 1.0)) == pytest.approx(-1e4 - math.log(2))
    assert float(normal_log_prob(2.0, 2.0, 1e-30)) == pytest.approx(69.0776 - 0.9189, rel=1e-5)
    assert float(normal_log_prob(1.0, 2.0, 1e-30)) == -math.inf
    for f in (normal_log_prob, laplace_log_prob):
        slopes_of = jax.jit(jax.grad(f, argnums=(0, 1, 2)))
        for scale in (1e-15, 1.0, 1e15):
            for distance in (0.0, 1.0, 1e4):
                assert np.isfinite(slopes_of(distance * scale, 0.0, scale)).all()
    assert float(slopes_of(2.0, 2.0, 1.0)[0]) == 0  # Laplace's


def test_the_product_of_densities_leaves_the_floats_and_the_sum_of_logarithms_does_not():
    y = np.random.default_rng(0).normal(size=200)
    for scale, product in ((1.0, 0.0), (0.1, math.inf)):
        log_prob = np.asarray(normal_log_prob(scale * y, 0.0, scale))
        with np.errstate(over="ignore", under="ignore"):
            assert float(np.prod(np.exp(log_prob))) == product
        exact = stats.norm.logpdf(scale * y, scale=scale).sum()
        assert float(log_prob.sum()) == pytest.approx(exact, rel=1e-5)


def test_a_traced_label_that_is_no_class_is_impossible():
    labels = jnp.array([0, 1, 2, -1])
    traced = jax.jit(categorical_log_prob)(labels, jnp.zeros(2))
    np.testing.assert_allclose(traced, [-math.log(2)] * 2 + [-math.inf] * 2, rtol=1e-6)
    scores = jax.jit(log_score)(jnp.array([0.5, 0.5]), labels)
    assert scores.tolist() == [1, 1, math.inf, math.inf]


def test_scores_run_under_jit_and_vmap():
    logits, labels = logits_of_size(1.0), np.arange(20) % 7
    mapped = jax.vmap(categorical_log_prob)(labels, logits)
    np.testing.assert_allclose(mapped, categorical_log_prob(labels, logits), rtol=1e-6)
    scores = jax.jit(log_score, static_argnames="unit")(softmax(logits), labels, unit="nats")
    np.testing.assert_allclose(scores, -np.asarray(mapped), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: softmax([1.0, math.nan]), "logits: expected finite numbers, got nan"),
        (lambda: softmax(1.0), "logits: expected at least one dimension"),
        (lambda: softmax([1.0, 2.0], axis=-3), "axis: expected an axis of shape .2,., got -3"),
        (lambda: log_softmax([1.0, math.nan]), "logits: expected finite numbers, got nan"),
        (lambda: categorical_log_prob(0, [1.0, math.nan]), "logits: expected finite numbers"),
        (lambda: categorical_log_prob(3, np.zeros(3)), "label: expected labels from 0 to 2, got 3"),
        (lambda: categorical_log_prob([0, 1, 2], np.zeros((2, 3))), "label: expected shape"),
        (lambda: log_score([0.5, 0.6], 0), "forecast: expected probabilities that sum to 1"),
        (lambda: log_score(FORECAST, 3), "outcome: expected labels from 0 to 2, got 3"),
        (lambda: log_score([FORECAST] * 2, [0, 1, 2]), "outcome: expected shape"),
        (lambda: log_score(FORECAST, 0, unit="bit"), "unit: expected 'bits' or 'nats', got 'bit'"),
        (lambda: bernoulli_log_prob([0, 0.5], 0.0), "y: expected outcomes 0 or 1, got 0.5"),
        (lambda: bernoulli_log_prob(1, math.nan), "logit: expected finite numbers, got nan"),
        (lambda: bernoulli_log_prob([0, 1, 1], [0.0, 1.0]), "logit: expected shape"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


@pytest.mark.parametrize("f", [normal_log_prob, laplace_log_prob])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("y", (math.nan, 0.0, 1.0)),
        ("mean", (0.0, math.inf, 1.0)),
        ("mean", ([0.0, 1.0], [0.0, 1.0, 2.0], 1.0)),
        ("scale", (0.0, 0.0, 1e-39)),
        ("scale", (np.zeros((3, 1)), np.zeros(2), np.ones(3))),
    ],
)
def test_wrong_densities_are_refused(f, name, arguments):
    with pytest.raises(ValueError, match=f"^{name}: expected "):
        f(*arguments)


def test_the_largest_scale_of_few_digits_has_a_density():
    for dtype, scale in ((np.float16, 65504), (np.float32, 3e38)):
        assert np.isfinite(laplace_log_prob(dtype(0), dtype(0), dtype(scale)))
