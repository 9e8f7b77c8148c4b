"""Sentences about answers that are wrong or had to be stopped."""

import numpy as np
import pytest

from course.practice.time_limit import TimeLimit
from course.practice.wording import about_function, about_value, example, stopped


def test_an_example_names_the_arguments() -> None:
    assert example(["p", "rate"], (np.array([0.5, 0.5]), 0.1)) == "p = [0.5, 0.5], rate = 0.1"
    assert example(["slope"], (len,)) == "slope = `len`"


def test_a_phrase_is_completed_and_a_sentence_is_left_alone() -> None:
    assert about_function("gave 2", "x = 1") == "With x = 1, your function gave 2."
    assert about_function("Too much.", "x = 1") == "Too much. (With x = 1.)"
    assert about_function("Too much.", "") == "Too much."
    assert about_value("gave 2, and that is not it") == "Your answer is 2, and that is not it."


@pytest.mark.parametrize(
    ("waited", "compiling", "said"),
    [
        (False, False, "is there a loop without end?"),
        (True, False, "it mostly waited."),
        (False, True, "was stopped while JAX was compiling."),
        (True, True, "was stopped while JAX was compiling."),
    ],
)
def test_who_is_stopped_hears_why_and_how_to_get_more_time(
    waited: bool, compiling: bool, said: str
) -> None:
    limit = TimeLimit(1)
    limit.waited, limit.compiling = waited, compiling
    assert stopped(limit).startswith("Your code was still running after 1 second and was stopped")
    assert said in stopped(limit)
    assert ("loop without end" in stopped(limit)) == (not waited and not compiling)
    assert stopped(limit).endswith("computer, `check(…, seconds=6)` waits longer.")
