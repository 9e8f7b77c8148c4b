"""Parts of a neural network, each a pair of functions over plain parameters.

    params = init(key, ...)        initial parameters
    y = apply(params, x, ...)      outputs for one input or a batch

A `Model` is such a pair for a whole network. The functions are pure: they keep no parameters, and
randomness comes from a key that the caller hands in.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from course.checks import (
    BELOW_1,
    Arguments,
    axes_spec,
    check_parts,
    check_size,
    checked,
    count,
    finite,
    key,
    number,
    one_of,
    refusal,
)
from course.models.inputs import NOT_NEGATIVE, features_of

Params: TypeAlias = Any  # a pytree: dicts, tuples and lists of arrays, nested in any way


class Model(NamedTuple):
    """A network as two functions; hashable, so that `jit` can take it as a static argument.

    Functions equal only themselves: a factory that keeps what it made, as `mlp` does, gives equal
    models for equal arguments.
    """

    init: Callable[..., Params]
    """Function init(key) -> params, the initial parameters."""
    apply: Callable[..., Array]
    """Function apply(params, inputs, *, key=None) -> predictions, the batch axis first.

    Without a key nothing in it is random: dropout is off.
    """


# The function of a neuron after its sum, by name:
#
#     identity  x                        sigmoid   1/(1 + exp(-x))
#     relu      max(x, 0), slope 0 at 0  tanh      2 sigmoid(2x) - 1
#     gelu      x Phi(x)                 silu      x sigmoid(x)
#     softplus  log(1 + exp(x))
#
# Phi is the distribution function of the standard normal distribution.
ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "identity": lambda x: x,
        "relu": jax.nn.relu,
        "sigmoid": jax.nn.sigmoid,
        "tanh": jnp.tanh,
        "gelu": partial(jax.nn.gelu, approximate=False),
        "silu": jax.nn.silu,
        "softplus": jax.nn.softplus,
    }
)
# The activations that pass about half of what they are given; their layers begin larger.
RECTIFIERS = frozenset({"relu", "gelu", "silu"})
# A layer with at most as many outputs multiplies in the way that is quickest to differentiate.
NARROW = 16

DENSE = {"w": axes_spec("inputs outputs"), "b": axes_spec("outputs")}

activation_name = one_of(*ACTIVATIONS)


def _dense_params(name: str, value: Any, _arguments: Arguments) -> dict[str, Array]:
    """Rule for the parameters of a dense layer: w with two axes, b with w's second."""
    if not isinstance(value, Mapping) or not {"w", "b"} <= value.keys():
        raise refusal(name, "a dict with w and b", type(value).__name__, TypeError)
    return check_parts(name, value, DENSE)


@checked(key=key, inputs=count(), outputs=count(), activation=activation_name, scale=NOT_NEGATIVE)
def dense_init(
    key: PRNGKeyArray,
    inputs: int,
    outputs: int,
    *,
    activation: str = "relu",
    scale: float = 1.0,
) -> dict[str, Array]:
    """Draw the parameters of a dense layer, so that signals keep their size from layer to layer.

        w ~ Normal(0, s^2),    b = 0
        s^2 = 2/inputs               before a rectifier  (He)
        s^2 = 2/(inputs + outputs)   otherwise           (Glorot)

    Args:
        key: a JAX random key.
        inputs: number of inputs.
        outputs: number of outputs, the layer's neurons.
        activation: the name in ACTIVATIONS of what follows the layer.
        scale: a factor on s, at least 0; with 0 all weights begin at zero, and all the neurons of
            a hidden layer stay copies of each other.

    Returns:
        A dict of w (inputs, outputs) and b (outputs,).

    >>> params = dense_init(jax.random.key(0), 200, 100)
    >>> print(f"{params['w'].std():.2f}", params["b"].shape)
    0.10 (100,)

    Reference: K. He et al., Delving Deep into Rectifiers, ICCV (2015); X. Glorot and Y. Bengio,
    Understanding the Difficulty of Training Deep Feedforward Neural Networks, AISTATS (2010).
    """
    check_size("outputs", "weights", inputs, outputs)
    fan = inputs if activation in RECTIFIERS else inputs + outputs
    w = scale * math.sqrt(2 / fan) * jax.random.normal(key, (inputs, outputs))
    return {"w": w, "b": jnp.zeros(outputs)}


@checked(params=_dense_params, x=features_of(lambda params: len(params["w"])))
def dense_apply(
    params: Mapping[str, Array], x: Float[Array, "*batch inputs"]
) -> Float[Array, "*batch outputs"]:
    """Apply a dense layer: every output is a weighted sum of all inputs and a bias.

        y = x w + b

    Args:
        params: a dict of w (inputs, outputs) and b (outputs,).
        x: one input or a batch of them.

    Returns:
        The sums y; apply one of ACTIVATIONS to them.

    >>> params = {"w": jnp.array([[1.0], [10.0]]), "b": jnp.array([0.5])}
    >>> print(dense_apply(params, [[1, 2], [3, 4]]))
    [[21.5]
     [43.5]]

    Reference: I. Goodfellow, Y. Bengio and A. Courville, Deep Learning (2016), section 6.1.
    """
    w, b = params["w"], params["b"]
    if w.shape[1] > NARROW:
        return x @ w + b
    # The same product, whose gradient of w is (d'x)' instead of x'd: on a CPU, XLA takes up to
    # several times as long for the second, and would make it of the first but for the barrier.
    return x @ jax.lax.optimization_barrier(w.T).T + b


@checked(x=finite, rate=number("a rate from 0 to below 1", 0.0, BELOW_1), key=key)
def dropout(
    x: Float[Array, "*shape"], rate: float | Float[Array, ""], key: PRNGKeyArray | None = None
) -> Float[Array, "*shape"]:
    """Silence units at random while training, so that no unit can rely on another.

        y = x/(1 - rate) with probability 1 - rate,    else 0

    The factor keeps the mean: nothing has to be rescaled when dropout is off.

    Args:
        x: the units.
        rate: the share that is *dropped*, from 0 to below 1.
        key: a JAX random key; without one dropout is off.

    Returns:
        The units, silenced or enlarged; `x` itself without a key.

    >>> print(dropout(jnp.ones(8), 0.5, jax.random.key(0)))
    [0. 0. 2. 2. 0. 2. 2. 0.]

    Reference: N. Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from
    Overfitting, Journal of Machine Learning Research 15 (2014), 1929-1958, section 10.
    """
    if key is None or (isinstance(rate, float) and rate == 0):
        return x
    keep = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0)
