"""Forecasts by table: counting finds the truth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course.data.weather import BAROMETER_SHARES, CONDITIONAL, simulate
from course.models import weather_table as weather

TABLE = [[0.2, 0.3, 0.5], [0.4, 0.4, 0.2], [1.0, 0.0, 0.0]]


def log_score(table, days):
    """Average surprise in bits at what happened."""
    forecast = weather.apply(table, days.barometer)
    return -jnp.log2(jnp.take_along_axis(forecast, days.sky[..., None], axis=-1)).mean()


@pytest.mark.parametrize("pseudo_count", [0.5, 1.0, 7.0])
def test_fit_is_a_count(pseudo_count):
    days = simulate(jax.random.key(0), 200)
    counts = np.full((3, 3), pseudo_count)
    np.add.at(counts, (np.asarray(days.barometer), np.asarray(days.sky)), 1)
    expected = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(weather.fit(*days, pseudo_count=pseudo_count), expected, rtol=1e-6)


def test_fit_takes_lists():
    table = weather.fit([0, 0, 1], [2, 2, 1], pseudo_count=1)
    np.testing.assert_allclose(table, [[0.2, 0.2, 0.6], [0.25, 0.5, 0.25], [1 / 3] * 3], rtol=1e-6)


def test_fit_finds_the_conditional():
    table = weather.fit(*simulate(jax.random.key(1), 40_000))
    np.testing.assert_allclose(table, CONDITIONAL, atol=0.02)


def test_apply_looks_up_rows_of_any_shape():
    table = np.asarray(TABLE, dtype=np.float32)
    np.testing.assert_array_equal(weather.apply(TABLE, 1), table[1])
    labels = np.array([[0, 2, 1], [1, 1, 0]])
    np.testing.assert_array_equal(weather.apply(TABLE, labels), table[labels])


def test_more_days_bring_the_fit_closer_to_the_truth():
    fresh = simulate(jax.random.key(100), 20_000)
    keys = jax.random.split(jax.random.key(3), 20)

    def scores(days):
        def score(key):
            return log_score(weather.fit(*simulate(key, days)), fresh)

        return np.asarray(jax.jit(jax.vmap(score))(keys))

    truth = float(log_score(CONDITIONAL, fresh))
    few, many = scores(30), scores(1000)
    best = -np.sum(BAROMETER_SHARES[:, None] * CONDITIONAL * np.log2(CONDITIONAL))
    assert truth == pytest.approx(best, abs=0.03)
    assert truth < np.median(many) < truth + 0.01 < np.median(few)


def test_jit_and_vmap_change_nothing():
    keys = jax.random.split(jax.random.key(4), 3)
    all_days = [simulate(key, 60) for key in keys]
    days = jax.tree.map(lambda *each: np.stack(each), *all_days)
    tables = np.asarray(jax.jit(jax.vmap(weather.fit))(*days))
    for table, own in zip(tables, all_days, strict=True):
        np.testing.assert_allclose(table, weather.fit(*own), rtol=1e-6)
    forecasts = np.asarray(jax.jit(jax.vmap(weather.apply))(tables, days.barometer))
    assert forecasts.shape == (3, 60, 3)
    np.testing.assert_allclose(forecasts.sum(axis=-1), 1, rtol=1e-5)
    counts = np.float32([0.1, 1.0, 10.0])
    many = np.asarray(jax.jit(jax.vmap(lambda a: weather.fit(*own, pseudo_count=a)))(counts))
    np.testing.assert_allclose(many[1], weather.fit(*own), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: weather.fit([0, 3], [0, 1]), "barometer"),
        (lambda: weather.fit([[0, 1]], [0, 1]), "barometer"),
        (lambda: weather.fit([0, 1], [0, 3]), "sky"),
        (lambda: weather.fit([0, 1], [0]), "sky"),
        (lambda: weather.fit([0], [0], pseudo_count=0), "pseudo_count"),
        (lambda: weather.apply([[0.2, 0.3, 0.6]] * 3, 0), "table"),
        (lambda: weather.apply(np.eye(2), 0), "table"),
        (lambda: weather.apply(TABLE, 3), "barometer"),
    ],
)
def test_bad_input(call, name):
    with pytest.raises(ValueError, match=rf"^{name}: expected"):
        call()
