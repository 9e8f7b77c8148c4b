"""Naive Bayes against scikit-learn and scipy, as a generator, and on messages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats
from sklearn.naive_bayes import BernoulliNB, GaussianNB

from course.data.messages import generate
from course.data.words import vocabulary, word_counts
from course.models import logistic
from course.models.naive_bayes import (
    apply,
    fit_bernoulli,
    fit_gaussian,
    log_joint,
    log_likelihood,
    sample,
)
from tests.models.samples import INPUTS, LABELS, WORDS, accuracy, data, log_probs

NAMES = ["iris", "cancer", "digits", "random"]


def present(name):
    inputs, labels = data(name)
    return (inputs > np.median(inputs, axis=0)).astype(int), labels


# Words.


@pytest.mark.parametrize("pseudo_count", [0.1, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_bernoulli_equals_scikit_learn(name, pseudo_count):
    words, labels = present(name)
    expected = BernoulliNB(alpha=pseudo_count).fit(words, labels)
    logits = np.asarray(apply(fit_bernoulli(words, labels, pseudo_count=pseudo_count), words))
    np.testing.assert_allclose(logits, expected.predict_joint_log_proba(words), rtol=1e-5)
    log_p = expected.predict_log_proba(words)
    np.testing.assert_allclose(log_probs(logits), log_p, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(np.argmax(logits, axis=1), expected.predict(words))


def test_bernoulli_by_hand():
    params = fit_bernoulli([[1, 0], [1, 1], [0, 1], [0, 0]], [0, 0, 0, 1], pseudo_count=0.5)
    np.testing.assert_allclose(np.exp(params.log_prior), [0.75, 0.25], rtol=1e-6)
    np.testing.assert_allclose(
        np.exp(params.log_present), [[2.5 / 4, 2.5 / 4], [0.25, 0.25]], rtol=1e-6
    )
    both = np.exp(params.log_present) + np.exp(params.log_absent)
    np.testing.assert_allclose(both, 1, rtol=1e-6)


def test_only_whether_a_word_occurs_matters():
    expected = fit_bernoulli(WORDS, LABELS)
    for counts in (7 * WORDS, WORDS > 0):
        for one, other in zip(fit_bernoulli(counts, LABELS), expected, strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(apply(expected, counts), apply(expected, WORDS))


def test_words_of_all_messages_sum_to_1():
    params = fit_bernoulli(WORDS, LABELS)
    every = [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert np.exp(log_joint(params, every)).sum() == pytest.approx(1, rel=1e-6)
    np.testing.assert_allclose(np.exp(log_likelihood(params, every)).sum(axis=0), 1, rtol=1e-6)


def test_a_word_that_is_never_or_always_there_is_possible_all_the_same():
    params = fit_bernoulli([[0, 1], [0, 1], [0, 1]], [0, 1, 1])
    assert np.isfinite(apply(params, [[1, 0], [0, 1]])).all()


def test_fitting_works_under_jit_and_vmap():
    """Many resamples at once; a class that a resample misses is never predicted."""
    rows = np.random.default_rng(0).integers(0, 20, (5, 20))
    fit = jax.jit(jax.vmap(lambda w, y: fit_bernoulli(w, y, classes=3)))
    together = np.asarray(fit(WORDS[rows], LABELS[rows]).log_present)
    for at, chosen in enumerate(rows):
        alone = fit_bernoulli(WORDS[chosen], LABELS[chosen], classes=3)
        np.testing.assert_allclose(together[at], alone.log_present, rtol=1e-6)
    fewer = jax.jit(lambda y: apply(fit_bernoulli(WORDS, y, classes=4), WORDS))(LABELS)
    fewer = np.asarray(fewer)
    assert (fewer[:, 3] == -np.inf).all()
    assert np.isfinite(special.softmax(fewer, axis=-1)).all()

    def first_logit(pseudo_count):
        params = fit_bernoulli(WORDS, LABELS, classes=3, pseudo_count=pseudo_count)
        return apply(params, WORDS)[0, 0]

    assert np.isfinite(jax.jit(jax.grad(first_logit))(1.0))


# Numbers.


@pytest.mark.parametrize(
    ("name", "smoothing"),
    [
        *[(name, smoothing) for name in NAMES for smoothing in (1e-9, 1e-3)],
        *[(name, 0.0) for name in ("iris", "cancer", "random")],  # digits has constant pixels
    ],
)
def test_gaussian_equals_scikit_learn(name, smoothing):
    inputs, labels = data(name)
    expected = GaussianNB(var_smoothing=smoothing).fit(inputs, labels)
    params = fit_gaussian(inputs, labels, smoothing=smoothing)
    np.testing.assert_allclose(params.mean, expected.theta_, rtol=1e-6)
    np.testing.assert_allclose(params.scale**2, expected.var_, rtol=1e-5)
    logits = np.asarray(apply(params, inputs))
    joint = expected.predict_joint_log_proba(inputs)
    np.testing.assert_allclose(logits, joint, rtol=1e-5, atol=3e-4)
    log_p = expected.predict_log_proba(inputs)
    np.testing.assert_allclose(log_probs(logits), log_p, rtol=1e-4, atol=3e-4)
    np.testing.assert_array_equal(np.argmax(logits, axis=1), expected.predict(inputs))


def test_gaussian_likelihood_equals_scipy():
    inputs, labels = data("iris")
    params = fit_gaussian(inputs, labels)
    curve = stats.norm(np.asarray(params.mean, float), np.asarray(params.scale, float))
    expected = curve.logpdf(inputs[:, None]).sum(axis=-1)
    np.testing.assert_allclose(log_likelihood(params, inputs), expected, rtol=1e-5, atol=1e-4)
    prior = np.log([1 / 3] * 3)
    np.testing.assert_allclose(log_joint(params, inputs), expected + prior, rtol=1e-5, atol=1e-4)


def test_a_large_offset_does_not_swallow_the_spread():
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(300, 2)) * [1.0, 1e-3], np.arange(300) % 2
    expected = fit_gaussian(inputs, labels, smoothing=0)
    moved = fit_gaussian(inputs + 1e6, labels, smoothing=0)
    np.testing.assert_allclose(moved.scale, expected.scale, rtol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 + 0.1])
def test_a_constant_feature_is_named(value):
    inputs = INPUTS.copy()
    inputs[LABELS == 2, 1] = value
    with pytest.raises(ValueError, match=r"^inputs: .* got feature 1, constant in class 2$"):
        fit_gaussian(inputs, LABELS, smoothing=0)
    assert np.isfinite(apply(fit_gaussian(inputs, LABELS), inputs)).all()


def test_nothing_that_varies_is_refused_with_any_smoothing():
    with pytest.raises(ValueError, match=r"^inputs: .* got feature 0, constant in class 0$"):
        fit_gaussian(np.full((20, 2), 0.1), LABELS)


def test_a_single_example_of_a_class_relies_on_smoothing():
    params = fit_gaussian([[0.0], [2.0], [5.0]], [0, 0, 1], smoothing=0.01)
    assert params.scale[1] == pytest.approx(np.sqrt(0.01 * np.var([0, 2, 5])), rel=1e-5)


# Both.


def test_dropping_the_prior_changes_the_answer():
    """The misconception that notebook 07 catches: argmax p(x | y) is another class here."""
    params = fit_bernoulli([[1]] * 3 + [[0]] * 6 + [[1]], [0] * 9 + [1])
    assert np.asarray(log_likelihood(params, [1])).argmax() == 1
    assert np.asarray(apply(params, [1])).argmax() == 0


@pytest.mark.parametrize("fit", [fit_bernoulli, fit_gaussian])
def test_what_is_drawn_teaches_the_same_beliefs(fit):
    params = fit(WORDS if fit is fit_bernoulli else INPUTS, LABELS)
    labels = np.arange(60_000) % 3
    again = fit(sample(jax.random.key(1), params, labels), labels)
    if fit is fit_bernoulli:
        np.testing.assert_allclose(np.exp(again.log_present), np.exp(params.log_present), atol=0.02)
    else:
        np.testing.assert_allclose(again.mean, params.mean, atol=0.05 * params.scale.max())
        np.testing.assert_allclose(again.scale, params.scale, rtol=0.03)


def test_drawn_features_are_independent_within_a_class():
    params = fit_gaussian(INPUTS, LABELS)
    draws = np.asarray(sample(jax.random.key(2), params, np.zeros(20_000, int)))
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.03


@pytest.mark.parametrize("fit", [fit_bernoulli, fit_gaussian])
def test_one_example_or_any_number(fit):
    words = fit is fit_bernoulli
    inputs = WORDS if words else INPUTS.astype(np.float32)
    params = fit(inputs, LABELS)
    logits = np.asarray(apply(params, inputs))
    stacked = np.asarray(apply(params, inputs.reshape(4, 5, 2)))
    np.testing.assert_allclose(stacked.reshape(20, 3), logits)
    np.testing.assert_allclose(apply(params, inputs[0]), logits[0], rtol=1e-6)
    one = jax.jit(jax.vmap(apply, in_axes=(None, 0)))(params, inputs)
    np.testing.assert_allclose(one, logits, rtol=1e-6)
    draw = sample(jax.random.key(0), params, 2)
    assert draw.shape == (2,)
    assert jnp.issubdtype(draw.dtype, jnp.integer if words else jnp.floating)
    assert sample(jax.random.key(0), params, [[0, 1, 2]]).shape == (1, 3, 2)


def test_gradients_are_finite_far_out():
    params = fit_gaussian(INPUTS, LABELS)
    slope = jax.jit(jax.grad(lambda x: apply(params, x)[0]))
    assert np.isfinite(slope(np.float32([1e4, -1e4]))).all()


def test_naive_bayes_wins_where_words_are_independent_and_loses_where_not():
    """Messages as they are, and words drawn one by one with the same shares; seeds 0 to 2."""
    world = generate(jax.random.key(100), 600)
    known = vocabulary(world.text)
    counts, labels = word_counts(world.text, known), world.spam.astype(int)
    learned = fit_bernoulli(counts, labels, pseudo_count=0.01)
    gains = {"independent": [], "dependent": []}
    for seed in range(3):
        messages = generate(jax.random.key(seed), 500)
        labels = messages.spam.astype(int)
        drawn = np.asarray(sample(jax.random.key(seed), learned, labels))
        written = np.minimum(word_counts(messages.text, known), 1)
        for kind, words in (("independent", drawn), ("dependent", written)):
            naive = apply(fit_bernoulli(words[:200], labels[:200]), words)
            other = logistic.apply(logistic.fit(words[:200], labels[:200]), words)
            scores = [accuracy(logits[200:], labels[200:]) for logits in (naive, other)]
            gains[kind].append(scores[0] - scores[1])
    assert np.mean(gains["independent"]) > 0.005
    assert np.mean(gains["dependent"]) < -0.005


PARAMS = fit_bernoulli(WORDS, LABELS)
CURVES = fit_gaussian(INPUTS, LABELS)


@pytest.mark.parametrize(
    ("fit", "inputs", "options", "name", "error"),
    [
        (fit_gaussian, INPUTS, {"smoothing": -1e-9}, "smoothing", ValueError),
        (fit_bernoulli, WORDS - 1, {}, "counts", ValueError),
        (fit_bernoulli, INPUTS, {}, "counts", TypeError),
        (fit_bernoulli, WORDS, {"pseudo_count": 0}, "pseudo_count", ValueError),
    ],
)
def test_bad_input(fit, inputs, options, name, error):
    with pytest.raises(error, match=f"^{name}: expected"):
        fit(inputs, LABELS, **options)


@pytest.mark.parametrize("function", [apply, log_likelihood])
@pytest.mark.parametrize(
    ("params", "inputs", "name", "error"),
    [
        (PARAMS, [0.5, 1.0], "inputs", TypeError),
        (PARAMS, [1, -1], "inputs", ValueError),
        (PARAMS, [1, 0, 1], "inputs", ValueError),
        (CURVES, [1.0, np.nan], "inputs", ValueError),
        (CURVES, [[1.0]], "inputs", ValueError),
        (tuple(CURVES), [1.0, 2.0], "params", TypeError),
    ],
)
def test_bad_input_of_what_was_learned(function, params, inputs, name, error):
    with pytest.raises(error, match=f"^{name}: expected"):
        function(params, inputs)


def test_bad_input_of_samples():
    with pytest.raises(ValueError, match=r"^labels: expected labels from 0 to 2, got 3"):
        sample(jax.random.key(0), PARAMS, [3])
    with pytest.raises(TypeError, match=r"^key: expected"):
        sample(0, PARAMS, [0])


def test_every_legal_pseudo_count_leaves_shares_and_logarithms_finite():
    for pseudo_count in (1e-30, 1e30):
        params = fit_bernoulli([[1, 0], [0, 1]] * 100, [0, 1] * 100, pseudo_count=pseudo_count)
        assert all(np.isfinite(field).all() for field in params)
    for pseudo_count in (1e-38, 3e38):
        with pytest.raises(
            ValueError, match=r"^pseudo_count: expected a number from 1e-30 to 1e30"
        ):
            fit_bernoulli([[1, 0], [0, 1]], [0, 1], pseudo_count=pseudo_count)


def test_a_scale_of_0_is_no_parameter():
    params = fit_gaussian([[1.0], [3.0], [10.0], [14.0]], [0, 0, 1, 1])
    with pytest.raises(ValueError, match=r"^params: expected positive numbers as scale, got 0"):
        apply(params._replace(scale=0 * params.scale), [[1.0]])
