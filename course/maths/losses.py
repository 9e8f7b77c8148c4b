"""Losses: the surprise of a prediction's belief at the true target.

    loss = -log p(target | prediction)        (natural logarithms: nats)

Each loss is the negative log-likelihood of a noise model: Bernoulli, categorical, normal or
Laplace. `squared_error` and `absolute_error` are the last two with a fixed scale, without their
constants.

Every function returns one loss for each prediction and averages nothing, as in optax: numbers of
shape (batch,) give losses (batch,), and (batch, outputs) give (batch, outputs); logits of shape
(batch, classes) stand for one belief a row and give (batch,). `sum_outputs` adds up the losses of
an example with several outputs.

Predictions and targets pair up one for one. Either may be a single number, held against all of the
other; nothing else broadcasts, since predictions (batch, 1) and targets (batch,) would silently
make (batch, batch) losses.

The edges and the limits of the floats are those of `course.maths.distributions`; a traced label
that is no class costs inf.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from course.checks import (
    Arguments,
    Rule,
    checked,
    describe_shape,
    finite,
    function,
    kind_of,
    labels,
    positive,
    probabilities,
    probability,
    read_array,
    refusal,
)
from course.maths import distributions

Loss: TypeAlias = Callable[[Any, Any], Array]


def _paired(rule: Rule, *others: str, own: int = 0, theirs: int = 0) -> Rule:
    """Return a rule for one value for each example of other arrays, or a single one for all.

    Args:
        rule: for the values.
        *others: earlier parameters.
        own: number of the value's last axes that belong to one example.
        theirs: the same of the others.
    """

    def check(name: str, value: Any, arguments: Arguments) -> Any:
        rows = value.ndim - own
        for other in others:
            examples = arguments[other].shape[: arguments[other].ndim - theirs]
            if rows and examples and value.shape[:rows] != examples:
                wanted = f"shape {examples + value.shape[rows:]} to go with {other}"
                raise refusal(name, wanted, describe_shape(value.shape))
        return rule(name, value, arguments)

    return check


@checked(logits=finite, labels=_paired(probability, "logits"))
@jax.jit
def sigmoid_binary_cross_entropy(
    logits: Float[Array, "*#shape"], labels: Float[Array, "*#shape"]
) -> Float[Array, "*both"]:
    """Return the cost of a belief about yes or no: Bernoulli noise.

        loss = -y log s(z) - (1 - y) log s(-z),    s(z) = 1/(1 + exp(-z)),    slope s(z) - y

    Args:
        logits: log-odds z of a yes, of any size. (Not probabilities: 0.9 would be taken for the
            log-odds of 71%.)
        labels: the truth y, 1 for yes and 0 for no, or a probability between them; as many as
            logits.

    Returns:
        One loss for each logit, in nats, finite for every logit.

    >>> print(sigmoid_binary_cross_entropy([0.0, 100.0, 100.0], [1, 1, 0]))
    [  0.6931472   0.        100.       ]

    Reference: I. Goodfellow, Y. Bengio and A. Courville, Deep Learning (2016), section 6.2.2.2.
    """
    # log s(z) = -softplus(-z), which is finite for every z.
    return labels * jax.nn.softplus(-logits) + (1 - labels) * jax.nn.softplus(logits)


@checked(logits=finite, labels=_paired(probabilities(), "logits", own=1, theirs=1))
@jax.jit
def softmax_cross_entropy(
    logits: Float[Array, "*#batch classes"], labels: Float[Array, "*#batch classes"]
) -> Float[Array, "*both"]:
    """Return the cost of a belief about one of several classes, where the truth is a belief too.

        loss = -sum_i y_i log q_i,    q = softmax(z),    slope q - y

    Args:
        logits: scores z of any size, the classes along the last axis.
        labels: the truth y: probabilities that sum to 1 along the last axis, such as one-hot rows.

    Returns:
        One loss for each row, in nats: the cross-entropy H(y, q).

    >>> print(softmax_cross_entropy([[0.0, 0.0], [0.0, 100.0]], [[0.5, 0.5], [1.0, 0.0]]))
    [  0.6931472 100.       ]

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.4.
    """
    # 0.0 - x: a certain and right belief costs 0, not -0; so below.
    return 0.0 - jnp.sum(labels * distributions.log_softmax(logits), axis=-1)


@checked(logits=finite, labels=_paired(labels("logits"), "logits", theirs=1))
@jax.jit
def softmax_cross_entropy_with_integer_labels(
    logits: Float[Array, "*#batch classes"], labels: Int[Array, "*#batch"]
) -> Float[Array, "*both"]:
    """Return the cost of a belief about one of several classes: categorical noise.

        loss = -log q_y = log sum_j exp(z_j) - z_y,    q = softmax(z),    slope q - onehot(y)

    Args:
        logits: scores z of any size, the classes along the last axis.
        labels: the true class y of each row, from 0.

    Returns:
        One loss for each row, in nats, to 1e-6.

    >>> print(softmax_cross_entropy_with_integer_labels([[0.0, 0.0], [0.0, 100.0]], [0, 1]))
    [0.6931472 0.       ]

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.4.
    """
    return 0.0 - distributions.categorical_log_prob(labels, logits)


@checked(predictions=finite, targets=_paired(finite, "predictions"))
@jax.jit
def squared_error(
    predictions: Float[Array, "*#shape"], targets: Float[Array, "*#shape"]
) -> Float[Array, "*both"]:
    """Return the square of the error: normal noise whose scale is fixed.

        loss = (prediction - target)^2

    For a scale of 1 it is twice the negative log-likelihood, up to a constant.

    Args:
        predictions: numbers.
        targets: the true ones, as many as predictions.

    Returns:
        One loss for each number, in the square of their unit.

    >>> print(squared_error([1.0, 2.0, 5.0], [1.0, 3.0, 3.0]))
    [0. 1. 4.]

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 1.2.5.
    """
    return (predictions - targets) ** 2


@checked(predictions=finite, targets=_paired(finite, "predictions"))
@jax.jit
def absolute_error(
    predictions: Float[Array, "*#shape"], targets: Float[Array, "*#shape"]
) -> Float[Array, "*both"]:
    """Return the size of the error: Laplace noise whose scale is fixed.

        loss = |prediction - target|

    Args:
        predictions: numbers.
        targets: the true ones, as many as predictions.

    Returns:
        One loss for each number, in their unit. Its slope is -1 or 1, and 0 where both are equal.

    >>> print(absolute_error([1.0, 2.0, 5.0], [1.0, 3.0, 3.0]))
    [0. 1. 2.]

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 5.1.5.
    """
    error = predictions - targets
    return error * jnp.sign(error)  # |error|, but with slope 0 at 0, where jnp.abs has slope 1


_TARGETS = _paired(finite, "mean")
_SCALE = _paired(positive, "mean", "targets")


@checked(mean=finite, targets=_TARGETS, scale=_SCALE)
@jax.jit
def gaussian_nll(
    mean: Float[Array, "*#shape"], targets: Float[Array, "*#shape"], scale: Float[Array, "*#shape"]
) -> Float[Array, "*all"]:
    """Return the cost of a belief about a number: normal noise, whose scale can be learned too.

        loss = z^2/2 + log(scale) + log(2 pi)/2,    z = (target - mean)/scale

    Args:
        mean: the predicted mean.
        targets: the true numbers, as many as means.
        scale: the predicted standard deviation, above 0 and in the unit of the targets: one for
            each, or one for all.

    Returns:
        One loss for each target, in nats, with all constants; below 0 where the density exceeds 1.

    >>> print(gaussian_nll([0.0, 0.0], [0.0, 2.0], 1.0))
    [0.9189385 2.9189386]

    Reference: D. Nix and A. Weigend, Estimating the mean and variance of the target probability
    distribution, IEEE International Conference on Neural Networks (1994), 55-60.
    """
    return 0.0 - distributions.normal_log_prob(targets, mean, scale)


@checked(mean=finite, targets=_TARGETS, scale=_SCALE)
@jax.jit
def laplace_nll(
    mean: Float[Array, "*#shape"], targets: Float[Array, "*#shape"], scale: Float[Array, "*#shape"]
) -> Float[Array, "*all"]:
    """Return the cost of a belief about a number that may have outliers: Laplace noise.

        loss = |z| + log(2 scale),    z = (target - mean)/scale

    Args:
        mean: the predicted mean.
        targets: the true numbers, as many as means.
        scale: the predicted mean distance from it, above 0 and in the unit of the targets: one for
            each, or one for all.

    Returns:
        One loss for each target, in nats, with all constants; below 0 where the density exceeds 1.

    >>> print(laplace_nll([0.0, 0.0], [0.0, 2.0], 1.0))
    [0.6931472 2.6931472]

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 2.7.
    """
    return 0.0 - distributions.laplace_log_prob(targets, mean, scale)


@checked(loss=function("a function (predictions, targets)", 2))
@functools.cache  # so that the same loss gives the same function, and compiles once
def sum_outputs(loss: Loss) -> Loss:
    """Return a loss that adds up an example's outputs: independent noise.

        total_n = sum_k loss_nk

    Args:
        loss: a function (predictions, targets) with one loss for each output.

    Returns:
        A function like it that returns one loss for each example, shape (batch,): what is left of
        the first axis.

    >>> predictions, targets = [[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]]
    >>> print(sum_outputs(squared_error)(predictions, targets))
    [ 1. 13.]

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 3.1.5.
    """

    def total(predictions: Any, targets: Any) -> Array:
        losses = read_array("loss", loss(predictions, targets))
        # There is one row for each example.
        rows = np.shape(predictions)[:1]
        if kind_of(losses.dtype) != "float" or not losses.ndim or losses.shape[:1] != rows:
            got = f"{losses.dtype} of {describe_shape(losses.shape)}"
            raise refusal("loss", "one float for each output", got, TypeError)
        return jnp.sum(losses, axis=tuple(range(1, losses.ndim)))

    return total
