"""Equal and different plain values, and the phrases about the different ones."""

from typing import Any

import numpy as np
import pytest

from course.practice.compare import difference, numbers, same


@pytest.mark.parametrize("value", [["a"], [[1], [2, 3]], {"a": 1}, "1", None, [10**400]])
def test_what_is_not_numbers(value: Any) -> None:
    assert numbers(value) is None


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1.0, 1),
        (1.0, np.array([1.0])),
        ([1.0], 1.0),
        ([1, 2], np.array([1, 2])),
        ([True, False], np.array([1, 0])),
        (True, np.array([True])),
        ("Rain", " rain "),
        ({"0", "1"}, ["1", "0"]),
        ([1, [2, 3]], (1, (2, 3))),
        ({"a": 1}, {"a": 1.00005}),
        (np.inf, float("inf")),
        (-np.inf, -1e400),
        (0.0, 9e-5),
        (1e6, 1e6 + 90),
        (1j, complex(0, 1)),
        (None, None),
        ([], []),
        ([], np.array([])),
        (float("nan"), float("nan")),
        ([float("nan"), 1.0], [float("nan"), 1.0]),
    ],
)
def test_equal_values(expected: Any, got: Any) -> None:
    assert difference(expected, got, 1e-4) is None
    assert same(expected, got, 1e-4)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1.0, 1.001),
        (0.0, 2e-4),
        (1e6, 1e6 + 200),
        (1.0, True),
        (True, 1),
        (True, False),
        (1.0, None),
        (1.0, 1 + 1e-9j),
        (np.inf, -np.inf),
        (np.inf, 1e300),
        ([1, 2], [2, 1]),
        ([1, 2], [1, 2, 3]),
        ([1, 2], [[1, 2]]),
        ("rain", "snow"),
        ("1", 1),
        ({"0", "1"}, {"0", "2"}),
        ({"0", "1"}, ["0", "0"]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ([1, [2, 3]], [1, [2, 4]]),
        ([1, [2, 3]], [1, [2]]),
        ([1], []),
        ([1.0, 2.0], [1.0, float("nan")]),
        (None, 0),
    ],
)
def test_different_values(expected: Any, got: Any) -> None:
    said = difference(expected, got, 1e-4)
    assert said is not None
    assert said.startswith("gave ")


@pytest.mark.parametrize("expected", [["0", "10"], ("a", 1), [1.0, 2.0], np.arange(3), []])
def test_a_set_does_not_stand_for_what_is_in_order(expected: Any) -> None:
    said = difference(expected, {"0", "10"}, 1e-4)
    assert said is not None
    assert said.endswith("(a set), but order matters: use a list")


@pytest.mark.parametrize(
    ("expected", "got", "said"),
    [
        (1.0, 1 + 2j, "(a complex number), but a single number was expected"),
        ([1.0, 2.0], [1j, 2.0], "(2 complex numbers), but 2 numbers were expected"),
        ((np.ones(3), np.ones(2)), np.ones(5), "(5 numbers), but two results were expected"),
        ((np.ones(3), np.ones(3)), np.ones(3), "(3 numbers), but two results were expected"),
        (("a", 1, 2), 7, "(a single number), but three results were expected"),
        ([1.0, 2.0], (np.ones(3), np.ones(2)), "(two results), but 2 numbers were expected"),
        ((1, 2), 3, "(a single number), but 2 numbers were expected"),
        (1.0, float("nan"), "0 / 0, ∞ / ∞ or ∞ - ∞"),
        ("a", [], "(a list), but text was expected"),
    ],
)
def test_forms_are_told_apart_in_plain_words(expected: Any, got: Any, said: str) -> None:
    assert (difference(expected, got, 1e-4) or "").endswith(said)
