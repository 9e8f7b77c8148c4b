"""The weather simulator: the conditional that it promises is the one that it draws from."""

import jax
import numpy as np
import pytest
from scipy import stats

from course.data.weather import (
    BAROMETER_SHARES,
    BAROMETERS,
    CONDITIONAL,
    SKIES,
    Weather,
    simulate,
)

DAYS = 20_000


@pytest.fixture(scope="module")
def weather():
    """Many days, as NumPy arrays."""
    return Weather(*map(np.asarray, simulate(jax.random.key(7), DAYS)))


def test_promised_numbers():
    assert BAROMETERS == ("falling", "steady", "rising")
    assert SKIES == ("sun", "cloud", "rain")
    rows = [[0.05, 0.30, 0.65], [0.30, 0.50, 0.20], [0.95, 0.04, 0.01]]
    np.testing.assert_array_equal(CONDITIONAL, rows)
    np.testing.assert_array_equal(BAROMETER_SHARES, [0.3, 0.4, 0.3])
    np.testing.assert_allclose(CONDITIONAL.sum(axis=1), 1, atol=1e-15)


@pytest.mark.parametrize("array", [CONDITIONAL, BAROMETER_SHARES])
def test_promised_numbers_cannot_be_overwritten(array):
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_labels_of_a_key_never_change():
    barometer, sky = simulate(jax.random.key(0), 12)
    assert barometer.tolist() == [2, 0, 0, 0, 0, 2, 2, 0, 2, 0, 0, 1]
    assert sky.tolist() == [0, 0, 2, 2, 1, 0, 0, 2, 0, 2, 2, 2]
    assert simulate(jax.random.key(1), 12).sky.tolist() != sky.tolist()


def test_more_days_begin_with_the_same_days():
    few, many = (simulate(jax.random.key(3), days) for days in (12, 500))
    for some, longer in zip(few, many, strict=True):
        np.testing.assert_array_equal(some, longer[:12])


def test_barometer_has_its_shares(weather):
    seen = np.bincount(weather.barometer, minlength=3)
    assert stats.chisquare(seen, DAYS * BAROMETER_SHARES).pvalue > 1e-3


@pytest.mark.parametrize("row", range(3), ids=BAROMETERS)
def test_sky_has_its_conditional(weather, row):
    seen = np.bincount(weather.sky[weather.barometer == row], minlength=3)
    assert stats.chisquare(seen, seen.sum() * CONDITIONAL[row]).pvalue > 1e-3
    other = CONDITIONAL[(row + 1) % 3]
    assert stats.chisquare(seen, seen.sum() * other).pvalue < 1e-9  # the test can fail


def test_days_are_independent(weather):
    day = 3 * weather.barometer + weather.sky
    table = np.zeros((9, 9))
    np.add.at(table, (day[:-1], day[1:]), 1)
    common = np.bincount(day, minlength=9) > 200  # the approximation needs filled cells
    assert common.sum() >= 8
    assert stats.chi2_contingency(table[common][:, common]).pvalue > 1e-3


def test_jit_and_vmap_change_nothing():
    keys = jax.random.split(jax.random.key(2), 3)
    together = Weather(*map(np.asarray, jax.vmap(lambda key: simulate(key, 12))(keys)))
    compiled = jax.jit(simulate, static_argnums=1)
    for at, key in enumerate(keys):
        for one, many, fast in zip(simulate(key, 12), together, compiled(key, 12), strict=True):
            np.testing.assert_array_equal(one, many[at])
            np.testing.assert_array_equal(one, fast)


def test_bad_input():
    with pytest.raises(TypeError, match=r"^key: expected a key"):
        simulate(0, 5)
    with pytest.raises(ValueError, match=r"^days: expected an integer of at least 1"):
        simulate(jax.random.key(0), 0)
