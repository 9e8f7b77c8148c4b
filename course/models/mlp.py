"""The multilayer perceptron: dense layers with an activation between them."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from course.legacy_checks import Arguments, Count, Key, checked, refusal
from course.models.layers import (
    ACTIVATION,
    ACTIVATIONS,
    SCALE,
    STATIC_RATE,
    Inputs,
    Model,
    Params,
    dense_apply,
    dense_init,
    dropout,
)

_dropout = dropout.__wrapped__  # `mlp` has a parameter of this name


class _Sizes:
    """At least two sizes, each at least 1; becomes a tuple."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> tuple[int, ...]:
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            raise refusal(name, "a tuple of integers", type(value).__name__, TypeError)
        sizes = tuple(Count()(name, size, arguments) for size in value)
        if len(sizes) < 2:
            raise refusal(name, "at least two sizes, of the input and of the output", sizes)
        return sizes


@dataclass(frozen=True)
class _Layers:
    """The parameters of a network with these sizes."""

    sizes: tuple[int, ...]

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Any:
        wanted = list(zip(self.sizes, self.sizes[1:], strict=False))
        if not isinstance(value, (tuple, list)):
            raise refusal(name, f"{len(wanted)} layers", type(value).__name__, TypeError)
        for layer in value:
            if not isinstance(layer, Mapping) or not {"w", "b"} <= layer.keys():
                kind = type(layer).__name__
                raise refusal(name, "layers that are dicts with w and b", f"a {kind}", TypeError)
        got = [np.shape(layer["w"]) for layer in value]
        if got != wanted:
            raise refusal(name, f"layers with weights of {wanted}", got)
        return value


@checked(sizes=_Sizes(), activation=ACTIVATION, dropout=STATIC_RATE, init_scale=SCALE)
def mlp(
    sizes: Sequence[int],
    *,
    activation: str = "relu",
    dropout: float = 0.0,
    init_scale: float = 1.0,
) -> Model:
    """Describe a multilayer perceptron.

        h_0 = inputs,    h_i = f(h_(i-1) w_i + b_i),    predictions = h_(n-1) w_n + b_n

    The last layer is linear: what comes out are logits for a classifier, and means for a
    regression. Dropout follows each activation, so neither inputs nor predictions are dropped.

    Args:
        sizes: of the input, of each hidden layer and of the output: (64, 128, 10) has one hidden
            layer of 128 neurons.
        activation: the f of the hidden layers, a name in `course.models.layers.ACTIVATIONS`.
        dropout: the share of hidden units that is *dropped* while training, from 0 to below 1.
        init_scale: a factor on the random weights to begin with; 0 begins with zeros.

    Returns:
        Model: init(key) gives a tuple with a dict of w and b for each layer, and
        apply(params, inputs, key=None) the predictions. Equal arguments give equal models.

    Raises:
        TypeError, ValueError: if there are fewer than two sizes or one below 1, the activation is
            unknown, or a rate or scale is out of range.

    >>> model = mlp((2, 16, 3))
    >>> params = model.init(jax.random.key(0))
    >>> model.apply(params, np.zeros((5, 2))).shape
    (5, 3)

    Reference: I. Goodfellow, Y. Bengio and A. Courville, Deep Learning (2016), chapter 6.
    """
    return _mlp(tuple(sizes), activation, dropout, init_scale)


# One model for the same arguments, however they were spelled: functions are equal only to
# themselves, and a program compiled for a model shall serve everybody who asks for that model.
@functools.cache
def _mlp(sizes: tuple[int, ...], activation: str, rate: float, init_scale: float) -> Model:
    f = ACTIVATIONS[activation]
    hidden = len(sizes) - 2
    follows = [activation] * hidden + ["identity"]

    @checked(key=Key())
    def init(key: PRNGKeyArray) -> Params:
        keys = jax.random.split(key, hidden + 1)
        return tuple(
            dense_init.__wrapped__(keys[i], *sizes[i : i + 2], activation=name, scale=init_scale)
            for i, name in enumerate(follows)
        )

    @checked(params=_Layers(sizes), inputs=Inputs(features=sizes[0]), key=Key())
    def apply(
        params: Params, inputs: Float[Array, "*batch inputs"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "*batch outputs"]:
        keys = [None] * hidden if key is None or rate == 0 else jax.random.split(key, hidden)
        h = inputs
        for layer, layer_key in zip(params[:-1], keys, strict=True):
            h = _dropout(f(dense_apply.__wrapped__(layer, h)), rate, layer_key)
        predictions: Array = dense_apply.__wrapped__(params[-1], h)
        return predictions

    return Model(init, apply)
