"""Trial of the functions that `fit` is given: what they return is known before the first step.

JAX traces a model, a loss and an optimizer for the shapes of a batch, which takes no step and
allocates nothing, and remembers what it has traced: a second run with the same kinds and shapes is
not traced again. Then the loss is called with all targets, as it may look at their values.
"""

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, PyTree

from course.checks import refusal
from course.models.layers import Model
from course.training.arguments import Data
from course.training.optimizer_base import FLOATS, Optimizer

REFUSAL = re.compile(r"\w+: (expected .*)", re.DOTALL)
TRIED_AT_ONCE = 4096  # targets that the loss is called with before the first step
MAX_WORDS = 200  # characters of another library's message that are quoted


def try_functions(
    model: Model, loss: Partial, optimizer: Optimizer, key: Array, data: Data, batch_size: int
) -> int:
    """Refuse a model, a loss or an optimizer that returns what cannot be trained.

    Args:
        model, loss, optimizer: as `fit` takes them.
        key: random key.
        data: all examples.
        batch_size: examples in a step.

    Returns:
        Bytes of memory that parameters and state take, at least: before and after a step.
    """
    if isinstance(jnp.zeros(()), jax.core.Tracer):
        expected = "a call outside of jax.jit"
        raise refusal("model", expected, "one inside, where no step is taken", TypeError)
    batch = tuple(jax.ShapeDtypeStruct((batch_size, *part.shape[1:]), part.dtype) for part in data)
    try:
        state = _step.eval_shape(model, loss, optimizer, key, batch)
    except (TypeError, ValueError) as error:
        if not REFUSAL.match(str(error)):
            raise
        raise type(error)(str(error)) from error.__cause__  # without JAX's notes about its frames
    leaves = jax.tree.leaves(state)
    return 2 * sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)


@partial(jax.jit, static_argnames="model")
def _step(
    model: Model, loss: Partial, optimizer: Optimizer, key: Array, batch: Data
) -> tuple[PyTree, PyTree]:
    """Call each function as a step does, and check what it returns."""
    inputs, targets = batch
    params = _call("model", "an init(key) -> params", model.init, key)
    if not jax.tree.leaves(params):
        raise refusal("model", "an init that returns parameters", "none")
    _check_floats(params)

    # Losses must be numbers that the predictions move: otherwise all gradients are 0.
    predictions = _apply(model, params, inputs)
    losses = _losses(loss, predictions, targets)
    _check_losses(losses, len(targets))
    if not _moves(lambda moved: _losses(loss, moved, targets), predictions):
        got = "one whose gradient is 0 everywhere, such as a count of mistakes"
        raise refusal("loss", "a function that changes with the predictions", got)

    # A loop whose length depends on the data, for one, has no gradient.
    expected = "a function that JAX can differentiate, together with the model"
    _call("loss", expected, jax.grad(partial(_total, model, loss, batch)), params)

    expected = "an optimizer for the parameters of the model"
    state = _call("optimizer", expected, optimizer.init, params)
    updated = _call("optimizer", expected, optimizer.update, params, state, params)
    if not isinstance(updated, tuple | list) or len(updated) != 2:
        raise refusal(
            "optimizer", "an update that returns (updates, state)", type(updated).__name__
        )
    _check_like("an update for each parameter", updated[0], params)
    _check_like("a state that keeps its shape from step to step", updated[1], state)
    return params, state


def _total(model: Model, loss: Partial, batch: Data, params: PyTree) -> Array:
    """Return the sum of the losses of a batch."""
    inputs, targets = batch
    return jnp.sum(_losses(loss, _apply(model, params, inputs), targets))


def _apply(model: Model, params: PyTree, inputs: Array) -> Array:
    """Return the predictions of a model; refuse it if they are none."""
    expected = f"an apply that takes params and inputs of shape {inputs.shape}"
    predictions = _call("model", expected, model.apply, params, inputs)
    if not isinstance(predictions, jax.Array):
        got = type(predictions).__name__
        raise refusal("model", "an apply that returns one array of predictions", got, TypeError)
    if predictions.shape[:1] != (len(inputs),):
        expected = f"an apply that returns a prediction for each of {len(inputs)} inputs"
        raise refusal("model", expected, f"shape {predictions.shape}")
    if not jnp.issubdtype(predictions.dtype, jnp.floating):
        expected = "an apply that returns floats, which can change a little"
        raise refusal("model", expected, predictions.dtype, TypeError)
    return predictions


def _losses(loss: Partial, predictions: Array, targets: Array) -> Any:
    """Call a loss."""
    shapes = f"predictions of shape {predictions.shape} and targets of shape {targets.shape}"
    return _call("loss", f"a function of {shapes}", loss, predictions, targets)


def _check_losses(losses: Any, examples: int) -> None:
    """Refuse losses that are not one real number for each example."""
    expected = f"one for each example, shape ({examples},)"
    if not isinstance(losses, jax.Array | np.ndarray):
        raise refusal("loss", expected, type(losses).__name__, TypeError)
    if losses.shape != (examples,):
        raise refusal("loss", expected, f"shape {losses.shape}")
    if not jnp.issubdtype(losses.dtype, jnp.floating):
        raise refusal("loss", "floats, which can change a little", losses.dtype, TypeError)


def _check_floats(params: PyTree) -> None:
    """Refuse parameters that are no floats of 16 bits or more."""
    for path, leaf in jax.tree.leaves_with_path(params):
        dtype = getattr(leaf, "dtype", None)
        kind = type(leaf).__name__ if dtype is None else str(dtype)
        if kind not in (*FLOATS, "float"):
            place = jax.tree_util.keystr(path)
            expected = f"an init that returns floats{place and f' at {place}'}"
            raise refusal("model", expected, kind, TypeError)


def _check_like(expected: str, tree: PyTree, like: PyTree) -> None:
    """Refuse an optimizer that returns a pytree of another structure or other shapes."""
    got = _describe_difference(tree, like)
    if got:
        raise refusal("optimizer", expected, got)


def _describe_difference(tree: PyTree, like: PyTree) -> str:
    """Return in words where a pytree is not like another; nothing if it is."""
    given, wanted = (dict(jax.tree.leaves_with_path(each)) for each in (tree, like))
    for path in (*wanted, *given):
        shapes = [
            f"shape {jnp.shape(each[path])}" if path in each else "nothing"
            for each in (given, wanted)
        ]
        if shapes[0] != shapes[1]:
            return f"{shapes[0]} at {jax.tree_util.keystr(path) or 'the top'} for {shapes[1]}"
    structures = {str(jax.tree.structure(each)) for each in (tree, like)}
    return "" if len(structures) == 1 else f"{type(tree).__name__} for {type(like).__name__}"


def check_params(model: Model, params: PyTree) -> None:
    """Refuse parameters that are not like those of a model."""
    like = jax.eval_shape(model.init, jax.random.key(0))
    try:
        got = _describe_difference(params, like)
    except (TypeError, ValueError):  # no pytree of numbers
        got = type(params).__name__
    if got:
        raise refusal("params", "parameters of the model", got)


def _call(name: str, expected: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of the caller's; say whose it is if JAX cannot make sense of it."""
    try:
        return function(*arguments)
    except (TypeError, ValueError, IndexError, jax.errors.JAXTypeError) as error:
        if REFUSAL.match(str(error)):
            raise  # one of the course's own
        words = " ".join(str(error).split())[:MAX_WORDS]
        raise refusal(name, expected, f"{type(error).__name__}: {words}", TypeError) from error


def _moves(function: Callable[[Array], Array], argument: Array) -> bool:
    """Return True if the value of a function changes with its argument, as JAX differentiates it.

    A rounding, a comparison or an argmax breaks the way from one to the other.
    """

    def change(tangent: Array) -> Array:
        return jax.jvp(function, (argument,), (tangent,))[1]

    jaxpr = jax.make_jaxpr(change)(jnp.zeros_like(argument)).jaxpr
    needed = set(map(id, jaxpr.outvars))
    for equation in reversed(jaxpr.eqns):
        if any(id(variable) in needed for variable in equation.outvars):
            needed |= set(map(id, equation.invars))
    return id(jaxpr.invars[-1]) in needed


def check_targets(model: Model, loss: Partial, params: PyTree, data: Data, held_out: Any) -> None:
    """Refuse targets that the loss cannot take, or that only validation data have.

    The loss is called outside of a compiled program, where it can see the values: a label that is
    out of range is found here. A loss that does not look says it by NaN or infinity.
    """
    inputs, targets = data
    one = _predict(model, params, inputs[:1])
    losses = _all_losses(loss, one, targets)
    if held_out is None:
        return
    try:
        others = _all_losses(loss, one, held_out[1])
    except (TypeError, ValueError) as error:
        words = REFUSAL.match(str(error))
        if words is None:
            raise
        raise type(error)(f"validation: {words[1]}") from None
    if np.isfinite(losses).all() and not np.isfinite(others).all():
        got = f"one with the loss {others[~np.isfinite(others)][0]}"
        raise refusal("validation", "targets whose loss is finite, as in data", got)

    # A loss that clamps a label, or makes it a row of zeros, does not see that it is no class.
    classes = one.shape[-1] if one.ndim == targets.ndim + 1 else 0
    if classes and jnp.issubdtype(targets.dtype, jnp.integer):
        seen, new = np.asarray(targets), np.asarray(held_out[1])
        if (
            seen.min() >= 0
            and seen.max() < classes
            and not (new.min() >= 0 and new.max() < classes)
        ):
            got = new.max() if new.max() >= classes else new.min()
            raise refusal("validation", f"labels from 0 to {classes - 1}, as in data", got)


def _all_losses(loss: Partial, prediction: Array, targets: Array) -> np.ndarray:
    """Return the loss of one prediction beside each of the targets.

    Some at a time: a loss that compares the examples with each other takes their number squared.
    """
    all_losses = []
    for start in range(0, len(targets), TRIED_AT_ONCE):
        some = targets[start : start + TRIED_AT_ONCE]
        predictions = jnp.broadcast_to(prediction, (len(some), *prediction.shape[1:]))
        losses = _losses(loss, predictions, some)
        _check_losses(losses, len(some))
        all_losses.append(np.asarray(losses))
    return np.concatenate(all_losses)


@partial(jax.jit, static_argnames="model")
def _predict(model: Model, params: PyTree, inputs: Array) -> Array:
    """Apply a model, without randomness."""
    return _apply(model, params, inputs)
