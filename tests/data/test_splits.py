"""Splits and batches: every example once, inputs and labels together."""

import jax.numpy as jnp
import numpy as np
import pytest

from course.data.splits import batches, ordered_split, random_split
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


def test_ordered_parts_follow_the_file():
    parts = ordered_split(DATA, (0.8, 0.2))
    assert [labels.tolist() for _, labels in parts] == [list(range(80)), list(range(80, 100))]
    assert all(together(*part) for part in parts)


@pytest.mark.parametrize("split", [ordered_split, lambda *a: random_split(*a, seed=0)])
def test_what_fractions_leave_is_left_out(split):
    parts = split(DATA, [0.25, 0.5])
    assert [len(labels) for _, labels in parts] == [25, 50]
    assert len(split(DATA, (1,))[0][1]) == N


@pytest.mark.parametrize("fractions", [(0.7, 0.2, 0.1), (0.1,) * 10, (1 / 3,) * 3, (0.9, 0.1)])
@pytest.mark.parametrize("examples", [10, 17, 1797])
def test_fractions_that_sum_to_one_use_every_example(fractions, examples):
    parts = ordered_split((np.arange(examples),), fractions)
    assert np.concatenate([part[0] for part in parts]).tolist() == list(range(examples))
    for part, share in zip(parts, fractions, strict=True):
        assert abs(len(part[0]) - share * examples) <= 1


def test_tables_points_and_jax_arrays_are_data():
    train, test = random_split(iris(), (0.8, 0.2), seed=0)
    assert [array.shape for array in train + test] == [(120, 4), (120,), (30, 4), (30,)]
    assert len(ordered_split(xor(20, seed=0), (0.5, 0.5))[1][0]) == 10
    (whole,) = ordered_split([jnp.ones((4, 2)), [1, 2, 3, 4]], (1.0,))
    assert [array.shape for array in whole] == [(4, 2), (4,)]


def test_parts_are_copies():
    inputs = np.zeros(10)
    (part,) = ordered_split((inputs,), (1.0,))
    part[0][0] = 1
    assert inputs[0] == 0


def test_batches_in_order():
    sizes, seen = zip(*((len(labels), labels) for _, labels in batches(DATA, 32)), strict=True)
    assert sizes == (32, 32, 32, 4)
    assert np.concatenate(seen).tolist() == list(range(N))


def test_shuffled_batches_hold_every_example_once():
    pairs = list(batches(DATA, 30, seed=3))
    labels = np.concatenate([labels for _, labels in pairs])
    assert sorted(labels) == list(range(N))
    assert labels.tolist() != list(range(N))
    assert all(together(*pair) for pair in pairs)
    again, other = (np.concatenate([b for _, b in batches(DATA, 30, seed=s)]) for s in (3, 4))
    np.testing.assert_array_equal(labels, again)
    assert not np.array_equal(labels, other)


def test_a_batch_may_be_everything():
    ((inputs, labels),) = batches(DATA, N)
    assert len(labels) == N
    assert together(inputs, labels)


UNEVEN = (np.zeros((5, 2)), np.zeros(4))


@pytest.mark.parametrize(
    ("call", "name", "error"),
    [
        (lambda: random_split(UNEVEN, (0.5, 0.5), seed=0), "data", ValueError),
        (lambda: ordered_split(UNEVEN, (0.5, 0.5)), "data", ValueError),
        (lambda: ordered_split(DATA[0], (0.5, 0.5)), "data", TypeError),
        (lambda: ordered_split((), (0.5, 0.5)), "data", TypeError),
        (lambda: ordered_split((np.zeros((0, 2)), np.zeros(0)), (0.5, 0.5)), "data", ValueError),
        (lambda: ordered_split((np.zeros(3), 1.0), (0.5, 0.5)), "data", ValueError),
        (lambda: ordered_split(([[1], [2, 3]],), (0.5, 0.5)), "data", TypeError),
        (lambda: ordered_split(({"a": 1},), (0.5, 0.5)), "data", TypeError),
        (lambda: ordered_split(DATA, (0.8, 0.3)), "fractions", ValueError),
        (lambda: ordered_split(DATA, (80, 20)), "fractions", ValueError),
        (lambda: ordered_split(DATA, (1.0, 0.0)), "fractions", ValueError),
        (lambda: ordered_split(DATA, (0.5, -0.1)), "fractions", ValueError),
        (lambda: ordered_split(DATA, (0.5, np.nan)), "fractions", ValueError),
        (lambda: ordered_split(DATA, (0.999, 0.001)), "fractions", ValueError),
        (lambda: random_split(DATA, (0.001, 0.9), seed=0), "fractions", ValueError),
        (lambda: ordered_split(DATA, ()), "fractions", ValueError),
        (lambda: ordered_split(DATA, 0.8), "fractions", TypeError),
        (lambda: ordered_split(DATA, ("a", "b")), "fractions", TypeError),
        (lambda: random_split(DATA, (0.5, 0.5), seed=-1), "seed", ValueError),
        (lambda: random_split(DATA, (0.5, 0.5), seed=1.5), "seed", TypeError),
        (lambda: batches(UNEVEN, 2), "data", ValueError),
        (lambda: batches(DATA, 0), "batch_size", ValueError),
        (lambda: batches(DATA, N + 1), "batch_size", ValueError),
        (lambda: batches(DATA, 10.0), "batch_size", TypeError),
        (lambda: batches(DATA, 10, seed=-1), "seed", ValueError),
    ],
)
def test_bad_input(call, name, error):
    with pytest.raises(error, match=rf"^{name}: expected"):
        call()
