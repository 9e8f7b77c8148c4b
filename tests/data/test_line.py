"""The line: exact, on whole numbers, and as hard to learn as promised."""

import jax
import numpy as np
import pytest

from course.data.line import HIGHEST, INTERCEPT, SLOPE, LinePoints, simulate

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def line():
    """As many points as the notebook has."""
    return LinePoints(*map(np.asarray, simulate(KEY)))


def test_points_are_on_the_line(line):
    assert (SLOPE, INTERCEPT, HIGHEST) == (2, 1, 99)
    assert line.x.shape == line.y.shape == (10_000,)
    assert line.x.dtype == line.y.dtype == np.float32
    np.testing.assert_array_equal(line.y, 2 * line.x + 1)


def test_x_is_uniform_on_the_whole_numbers(line):
    counts = np.bincount(line.x.astype(int))
    np.testing.assert_array_equal(line.x, line.x.astype(int))
    assert len(counts) == 100
    assert abs(counts - 100).max() < 50
    assert line.x.mean() == pytest.approx(49.5, abs=1.5)


def test_the_order_is_random(line):
    assert abs(np.corrcoef(line.x[:-1], line.x[1:])[0, 1]) < 0.05


def test_full_batch_descent_diverges_at_the_promised_rate():
    """2 over the largest curvature of the mean squared error, for x uniform on 0..99."""
    x = np.arange(HIGHEST + 1)
    hessian = 2 * np.array([[np.mean(x**2), x.mean()], [x.mean(), 1]])
    assert 2 / np.linalg.eigvalsh(hessian)[1] == pytest.approx(3.04e-4, abs=0.01e-4)
    assert hessian[0, 0] / hessian[1, 1] == pytest.approx(3300, rel=0.01)


def test_points_of_a_key_never_change():
    assert simulate(KEY, 8).x.tolist() == simulate(KEY, 8).x.tolist()
    assert simulate(jax.random.key(1), 8).x.tolist() != simulate(KEY, 8).x.tolist()


def test_vmap_draws_many_at_once():
    keys = jax.random.split(KEY, 3)
    together = jax.jit(jax.vmap(lambda key: simulate(key, 8)))(keys)
    x = np.asarray(together.x)
    for at, key in enumerate(keys):
        np.testing.assert_array_equal(x[at], simulate(key, 8).x)


def test_bad_input():
    with pytest.raises(TypeError, match=r"^key: expected a key"):
        simulate(0, 5)
    with pytest.raises(ValueError, match=r"^points: expected an integer of at least 1"):
        simulate(KEY, 0)
