"""Linear regression against scikit-learn, and where the weights are not settled by the data."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from course.models import linear
from tests.models.samples import data


def oracle(l2):
    return Ridge(alpha=l2, solver="svd") if l2 else LinearRegression()


@pytest.mark.parametrize("l2", [0.0, 1e-3, 10.0])
@pytest.mark.parametrize("name", ["iris", "cancer", "digits", "random"])
def test_weights_equal_scikit_learns(name, l2):
    inputs, _ = data(name)
    inputs, targets = inputs[:, 1:], inputs[:, 0] + inputs[:, 2] ** 2
    params, expected = linear.fit(inputs, targets, l2=l2), oracle(l2).fit(inputs, targets)
    scale = np.abs(expected.coef_).max()
    np.testing.assert_allclose(params.w, expected.coef_, rtol=1e-5, atol=1e-6 * scale)
    predictions = expected.predict(inputs)
    tolerance = 1e-6 * np.abs(inputs * expected.coef_).sum(axis=1).max()
    np.testing.assert_allclose(linear.apply(params, inputs), predictions, rtol=1e-5, atol=tolerance)


@pytest.mark.parametrize("l2", [0.0, 1.0])
def test_several_outputs_are_several_regressions(l2):
    inputs, _ = data("iris")
    inputs, targets = inputs[:, :2], inputs[:, 2:]
    together = linear.fit(inputs, targets, l2=l2)
    assert together.w.shape == (2, 2)
    assert linear.apply(together, inputs).shape == (150, 2)
    assert linear.apply(together, inputs[0]).shape == (2,)
    for at in range(2):
        alone = linear.fit(inputs, targets[:, at], l2=l2)
        np.testing.assert_allclose(together.w[:, at], alone.w, rtol=1e-6)
        np.testing.assert_allclose(together.b[at], alone.b, rtol=1e-6)
        assert linear.apply(alone, inputs[0]).shape == ()


def test_a_line_is_found_again():
    x = np.random.default_rng(0).uniform(0, 99, (10_000, 1))
    params = linear.fit(x, 2 * x[:, 0] + 1)
    assert params.w == pytest.approx(2, rel=1e-6)
    assert params.b == pytest.approx(1, rel=1e-5)


def test_years_and_other_large_offsets_do_no_harm():
    rng = np.random.default_rng(1)
    x = rng.normal([1e6, -1e4], size=(200, 2))
    params = linear.fit(x, x @ [3.0, -2.0] + 5)
    np.testing.assert_allclose(params.w, [3, -2], rtol=1e-6)


def test_nearly_equal_features():
    """The normal equations would lose all digits: X'X has condition 1e20."""
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=(2, 300))
    x = np.column_stack([one, one + 1e-10 * other])
    params = linear.fit(x, one + 1e-10 * other * 1e3)
    np.testing.assert_allclose(params.w, [1 - 1e3, 1e3], rtol=1e-3)


def test_with_fewer_examples_than_features_the_smallest_weights():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(10, 40)), rng.normal(size=10)
    params = linear.fit(x, y)
    np.testing.assert_allclose(linear.apply(params, x), y, atol=1e-5)
    centred = x - x.mean(axis=0)
    smallest = np.linalg.pinv(centred) @ (y - y.mean())
    np.testing.assert_allclose(params.w, smallest, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(linear.fit(x, y, l2=1e-9).w, params.w, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("l2", [0.0, 1.0])
def test_a_constant_feature_gets_no_weight(l2):
    rng = np.random.default_rng(4)
    x = np.column_stack([np.full(30, 0.1), rng.normal(size=30)])  # 0.1 is no binary fraction
    params = linear.fit(x, 2 * x[:, 1], l2=l2)
    assert params.w[0] == 0
    alone = linear.fit(x[:, :1], 2 * x[:, 1], l2=l2)
    assert alone.w[0] == 0
    assert alone.b == pytest.approx(np.mean(2 * x[:, 1]), rel=1e-5)


def test_one_example_is_its_own_mean():
    params = linear.fit([[1.0, 2.0]], [3.0])
    assert params.w.tolist() == [0, 0]
    assert params.b == 3


def test_ridge_shrinks():
    x, _ = data("random")
    sizes = [np.linalg.norm(linear.fit(x[:, 1:], x[:, 0], l2=l2).w) for l2 in (0, 1, 100, 1e4, 1e9)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 1e-5 * sizes[0]


def test_the_gradient_is_zero_at_the_weights():
    inputs, _ = data("iris")
    x, y, l2 = inputs[:, 1:].astype(float), inputs[:, 0].astype(float), 3.0

    def cost(params):
        error = linear.apply(params, x) - y
        return jnp.sum(error**2) + l2 * jnp.sum(params.w**2)

    with jax.enable_x64(True):
        params = linear.fit(x, y, l2=l2)
        slopes = jax.tree.map(np.asarray, jax.jit(jax.grad(cost))(params))
    assert max(np.abs(slope).max() for slope in slopes) < 1e-9


def test_apply_works_under_jit_vmap_and_grad():
    x, _ = data("random")
    params = linear.fit(x[:, 1:], x[:, 0])
    x = x[:, 1:].astype(np.float32)
    expected = linear.apply(params, x)
    one = jax.jit(jax.vmap(linear.apply, in_axes=(None, 0)))(params, x)
    np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-6)
    slope = jax.jit(jax.grad(lambda one: linear.apply(params, one)))(x[0])
    np.testing.assert_allclose(slope, params.w, rtol=1e-6)
    assert expected.dtype == params.w.dtype == np.float32


PARAMS = linear.fit([[0.0, 1.0], [1.0, 3.0], [2.0, 2.0]], [1.0, 3.0, 5.0])


@pytest.mark.parametrize(
    ("call", "name", "error"),
    [
        (lambda: linear.fit([1.0, 2.0], [1.0, 2.0]), "inputs", ValueError),
        (lambda: linear.fit([[np.nan]], [1.0]), "inputs", ValueError),
        (lambda: linear.fit([[1.0]], [np.inf]), "targets", ValueError),
        (lambda: linear.fit([[1.0]], [1.0, 2.0]), "targets", ValueError),
        (lambda: linear.fit([[1.0]], [[[1.0]]]), "targets", ValueError),
        (lambda: linear.fit([[1.0]], [1.0], l2=-1.0), "l2", ValueError),
        (lambda: linear.apply(tuple(PARAMS), [1.0, 2.0]), "params", TypeError),
        (lambda: linear.apply(PARAMS, [1.0]), "inputs", ValueError),
        (lambda: linear.apply(PARAMS, [1.0, np.nan]), "inputs", ValueError),
    ],
)
def test_bad_input(call, name, error):
    with pytest.raises(error, match=f"^{name}: expected"):
        call()


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e-40, 1e-30, 1e-10, 1e10, 1e30, 3e37])
@pytest.mark.parametrize("l2", [0, 1e-300, 1e-38, 1.0, 1e38])
def test_features_of_any_size_have_finite_weights_or_are_refused(size, l2):
    x = np.random.default_rng(0).normal(size=(30, 3))
    params = None
    with contextlib.suppress(ValueError):
        params = linear.fit(x * size, x @ [1, 2, 3], l2=l2)
    if params is None:  # weights that float32 cannot hold
        assert size < 1e-35
    else:
        assert np.isfinite(params.w).all()
    if params is not None and l2 == 0:
        np.testing.assert_allclose(params.w * size, [1, 2, 3], rtol=1e-4)
