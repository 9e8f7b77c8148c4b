"""Calibration against scikit-learn and scipy, at the edges of bins, and where it has no answer."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, special, stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from course.maths import calibration
from course.maths.calibration import (
    brier_parts,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    reliability,
)


def forecasts(seed, examples=500):
    """Probabilities, and outcomes that come true less often than promised."""
    rng = np.random.default_rng(seed)
    probs = rng.beta(0.5, 0.5, examples)
    return probs, (rng.uniform(size=examples) < 0.2 + 0.6 * probs).astype(int)


def rows(seed, examples=500, classes=4):
    """Rows of probabilities, and classes drawn from softer ones."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(examples, classes))
    labels = [rng.choice(classes, p=special.softmax(row / 2)) for row in logits]
    return special.softmax(logits, axis=1), np.array(labels)


def ece_in_a_loop(probs, labels, bins):
    total = 0.0
    for at in range(bins):
        low, high = np.linspace(0, 1, bins + 1)[at : at + 2]
        mine = (probs > low) & (probs <= high) | ((probs == 0) & (at == 0))
        if mine.any():
            total += mine.mean() * abs(labels[mine].mean() - probs[mine].mean())
    return total


# Reliability.


@pytest.mark.parametrize("bins", [1, 2, 5, 10, 15, 100, 5000])
@pytest.mark.parametrize("seed", range(3))
def test_reliability_equals_scikit_learn(seed, bins):
    probs, labels = forecasts(seed)
    probs = probs[abs(probs * bins - np.round(probs * bins)) > 2e-6 * bins]  # on no edge
    labels = labels[: len(probs)]
    table = reliability(probs, labels, bins=bins)
    frequency, confidence = calibration_curve(labels, probs, n_bins=bins)
    np.testing.assert_array_equal(table.frequency, frequency)
    np.testing.assert_array_equal(table.confidence, confidence)
    assert table.size.sum() == len(probs)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("bins", [3, 5, 10, 15, 20])
def test_forecasts_on_the_edge_of_a_bin_fall_where_scikit_learn_lets_them_fall(bins, kind):
    probs = np.linspace(0, 1, bins + 1).repeat(3)
    probs = np.concatenate([probs, np.round(np.arange(0, 1.05, 0.1), 1)])
    labels = np.arange(len(probs)) % 2
    table = reliability(probs.astype(kind), labels, bins=bins)
    frequency, confidence = calibration_curve(labels, probs, n_bins=bins)
    np.testing.assert_array_equal(table.frequency, frequency)
    np.testing.assert_allclose(table.confidence, confidence, rtol=1e-6)


def test_the_upper_edge_belongs_to_a_bin_and_the_first_has_both():
    table = reliability([0.0, 0.5, 0.50001, 1.0], [0, 1, 0, 1], bins=2)
    assert table.size.tolist() == [2, 2]
    np.testing.assert_allclose(table.confidence, [0.25, 0.750005], atol=1e-6)


def test_bins_without_a_forecast_are_left_out():
    table = reliability([0.05, 0.95, 1.0], [0, 1, 1])
    np.testing.assert_allclose(table.confidence, [0.05, 0.975])
    assert table.frequency.tolist() == [0, 1]
    assert table.size.tolist() == [1, 2]


def test_a_hair_above_1_is_1():
    table = reliability([1.00005, 1.0], [1, 1])
    assert table.confidence.tolist() == [1.0]
    assert expected_calibration_error([1.00005, 1.0], [1, 1]) == 0


def test_intervals_are_wilsons():
    probs, labels = forecasts(0)
    table = reliability(probs, labels, bins=40)
    for frequency, size, low, high in zip(*table[1:], strict=True):
        test = stats.binomtest(round(frequency * size), int(size))
        interval = test.proportion_ci(0.95, method="wilson")
        assert (low, high) == pytest.approx((interval.low, interval.high), abs=1e-6)


def test_intervals_hold_the_truth_about_95_times_of_100():
    rng = np.random.default_rng(0)
    probs = rng.uniform(size=(400, 200))
    tables = [reliability(p, rng.uniform(size=200) < p, bins=10) for p in probs]
    inside = [(t.low <= t.confidence) & (t.confidence <= t.high) for t in tables]
    assert 0.93 < np.mean(np.concatenate(inside)) < 0.98


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_of_rows_the_top_label_is_looked_at(classes):
    probs, labels = rows(1, classes=classes)
    right = probs.argmax(axis=1) == labels
    table, expected = reliability(probs, labels), reliability(probs.max(axis=1), right)
    for one, other in zip(table, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_of_equal_top_labels_the_first_counts():
    table = reliability([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]], [0, 0, 1])
    assert table.frequency == pytest.approx(2 / 3)


def test_lists_booleans_and_jax_arrays_are_the_same():
    probs, labels = forecasts(2, 50)
    probs = probs.astype(np.float32)
    expected = expected_calibration_error(probs, labels)
    assert expected_calibration_error(probs.tolist(), labels.astype(bool).tolist()) == expected
    assert expected_calibration_error(jnp.asarray(probs), jnp.asarray(labels)) == expected
    assert isinstance(expected, float)


# Expected calibration error.


@pytest.mark.parametrize("bins", [1, 7, 10, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_ece_equals_its_definition(seed, bins):
    probs, labels = forecasts(seed)
    expected = ece_in_a_loop(probs, labels, bins)
    assert expected_calibration_error(probs, labels, bins=bins) == pytest.approx(expected)
    probs, labels = rows(seed)
    expected = ece_in_a_loop(probs.max(axis=1), probs.argmax(axis=1) == labels, bins)
    assert expected_calibration_error(probs, labels, bins=bins) == pytest.approx(expected)


def test_climatology_is_calibrated_and_useless():
    probs, labels = forecasts(3, 2000)
    climatology = np.full(2000, labels.mean())
    assert expected_calibration_error(climatology, labels) < 1e-12
    parts = brier_parts(climatology, labels)
    assert parts.reliability == pytest.approx(0, abs=1e-12)
    assert parts.resolution == pytest.approx(0, abs=1e-12)
    assert brier_score(climatology, labels) == pytest.approx(parts.uncertainty, rel=1e-5)
    # Who dares to say more, even if too surely, is worth more.
    assert brier_score(probs, labels) < brier_score(climatology, labels)
    assert expected_calibration_error(probs, labels) > 0.1


def test_an_honest_forecaster_has_little_error_and_a_sure_one_much():
    rng = np.random.default_rng(4)
    probs = rng.uniform(size=100_000)
    labels = rng.uniform(size=100_000) < probs
    assert expected_calibration_error(probs, labels) < 0.01
    sure = (probs > 0.5).astype(float)
    assert expected_calibration_error(sure, labels) == pytest.approx(0.25, abs=0.01)


# Brier score.


@pytest.mark.parametrize("seed", range(3))
def test_brier_score_equals_scikit_learn(seed):
    probs, labels = forecasts(seed)
    expected = brier_score_loss(labels, probs)
    assert brier_score(probs, labels) == pytest.approx(expected, rel=1e-6)
    both = np.column_stack([1 - probs, probs])
    assert brier_score(both, labels) == pytest.approx(expected, rel=1e-5)
    assert brier_score_loss(labels, both) == pytest.approx(expected)
    probs, labels = rows(seed)
    assert brier_score(probs, labels) == pytest.approx(brier_score_loss(labels, probs), rel=1e-5)


def test_brier_score_is_least_for_the_truth():
    """Its expectation under p, whose slope on the line of forecasts is 0 at p alone."""
    p, q = 0.3, jnp.linspace(0, 1, 11)
    score = jax.vmap(lambda one: brier_score(one[None], jnp.array([1])))
    other = jax.vmap(lambda one: brier_score(one[None], jnp.array([0])))
    expected = p * score(q) + (1 - p) * other(q)
    assert int(jnp.argmin(expected)) == 3


def test_brier_score_works_under_jit_vmap_and_grad():
    probs, labels = forecasts(5, 20)
    probs = probs.astype(np.float32)
    expected = brier_score(probs, labels)
    assert jax.jit(brier_score)(probs, labels) == pytest.approx(float(expected))
    many = jax.vmap(brier_score, in_axes=(0, None))(jnp.stack([probs, 1 - probs]), labels)
    assert many[0] == pytest.approx(float(expected))
    np.testing.assert_allclose(
        jax.grad(brier_score)(probs, labels), 2 * (probs - labels) / 20, rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("bins", [1, 4, 10, 33])
def test_parts_sum_to_the_score_of_the_binned_forecasts(bins):
    probs, labels = forecasts(6)
    at = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], probs)
    binned = np.array([probs[at == one].mean() for one in at])
    parts = brier_parts(probs, labels, bins=bins)
    total = parts.reliability - parts.resolution + parts.uncertainty
    assert total == pytest.approx(brier_score_loss(labels, binned))
    assert min(parts) >= 0


def test_parts_of_rows_are_those_of_the_top_label():
    probs, labels = rows(7)
    expected = brier_parts(probs.max(axis=1), probs.argmax(axis=1) == labels)
    assert brier_parts(probs, labels) == expected


# Temperature.


def too_sure(temperature, seed, classes, examples=20_000):
    """Logits, and labels drawn from what they say at that temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(examples, classes)) * rng.uniform(0.2, 3, size=(examples, 1))
    # The largest of logits + Gumbel noise is a draw from their softmax.
    return logits, (logits / temperature + rng.gumbel(size=logits.shape)).argmax(axis=1)


def cost(logits, labels, temperature):
    log_p = special.log_softmax(logits / temperature, axis=1)
    return -log_p[np.arange(len(labels)), labels].mean()


@pytest.mark.parametrize("temperature", [0.2, 0.5, 1.0, 1.7, 5.0])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_a_known_temperature_is_recovered(temperature, classes):
    logits, labels = too_sure(temperature, classes, classes)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_no_other_temperature_is_better(seed):
    logits, labels = too_sure(2.0, seed, 5, 500)
    found = fit_temperature(logits, labels)
    best = optimize.minimize_scalar(
        lambda log_t: cost(logits, labels, math.exp(log_t)), bounds=(-3, 5), options={"xatol": 1e-9}
    )
    assert found == pytest.approx(math.exp(best.x), rel=1e-5)
    assert isinstance(found, float)


def test_log_odds_are_two_logits():
    logits, labels = too_sure(3.0, 0, 2, 1000)
    odds = logits[:, 1] - logits[:, 0]
    expected = fit_temperature(logits, labels)
    assert fit_temperature(odds, labels) == pytest.approx(expected)
    assert fit_temperature(odds, labels == 1) == pytest.approx(expected)
    assert fit_temperature(logits.astype(np.float32), labels) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e-4, 1e4, 1e30])
def test_temperature_scales_with_the_logits(scale):
    logits, labels = too_sure(1.0, 1, 4, 1000)
    expected = scale * fit_temperature(logits, labels)
    assert fit_temperature(scale * logits, labels) == pytest.approx(expected, rel=1e-6)


def test_extreme_logits():
    """Certain at +-1e4 and wrong in one of ten: what is left is p = 0.9."""
    odds = np.repeat([1e4, -1e4], 50)
    labels = np.concatenate([[1] * 45, [0] * 5, [0] * 45, [1] * 5])
    assert fit_temperature(odds, labels) == pytest.approx(1e4 / math.log(9), rel=1e-6)
    # Some logits of the usual size beside them.
    odds, labels = np.append(odds, [1.0, -2.0]), np.append(labels, [1, 0])
    assert fit_temperature(odds, labels) == pytest.approx(1e4 / math.log(9), rel=0.01)


def test_a_temperature_makes_a_model_honest():
    logits, labels = too_sure(4.0, 2, 3)
    before = expected_calibration_error(special.softmax(logits, axis=1), labels)
    calm = special.softmax(logits / fit_temperature(logits, labels), axis=1)
    assert before > 0.2
    assert expected_calibration_error(calm, labels) < 0.02


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        ([2.0, 1.0, -1.0], [1, 1, 1], "labels: expected examples of at least two classes, got"),
        ([[2.0, 0.0], [1.0, 0.0]], [0, 0], "labels: .* only class 0"),
        ([2.0, -1.0], [1, 0], r"labels: expected an example .* \(else T falls to 0\), got none"),
        ([[1.0, 1.0], [1.0, 1.0]], [0, 1], "labels: expected an example"),
        ([-2.0, 1.0], [1, 0], "logits: expected logits that favour the true class"),
        ([1.0, -1.0, 1.0, -1.0], [1, 0, 0, 1], "logits: .* a mean lead of 0"),
    ],
)
def test_where_no_temperature_is_best(logits, labels, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        fit_temperature(logits, labels)


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "name", "error"),
    [
        (([0.5, 1.2], [0, 1]), "probs", ValueError),
        (([[0.5, 0.4]], [1]), "probs", ValueError),
        (([[[1.0]]], [0]), "probs", ValueError),
        (([0.5, 0.5], [1]), "labels", ValueError),
        (([0.5, 0.5], [0, 2]), "labels", ValueError),
        (([0.5, 0.5], [0.0, 1.0]), "labels", TypeError),
        (([[0.5, 0.5]], [2]), "labels", ValueError),
    ],
)
@pytest.mark.parametrize(
    "function", [reliability, expected_calibration_error, brier_score, brier_parts]
)
def test_bad_forecasts(function, arguments, name, error):
    with pytest.raises(error, match=f"^{name}: expected"):
        function(*arguments)


@pytest.mark.parametrize(
    ("logits", "labels", "name"),
    [
        ([1.0, math.inf], [0, 1], "logits"),
        ([[1.0], [2.0]], [0, 0], "logits"),
        ([[[1.0, 2.0]]], [0], "logits"),
        ([1.0, 2.0], [0], "labels"),
        ([[1.0, 2.0, 3.0]] * 2, [0, 3], "labels"),
    ],
)
def test_bad_logits(logits, labels, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        fit_temperature(logits, labels)


@pytest.mark.parametrize("function", [reliability, expected_calibration_error, brier_parts])
def test_there_is_at_least_one_bin(function):
    with pytest.raises(ValueError, match=r"^bins: expected an integer of at least 1, got 0"):
        function([0.5, 0.5], [0, 1], bins=0)


def test_what_is_traced_is_refused_where_it_cannot_be_counted():
    with pytest.raises(TypeError, match=r"^probs: expected"):
        jax.jit(calibration.expected_calibration_error)(jnp.array([0.5]), jnp.array([1]))
