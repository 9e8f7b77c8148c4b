"""Linear discriminant analysis against scikit-learn and scipy, as a generator, on few data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from course.models import discriminant, logistic
from tests.models.samples import INPUTS, LABELS, accuracy, data, log_probs, random, split


@pytest.mark.parametrize(
    ("name", "shrinkage"),
    [
        *[("iris", r) for r in (0.0, 0.1, 1.0)],
        *[("cancer", r) for r in (0.0, 0.01)],
        *[("random", r) for r in (0.0, 0.5)],
        *[("digits", r) for r in (0.01, 0.5)],
    ],
)
def test_log_probabilities_equal_scikit_learns(name, shrinkage):
    inputs, labels = data(name)
    # At shrinkage 0, by default, it goes by singular values; with some it solves for the weights.
    options = {"solver": "lsqr", "shrinkage": shrinkage} if shrinkage else {}
    expected = LinearDiscriminantAnalysis(**options).fit(inputs, labels)
    params = discriminant.fit(inputs, labels, shrinkage=shrinkage)
    logits = np.asarray(discriminant.apply(params, inputs))
    log_p = expected.predict_log_proba(inputs)
    np.testing.assert_allclose(log_probs(logits), log_p, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(np.argmax(logits, axis=1), expected.predict(inputs))


@pytest.mark.parametrize(("name", "shrinkage"), [("iris", 0.0), ("random", 0.0), ("digits", 0.1)])
def test_log_joint_equals_scipy(name, shrinkage):
    inputs, labels = data(name)
    params = discriminant.fit(inputs, labels, shrinkage=shrinkage)
    mean = np.array([inputs[labels == k].mean(axis=0) for k in np.unique(labels)])
    within = np.cov((inputs - mean[labels]).T, bias=True)
    features = len(within)
    covariance = (1 - shrinkage) * within
    covariance += shrinkage * np.trace(within) / features * np.eye(features)
    prior = np.log(np.bincount(labels) / len(labels))
    expected = [multivariate_normal(one, covariance).logpdf(inputs) for one in mean]
    np.testing.assert_allclose(
        discriminant.log_joint(params, inputs), np.transpose(expected) + prior, rtol=1e-5, atol=1e-4
    )
    factor = np.asarray(params.scale_tril, float)
    np.testing.assert_allclose(factor @ factor.T, covariance, rtol=1e-4, atol=1e-7)
    assert not np.triu(factor, 1).any()


def test_logits_and_log_joint_give_the_same_belief():
    inputs, labels = data("random")
    params = discriminant.fit(inputs, labels)
    np.testing.assert_allclose(
        np.exp(log_probs(discriminant.apply(params, inputs))),
        np.exp(log_probs(discriminant.log_joint(params, inputs))),
        rtol=1e-4,
        atol=1e-6,
    )


def test_logits_are_linear():
    inputs, labels = data("random")
    params = discriminant.fit(inputs, labels)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 10, 5)).astype(np.float32)
    between = discriminant.apply(params, 0.25 * x + 0.75 * y)
    of_x, of_y = (np.asarray(discriminant.apply(params, points)) for points in (x, y))
    expected = 0.25 * of_x + 0.75 * of_y
    np.testing.assert_allclose(between, expected, rtol=1e-4, atol=1e-5)


def test_units_and_offsets_do_not_matter():
    inputs, labels = random()
    expected = discriminant.apply(discriminant.fit(inputs, labels), inputs)
    units = np.array([1e-6, 1.0, 1e6, 10.0, 1e-2])
    moved = inputs * units + 100 * units
    found = discriminant.apply(discriminant.fit(moved, labels), moved)
    np.testing.assert_allclose(log_probs(found), log_probs(expected), rtol=1e-3, atol=1e-3)


def test_what_is_drawn_teaches_the_same_beliefs():
    params = discriminant.fit(*random())
    labels = np.arange(60_000) % 3
    again = discriminant.fit(discriminant.sample(jax.random.key(0), params, labels), labels)
    spread = float(np.abs(params.scale_tril).max())
    np.testing.assert_allclose(again.mean, params.mean, atol=0.05 * spread)
    np.testing.assert_allclose(again.scale_tril, params.scale_tril, atol=0.03 * spread)


def test_shrinkage_leads_to_a_round_covariance():
    inputs, labels = random()
    params = discriminant.fit(inputs, labels, shrinkage=1.0)
    np.testing.assert_allclose(params.scale_tril, params.scale_tril[0, 0] * np.eye(5), atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_constant_feature_is_named(value):
    inputs = np.column_stack([INPUTS, LABELS + value])  # constant within each class
    with pytest.raises(ValueError, match=r"^inputs: .* got feature 2, constant within every class"):
        discriminant.fit(inputs, LABELS)
    params = discriminant.fit(inputs, LABELS, shrinkage=0.1)
    assert accuracy(discriminant.apply(params, inputs), LABELS) == 1


def test_constant_everything_is_refused_with_any_shrinkage():
    for inputs, labels in ((np.ones((20, 2)), LABELS), (INPUTS[:3], [0, 1, 2])):
        with pytest.raises(ValueError, match=r"^inputs: .* got feature 0, constant"):
            discriminant.fit(inputs, labels, shrinkage=0.5)


@pytest.mark.parametrize(
    ("inputs", "labels", "directions"),
    [
        (np.column_stack([INPUTS, INPUTS.sum(axis=1)]), LABELS, "3 directions .* got 2"),
        (np.random.default_rng(0).normal(size=(6, 4)), [0, 0, 1, 1, 2, 2], "4 directions .* got 3"),
    ],
)
def test_a_direction_without_spread_is_refused(inputs, labels, directions):
    """Features that add up to another, and fewer examples than features and classes."""
    with pytest.raises(ValueError, match=rf"^inputs: expected .* all {directions} directions$"):
        discriminant.fit(inputs, labels)
    params = discriminant.fit(inputs, labels, shrinkage=0.1)
    assert np.isfinite(discriminant.log_joint(params, inputs)).all()


def test_flowers_of_iris():
    """Means of ten draws: with two flowers a class it needs shrinkage, with thirty it leads."""
    inputs, labels = data("iris")
    means = []
    for per_class, shrinkage in ((2, 0.1), (30, 0.0)):
        scores = []
        for seed in range(10):
            train, test = split(labels, per_class, seed)
            params = discriminant.fit(inputs[train], labels[train], shrinkage=shrinkage)
            other = logistic.fit(inputs[train], labels[train])
            logits = discriminant.apply(params, inputs[test]), logistic.apply(other, inputs[test])
            scores.append([accuracy(z, labels[test]) for z in logits])
        means.append(np.mean(scores, axis=0))
    np.testing.assert_allclose(means, [[0.925, 0.92], [0.98, 0.96]], atol=0.015)
    assert means[1][0] > means[1][1] + 0.01


def test_apply_works_under_jit_vmap_and_grad():
    inputs, labels = random()
    params, inputs = discriminant.fit(inputs, labels), inputs.astype(np.float32)
    key = jax.random.key(0)
    for function in (discriminant.apply, discriminant.log_joint):
        expected = np.asarray(function(params, inputs))
        assert expected.dtype == np.float32
        one = jax.jit(jax.vmap(function, in_axes=(None, 0)))(params, inputs)
        np.testing.assert_allclose(one, expected, rtol=1e-4, atol=1e-5)
        stacked = np.asarray(function(params, inputs.reshape(3, 100, 5)))
        np.testing.assert_allclose(stacked.reshape(300, 3), expected, rtol=1e-4)
        slopes = jax.jit(jax.jacobian(function, argnums=1))
        assert np.isfinite(slopes(params, inputs[0] * 1e4)).all()
    assert discriminant.sample(key, params, 1).shape == (5,)
    assert discriminant.sample(key, params, jnp.zeros((2, 3), int)).shape == (2, 3, 5)


PARAMS = discriminant.fit(INPUTS, LABELS)


def test_shrinkage_is_from_0_to_1():
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match=r"^shrinkage: expected a number from 0 to 1"):
            discriminant.fit(INPUTS, LABELS, shrinkage=wrong)


@pytest.mark.parametrize("function", [discriminant.apply, discriminant.log_joint])
@pytest.mark.parametrize(
    ("params", "inputs", "name", "error"),
    [
        (PARAMS, [1.0, np.inf], "inputs", ValueError),
        (PARAMS, [[1.0]], "inputs", ValueError),
        (tuple(PARAMS), [1.0, 2.0], "params", TypeError),
    ],
)
def test_bad_input_of_what_was_learned(function, params, inputs, name, error):
    with pytest.raises(error, match=f"^{name}: expected"):
        function(params, inputs)


def test_a_label_of_no_class_is_refused():
    with pytest.raises(ValueError, match=r"^labels: expected labels from 0 to 2, got 3$"):
        discriminant.sample(jax.random.key(0), PARAMS, [3])


@pytest.mark.parametrize("size", [1e-40, 1e-30, 1e30])
def test_features_of_any_size_have_a_density_or_are_refused(size):
    x, y = np.asarray(INPUTS) * size, LABELS
    if size < 1e-37:
        with pytest.raises(ValueError, match=r"^inputs: expected .* standard deviations"):
            discriminant.fit(x, y, shrinkage=0.5)
    else:
        params = discriminant.fit(x, y, shrinkage=0.5)
        assert np.isfinite(discriminant.log_joint(params, x)).all()


def test_a_factor_without_volume_is_refused():
    params = discriminant.fit(INPUTS, LABELS, shrinkage=0.5)
    flat = params._replace(scale_tril=0 * params.scale_tril)
    with pytest.raises(
        ValueError, match=r"^params: expected positive numbers as scale_tril, got 0"
    ):
        discriminant.apply(flat, INPUTS)
