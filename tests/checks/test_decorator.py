"""The decorator, whatever the rules; and what it does under JAX's transformations."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from course.checks import checked, count, finite, key, one_of, positive, probabilities
from tests.checks.accept import HALVES, NUMBERS, PLAIN, accept, alike


@checked(p=probabilities(), unit=one_of("bits", "nats"))
def report(p: Float[Array, "*batch outcomes"], *, unit: str = "bits", key: object = None):
    """Say what came."""
    return p


def test_name_docstring_and_signature_are_kept():
    assert report.__name__ == "report"
    assert report.__doc__ == "Say what came."
    parameters = inspect.signature(report).parameters
    assert list(parameters) == ["p", "unit", "key"]
    assert parameters["unit"].default == "bits"
    assert parameters["p"].annotation.dim_str == "*batch outcomes"
    assert report.__wrapped__("anything") == "anything"


def test_a_rule_sees_the_arguments_before_it_converted():
    def pair(name, value, arguments):
        return f"{arguments['x'].dtype} {arguments['z']} {value}"

    @checked(x=finite, y=pair)
    def see(y, x: Float[Array, " n"], z=5):
        return y

    assert see(2, [1]) == "float32 5 2"


def test_a_default_is_taken_as_it_is():
    @checked(key=key)
    def draw(key=None):
        return key

    assert draw() is None
    assert draw(None) is None
    assert draw(key=None) is None


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "missing a required argument: 'p'"),
        ((HALVES, 0), {}, "too many positional arguments"),
        ((HALVES,), {"p": HALVES}, "multiple values for argument 'p'"),
        ((HALVES,), {"base": 2}, "unexpected keyword argument 'base'"),
    ],
)
def test_a_call_that_does_not_fit_gets_pythons_own_message(args, kwargs, message):
    with pytest.raises(TypeError, match=message):
        report(*args, **kwargs)


def test_methods_can_be_checked():
    class Scale:
        @checked(x=positive)
        def times(self, x: Float[Array, ""]):
            return 2 * x

    assert Scale().times(3) == 6
    with pytest.raises(ValueError, match=r"^x: expected positive"):
        Scale().times(x=0)


# Under JAX's transformations an array has a shape and a dtype, and no values.


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap, jax.jacobian])
def test_traced_arrays_are_checked_for_shape_and_dtype_only(transform):
    assert transform(report)(jnp.array([HALVES, [0.5, 0.9]])) is not None
    with pytest.raises(ValueError, match=r"^p: expected at least one value"):
        transform(report)(jnp.zeros((2, 0)))
    if transform is not jax.jacobian:  # which has its own words about what cannot be differentiated
        with pytest.raises(TypeError, match=r"^p: expected numbers, got bool"):
            transform(report)(jnp.array([[True, False]]))
        with pytest.raises(ValueError, match=r"^y: expected shape \((4, )?2,?\), got shape"):
            transform(lambda y: alike(jnp.ones(2), y, 0.0))(jnp.ones((4, 3)))


def test_traced_integers_become_floats():
    assert jax.jit(report)(jnp.array([1, 0])).dtype == "float32"


def test_a_list_of_traced_numbers_is_an_array():
    slope = jax.grad(lambda x: report([x, 1 - x])[1])(0.3)
    assert slope == -1


def test_what_is_concrete_inside_jit_is_checked_there():
    wrong = jnp.array([0.5, 0.6])
    for value in (wrong, np.asarray(wrong), wrong.tolist()):
        with pytest.raises(ValueError, match=r"^p: expected .* got sum 1.1"):
            jax.jit(lambda x, value=value: x * report(value))(1.0)


def test_static_arguments_stay_static():
    compiled = jax.jit(report, static_argnames="unit")
    assert compiled(jnp.array(HALVES), unit="nats").shape == (2,)
    with pytest.raises(TypeError, match=r"^x: expected an integer, got .*Tracer"):
        jax.jit(functools.partial(accept, count()))(2)


def test_numpy_refuses_traced_arrays():
    with pytest.raises(TypeError, match=r"^x: expected numbers that are known, got .*Tracer"):
        jax.jit(lambda x: accept(finite, x, PLAIN))(jnp.array(HALVES))


def test_conversion_leads_to_one_compilation():
    traces = []

    @checked(p=probabilities())
    @jax.jit
    def add(p: Float[Array, " n"]):
        traces.append(p)
        return p

    for p in (HALVES, (0.5, 0.5), [1, 0], np.array(HALVES), jnp.array(HALVES), jnp.array([1, 0])):
        add(p)
    assert len(traces) == 1


# An argument may raise anything when it is asked what it is.


class Sphinx:
    """An object that does not even tell its class."""

    @property
    def __class__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize("rule", [finite, probabilities(), key, one_of("bits")])
def test_what_cannot_be_read_is_refused(rule):
    with pytest.raises(
        TypeError, match=r"^x: expected .*, got Sphinx, which raises RuntimeError"
    ) as error:
        accept(rule, Sphinx(), NUMBERS)
    assert isinstance(error.value.__cause__, RuntimeError)
