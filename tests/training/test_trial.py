"""Functions that return the wrong thing are named before the first step."""

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from course.maths.losses import softmax_cross_entropy_with_integer_labels
from course.models.layers import Model
from course.training.loop import fit
from course.training.optimizers import adam, sgd
from course.training.sweep import sweep
from tests.training.models import NET, cross_entropy, flowers

KEY = jax.random.key(3)
INPUTS, LABELS = flowers()


def run(**changes: Any) -> Any:
    """Run `fit` on the flowers, from which nothing is learned: a step would be counted."""
    given = {"model": NET, "loss": cross_entropy, "optimizer": adam(0.01), "data": (INPUTS, LABELS)}
    rest = {"epochs": 2, "batch_size": 16, "key": KEY, "progress": False}
    return fit(**(given | rest | changes))


LOSSES = {
    "classes": (lambda z, y: z.argmax(1), "floats, which can change a little, got int32"),
    "mistakes": (lambda z, y: z.argmax(1) != y, "floats, which can change a little, got bool"),
    "counted mistakes": (lambda z, y: (z.argmax(1) != y).astype(float), "one whose gradient is 0"),
    "rounded": (lambda z, y: jnp.round(z).sum(1), "one whose gradient is 0 everywhere"),
    "signs": (lambda z, y: jnp.sign(z[:, 0]), "one whose gradient is 0 everywhere"),
    "cut off": (lambda z, y: cross_entropy(jax.lax.stop_gradient(z), y), "one whose gradient is 0"),
    "constant": (lambda z, y: jnp.zeros(len(y)), "one whose gradient is 0 everywhere"),
    "list": (lambda z, y: [0.0] * len(y), r"one for each example, shape \(16,\), got list"),
    "none": (lambda z, y: None, r"one for each example, shape \(16,\), got NoneType"),
    "pair": (lambda z, y: (cross_entropy(z, y), z), "one for each example.*, got tuple"),
    "text": (lambda z, y: "loss", "one for each example.*, got str"),
    "number": (lambda z, y: 1.0, "one for each example.*, got float"),
    "mean": (lambda z, y: cross_entropy(z, y).mean(), r"one for each example.*got shape \(\)"),
    "wide": (lambda z, y: z, r"one for each example.*got shape \(16, 3\)"),
    "column": (lambda z, y: cross_entropy(z, y)[:, None], r"one for .*got shape \(16, 1\)"),
    "fixed size": (lambda z, y: z[0, 0] * jnp.ones(16), r"one for each example, shape \(90,\)"),
    "complex": (lambda z, y: jax.lax.complex(z, z)[:, 0], "floats.*got complex64"),
    "one argument": (lambda z: z, "a function of predictions of shape .*got TypeError"),
    "of NumPy": (lambda z, y: np.asarray(z)[:, 0], "a function of predictions .*TracerArray"),
    "needs values": (lambda z, y: z[:, 0] if z[0, 0] > 0 else z[:, 1], "a function .*Tracer"),
    "other shapes": (
        lambda z, y: (z - y.astype(float)).sum(1),
        "a function of predictions .*ncompatible",
    ),
}


@pytest.mark.parametrize("case", LOSSES)
def test_a_loss_that_teaches_nothing_is_refused(case: str) -> None:
    loss, message = LOSSES[case]
    with pytest.raises((TypeError, ValueError), match=rf"^loss: expected .*{message}"):
        run(loss=loss)
    with pytest.raises((TypeError, ValueError), match=rf"^loss: expected .*{message}"):
        sweep(NET, loss, [sgd(0.1)], flowers(), epochs=1, batch_size=16, keys=KEY, progress=False)


def test_a_loss_without_a_gradient_is_refused() -> None:
    def doubled(z: Any, y: Any) -> Any:
        """Double the losses until one exceeds 10: backwards, JAX does not know how often."""
        losses = cross_entropy(z, y)
        return jax.lax.while_loop(lambda some: some.max() < 10, lambda some: 2 * some, losses)

    with pytest.raises(TypeError, match=r"^loss: expected a function that JAX can differentiate"):
        run(loss=doubled)


def test_a_loss_that_compares_examples_takes_no_more_memory_for_more_of_them() -> None:
    sizes = []

    def spread(z: Any, y: Any) -> Any:
        sizes.append(len(y))
        return jnp.square(z[:, None] - z).mean((1, 2))

    many = (np.tile(INPUTS, (100, 1)), np.tile(LABELS, 100))
    run(loss=spread, data=many, batch_size=100, epochs=1)
    assert max(sizes) < 5000


def net(init: Any = NET.init, apply: Any = NET.apply) -> Any:
    return Model(init, apply)


MODELS = {
    "no parameters": (net(init=lambda key: ()), "an init that returns parameters, got none"),
    "nothing": (net(init=lambda key: None), "an init that returns parameters, got none"),
    "text": (net(init=lambda key: {"w": "zero"}), r"floats at \['w'\], got str"),
    "integers": (net(init=lambda key: {"w": jnp.arange(3)}), r"floats at \['w'\], got int32"),
    "complex": (
        net(init=lambda key: {"w": jnp.ones(3, complex)}),
        r"floats at \['w'\], got complex64",
    ),
    "init alone": (net(init=dict), "an init.*got TypeError"),
    "params alone": (net(apply=lambda params: params), "an apply that takes .*got TypeError"),
    "other inputs": (net(apply=lambda p, x: x @ jnp.ones((9, 3))), "an apply that takes .*shape"),
    "pair": (net(apply=lambda p, x: (x, x)), "an apply that returns one array .*got tuple"),
    "none": (net(apply=lambda p, x: None), "an apply that returns one array .*got NoneType"),
    "classes": (
        net(apply=lambda p, x: NET.apply(p, x).argmax(1)),
        "an apply that returns floats, which can change a little, got int32",
    ),
    "mean": (net(apply=lambda p, x: NET.apply(p, x).mean(0)), "a prediction for each of 16 inputs"),
    "of NumPy": (net(apply=lambda p, x: np.asarray(x)), "an apply .*TracerArray"),
}


@pytest.mark.parametrize("case", MODELS)
def test_a_model_that_cannot_be_trained_is_refused(case: str) -> None:
    model, message = MODELS[case]
    with pytest.raises((TypeError, ValueError), match=rf"^model: expected .*{message}"):
        run(model=model)


def optimizer(init: Any = lambda params: (), update: Any = None) -> Any:
    return SimpleNamespace(
        init=init, update=update or (lambda grads, state, params: (grads, state))
    )


OPTIMIZERS = {
    "text": ("adam", "an optimizer, such as adam"),
    "class": (SimpleNamespace, "an optimizer, such as adam"),
    "function": (adam, "an optimizer, such as adam"),
    "updates alone": (optimizer(update=lambda g, s, p: [*g, g]), ""),
    "none": (optimizer(update=lambda g, s, p: None), ".*NoneType"),
    "one number": (optimizer(update=lambda g, s, p: (0.1, s)), ""),
    "turned": (optimizer(update=lambda g, s, p: (jax.tree.map(jnp.transpose, g), s)), ""),
    "growing state": (
        optimizer(lambda p: jnp.zeros(1), lambda g, s, p: (g, jnp.concatenate([s, s]))),
        ".* state",
    ),
    "other state": (
        optimizer(update=lambda g, s, p: (g, {"t": 1})),
        ".* state",
    ),
    "needs the loss": (optax.lbfgs(), "a transformation that needs only gradients and params"),
    "two arguments": (optimizer(update=lambda g, s: (g, s)), ""),
}


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_an_optimizer_that_is_none_is_refused(case: str) -> None:
    wrong, message = OPTIMIZERS[case]
    with pytest.raises((TypeError, ValueError), match=rf"^optimizer: expected .*{message}"):
        run(optimizer=wrong)


def test_what_the_callers_own_code_raises_stays_as_it_is() -> None:
    def loss(predictions: Any, targets: Any) -> Any:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        run(loss=loss)


def clamped(logits: Any, labels: Any) -> Any:
    """A loss that sees no class where the label is none."""
    return -(jax.nn.one_hot(labels, 3) * jax.nn.log_softmax(logits)).sum(1)


@pytest.mark.parametrize("shift", [1, 99, -1, -3])
@pytest.mark.parametrize(
    "loss", [softmax_cross_entropy_with_integer_labels, cross_entropy, clamped]
)
def test_validation_labels_are_looked_at_as_those_of_the_data(loss: Any, shift: int) -> None:
    held_out = {"validation": (INPUTS, LABELS + shift)}
    message = r"^validation: expected (labels from 0 to 2|targets whose loss is finite)"
    with pytest.raises(ValueError, match=message):
        run(loss=loss, **held_out)
    with pytest.raises(ValueError, match=message):
        sweep(NET, loss, [sgd(0.1)], flowers(), epochs=1, batch_size=16, keys=KEY, **held_out)


def test_labels_that_are_left_out_on_purpose_stay_allowed() -> None:
    """A loss may take negative labels for "not known", if the data have them as well."""

    def known_only(logits: Any, labels: Any) -> Any:
        return jnp.where(labels < 0, 0.0, cross_entropy(logits, jnp.maximum(labels, 0)))

    some = np.where(np.arange(90) % 5, LABELS, -100)
    result = run(loss=known_only, data=(INPUTS, some), validation=(INPUTS, some))
    assert np.isfinite(result.history.validation_loss).all()


def test_a_trial_is_remembered() -> None:
    traced = []

    def loss(predictions: Any, targets: Any) -> Any:
        traced.append(predictions)
        return cross_entropy(predictions, targets)

    run(loss=loss)
    first = len(traced)
    run(loss=loss, key=jax.random.key(9), optimizer=adam(0.5))
    eager = 1  # with all targets
    assert len(traced) == first + eager
