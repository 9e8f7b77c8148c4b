"""Layers: what they compute, how they begin, and that dropout drops what it says."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from course.models.layers import (
    ACTIVATIONS,
    NARROW,
    RECTIFIERS,
    dense_apply,
    dense_init,
    dropout,
)

KEY = jax.random.key(0)
X = np.linspace(-4, 4, 41, dtype=np.float32)  # 0 among them
REFERENCE = {
    "identity": X,
    "relu": np.maximum(X, 0),
    "sigmoid": special.expit(X),
    "tanh": np.tanh(X),
    "gelu": X * special.ndtr(X),
    "silu": X * special.expit(X),
    "softplus": np.logaddexp(0, X),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_their_equations(name):
    np.testing.assert_allclose(ACTIVATIONS[name](jnp.asarray(X)), REFERENCE[name], atol=2e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_of_activations_are_finite_everywhere(name):
    slope = jax.vmap(jax.grad(ACTIVATIONS[name]))
    assert np.isfinite(slope(jnp.array([-1e4, -100.0, 0.0, 100.0, 1e4]))).all()


def test_relu_has_slope_zero_at_zero():
    assert jax.grad(ACTIVATIONS["relu"])(0.0) == 0


def test_rectifiers_are_activations():
    assert RECTIFIERS.issubset(ACTIVATIONS)


def test_activations_cannot_be_replaced():
    with pytest.raises(TypeError):
        ACTIVATIONS["relu"] = abs


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_weights_begin_as_he_or_glorot_say(name):
    inputs, outputs = 300, 100
    params = dense_init(KEY, inputs, outputs, activation=name)
    fan = inputs if name in ("relu", "gelu", "silu") else inputs + outputs
    assert params["w"].shape == (inputs, outputs)
    np.testing.assert_array_equal(params["b"], np.zeros(outputs))
    scaled = np.asarray(params["w"]).ravel() / np.sqrt(2 / fan)
    assert stats.kstest(scaled, "norm").pvalue > 1e-3  # a normal distribution of this size
    assert stats.kstest(scaled * 1.1, "norm").pvalue < 1e-3  # the test can fail


def test_scale_multiplies_the_weights():
    once, thrice, none = (dense_init(KEY, 5, 4, scale=scale)["w"] for scale in (1, 3, 0))
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-6)
    assert not none.any()


def test_keys_decide():
    one, same, other = (dense_init(jax.random.key(seed), 3, 3)["w"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("shape", [(3,), (7, 3), (2, 5, 3)])
def test_dense_is_a_weighted_sum(shape):
    rng = np.random.default_rng(0)
    w, b, x = (rng.normal(size=size).astype(np.float32) for size in ((3, 4), (4,), shape))
    expected = np.einsum("...i,io->...o", x.astype(float), w) + b
    np.testing.assert_allclose(dense_apply({"w": w, "b": b}, x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("outputs", "shape"), [(1, (2, 9, 7)), (10, (7,)), (NARROW, (9, 7))])
def test_a_narrow_layer_differentiates_as_one_would_write_by_hand(outputs, shape):
    rng = np.random.default_rng(0)
    many = {"w": rng.normal(size=(2, 7, outputs)) / 2, "b": rng.normal(size=(2, outputs))}
    many = jax.tree.map(np.float32, many)
    params, x = jax.tree.map(lambda leaf: leaf[0], many), np.float32(rng.normal(size=shape))

    def derivatives(apply):
        def cost(params, x):
            return jnp.sum(jnp.tanh(apply(params, x)) ** 2)

        @jax.jit  # one program for all of them
        def run(params, many, x):
            kinds = (jax.grad, jax.jacfwd, jax.hessian)
            mapped = jax.vmap(cost, (0, None))(many, x)
            return [kind(cost)(params, x) for kind in kinds], mapped

        return run(params, many, x)

    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
    plain = derivatives(lambda p, x: x @ p["w"] + p["b"])
    jax.tree.map(close, derivatives(dense_apply), plain)


RATES = [0.1, 0.2, 0.5, 0.8]
UNITS = 20_000


@pytest.mark.parametrize("rate", RATES)
def test_the_rate_is_what_is_dropped(rate):
    dropped = int((np.asarray(dropout(jnp.ones(UNITS), rate, KEY)) == 0).sum())
    assert stats.binomtest(dropped, UNITS, rate).pvalue > 1e-3
    if rate != 0.5:  # the rate is not what is kept
        assert stats.binomtest(UNITS - dropped, UNITS, rate).pvalue < 1e-9


@pytest.mark.parametrize("rate", RATES)
def test_dropout_keeps_the_mean(rate):
    kept = np.asarray(dropout(jnp.full(UNITS, 3.0), rate, KEY))
    np.testing.assert_allclose(kept[kept != 0], 3 / (1 - rate), rtol=1e-6)
    error = 3 * np.sqrt(rate / (1 - rate) / UNITS)
    assert abs(kept.mean() - 3) < 4 * error


def test_without_a_key_dropout_is_off():
    x = jnp.asarray(X)
    for rate in (0, 0.3, 0.99):
        np.testing.assert_array_equal(dropout(x, rate), x)
        np.testing.assert_array_equal(dropout(x, rate, None), x)
    np.testing.assert_array_equal(dropout(x, 0.0, KEY), x)


def test_gradients_flow_only_through_kept_units():
    x = np.linspace(1.0, 2.0, UNITS, dtype=np.float32)
    kept = np.asarray(dropout(x, 0.4, KEY)) != 0
    assert 0 < kept.sum() < UNITS
    slopes = jax.jit(jax.grad(lambda x: dropout(x, 0.4, KEY).sum()))(x)
    np.testing.assert_allclose(slopes, np.where(kept, 1 / 0.6, 0), rtol=1e-6)


def test_units_are_dropped_one_by_one_and_anew_for_each_key():
    one, other = (
        np.asarray(dropout(jnp.ones((50, 60)), 0.5, jax.random.key(seed))) == 0 for seed in (1, 2)
    )
    assert len({tuple(row) for row in one}) == 50  # no row of a batch is like another
    assert len({tuple(column) for column in one.T}) == 60
    assert 0.4 < np.mean(one == other) < 0.6


def test_a_traced_rate_compiles_once():
    traces = []

    @jax.jit
    def run(x, rate, key):
        traces.append(1)
        return dropout(x, rate, key)

    x = jnp.ones(UNITS)
    for rate in (0.1, 0.5, 0.9):
        np.testing.assert_allclose(run(x, rate, KEY), dropout(x, rate, KEY), rtol=1e-6)
    np.testing.assert_array_equal(run(x, 0.0, KEY), x)
    assert len(traces) == 1


GOOD = {"w": np.ones((3, 2)), "b": np.ones(2)}


@pytest.mark.parametrize(
    ("call", "name", "error"),
    [
        (lambda: dense_init(0, 3, 2), "key", TypeError),
        (lambda: dense_init(KEY, 0, 2), "inputs", ValueError),
        (lambda: dense_init(KEY, 3, -1), "outputs", ValueError),
        (lambda: dense_init(KEY, 3, 2, activation=jnp.tanh), "activation", TypeError),
        (lambda: dense_init(KEY, 3, 2, scale=-1), "scale", ValueError),
        (lambda: dense_apply(GOOD, np.ones(2)), "x", ValueError),
        (lambda: dense_apply(GOOD, [1, 2, np.nan]), "x", ValueError),
        (lambda: dense_apply(np.ones((3, 2)), np.ones(3)), "params", TypeError),
        (lambda: dense_apply({"w": GOOD["w"]}, np.ones(3)), "params", TypeError),
        (lambda: dense_apply({"w": GOOD["w"], "b": np.ones(3)}, X[:3]), "params", ValueError),
        (lambda: dropout(X, 1.0, KEY), "rate", ValueError),
        (lambda: dropout(X, -0.1, KEY), "rate", ValueError),
        (lambda: dropout(X, 0.5, 0), "key", TypeError),
        (lambda: dropout([np.inf], 0.5, KEY), "x", ValueError),
    ],
)
def test_bad_input(call, name, error):
    with pytest.raises(error, match=rf"^{name}: expected"):
        call()


def test_an_unknown_activation_is_told_the_known_ones():
    with pytest.raises(ValueError, match=r"'identity' or 'relu' .* got 'step'") as caught:
        dense_init(KEY, 3, 2, activation="step")
    assert all(repr(name) in str(caught.value) for name in ACTIVATIONS)


def test_layers_that_fit_no_machine_are_refused():
    key = jax.random.key(0)
    with pytest.raises(
        ValueError, match=r"^inputs: expected an integer of at most 16777216, got 4"
    ):
        dense_init(key, 2**62, 3)
    with pytest.raises(
        ValueError, match=r"^outputs: expected at most 134217728 weights in all, got"
    ):
        dense_init(key, 2**24, 2**24)
