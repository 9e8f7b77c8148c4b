"""Plain values: what answers are turned into, how they are compared and put into words."""

import collections
import decimal
import fractions
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from course.practice.compare import difference, same
from course.practice.describe import form, readable, two_words, words
from course.practice.plain import BlankError, UnreadableError, numbers, plain

Pair = collections.namedtuple("Pair", "mean spread")


class Own(list):
    def __iter__(self):
        return iter(["not", "these"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.array(2.5), 2.5),
        (jnp.float32(0.5), 0.5),
        (jnp.bfloat16(0.5), 0.5),
        (fractions.Fraction(1, 4), 0.25),
        (decimal.Decimal("0.25"), 0.25),
        (Pair(1, 2.0), (1, 2.0)),
        (Own([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        (frozenset({"a"}), {"a"}),
        (collections.OrderedDict(a=np.float64(1)), {"a": 1.0}),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([1, "a"], dtype=object), [1, "a"]),
        (None, None),
    ],
)
def test_plain_values(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


@pytest.mark.parametrize("value", [jnp.ones(3), np.ones(3, np.float16), np.ma.ones(3)])
def test_plain_arrays(value: Any) -> None:
    assert type(plain(value)) is np.ndarray
    np.testing.assert_array_equal(plain(value), [1, 1, 1])


def test_plain_arrays_are_copies() -> None:
    value = np.ones(3)
    kept = plain(value)
    value[:] = 0
    assert kept.sum() == 3


@pytest.mark.parametrize("value", [len, int, iter([1]), object(), b"x", np.ones(10**6), {1: len}])
def test_what_has_no_plain_form(value: Any) -> None:
    with pytest.raises(UnreadableError):
        plain(value)


def test_a_blank_is_found_at_any_depth() -> None:
    for value in (..., [...], {"a": (1, [...])}, np.array([1, ...], dtype=object)):
        with pytest.raises(BlankError):
            plain(value)


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
    ],
)
def test_equal_values(expected: Any, got: Any) -> None:
    assert difference(expected, got, 1e-4) is None


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
        (1.0, 1j),
        (1.0, 1 + 1e-9j),
        (np.inf, -np.inf),
        (np.inf, 1e300),
        ([1, 2], [2, 1]),
        ([1, 2], [1, 2, 3]),
        ([1, 2], [[1, 2]]),
        ([1, 2], [[1], [2]]),
        ("rain", "snow"),
        ("1", 1),
        ({"0", "1"}, {"0", "2"}),
        ({"0", "1"}, ["0", "0"]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": 2}),
        ([1, [2, 3]], [1, [2, 4]]),
        ([1, [2, 3]], [1, [2]]),
        ([1], []),
        (1.0, float("nan")),
        ([1.0, 2.0], [1.0, float("nan")]),
        (None, 0),
    ],
)
def test_different_values(expected: Any, got: Any) -> None:
    said = difference(expected, got, 1e-4)
    assert said is not None
    assert said.startswith("gave ")


def test_nan_matches_nan_only_where_it_is_expected() -> None:
    nan = float("nan")
    assert same(nan, nan, 1e-4)
    assert difference([nan, 1.0], [nan, 1.0], 1e-4) is None
    assert difference(1.0, nan, 1e-4) is not None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.arange(100.0), "…]"),
        ([1 / 3, -0.0], "[0.3333, 0]"),
        ("x" * 1000, " …'"),
        ({"b": 1, "a": (1, 2)}, "{'b': 1, 'a': (1, 2)}"),
        ({"b", "a"}, "{'a', 'b'}"),
        (float("-inf"), "-∞"),
        (None, "None"),
        (np.array([[True]]), "[[True]]"),
        (1 + 2j, "1+2j"),
    ],
)
def test_words(value: Any, text: str) -> None:
    assert words(value).endswith(text)
    assert len(words(value)) <= 302


def test_differences_are_visible() -> None:
    assert two_words(1.00001, 1.00002) == ("1.00001", "1.00002")
    assert two_words(2.0, 1.0) == ("2", "1")


def test_forms() -> None:
    assert form(np.eye(2)) == "an array of shape (2, 2)"
    assert form([]) == "a list"
    assert readable("ä\tb\n\x1b[0m") == "ä\tb\n\ufffd[0m"
