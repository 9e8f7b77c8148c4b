"""Values carry the right gradients: of every operation, of random graphs, of very long chains."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course.maths.autodiff import Value
from tests.maths.expressions import FUNCTIONS, NUMPY, OPERATORS, expressions
from tests.support.repository import ROOT

VALUES = OPERATORS | {name: getattr(Value, name) for name in FUNCTIONS}
VALUES |= {"reshape": lambda x, shape: x.reshape(shape)}


def leaves_and_result(function, *arrays):
    """Runs a function of values, and its backward pass."""
    leaves = [Value(array) for array in arrays]
    result = function(*leaves)
    result.backward()
    return leaves, result


def complex_step(function, arrays):
    """The gradients of the sum of a function, to the last digits: Im f(x + ih) / h."""
    gradients = []
    for place, array in enumerate(arrays):
        gradient = np.zeros(np.shape(array))
        for entry in np.ndindex(gradient.shape):
            moved = [np.array(a, complex) for a in arrays]
            moved[place][entry] += 1e-30j
            gradient[entry] = np.sum(function(*moved)).imag / 1e-30
        gradients.append(gradient)
    return gradients


def assert_close(got, expected):
    # Shares of 100 and more may cancel, hence the absolute tolerance.
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)
    assert got.dtype == np.float64


def assert_gradients(function, *arrays, plain=None):
    """Compares with NumPy's result and its complex step."""
    plain = plain or function
    leaves, result = leaves_and_result(function, *arrays)
    assert_close(result.data, plain(*map(np.array, arrays)))
    for leaf, expected in zip(leaves, complex_step(plain, arrays), strict=True):
        assert leaf.grad.shape == leaf.data.shape
        assert_close(leaf.grad, expected)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_300_random_graphs_against_complex_steps():
    for expression in expressions(300):
        leaves, result = leaves_and_result(
            lambda *leaves, e=expression: e.run(leaves, VALUES), *expression.leaves
        )
        assert_close(result.data, expression.run(expression.leaves, NUMPY))
        gradients = complex_step(
            lambda *leaves, e=expression: e.run(leaves, NUMPY), expression.leaves
        )
        for leaf, expected in zip(leaves, gradients, strict=True):
            assert_close(leaf.grad, expected)


def polynomial(x, relu):
    z = 2 * x + 2 + x
    q = relu(z) + z * x
    return relu(z * z) + q + q * x


def many_operations(a, b, relu):
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + relu(b + a)
    d += 3 * d + relu(b - a)
    f = (c - d) ** 2
    return f / 2.0 + 10.0 / f


@pytest.mark.parametrize(
    ("function", "inputs", "value", "gradients"),
    [
        (polynomial, (-4.0,), -20.0, (46.0,)),
        (many_operations, (-4.0, 2.0), 24.704082, (138.833819, 645.577259)),
    ],
)
def test_the_two_graphs_that_micrograd_checks(function, inputs, value, gradients):
    leaves, result = leaves_and_result(lambda *x: function(*x, Value.relu), *inputs)
    assert result.data == pytest.approx(value, abs=1e-6)
    assert [leaf.grad for leaf in leaves] == [pytest.approx(g, abs=1e-6) for g in gradients]
    with jax.enable_x64(True):
        argnums = tuple(range(len(inputs)))
        by_jax = jax.jit(jax.value_and_grad(lambda *x: function(*x, jax.nn.relu), argnums))(*inputs)
        assert result.data == pytest.approx(float(by_jax[0]), rel=1e-12)
        for leaf, gradient in zip(leaves, by_jax[1], strict=True):
            assert leaf.grad == pytest.approx(float(gradient), rel=1e-12)


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "**"])
@pytest.mark.parametrize(
    ("left", "right"),
    [((), ()), ((3,), ()), ((), (2, 3)), ((2, 1), (3,)), ((4, 1, 3), (2, 1)), ((1,), (1, 1))],
)
def test_operators_broadcast(sign, left, right):
    a, b = np.abs(normal(*left)) + 0.5, np.abs(normal(*right, seed=1)) + 0.5
    assert_gradients(OPERATORS[sign], a, b)
    # A plain array on either side gets no gradient; without it, the other's is the same.
    (both, _), (one, _) = (
        leaves_and_result(OPERATORS[sign], a, b),
        leaves_and_result(lambda x: OPERATORS[sign](a, x), b),
    )
    assert_close(one[0].grad, both[1].grad)
    assert_gradients(lambda x: OPERATORS[sign](x, b), a)


MATRICES = [
    ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4)),
    ((3,), (5, 3, 4)), ((5, 2, 3), (3,)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)), ((6, 1, 2, 3), (5, 3, 1)), ((1,), (1,)), ((1, 1), (1,)),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), MATRICES)
def test_matrix_products_of_all_dimensions(left, right):
    # Multiplied by something, so that the gradient that arrives is not all ones.
    shape = (np.zeros(left) @ np.zeros(right)).shape
    weight = normal(*shape, seed=2)
    assert_gradients(lambda a, b: (a @ b) * weight, normal(*left), normal(*right, seed=1))
    assert_gradients(lambda b: (normal(*left) @ b) * weight, normal(*right))


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), (-1, 0), (0, 1, 2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_and_means_along_any_axes(name, axis, keepdims):
    def function(x):
        y = getattr(x, name)(axis, keepdims=keepdims)
        return y * y

    assert_gradients(function, normal(2, 3, 4))


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "relu"])
def test_functions_of_one_array(name):
    for shape in [(), (1,), (2, 3)]:
        x = normal(*shape) if name != "log" else np.abs(normal(*shape)) + 0.1
        assert_gradients(getattr(Value, name), x, plain=NUMPY[name])


@pytest.mark.parametrize("shape", [(6,), (2, 3), (-1, 1), ((3, 2),), ([3, 2],)])
def test_reshape_takes_its_shape_as_numpy_does(shape):
    assert_gradients(lambda x: x.reshape(*shape) ** 2, normal(2, 3))


def test_a_chain_of_10_000_operations():
    def step(x, w, b):
        return (x * w + b).tanh()

    x, w, b = leaves = [Value(0.5), Value([0.9, 0.999]), Value([0.1, -0.001])]
    for _ in range(3_334):
        x = step(x, w, b)
    x.backward()
    assert len(x.topological_order()) == 3 * 3_334 + 3

    def by_jax(x, w, b):
        end, _ = jax.lax.scan(lambda x, _: (jnp.tanh(x * w + b), None), x, length=3_334)
        return jnp.sum(end)

    with jax.enable_x64(True):
        start = jnp.full(2, 0.5)  # a scan keeps its shape, so x starts as two copies
        expected = jax.jit(jax.grad(by_jax, (0, 1, 2)))(start, w.data, b.data)
        assert_close(leaves[0].grad, np.sum(expected[0]))
        assert_close(w.grad, np.asarray(expected[1]))
        assert_close(b.grad, np.asarray(expected[2]))


FREE = """
import gc, threading
from course.maths.autodiff import Value

def free(in_a_circle):  # then only the garbage collector can free it
    x = Value(1.0)
    for _ in range(12_000):
        x = -x
    circle = [x]
    circle += [circle] * in_a_circle
    del x, circle
    gc.collect()
    print(sum(isinstance(o, Value) for o in gc.get_objects()))

threading.stack_size(2**21)
for in_a_circle in (False, True):
    thread = threading.Thread(target=free, args=[in_a_circle])
    thread.start()
    thread.join()
"""


def test_a_long_chain_is_freed():
    """In a process of its own, which overflowing the stack (here a short one) would end."""
    command = [sys.executable, "-W", "error", "-c", FREE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "0\n0\n"), done.stderr


def test_paths_are_not_followed_one_by_one():
    x = Value(1.0)
    y = x
    for _ in range(60):  # 2**60 paths
        y = y + y
    y.backward()
    assert x.grad == 2.0**60


def test_backward_twice_gives_the_same():
    x, y = Value([1.0, 2.0]), Value(3.0)
    middle = x * y
    result = (middle * middle).sum()
    result.backward()
    before = [value.grad.copy() for value in (x, y, middle, result)]
    result.backward()
    for value, gradient in zip((x, y, middle, result), before, strict=True):
        np.testing.assert_array_equal(value.grad, gradient)
    assert before[0].tolist() == [18.0, 36.0]


def test_the_last_of_several_results_counts():
    x = Value(3.0)
    square, double = x * x, 2 * x
    square.backward()
    double.backward()
    assert (x.grad, square.grad) == (2.0, 1.0)
    (square + double).backward()
    assert x.grad == 8.0


def test_an_array_is_differentiated_as_its_sum():
    (x,), result = leaves_and_result(lambda x: x**2, [1.0, 2.0])
    assert result.grad.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [2.0, 4.0]
    leaf = Value([[1.0, 2.0]])
    leaf.backward()
    assert leaf.grad.tolist() == [[1.0, 1.0]]


def test_relu_has_slope_zero_at_zero():
    (x,), result = leaves_and_result(Value.relu, [-1.0, -0.0, 0.0, 1.0])
    assert result.data.tolist() == [0.0, 0.0, 0.0, 1.0]
    assert x.grad.tolist() == [0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("base", "exponent", "power", "slope"),
    [(0.0, 0, 1, 0), (0.0, 1, 0, 1), (0.0, 2, 0, 0), (0.0, 1.5, 0, 0), (-2.0, 0, 1, 0),
     (-2.0, 3, -8, 12), (-2.0, -1, -0.5, -0.25), (4.0, 0.5, 2, 0.25)],
)  # fmt: skip
def test_powers_at_the_edge(base, exponent, power, slope):
    (x,), result = leaves_and_result(lambda x: x**exponent, base)
    assert (result.data, x.grad) == (power, slope)


@pytest.mark.parametrize(("base", "exponent"), [(0.0, 0.0), (0.0, 1.0), (0.0, 2.5)])
def test_an_exponent_over_zero_has_slope_zero(base, exponent):
    (_, b), _ = leaves_and_result(lambda a, b: a**b, base, exponent)
    assert b.grad == 0
    (b,), _ = leaves_and_result(lambda b: 2**b, 3.0)
    assert b.grad == pytest.approx(8 * np.log(2))


LEFT = [2, 2.0, np.float32(2), np.int64(2), np.array(2.0), np.array([1, 2]), [1, 2],
        np.array([[1.0], [2.0]], np.float32)]  # fmt: skip


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "**"])
@pytest.mark.parametrize("left", LEFT, ids=repr)
def test_numbers_and_arrays_on_the_left(sign, left):
    operator, right = OPERATORS[sign], np.array([3.0, 0.5])
    result = operator(left, Value(right))
    assert type(result) is Value
    assert_close(result.data, operator(np.asarray(left, float), right))
    result = operator(Value(right), left)
    assert_close(result.data, operator(right, np.asarray(left, float)))


def test_matrices_and_jax_arrays_on_the_left():
    x = Value([[1.0, 2.0], [3.0, 4.0]])
    for left in (np.eye(2), jnp.eye(2), [[1, 0], [0, 1]]):
        product = left @ x
        assert type(product) is Value
        np.testing.assert_array_equal(product.data, x.data)
    assert type(jnp.ones(2) * x) is Value


def test_everything_becomes_float64_and_is_copied():
    for data in (3, 3.0, np.int8(3), np.float32(3), jnp.float32(3), np.uint64(3)):
        assert Value(data).data.dtype == np.float64
        assert Value(data).data.shape == ()
    given = np.array([1.0, 2.0])
    x, constant = Value(given), np.array([3.0, 4.0])
    y = x * constant
    given[:] = constant[:] = 0
    y.backward()
    assert (y.data.tolist(), x.grad.tolist()) == ([3.0, 8.0], [3.0, 4.0])


def test_gradients_do_not_share_memory():
    (a, b), total = leaves_and_result(lambda a, b: a + b, [1.0], [2.0])
    a.grad += 1
    assert (a.grad, b.grad, total.grad) == (2, 1, 1)
    shape = (2, 2)
    (x,), _ = leaves_and_result(Value.sum, np.zeros(shape))
    x.grad[0, 0] = 5  # writable, each entry its own
    assert x.grad.tolist() == [[5, 1], [1, 1]]


def test_a_step_of_learning():
    w = Value([1.0, -1.0])
    (w * w).sum().backward()
    w.data -= 0.25 * w.grad
    assert w.data.tolist() == [0.5, -0.5]
    w.data = [3, 4]
    assert w.data.dtype == np.float64
    (w * w).sum().backward()
    assert w.grad.tolist() == [6.0, 8.0]
    with pytest.raises(ValueError, match="data: expected finite numbers, got nan"):
        w.data = w.data + np.nan


def test_inputs_say_where_a_value_came_from():
    x = Value([1.0, 2.0], name="x")
    y = 3 * x
    (three, no_vjp), (source, vjp) = y.inputs
    assert (y.operation, x.operation, x.inputs, x.name) == ("*", "", (), "x")
    assert (three.data, no_vjp, source) == (3.0, None, x)
    assert vjp(np.array([1.0, 10.0])).tolist() == [3.0, 30.0]
    y.backward()
    assert three.grad == 0  # a constant


def test_values_come_in_order_and_once():
    x, y = Value(1.0, name="x"), Value(2.0, name="y")
    product = x * y
    result = (product + x).exp() * product
    order = result.topological_order()
    assert [v.name or v.operation for v in order] == ["x", "y", "*", "+", "exp", "*"]
    for expression in expressions(20, seed=2):
        leaves = [Value(leaf) for leaf in expression.leaves]
        order = expression.run(leaves, VALUES).topological_order()
        place = {value: i for i, value in enumerate(order)}
        assert len(place) == len(order)
        assert all(place[s] < place[v] for v in order for s, _ in v.inputs)


def test_gradients_flow_back_step_by_step():
    x = Value(3.0)
    square = x * x
    result = square + x
    seen = [dict(gradients) for gradients in result.flow_back()]
    assert seen == [{result: 1}, {result: 1, square: 1, x: 1}, {result: 1, square: 1, x: 7}]
    assert x.grad == result.grad == 0  # nothing was set


def test_it_says_what_it_is():
    assert repr(Value(2, name="x")) == "Value(name='x', data=2.0, grad=0.0)"
    assert repr(Value([1, 2])) == "Value(data=[1. 2.], grad=[0. 0.])"


def test_what_is_too_small_becomes_zero():
    (x,), result = leaves_and_result(Value.exp, [-1000.0, 0.0])
    assert (result.data.tolist(), x.grad.tolist()) == ([0.0, 1.0], [0.0, 1.0])
    (x,), result = leaves_and_result(Value.tanh, [-1e300, 1000.0])
    assert (result.data.tolist(), x.grad.tolist()) == ([-1.0, 1.0], [0.0, 0.0])


def test_a_backward_pass_that_fails_changes_nothing():
    x = Value(4.0)
    root = (x - 4) ** 0.5
    (x * x).backward()
    with pytest.raises(ValueError, match="backward of"):
        (root + x * x).backward()
    assert (x.grad, root.grad) == (8.0, 0.0)


ONES = np.ones


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Value(ONES((2, 3))) + Value(ONES(4)), r"\+: expected .* \(2, 3\) and"),
        (lambda: ONES((2, 3)) - Value(ONES(2)), r"-: expected shapes .* \(2, 3\) and shape \(2,\)"),
        (lambda: Value(ONES(2)) ** ONES(3), r"\*\*: expected shapes .* \(2,\) and shape \(3,\)"),
        (lambda: Value(ONES((2, 3))) @ ONES((2, 3)), r"@: .* \(2, 3\) and shape \(2, 3\)"),
        (lambda: Value(1.0) @ Value(ONES(2)), r"@: expected shapes like .* \(\) and shape \(2,\)"),
        (lambda: Value([2.0, -1.0]).log(), r"log: expected positive .* -1 to 2 in shape \(2,\)"),
        (lambda: 1 / Value([0.0, 2.0]), r"/: expected a finite .* 0 to 2 in shape \(2,\)"),
        (lambda: Value([1e3]).exp(), r"exp: expected a finite .* 1000 in shape \(1,\), giving inf"),
        (lambda: Value(-8.0) ** (1 / 3), r"\*\*: expected a finite result, got -8 .* giving nan"),
        (lambda: Value(1e300) * 1e300, r"\*: expected a finite result, got 1e\+300 in shape"),
        (lambda: Value([1e308] * 2).sum(), r"sum: expected a finite .* in shape \(2,\)"),
        (lambda: Value([1e200] * 2) @ ([1e200] * 2), r"@: expected a finite result, got 1e\+200"),
        (lambda: (Value(0.0) ** 0.5).backward(), r"backward of \*\*: expected a finite gradient"),
        (lambda: (Value(-2.0) ** Value(2.0)).backward(), r"backward of \*\*: .* giving nan"),
        (lambda: (1 / Value(1e-200)).backward(), r"backward of /: expected a finite gradient"),
        (lambda: sum([1e308 * Value(1.0).exp() for _ in range(2)]), r"\*: expected a finite"),
        (lambda: Value(ONES(2)).sum(1), r"sum: expected an axis .* \(2,\), axis=1"),
        (lambda: Value(ONES(2)).mean((0, 0)), r"mean: expected an axis .* axis=\(0, 0\)"),
        (lambda: Value(ONES(6)).reshape(4, 2), r"reshape: expected .* \(6,\), shape=\(4, 2\)"),
        (lambda: Value(np.nan), "data: expected finite numbers, got nan"),
        (lambda: Value(1.0) * np.inf, r"\*: expected finite numbers, got inf"),
    ],
)  # fmt: skip
def test_bad_values_name_the_operation(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Value("one"), "data: expected numbers, got str"),
        (lambda: Value(Value(1.0)), "data: expected numbers, got Value"),
        (lambda: Value(1.0) + "one", r"\+: expected numbers, got str"),
        (lambda: None - Value(1.0), "-: expected numbers, got NoneType"),
        (lambda: Value([1.0]).sum(0.5), r"axis: expected an integer, got float"),
        (lambda: Value([1.0]).reshape("a"), r"shape: expected an integer, got str"),
        (lambda: np.exp(Value(1.0)), "does not support ufuncs"),
        (lambda: Value(1.0) > 0, "'>' not supported"),
        (lambda: Value([1.0, 2.0])[0], "not subscriptable"),
    ],
)
def test_bad_types_name_the_operation(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_inside_jit_a_value_is_refused():
    with pytest.raises(TypeError, match="data: expected numbers that are known"):
        jax.jit(lambda x: Value(x).data)(1.0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x.sum(axis=0, keepdims=7), "keepdims: expected True or False, got int"),
        (lambda x: x.mean(axis=2**63), "axis: expected an integer of at most 32, got 92233720"),
        (lambda x: x.sum(axis=(0, "a")), "axis: expected an integer, got str"),
        (lambda x: x.sum(axis=np.array(0.5)), "axis: expected an integer, got ndarray"),
        (lambda x: x.reshape(2**62), "shape: expected an integer of at most 134217728"),
        (lambda x: x.reshape(None), "shape: expected an integer, got NoneType"),
        (
            lambda x: x + np.ma.array([1.0, 2.0], mask=[1, 0]),
            r"\+: expected an array without a mask",
        ),
        (lambda x: x * np.array([1, 2], "m8[D]"), r"\*: expected numbers, got timedelta64"),
    ],
)
def test_options_are_refused_by_name(spoil, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        spoil(Value([1.0, 2.0]))


def test_axes_and_shapes_of_any_kind_of_integer():
    x = Value([[1.0, 2.0]])
    assert x.sum(axis=np.array(1)).data.tolist() == [3]
    assert x.mean(axis=(np.int8(0), -1), keepdims=True).data.tolist() == [[1.5]]
    assert x.reshape((2, 1)).data.tolist() == x.reshape(np.array([2, 1])).data.tolist()
    assert x.reshape(-1).data.tolist() == [1, 2]
