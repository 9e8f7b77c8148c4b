"""Values and exceptions in a few words."""

from typing import Any

import numpy as np
import pytest

from course.maths.information import entropy
from course.practice.describe import class_name, describe, describe_two, raised, readable


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
        (2**53, "an integer of 16 digits"),
        (-(10**700), "an integer of 701 digits"),
    ],
)
def test_words(value: Any, text: str) -> None:
    assert describe(value).endswith(text)
    assert len(describe(value)) <= 302


def test_differences_are_visible() -> None:
    assert describe_two(1.00001, 1.00002) == ("1.00001", "1.00002")
    assert describe_two(2.0, 1.0) == ("2", "1")


def test_what_cannot_be_shown_is_replaced_and_long_names_are_cut() -> None:
    assert readable("ä\tb\n\x1b[0m") == "ä\tb\n\ufffd[0m"
    assert len(class_name(type("x" * 10**6, (), {}))) < 200


def test_an_exception_is_told_with_the_line_that_led_to_it() -> None:
    try:
        np.zeros(2).reshape(3)
    except ValueError as error:
        said = raised(error)
    assert said.startswith("ValueError: cannot reshape array of size 2 into shape (3,) (line ")
    assert said.endswith(": `np.zeros(2).reshape(3)`)")


def test_the_line_of_an_error_inside_the_course_is_the_readers() -> None:
    try:
        entropy([0.5, 0.6])
    except ValueError as error:
        said = raised(error)
    assert said.endswith(": `entropy([0.5, 0.6])`)")
