"""Arrays: which dtypes and shapes are taken, and what they become."""

from decimal import Decimal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Bool, Float, Int

from course.checks import check_size, checked, finite, labels
from tests.checks.accept import HALVES, NUMBERS, PLAIN, accept, alike


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


# What NumPy would take, drop or wrap without a word, and what it answers in its own words.


class Raises:
    """An object that raises when it is converted, as a tensor with a gradient does."""

    def __init__(self, error):
        self.error = error

    def __array__(self, *_args, **_kwargs):
        raise self.error


class Endless:
    """A list that claims to have more entries than any memory."""

    def __len__(self):
        return 2**62

    def __getitem__(self, _place):
        return 0.5


class LongerThanItSays(Endless):
    """A list that has no end, whatever its length says."""

    def __len__(self):
        return 3


def nested(depth):
    value = 0.5
    for _ in range(depth):
        value = [value]
    return value


MASKED = np.ma.array([0.25, 0.25, 0.5], mask=[True, False, False])


@pytest.mark.parametrize("annotation", [NUMBERS, PLAIN])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (MASKED, "an array without a mask, got MaskedArray"),
        (np.ma.array([0.5, 0.5]), "an array without a mask, got MaskedArray"),
        ([MASKED, MASKED], "an array without a mask, got list"),
        ([[MASKED], [MASKED]], "an array without a mask, got list"),
        (np.array([1, 2], "m8[D]"), "numbers, got timedelta64"),
        (np.timedelta64(1, "D"), "numbers, got timedelta64"),
        (Raises(RuntimeError("no")), r"numbers, got Raises, which raises RuntimeError \(no\)"),
        (Raises(KeyError("a")), r"numbers, got Raises, which raises KeyError"),
        (
            Raises(RuntimeError("x" * 5000)),
            r"numbers, got Raises, which raises RuntimeError \(x*\)$",
        ),
        ([Raises(OSError())], "numbers, got list, which raises OSError$"),
        (nested(40), "at most 32 axes, got 40"),
        (np.ones((1,) * 40), "at most 32 axes, got 40"),
        (nested(5000), "numbers, got "),
        (range(2**40), "at most 134217728 values, got 1099511627776"),
        (Endless(), "at most 134217728 values, got 4611686018427387904"),
        (LongerThanItSays(), "3 values, as its length says, got more"),
        (np.broadcast_to(0.5, (3, 2**33)), r"at most 2147483647 values in all, got shape \(3, 8"),
        (10**400, "numbers, got an integer of 1329 bits"),
        ([2**70], "numbers, got object"),
        (np.zeros(2, [("a", "f4")]), "numbers, got void"),
        (memoryview(b"ab").cast("c"), "numbers, got "),
    ],
)
def test_nothing_is_dropped_or_left_to_the_words_of_others(value, message, annotation):
    with pytest.raises((TypeError, ValueError), match=rf"^x: expected {message}") as error:
        accept(finite, value, annotation)
    assert len(str(error.value)) < 400


def test_differences_of_dates_are_no_labels():
    for annotation in (Int[Array, "..."], Int[np.ndarray, "..."]):
        with pytest.raises(TypeError, match=r"^x: expected integers, got timedelta64"):
            accept(labels(9), np.array([1, 2], "m8[s]"), annotation)


def test_a_deleted_array_is_refused():
    gone = jnp.ones(2) + 1
    gone.delete()
    for annotation in (NUMBERS, PLAIN):
        with pytest.raises(TypeError, match=r"^x: expected .* which raises RuntimeError"):
            accept(finite, gone, annotation)


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">f2", np.longdouble])
def test_the_order_of_bytes_does_not_matter(dtype):
    assert accept(finite, np.array(HALVES, dtype), NUMBERS).tolist() == HALVES


def test_sizes_that_follow_from_arguments_have_an_end():
    check_size("outputs", "weights", 2**13, 2**14)
    with pytest.raises(
        ValueError, match=r"^outputs: expected at most 134217728 weights in all, got"
    ):
        check_size("outputs", "weights", 2**13, 2**14, 2)
    with pytest.raises(ValueError, match=r"got an integer of 401 bits x 2$"):
        check_size("outputs", "weights", 2**400, 2)
