"""Softmax and the scores of forecasts against scipy, and what they refuse."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from course.maths.distributions import categorical_log_prob, log_score, softmax
from course.maths.information import cross_entropy, entropy, surprisal

FORECAST = np.array([0.65, 0.30, 0.05])


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
    logits = jnp.array([1.0, -2.0, 0.5])
    p = np.asarray(softmax(logits))
    np.testing.assert_allclose(
        jax.jacobian(softmax)(logits), np.diag(p) - np.outer(p, p), atol=1e-6
    )
    assert np.isfinite(jax.jacobian(softmax)(jnp.array([1e4, -1e4, 1e4]))).all()


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
    slope = jax.grad(lambda q: log_score(q, 1, unit="nats"))(jnp.array([0.5, 0.25, 0.25]))
    np.testing.assert_allclose(slope, [0, -4, 0])
    assert np.isfinite(jax.grad(lambda q: log_score(q, 1))(jnp.array([1.0, 0.0]))).all()


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


def test_scores_run_under_jit_and_vmap():
    logits, labels = logits_of_size(1.0), np.arange(20) % 7
    mapped = jax.vmap(categorical_log_prob)(labels, logits)
    np.testing.assert_allclose(mapped, categorical_log_prob(labels, logits), rtol=1e-6)
    scores = jax.jit(log_score, static_argnames="unit")(softmax(logits), labels, unit="nats")
    np.testing.assert_allclose(scores, -mapped, rtol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ([1.0, math.nan], ValueError, "finite numbers, got nan"),
        ([1.0, -math.inf], ValueError, "finite numbers, got -inf"),
        ([], ValueError, "at least one value"),
        (1.0, ValueError, "at least one dimension"),
        ("high", TypeError, "finite numbers, got str"),
        ([True, False], TypeError, "finite numbers, got bool"),
    ],
)
def test_wrong_logits_are_refused(wrong, error, message):
    with pytest.raises(error, match=rf"^logits: expected {message}"):
        softmax(wrong)
    with pytest.raises(error, match=rf"^logits: expected {message}"):
        categorical_log_prob(0, wrong)


def test_wrong_axes_are_refused():
    with pytest.raises(ValueError, match=r"^axis: expected an axis of shape \(2,\), got -3"):
        softmax([1.0, 2.0], axis=-3)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (3, ValueError, "labels from 0 to 2, got 3"),
        ([0, -1], ValueError, "labels from 0 to 2, got -1"),
        ([], TypeError, "integer labels, got float64"),
        (np.array([], int), ValueError, "at least one value"),
        (1.0, TypeError, "integer labels, got float"),
        (True, TypeError, "integer labels, got bool"),
        ("rain", TypeError, "integer labels, got str"),
    ],
)
def test_wrong_labels_are_refused(wrong, error, message):
    with pytest.raises(error, match=rf"^outcome: expected {message}"):
        log_score(FORECAST, wrong)
    with pytest.raises(error, match=rf"^label: expected {message}"):
        categorical_log_prob(wrong, [0.0, 1.0, 2.0])


def test_labels_that_do_not_fit_are_refused():
    expected = r"expected a label for each row of {} \(2,\), got \(3,\)"
    with pytest.raises(ValueError, match="^outcome: " + expected.format("forecast")):
        log_score([FORECAST] * 2, [0, 1, 2])
    with pytest.raises(ValueError, match="^label: " + expected.format("logits")):
        categorical_log_prob([0, 1, 2], np.zeros((2, 3)))


@pytest.mark.parametrize("wrong", [[0.5, 0.6], [1.5, -0.5], [math.nan, 1.0], []])
def test_wrong_forecasts_are_refused(wrong):
    with pytest.raises(ValueError, match=r"^forecast: expected "):
        log_score(wrong, 0)


def test_wrong_units_are_refused():
    with pytest.raises(ValueError, match=r"^unit: expected 'bits' or 'nats', got 'bit'"):
        log_score(FORECAST, 0, unit="bit")
