"""Optimizer protocol, and the bookkeeping that all optimizers of the course share.

    state = optimizer.init(params)
    updates, state = optimizer.update(grads, state, params)
    params = apply_updates(params, updates)

This is optax's protocol: its transformations are accepted wherever ours are, and ours wherever its
are. `params` is a pytree: arrays in dicts, tuples and lists, nested at will. The equations stand in
`course.training.optimizers`, each for one array; `init_state` and `apply_rule` surround them with
what is the same for all. This is the whole path of Adam, for a single array:

>>> def init(w):
...     return State(jnp.int32(0), {"mu": jnp.zeros_like(w), "nu": jnp.zeros_like(w)})
>>> def update(g, state, w, rate=0.1, b1=0.9, b2=0.999, eps=1e-8):
...     t = state.count + 1
...     mu = (1 - b1) * g + b1 * state.memory["mu"]
...     nu = (1 - b2) * g**2 + b2 * state.memory["nu"]
...     mu_hat = mu / (1 - b1**t)
...     nu_hat = nu / (1 - b2**t)
...     direction = mu_hat / (jnp.sqrt(nu_hat) + eps)
...     return -rate * direction, State(t, {"mu": mu, "nu": nu})

>>> from course.training.optimizers import adam
>>> w = jnp.array([2.0, -4.0])
>>> by_hand, _ = update(w, init(w), w)
>>> updates, _ = adam(0.1).update(w, adam(0.1).init(w), w)
>>> print(jnp.allclose(updates, by_hand), updates.round(3))
True [-0.1  0.1]
"""

import contextlib
import inspect
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PyTree

from course.checks import Arguments, count, describe_error, kind_of, refusal
from course.training.schedules import MAX_COUNT, Scalar, Schedule, rate_at

Time: TypeAlias = Float[Array, ""]
Weights: TypeAlias = Float[Array, "*shape"]
# Result of an equation for one array: the direction, and the new memory by name.
Direction: TypeAlias = tuple[Weights, dict[str, Weights]]

check_count = count(0, MAX_COUNT)
FLOATS = ("float16", "bfloat16", "float32", "float64")  # dtypes that can be trained


class Optimizer(NamedTuple):
    """Pair of functions; their hyperparameters are leaves, so an optimizer is itself a pytree.

    Handed to a function under `jax.jit`, its numbers are arguments of the compiled program: other
    values recompile nothing. Under `jax.vmap`, one whose leaves are stacked is many optimizers.
    """

    init: Partial
    """params -> state."""
    update: Partial
    """(grads, state, params=None) -> (updates, state); params + updates are the new params."""


@runtime_checkable
class GradientTransformation(Protocol):
    """Any object with optax's protocol, such as an optimizer of optax or of the course."""

    @property
    def init(self) -> Callable[..., Any]:
        """Function params -> state."""

    @property
    def update(self) -> Callable[..., Any]:
        """Function (grads, state, params) -> (updates, state)."""


class State(NamedTuple):
    """Memory of an optimizer from one step to the next."""

    count: Int[Array, "*runs"]  # type: ignore[assignment]  # optax's name, a method of tuples too
    """Number of steps taken; under `jax.vmap` one for each optimizer."""
    memory: dict[str, PyTree]
    """Pytrees like the parameters, by the names that they have in optax."""


def init_state(params: PyTree, **values: Scalar) -> State:
    """Return the state before the first step; `values` fill the pytrees of the memory, by name.

    >>> init_state({"w": jnp.ones(2)}, trace=0.0).memory["trace"]["w"].tolist()
    [0.0, 0.0]

    Reference: `init` of `optax.GradientTransformation`.
    """
    _check_floats("params", params)
    memory = {
        name: jax.tree.map(
            lambda w, value=value: jnp.full_like(_at_least_float32(w), value), params
        )
        for name, value in values.items()
    }
    return State(jnp.zeros((), jnp.int32), memory)


def apply_rule(
    rate: Schedule, rule: Partial, grads: PyTree, state: State, params: PyTree | None = None
) -> tuple[PyTree, State]:
    """Take a step: apply an equation to every array of a pytree.

        updates = -rate(count) * direction,    (direction, memory) = rule(t, g, w, **memory)

    All is computed in float32 at least: in the few digits of float16 and bfloat16, a mean that
    keeps 0.999 of itself would stand still. The updates have the dtypes of the gradients.

    Args:
        rate: schedule of the learning rate.
        rule: equation for one array; t counts steps from 1.
        grads: gradients; an array that does not fit the parameters or the state is refused by name.
        state: from `init_state` or the step before.
        params: parameters; None will do for a rule that does not look at them.

    >>> halfway = Partial(lambda t, g, w: (g / 2, {}))
    >>> state = init_state(jnp.ones(2))
    >>> updates, state = apply_rule(Partial(lambda t: 0.1), halfway, jnp.ones(2), state)
    >>> print(updates, state.count)
    [-0.05 -0.05] 1

    Reference: `update` of `optax.GradientTransformation`.
    """
    # Shapes that differ would broadcast silently.
    _check_state(state, _memory_names(rule.func, len(rule.args), frozenset(rule.keywords)))
    _check_floats("grads", grads)
    if params is not None:
        _check_floats("params", params)
        _check_fit("grads", grads, "params", params)
    for remembered in state.memory.values():
        _check_floats("state", remembered)
        _check_fit("grads", grads, "state", remembered)

    # The count stops at its largest value: int32 would go on with negative numbers.
    taken = jnp.minimum(jnp.asarray(state.count, jnp.int32), MAX_COUNT - 1) + 1
    alpha = rate_at("rate", rate(state.count))

    def step(g: Any, w: Any, *values: Array) -> Direction:
        old = dict(zip(state.memory, values, strict=True))
        # A float: with an integer exponent, a power rounds otherwise outside `jit` than inside.
        t = taken.astype(_at_least_float32(g).dtype)
        direction, new = rule(t, _at_least_float32(g), _at_least_float32(w), **old)
        update = (-alpha * direction).astype(jnp.result_type(g))
        return update, {name: new[name].astype(jnp.result_type(old[name])) for name in old}

    # All trees have the structure of the gradients, so their leaves correspond.
    leaves, structure = jax.tree.flatten(grads)
    # A rule that looks at no parameters gets the gradients in their place.
    weights = leaves if params is None else jax.tree.leaves(params)
    memories = map(jax.tree.leaves, state.memory.values())
    steps = [step(*arrays) for arrays in zip(leaves, weights, *memories, strict=True)]
    updates = jax.tree.unflatten(structure, [update for update, _ in steps])
    memory = {
        name: jax.tree.unflatten(structure, [new[name] for _, new in steps])
        for name in state.memory
    }
    return updates, State(taken, memory)


def apply_rule_with_params(
    rate: Schedule, rule: Partial, grads: PyTree, state: State, params: PyTree | None = None
) -> tuple[PyTree, State]:
    """Apply a rule that needs the parameters, as the decay of weights does."""
    if params is None:
        raise refusal("params", "the parameters, which the decay of weights needs", None)
    return apply_rule(rate, rule, grads, state, params)


def as_partial(function: Callable[..., Any]) -> Partial:
    """Wrap a function as a pytree; arguments bound by `Partial` become traced leaves."""
    return function if isinstance(function, Partial) else Partial(function)


def _at_least_float32(values: Any) -> Weights:
    """Convert to float32 what has fewer digits."""
    dtype = jnp.result_type(values)
    return jnp.asarray(values, jnp.float32 if dtype.itemsize < 4 else dtype)


def _check_state(state: Any, names: tuple[str, ...]) -> None:
    """Refuse what is no state of an optimizer with this memory."""
    if not isinstance(state, State):
        expected = "the state that init or the last update returned"
        raise refusal("state", expected, type(state).__name__, TypeError)
    if not isinstance(state.memory, dict) or {*state.memory} != {*names}:
        expected = f"a memory of {' and '.join(names) or 'nothing'}"
        given = isinstance(state.memory, dict)
        got = " and ".join(map(str, state.memory)) if given else type(state.memory).__name__
        raise refusal("state", expected, got[:99] or "nothing")
    if not isinstance(state.count, jax.core.Tracer):
        check_count("state", state.count, {})
    elif state.count.shape or kind_of(state.count.dtype) != "int":
        got = f"{state.count.dtype} of shape {state.count.shape}"
        raise refusal("state", "an integer as count", got, TypeError)


@lru_cache(maxsize=64)
def _memory_names(rule: Callable[..., Any], bound: int, named: frozenset[str]) -> tuple[str, ...]:
    """Return the names of the arrays that a rule remembers: its arguments after t, g and w."""
    given = inspect.signature(rule).parameters.values()
    places = [p.name for p in given if p.kind is p.POSITIONAL_OR_KEYWORD]
    return tuple(name for name in places[bound + 3 :] if name not in named)


def apply_updates(params: PyTree, updates: PyTree) -> PyTree:
    """Return params + updates, each array in the dtype of the parameter.

    >>> apply_updates({"w": jnp.ones(2)}, {"w": jnp.array([0.5, -0.5])})["w"].tolist()
    [1.5, 0.5]

    Reference: `optax.apply_updates`.
    """
    _check_floats("params", params)
    _check_floats("updates", updates)
    _check_fit("updates", updates, "params", params)
    return jax.tree.map(lambda w, u: jnp.asarray(w + u, jnp.result_type(w)), params, updates)


def as_optimizer(transform: Any, name: str = "optimizer") -> Optimizer:
    """Return a transformation with optax's protocol as an Optimizer.

    An Optimizer is returned as it is. For one and the same foreign object the result is always an
    equal pytree, so a function under `jax.jit` compiles for it once; its numbers are part of the
    program.

    Args:
        transform: a `GradientTransformation`, such as any of optax's.
        name: parameter, for the message.

    Raises:
        TypeError: if `transform` has not both functions. Later on, `update` raises it if the
            transformation asks for more than gradients and parameters, as `optax.lbfgs` does for
            the loss function of its line search.

    >>> from types import SimpleNamespace
    >>> foreign = SimpleNamespace(
    ...     init=lambda params: (),
    ...     update=lambda grads, state, params: (-0.1 * jnp.sign(grads), state),
    ... )
    >>> sign_descent = as_optimizer(foreign)
    >>> updates, state = sign_descent.update(jnp.array([30.0, -0.2]), (), jnp.ones(2))
    >>> print(updates)
    [-0.1  0.1]

    Reference: `optax.GradientTransformation`.
    """
    parts: list[Any] = [None]
    with contextlib.suppress(Exception):  # an object may raise anything when it is asked
        parts = [getattr(transform, part, None) for part in Optimizer._fields]
    if isinstance(transform, type) or not all(map(callable, parts)):
        got = transform.__name__ if callable(transform) and hasattr(transform, "__name__") else ""
        got = got or type(transform).__name__
        raise refusal(name, "an optimizer, such as adam(0.001)", got, TypeError)
    if isinstance(transform, Optimizer):
        whole = all(isinstance(part, Partial) for part in parts)
        return transform if whole else Optimizer(*map(as_partial, parts))
    return Optimizer(*map(Partial, (_init_foreign, _update_foreign), map(Partial, parts)))


def transformation(name: str, value: Any, _arguments: Arguments) -> Optimizer:
    """Rule for a `GradientTransformation`; it becomes an Optimizer."""
    return as_optimizer(value, name)


def _update_foreign(
    update: Partial, grads: PyTree, state: Any, params: PyTree | None = None
) -> tuple[PyTree, Any]:
    """Call the `update` of a foreign transformation; explain it if arguments are missing."""
    pair = _call(update, grads, state, params)
    if not isinstance(pair, tuple) or len(pair) != 2:
        expected = "an update that returns (updates, state)"
        raise refusal("optimizer", expected, type(pair).__name__, TypeError)
    updates, new_state = pair
    _check_floats("optimizer", updates)
    _check_fit("optimizer", updates, "grads", grads)
    _check_fit("optimizer", _arrays_alone(new_state), "the state before", state)
    return updates, new_state


def _init_foreign(init: Partial, params: PyTree) -> PyTree:
    """Call the `init` of a foreign transformation."""
    _check_floats("params", params)
    return _arrays_alone(_call(init, params))


def _call(function: Partial, *arguments: Any) -> Any:
    """Call a foreign function; explain it if it takes other arguments."""
    try:
        return function(*arguments)
    except TypeError as error:
        missing = re.search(r"missing .* arguments?: (.*)", str(error))
        if not missing and not re.search(r"\btakes .* arguments?\b", str(error)):
            raise
        expected = "a transformation that needs only gradients and params"
        got = f"one that needs {missing[1]}" if missing else "one that takes other arguments"
        raise refusal("optimizer", expected, got, TypeError) from error


def _arrays_alone(state: PyTree) -> PyTree:
    """Return a state; refuse one that holds something other than arrays and numbers."""
    for path, leaf in _leaves("optimizer", state):
        if not _is_array(leaf):
            expected = f"a state of arrays{_describe_place(path)}"
            raise refusal("optimizer", expected, type(leaf).__name__, TypeError)
    return state


def _leaves(name: str, tree: PyTree) -> list[tuple[Any, Any]]:
    """Return the leaves of a pytree with their places; refuse what JAX cannot take apart."""
    try:
        return jax.tree.leaves_with_path(tree)
    except Exception as error:  # keys that cannot be sorted, for instance
        raise refusal(name, "a pytree", f"one that raises {describe_error(error)}") from None


def _is_array(leaf: Any) -> bool:
    """Return True for an array or a number that JAX takes as it is."""
    if isinstance(leaf, jax.Array):
        return isinstance(leaf, jax.core.Tracer) or not leaf.is_deleted()
    if isinstance(leaf, np.ndarray | np.generic):
        known = kind_of(leaf.dtype) or leaf.dtype.kind == "c"
        return bool(known) and leaf.dtype.isnative and not isinstance(leaf, np.ma.MaskedArray)
    return type(leaf) in (bool, int, float, complex)


def _check_holds(name: str, values: np.ndarray, path: Any) -> None:
    """Refuse numbers of NumPy's that JAX's floats cannot hold; infinite ones stay as they are."""
    most = float(jnp.finfo(jax.dtypes.canonicalize_dtype(values.dtype)).max)  # type: ignore[no-untyped-call]
    beyond = abs(values[np.isfinite(values)])
    if (beyond > most).any():
        expected = f"numbers up to {most:.3g} in size{_describe_place(path)}"
        raise refusal(name, expected, f"{beyond.max():.7g}")


def _check_floats(name: str, tree: PyTree) -> None:
    """Refuse a pytree with a leaf that holds no real floats of 16 bits or more."""
    for path, leaf in _leaves(name, tree):
        got = type(leaf).__name__
        if _is_array(leaf):
            with contextlib.suppress(TypeError):
                got = jnp.result_type(leaf).name
        if got not in FLOATS:
            raise refusal(name, f"floats{_describe_place(path)}", got, TypeError)
        if not isinstance(leaf, jax.Array):
            _check_holds(name, np.asarray(leaf), path)


def _check_fit(name: str, tree: PyTree, other: str, model: PyTree) -> None:
    """Refuse a pytree that has not the structure and the shapes of another."""
    given = _describe_shapes(tree)
    wanted = _describe_shapes(model)
    for place in [*wanted, *given]:
        got = given.get(place, "nothing")
        expected = wanted.get(place, "nothing")
        if got != expected:
            raise refusal(name, f"{expected}{place} as in {other}", got)
    # The same places in other containers: a list for a tuple, say.
    got, expected = (str(jax.tree.structure(one)) for one in (tree, model))
    if got != expected:
        raise refusal(name, f"{expected[:99]} as in {other}", got[:99])


def _describe_shapes(tree: PyTree) -> dict[str, str]:
    """Return the shape of each leaf in words, by its place."""
    leaves = jax.tree.leaves_with_path(tree)
    return {_describe_place(path): f"shape {jnp.shape(leaf)}" for path, leaf in leaves}


def _describe_place(path: Any) -> str:
    """Return the place of a leaf in words; nothing for a pytree that is a single array."""
    place = jax.tree_util.keystr(path)
    return f" at {place if len(place) < 99 else f'{place[:99]}…'}" if path else ""
