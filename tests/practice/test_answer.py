"""Answers are called with arrays that they can use, and read as plain values."""

import array
import collections
import decimal
import os
import sys
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from course.practice.answer import (
    BlankError,
    Trouble,
    UnreadableError,
    call,
    plain,
    read,
    wrong_parameters,
)

Pair = collections.namedtuple("Pair", "mean spread")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.array(2.5), 2.5),
        (array.array("d", [0.5, 0.25]), [0.5, 0.25]),
        (jnp.float32(0.5), 0.5),
        (jnp.bfloat16(0.5), 0.5),
        (np.clongdouble(0.5), 0.5 + 0j),
        (decimal.Decimal("0.25"), 0.25),
        (Pair(1, 2.0), (1, 2.0)),
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
        *(collections.deque([1]), collections.UserList([1]), {1: 2}.keys()),
        *({"a": 1}.keys(), {"a": 1}.values(), {"a": 1}.items(), reversed([1]), (x for x in [1])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_only_hands_out_items_is_advised_to_become_a_list(value: Any) -> None:
    with pytest.raises(UnreadableError, match=r"put `list\(…\)` around it"):
        plain(value)


def test_what_it_is_has_the_right_article() -> None:
    assert read(object()).phrase.startswith("gave an object, which")
    assert read(collections.UserDict(a=1)).phrase.startswith("gave a UserDict (put `dict(…)`")


def test_an_answer_gets_a_plain_list() -> None:
    class Labelled(list[str]):
        labels = (True, False)

    for function in (type, lambda texts: type(texts)):
        assert call(lambda texts, f=function: f(texts).__name__, (Labelled("ab"),)) == "list"


def test_a_blank_is_found_at_any_depth() -> None:
    for value in (..., [...], {"a": (1, [...])}, np.array([1, ...], dtype=object)):
        with pytest.raises(BlankError):
            plain(value)


def test_a_function_is_called_with_copies_of_the_arrays_that_it_can_use() -> None:
    given = np.ones(2)
    seen: list[type] = []

    def wants_a_list(x):
        seen.append(type(x))
        x[0] = 0.0
        return x.index(1.0)

    assert call(wants_a_list, (given,)) == 1
    assert seen[0] is np.ndarray
    assert seen[-1] is list
    assert given.tolist() == [1, 1]


@pytest.mark.parametrize("result", [None, ..., [1, ...]])
def test_no_result_is_none_or_a_blank(result: Any) -> None:
    assert call(lambda: result, ()) in (None, ...)


def test_what_goes_wrong_is_a_phrase() -> None:
    def unwritten():
        raise NotImplementedError

    assert call(lambda: 1 / 0, ()).phrase.startswith("raised ZeroDivisionError: division by zero")
    assert read(len) == Trouble(
        "gave a builtin_function_or_method, which cannot be compared with the expected result"
    )
    with pytest.raises(BlankError):
        call(unwritten, ())


def test_parameters_are_compared() -> None:
    assert wrong_parameters(lambda p, q=1: 0, (1,), ["p"]) is None
    assert wrong_parameters(min, (1,), ["p"]) is None
    said = "Your function should take 2 parameters, (p, q); it takes `(p)`."
    assert wrong_parameters(lambda p: 0, (1, 2), ["p", "q"]) == said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there processes are not copied")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_forked_copy_ends_with_the_answer() -> None:
    """It would run the rest of the notebook a second time, in the kernel's place."""
    for leave in (lambda: None, lambda: sys.exit(3)):

        def forks(leave=leave):
            copy = os.fork()
            if copy == 0:
                return leave()
            return os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])

        assert call(forks, ()) == 0
