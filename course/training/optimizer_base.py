"""What an optimizer is, and the bookkeeping that all optimizers of the course share.

    state = optimizer.init(params)
    updates, state = optimizer.update(grads, state, params)
    params = apply_updates(params, updates)

This is optax's protocol: its transformations are accepted wherever ours are, and ours wherever its
are. `params` is a pytree: arrays in dicts, tuples and lists, nested at will. The equations stand in
`course.training.optimizers`, each for one array; `apply_rule` applies
them to every array of a pytree.
"""

import re
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PyTree

from course.legacy_checks import Arguments, checked, refusal
from course.training.hyperparameters import Scalar
from course.training.schedules import Schedule

Time: TypeAlias = Float[Array, ""]
Weights: TypeAlias = Float[Array, "*shape"]
Direction: TypeAlias = tuple[Weights, dict[str, Weights]]
"""What an equation gives for one array: the direction, and what is to be remembered, by name."""

MAX_COUNT = 2**31 - 1
"""The count of steps stays there: int32 would go on with negative numbers."""


class Optimizer(NamedTuple):
    """Two functions; their hyperparameters are leaves, so an optimizer is itself a pytree.

    Handed to a function under `jax.jit`, its numbers are arguments of the compiled program: others
    compile nothing. Under `jax.vmap`, one whose leaves are stacked is many optimizers at once.
    """

    init: Partial
    """params -> state."""
    update: Partial
    """(grads, state, params=None) -> (updates, state); params + updates are the new params."""


class State(NamedTuple):
    """What an optimizer remembers from one step to the next."""

    count: Int[Array, "*runs"]  # type: ignore[assignment]  # optax's name, a method of tuples too
    """How many steps were taken; one number, but for optimizers that run under `jax.vmap`."""
    memory: dict[str, PyTree]
    """Pytrees like the parameters, by the names that they have in optax."""


def init_state(params: PyTree, **values: Scalar) -> State:
    """Return the state before the first step.

    Args:
        params: the parameters.
        **values: the name of each pytree to be remembered, and what fills it at first.

    Returns:
        The state.

    Raises:
        TypeError: if a parameter is no float, with its place in the pytree.

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
        rate: the schedule of the learning rate.
        rule: the equation for one array; t counts steps from 1.
        grads: the gradients.
        state: what `init_state` or the step before returned.
        params: the parameters; None will do for a rule that does not look at them.

    Returns:
        The updates and the next state.

    Raises:
        TypeError, ValueError: if the gradients are no floats, or do not fit the parameters or the
            state; the message names the first array that does not.

    >>> halfway = Partial(lambda t, g, w: (g / 2, {}))
    >>> state = init_state(jnp.ones(2))
    >>> updates, state = apply_rule(Partial(lambda t: 0.1), halfway, jnp.ones(2), state)
    >>> print(updates, state.count)
    [-0.05 -0.05] 1

    Reference: `update` of `optax.GradientTransformation`.
    """
    check_floats("grads", grads)
    if params is not None:
        check_fit("grads", grads, "params", params)
    for remembered in state.memory.values():
        check_fit("grads", grads, "state", remembered)

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

    weights = grads if params is None else params  # the gradients only stand in for them
    steps = jax.tree.map(step, grads, weights, *state.memory.values())
    updates = jax.tree.map(lambda _, one: one[0], grads, steps)
    memory = {
        name: jax.tree.map(lambda _, one, name=name: one[1][name], grads, steps)
        for name in state.memory
    }
    return updates, State(count, memory)


def apply_rule_with_params(
    rate: Schedule, rule: Partial, grads: PyTree, state: State, params: PyTree | None = None
) -> tuple[PyTree, State]:
    """Do as `apply_rule` does, for a rule that looks at the parameters: they must be given."""
    if params is None:
        raise refusal("params", "the parameters, which the decay of weights needs", None)
    return apply_rule(rate, rule, grads, state, params)


def at_least_float32(values: Any) -> Weights:
    """Convert to float32 what has fewer digits."""
    return jnp.asarray(values, jnp.promote_types(jnp.result_type(values), jnp.float32))


def sqrt(values: Weights) -> Weights:
    """Return square roots; their slope at 0 is 0, not infinite: it would make gradients NaN."""
    zero = values == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, values)))


def apply_updates(params: PyTree, updates: PyTree) -> PyTree:
    """Return params + updates, each array in the dtype of the parameter.

    Args:
        params: the parameters.
        updates: what an optimizer's `update` returned for them.

    Returns:
        The new parameters.

    Raises:
        ValueError: if the updates do not fit the parameters.

    >>> apply_updates({"w": jnp.ones(2)}, {"w": jnp.array([0.5, -0.5])})["w"].tolist()
    [1.5, 0.5]

    Reference: `optax.apply_updates`.
    """
    check_fit("updates", updates, "params", params)
    return jax.tree.map(lambda w, u: jnp.asarray(w + u, jnp.result_type(w)), params, updates)


class AnyOptimizer:
    """One of the course's optimizers, or what has optax's protocol; becomes an Optimizer."""

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Optimizer:
        if isinstance(value, Optimizer):
            return value
        parts = [getattr(value, part, None) for part in Optimizer._fields]
        if isinstance(value, type) or not all(map(callable, parts)):
            got = getattr(value, "__name__", None) or type(value).__name__
            raise refusal(name, "an optimizer, such as adam(0.001)", got, TypeError)
        init, foreign_update = map(Partial, parts)
        return Optimizer(init, Partial(_update_foreign, foreign_update))


@checked(transform=AnyOptimizer())
def as_optimizer(transform: Optimizer) -> Optimizer:
    """Return any transformation with optax's protocol as an Optimizer.

    Args:
        transform: an object with `init(params)` and `update(grads, state, params)`, such as any of
            optax's transformations; an Optimizer is returned as it is.

    Returns:
        Optimizer; for one and the same object always an equal pytree, so that a function under
        `jax.jit` compiles for it once. The numbers in a foreign object are part of the program.

    Raises:
        TypeError: if `transform` has no such functions. Later on, `update` raises it if the
            transformation asks for more than gradients and parameters, as `optax.lbfgs` does for
            the loss function of its line search.

    >>> from types import SimpleNamespace
    >>> foreign = SimpleNamespace(
    ...     init=lambda params: (),
    ...     update=lambda grads, state, params: (-0.1 * jnp.sign(grads), state),
    ... )
    >>> steady = as_optimizer(foreign)
    >>> updates, state = steady.update(jnp.array([30.0, -0.2]), (), jnp.ones(2))
    >>> print(updates)
    [-0.1  0.1]

    Reference: `optax.GradientTransformation`.
    """
    return transform


def _update_foreign(
    update: Partial, grads: PyTree, state: Any, params: PyTree | None = None
) -> tuple[PyTree, Any]:
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
            dtype = jnp.result_type(leaf)
        except TypeError:
            got = type(leaf).__name__
        else:
            if jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize > 1:
                continue
            got = dtype.name
        raise refusal(name, f"floats{_at(path)}", got, TypeError)


def check_fit(name: str, tree: PyTree, other: str, model: PyTree) -> None:
    """Refuse a pytree that has not the structure and the shapes of another."""
    given, wanted = _shapes(tree), _shapes(model)
    for place in [*wanted, *given]:
        got, expected = given.get(place, "nothing"), wanted.get(place, "nothing")
        if got != expected:
            raise refusal(name, f"{expected}{place} as in {other}", got)
    # The same places in other containers: a list for a tuple, say.
    got, expected = str(jax.tree.structure(tree)), str(jax.tree.structure(model))
    if got != expected:
        raise refusal(name, f"{expected} as in {other}", got)


def _shapes(tree: PyTree) -> dict[str, str]:
    """The shape of each leaf, in words, by its place."""
    return {_at(path): f"shape {jnp.shape(leaf)}" for path, leaf in jax.tree.leaves_with_path(tree)}


def _at(path: Any) -> str:
    """Where a leaf is, in words; nothing for a pytree that is a single array."""
    return f" at {jax.tree_util.keystr(path)}" if path else ""
