"""Bayes' rule and the belief about a coin against exact sums in float64, and what they refuse."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from course.maths.bayes import Beta, update, update_sequence
from course.maths.information import entropy, mutual_information

PRIOR = np.array([0.01, 0.99])  # ill, well
POSITIVE = np.array([0.9, 0.09])  # sensitivity, false positives


def posteriors(prior, likelihoods):
    """All beliefs of a sequence in float64 logarithms."""
    logs = np.log(np.float64([prior, *likelihoods])).cumsum(axis=0)
    return special.softmax(logs, axis=-1)


# Bayes' rule.


def test_a_positive_test_is_still_probably_false():
    posterior = np.asarray(update(PRIOR, POSITIVE))
    assert float(posterior[0]) == pytest.approx(0.009 / (0.009 + 0.0891), rel=1e-6)
    assert f"{posterior[0]:.1%}" == "9.2%"


def test_uncertainty_rises_on_a_positive_test_and_falls_on_average():
    outcomes = np.stack([POSITIVE, 1 - POSITIVE])
    evidence = outcomes @ PRIOR
    before, after = entropy(PRIOR), np.asarray(entropy(update(PRIOR, outcomes)))
    assert float(before) == pytest.approx(0.081, abs=5e-4)
    assert float(after[0]) == pytest.approx(0.442, abs=5e-4)
    average = float(evidence @ np.float64(after))
    assert average == pytest.approx(0.055, abs=5e-4)
    told = float(mutual_information(outcomes * PRIOR))
    assert float(before) - average == pytest.approx(told, abs=1e-6)


@pytest.mark.parametrize("k", [1, 7, 1000])
def test_the_posterior_equals_the_formula(k):
    rng = np.random.default_rng(k)
    prior = rng.dirichlet(np.ones(k)).astype(np.float32)
    likelihood = rng.exponential(size=(20, k)).astype(np.float32)
    exact = np.float64(prior) * likelihood
    exact /= exact.sum(axis=-1, keepdims=True)
    posterior = update(prior, likelihood)
    assert posterior.dtype == np.float32
    np.testing.assert_allclose(posterior, exact, rtol=1e-5)
    mapped = jax.jit(jax.vmap(update, (None, 0)))(prior, likelihood)
    np.testing.assert_allclose(mapped, exact, rtol=1e-5)


@pytest.mark.parametrize("factor", [1e-36, 1e-30, 1e30, 1e37])
def test_only_proportions_of_the_likelihood_matter(factor):
    posterior = update(PRIOR, np.float32(factor) * np.float32(POSITIVE))
    np.testing.assert_allclose(posterior, update(PRIOR, POSITIVE), rtol=1e-5)


def test_probabilities_whose_product_no_float_holds():
    prior = np.array([1e-30, 1e-20, 1], np.float32)
    np.testing.assert_allclose(update(prior, [1e-20, 1e-30, 0]), [0.5, 0.5, 0], rtol=1e-5)
    np.testing.assert_allclose(update(prior, [1e10, 1, 1e-25]), [0.5, 0.5, 5e-6], rtol=1e-4)


def test_certainty_and_what_is_ruled_out_stay():
    assert update([1, 0], [0.1, 0.9]).tolist() == [1, 0]
    assert update([0.5, 0.5, 0], [0, 0.2, 0.9]).tolist() == [0, 1, 0]


def test_slopes_of_the_posterior():
    def formula(prior, likelihood):
        return prior * likelihood / (prior * likelihood).sum()

    def slopes(function):
        return jax.jit(jax.jacobian(function, (0, 1)))

    prior, likelihood = jnp.array([0.2, 0.3, 0.5]), jnp.array([0.9, 0.1, 0.4])
    exact = slopes(formula)(prior, likelihood)
    compiled = slopes(update)
    np.testing.assert_allclose(compiled(prior, likelihood), exact, rtol=1e-5, atol=1e-6)
    by_likelihood = np.asarray(compiled(prior, jnp.array([0.9, 0.0, 0.4]))[1])
    assert np.isfinite(by_likelihood).all()
    assert not by_likelihood[:, 1].any()  # what is ruled out has slope 0
    for impossible in ([0, 0, 0], [0, 1, 0]):
        slope = np.asarray(compiled(np.float32([0.5, 0, 0.5]), np.float32(impossible)))
        assert not slope.any()


# Sequences.


def test_a_sequence_equals_its_updates_one_by_one():
    likelihoods = np.random.default_rng(0).random((10, 4)).astype(np.float32)
    beliefs = np.asarray(update_sequence([0.1, 0.2, 0.3, 0.4], likelihoods))
    assert beliefs.shape == (11, 4)
    np.testing.assert_array_equal(beliefs[0], np.float32([0.1, 0.2, 0.3, 0.4]))
    for before, likelihood, after in zip(beliefs, likelihoods, beliefs[1:], strict=False):
        np.testing.assert_allclose(after, update(before, likelihood), rtol=1e-5)
    np.testing.assert_allclose(beliefs[1:].sum(axis=-1), 1, rtol=1e-6)


HYPOTHESES = np.float32([0.001, 0.3, 0.45, 0.49, 0.5, 0.51, 0.55, 0.7, 0.999])


@pytest.mark.parametrize(
    ("flips", "scale"),
    [
        pytest.param(np.random.default_rng(0).random(5000) < 0.5, 1.0, id="fair"),
        pytest.param(np.random.default_rng(1).random(5000) < 0.31, 1.0, id="bent"),
        pytest.param(np.random.default_rng(2).random(5000) < 0.5, 1e-30, id="tiny"),
        pytest.param(np.random.default_rng(3).random(5000) < 0.5, 1e30, id="huge"),
        pytest.param(np.arange(5000) < 2500, 1.0, id="heads first"),
        pytest.param(np.arange(5000) % 2 == 0, 1.0, id="in turn"),
        pytest.param(np.full(5000, True), 1.0, id="always the same"),
    ],
)
def test_5000_observations_neither_underflow_nor_drift(flips, scale):
    chances = np.stack([1 - HYPOTHESES, HYPOTHESES]) * np.float32(scale)
    likelihoods = chances[flips.astype(int)]
    prior = np.full(len(HYPOTHESES), 1 / len(HYPOTHESES), np.float32)
    beliefs = np.asarray(update_sequence(prior, likelihoods))
    exact = posteriors(prior, likelihoods)
    np.testing.assert_allclose(beliefs, exact, atol=1e-4)
    np.testing.assert_allclose(beliefs.sum(axis=-1), 1, rtol=1e-6)


def test_a_hypothesis_far_behind_comes_back():
    heads, tails = [0.9, 0.1], [0.1, 0.9]
    beliefs = np.asarray(update_sequence([0.25, 0.75], [heads] * 2500 + [tails] * 2500))
    assert beliefs[2500].tolist() == [1, 0]
    np.testing.assert_allclose(beliefs[-1], [0.25, 0.75], atol=1e-4)


def test_slopes_of_a_sequence():
    def formula(likelihoods):
        weights = jnp.array([0.3, 0.7]) * likelihoods.prod(axis=0)
        return weights[0] / weights.sum()

    slopes = jax.jit(jax.grad(lambda rows: update_sequence(jnp.array([0.3, 0.7]), rows)[-1, 0]))
    likelihoods = np.float32([[0.5, 0.9], [0.5, 0.9], [0.5, 0.1]])
    expected = jax.jit(jax.grad(formula))(likelihoods)
    np.testing.assert_allclose(slopes(likelihoods), expected, rtol=1e-5)
    likelihoods[2, 0] = 0
    assert not np.asarray(slopes(likelihoods)).any()
    long = np.random.default_rng(0).uniform(1e-30, 1, (2000, 2)).astype(np.float32)
    assert np.isfinite(slopes(long)).all()
    long[[3, 900], [0, 1]] = 0  # impossible from there on
    assert np.isfinite(slopes(long)).all()


def test_traced_evidence_that_is_impossible_leaves_nothing():
    rows = np.float32([[0.5, 0.9], [0.0, 0.9], [0.5, 0.0], [0.5, 0.5]])
    beliefs = np.asarray(jax.jit(update_sequence)(jnp.array([0.5, 0.5]), rows))
    assert beliefs[2:].tolist() == [[0, 1], [0, 0], [0, 0]]
    assert jax.jit(update)(jnp.array([0.5, 0.5]), jnp.zeros(2)).tolist() == [0, 0]
    mapped = jax.jit(jax.vmap(update_sequence, (None, 0)))(jnp.array([0.5, 0.5]), rows[None])
    np.testing.assert_array_equal(np.asarray(mapped)[0], beliefs)


# The coin.


def test_55_heads_of_100():
    belief = Beta(1, 1).update(heads=55, tails=45)
    assert (float(belief.alpha), float(belief.beta)) == (56, 46)
    assert float(belief.mean) == pytest.approx(56 / 102, rel=1e-6)
    low, high = belief.interval(0.95)
    assert (low, high) == pytest.approx(stats.beta.interval(0.95, 56, 46), rel=1e-9)


def test_a_surprising_flip_makes_the_belief_less_certain():
    before = Beta(10, 1)
    after = before.update(0, 1)
    assert float(before.entropy) == pytest.approx(-2.02, abs=5e-3)
    assert float(after.entropy) == pytest.approx(-1.39, abs=5e-3)


@jax.jit
@functools.partial(jax.vmap, in_axes=0)
@functools.partial(jax.grad, argnums=(0, 1, 2))
def coin_slopes(alpha, beta, x):
    """The slopes of the log-density by its parameters and by the bias, for each of a batch."""
    return Beta(alpha, beta).log_prob(x)


def parameters(low, high, size=2000):
    """Parameters of every size between two bounds, and a likely bias for each pair."""
    rng = np.random.default_rng(0)
    alpha, beta = np.exp(rng.uniform(math.log(low), math.log(high), (2, size))).astype(np.float32)
    x = np.clip(rng.beta(np.float64(alpha), np.float64(beta)), 1e-6, 1 - 1e-6).astype(np.float32)
    return alpha, beta, x


@pytest.mark.parametrize(("low", "high"), [(1e-3, 1.0), (0.1, 100.0), (1.0, 5000.0)])
def test_the_coin_equals_scipy(low, high):
    """To the accuracy that the docstrings state, which falls with the number of flips."""
    alpha, beta, x = parameters(low, high)
    a, b, wide = np.float64(alpha), np.float64(beta), np.float64(x)
    belief = Beta(alpha, beta)
    np.testing.assert_allclose(belief.mean, stats.beta.mean(a, b), rtol=1e-6)
    exact, found = stats.beta.logpdf(wide, a, b), np.asarray(belief.log_prob(x))
    assert (abs(found - exact) <= 1e-6 * (a + b) + 1e-5 * (1 + abs(exact))).all()
    exact, found = stats.beta.entropy(a, b) / math.log(2), np.asarray(belief.entropy)
    assert (abs(found - exact) <= 3e-6 * (a + b) + 1e-5 * (1 + abs(exact))).all()
    by_alpha, by_beta, by_x = np.asarray(coin_slopes(alpha, beta, x))
    n = special.digamma(a + b)
    np.testing.assert_allclose(
        by_alpha, np.log(wide) - special.digamma(a) + n, rtol=1e-5, atol=1e-4
    )
    np.testing.assert_allclose(
        by_beta, np.log1p(-wide) - special.digamma(b) + n, rtol=1e-5, atol=1e-4
    )
    pulls = (a - 1) / wide, (b - 1) / (1 - wide)
    error = abs(by_x - (pulls[0] - pulls[1]))
    assert (error <= 1e-5 * (abs(pulls[0]) + abs(pulls[1]))).all()


@pytest.mark.parametrize(
    ("alpha", "at_0"), [(0.5, math.inf), (1.0, math.log(3)), (1.5, -math.inf), (7.0, -math.inf)]
)
def test_the_density_at_the_ends(alpha, at_0):
    assert float(Beta(alpha, 3).log_prob(0)) == pytest.approx(at_0)
    assert float(Beta(3, alpha).log_prob(1)) == pytest.approx(at_0)
    assert stats.beta.logpdf(0, alpha, 3) == pytest.approx(at_0)
    x = np.float32([0, 2e-38, 1e-30, 1e-7, 0.5, 1 - 1e-7, 1])
    same, three = np.full_like(x, alpha), np.full_like(x, 3)
    by_alpha, by_beta, by_x = np.asarray(coin_slopes(same, three, x))
    assert not np.isnan([by_alpha, by_beta, by_x, *coin_slopes(three, same, x)]).any()
    assert (by_alpha[0], by_beta[0], by_x[0]) == (0, 0, 0)


def test_extreme_parameters_have_finite_entropy_and_slopes():
    alpha, beta, _ = parameters(1e-3, 1e6)
    for function in (lambda a, b: Beta(a, b).entropy, lambda a, b: Beta(a, b).mean):
        value_and_slopes = jax.jit(jax.vmap(jax.value_and_grad(function, (0, 1))))(alpha, beta)
        assert all(np.isfinite(part).all() for part in jax.tree.leaves(value_and_slopes))


def test_the_even_belief_is_flat():
    even = Beta(1, 1)
    np.testing.assert_allclose(even.log_prob([0.0, 0.3, 1.0]), 0, atol=1e-6)
    assert float(even.entropy) == pytest.approx(0, abs=5e-6)
    assert float(even.mean) == 0.5


def test_grid_and_conjugate_updates_agree():
    grid = (np.arange(1000) + 0.5) / 1000
    likelihoods = np.stack([grid] * 7 + [1 - grid] * 3)
    belief = np.asarray(update_sequence(np.full(1000, 1 / 1000), likelihoods))[-1]
    density = np.exp(np.float64(Beta(1, 1).update(7, 3).log_prob(grid)))
    np.testing.assert_allclose(belief, density / 1000, rtol=1e-3, atol=1e-9)
    assert float(belief @ grid) == pytest.approx(8 / 12, rel=1e-4)


def test_batches_of_beliefs():
    beliefs = Beta(1, 1).update(heads=np.arange(5), tails=np.arange(5)[::-1])
    assert beliefs.shape == (5,)
    np.testing.assert_allclose(beliefs.mean, np.arange(1, 6) / 6, rtol=1e-6)
    assert beliefs.log_prob(0.5).shape == beliefs.entropy.shape == (5,)
    assert beliefs.interval().shape == (2, 5)
    np.testing.assert_allclose(
        beliefs.interval(0.5)[:, 0], stats.beta.interval(0.5, 1, 5), rtol=1e-9
    )
    assert Beta(1, [2, 3]).shape == (2,)


def test_the_belief_passes_through_transformations():
    belief = Beta(3, 2)
    after = jax.jit(lambda b, heads: b.update(heads, 1))(belief, 4)
    assert (type(after), float(after.alpha), float(after.beta)) == (Beta, 7, 3)
    means = jax.vmap(lambda b: b.mean)(Beta([1, 2], [3, 4]))
    np.testing.assert_allclose(means, [1 / 4, 2 / 6], rtol=1e-6)
    slope = jax.grad(lambda b: b.mean)(belief)
    assert (float(slope.alpha), float(slope.beta)) == pytest.approx((2 / 25, -3 / 25))
    assert jax.tree.leaves(jax.tree.map(lambda _: None, belief)) == []
    assert repr(Beta(3, 2)).startswith("Beta(alpha=")


def test_traced_parameters_and_biases_that_cannot_be_checked():
    log_prob = jax.jit(lambda a, b, x: Beta(a, b).log_prob(x))
    assert float(log_prob(1.0, 3.0, -0.5)) == -math.inf
    assert float(log_prob(2.0, 3.0, 1.5)) == -math.inf
    for wrong in (0.0, -1.0, math.nan):
        assert math.isnan(log_prob(wrong, 3.0, 0.5))
    assert math.isnan(log_prob(2.0, 3.0, math.nan))


# Bad input.


@pytest.mark.parametrize(
    ("prior", "likelihood"),
    [
        ([0.5, 0.5], [0, 0]),
        ([1, 0], [0, 0.9]),
        ([0.5, 0.5], [1e-39, 0]),
        ([0.5, 0.5], np.float64([1e-200, 1e-300])),
        ([0.5, 0.5], [[0.5, 0.5], [0, 0]]),
    ],
)
def test_impossible_evidence_is_refused(prior, likelihood):
    pattern = "^likelihood: expected .*: the evidence is impossible under every hypothesis"
    with pytest.raises(ValueError, match=pattern):
        update(prior, likelihood)


def test_impossible_sequences_are_refused_with_their_step():
    pattern = "from step 2 on: the evidence is impossible under every hypothesis"
    with pytest.raises(ValueError, match=f"^likelihoods: expected .*{pattern}"):
        update_sequence([0.5, 0.5], [[0.5, 0.9], [0, 0.9], [0.5, 0], [0.5, 0.5]])
    with pytest.raises(ValueError, match=r"^likelihoods: expected .* from step 0 on"):
        update_sequence([1, 0], [[0, 0.9]])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: update([0.5, 0.6], [0.5, 0.5]), "prior"),
        (lambda: update([0.5, 0.5], [-0.1, 0.5]), "likelihood"),
        (lambda: update([0.5, 0.5], [0.5, 0.5, 0.5]), "likelihood"),
        (lambda: update_sequence([0.5, 0.6], [[0.5, 0.5]]), "prior"),
        (lambda: update_sequence([[0.5, 0.5]], [[0.5, 0.5]]), "prior"),
        (lambda: update_sequence([0.5, 0.5], [[-0.1, 0.5]]), "likelihoods"),
        (lambda: update_sequence([0.5, 0.5], np.ones(2)), "likelihoods"),
        (lambda: update_sequence([0.5, 0.5], np.ones((3, 4))), "likelihoods"),
        (lambda: Beta(1e-10, 1), "alpha"),
        (lambda: Beta(1, math.inf), "beta"),
        (lambda: Beta([1, 2], [1, 2, 3]), "beta"),
        (lambda: Beta([1, 2], 1).update(-1, 0), "heads"),
        (lambda: Beta([1, 2], 1).update([1, 2, 3], 0), "heads"),
        (lambda: Beta(1, 1).update(0, math.nan), "tails"),
        (lambda: Beta(1, 1).update([1, 2], [1, 2, 3]), "tails"),
        (lambda: Beta(1, 1).log_prob(1.5), "x"),
        (lambda: Beta([1, 2], 1).log_prob([0.1, 0.2, 0.3]), "x"),
        (lambda: Beta(1, 1).interval(95), "mass"),
    ],
)
def test_bad_input(call, name):
    with pytest.raises(ValueError, match=f"^{name}: expected "):
        call()


@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16])
def test_few_digits_are_enough_for_a_belief(dtype):
    prior, rows = np.array([0.5, 0.5]).astype(dtype), np.array([[0.5, 0.125]]).astype(dtype)
    assert update(prior, rows[0]).tolist() == update([0.5, 0.5], [0.5, 0.125]).tolist()
    assert update([1, 0], rows[0]).tolist() == [1, 0]
    assert update_sequence(prior, rows).tolist()[1] == update(prior, rows[0]).tolist()
