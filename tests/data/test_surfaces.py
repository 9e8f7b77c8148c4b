"""Surfaces: the promised curvatures, and noise that a full batch does not have."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from course.data.surfaces import (
    BOWL,
    EXAMPLES,
    RAVINE,
    ROSENBROCK,
    SADDLE,
    SURFACES,
    eigenvalues,
    tilts,
)

ALL = pytest.mark.parametrize("surface", SURFACES.values(), ids=list(SURFACES))
POINTS = [(-1.2, 1.0), (0.3, -0.7), (1.0, 1.0)]


@cache
def derivative(kind, surface):
    """The gradient or the like of a surface, as one program."""
    return jax.jit(kind(surface.cost))


def test_names():
    assert list(SURFACES) == ["bowl", "ravine", "Rosenbrock", "saddle"]
    assert all(name == surface.name for name, surface in SURFACES.items())


@pytest.mark.parametrize(
    ("surface", "reference"),
    [
        (BOWL, lambda x, y: 0.5 * x * x + 0.5 * y * y),
        (RAVINE, lambda x, y: 0.5 * x * x + 12.5 * y * y),
        (ROSENBROCK, lambda x, y: optimize.rosen([x, y])),
        (SADDLE, lambda x, y: 0.5 * x * x - 0.5 * y * y),
    ],
)
@pytest.mark.parametrize("w", POINTS)
def test_costs_are_their_equations(surface, reference, w):
    assert surface.cost(jnp.array(w)) == pytest.approx(reference(*w), rel=1e-5, abs=1e-6)


@ALL
def test_the_gradient_is_zero_at_the_minimum(surface):
    slope = derivative(jax.grad, surface)
    assert not np.asarray(slope(np.float32(surface.minimum))).any()
    assert np.asarray(slope(np.float32(surface.start))).any()


@pytest.mark.parametrize("surface", [BOWL, RAVINE, ROSENBROCK])
def test_no_point_is_lower_than_the_minimum(surface):
    around = np.random.default_rng(0).uniform(-2, 2, (500, 2)).astype(np.float32)
    lowest = float(surface.cost(jnp.array(surface.minimum)))
    assert lowest == 0
    assert derivative(jax.vmap, surface)(around).min() > lowest


def test_the_saddle_has_no_minimum():
    assert SADDLE.cost(jnp.array([0.0, 100.0])) < -1000
    assert 0 < abs(SADDLE.start[1]) < 0.1  # near the ridge, but not on it: it gets away


@ALL
def test_start_and_minimum_are_in_view(surface):
    for point in (surface.start, surface.minimum):
        for coordinate, (low, high) in zip(point, surface.limits, strict=True):
            assert low < coordinate < high


@pytest.mark.parametrize(
    ("surface", "known"),
    [
        (BOWL, (1, 1)),
        (RAVINE, (1, 25)),
        (ROSENBROCK, (0.39936, 1001.6006)),
        (SADDLE, (-1, 1)),
    ],
)
def test_promised_curvatures(surface, known):
    np.testing.assert_allclose(eigenvalues(surface, surface.minimum).values, known, rtol=2e-4)


@ALL
@pytest.mark.parametrize("w", POINTS)
def test_curvatures_are_those_of_the_hessian(surface, w):
    hessian = np.asarray(derivative(jax.hessian, surface)(np.float32(w)), dtype=float)
    values, directions = eigenvalues(surface, w)
    expected = np.linalg.eigvalsh(hessian)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6 * abs(expected).max())
    assert values[0] <= values[1]
    np.testing.assert_allclose(directions @ directions.T, np.eye(2), atol=1e-6)
    for value, direction in zip(values, directions, strict=True):
        wanted = value * direction
        np.testing.assert_allclose(hessian @ direction, wanted, atol=1e-6 * abs(expected).max())
        assert direction[abs(direction).argmax()] > 0


def test_directions_of_the_ravine_are_its_axes():
    np.testing.assert_allclose(eigenvalues(RAVINE, [0.4, 0.2]).directions, np.eye(2), atol=1e-6)


@pytest.mark.parametrize("surface", [BOWL, RAVINE, SADDLE])
@pytest.mark.parametrize("rate", [0.02, 0.07, 1.3])
def test_a_step_multiplies_by_one_minus_rate_times_curvature(surface, rate):
    """What the learning-rate demo shows; everywhere, where the curvature is the same everywhere."""
    w = np.float32(surface.start)
    moved = w - rate * np.asarray(derivative(jax.grad, surface)(w))
    values, directions = eigenvalues(surface, w)
    np.testing.assert_allclose(
        directions @ moved, (1 - rate * values) * (directions @ w), rtol=1e-4
    )


def test_a_surface_is_a_static_argument():
    traces = []

    @partial(jax.jit, static_argnames="surface")
    def slope(surface, w):
        traces.append(surface.name)
        return jax.grad(surface.cost)(w)

    for surface in SURFACES.values():
        for w in POINTS:
            slope(surface, jnp.array(w))
    assert traces == list(SURFACES)


@pytest.mark.parametrize("examples", [2, 3, 10, 64, 1001])
@pytest.mark.parametrize("scale", [1.0, 0.1, 3.7, 1e-4, 1e5])
def test_tilts_sum_to_exactly_zero_in_any_order(examples, scale):
    noise = tilts(examples, scale=scale, seed=examples)
    assert noise.dtype == np.float32
    assert noise.any()
    for order in (slice(None), slice(None, None, -1), np.argsort(noise[:, 0])):
        running = np.zeros(2, dtype=np.float32)
        for tilt in noise[order]:
            running += tilt
        assert not running.any()
    assert not np.asarray(jnp.sum(jnp.asarray(noise), axis=0)).any()


@pytest.mark.parametrize("scale", [0.3, 1.0, 40.0])
def test_tilts_have_the_scale_asked_for(scale):
    noise = tilts(1024, scale=scale)
    np.testing.assert_allclose(noise.std(axis=0), scale, rtol=0.1)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.15


def test_tilts_of_a_seed_never_change():
    assert tilts().shape == (EXAMPLES, 2)
    np.testing.assert_array_equal(tilts(seed=3), tilts(seed=3))
    assert not np.array_equal(tilts(seed=3), tilts(seed=4))
    first = [[0.1396484375, -0.2705078125], [0.6533203125, -0.033203125]]
    np.testing.assert_array_equal(tilts()[:2], first)
    assert not tilts(scale=0).any()


@pytest.mark.parametrize(
    ("call", "name", "error"),
    [
        (lambda: eigenvalues("bowl", (0, 0)), "surface", TypeError),
        (lambda: eigenvalues(BOWL, (0, 0, 0)), "w", ValueError),
        (lambda: eigenvalues(BOWL, (0, np.nan)), "w", ValueError),
        (lambda: tilts(1), "examples", ValueError),
        (lambda: tilts(1025), "examples", ValueError),
        (lambda: tilts(4, scale=-1), "scale", ValueError),
        (lambda: tilts(4, seed=-1), "seed", ValueError),
    ],
)
def test_bad_input(call, name, error):
    with pytest.raises(error, match=rf"^{name}: expected"):
        call()


def test_curvatures_of_few_digits_and_far_away():
    for dtype in (np.float16, jnp.bfloat16):
        near = eigenvalues(ROSENBROCK, np.array([1, 1]).astype(dtype)).values
        assert near.tolist() == eigenvalues(ROSENBROCK, [1, 1]).values.tolist()
    for surface in SURFACES.values():
        assert np.isfinite(eigenvalues(surface, [1e15, -1e15]).values).all()
    with pytest.raises(ValueError, match=r"^w: expected numbers from -1e15 to 1e15, got 1e"):
        eigenvalues(BOWL, [1e20, 0])


def test_a_noise_too_small_for_float32_is_none():
    for scale in (5e-324, 1e-300, 1e-39):
        assert not tilts(8, scale=scale).any()


class Unhashable:
    """A cost that equals others."""

    __hash__ = None

    def __call__(self, w):
        return w @ w


def test_a_surface_can_be_hashed():
    with pytest.raises(TypeError, match=r"^surface: expected one of SURFACES, got one that cannot"):
        eigenvalues(BOWL._replace(cost=Unhashable()), [1, 2])
