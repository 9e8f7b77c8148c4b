"""Multilayer perceptron: dense layers with an activation between them."""

import functools
import itertools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jaxtyping import Array, Float, PRNGKeyArray

from course.checks import (
    BELOW_1,
    Arguments,
    Rule,
    axes_spec,
    check_parts,
    check_size,
    checked,
    count,
    key,
    number,
    refusal,
    sequence,
)
from course.models import layers
from course.models.inputs import NOT_NEGATIVE, features_of
from course.models.layers import ACTIVATIONS, Model, Params

MOST_LAYERS = 100  # each of which takes a while to compile


def _sizes(name: str, value: Any, arguments: Arguments) -> tuple[int, ...]:
    """Rule for at least two sizes, each at least 1; becomes a tuple."""
    given = sequence(name, value, "a tuple of integers", MOST_LAYERS + 1)
    sizes = tuple(count()(name, size, arguments) for size in given)
    if len(sizes) < 2:
        raise refusal(name, "at least two sizes, of the input and of the output", sizes)
    for pair in itertools.pairwise(sizes):
        check_size(name, "weights between two layers", *pair)
    check_size(name, "weights", sum(map(operator.mul, sizes, sizes[1:])))
    return sizes


def _fixed(rule: Rule) -> Rule:
    """Return the rule for a number that is part of a compiled program, so that none is traced."""

    def fixed(name: str, value: Any, arguments: Arguments) -> Any:
        if isinstance(value, jax.core.Tracer):
            raise refusal(name, "a number that is not traced", type(value).__name__, TypeError)
        return rule(name, value, arguments)

    return fixed


def _params_of(sizes: tuple[int, ...]) -> Rule:
    """Return a rule for the parameters of a network with these sizes."""
    specs = [
        {"w": axes_spec(f"{inputs} {outputs}"), "b": axes_spec(f"{outputs}")}
        for inputs, outputs in itertools.pairwise(sizes)
    ]

    def rule(name: str, value: Any, _arguments: Arguments) -> Any:
        if not isinstance(value, tuple | list):
            raise refusal(name, f"{len(specs)} layers", type(value).__name__, TypeError)
        for layer in value:
            if not isinstance(layer, Mapping) or not {"w", "b"} <= layer.keys():
                kind = type(layer).__name__
                raise refusal(name, "layers that are dicts with w and b", f"a {kind}", TypeError)
        if len(value) != len(specs):
            raise refusal(name, f"{len(specs)} layers", len(value))
        return tuple(
            check_parts(name, layer, spec, where=f" of layer {place}")
            for place, (layer, spec) in enumerate(zip(value, specs, strict=True))
        )

    return rule


@checked(
    sizes=_sizes,
    activation=layers.activation_name,
    dropout=_fixed(number("a rate from 0 to below 1", 0.0, BELOW_1)),
    init_scale=_fixed(NOT_NEGATIVE),
)
def mlp(
    sizes: Sequence[int],
    *,
    activation: str = "relu",
    dropout: float = 0.0,
    init_scale: float = 1.0,
) -> Model:
    """Return a multilayer perceptron.

        h_0 = inputs,    h_i = f(h_(i-1) w_i + b_i),    predictions = h_(n-1) w_n + b_n

    The last layer is linear: what comes out are logits for a classifier, and means for a
    regression. Dropout follows each activation, so neither inputs nor predictions are dropped.

    Args:
        sizes: of the input, of each hidden layer and of the output: (64, 128, 10) has one hidden
            layer of 128 neurons. At most 100 layers, and 2^27 weights in all.
        activation: the f of the hidden layers, a name in `course.models.layers.ACTIVATIONS`.
        dropout: the share of hidden units that is *dropped* while training, from 0 to below 1.
        init_scale: a factor on the random initial weights; with 0 they are zeros.

    Returns:
        Model: init(key) gives a tuple with a dict of w and b for each layer, and
        apply(params, inputs, key=None) the predictions. Equal arguments give equal models.

    >>> model = mlp((2, 16, 3))
    >>> params = model.init(jax.random.key(0))
    >>> model.apply(params, jax.numpy.zeros((5, 2))).shape
    (5, 3)

    Reference: I. Goodfellow, Y. Bengio and A. Courville, Deep Learning (2016), chapter 6.
    """
    return _mlp(tuple(sizes), activation, dropout, init_scale)


# One model for the same arguments, however they were spelled: functions are equal only to
# themselves, and a program compiled for a model serves every caller that asks for that model.
@functools.cache
def _mlp(sizes: tuple[int, ...], activation: str, rate: float, init_scale: float) -> Model:
    """Return the model for converted arguments, the same object each time."""
    f = ACTIVATIONS[activation]
    hidden = len(sizes) - 2
    activations = [activation] * hidden + ["identity"]

    @checked(key=key)
    def init(key: PRNGKeyArray) -> Params:
        keys = jax.random.split(key, hidden + 1)
        return tuple(
            layers.dense_init(keys[i], sizes[i], sizes[i + 1], activation=name, scale=init_scale)
            for i, name in enumerate(activations)
        )

    # Inlined, it adds nothing to a program that calls it; called alone, it is compiled.
    @checked(params=_params_of(sizes), inputs=features_of(lambda _: sizes[0]), key=key)
    @functools.partial(jax.jit, inline=True)
    def apply(
        params: Params, inputs: Float[Array, "*batch inputs"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "*batch outputs"]:
        keys = [None] * hidden if key is None or rate == 0 else jax.random.split(key, hidden)
        h = inputs
        for layer, layer_key in zip(params[:-1], keys, strict=True):
            h = layers.dropout(f(layers.dense_apply(layer, h)), rate, layer_key)
        return layers.dense_apply(params[-1], h)

    return Model(init, apply)
