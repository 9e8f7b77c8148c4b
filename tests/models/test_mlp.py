"""The multilayer perceptron against one written by hand, and as a static argument of jit."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course.models.layers import ACTIVATIONS, Model
from course.models.mlp import mlp

KEY = jax.random.key(0)


def by_hand(params, x, activation):
    """The equation in NumPy's float64, layer by layer."""
    h = np.asarray(x, dtype=float)
    for at, layer in enumerate(params):
        h = h @ np.asarray(layer["w"], dtype=float) + np.asarray(layer["b"])
        if at < len(params) - 1:
            h = np.asarray(ACTIVATIONS[activation](jnp.asarray(h)))
    return h


@pytest.mark.parametrize(
    ("sizes", "activation"),
    [
        ((2, 1), "relu"),
        ((2, 16, 16, 1), "tanh"),
        ((2, 16, 16, 1), "identity"),
        ((100, 100, 100), "relu"),
    ],
)
def test_it_is_the_equation(sizes, activation):
    model = mlp(sizes, activation=activation)
    params = model.init(KEY)
    x = np.random.default_rng(0).normal(size=(7, sizes[0])).astype(np.float32)
    got = model.apply(params, x)
    assert got.shape == (7, sizes[-1])
    expected = by_hand(params, x, activation)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(jax.jit(model.apply)(params, x), got, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.apply(params, x[0]), got[0], rtol=1e-5, atol=1e-6)


def test_it_adds_nothing_to_what_one_would_write_by_hand():
    sizes = (64, 128, 100)
    model, x = mlp(sizes), jnp.ones((5, 64))
    params = tuple(
        {"w": jnp.zeros(between), "b": jnp.zeros(between[1])} for between in pairwise(sizes)
    )

    def plain(params, x):
        (one, two) = params
        return jax.nn.relu(x @ one["w"] + one["b"]) @ two["w"] + two["b"]

    mine, by_hand = (jax.jit(apply).lower(params, x).compile() for apply in (model.apply, plain))
    for cost in ("flops", "bytes accessed"):
        assert mine.cost_analysis()[cost] == by_hand.cost_analysis()[cost] > 0


def test_gradients_are_those_of_the_equation():
    model = mlp((3, 4, 2), activation="tanh")
    params, x = model.init(KEY), np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    total = jax.jit(lambda params: (model.apply(params, x) ** 2).sum())
    slopes = jax.tree.map(np.asarray, jax.jit(jax.grad(total))(params))
    step = 1e-2
    for layer, name, at in ((0, "w", (1, 2)), (0, "b", (3,)), (1, "w", (3, 0)), (1, "b", (1,))):
        cost = []
        for sign in (1, -1):
            moved = jax.tree.map(np.array, params)
            moved[layer][name][at] += sign * step
            cost.append(float(total(moved)))
        expected = (cost[0] - cost[1]) / (2 * step)
        assert slopes[layer][name][at] == pytest.approx(expected, rel=0.02, abs=5e-3)


def test_signals_neither_vanish_nor_explode_in_a_deep_network():
    model = mlp((100,) * 12)
    x = np.random.default_rng(0).normal(size=(50, 100)).astype(np.float32)
    out = np.asarray(model.apply(model.init(KEY), x))
    assert 0.2 < out.std() < 5


def test_parameters_of_a_key_never_change():
    params = mlp((2, 16, 16, 1)).init(KEY)
    shapes = jax.tree.map(jnp.shape, params)
    assert shapes == (
        {"b": (16,), "w": (2, 16)}, {"b": (16,), "w": (16, 16)}, {"b": (1,), "w": (16, 1)},
    )  # fmt: skip
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(params))
    again, other = (mlp((2, 16, 16, 1)).init(jax.random.key(seed)) for seed in (0, 1))
    jax.tree.map(np.testing.assert_array_equal, params, again)
    assert not np.array_equal(params[0]["w"], other[0]["w"])
    assert not np.array_equal(params[0]["w"].ravel()[:16], params[2]["w"].ravel())


def test_a_scale_of_zero_makes_all_neurons_of_a_layer_alike():
    """The exercise on zero initialisation: they stay identical however long one trains."""
    model = mlp((2, 8, 1), activation="sigmoid", init_scale=0)
    params, x = model.init(KEY), np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    assert all(not np.asarray(leaf).any() for leaf in jax.tree.leaves(params))

    @jax.jit
    def step(params):
        cost = jax.grad(lambda params: ((model.apply(params, x)[:, 0] - x[:, 0]) ** 2).mean())
        return jax.tree.map(lambda p, g: p - 0.5 * g, params, cost(params))

    for _ in range(20):
        params = step(params)
    first = np.asarray(params[0]["w"])
    assert abs(first).max() > 1e-3
    np.testing.assert_allclose(first, np.tile(first[:, :1], 8), rtol=1e-5)


def test_equal_arguments_give_equal_models():
    model = mlp((64, 128, 10))
    for same in (
        mlp((64, 128, 10)),
        mlp([64, np.int64(128), 10]),
        mlp((64, 128, 10), activation="relu", dropout=0, init_scale=1),
        mlp(size for size in (64, 128, 10)),
    ):
        assert same == model
        assert hash(same) == hash(model)
    assert isinstance(model, Model)


@pytest.mark.parametrize(
    "other",
    [
        lambda: mlp((64, 10)),
        lambda: mlp((64, 128, 10), activation="tanh"),
        lambda: mlp((64, 128, 10), dropout=0.1),
        lambda: mlp((64, 128, 10), init_scale=0.5),
    ],
)
def test_other_arguments_give_other_models(other):
    assert other() != mlp((64, 128, 10))


def test_a_static_model_is_compiled_once():
    traces = []

    @partial(jax.jit, static_argnames="model")
    def run(model, params, x):
        traces.append(model)
        return model.apply(params, x)

    x = jnp.ones((4, 3))
    params = mlp((3, 4, 2)).init(KEY)
    for model in (mlp((3, 4, 2)), mlp([3, 4, 2]), mlp((3, 4, 2), activation="relu")):
        run(model, params, x)
    assert len(traces) == 1
    run(mlp((3, 4, 2), activation="tanh"), params, x)
    assert len(traces) == 2


def test_dropout_needs_a_key():
    sizes = (2, 16, 16, 1)
    params, x = mlp(sizes).init(KEY), np.random.default_rng(0).normal(size=(6, 2))
    plain, dropping = (mlp(sizes, dropout=rate).apply for rate in (0, 0.5))
    expected = np.asarray(plain(params, x))
    np.testing.assert_array_equal(dropping(params, x), expected)
    np.testing.assert_array_equal(plain(params, x, key=KEY), expected)
    one, same, other = (
        np.asarray(dropping(params, x, key=jax.random.key(seed))) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert abs(one - expected).max() > 0.01
    assert abs(one - other).max() > 0.01


def test_dropout_falls_on_each_hidden_layer_and_on_nothing_else():
    """With weights of one, sums count the units that are left."""
    units, rate = 400, 0.25
    for sizes, passes in (((1, 2), 0), ((1, units, 1), 1), ((1, units, units, 1), 2)):
        model = mlp(sizes, activation="identity", dropout=rate)
        params = [
            {"w": np.full((before, after), 1 / before, np.float32), "b": np.zeros(after)}
            for before, after in pairwise(sizes)
        ]
        batch = np.asarray(model.apply(params, np.ones((30, 1)), key=KEY))
        spread = np.sqrt(passes * rate / (1 - rate) / units)
        assert batch.mean() == pytest.approx(1, abs=4 * spread / np.sqrt(30) + 1e-6)
        assert batch.std() == pytest.approx(spread, rel=0.5, abs=1e-6)


def test_vmap_trains_many_seeds_at_once():
    model = mlp((3, 4, 2), dropout=0.2)
    keys, x = jax.random.split(KEY, 2), np.ones((6, 3), dtype=np.float32)

    def run(key):
        return model.apply(model.init(key), x, key=key)

    together = jax.jit(jax.vmap(run))(keys)
    for at, key in enumerate(keys):
        alone = run(key)
        np.testing.assert_allclose(together[at], alone, rtol=1e-5, atol=1e-6)


MODEL = mlp((3, 4, 2))
PARAMS = tuple({"w": np.zeros(shape), "b": np.zeros(shape[1])} for shape in [(3, 4), (4, 2)])
ONES = np.ones((5, 3))


@pytest.mark.parametrize(
    ("call", "name", "error"),
    [
        (lambda: mlp((3,)), "sizes", ValueError),
        (lambda: mlp((3, 0, 2)), "sizes", ValueError),
        (lambda: mlp(3), "sizes", TypeError),
        (lambda: mlp((3, 2), activation="Relu"), "activation", ValueError),
        (lambda: mlp((3, 2), dropout=1), "dropout", ValueError),
        (lambda: jax.jit(lambda rate: mlp((3, 2), dropout=rate))(0.5), "dropout", TypeError),
        (lambda: mlp((3, 2), init_scale=-1), "init_scale", ValueError),
        (lambda: MODEL.init(0), "key", TypeError),
        (lambda: MODEL.apply(PARAMS, np.ones((5, 4))), "inputs", ValueError),
        (lambda: MODEL.apply(PARAMS, np.full((5, 3), np.nan)), "inputs", ValueError),
        (lambda: MODEL.apply(PARAMS[:1], ONES), "params", ValueError),
        (lambda: MODEL.apply(mlp((2, 8, 1)).init(KEY), ONES), "params", ValueError),
        (lambda: MODEL.apply((1, 2), ONES), "params", TypeError),
        (lambda: MODEL.apply(PARAMS, ONES, key=1), "key", TypeError),
    ],
)
def test_bad_input(call, name, error):
    with pytest.raises(error, match=rf"^{name}: expected"):
        call()


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((2**62, 3), "an integer of at most 16777216"),
        ((2**24, 2**24), "at most 134217728 weights between two layers"),
        ((2**13, 2**13, 2**13, 2**13), "at most 134217728 weights in all"),
        ((2,) * 1000, "at most 101 of them"),
        (np.array(3), "a tuple of integers"),
        ({2, 3}, "a tuple of integers"),
    ],
)
def test_networks_that_fit_no_machine_are_refused(sizes, message):
    with pytest.raises((TypeError, ValueError), match=f"^sizes: expected {message}"):
        mlp(sizes)


def test_the_damaged_layer_is_named():
    first, last = PARAMS
    with pytest.raises(
        ValueError, match=r"^params: expected finite numbers as b of layer 1, got nan"
    ):
        MODEL.apply((first, last | {"b": np.full(2, np.nan)}), [[1, 2, 3]])
