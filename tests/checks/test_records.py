"""Rules for lists, and for parameters with named fields."""

import collections
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from course.checks import fields, positive, sequence, strings
from tests.checks.accept import accept


class Params(NamedTuple):
    """Parameters of a model."""

    w: Float[Array, "features outputs"]
    b: Float[Array, " outputs"]
    name: str = ""


WHOLE = Params(jnp.ones((3, 2)), jnp.zeros(2))


def items(name, value, arguments):
    return sequence(name, value, "a list of things", most=5)


@pytest.mark.parametrize(
    "value",
    [[1, 2], (1, 2), np.array([1, 2]), range(1, 3), collections.deque([1, 2]), iter([1, 2])],
    ids=lambda value: type(value).__name__,
)
def test_items_keep_their_order(value):
    assert accept(items, value) == (1, 2)


@pytest.mark.parametrize(
    "value",
    [
        "ab",
        b"ab",
        {1, 2},
        frozenset([1]),
        {1: 2},
        {1: 2}.keys(),
        None,
        3,
        np.array(3),
        np.array("a"),
    ],
    ids=repr,
)
def test_what_has_no_items_in_order_is_refused(value):
    with pytest.raises(TypeError, match=r"^x: expected a list of things, got "):
        accept(items, value)


def test_items_have_an_end():
    for value in (itertools.repeat(1), range(2**62), range(6)):
        with pytest.raises(ValueError, match=r"^x: expected at most 5 of them, got more"):
            accept(items, value)


def test_strings():
    assert accept(strings, np.array(["a", "b"])) == ("a", "b")
    assert all(type(one) is str for one in accept(strings, np.array(["a", "b"])))
    with pytest.raises(TypeError, match=r"^x: expected a list of strings, got a int in it"):
        accept(strings, ["a", 1])
    with pytest.raises(ValueError, match=r"^x: expected at least one string, got none"):
        accept(strings, [])


def test_whole_parameters_pass():
    seen = accept(fields(Params), Params([[1, 2]], np.zeros(2), "line"))
    assert isinstance(seen, Params)
    assert isinstance(seen.w, jax.Array)
    assert seen.name == "line"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (WHOLE[:2], "Params, got tuple"),
        (WHOLE._replace(w=None), "numbers as w, got NoneType"),
        (WHOLE._replace(b="a"), "numbers as b, got str"),
        (WHOLE._replace(b=jnp.array([1, jnp.nan])), "finite numbers as b, got nan"),
        (WHOLE._replace(b=jnp.array([1j, 1])), "numbers as b, got complex64"),
        (WHOLE._replace(b=jnp.zeros(3)), r"shape \(2,\) as b, got shape \(3,\)"),
        (WHOLE._replace(w=jnp.zeros(2)), r"shape \(features, outputs\) as w, got shape \(2,\)"),
        (WHOLE._replace(w=np.ma.array(np.ones((3, 2)), mask=True)), "an array without a mask as w"),
    ],
)
def test_damaged_fields_are_named(params, message):
    with pytest.raises((TypeError, ValueError), match=f"^x: expected {message}"):
        accept(fields(Params), params)


def test_a_field_may_have_a_rule_of_its_own():
    with pytest.raises(ValueError, match=r"^x: expected positive numbers as b, got 0"):
        accept(fields(Params, b=positive), WHOLE)


def test_traced_fields_are_checked_for_shape_and_dtype_only():
    def total(params):
        return accept(fields(Params), params).b.sum()

    assert jax.jit(lambda w, b: total(Params(w, b)))(WHOLE.w, WHOLE.b) == 0
    assert jax.grad(lambda b: total(Params(WHOLE.w, b)))(WHOLE.b).tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"^x: expected shape \(2,\) as b"):
        jax.jit(lambda w, b: total(Params(w, b)))(WHOLE.w, jnp.zeros(3))
