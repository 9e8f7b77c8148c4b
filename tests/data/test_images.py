"""Shifts: whole pixels, nothing wraps around, every picture its own."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from course.data.images import random_shifts, shift
from course.data.tables import digits

KEY = jax.random.key(0)
IMAGES = np.arange(1, 3 * 4 * 5 + 1, dtype=np.float32).reshape(3, 4, 5)  # no pixel is 0


@pytest.mark.parametrize("down", [-3, -1, 0, 1, 3])
@pytest.mark.parametrize("right", [-4, -2, 0, 1, 4])
def test_shift_moves_by_whole_pixels_and_leaves_zeros_behind(down, right):
    shifted = np.asarray(shift(IMAGES, down, right))
    for image, moved in zip(IMAGES, shifted, strict=True):
        expected = ndimage.shift(image, (down, right), order=0, mode="constant", cval=0)
        np.testing.assert_array_equal(moved, expected)
    assert np.count_nonzero(shifted) == 3 * (4 - abs(down)) * (5 - abs(right))


def test_another_offset_compiles_nothing():
    traces = []

    @jax.jit
    def run(images, down, right):
        traces.append(1)
        return shift(images, down, right)

    for down in (-2, 0, 3):
        np.testing.assert_array_equal(run(IMAGES, down, 1), shift(IMAGES, down, 1))
    assert len(traces) == 1


def offsets(shifted, image, most):
    """The shift of each picture of one image, found by trying all."""
    places = list(itertools.product(range(-most, most + 1), repeat=2))
    tried = [np.asarray(shift(image[None], *place)[0]) for place in places]
    found = []
    for moved in shifted:
        same = [p for p, one in zip(places, tried, strict=True) if np.array_equal(one, moved)]
        assert len(same) == 1
        found += same
    return found


@pytest.mark.parametrize("most", [1, 2])
def test_random_shifts_use_every_offset_equally_often(most):
    images = np.tile(IMAGES[:1], (600, 1, 1))
    shifted = random_shifts(KEY, images, most)
    distinct = np.unique(np.asarray(shifted), axis=0, return_counts=True)
    assert len(distinct[0]) == (2 * most + 1) ** 2
    every = set(itertools.product(range(-most, most + 1), repeat=2))
    assert set(offsets(distinct[0], IMAGES[0], most)) == every
    expected = 600 / len(distinct[0])
    assert abs(distinct[1] - expected).max() < 5 * np.sqrt(expected)


def test_each_key_has_its_own_shifts():
    images = np.tile(IMAGES[:1], (40, 1, 1))
    one, same, other = (random_shifts(jax.random.key(seed), images) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(random_shifts(KEY, images, 0), images)


def test_random_shifts_work_inside_a_compiled_step():
    inside = jax.jit(lambda key, images: random_shifts(key, images, 2))
    keys = jax.random.split(KEY, 3)
    many = jax.vmap(inside, in_axes=(0, None))(keys, IMAGES)
    for key, shifted in zip(keys, np.asarray(many), strict=True):
        np.testing.assert_array_equal(shifted, random_shifts(key, jnp.asarray(IMAGES), 2))


def test_digits_keep_most_of_their_ink():
    images = digits().inputs.reshape(-1, 8, 8)
    shifted = np.asarray(random_shifts(KEY, images))
    ink = shifted.sum(axis=(1, 2)) / images.sum(axis=(1, 2))
    assert ink.max() <= 1 + 1e-6
    assert 0.8 < ink.mean() < 0.99
    assert np.median(abs(shifted - images).max(axis=(1, 2))) > 0.5


@pytest.mark.parametrize(
    ("call", "name", "error"),
    [
        (lambda: shift(digits().inputs, 1, 1), "images", ValueError),
        (lambda: shift(IMAGES * np.nan, 1, 1), "images", ValueError),
        (lambda: shift(IMAGES, 4, 0), "down", ValueError),
        (lambda: shift(IMAGES, -4, 0), "down", ValueError),
        (lambda: shift(IMAGES, 0.5, 0), "down", TypeError),
        (lambda: shift(IMAGES, 0, 5), "right", ValueError),
        (lambda: jax.jit(shift)(IMAGES, 1.0, 1), "down", TypeError),
        (lambda: random_shifts(0, IMAGES), "key", TypeError),
        (lambda: random_shifts(KEY, digits().inputs), "images", ValueError),
        (lambda: random_shifts(KEY, IMAGES, 4), "most", ValueError),
        (lambda: random_shifts(KEY, IMAGES, -1), "most", ValueError),
    ],
)
def test_bad_input(call, name, error):
    with pytest.raises(error, match=rf"^{name}: expected"):
        call()
