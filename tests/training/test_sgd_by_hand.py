"""The line fitted by hand: the figures of its story, and the same steps in plain Python."""

import itertools

import jax
import numpy as np
import pytest

from course.data.line import LinePoints, simulate
from course.models.layers import Model
from course.training.loop import fit
from course.training.optimizers import sgd
from course.training.sgd_by_hand import _visits, fit_line


def points(seed: int) -> LinePoints:
    """10,000 points on y = 2x + 1."""
    return simulate(jax.random.key(100 + seed))


def test_it_is_the_loop_that_one_would_write_by_hand() -> None:
    x, y = (part[:200] for part in points(0))
    key = jax.random.key(1)
    line = fit_line(x, y, rate=1e-4, epochs=3, key=key)
    w, b = 0.0, 0.0
    for epoch, order in enumerate(_visits(key, len(x), 3)):
        total = 0.0
        for i in order:
            e = w * float(x[i]) + b - float(y[i])
            w, b, total = w - 1e-4 * 2 * e * float(x[i]), b - 1e-4 * 2 * e, total + e * e
        np.testing.assert_allclose(line.slope[epoch], w, rtol=1e-5)
        np.testing.assert_allclose(line.intercept[epoch], b, rtol=1e-4)
        np.testing.assert_allclose(line.loss[epoch], total / len(x), rtol=1e-3)


def test_the_figures_of_the_story() -> None:
    fits = [fit_line(*points(seed), key=jax.random.key(seed)) for seed in range(60)]
    slopes = np.array([line.slope[-1] for line in fits])
    left = 1 - np.array([line.intercept for line in fits])
    losses = np.array([line.loss for line in fits])
    assert np.abs(slopes - 2).max() < 5e-4
    assert (left[:, -1] > 0.005).all()
    assert (left[:, -1] < 0.008).all()
    assert 0.992 < 1 - np.median(left[:, -1]) < 0.995
    shares = np.median(left[:, 1:] / left[:, :-1], axis=0)
    assert ((shares > 0.59) & (shares < 0.61)).all()
    assert round(float(np.median(losses[:, 1])), 2) == 0.07
    assert round(float(np.median(losses[:, -1])), 5) == 0.00002


def test_every_epoch_visits_every_point_in_another_order() -> None:
    orders = _visits(jax.random.key(1), 300, 20)
    assert (np.sort(orders, axis=1) == np.arange(300)).all()
    assert len({order.tobytes() for order in orders}) == 20
    # Fresh shuffles leave one point of 300 in its place, on average.
    assert max(np.sum(one == next_one) for one, next_one in itertools.pairwise(orders)) <= 5


def test_fit_does_the_same_with_derivatives_of_its_own() -> None:
    """In the first epoch the orders are the same, too."""
    x, y = (part[:500] for part in points(3))
    key = jax.random.key(2)
    line = fit_line(x, y, epochs=1, key=key)
    model = Model(lambda _: {"w": 0.0 * x[0], "b": 0.0 * x[0]}, lambda p, x: p["w"] * x + p["b"])
    result = fit(model, lambda p, t: (p - t) ** 2, sgd(1e-4), (x, y), epochs=1, batch_size=1,
                 key=key, progress=False)  # fmt: skip
    np.testing.assert_allclose(result.params["w"], line.slope[-1], rtol=1e-5)
    np.testing.assert_allclose(result.params["b"], line.intercept[-1], rtol=1e-4)


def test_a_rate_that_is_too_large_shows() -> None:
    line = fit_line(*points(0), rate=1e-3, epochs=2, key=jax.random.key(0))
    assert not np.isfinite(line.slope[-1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": np.zeros(3)}, r"y: expected shape \(5,\), got shape \(3,\)"),
        ({"x": [np.nan, 1.0, 2.0]}, "x: expected finite numbers"),
        ({"rate": 0.0}, "rate: expected a number above 0"),
        ({"epochs": 0}, "epochs: expected an integer of at least 1"),
        ({"key": 0}, "key: expected a key"),
    ],
)
def test_bad_arguments_are_named(changes: dict[str, object], message: str) -> None:
    given = {"x": np.arange(5.0), "y": np.arange(5.0), "key": jax.random.key(0)} | changes
    with pytest.raises((TypeError, ValueError), match=message):
        fit_line(**given)


def test_x_may_be_traced_and_have_few_digits():
    x, key = np.linspace(-1, 1, 20), jax.random.key(0)
    line = fit_line(x, 2 * x, rate=0.1, epochs=5, key=key)
    traced = jax.jit(lambda x: fit_line(x, 2 * x, rate=0.1, epochs=5, key=key))(x)
    np.testing.assert_allclose(traced.slope, line.slope, rtol=1e-5)
    narrow = fit_line(x.astype(np.float16), 2 * x, rate=0.1, epochs=5, key=key)
    np.testing.assert_allclose(narrow.slope, line.slope, rtol=1e-2)
    with pytest.raises(TypeError, match=r"^key: expected a key that is not traced"):
        jax.jit(lambda key: fit_line(x, x, key=key))(key)


def test_epochs_without_end_are_refused():
    for epochs in (2**20 + 1, 2**31, 2**62):
        with pytest.raises(ValueError, match=r"^epochs: expected an integer of at most 1048576"):
            fit_line([0, 1], [1, 3], epochs=epochs, key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"^epochs: expected at most 67108864 visits in all"):
        fit_line(np.ones(100), np.ones(100), epochs=2**20, key=jax.random.key(0))
