"""Replaced functions are put back before an answer is judged, and built-in loops can be stopped."""

import builtins
import importlib
import itertools
import math
import sys
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from course.practice.check import check
from course.practice.exercises import entropy
from course.practice.patches import patches_undone
from tests.practice.examples import entropy_bits, my_entropy


def blind(*_: Any, **__: Any) -> None:
    return None


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("course.practice.check", "difference"),
        ("course.practice.check", "same"),
        ("course.practice.check", "_problem"),
        ("course.practice.check", "check"),
        ("course.practice.check", "TIME_LIMIT"),
        ("course.practice.compare", "numbers"),
        ("course.maths.information", "entropy"),
        ("course.practice.exercises.entropy", "my_entropy"),
        ("builtins", "len"),
        ("math", "log2"),
        ("math", "pi"),
        ("numpy", "allclose"),
        ("numpy", "sum"),
        ("jax.numpy", "log2"),
        ("random", "setstate"),
        ("os", "chdir"),
        ("signal", "signal"),
        ("threading", "excepthook"),
        ("copy", "deepcopy"),
    ],
)
def test_what_an_answer_replaces_decides_about_nothing(module: str, name: str) -> None:
    place = importlib.import_module(module)
    before = getattr(place, name)

    def answer(p):
        setattr(place, name, blind)
        return 0.0

    assert entropy_bits.check(answer).outcome == "not yet"
    assert getattr(place, name) is before
    assert entropy_bits.check(lambda p: 0.0).outcome == "not yet"
    assert entropy_bits.check(my_entropy).outcome == "correct"


def test_what_an_answer_deletes_is_there_again() -> None:
    def answer(p):
        del builtins.print, np.log2
        del sys.modules["course.practice.compare"]
        return 0.0

    before = print, np.log2, sys.modules["course.practice.compare"]
    assert entropy_bits.check(answer).outcome == "not yet"
    assert (print, np.log2, sys.modules["course.practice.compare"]) == before


@pytest.mark.parametrize("names", [["setattr", "vars", "dict"], ["len", "getattr"], ["type"]])
def test_built_in_functions_come_back_that_are_needed_to_put_back(names: list[str]) -> None:
    before = [getattr(builtins, name) for name in names]

    def answer(p):
        for name in names:
            builtins.__dict__[name] = None
        return 0.0

    assert check(entropy.q1, answer).outcome == "not yet"
    assert [getattr(builtins, name) for name in names] == before
    assert check(entropy.q1, entropy.my_entropy).outcome == "correct"


def test_classes_and_exercises_stay_what_they_are() -> None:
    def answer(p):
        type(entropy.q1).check = blind
        object.__setattr__(entropy.q1, "reference", lambda p: 0.0)
        return 0.0

    assert check(entropy.q1, answer).outcome == "not yet"
    assert check(entropy.q1, lambda p: 0.0).outcome == "not yet"
    assert entropy.q1.check(entropy.my_entropy).outcome == "correct"


def test_a_library_keeps_what_it_has_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(itertools_like := sys.modules["tests.practice.examples"], "TITLE", None)
    with patches_undone():
        itertools_like.TITLE = "found when it was needed"
    assert itertools_like.TITLE == "found when it was needed"


@pytest.mark.parametrize("loop", [sum, any, all, min, max])
@pytest.mark.parametrize(
    "make",
    [
        lambda: [3, 1, 2],
        lambda: range(1, 5),
        lambda: (x / 7 for x in range(1, 9)),
        lambda: map(abs, [-1, 2]),
        lambda: np.array([1.5, 0.0]),
        lambda: jnp.array([1.5, 0.5]),
        lambda: {2: "a"},
    ],
)
def test_built_in_loops_give_the_same(loop: Any, make: Callable[[], Any]) -> None:
    expected = loop(make())
    with patches_undone():
        assert getattr(builtins, loop.__name__)(make()) == expected
    assert getattr(builtins, loop.__name__) is loop


def test_built_in_loops_take_what_they_took() -> None:
    with patches_undone():
        assert sum(iter([1, 2]), start=3) == 6
        assert sum(range(3), 4) == 7
        assert max(range(5), key=lambda x: -x) == 0
        assert min(3, 2, 1) == 1
        assert max(iter([]), default=math.pi) == math.pi
        with pytest.raises(TypeError, match="not iterable"):
            sum(5)  # type: ignore[call-overload]
        assert min(itertools.islice(itertools.count(4), 3)) == 4
