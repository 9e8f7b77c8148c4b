"""Toys: apart without noise as promised, never by a straight line, the same for each seed."""

import numpy as np
import pytest
from scipy.spatial import cKDTree
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from course.data.toys import GAPS, TOYS, circle, moons, spiral, xor

ALL = pytest.mark.parametrize("name", TOYS)


def test_names():
    assert list(TOYS) == list(GAPS) == ["circle", "xor", "moons", "spiral"]
    assert [toy.__name__ for toy in TOYS.values()] == list(TOYS)


@ALL
def test_classes_are_apart_by_the_gap_and_no_more(name):
    inputs, labels = TOYS[name](20_000, seed=0)
    nearest = cKDTree(inputs[labels == 0]).query(inputs[labels == 1])[0].min()
    assert GAPS[name] - 1e-5 <= nearest < GAPS[name] + 0.03


@ALL
def test_points_fill_the_square_and_stay_in_it(name):
    inputs, labels = TOYS[name](20_000, seed=1)
    assert abs(inputs).max() <= 1
    assert abs(inputs).max(axis=0).min() > 0.49
    assert inputs.dtype == np.float32
    assert labels.dtype == np.int32
    assert abs(inputs.mean(axis=0)).max() < 0.05


def test_each_class_is_where_it_should_be():
    inputs, labels = circle(5000, seed=2)
    radius = np.hypot(*inputs.T)
    np.testing.assert_array_equal(labels == 1, radius < 0.6)
    assert np.mean(radius[labels == 1] < 0.25) == pytest.approx(1 / 4, abs=0.04)  # even by area
    inputs, labels = xor(5000, seed=2)
    np.testing.assert_array_equal(labels == 1, inputs[:, 0] * inputs[:, 1] < 0)
    quadrants = np.bincount(2 * (inputs[:, 0] > 0) + (inputs[:, 1] > 0))
    np.testing.assert_allclose(quadrants / 5000, 0.25, atol=0.03)
    (x, y), labels = moons(5000, seed=2).inputs.T * 1.5, np.arange(5000) % 2
    x, y = x + 0.5, y + 0.25
    from_outer, from_inner = np.hypot(x, y), np.hypot(x - 1, y - 0.5)
    np.testing.assert_allclose(np.where(labels, from_inner, from_outer), 1, atol=1e-5)
    inputs, labels = spiral(5000, seed=2)
    radius, angle = np.hypot(*inputs.T), np.arctan2(*inputs.T[::-1])
    turned = angle - 2 * np.pi * 1.5 * radius - np.pi * labels
    np.testing.assert_allclose(np.cos(turned), 1, atol=1e-5)


@ALL
def test_no_line_separates_the_classes_but_a_look_at_neighbours_does(name):
    train, test = TOYS[name](1000, seed=3), TOYS[name](500, seed=4)
    assert LogisticRegression().fit(*train).score(*test) < 0.9
    assert KNeighborsClassifier(1).fit(*train).score(*test) > 0.99


@ALL
def test_noise_is_a_standard_deviation_and_blurs_the_gap(name):
    exact, labels = TOYS[name](4000, seed=5)
    noisy, same = TOYS[name](4000, noise=0.2, seed=5)
    np.testing.assert_array_equal(labels, same)
    moved = noisy - exact
    np.testing.assert_allclose(moved.std(axis=0), 0.2, rtol=0.06)
    assert abs(moved.mean()) < 0.02
    half = TOYS[name](4000, noise=0.1, seed=5).inputs - exact
    np.testing.assert_allclose(half, moved / 2, atol=1e-6)
    scores = [
        KNeighborsClassifier(1)
        .fit(points[:2000], labels[:2000])
        .score(points[2000:], labels[2000:])
        for points in (exact, noisy)
    ]
    assert scores[0] > 0.99
    assert 0.55 < scores[1] < 0.97


@ALL
def test_classes_are_of_equal_size_and_more_begin_with_the_same(name):
    few, many = TOYS[name](7, noise=0.1, seed=6), TOYS[name](300, noise=0.1, seed=6)
    assert many.labels.mean() == 0.5
    for one, other in zip(few, many, strict=True):
        np.testing.assert_array_equal(one, other[:7])


FIRST = {
    "circle": (-0.3184, 0.7098),
    "xor": (0.9721, 0.1593),
    "moons": (-0.9088, -0.2390),
    "spiral": (-0.7733, 0.2288),
}


@ALL
def test_points_of_a_seed_never_change(name):
    one, same, other = (TOYS[name](20, noise=0.1, seed=seed).inputs for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    np.testing.assert_allclose(one[0], FIRST[name], atol=1e-4)


@ALL
@pytest.mark.parametrize(("bad", "value"), [("examples", 0), ("noise", -0.1), ("seed", -1)])
def test_bad_input(name, bad, value):
    with pytest.raises(ValueError, match=rf"^{bad}: expected"):
        TOYS[name](**{"examples": 10, "seed": 0} | {bad: value})


@pytest.mark.parametrize("draw", TOYS.values())
def test_more_points_than_memory_are_refused_and_a_seed_may_be_any(draw):
    for examples in (2**22 + 1, 2**31, 2**62, 2**64):
        with pytest.raises(ValueError, match=r"^examples: expected an integer of at most 4194304"):
            draw(examples, seed=0)
    assert draw(2, seed=2**70).inputs.shape == (2, 2)
