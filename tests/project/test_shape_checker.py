"""The checker that guards every other test must itself catch what it is there for."""

import importlib
import pkgutil
import sys

import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError, install_import_hook

import course
from course.maths.information import entropy

MODULE = """
from typing import NamedTuple
from jaxtyping import Array, Float

class Line(NamedTuple):
    x: Float[Array, "points"]
    y: Float[Array, "points"]

def shorten(x: Float[Array, "points"], by: int) -> Float[Array, "points"]:
    return x[by:]

def line(x: Float[Array, "points"], y: Float[Array, "..."]) -> dict[str, list[Line]]:
    return {"lines": [Line(x, y)]}

def heights(line: Line) -> Float[Array, "points"]:
    return line.y
"""
THREE, FOUR = jnp.zeros(3), jnp.zeros(4)


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    (folder / "drawing_of_lines.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        with install_import_hook("drawing_of_lines", "shape_checker.check_annotations"):
            yield importlib.import_module("drawing_of_lines")
        del sys.modules["drawing_of_lines"]


def test_fitting_shapes_pass(module):
    assert module.shorten(THREE, 0).shape == (3,)
    (line,) = module.line(THREE, THREE)["lines"]
    assert module.heights(line).shape == (3,)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        pytest.param("shorten", lambda _: (jnp.zeros(3, int), 0), id="dtype of an argument"),
        pytest.param("shorten", lambda _: (THREE, 1), id="result against an argument"),
        pytest.param("line", lambda _: (THREE, FOUR), id="fields of a result, however deep"),
        pytest.param("heights", lambda m: (m.Line(THREE, FOUR),), id="fields of an argument"),
        pytest.param("heights", lambda m: (m.Line(THREE, None),), id="field that is no array"),
    ],
)
def test_what_does_not_fit_is_caught(module, function, arguments):
    with pytest.raises(TypeCheckError):
        getattr(module, function)(*arguments(module))


def test_the_course_itself_is_checked(pytestconfig):
    plain = entropy.__wrapped__.__wrapped__
    with pytest.raises(TypeCheckError):
        plain(jnp.array([1, 0]))
    *checked, _ = pytestconfig.option.jaxtyping_packages.split(",")
    parts = {f"course.{part.name}" for part in pkgutil.iter_modules(course.__path__)}
    assert parts - set(checked) == {"course.checks", "course.practice"}
