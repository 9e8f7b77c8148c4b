"""Information theory against scipy, finite differences, its own identities, and at its edges."""

import inspect
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial.distance import jensenshannon

from course.maths.information import (
    cross_entropy,
    entropy,
    gaussian_entropy,
    js_divergence,
    kl_divergence,
    mutual_information,
    surprisal,
)

PAIRS = (cross_entropy, kl_divergence, js_divergence)
WEATHER = np.array([0.65, 0.30, 0.05])


def beliefs(seed, k=5, size=(), concentration=0.5):
    """Random distributions in float32, none of their entries so small that it counts as 0."""
    p = np.random.default_rng(seed).dirichlet(np.full(k, concentration), size)
    return np.maximum(p, 1e-30).astype(np.float32)


def in_float64(f, *arrays):
    """A function of scipy on the very numbers that the course's function gets."""
    return f(*(np.asarray(array, np.float64) for array in arrays))


ORACLES = {
    surprisal: lambda p: -np.log2(p),
    entropy: lambda p: stats.entropy(p, base=2, axis=-1),
    cross_entropy: lambda p, q: -special.xlogy(p, q).sum(axis=-1) / math.log(2),
    kl_divergence: lambda p, q: stats.entropy(p, q, base=2, axis=-1),
    js_divergence: lambda p, q: jensenshannon(p, q, base=2, axis=-1) ** 2,
}


def number_of_beliefs(f):
    return len(inspect.signature(f).parameters.keys() & {"p", "q"})


# Values.


@pytest.mark.parametrize(
    ("p", "bits"),
    [
        ([0.5, 0.5], 1.0),  # a coin
        ([1 / 6] * 6, 2.585),  # a die
        (WEATHER, 1.141),
        ([0.95, 0.04, 0.01], 0.322),
        ([1, 0, 0], 0.0),
        ([1.0], 0.0),
    ],
)
def test_entropies_known_by_hand(p, bits):
    assert float(entropy(p)) == pytest.approx(bits, abs=5e-4)


def test_surprises_known_by_hand():
    assert surprisal([1, 0.5, 0.25, 1 / 1024, 0]).tolist() == [0, 1, 2, 10, math.inf]
    assert float(surprisal(0.05)) == pytest.approx(4.322, abs=5e-4)


def test_divergences_known_by_hand():
    assert float(cross_entropy([0.5, 0.5], [0.75, 0.25])) == pytest.approx(2 - math.log2(3) / 2)
    assert float(kl_divergence([0.5, 0.5], [0.75, 0.25])) == pytest.approx(1 - math.log2(3) / 2)
    assert float(kl_divergence([0.75, 0.25], [0.5, 0.5])) == pytest.approx(0.75 * math.log2(3) - 1)
    assert float(js_divergence([1, 0], [0.5, 0.5])) == pytest.approx(1.5 - 0.75 * math.log2(3))
    assert float(mutual_information([[0.5, 0], [0, 0.5]])) == 1
    assert float(mutual_information([[0.25, 0.25], [0.25, 0.25]])) == 0


@pytest.mark.parametrize("k", [10, 1000])
@pytest.mark.parametrize("concentration", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("f", ORACLES)
def test_values_equal_scipy(f, k, concentration):
    arguments = [beliefs(seed, k, 50, concentration) for seed in range(number_of_beliefs(f))]
    expected = in_float64(ORACLES[f], *arguments)
    np.testing.assert_allclose(f(*arguments), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("f", ORACLES)
def test_double_precision_equals_scipy_to_its_own_digits(f):
    with jax.enable_x64(True):
        arguments = [
            np.random.default_rng(seed).dirichlet(np.ones(20), 50)
            for seed in range(number_of_beliefs(f))
        ]
        result = f(*arguments)
        assert result.dtype == np.float64
        np.testing.assert_allclose(result, ORACLES[f](*arguments), rtol=1e-12)


def test_surprise_near_certainty_keeps_its_digits():
    p = 1 - np.float32(2) ** -np.arange(1, 24, dtype=np.float32)
    np.testing.assert_allclose(surprisal(p), in_float64(ORACLES[surprisal], p), rtol=1e-6)


def test_the_smallest_probabilities_do_not_disturb_divergences():
    p, q = [1, 1.5e-38], [1, 0]  # half of 1.5e-38 counts as 0
    assert 0 <= js_divergence(p, q) < 1e-30
    assert 0 <= kl_divergence(q, p) < 1e-30


@pytest.mark.parametrize("scale", [1e-30, 0.01, 0.242, 1.0, 7.0, 1e30])
def test_gaussian_entropy_equals_scipy(scale):
    expected = stats.norm(scale=np.float64(np.float32(scale))).entropy()
    assert float(gaussian_entropy(scale, unit="nats")) == pytest.approx(
        expected, abs=1e-6, rel=1e-6
    )


def test_gaussian_entropy_is_negative_below_a_scale_of_0242():
    assert gaussian_entropy(0.2419) < 0 < gaussian_entropy(0.2420)


# Identities.


def test_nats_are_bits_times_log_2():
    p, q = beliefs(0), beliefs(1)
    results = [(surprisal, (p,)), (entropy, (p,)), *((f, (p, q)) for f in PAIRS)]
    results += [(mutual_information, (np.outer(p, q),)), (gaussian_entropy, (p,))]
    for f, arguments in results:
        nats = f(*arguments, unit="nats")
        bits = np.asarray(f(*arguments))
        np.testing.assert_allclose(nats, bits * math.log(2), rtol=1e-5, atol=1e-7)


def test_entropy_is_the_average_surprise():
    p = beliefs(0, 10, 50)
    mean = (p * np.asarray(surprisal(p))).sum(axis=-1)
    np.testing.assert_allclose(entropy(p), mean, rtol=1e-6)


def test_entropy_is_largest_for_the_uniform_belief_and_ignores_labels():
    p = beliefs(0, 10, 50)
    h = np.asarray(entropy(p))
    assert (h <= math.log2(10) + 1e-6).all()
    assert (h >= 0).all()
    np.testing.assert_allclose(h, entropy(p[:, ::-1]), rtol=1e-6)
    assert float(entropy(np.full_like(p, 0.1))[0]) == pytest.approx(math.log2(10))


def test_cross_entropy_is_entropy_plus_divergence():
    p, q = beliefs(0, 10, 50), beliefs(1, 10, 50)
    total = np.asarray(entropy(p)) + np.asarray(kl_divergence(p, q))
    np.testing.assert_allclose(cross_entropy(p, q), total, rtol=1e-6, atol=1e-6)


def test_with_a_one_hot_truth_all_three_costs_are_the_surprise():
    q = beliefs(0, size=3)
    truth = np.eye(5)[[0, 2, 4]]
    surprise = surprisal(q[[0, 1, 2], [0, 2, 4]])
    np.testing.assert_allclose(cross_entropy(truth, q), surprise, rtol=1e-6)
    np.testing.assert_allclose(kl_divergence(truth, q), surprise, rtol=1e-6)


@pytest.mark.parametrize("f", [kl_divergence, js_divergence])
def test_divergences_are_never_negative_and_0_only_at_equality(f):
    p = beliefs(0, 30, 300, concentration=1)
    assert (np.asarray(f(p, p)) == 0).all()
    q = (p * (1 + 1e-7 * np.random.default_rng(1).normal(size=p.shape))).astype(np.float32)
    assert (np.asarray(f(p, q)) >= 0).all()
    assert (np.asarray(f(p, beliefs(1, 30, 300))) > 0).all()


def test_js_is_symmetric_and_at_most_one_bit():
    p, q = beliefs(0, 30, 300, 0.05), beliefs(1, 30, 300, 0.05)
    js = np.asarray(js_divergence(p, q))
    np.testing.assert_allclose(js, js_divergence(q, p), rtol=1e-6, atol=1e-6)
    assert (js <= 1 + 1e-6).all()
    assert js_divergence([1, 0], [0, 1], unit="nats") == np.float32(math.log(2))


def test_mutual_information_is_the_divergence_from_independence():
    joint = beliefs(0, 12).reshape(3, 4)
    x, y = joint.sum(axis=1), joint.sum(axis=0)
    information = float(mutual_information(joint))
    product = np.outer(x, y).ravel()
    assert information == pytest.approx(float(kl_divergence(joint.ravel(), product)), abs=1e-6)
    assert information == pytest.approx(float(mutual_information(joint.T)), abs=1e-6)
    # Chain rule: I(x; y) = H(x) + H(y) - H(x, y) = H(y) - H(y | x).
    entropies = float(entropy(x)), float(entropy(y)), float(entropy(joint.ravel()))
    assert information == pytest.approx(entropies[0] + entropies[1] - entropies[2], abs=1e-6)
    conditional = float(np.sum(x * np.asarray(entropy(joint / x[:, None]))))
    assert information == pytest.approx(entropies[1] - conditional, abs=1e-6)


def test_independent_variables_share_nothing():
    joint = np.outer(beliefs(0), beliefs(1, k=4))
    assert 0 <= mutual_information(joint) < 1e-7


# The edge.


def test_what_never_happens_costs_nothing():
    assert float(entropy([*WEATHER, 0])) == pytest.approx(float(entropy(WEATHER)))
    for f in PAIRS:
        assert float(f([0.5, 0.5, 0], [0.3, 0.7, 0])) == pytest.approx(
            float(f([0.5, 0.5], [0.3, 0.7]))
        )
    assert mutual_information([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0]]) == 1


def test_the_impossible_costs_infinity():
    assert surprisal(0) == math.inf
    for f in (cross_entropy, kl_divergence):
        assert f([0.5, 0.5], [1, 0]) == math.inf
        assert f([0.5, 0.5], [[1, 0], [0.5, 0.5]]).tolist() == [
            math.inf,
            float(f([0.5, 0.5], [0.5, 0.5])),
        ]
        assert math.isfinite(f([1, 0], [0.5, 0.5]))


def test_certainty_costs_0_and_not_minus_0():
    for value in (surprisal(1), entropy([1]), entropy([0, 1, 0]), cross_entropy([1, 0], [1, 0])):
        assert value == 0
        assert not np.signbit(value)


EDGE = jnp.array(
    [[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [0, 0.5, 0.5], [1, 1e-20, 1e-37], [0.2, 0.3, 0.5]]
)


def edge_cases(count):
    """All pairs of beliefs at the edge (or each, where there is only one), as batches."""
    return jnp.array(list(itertools.product(EDGE, repeat=count))).swapaxes(0, 1)


@pytest.mark.parametrize("f", [entropy, *PAIRS])
def test_gradients_are_finite_at_the_edge(f):
    count = number_of_beliefs(f)
    gradient = jax.jit(jax.vmap(jax.grad(f, argnums=tuple(range(count)))))
    assert np.isfinite(gradient(*edge_cases(count))).all()


@pytest.mark.parametrize("f", [entropy, *PAIRS])
def test_second_derivatives_are_finite_at_the_edge(f):
    count = number_of_beliefs(f)
    # All but very small probabilities, whose 1/p^2 is no number in float32.
    cases = jnp.maximum(edge_cases(count) - 1e-18, 0)
    hessian = jax.jit(jax.vmap(jax.hessian(f, argnums=count - 1)))
    assert np.isfinite(hessian(*cases)).all()


@pytest.mark.parametrize(
    "joint", [np.eye(2) / 2, np.eye(2)[:, :1] @ np.eye(2)[:1], [[1e-25, 0], [0, 1]]]
)
def test_gradients_of_mutual_information_are_finite_at_the_edge(joint):
    assert np.isfinite(jax.jit(jax.grad(mutual_information))(np.float32(joint))).all()


def test_documented_slopes_at_the_edge():
    assert float(jax.grad(surprisal)(0.0)) == 0
    assert np.asarray(jax.jit(jax.grad(entropy))(np.float32([1, 0])))[1] == 0
    # A certain mistake costs infinity and pulls neither belief.
    p, q = np.float32([0.5, 0.5]), np.float32([1, 0])
    for f in (cross_entropy, kl_divergence):
        slopes = np.asarray(jax.jit(jax.grad(f, argnums=(0, 1)))(p, q))
        assert slopes[0][1] == slopes[1][1] == 0
        assert slopes[1][0] != 0


# Gradients elsewhere.


@pytest.mark.parametrize("f", [entropy, *PAIRS])
def test_gradients_equal_finite_differences_of_scipy(f):
    step = 1e-6
    directions = np.random.default_rng(9).normal(size=(20, 5))
    directions -= directions.mean(axis=-1, keepdims=True)  # along the simplex
    arguments = [
        0.02 + 0.9 * beliefs(seed, size=20).astype(np.float64)
        for seed in range(number_of_beliefs(f))
    ]
    arguments = [p / p.sum(axis=-1, keepdims=True) for p in arguments]
    gradient = jax.jit(jax.vmap(jax.grad(f, argnums=tuple(range(len(arguments))))))
    gradients = np.asarray(gradient(*map(np.float32, arguments)))
    for place in range(len(arguments)):
        moved = [
            [p + sign * step * directions * (place == i) for i, p in enumerate(arguments)]
            for sign in (1, -1)
        ]
        expected = (ORACLES[f](*moved[0]) - ORACLES[f](*moved[1])) / (2 * step)
        slopes = (gradients[place] * directions).sum(axis=-1)
        np.testing.assert_allclose(slopes, expected, rtol=1e-4, atol=1e-5)


def test_gradient_of_mutual_information_equals_finite_differences():
    joint, step = beliefs(0, 12, concentration=2).reshape(3, 4), 1e-6
    direction = np.random.default_rng(1).normal(size=joint.shape)
    direction -= direction.mean()

    def oracle(joint):
        independent = np.outer(joint.sum(axis=1), joint.sum(axis=0))
        return special.rel_entr(joint, independent).sum() / math.log(2)

    ends = [in_float64(oracle, joint.astype(float) + sign * step * direction) for sign in (1, -1)]
    slope = np.sum(np.asarray(jax.jit(jax.grad(mutual_information))(joint)) * direction)
    assert float(slope) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4)


def test_gradients_are_those_of_the_formula_with_free_entries():
    p, q = np.float32([0.2, 0.3, 0.5]), np.float32([0.5, 0.25, 0.25])
    close = {"rtol": 1e-5, "atol": 1e-6}

    def slopes(f, *arguments):
        places = tuple(range(len(arguments)))
        return jax.jit(jax.grad(lambda *a: f(*a, unit="nats"), argnums=places))(*arguments)

    np.testing.assert_allclose(slopes(entropy, p)[0], -np.log(p) - 1, **close)
    crossed, diverged = slopes(cross_entropy, p, q), slopes(kl_divergence, p, q)
    np.testing.assert_allclose(crossed[0], -np.log(q), **close)
    np.testing.assert_allclose(diverged[0], np.log(p / q) + 1, **close)
    # In q, cross-entropy and divergence have the same gradient: minimising either is the same.
    np.testing.assert_allclose(crossed[1], -p / q, **close)
    np.testing.assert_allclose(diverged[1], -p / q, **close)


def test_gradient_in_softmax_logits_is_belief_minus_truth():
    truth, logits = np.float32([0.2, 0.3, 0.5]), np.float32([1.0, -2.0, 0.5])
    for f in (cross_entropy, kl_divergence):
        cost = jax.jit(jax.grad(lambda z, f=f: f(truth, jax.nn.softmax(z), unit="nats")))
        expected = special.softmax(np.float64(logits)) - truth
        np.testing.assert_allclose(cost(logits), expected, rtol=1e-5, atol=1e-6)


def test_second_derivatives():
    p = np.float32([0.2, 0.3, 0.5])
    fisher = np.diag(1 / p)
    nats = {"unit": "nats"}

    def hessian(f):
        return jax.jit(jax.hessian(f))(p)

    kl = hessian(lambda q: kl_divergence(p, q, **nats))
    np.testing.assert_allclose(kl, fisher, rtol=1e-5, atol=1e-6)
    plain = hessian(lambda p: entropy(p, **nats))
    np.testing.assert_allclose(plain, -fisher, rtol=1e-5, atol=1e-6)
    js = hessian(lambda q: js_divergence(p, q, **nats))
    np.testing.assert_allclose(js, fisher / 4, rtol=1e-4, atol=1e-5)


# Shapes, dtypes and transformations.


def test_the_axis_may_be_any():
    p, q = beliefs(0, size=(2, 3)), beliefs(1, size=(2, 3))
    for axis in (0, 1, 2, -2):
        moved = np.moveaxis(p, -1, axis), np.moveaxis(q, -1, axis)
        np.testing.assert_allclose(entropy(moved[0], axis=axis), entropy(p), rtol=1e-6)
        for f in PAIRS if axis in (0, -2) else ():  # what a positive axis means is one rule's
            np.testing.assert_allclose(f(*moved, axis=axis), f(p, q), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("f", PAIRS)
def test_batches_broadcast(f):
    p, q = beliefs(0, size=(4, 1)), beliefs(1, size=6)
    table = np.asarray(f(p, q))
    assert table.shape == (4, 6)
    np.testing.assert_allclose(table[2, 3], f(p[2, 0], q[3]), rtol=1e-5)
    np.testing.assert_allclose(table[2], f(p[2, 0], q), rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(f, (None, 0))(p[2, 0], q), f(p[2, 0], q), rtol=1e-5)


@pytest.mark.parametrize("f", ORACLES)
def test_jit_changes_nothing(f):
    arguments = [beliefs(seed) for seed in range(number_of_beliefs(f))]
    compiled = jax.jit(f, static_argnames="unit")
    nats = compiled(*arguments, unit="nats")
    np.testing.assert_allclose(nats, f(*arguments, unit="nats"), rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_coarse_floats_give_coarse_results(dtype):
    p, q = (np.asarray(x, dtype) for x in (WEATHER, [0.2, 0.3, 0.5]))
    for f in (entropy, *PAIRS):
        arguments = (p, q)[: number_of_beliefs(f)]
        result = f(*arguments)
        assert result.dtype == dtype
        exact = in_float64(ORACLES[f], *arguments)
        assert float(result) == pytest.approx(exact, abs=4 * float(jnp.finfo(dtype).eps))


# What is refused.


@pytest.mark.parametrize(
    ("f", "wrong", "name"),
    [
        (surprisal, 1.1, "p"),
        (entropy, [0.5, 0.3, 0.1], "p"),
        (entropy, 0.5, "p"),
        (mutual_information, [0.5, 0.5], "joint"),
        (mutual_information, [[0.5, 0.5], [0.5, 0.5]], "joint"),
        (gaussian_entropy, 0, "scale"),
        *[(lambda p, f=f: f(p, WEATHER), [0.5, 0.3, 0.1], "p") for f in PAIRS],
        *[(lambda q, f=f: f(WEATHER, q), [0.5, 0.3, 0.1], "q") for f in PAIRS],
    ],
)
def test_wrong_beliefs_are_refused(f, wrong, name):
    with pytest.raises(ValueError, match=f"^{name}: expected "):
        f(wrong)


@pytest.mark.parametrize("f", PAIRS)
def test_beliefs_that_do_not_fit_are_refused(f):
    for q in ([0.5, 0.5], [1.0], np.full((2, 4), 0.25)):
        with pytest.raises(ValueError, match=r"^q: expected .*shape .*3.*, got shape "):
            f(WEATHER, q)
    with pytest.raises(ValueError, match=r"^q: expected shape \(2, 3\), got shape \(4, 3\)"):
        f([WEATHER] * 2, [WEATHER] * 4)
    # This would broadcast, but along the other axis.
    with pytest.raises(ValueError, match=r"^q: expected a shape like p \(3, 3\), got shape \(3,\)"):
        f(np.full((3, 3), 1 / 3), WEATHER, axis=0)


@pytest.mark.parametrize("f", [entropy, *PAIRS])
def test_wrong_axes_are_refused(f):
    arguments = [WEATHER] * number_of_beliefs(f)
    with pytest.raises(ValueError, match=r"^axis: expected an axis of shape \(3,\), got 1"):
        f(*arguments, axis=1)


@pytest.mark.parametrize("f", [*ORACLES, mutual_information, gaussian_entropy])
def test_wrong_units_are_refused(f):
    arguments = [WEATHER] * number_of_beliefs(f) or [[[0.5, 0.5]]]
    with pytest.raises(ValueError, match=r"^unit: expected 'bits' or 'nats', got 'shannons'"):
        f(*arguments, unit="shannons")


@pytest.mark.parametrize("axis", [np.array(-1), np.int8(-1), jnp.array(-1), np.array([[1]])[0, 0]])
def test_an_axis_of_any_kind_of_integer_is_one(axis):
    assert entropy([[0.5, 0.5]], axis=axis).tolist() == [1]
    assert kl_divergence([[0.5, 0.5]], [[0.5, 0.5]], axis=axis).tolist() == [0]


@pytest.mark.parametrize("axis", [2**31, 2**63, 10**400])
def test_an_axis_beyond_all_arrays_is_refused(axis):
    with pytest.raises(ValueError, match=r"^axis: expected an integer of at most 32, got"):
        entropy([0.5, 0.5], axis=axis)
