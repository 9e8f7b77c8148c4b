"""What checked functions accept, what they make of it, and how they say what they refuse."""

import functools
import inspect
from decimal import Decimal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Bool, Float, Int

from course.checks import (
    checked,
    count,
    finite,
    flag,
    function,
    instance,
    key,
    labels,
    number,
    one_of,
    positive,
    probabilities,
    probability,
    text,
    within,
)

HALVES = [0.5, 0.5]
NAN, INF = float("nan"), float("inf")
NUMBERS = Float[Array, "..."]
PLAIN = Float[np.ndarray, "..."]


def accept(rule, value, annotation=object):
    """What a function sees of an argument `x` with this annotation and rule."""

    def see(x):
        return x

    see.__annotations__["x"] = annotation
    return checked(x=rule)(see)(value)


# Kinds of numbers.


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        pytest.param(HALVES, "float32", id="list"),
        pytest.param(np.array(HALVES), "float32", id="NumPy"),
        pytest.param(np.array(HALVES, np.float16), "float16", id="NumPy float16"),
        pytest.param(np.array(HALVES, np.longdouble), "float32", id="NumPy longdouble"),
        pytest.param(jnp.array(HALVES), "float32", id="JAX"),
        pytest.param(jnp.array(HALVES, jnp.bfloat16), "bfloat16", id="bfloat16"),
        pytest.param([jnp.array(0.5), 0.5], "float32", id="list of JAX numbers"),
        pytest.param([1, 0], "float32", id="integers"),
        pytest.param(jnp.array([1, 0]), "float32", id="JAX integers"),
        pytest.param(2, "float32", id="a single number"),
    ],
)
def test_numbers_of_every_kind_become_jax_floats(value, dtype):
    seen = accept(finite, value, NUMBERS)
    assert isinstance(seen, jax.Array)
    assert seen.dtype == dtype
    assert not seen.weak_type  # a weak type would compile again
    assert seen.tolist() == np.asarray(value).tolist()


@pytest.mark.parametrize("value", [HALVES, jnp.array(HALVES), np.array([1, 0]), (1, 0)])
def test_where_numpy_is_annotated_numbers_become_its_float64(value):
    seen = accept(finite, value, PLAIN)
    assert isinstance(seen, np.ndarray)
    assert seen.dtype == np.float64


@pytest.mark.parametrize("value", [2, [0, 2], np.array([0, 2], np.uint64), jnp.array([2], "uint8")])
def test_integers_become_integers_of_one_kind(value):
    assert accept(labels(3), value, Int[Array, "..."]).dtype == "int32"
    assert accept(labels(3), value, Int[np.ndarray, "..."]).dtype == np.int64


def test_truth_values_stay_truth_values():
    assert accept(finite, [True, False], Bool[np.ndarray, " n"]).dtype == np.bool_
    with pytest.raises(TypeError, match=r"^x: expected true or false, got int64$"):
        accept(finite, [1, 0], Bool[np.ndarray, " n"])


def test_precision_follows_the_setting_of_jax():
    with jax.enable_x64(True):
        assert accept(finite, HALVES, NUMBERS).dtype == "float64"
        assert accept(finite, [0, 2], Int[Array, "..."]).dtype == "int64"


def test_a_jax_array_is_not_copied():
    p = jnp.full(1000, 1e-3)
    assert accept(finite, p, NUMBERS) is p


NOT_NUMBERS = {
    "a string": "half",
    "None": None,
    "a boolean": True,
    "complex": 1j,
    "a set": {0.5},
    "decimals": [Decimal("0.5"), Decimal("0.5")],
    "booleans": [True, False],
    "strings": ["0.5", "0.5"],
    "a hole": [0.5, None],
    "ragged": [[0.5, 0.5], [1.0]],
    "huge integer": [10**400, 0.5],
    "dates": np.array(["2020-01-01"], dtype="datetime64[D]"),
    "a key": jax.random.key(0),
}


@pytest.mark.parametrize("annotation", [NUMBERS, PLAIN])
@pytest.mark.parametrize("value", NOT_NUMBERS.values(), ids=NOT_NUMBERS)
def test_what_is_no_array_of_numbers_is_a_type_error(annotation, value):
    with pytest.raises(TypeError, match=r"^x: expected numbers, got "):
        accept(finite, value, annotation)


@pytest.mark.parametrize("value", [1.0, [0.0, 1.0], True, [True, False], "cloudy", None])
def test_labels_are_integers(value):
    with pytest.raises(TypeError, match=r"^x: expected integers, got "):
        accept(labels(3), value, Int[Array, "..."])


def test_a_type_error_says_what_came():
    for value, got in [(None, "NoneType"), ([True], "bool"), ([[1], [1, 2]], "an irregular list")]:
        with pytest.raises(TypeError, match=rf"got {got}$"):
            accept(finite, value, NUMBERS)


# Shapes.


@pytest.mark.parametrize(
    ("axes", "shape", "expected"),
    [
        ("", (1,), "a single number"),
        (" n", (), r"shape \(n,\)"),
        (" n", (3, 1), r"shape \(n,\)"),
        ("n 2", (64, 2), None),
        ("n 2", (64, 3), r"shape \(n, 2\)"),
        ("n n", (3, 3), None),
        ("n n", (3, 4), r"shape \(n, n\)"),
        ("_ _", (3, 4), None),
        ("...", (3, 4), None),
        ("*batch", (), None),
        ("*batch classes", (3,), None),
        ("*batch classes", (2, 5, 3), None),
        ("*batch classes", (), r"shape \(..., classes\)"),
        ("rows *batch 2", (3, 2), None),
        ("rows *batch 2", (3, 4, 3), r"shape \(rows, ..., 2\)"),
    ],
)
def test_a_shape_fits_its_annotation(axes, shape, expected):
    if expected is None:
        assert accept(finite, np.ones(shape), Float[Array, axes]).shape == shape
    else:
        got = f"shape {shape}" if shape else "a single number"
        with pytest.raises(ValueError, match=rf"^x: expected {expected}, got ") as error:
            accept(finite, np.ones(shape), Float[Array, axes])
        assert str(error.value).endswith(got)


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_an_array_has_at_least_one_value(shape):
    with pytest.raises(ValueError, match=r"^x: expected at least one value, got shape \("):
        accept(finite, np.zeros(shape), NUMBERS)


@checked(x=finite, y=finite)
def same(x: Float[Array, "examples features"], y: Float[Array, " examples"]):
    return y


@checked(x=finite, y=finite, z=finite)
def alike(x: Float[Array, "*#shape"], y: Float[Array, "*#shape"], z: Float[Array, "*#shape"]):
    return x + y + z


@checked(x=finite, y=finite)
def rows(x: Float[Array, "*#batch 3"], y: Float[Array, "#n *#batch"]):
    return y


def test_an_axis_of_one_name_has_one_size():
    assert same(np.ones((4, 2)), np.ones(4)).shape == (4,)
    with pytest.raises(ValueError, match=r"^y: expected shape \(4,\), got shape \(5,\)$"):
        same(np.ones((4, 2)), np.ones(5))
    assert same(np.ones((5, 2)), np.ones(5)).shape == (5,)  # every call anew


@pytest.mark.parametrize(
    ("shapes", "result"),
    [
        ([(), (3,), ()], (3,)),
        ([(4, 1), (3,), (1, 3)], (4, 3)),
        ([(2, 1, 3), (5, 3), (5, 1)], (2, 5, 3)),
    ],
)
def test_axes_with_a_sign_broadcast(shapes, result):
    assert alike(*map(np.ones, shapes)).shape == result


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(2, 3), (4, 3), ()], r"^y: expected shape \(2, 3\), got shape \(4, 3\)$"),
        ([(4, 1), (3,), (3, 3)], r"^z: expected shape \(4, 3\), got shape \(3, 3\)$"),
    ],
)
def test_axes_that_do_not_broadcast_are_refused(shapes, message):
    with pytest.raises(ValueError, match=message):
        alike(*map(np.ones, shapes))


def test_broadcast_axes_beside_others():
    assert rows(np.ones((4, 3)), np.ones((7, 1))).shape == (7, 1)
    assert rows(np.ones(3), np.ones((7, 5))).shape == (7, 5)
    with pytest.raises(ValueError, match=r"^y: expected shape \(n, 4\), got shape \(7, 5\)$"):
        rows(np.ones((4, 3)), np.ones((7, 5)))


def test_a_shape_is_not_read_from_a_union():
    assert accept(finite, 0.5, float | Float[Array, ""]) == 0.5


# Values.


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (finite, [1, NAN], "finite numbers, got nan"),
        (finite, [INF, -INF], "finite numbers, got -inf"),
        (finite, jnp.array([1, INF], jnp.bfloat16), "finite numbers, got inf"),
        (finite, 1e39, r"finite numbers, got 1e\+39"),  # too large for float32
        (positive, [1, 0], "positive numbers, got 0"),
        (positive, -2, "positive numbers, got -2"),
        (positive, 1e-40, "positive numbers, got 1e-40"),  # the hardware takes it for 0
        (positive, INF, "positive numbers, got inf"),
        (probability, 1.01, "probabilities from 0 to 1, got 1.01"),
        (probability, NAN, "probabilities from 0 to 1, got nan"),
        (within(2, 3, "a pair"), [2, 3.5], "a pair, got 3.5"),
        (probabilities(), [0.5, 0.6], "probabilities that sum to 1 along axis -1, got sum 1.1$"),
        (probabilities(), [0.5, 0.4998], "probabilities that sum to 1 along axis -1, got sum 0.99"),
        (probabilities(), [[0.5, 0.5], [0.5, 0.3]], "probabilities that sum to 1 .* got sum 0.8$"),
        (probabilities(0), [HALVES, [0.5, 0.7]], "probabilities .* axis 0, got sum 1.2$"),
        (probabilities(None), [HALVES, HALVES], "probabilities that sum to 1, got sum 2$"),
        (probabilities(), [-0.5, 1.5], "probabilities from 0 to 1, got -0.5"),
        (probabilities(), [INF, -INF], "probabilities from 0 to 1, got -inf"),
    ],
)
@pytest.mark.parametrize("annotation", [NUMBERS, PLAIN])
def test_a_wrong_value_is_a_value_error(rule, value, expected, annotation):
    with pytest.raises(ValueError, match=rf"^x: expected {expected}"):
        accept(rule, value, annotation)


def test_right_values_pass():
    assert accept(positive, 2, NUMBERS) == 2
    assert accept(probability, [0, 1], NUMBERS).tolist() == [0, 1]
    assert accept(probabilities(None), [[0.25, 0.25], [0.5, 0]], NUMBERS).shape == (2, 2)
    assert accept(within(2, 3, "a pair"), [2, 3], NUMBERS).tolist() == [2, 3]


def test_sums_may_be_off_by_what_rounding_does_to_them():
    accept(probabilities(), [0.5, 0.50009], NUMBERS)
    p = np.random.default_rng(0).dirichlet(np.ones(300), size=100)
    for dtype in (jnp.float16, jnp.bfloat16, jnp.float32):
        accept(probabilities(), p.astype(dtype), NUMBERS)


@pytest.mark.parametrize(
    ("value", "got"),
    [([0, 3], "3"), (-1, "-1"), (2**32, r"4.29\d*e\+09")],  # 0 in 32 bits
)
def test_labels_out_of_range_are_refused(value, got):
    with pytest.raises(ValueError, match=rf"^x: expected labels from 0 to 2, got {got}"):
        accept(labels(3), value, Int[Array, "..."])


def test_labels_follow_the_array_that_holds_the_classes():
    @checked(logits=finite, label=labels("logits"))
    def score(label: Int[Array, "*#rows"], logits: Float[Array, "*#rows classes"]):
        return label

    assert score(2, np.zeros((5, 3))).shape == ()
    assert score([[0], [1]], np.zeros((5, 3))).shape == (2, 1)
    with pytest.raises(ValueError, match=r"^label: expected shape \(5,\), got shape \(2,\)"):
        score([0, 1], np.zeros((5, 3)))
    with pytest.raises(ValueError, match=r"^label: expected labels from 0 to 2, got 3"):
        score(3, np.zeros((5, 3)))


# Single things.


def test_counts_are_python_integers():
    for value in (3, np.int32(3), np.array(3), jnp.array(3)):
        assert type(accept(count(), value)) is int
    assert accept(count(0), 0) == 0
    with pytest.raises(ValueError, match=r"^x: expected an integer of at least 1, got 0$"):
        accept(count(), 0)
    with pytest.raises(ValueError, match=r"^x: expected an integer of at most 5, got 6$"):
        accept(count(1, 5), 6)
    for value in (1.0, True, "1", None, [1], np.array([1, 2])):
        with pytest.raises(TypeError, match=r"^x: expected an integer, got "):
            accept(count(), value)


def test_numbers_become_python_floats():
    for value in (2, 2.0, np.float32(2), np.array(2), jnp.array(2), jnp.bfloat16(2)):
        seen = accept(number(), value)
        assert type(seen) is float
        assert seen == 2
    assert accept(number("a share", 0.0, 1.0), 0) == 0
    for value, got in [(0, "0"), (-1.5, "-1.5"), (NAN, "nan"), (INF, "inf")]:
        with pytest.raises(ValueError, match=rf"^x: expected a number above 0, got {got}$"):
            accept(number(), value)
    for value, got in [("1", "str"), (True, "bool"), (1j, "complex"), ([1, 2], r"shape \(2,\)")]:
        with pytest.raises(TypeError, match=rf"^x: expected a number above 0, got {got}$"):
            accept(number(), value)


def test_a_traced_number_stays_one():
    def step(rate):
        seen = accept(number(), rate)
        assert isinstance(seen, jax.core.Tracer)
        assert seen.dtype == np.float32
        return seen

    assert jax.jit(step)(3) == 3
    assert jax.jit(step)(-3.0) == -3  # its value is not known
    with pytest.raises(TypeError, match=r"^x: expected a number above 0, got shape \(2,\)"):
        jax.jit(step)(jnp.ones(2))


def test_one_of_a_few_words():
    rule = one_of("bits", "nats")
    assert accept(rule, "nats") == "nats"
    with pytest.raises(ValueError, match=r"^x: expected 'bits' or 'nats', got 'bit'$"):
        accept(rule, "bit")
    for value in (2, None, ["bits"], np.zeros(3)):
        with pytest.raises(TypeError, match=r"^x: expected 'bits' or 'nats', got "):
            accept(rule, value)


def test_keys():
    one, several = jax.random.key(0), jax.random.split(jax.random.key(0), 3)
    assert accept(key, one) is one
    assert accept(key, jax.random.PRNGKey(0)).shape == (2,)
    for value in (several, jax.vmap(jax.random.key_data)(several)):
        with pytest.raises(ValueError, match=r"^x: expected one key .*got shape"):
            accept(key, value)
    for value in (0, None, np.zeros(2, np.uint32), jnp.zeros(2)):
        with pytest.raises(TypeError, match=r"^x: expected a key like jax.random.key"):
            accept(key, value)
    assert jax.jit(functools.partial(accept, key))(one) == one


@pytest.mark.parametrize(
    ("rule", "right", "wrong", "message"),
    [
        (instance(Decimal), Decimal(1), 1.0, "Decimal, got float"),
        (instance(int | None, "a number or nothing"), None, "1", "a number or nothing, got str"),
        (flag, np.bool_(True), 1, "True or False, got int"),
        (text, "one", ["one"], "a string, got list"),
        (function("a function (x, y)"), max, "max", r"a function \(x, y\), got str"),
    ],
)
def test_things_of_one_class(rule, right, wrong, message):
    assert accept(rule, right) is right
    with pytest.raises(TypeError, match=f"^x: expected {message}$"):
        accept(rule, wrong)


# How the decorator behaves, whatever the rules.


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
