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


def test_descent_one_sample_at_a_time_reaches_the_promised_figures():
    """Both derivatives by hand, 10 epochs at 0.0001: each leaves about 0.6 of what b lacks."""

    def fit(key):
        x, y = simulate(key)

        def step(params, point):
            w, b = params
            residual = w * point.x + b - point.y
            moved = w - 0.0001 * 2 * residual * point.x, b - 0.0001 * 2 * residual
            return moved, residual**2

        def epoch(params, _):
            params, losses = jax.lax.scan(step, params, LinePoints(x, y))
            return params, (*params, losses.mean())

        return jax.lax.scan(epoch, (0.0, 0.0), length=10)[1]

    slope, intercept, loss = jax.jit(jax.vmap(fit))(jax.random.split(KEY, 60))
    lacking = 1 - np.asarray(intercept)
    assert np.median(slope[:, -1]) == pytest.approx(2.000, abs=5e-4)
    assert 0.992 <= np.median(intercept[:, -1]) <= 0.995
    assert 0.59 <= np.median(lacking[:, 1:] / lacking[:, :-1]) <= 0.61
    assert np.median(loss[:, 1]) == pytest.approx(0.07, rel=0.2)
    assert np.median(loss[:, -1]) == pytest.approx(0.00002, rel=0.3)


def test_points_of_a_key_never_change():
    assert simulate(KEY, 8).x.tolist() == simulate(KEY, 8).x.tolist()
    assert simulate(jax.random.key(1), 8).x.tolist() != simulate(KEY, 8).x.tolist()


def test_vmap_draws_many_at_once():
    keys = jax.random.split(KEY, 3)
    together = jax.jit(jax.vmap(lambda key: simulate(key, 20)))(keys)
    for at, key in enumerate(keys):
        np.testing.assert_array_equal(together.x[at], simulate(key, 20).x)


@pytest.mark.parametrize(
    ("arguments", "name", "error"),
    [
        ((0, 5), "key", TypeError),
        ((jax.random.split(jax.random.key(0)), 5), "key", ValueError),
        ((jax.random.key(0), 0), "points", ValueError),
        ((jax.random.key(0), 2.0), "points", TypeError),
    ],
)
def test_bad_input(arguments, name, error):
    with pytest.raises(error, match=rf"^{name}: expected"):
        simulate(*arguments)
