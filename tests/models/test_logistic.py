"""Logistic regression against scikit-learn, the mlp of the course, and data without a best fit."""

import contextlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from course.models import logistic
from course.models.mlp import mlp
from tests.models.samples import INPUTS, LABELS, accuracy, data, log_probs, random


def oracle(inputs, labels, l2):
    """scikit-learn's answer to many digits, by a method of its own."""
    strength = 1 / l2 if l2 else np.inf
    model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its line search ended in rounding
        return model.fit(inputs, labels)


@pytest.mark.parametrize(
    ("name", "l2"),
    [
        *[("iris", l2) for l2 in (100.0, 1.0, 0.1)],
        *[("cancer", l2) for l2 in (1.0, 0.1, 1e-3)],
        *[("random", l2) for l2 in (100.0, 1.0, 0.0)],
        ("digits", 1.0),
    ],
)
def test_log_probabilities_equal_scikit_learns(name, l2):
    inputs, labels = data(name)
    if name == "digits":
        inputs, labels = inputs[labels < 4][:300], labels[labels < 4][:300]
    params, expected = logistic.fit(inputs, labels, l2=l2), oracle(inputs, labels, l2)
    logits = np.asarray(logistic.apply(params, inputs))
    np.testing.assert_allclose(
        log_probs(logits), expected.predict_log_proba(inputs), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_array_equal(np.argmax(logits, axis=1), expected.predict(inputs))


def test_of_two_classes_only_the_second_has_weights():
    inputs, labels = data("cancer")
    params = logistic.fit(inputs, labels)
    assert not np.asarray(params.w[:, 0]).any()
    assert params.b[0] == 0
    expected = oracle(inputs, labels, 1)
    np.testing.assert_allclose(params.w[:, 1], expected.coef_[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "l2"), [("iris", 0.5), ("cancer", 2.0)])
def test_the_gradient_is_zero_at_the_weights(name, l2):
    inputs, labels = data(name)
    params = logistic.fit(inputs, labels, l2=l2)

    def cost(params):
        log_p = jax.nn.log_softmax(logistic.apply(params, inputs))
        own = jnp.take_along_axis(log_p, labels[:, None], axis=1)
        return l2 / 2 * jnp.sum(params.w**2) - jnp.sum(own)

    with jax.enable_x64(True):
        params = logistic.fit(inputs, labels, l2=l2)
        slopes = jax.tree.map(np.asarray, jax.jit(jax.grad(cost))(params))
    columns = slice(1, None) if name == "cancer" else slice(None)
    assert np.abs(slopes.w[:, columns]).max() < 1e-6 * np.abs(inputs).sum(axis=0).max()
    assert np.abs(slopes.b[columns]).max() < 1e-5


def test_an_mlp_without_hidden_layers_is_the_same_model():
    inputs, labels = random()
    params = logistic.fit(inputs, labels)
    network = mlp((5, 3), init_scale=0.0)
    begin = network.init(jax.random.key(0))
    assert jax.tree.map(jnp.shape, begin) == jax.tree.map(jnp.shape, (params._asdict(),))
    np.testing.assert_allclose(
        network.apply((params._asdict(),), inputs), logistic.apply(params, inputs), rtol=1e-5
    )


def test_units_and_offsets_do_not_matter_without_a_penalty():
    inputs, labels = random()
    expected = logistic.apply(logistic.fit(inputs, labels, l2=0), inputs)
    units = np.array([1e-3, 1.0, 1e3, 10.0, 1e-2])
    moved = inputs * units + 10 * units
    found = logistic.apply(logistic.fit(moved, labels, l2=0), moved)
    np.testing.assert_allclose(log_probs(found), log_probs(expected), rtol=1e-3, atol=1e-4)


def test_the_penalty_holds_the_weights_back():
    inputs, labels = data("iris")
    sizes = [np.linalg.norm(logistic.fit(inputs, labels, l2=l2).w) for l2 in (1e-4, 1, 100, 1e8)]
    assert sizes == sorted(sizes, reverse=True)
    # All that is left are the shares of the classes.
    params = logistic.fit(*random(1), l2=1e12)
    shares = np.bincount(random(1)[1]) / 300
    np.testing.assert_allclose(jax.nn.softmax(params.b), shares, rtol=1e-4)


def test_repeated_and_constant_features():
    inputs, labels = random()
    doubled = np.column_stack([inputs, inputs[:, 0], np.full(300, 0.1)])
    for l2 in (0.0, 1.0):
        params = logistic.fit(doubled, labels, l2=l2)
        np.testing.assert_allclose(params.w[0], params.w[5], rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(params.w[6], 0)
    once = logistic.fit(inputs, labels, l2=0.0)
    twice = logistic.fit(doubled, labels, l2=0.0)
    np.testing.assert_allclose(2 * twice.w[0], once.w[0], rtol=1e-3, atol=1e-5)


def test_more_features_than_examples():
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(12, 50)), np.arange(12) % 3
    params, expected = logistic.fit(inputs, labels), oracle(inputs, labels, 1)
    np.testing.assert_allclose(params.w.T, expected.coef_, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "examples",
    [
        ([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]),
        (np.random.default_rng(0).normal(size=(9, 12)), np.arange(9) % 3),
    ],
)
def test_separable_examples_need_a_penalty(examples):
    with pytest.raises(ValueError, match=r"^l2: expected a number above 0 for examples that can"):
        logistic.fit(*examples, l2=0)
    params = logistic.fit(*examples, l2=1e-3)
    assert accuracy(logistic.apply(params, examples[0]), examples[1]) == 1


def test_a_class_that_alone_can_be_told_apart_ends_with_large_weights():
    inputs, labels = data("iris")  # setosa stands apart, the other two overlap
    params = logistic.fit(inputs, labels, l2=0)
    assert np.isfinite(params.w).all()
    assert 0.98 < accuracy(logistic.apply(params, inputs), labels) < 1


def test_what_does_not_settle_is_said(monkeypatch):
    monkeypatch.setattr(logistic, "STEPS", 2)
    with pytest.raises(RuntimeError, match=r"after 2 steps the slope is still"):
        logistic.fit(*data("iris"))


def test_a_penalty_is_at_least_0():
    with pytest.raises(ValueError, match=r"^l2: expected a number of at least 0, got -1e-09"):
        logistic.fit(INPUTS, LABELS, l2=-1e-9)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e-40, 1e-30, 1e-10, 1e10, 1e30])
@pytest.mark.parametrize("l2", [0, 1e-300, 1.0])
def test_features_of_any_size_have_finite_weights_or_are_refused(size, l2):
    random = np.random.default_rng(0)
    x = random.normal(size=(30, 3))
    y = (x[:, 0] + random.normal(size=30) > 0).astype(int)
    params = None
    with contextlib.suppress(ValueError):
        params = logistic.fit(x * size, y, l2=l2)
    if params is None:  # weights that float32 cannot hold
        assert size < 1e-35
    else:
        assert np.isfinite(params.w).all()
