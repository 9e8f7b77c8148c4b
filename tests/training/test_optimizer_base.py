"""Bookkeeping of all optimizers: pytrees and their dtypes, and the exchange with optax."""

import inspect
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import PyTree

from course.training.optimizer_base import (
    Optimizer,
    _check_state,
    apply_updates,
    as_optimizer,
)
from course.training.optimizers import adagrad, adam, adamw, rmsprop, sgd

OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": sgd(0.1),
    "momentum": sgd(0.1, 0.9),
    "nesterov": sgd(0.1, 0.9, nesterov=True),
    "adagrad": adagrad(0.1),
    "rmsprop": rmsprop(0.1),
    "adam": adam(0.1),
    "adamw": adamw(0.1),
}
PARAMS = {
    "layer": {"w": jnp.ones((3, 2)), "b": jnp.zeros(2)},
    "scales": [jnp.ones(()), jnp.ones(4)],
}


def steps(optimizer: Any, params: PyTree, count: int = 5, apply: Any = apply_updates) -> PyTree:
    """Walk down a bowl, compiled."""

    def step(carry: Any, _: None) -> tuple[Any, None]:
        params, state = carry
        updates, state = optimizer.update(params, state, params)
        return (apply(params, updates), state), None

    start = (params, optimizer.init(params))
    return jax.jit(lambda start: jax.lax.scan(step, start, length=count)[0][0])(start)


def assert_equal(ours: PyTree, theirs: PyTree, rtol: float = 1e-6) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-7), ours, theirs)


# dtypes.


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_narrow_parameters_stay_narrow(name: str, dtype: Any) -> None:
    """In a mixed pytree, in a scan (which takes no change of dtype), and after all."""
    full = jnp.array([1.0, -2.0])
    params = {"half": full.astype(dtype), "layer": {"w": full}}
    optimizer = OPTIMIZERS[name]
    state = jax.eval_shape(optimizer.init, params)
    updates, state = jax.eval_shape(optimizer.update, params, state, params)
    assert updates["half"].dtype == dtype
    assert updates["layer"]["w"].dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(state.memory)} <= {jnp.dtype("float32")}
    result = steps(optimizer, params)
    assert jax.tree.map(jnp.result_type, result) == jax.tree.map(jnp.result_type, params)
    np.testing.assert_allclose(result["half"].astype(np.float32), result["layer"]["w"], atol=0.02)


def test_narrow_parameters_learn_from_small_gradients() -> None:
    """In float16 itself, g^2 would be 0, so would eps, and 0/0 no number."""
    optimizer, w = adam(0.1), jnp.ones(2, jnp.float16)
    updates, _ = optimizer.update(jnp.full(2, 1e-5, jnp.float16), optimizer.init(w), w)
    np.testing.assert_allclose(updates, -0.1, rtol=1e-2)


def test_stacked_float64_numbers_change_no_dtype() -> None:
    with jax.enable_x64(True):
        params = {"w": jnp.ones(2, jnp.float32)}
        optimizers = jax.tree.map(lambda leaf: jnp.full(3, leaf, jnp.float64), adamw(0.1))
        result = jax.vmap(lambda optimizer: steps(optimizer, params))(optimizers)
    assert result["w"].dtype == jnp.float32


UNTRAINABLE: dict[str, tuple[Any, str]] = {
    "integers": (jnp.arange(2), "int32"),
    "a Python integer": (3, "int32"),
    "a key": (jax.random.key(0), "key<fry>"),
    "eight bits": (jnp.ones(2, jnp.float8_e4m3fn), "float8_e4m3fn"),
    "a word": ("relu", "str"),
}


@pytest.mark.parametrize("what", UNTRAINABLE)
def test_leaves_that_are_no_floats_are_refused_by_their_place(what: str) -> None:
    leaf, got = UNTRAINABLE[what]
    params = {"layer": [jnp.ones(2), {"steps": leaf}]}
    place = r"floats at \['layer'\]\[1\]\['steps'\], got "
    for optimizer in OPTIMIZERS.values():
        with pytest.raises(TypeError, match="params: expected " + place + got):
            optimizer.init(params)
    with pytest.raises(TypeError, match="grads: expected " + place + got):
        sgd(0.1).update(params, sgd(0.1).init({}))


# Pytrees that do not fit.


class Layer(NamedTuple):
    w: Any
    b: Any


W, B = PARAMS["layer"]["w"], PARAMS["layer"]["b"]
SCALES = PARAMS["scales"]


def tree(w: Any = W, b: Any = B, scales: Any = SCALES) -> PyTree:
    """Gradients that fit PARAMS, but for what is given."""
    return {"layer": {"w": w, "b": b}, "scales": scales}


BIAS = "shape (2,) at ['layer']['b']"
# Gradients, what is expected of them, and what they are.
MISFITS: dict[str, tuple[PyTree, str, str]] = {
    "another shape": (tree(W.T), "shape (3, 2) at ['layer']['w']", "shape (2, 3)"),
    "a shape that broadcasts": (
        tree(scales=[jnp.ones(1), SCALES[1]]),
        "shape () at ['scales'][0]",
        "shape (1,)",
    ),
    "a missing leaf": ({"layer": {"w": W}, "scales": SCALES}, BIAS, "nothing"),
    "None for a leaf": (tree(b=None), BIAS, "nothing"),
    "one too many": (tree(scales=[*SCALES, B]), "nothing at ['scales'][2]", "shape (2,)"),
    "the first of two": (tree(b=W, scales=[B, B]), BIAS, "shape (3, 2)"),
    "another container": (tree(scales=tuple(SCALES)), str(jax.tree.structure(PARAMS)), "PyTreeDef"),
    "a tuple for a dict": ({"layer": Layer(W, B), "scales": SCALES}, BIAS, "nothing"),
    "a single array": (W, BIAS, "nothing"),
}


@pytest.mark.parametrize("case", MISFITS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_gradients_that_do_not_fit_are_refused_by_their_place(name: str, case: str) -> None:
    optimizer = OPTIMIZERS[name]
    grads, expected, got = MISFITS[case]
    message = re.escape(f"grads: expected {expected} as in params, got {got}")
    state = optimizer.init(PARAMS)
    with pytest.raises(ValueError, match=message):
        optimizer.update(grads, state, PARAMS)
    with pytest.raises(ValueError, match=message):
        jax.jit(optimizer.update)(grads, state, PARAMS)
    with pytest.raises(ValueError, match=message.replace("grads", "updates")):
        apply_updates(PARAMS, grads)
    if state.memory and name != "adamw":
        with pytest.raises(ValueError, match=message.replace("params", "state")):
            optimizer.update(grads, state)


def test_single_arrays_need_no_place() -> None:
    message = r"grads: expected shape \(3,\) as in params, got shape \(2,\)"
    with pytest.raises(ValueError, match=message):
        sgd(0.1).update(jnp.ones(2), sgd(0.1).init(jnp.ones(3)), jnp.ones(3))
    with pytest.raises(TypeError, match="params: expected floats, got int32"):
        sgd(0.1).init(jnp.arange(3))


def test_weight_decay_needs_the_parameters() -> None:
    optimizer = adamw(0.1, weight_decay=0.0)
    with pytest.raises(ValueError, match=r"params: expected the parameters, .* got None"):
        optimizer.update(PARAMS, optimizer.init(PARAMS))


def test_a_schedule_gives_one_number() -> None:
    for make, shape in ((sgd, (3,)), (adam, (1, 1))):
        with pytest.raises(ValueError, match="rate: expected one number at each step, got shape"):
            make(lambda step, shape=shape: jnp.full(shape, 0.1))


def test_an_empty_pytree_is_a_pytree() -> None:
    for optimizer in OPTIMIZERS.values():
        updates, state = optimizer.update({}, optimizer.init({}), {})
        assert updates == {}
        assert state.count == 1


# The exchange with optax.


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adamw"])
def test_optax_takes_ours(name: str) -> None:
    ours = OPTIMIZERS[name]
    expected = steps(ours, PARAMS)
    assert_equal(steps(ours, PARAMS, apply=optax.apply_updates), expected)
    chain = optax.chain(optax.identity(), ours, optax.scale(1.0))
    assert_equal(steps(optax.with_extra_args_support(chain), PARAMS), expected)
    halves = {"layer": {"w": True, "b": True}, "scales": [False, False]}
    frozen = steps(optax.masked(ours, halves), PARAMS, 1)
    assert_equal(frozen["layer"], steps(ours, PARAMS, 1)["layer"])


def test_clipping_comes_before_our_step() -> None:
    chain = optax.chain(optax.clip_by_global_norm(1.0), sgd(0.1, 0.9))
    theirs = optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1, 0.9))
    assert_equal(steps(chain, PARAMS), steps(theirs, PARAMS))


FOREIGN: dict[str, Callable[[], Any]] = {
    "adam": lambda: optax.adam(0.1),
    "lion": lambda: optax.lion(0.1),
    "adamw": lambda: optax.adamw(optax.cosine_decay_schedule(0.1, 10)),
    "clipped sgd": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1)),
    "a plain transformation": lambda: optax.GradientTransformation(
        lambda params: (), lambda grads, state, params=None: (grads, state)
    ),
    "ours in a chain": lambda: optax.chain(optax.clip(1.0), adam(0.1)),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_transformations_of_optax_take_the_place_of_ours(name: str) -> None:
    theirs = FOREIGN[name]()
    ours = as_optimizer(theirs)
    assert isinstance(ours, Optimizer)
    assert_equal(steps(ours, PARAMS), steps(theirs, PARAMS))
    traces: list[str] = []

    @jax.jit
    def first(optimizer: Optimizer, params: PyTree) -> PyTree:
        traces.append("once more")
        return optimizer.update(params, optimizer.init(params), params)[0]

    first(ours, PARAMS)
    first(as_optimizer(theirs), PARAMS)
    assert len(traces) == 1
    first(as_optimizer(FOREIGN[name]()), PARAMS)
    assert len(traces) == 2


def test_ours_stays_as_it_is() -> None:
    ours = adam(0.1)
    assert as_optimizer(ours) is ours


class Halving:
    """An object of nobody's with optax's protocol."""

    def init(self, params: PyTree) -> tuple[()]:
        return ()

    def update(self, grads: PyTree, state: tuple[()], params: PyTree = None) -> tuple[PyTree, Any]:
        return jax.tree.map(lambda w: -w / 2, params), state


def test_any_object_with_the_protocol_is_taken() -> None:
    halving = Halving()
    assert_equal(steps(as_optimizer(halving), PARAMS, 1)["scales"], [0.5, np.full(4, 0.5)])
    structures = [jax.tree.structure(as_optimizer(halving)) for _ in range(2)]
    assert structures[0] == structures[1]


def test_what_needs_more_than_gradients_is_refused() -> None:
    optimizer, w = as_optimizer(optax.lbfgs()), jnp.ones(2)
    message = "optimizer: expected a transformation that needs only gradients and params, got one "
    with pytest.raises(TypeError, match=message + "that needs 'value', 'grad', and 'value_fn'"):
        jax.jit(lambda w: optimizer.update(w, optimizer.init(w), w))(w)


def test_other_errors_of_a_foreign_transformation_are_its_own() -> None:
    def update(grads: PyTree, state: Any, params: PyTree) -> Any:
        raise TypeError("its own")

    broken = as_optimizer(optax.GradientTransformation(lambda params: (), update))
    with pytest.raises(TypeError, match=r"^its own$"):
        broken.update(PARAMS, (), PARAMS)


@pytest.mark.parametrize("value", [None, 0.1, "adam", adam, optax.adam, Optimizer, Halving, (1, 2)])
def test_what_is_no_optimizer_is_refused(value: Any) -> None:
    message = r": expected an optimizer, such as adam\(0.001\), got [a-zA-Z]+$"
    with pytest.raises(TypeError, match="optimizer" + message):
        as_optimizer(value)
    with pytest.raises(TypeError, match="optimizers" + message):
        as_optimizer(value, "optimizers")


STARTED = adam(0.1).init({"w": jnp.ones(2)})


@pytest.mark.parametrize(
    "state",
    [
        None,
        (),
        {"mu": 1},
        STARTED.memory,
        STARTED._replace(memory={}),
        STARTED._replace(memory={"mu": STARTED.memory["mu"]}),
        STARTED._replace(memory=STARTED.memory | {"nu": {"w": None}}),
        STARTED._replace(memory=STARTED.memory | {"nu": {"w": "a"}}),
        STARTED._replace(memory=STARTED.memory | {"nu": {"w": jnp.ones(3)}}),
        STARTED._replace(memory=STARTED.memory | {"nu": {"w": np.full(2, 1e300)}}),
        sgd(0.1, momentum=0.5).init({"w": jnp.ones(2)}),
    ],
)
def test_a_state_is_what_init_or_update_returned(state: Any) -> None:
    grads = {"w": jnp.ones(2)}
    update = adam(0.1).update
    bare = inspect.unwrap(update.func)  # the type checker of the tests would be there before it
    with pytest.raises((TypeError, ValueError), match=r"^(state|grads): expected .*, got "):
        bare(*update.args, grads, state, grads)


@pytest.mark.parametrize(
    "damage",
    [
        *({"count": count} for count in (None, 0.5, -1, 2**31, 10**5000, np.array("a"), True)),
        {"count": jnp.zeros(2, int)},
        *({"memory": memory} for memory in (None, [], {}, {"mu": 1}, {"mu": 1, "nu": 2, "xi": 3})),
    ],
    ids=lambda damage: next(iter(damage)),
)
def test_a_state_has_a_count_and_a_memory(damage: dict[str, Any]) -> None:
    check = inspect.unwrap(_check_state)
    with pytest.raises((TypeError, ValueError), match=r"^state: expected .*, got ") as error:
        check(STARTED._replace(**damage), ("mu", "nu"))
    assert len(str(error.value)) < 400
    check(STARTED, ("mu", "nu"))


@pytest.mark.parametrize(
    "leaf",
    [
        "float32", float, np.float32, np.array(["a"]), np.array([1.0], object), {1, 2},
        np.ones(2, ">f4"), np.ma.array([1.0, 2.0], mask=[1, 0]), np.ones(2, np.longdouble),
        np.array([1e300]), 1e300, np.array([1], "m8[D]"), jnp.array([1j]), jax.random.key(0),
    ],
    ids=repr,
)  # fmt: skip
def test_parameters_are_arrays_of_floats_that_jax_holds(leaf: Any) -> None:
    with pytest.raises(
        (TypeError, ValueError), match=r"^params: expected (floats|numbers) ?.*, got "
    ):
        adam(0.1).init({"w": leaf})
    with pytest.raises((TypeError, ValueError), match=r"^(params|updates): expected .*, got "):
        apply_updates({"w": jnp.ones(2)}, {"w": leaf})


def test_what_jax_cannot_sort_is_no_pytree() -> None:
    with pytest.raises(ValueError, match=r"^params: expected a pytree, got one that raises"):
        sgd(0.1).init({1: jnp.ones(2), "a": jnp.ones(2)})


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_a_count_of_few_bits_goes_on(dtype: str) -> None:
    grads = {"w": jnp.ones(2)}
    state = STARTED._replace(count=jnp.array(100, dtype))
    updates, after = adam(0.1).update(grads, state, grads)
    assert after.count == 101
    assert np.isfinite(updates["w"]).all()
