"""What `checked` accepts, converts and refuses, and that it does so in every transformation."""

import functools
import inspect
from decimal import Decimal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course.legacy_checks import (
    Count,
    Finite,
    Joint,
    Key,
    Labels,
    OneOf,
    Positive,
    Probabilities,
    Probability,
    checked,
)

HALVES = [0.5, 0.5]


def accept(rule, value, **others):
    """What a function sees of a value under a rule; `others` are further parameters."""

    def see(x, **_others):
        return x

    parameter = inspect.Parameter
    names = [parameter(name, parameter.KEYWORD_ONLY) for name in others]
    see.__signature__ = inspect.Signature([parameter("x", parameter.POSITIONAL_OR_KEYWORD), *names])
    return checked(x=rule)(see)(value, **others)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        pytest.param(HALVES, "float32", id="list"),
        pytest.param((0.5, 0.5), "float32", id="tuple"),
        pytest.param(np.array(HALVES), "float32", id="NumPy"),
        pytest.param(np.array(HALVES, np.float16), "float16", id="NumPy float16"),
        pytest.param(np.array(HALVES, np.longdouble), "float32", id="NumPy longdouble"),
        pytest.param(jnp.array(HALVES), "float32", id="JAX"),
        pytest.param(jnp.array(HALVES, jnp.bfloat16), "bfloat16", id="bfloat16"),
        pytest.param([jnp.array(0.5), 0.5], "float32", id="list of JAX numbers"),
        pytest.param([1, 0], "float32", id="integers"),
        pytest.param(np.array([0, 1], np.uint8), "float32", id="NumPy integers"),
        pytest.param(jnp.array([1, 0]), "float32", id="JAX integers"),
    ],
)
def test_numbers_of_every_kind_become_jax_floats(value, dtype):
    seen = accept(Probabilities(), value)
    assert isinstance(seen, jax.Array)
    assert seen.dtype == dtype
    assert not seen.weak_type  # a weak type would compile again
    assert seen.tolist() == np.asarray(value).tolist()


def test_single_numbers_are_arrays_too():
    assert accept(Positive(), 2).shape == ()
    assert accept(Probability(ndim=0), 0.25).tolist() == 0.25


def test_precision_follows_the_setting_of_jax():
    with jax.enable_x64(True):
        assert accept(Probabilities(), HALVES).dtype == "float64"
        assert accept(Labels(below=3), [0, 2]).dtype == "int64"


@pytest.mark.parametrize("value", [HALVES, jnp.array(HALVES), np.array([1, 0]), (1, 0)])
def test_numpy_rules_give_numpy_float64(value):
    seen = accept(Probabilities(numpy=True), value)
    assert isinstance(seen, np.ndarray)
    assert seen.dtype == np.float64


def test_a_large_enough_jax_array_is_not_copied():
    p = jnp.full(1000, 1e-3)
    assert accept(Probabilities(), p) is p


NOT_NUMBERS = {
    "a string": "half",
    "None": None,
    "an object": object(),
    "a boolean": True,
    "complex": 1j,
    "a dictionary": {0: 0.5, 1: 0.5},
    "a set": {0.5},
    "decimals": [Decimal("0.5"), Decimal("0.5")],
    "booleans": [True, False],
    "boolean array": jnp.array([True, False]),
    "strings": ["0.5", "0.5"],
    "a hole": [0.5, None],
    "ragged": [[0.5, 0.5], [1.0]],
    "huge integer": [10**400, 0.5],
    "complex array": np.array([1j, 0]),
    "dates": np.array(["2020-01-01"], dtype="datetime64[D]"),
    "a key": jax.random.key(0),
}


@pytest.mark.parametrize("rule", [Finite(), Probabilities(), Probabilities(numpy=True), Joint()])
@pytest.mark.parametrize("value", NOT_NUMBERS.values(), ids=NOT_NUMBERS)
def test_what_is_no_array_of_numbers_is_a_type_error(rule, value):
    with pytest.raises(TypeError, match=rf"^x: expected {rule.expected}, got "):
        accept(rule, value)


def test_a_type_error_says_what_came():
    for value, got in [("half", "str"), (None, "NoneType"), (True, "bool"), ([True], "bool")]:
        with pytest.raises(TypeError, match=rf"got {got}$"):
            accept(Finite(), value)
    with pytest.raises(TypeError, match=r"got an irregular list$"):
        accept(Finite(), [[1], [1, 2]])


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (Finite(), [1, NAN], "finite numbers, got nan"),
        (Finite(), [INF, -INF], "finite numbers, got -inf"),
        (Finite(), jnp.array([1, INF], jnp.bfloat16), "finite numbers, got inf"),
        (Finite(), 1e39, r"finite numbers, got 1e\+39"),  # too large for float32
        (Finite(), [], r"at least one value, got shape \(0,\)"),
        (Finite(), np.zeros((2, 0)), r"at least one value, got shape \(2, 0\)"),
        (Finite(ndim=2), [1, 2], r"a 2-dimensional array, got shape \(2,\)"),
        (Finite(axis=1), [1, 2], r"an axis of shape \(2,\), got 1"),
        (Positive(), [1, 0], "positive numbers, got 0"),
        (Positive(), -2, "positive numbers, got -2"),
        (Positive(), 1e-40, "positive numbers, got 1e-40"),  # the hardware takes it for 0
        (Positive(), INF, "positive numbers, got inf"),
        (Probability(), [0.5, -0.1], "probabilities from 0 to 1, got -0.1"),
        (Probability(), 1.01, "probabilities from 0 to 1, got 1.01"),
        (Probability(), NAN, "probabilities from 0 to 1, got nan"),
        (Probabilities(), 0.5, "at least one dimension, got a single number"),
        (Probabilities(), [0.5, 0.6], "probabilities that sum to 1 along axis -1, got sum 1.1$"),
        (Probabilities(), [0.5, 0.4998], "probabilities that sum to 1 along axis -1, got sum 0.99"),
        (Probabilities(), [[0.5, 0.5], [0.5, 0.3]], "probabilities that sum to 1 .* got sum 0.8$"),
        (Probabilities(axis=0), [HALVES, [0.5, 0.7]], "probabilities .* axis 0, got sum 1.2$"),
        (Probabilities(), [-0.5, 1.5], "probabilities from 0 to 1, got -0.5"),
        (Probabilities(), [65, 30, 5], "probabilities from 0 to 1, got 65"),
        (Probabilities(), [0.5, NAN], "probabilities from 0 to 1, got nan"),
        (Probabilities(), [INF, -INF], "probabilities from 0 to 1, got -inf"),
        (Joint(), [0.5, 0.5], r"a 2-dimensional array, got shape \(2,\)"),
        (Joint(), [HALVES, HALVES], "probabilities that sum to 1, got sum 2$"),
        (Labels(below=3), [0, 3], "labels from 0 to 2, got 3"),
        (Labels(below=3), -1, "labels from 0 to 2, got -1"),
        (Labels(below=3), 2**32, r"labels from 0 to 2, got 4.29\d*e\+09"),  # 0 in 32 bits
        (Labels(below=3), np.array([], int), r"at least one value, got shape \(0,\)"),
    ],
)
def test_a_wrong_value_or_shape_is_a_value_error(rule, value, expected):
    with pytest.raises(ValueError, match=rf"^x: expected {expected}"):
        accept(rule, value)


def test_sums_may_be_off_by_what_rounding_does_to_them():
    accept(Probabilities(), [0.5, 0.50009])
    p = np.random.default_rng(0).dirichlet(np.ones(300), size=100)
    for dtype in (jnp.float16, jnp.bfloat16, jnp.float32):
        accept(Probabilities(), p.astype(dtype))


def test_a_rule_takes_the_axis_from_another_parameter():
    rule = Probabilities(axis="axis")
    table = [[0.5, 0.4], [0.5, 0.6]]
    assert accept(rule, table, axis=0).shape == (2, 2)
    assert accept(rule, table, axis=np.int64(-2)).shape == (2, 2)
    with pytest.raises(ValueError, match=r"^x: expected .* along axis 1, got sum (0.9|1.1)$"):
        accept(rule, table, axis=1)
    with pytest.raises(ValueError, match=r"^axis: expected an axis of shape \(2, 2\), got 2"):
        accept(rule, table, axis=2)
    for axis in (None, 0.0, "0", True, (0, 1)):
        with pytest.raises(TypeError, match=r"^axis: expected an integer, got "):
            accept(rule, table, axis=axis)


@pytest.mark.parametrize(
    ("axis", "p", "q", "fits"),
    [
        (-1, (3,), (3,), True),
        (-1, (3,), (5, 3), True),
        (-1, (5, 3), (3,), True),
        (-1, (2, 1, 3), (5, 3), True),
        (0, (3, 5), (3, 1), True),
        (-1, (3,), (2,), False),
        (-1, (3,), (1,), False),  # one outcome against three is no batch
        (-1, (2, 3), (5, 3), False),
        (0, (3, 3), (3,), False),  # would broadcast, but along the other axis
    ],
)
def test_shapes_must_be_alike(axis, p, q, fits):
    @checked(p=Probabilities(axis="axis"), q=Probabilities(axis="axis", like="p"))
    def together(p, q, *, axis):
        return p + q

    p, q = np.full(p, 1 / p[axis]), np.full(q, 1 / q[axis])
    if fits:
        assert together(p, q, axis=axis).shape == np.broadcast_shapes(p.shape, q.shape)
    else:
        with pytest.raises(ValueError, match=r"^q: expected a shape like p \(.*, got \("):
            together(p, q, axis=axis)


@pytest.mark.parametrize("value", [2, [0, 2], np.array([0, 2], np.uint64), jnp.array([2], "uint8")])
def test_labels_become_integers_of_one_kind(value):
    assert accept(Labels(below=3), value).dtype == "int32"
    assert accept(Labels(below=3, numpy=True), value).dtype == np.int64


@pytest.mark.parametrize("value", [1.0, [0.0, 1.0], True, [True, False], "cloudy", None])
def test_labels_are_integers(value):
    with pytest.raises(TypeError, match=r"^x: expected integer labels, got "):
        accept(Labels(below=3), value)


def test_labels_follow_the_array_that_holds_the_classes():
    @checked(logits=Finite(axis=-1), label=Labels(below="logits"))
    def score(label, logits):
        return label

    rows = np.zeros((5, 3))
    assert score(2, rows).shape == ()
    assert score([0, 1, 2, 0, 1], rows).shape == (5,)
    assert score([[0], [1]], rows).shape == (2, 1)
    assert score([0, 1, 2, 0], rows[0]).shape == (4,)
    with pytest.raises(ValueError, match=r"^label: expected a label for each row of logits \(5,\)"):
        score([0, 1], rows)
    with pytest.raises(ValueError, match=r"^label: expected labels from 0 to 2, got 3"):
        score(3, rows)


def test_counts_are_python_integers():
    for value in (3, np.int32(3), np.array(3), jnp.array(3)):
        assert type(accept(Count(), value)) is int
    assert accept(Count(0), 0) == 0
    with pytest.raises(ValueError, match=r"^x: expected an integer of at least 1, got 0$"):
        accept(Count(), 0)
    with pytest.raises(ValueError, match=r"^x: expected an integer of at most 5, got 6$"):
        accept(Count(1, 5), 6)
    for value in (1.0, True, "1", None, [1], np.array([1, 2])):
        with pytest.raises(TypeError, match=r"^x: expected an integer, got "):
            accept(Count(), value)


def test_one_of_a_few_words():
    rule = OneOf("bits", "nats")
    assert accept(rule, "nats") == "nats"
    with pytest.raises(ValueError, match=r"^x: expected 'bits' or 'nats', got 'bit'$"):
        accept(rule, "bit")
    for value in (2, None, ["bits"], np.zeros(3)):
        with pytest.raises(TypeError, match=r"^x: expected 'bits' or 'nats', got "):
            accept(rule, value)


def test_keys():
    key, keys = jax.random.key(0), jax.random.split(jax.random.key(0), 3)
    assert accept(Key(), key) is key
    assert accept(Key(), jax.random.PRNGKey(0)).shape == (2,)
    for several in (keys, jax.vmap(jax.random.key_data)(keys)):
        with pytest.raises(ValueError, match=r"^x: expected one key .*got shape"):
            accept(Key(), several)
    for value in (0, None, np.zeros(2, np.uint32), jnp.zeros(2)):
        with pytest.raises(TypeError, match=r"^x: expected a key like jax.random.key"):
            accept(Key(), value)
    assert jax.jit(functools.partial(accept, Key()))(key) == key


# How the decorator behaves, whatever the rules.


@checked(p=Probabilities(axis="axis"), unit=OneOf("bits", "nats"))
def report(p, *, axis=-1, unit="bits", key=None):
    """Say what came."""
    return p


def test_the_plain_function_is_inside():
    assert report.__name__ == "report"
    assert report.__doc__ == "Say what came."
    assert list(inspect.signature(report).parameters) == ["p", "axis", "unit", "key"]
    assert report.__wrapped__("anything") == "anything"


def test_a_default_is_taken_as_it_is():
    @checked(key=Key())
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
        ((), {"base": 2}, "missing a required argument: 'p'"),
    ],
)
def test_a_call_that_does_not_fit_gets_pythons_own_message(args, kwargs, message):
    with pytest.raises(TypeError, match=message):
        report(*args, **kwargs)


def test_methods_can_be_checked():
    class Scale:
        @checked(x=Positive())
        def times(self, x):
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
        with pytest.raises(TypeError, match=r"^p: expected probabilities from 0 to 1, got bool"):
            transform(report)(jnp.array([[True, False]]))


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
    compiled = jax.jit(report, static_argnames=("axis", "unit"))
    assert compiled(jnp.array(HALVES), axis=0, unit="nats").shape == (2,)
    assert jax.jit(functools.partial(report, axis=0))(jnp.array(HALVES)).shape == (2,)
    with pytest.raises(TypeError, match=r"^axis: expected an integer, got .*Tracer"):
        jax.jit(report)(jnp.array(HALVES), axis=0)


def test_numpy_rules_refuse_traced_arrays():
    plain = functools.partial(accept, Probabilities(numpy=True))
    with pytest.raises(TypeError, match=r"^x: expected probabilities from 0 to 1, got .*Tracer"):
        jax.jit(plain)(jnp.array(HALVES))


def test_conversion_leads_to_one_compilation():
    traces = []

    @checked(p=Probabilities())
    @jax.jit
    def count(p):
        traces.append(p)
        return p

    for p in (HALVES, (0.5, 0.5), [1, 0], np.array(HALVES), jnp.array(HALVES), jnp.array([1, 0])):
        count(p)
    assert len(traces) == 1
