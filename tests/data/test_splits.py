"""Splits: every example once, inputs and labels together."""

import jax.numpy as jnp
import numpy as np
import pytest

from course.data.splits import random_split
from course.data.tables import iris
from course.data.toys import xor

N = 100
DATA = (np.arange(N * 3).reshape(N, 3) / 3, np.arange(N))


def together(inputs, labels):
    """Whether each label still stands beside its own inputs."""
    return np.array_equal(inputs, DATA[0][labels])


def test_random_parts_are_disjoint_complete_and_in_step():
    parts = random_split(DATA, (0.6, 0.2, 0.2), seed=0)
    assert [len(labels) for _, labels in parts] == [60, 20, 20]
    assert sorted(np.concatenate([labels for _, labels in parts])) == list(range(N))
    assert all(together(*part) for part in parts)


def test_random_parts_are_mixed_and_follow_the_seed():
    one, same, other = (random_split(DATA, (0.5, 0.5), seed=seed)[0][1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert 35 < one.mean() < 65
    assert one.tolist() != sorted(one)
    first = [random_split((np.arange(10),), (1.0,), seed=seed)[0][0].tolist() for seed in (0, 7)]
    assert first == [[4, 6, 2, 7, 3, 5, 9, 0, 8, 1], [8, 0, 7, 1, 3, 6, 2, 4, 5, 9]]


def test_every_example_is_as_likely_in_each_part():
    held_out = np.zeros(N)
    for seed in range(400):
        held_out[random_split(DATA, (0.8, 0.2), seed=seed)[1][1]] += 1
    np.testing.assert_allclose(held_out / 400, 0.2, atol=0.1)


def test_what_fractions_leave_is_left_out():
    parts = random_split(DATA, [0.25, 0.5], seed=0)
    assert [len(labels) for _, labels in parts] == [25, 50]
    assert len(random_split(DATA, (1,), seed=0)[0][1]) == N


@pytest.mark.parametrize("fractions", [(0.7, 0.2, 0.1), (0.1,) * 10, (1 / 3,) * 3, (0.9, 0.1)])
@pytest.mark.parametrize("examples", [10, 17, 1797])
def test_fractions_that_sum_to_one_use_every_example(fractions, examples):
    parts = random_split((np.arange(examples),), fractions, seed=0)
    assert sorted(np.concatenate([part[0] for part in parts])) == list(range(examples))
    for part, share in zip(parts, fractions, strict=True):
        assert abs(len(part[0]) - share * examples) <= 1


def test_tables_points_and_jax_arrays_are_data():
    train, test = random_split(iris(), (0.8, 0.2), seed=0)
    assert [array.shape for array in train + test] == [(120, 4), (120,), (30, 4), (30,)]
    assert len(random_split(xor(20, seed=0), (0.5, 0.5), seed=0)[1][0]) == 10
    (whole,) = random_split([jnp.ones((4, 2)), [1, 2, 3, 4]], (1.0,), seed=0)
    assert [array.shape for array in whole] == [(4, 2), (4,)]


def test_parts_are_copies():
    inputs = np.zeros(10)
    (part,) = random_split((inputs,), (1.0,), seed=0)
    part[0][0] = 1
    assert inputs[0] == 0


UNEVEN = (np.zeros((5, 2)), np.zeros(4))


@pytest.mark.parametrize(
    ("data", "fractions", "seed", "name", "error"),
    [
        (UNEVEN, (0.5, 0.5), 0, "data", ValueError),
        (DATA[0], (0.5, 0.5), 0, "data", TypeError),
        ((np.zeros((0, 2)), np.zeros(0)), (0.5, 0.5), 0, "data", ValueError),
        ((np.zeros(3), 1.0), (0.5, 0.5), 0, "data", ValueError),
        (DATA, (0.8, 0.3), 0, "fractions", ValueError),
        (DATA, (1.0, 0.0), 0, "fractions", ValueError),
        (DATA, (0.999, 0.001), 0, "fractions", ValueError),
        (DATA, (), 0, "fractions", ValueError),
        (DATA, 0.8, 0, "fractions", TypeError),
        (DATA, (0.5, 0.5), -1, "seed", ValueError),
    ],
)
def test_bad_input(data, fractions, seed, name, error):
    with pytest.raises(error, match=rf"^{name}: expected"):
        random_split(data, fractions, seed=seed)


@pytest.mark.parametrize(
    "fractions", [{0.3, 0.7}, {0.3: 1, 0.7: 2}, np.array(0.5), "ab", 0.5, None]
)
def test_fractions_have_an_order(fractions):
    with pytest.raises(
        TypeError, match=r"^fractions: expected a list with a fraction for each part"
    ):
        random_split((np.arange(10),), fractions, seed=0)
