"""The checker that guards every other test must itself catch what it is there for."""

import importlib
import sys

import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError, install_import_hook

from course.maths.information import entropy

MODULE = """
from typing import NamedTuple
from jaxtyping import Array, Float

class Line(NamedTuple):
    x: Float[Array, "points"]
    y: Float[Array, "points"]

class Fit(NamedTuple):
    line: Line
    slope: float

def double(x: Float[Array, "points"]) -> Float[Array, "points"]:
    return 2 * x

def shorten(x: Float[Array, "points"]) -> Float[Array, "points"]:
    return x[1:]

def line(x: Float[Array, "points"], y: Float[Array, "..."]) -> Line:
    return Line(x, y)

def heights(line: Line) -> Float[Array, "points"]:
    return line.y

def fits(lines: list[Line]) -> dict[str, Fit]:
    return {"first": Fit(lines[0], 1)}
"""
THREE, FOUR = jnp.zeros(3), jnp.zeros(4)


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    (folder / "drawing_of_lines.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        with install_import_hook("drawing_of_lines", "shape_checker.check"):
            yield importlib.import_module("drawing_of_lines")
        del sys.modules["drawing_of_lines"]


def test_fitting_shapes_pass(module):
    assert module.double(THREE).shape == (3,)
    line = module.line(THREE, THREE)
    assert module.heights(line).shape == (3,)
    assert module.fits([line])["first"].slope == 1


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        pytest.param("double", lambda _: (jnp.zeros((3, 3)),), id="argument"),
        pytest.param("double", lambda _: (jnp.zeros(3, int),), id="dtype of an argument"),
        pytest.param("shorten", lambda _: (THREE,), id="result against an argument"),
        pytest.param("line", lambda _: (THREE, FOUR), id="fields of a result against each other"),
        pytest.param("line", lambda _: (THREE, jnp.zeros((3, 1))), id="rank of a field"),
        pytest.param("heights", lambda m: (m.Line(THREE, FOUR),), id="fields of an argument"),
        pytest.param("heights", lambda m: (m.Line(THREE, None),), id="field that is no array"),
        pytest.param("fits", lambda m: ([m.Line(THREE, FOUR)],), id="fields within a list"),
        pytest.param("fits", lambda m: ([m.Line(THREE, "abc")],), id="fields within fields"),
    ],
)
def test_what_does_not_fit_is_caught(module, function, arguments):
    with pytest.raises(TypeCheckError):
        getattr(module, function)(*arguments(module))


def test_the_course_itself_is_checked():
    plain = entropy.__wrapped__.__wrapped__
    with pytest.raises(TypeCheckError):
        plain(jnp.array([1, 0]))
