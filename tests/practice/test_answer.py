"""Plain values: what answers are turned into, how they are compared and put into words."""

import collections
import decimal
import fractions
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from course.practice.answer import BlankError, UnreadableError, numbers, plain
from course.practice.compare import difference, same
from course.practice.describe import form, two_words, words
from course.practice.text import class_name, readable

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
        (np.longdouble(0.5), 0.5),
        (np.clongdouble(0.5), 0.5 + 0j),
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


@pytest.mark.parametrize(
    "value",
    [
        jnp.ones(3),
        np.ma.ones(3),
        *(np.ones(3, kind) for kind in (np.float16, np.longdouble, np.clongdouble)),
    ],
)
def test_plain_arrays(value: Any) -> None:
    assert type(plain(value)) is np.ndarray
    assert plain(value).dtype.char not in "gG"
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


@pytest.mark.parametrize(
    "value",
    [
        *(map(abs, [1]), filter(None, [1]), zip([1], [2], strict=True), enumerate([1])),
        *({"a": 1}.keys(), {"a": 1}.values(), {"a": 1}.items(), reversed([1]), (x for x in [1])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_only_hands_out_items_is_advised_to_become_a_list(value: Any) -> None:
    with pytest.raises(UnreadableError, match=r"put `list\(…\)` around it"):
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
    ],
)
def test_forms_are_told_apart_in_plain_words(expected: Any, got: Any, said: str) -> None:
    assert (difference(expected, got, 1e-4) or "").endswith(said)


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


class Secretive(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise SystemExit


def test_class_names_are_cut_and_read_past_the_metaclass() -> None:
    assert class_name(Secretive("Mine", (), {})) == "Mine"
    assert len(class_name(type("x" * 10**6, (), {}))) < 200


def test_forms() -> None:
    assert form(np.eye(2)) == "an array of shape (2, 2)"
    assert form([]) == "a list"
    assert readable("ä\tb\n\x1b[0m") == "ä\tb\n\ufffd[0m"
