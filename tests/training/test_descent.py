"""Descents step as the formula says, and turn where the curvature says."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course.data import surfaces
from course.data.surfaces import BOWL, RAVINE, ROSENBROCK, SADDLE, SURFACES, Surface
from course.training.descent import Path, borders, descend, descend_on_batches, multipliers
from course.training.optimizers import adam, sgd
from tests.support.compilations import compilations

KEY = jax.random.key(3)
every_surface = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)


@every_surface
@pytest.mark.parametrize("rate", [0.0005, 0.0015])
def test_a_path_is_what_a_loop_by_hand_gives(surface: Surface, rate: float) -> None:
    path = descend(surface.cost, surface.start, sgd(rate), steps=20)
    w = jnp.array(surface.start)
    for point, cost in zip(path.points, path.costs, strict=True):
        np.testing.assert_allclose(point, w, rtol=1e-4)
        np.testing.assert_allclose(cost, surface.cost(w), rtol=1e-3)
        w = w - rate * jax.grad(surface.cost)(w)


def test_any_number_of_parameters_and_any_optimizer() -> None:
    path = descend(lambda w: jnp.sum(w**4), np.linspace(-2, 2, 7), adam(0.1), steps=3)
    assert path.points.shape == (4, 7)
    assert path.costs.shape == (4,)
    np.testing.assert_allclose(
        abs(path.points[1] - path.points[0]), [0.1] * 3 + [0] + [0.1] * 3, rtol=1e-4
    )


def test_what_overflows_has_an_infinite_cost_and_never_nan() -> None:
    for surface in SURFACES.values():
        costs = np.asarray(descend(surface.cost, surface.start, sgd(10.0), steps=100).costs)
        assert not np.isnan(costs).any()
        assert not np.isfinite(costs[-1])
    assert descend(RAVINE.cost, RAVINE.start, sgd(10.0), steps=100).costs[-1] == np.inf


def test_many_rates_at_once_are_the_same_as_one_by_one() -> None:
    rates = jnp.geomspace(1e-3, 0.09, 64)
    costs = jax.vmap(lambda rate: descend(RAVINE.cost, RAVINE.start, sgd(rate), steps=30).costs)(
        rates
    )
    assert costs.shape == (64, 31)
    for i in (0, 30, 63):
        one = descend(RAVINE.cost, RAVINE.start, sgd(float(rates[i])), steps=30).costs
        np.testing.assert_allclose(costs[i], one, rtol=1e-4)


def batched(size: int, *, key: Any = KEY, surface: Surface = BOWL, rate: float = 0.1) -> Path:
    return descend_on_batches(
        surface.cost, surface.start, sgd(rate), tilts=surfaces.tilts(scale=surface.noise),
        batch_size=size, key=key, steps=50,
    )  # fmt: skip


@every_surface
def test_the_whole_batch_has_no_noise(surface: Surface) -> None:
    exact = descend(surface.cost, surface.start, sgd(0.001), steps=50)
    np.testing.assert_array_equal(batched(64, surface=surface, rate=0.001).points, exact.points)


def test_a_batch_is_drawn_without_repetition() -> None:
    # With one tilt of 1 and its opposite, two of two examples cancel; a repeated one would not.
    tilts = [[1.0, 0.0], [-1.0, 0.0]]
    for seed in range(20):
        path = descend_on_batches(
            BOWL.cost, [0.0, 0.0], sgd(0.5), tilts=tilts, batch_size=2, key=jax.random.key(seed),
            steps=4,
        )  # fmt: skip
        np.testing.assert_array_equal(path.points, 0)


def test_every_example_is_drawn_equally_often() -> None:
    tilts = np.eye(8) - 1 / 8
    path = descend_on_batches(
        lambda w: 0.0 * w[0], np.zeros(8), sgd(1.0), tilts=tilts, batch_size=2, key=KEY, steps=4000
    )
    # Each step subtracts the mean tilt of its batch, so the end tells how often each was drawn.
    drawn = 2 * (4000 / 8 - np.asarray(path.points[-1]))
    assert drawn.sum() == pytest.approx(8000, rel=1e-3)
    np.testing.assert_allclose(drawn, 1000, atol=6 * np.sqrt(1000))


def test_noise_falls_with_the_root_of_the_batch() -> None:
    def spread(size: int) -> float:
        first = [batched(size, key=jax.random.key(seed)).points[1] for seed in range(100)]
        return float(np.std(np.stack(first), axis=0).mean())

    for size in (1, 4, 16):
        expected = np.sqrt((64 - size) / (63 * size))  # drawn from 64 without repetition
        assert spread(size) / spread(32) == pytest.approx(
            expected / np.sqrt(32 / (63 * 32)), rel=0.25
        )


def test_another_rate_start_or_batch_compiles_nothing() -> None:
    batched(64)
    descend(BOWL.cost, BOWL.start, sgd(0.1), steps=50)
    with compilations() as made:
        for rate, size in [(0.2, 1), (1, 7), (2.5, 64)]:
            batched(size, rate=rate, key=jax.random.key(size))
            descend(BOWL.cost, (float(size), 1.0), sgd(rate), steps=50)
    assert made == []


def edge(behaves: Callable[[float], bool], low: float, high: float) -> float:
    """The rate at which `behaves` turns from false to true, by bisection."""
    assert not behaves(low)
    assert behaves(high)
    for _ in range(11):  # which leave 0.14% of a factor of 17
        middle = (low * high) ** 0.5
        low, high = (low, middle) if behaves(middle) else (middle, high)
    return high


@pytest.mark.parametrize("index", [0, 1], ids=["flat", "steep"])
@every_surface
def test_paths_turn_where_the_borders_are(surface: Surface, index: int) -> None:
    """Measured on the steps themselves, along each eigendirection, in double precision."""
    with jax.enable_x64(True):
        lowest = np.asarray(surface.minimum)
        curvature, direction = (part[index] for part in surfaces.eigenvalues(surface, lowest))
        small = 1e-6 if surface is ROSENBROCK else 0.1

        def factor(rate: float) -> float:
            """Ratio of the distances along the direction after a step and before it."""
            start = lowest + small * np.asarray(direction)
            end = descend(surface.cost, start, sgd(rate), steps=1).points[-1]
            return float((end - lowest) @ direction) / small

        border = borders(curvature)
        if curvature < 0:
            assert surface is SADDLE
            assert border.oscillate == border.diverge == np.inf
            assert all(factor(rate) > 1 for rate in (1e-3, 1.0, 1e3))
            return
        around = 0.3 / float(curvature), 5 / float(curvature)
        assert edge(lambda rate: factor(rate) < 0, *around) == pytest.approx(
            float(border.oscillate), rel=0.01
        )
        assert edge(lambda rate: abs(factor(rate)) > 1, *around) == pytest.approx(
            float(border.diverge), rel=0.01
        )


@pytest.mark.parametrize("surface", [BOWL, RAVINE], ids=["bowl", "ravine"])
def test_whole_paths_diverge_above_the_border(surface: Surface) -> None:
    steepest = float(surfaces.eigenvalues(surface, surface.minimum).values.max())

    def diverges(rate: float) -> bool:
        costs = descend(surface.cost, surface.start, sgd(rate), steps=2000).costs
        return bool(costs[-1] > costs[0])

    found = edge(diverges, 0.5 / steepest, 5 / steepest)
    assert found == pytest.approx(float(borders(steepest).diverge), rel=0.01)


def test_multipliers_of_many_rates_and_directions() -> None:
    table = multipliers(np.array([[0.1], [0.5]]), [1.0, 4.0, -2.0])
    np.testing.assert_allclose(table, [[0.9, 0.6, 1.2], [0.5, -1.0, 2.0]], rtol=1e-6)


@pytest.mark.parametrize("curvature", [0.0, -3.0])
def test_without_a_minimum_there_is_no_border(curvature: float) -> None:
    assert borders(curvature).diverge == np.inf
    assert np.isfinite(jax.grad(lambda x: borders(x).diverge)(curvature))


FINE: dict[str, Any] = {"cost": BOWL.cost, "start": [1.0, 1.0], "optimizer": sgd(0.1), "steps": 3}
NOISY: dict[str, Any] = FINE | {"tilts": np.zeros((4, 2)), "batch_size": 2, "key": KEY}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cost": 3.0}, "a function of the parameters"),
        ({"start": [[1.0, 1.0]]}, r"shape \(parameters,\)"),
        ({"start": [1.0, np.nan]}, "finite"),
        ({"optimizer": 0.1}, "an optimizer"),
        ({"steps": 0}, "an integer of at least 1"),
        ({"tilts": np.zeros((4, 3))}, r"shape \(.*, 2\), got shape \(4, 3\)"),
        ({"tilts": np.full((4, 2), np.inf)}, "finite"),
        ({"batch_size": 5}, "at most the 4 examples"),
        ({"batch_size": 0}, "an integer of at least 1"),
        ({"key": 3}, "a key"),
    ],
)
def test_what_a_descent_refuses(wrong: dict[str, Any], message: str) -> None:
    (name,) = wrong
    message = f"{name}: expected {message}"
    with pytest.raises((TypeError, ValueError), match=message):
        descend_on_batches(**(NOISY | wrong))
    if name in FINE:
        with pytest.raises((TypeError, ValueError), match=message):
            descend(**(FINE | wrong))


def test_arguments_as_described_are_taken() -> None:
    assert descend(**FINE).points.shape == descend_on_batches(**NOISY).points.shape == (4, 2)


def test_a_rate_is_positive() -> None:
    with pytest.raises(ValueError, match="rate: expected"):
        multipliers(0, [1.0])


class Foreign(NamedTuple):
    """An optimizer with optax's protocol."""

    init: Callable[..., Any] = lambda params: ()
    update: Callable[..., Any] = lambda grads, state, params: (-grads, state)


@pytest.mark.parametrize(
    ("cost", "got"),
    [
        (lambda w: None, "NoneType"),
        (lambda w: "a", "str"),
        (lambda w: w, r".* of shape \(2,\)"),
        (lambda w: [0.0, 1.0], r"list of shape \(2,\)"),
        (lambda w: jnp.argmax(w), ".* of a single number"),
        (lambda w: jnp.sum(w).astype(complex), ".* of a single number"),
        (len, "int of a single number"),
    ],
)
def test_a_cost_gives_one_float(cost, got):
    with pytest.raises(
        TypeError, match=f"^cost: expected a function that gives one float, got {got}"
    ):
        descend(cost, [1.0, 2.0], sgd(0.1), steps=2)


def test_a_cost_takes_the_parameters_and_can_be_traced():
    for cost in (lambda: 1.0, lambda w, v: w):
        with pytest.raises(
            TypeError, match=r"^cost: expected a function of the parameters, got one"
        ):
            descend(cost, [1.0, 2.0], sgd(0.1), steps=2)
    for cost in (lambda w: float(w[0]), lambda w: np.sum(np.asarray(w)), max):
        with pytest.raises(TypeError, match=r"^cost: expected a function that JAX can trace, got"):
            descend(cost, [1.0, 2.0], sgd(0.1), steps=2)
    with pytest.raises(ZeroDivisionError):  # an error of the cost's own is the reader's to see
        descend(lambda w: 1 / 0, [1.0, 2.0], sgd(0.1), steps=2)


@pytest.mark.parametrize(
    "foreign",
    [
        Foreign(init=lambda params: "state"),
        Foreign(init=lambda: ()),
        Foreign(update=lambda grads, state, params: -grads),
        Foreign(update=lambda grads, state, params: (None, state)),
        Foreign(update=lambda grads, state, params: (grads[:1], state)),
        Foreign(update=lambda grads, state, params: (grads.astype(complex), state)),
        Foreign(update=lambda grads: (grads, ())),
        Foreign(update=lambda grads, state, params: (grads, grads)),
        Foreign(update=lambda grads, state, params, value: (grads, ())),
    ],
)
def test_a_foreign_optimizer_keeps_the_protocol(foreign):
    with pytest.raises((TypeError, ValueError), match=r"^optimizer: expected .*, got "):
        descend(lambda w: w @ w, [1.0, 2.0], foreign, steps=2)


@pytest.mark.parametrize("steps", [2**20 + 1, 2**31, 2**62, 10**400])
def test_steps_without_end_are_refused(steps):
    with pytest.raises(ValueError, match=r"^steps: expected an integer of at most 1048576, got"):
        descend(lambda w: w @ w, [1.0], sgd(0.1), steps=steps)
    with pytest.raises(ValueError, match=r"^steps: expected at most 134217728 numbers in the path"):
        descend(lambda w: w @ w, jnp.ones(1000), sgd(0.1), steps=2**20)


def test_rates_and_curvatures_broadcast():
    assert multipliers([[0.5], [1]], [1, 2]).tolist() == [[0.5, 0], [0, -1]]
    with pytest.raises(ValueError, match=r"^curvatures: expected shape \(2,\), got shape \(3,\)"):
        multipliers([0.1, 0.2], [1.0, 2.0, 3.0])
