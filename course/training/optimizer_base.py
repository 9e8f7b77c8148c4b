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

import re
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PyTree

from course.checks import Arguments, refusal
from course.training.schedules import MAX_COUNT, Scalar, Schedule

Time: TypeAlias = Float[Array, ""]
Weights: TypeAlias = Float[Array, "*shape"]
# Result of an equation for one array: the direction, and the new memory by name.
Direction: TypeAlias = tuple[Weights, dict[str, Weights]]

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
    check_floats("params", params)
    memory = {
        name: jax.tree.map(lambda w, value=value: jnp.full_like(at_least_float32(w), value), params)
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
    check_floats("grads", grads)
    if params is not None:
        check_fit("grads", grads, "params", params)
    for remembered in state.memory.values():
        check_fit("grads", grads, "state", remembered)

    # The count stops at its largest value: int32 would go on with negative numbers.
    count = jnp.minimum(state.count, MAX_COUNT - 1) + 1
    alpha = rate(state.count)
    if jnp.shape(alpha):
        raise refusal("rate", "one number at each step", f"shape {jnp.shape(alpha)}")

    def step(g: Any, w: Any, *values: Array) -> Direction:
        old = dict(zip(state.memory, values, strict=True))
        # A float: with an integer exponent, a power rounds otherwise outside `jit` than inside.
        t = count.astype(at_least_float32(g).dtype)
        direction, new = rule(t, at_least_float32(g), at_least_float32(w), **old)
        update = (-alpha * direction).astype(jnp.result_type(g))
        return update, {name: new[name].astype(old[name].dtype) for name in old}

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
    return updates, State(count, memory)


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


def at_least_float32(values: Any) -> Weights:
    """Convert to float32 what has fewer digits."""
    dtype = jnp.result_type(values)
    return jnp.asarray(values, jnp.float32 if dtype.itemsize < 4 else dtype)


def sqrt(values: Weights) -> Weights:
    """Return square roots; their slope at 0 is 0, not infinite: it would make gradients NaN."""
    zero = values == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, values)))


def apply_updates(params: PyTree, updates: PyTree) -> PyTree:
    """Return params + updates, each array in the dtype of the parameter.

    >>> apply_updates({"w": jnp.ones(2)}, {"w": jnp.array([0.5, -0.5])})["w"].tolist()
    [1.5, 0.5]

    Reference: `optax.apply_updates`.
    """
    check_fit("updates", updates, "params", params)
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
    if isinstance(transform, Optimizer):
        return transform
    parts = [getattr(transform, part, None) for part in Optimizer._fields]
    if isinstance(transform, type) or not all(map(callable, parts)):
        got = getattr(transform, "__name__", None) or type(transform).__name__
        raise refusal(name, "an optimizer, such as adam(0.001)", got, TypeError)
    init, foreign_update = map(Partial, parts)
    return Optimizer(init, Partial(_update_foreign, foreign_update))


def transformation(name: str, value: Any, _arguments: Arguments) -> Optimizer:
    """Rule for a `GradientTransformation`; it becomes an Optimizer."""
    return as_optimizer(value, name)


def _update_foreign(
    update: Partial, grads: PyTree, state: Any, params: PyTree | None = None
) -> tuple[PyTree, Any]:
    """Call the `update` of a foreign transformation; explain it if arguments are missing."""
    try:
        updates, state = update(grads, state, params)
    except TypeError as error:
        missing = re.search(r"missing .* keyword-only arguments?: (.*)", str(error))
        if not missing:
            raise
        expected = "a transformation that needs only gradients and params"
        raise refusal("optimizer", expected, f"one that needs {missing[1]}", TypeError) from error
    return updates, state


def check_floats(name: str, tree: PyTree) -> None:
    """Refuse a pytree with a leaf that holds no real floats of 16 bits or more."""
    for path, leaf in jax.tree.leaves_with_path(tree):
        try:
            got = jnp.result_type(leaf).name
        except TypeError:
            got = type(leaf).__name__
        if got not in FLOATS:
            raise refusal(name, f"floats{_describe_place(path)}", got, TypeError)


def check_fit(name: str, tree: PyTree, other: str, model: PyTree) -> None:
    """Refuse a pytree that has not the structure and the shapes of another."""
    given = _describe_shapes(tree)
    wanted = _describe_shapes(model)
    for place in [*wanted, *given]:
        got = given.get(place, "nothing")
        expected = wanted.get(place, "nothing")
        if got != expected:
            raise refusal(name, f"{expected}{place} as in {other}", got)
    # The same places in other containers: a list for a tuple, say.
    got = str(jax.tree.structure(tree))
    expected = str(jax.tree.structure(model))
    if got != expected:
        raise refusal(name, f"{expected} as in {other}", got)


def _describe_shapes(tree: PyTree) -> dict[str, str]:
    """Return the shape of each leaf in words, by its place."""
    leaves = jax.tree.leaves_with_path(tree)
    return {_describe_place(path): f"shape {jnp.shape(leaf)}" for path, leaf in leaves}


def _describe_place(path: Any) -> str:
    """Return the place of a leaf in words; nothing for a pytree that is a single array."""
    return f" at {jax.tree_util.keystr(path)}" if path else ""
