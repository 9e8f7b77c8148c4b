"""Optimizers against optax's over many steps, what compiles, and what they refuse."""

import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import PyTree

from course.training import optimizers
from course.training.optimizers import Optimizer, adagrad, adam, adamw, apply_updates, rmsprop, sgd
from course.training.schedules import constant, cosine, warmup_cosine

STEPS = 100

# Names and hyperparameters are optax's.
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("sgd", {}),
    "momentum": ("sgd", {"momentum": 0.9}),
    "nesterov": ("sgd", {"momentum": 0.8, "nesterov": True}),
    "adagrad": ("adagrad", {}),
    "adagrad from 0": ("adagrad", {"initial_accumulator_value": 0.0, "eps": 1e-3}),
    "rmsprop": ("rmsprop", {}),
    "rmsprop, slow": ("rmsprop", {"decay": 0.99, "eps": 1e-3}),
    "adam": ("adam", {}),
    "adam, fast": ("adam", {"b1": 0.5, "b2": 0.8, "eps": 1e-2}),
    "adamw": ("adamw", {}),
    "adamw, strong": ("adamw", {"weight_decay": 0.3}),
}
RATES: dict[str, tuple[Any, Any]] = {
    "a number": (0.1, 0.1),
    "a schedule": (
        warmup_cosine(0.1, 10, 80),
        optax.warmup_cosine_decay_schedule(0.0, 0.1, 10, 80),
    ),
    "a function": (lambda step: 0.1 / (1 + step), lambda step: 0.1 / (1 + step)),
}

one_of_each = pytest.mark.parametrize("kind", ["nesterov", "adagrad", "rmsprop", "adamw"])


def pair(kind: str, rate: str = "a number") -> tuple[Optimizer, Any]:
    """An optimizer of the course and its counterpart in optax."""
    name, hyperparameters = KINDS[kind]
    our_rate, their_rate = RATES[rate]
    ours = getattr(optimizers, name)(our_rate, **hyperparameters)
    return ours, getattr(optax, name)(their_rate, **hyperparameters)


def numbers(seed: int, *, many: tuple[int, ...] = (), dtype: Any = np.float32) -> PyTree:
    """A pytree with most of what a pytree may have; of `many`, or one."""
    rng = np.random.default_rng(seed)

    def array(shape: tuple[int, ...]) -> jax.Array:
        return jnp.asarray(rng.normal(size=many + shape), dtype)

    return {"layers": [{"w": array((3, 2)), "b": array((2,))}, None, {}], "scale": (array(()),)}


def gradient(params: PyTree, noise: PyTree) -> PyTree:
    """The gradient of a bowl, and noise."""
    return jax.tree.map(lambda w, e: 0.3 * w + e, params, noise)


def train(optimizer: Any, dtype: Any = np.float32) -> PyTree:
    """The parameters after many steps in one compiled program."""

    def step(carry: Any, noise: PyTree) -> tuple[Any, None]:
        params, state = carry
        updates, state = optimizer.update(gradient(params, noise), state, params)
        return (apply_updates(params, updates), state), None

    def run(params: PyTree, noise: PyTree) -> PyTree:
        return jax.lax.scan(step, (params, optimizer.init(params)), noise)[0][0]

    return jax.jit(run)(numbers(0, dtype=dtype), numbers(1, many=(STEPS,), dtype=dtype))


def assert_close(ours: PyTree, theirs: PyTree, rel: float) -> None:
    """Equal, relative to the largest entry: what is near 0 is so by chance, as a difference."""
    scale = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(theirs))
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=rel * scale)


@pytest.mark.parametrize(
    ("kind", "rate"),
    [*((kind, "a number") for kind in KINDS), ("adamw", "a schedule"), ("adamw", "a function")],
)
def test_optimizers_equal_those_of_optax(kind: str, rate: str) -> None:
    ours, theirs = pair(kind, rate)
    expected = train(theirs)
    assert_close(train(ours), expected, 1e-6)
    assert abs(expected["scale"][0] - numbers(0)["scale"][0]) > 1e-3


@one_of_each
def test_steps_outside_of_a_compiled_program_are_the_same(kind: str) -> None:
    ours, theirs = pair(kind)
    params = others = numbers(0)
    state, their_state = ours.init(params), theirs.init(others)
    for seed in range(1, 6):
        updates, state = ours.update(gradient(params, numbers(seed)), state, params)
        theirs_, their_state = theirs.update(gradient(others, numbers(seed)), their_state, others)
        assert_close(updates, theirs_, 1e-6)
        params, others = apply_updates(params, updates), optax.apply_updates(others, theirs_)
    assert state.count == 5
    assert state.count.dtype == jnp.int32


@one_of_each
def test_double_precision_is_kept(kind: str) -> None:
    with jax.enable_x64(True):
        ours, theirs = pair(kind)
        result = train(ours, np.float64)
        assert result["scale"][0].dtype == np.float64
        assert_close(result, train(theirs, np.float64), 1e-12)


@one_of_each
def test_numpy_arrays_and_python_numbers_are_parameters(kind: str) -> None:
    optimizer, _ = pair(kind)
    params = {"w": np.array([1.0, -2.0]), "b": 3.0}
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    expected, _ = optimizer.update(as_arrays(params), optimizer.init(params), as_arrays(params))
    assert_close(updates, expected, 1e-7)
    assert_close(apply_updates(params, updates), apply_updates(as_arrays(params), expected), 1e-7)


def as_arrays(tree: Any) -> Any:
    return jax.tree.map(jnp.asarray, tree)


# By hand.


def first_step(optimizer: Optimizer, gradient: list[float], params: list[float]) -> list[float]:
    w = jnp.array(params)
    updates, _ = optimizer.update(jnp.array(gradient), optimizer.init(w), w)
    return np.asarray(updates).round(5).tolist()


def test_first_steps_known_by_hand() -> None:
    g, w = [100.0, -0.01, 0.0], [1.0, 1.0, 1.0]
    approx = pytest.approx
    assert first_step(sgd(0.1), g, w) == approx([-10, 0.001, 0])
    assert first_step(sgd(0.1, 0.9), g, w) == approx([-10, 0.001, 0])
    assert first_step(sgd(0.1, 0.9, nesterov=True), g, w) == approx([-19, 0.0019, 0])
    assert first_step(adagrad(0.1, 0.0, 1e-12), g, w) == approx([-0.1, 0.1, 0])
    assert first_step(rmsprop(0.1, decay=0.96), g, w) == approx([-0.5, 0.5, 0], abs=1e-2)
    assert first_step(adam(0.1), g, w) == approx([-0.1, 0.1, 0], abs=1e-5)
    assert first_step(adamw(0.1, weight_decay=0.5), g, w) == approx([-0.15, 0.05, -0.05], abs=1e-5)


def test_the_names_in_the_state_are_those_of_optax() -> None:
    w = jnp.ones(2)
    assert sgd(0.1).init(w).memory == {}
    assert set(sgd(0.1, 0.9).init(w).memory) == {"trace"}
    assert set(rmsprop(0.1).init(w).memory) == {"nu"}
    assert set(adam(0.1).init(w).memory) == set(adamw(0.1).init(w).memory) == {"mu", "nu"}
    np.testing.assert_allclose(adagrad(0.1).init(w).memory["sum_of_squares"], 0.1)


def test_the_count_of_steps_stays_positive() -> None:
    optimizer, w = adam(0.1), jnp.ones(2)
    late = optimizer.init(w)._replace(count=jnp.int32(2**31 - 2))
    for _ in range(3):
        updates, late = optimizer.update(w, late)
        assert late.count == 2**31 - 1
        assert np.isfinite(updates).all()


# What compiles.

ANY_RATES = (0.1, 1, np.float32(0.2), np.float64(0.3), jnp.float32(0.4), constant(0.5))
PROGRAMS: dict[str, list[Optimizer]] = {
    "rates of any kind": [sgd(rate) for rate in ANY_RATES],
    "momentum": [sgd(0.1, 0.5), sgd(0.2, 0.9), sgd(0.1, np.float32(0.6))],
    "momentum from 0": [sgd(0.1, jnp.array(m)) for m in (0.0, 0.5, 0.9)],
    "nesterov": [sgd(0.1, m, nesterov=True) for m in (0.5, 0.9)],
    "adagrad": [adagrad(0.1), adagrad(0.2, 0), adagrad(0.2, eps=1e-3)],
    "rmsprop": [rmsprop(0.1), rmsprop(0.2, 0, eps=1)],
    "adam": [adam(0.1), adam(0.2, b1=0), adam(0.1, b2=0.9), adam(0.1, eps=1)],
    "adamw": [adamw(0.1), adamw(0.1, weight_decay=0), adamw(0.3, weight_decay=1)],
    "cosine": [adam(cosine(0.1, 10)), adam(cosine(1, 20))],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_other_numbers_compile_nothing(name: str) -> None:
    traces: list[str] = []

    @jax.jit
    def two_steps(optimizer: Optimizer, params: PyTree) -> PyTree:
        traces.append("once more")
        state = optimizer.init(params)
        for _ in range(2):
            updates, state = optimizer.update(params, state, params)
            params = apply_updates(params, updates)
        return params

    results = [two_steps(optimizer, numbers(0)) for optimizer in PROGRAMS[name]]
    assert len(traces) == 1
    assert len({float(result["scale"][0]) for result in results}) == len(results)


def test_another_kind_is_another_program() -> None:
    kinds = [sgd(0.1), sgd(0.1, 0.9), sgd(0.1, 0.9, nesterov=True), sgd(cosine(0.1, 9)), adam(0.1)]
    assert len({jax.tree.structure(kind) for kind in kinds}) == len(kinds)
    assert jax.tree.structure(sgd(0.1, 0.0)) == jax.tree.structure(sgd(0.1))


@pytest.mark.parametrize(
    "name", ["rates of any kind", "momentum from 0", "adagrad", "adamw", "cosine"]
)
def test_many_optimizers_run_at_once(name: str) -> None:
    """Stacked leaves under `vmap` give what each gives alone."""
    singles = PROGRAMS[name]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(as_arrays, singles))

    @jax.jit
    def two_steps(optimizer: Optimizer) -> PyTree:
        params = numbers(0)
        state = optimizer.init(params)
        for seed in (1, 2):
            updates, state = optimizer.update(numbers(seed), state, params)
            params = apply_updates(params, updates)
        return params

    together = jax.vmap(two_steps)(stacked)
    for i, single in enumerate(singles):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], together)
        assert_close(one, two_steps(single), 2e-6)  # two programs: some last bits differ


def test_optimizers_can_be_made_under_vmap() -> None:
    rates, w = jnp.array([0.1, 0.2]), jnp.array([1.0, 2.0])
    for make in (sgd, adam, adamw, lambda rate: sgd(cosine(rate, 9), momentum=rate)):
        optimizers = jax.vmap(make)(rates)
        updates = jax.vmap(lambda one: one.update(w, one.init(w), w)[0])(optimizers)
        single = make(0.2)
        np.testing.assert_allclose(updates[1], single.update(w, single.init(w), w)[0], rtol=1e-5)


def test_gradients_through_training_are_finite() -> None:
    """Also where a gradient is exactly 0, as behind a unit that is switched off."""

    @jax.jit
    def after_two_steps(optimizer: Optimizer) -> jax.Array:
        w = jnp.array([1.0, 0.0])
        state = optimizer.init(w)
        for _ in range(2):
            updates, state = optimizer.update(w, state, w)
            w = w + updates
        return jnp.sum(w**2)

    for optimizer in (adagrad(0.1, 0.0), adam(0.1)):
        slopes = jax.tree.leaves(jax.grad(after_two_steps)(optimizer))
        assert slopes
        assert np.isfinite(slopes).all()


def test_an_optimizer_can_be_stored() -> None:
    again = pickle.loads(pickle.dumps(adamw(cosine(0.1, 9))))
    assert jax.tree.structure(again) == jax.tree.structure(adamw(cosine(0.1, 9)))
    assert jax.tree.leaves(again) == jax.tree.leaves(adamw(cosine(0.1, 9)))


# What is refused.


@pytest.mark.parametrize(("rate", "got"), [(0, "0"), (1e-40, "1e-40"), (1e40, r"1e\+40")])
@pytest.mark.parametrize("make", [sgd, adagrad, rmsprop, adam, adamw])
def test_bad_rates_are_refused(make: Any, rate: float, got: str) -> None:
    with pytest.raises(ValueError, match=f"rate: expected a learning rate .* schedule, got {got}"):
        make(rate)


BETAS = [(make, name) for make in (adam, adamw) for name in ("b1", "b2")]
BAD_NUMBERS: dict[str, tuple[list[tuple[Any, str]], list[Any]]] = {
    "from 0 to below 1": (
        [(sgd, "momentum"), (rmsprop, "decay"), *BETAS],
        [1, 1 - 1e-9, -0.1],
    ),
    "above 0": ([(make, "eps") for make in (adagrad, rmsprop, adam, adamw)], [0, np.inf]),
    "of at least 0": (
        [(adagrad, "initial_accumulator_value"), (adamw, "weight_decay")],
        [-1e-4, np.inf],
    ),
}


@pytest.mark.parametrize("bounds", BAD_NUMBERS)
def test_bad_hyperparameters_are_refused(bounds: str) -> None:
    parameters, values = BAD_NUMBERS[bounds]
    for make, name in parameters:
        for value in values:
            with pytest.raises(ValueError, match=f"^{name}: expected a .*{bounds}"):
                make(0.1, **{name: value})


@pytest.mark.parametrize("momentum", [{}, {"momentum": 0}, {"momentum": np.float32(0)}])
def test_nesterov_needs_momentum(momentum: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="nesterov: expected momentum to go with it, got"):
        sgd(0.1, **momentum, nesterov=True)
    with pytest.raises(TypeError, match="nesterov: expected True or False, got float"):
        sgd(0.1, 0.9, 0.9)
