"""What a prediction costs once the truth is known: the surprise that its belief assigns to it.

    loss = -log p(target | prediction)        (natural logarithms: nats)

A loss is a noise model seen from the other side: Bernoulli, categorical, normal or Laplace.
`squared_error` and `absolute_error` are what remains of the last two when the scale is fixed and
its constants are dropped.

Every function returns one loss for each prediction and averages nothing, as in optax: numbers of
shape (batch,) give losses (batch,), and (batch, outputs) give (batch, outputs); logits of shape
(batch, classes) stand for one belief a row and give (batch,). `sum_outputs` adds up the losses of
an example with several outputs.

Predictions and targets pair up one for one. Either may be a single number, held against all of the
other; nothing else broadcasts, since predictions (batch, 1) and targets (batch,) would silently
make (batch, batch) losses.

The edges, the limits of the floats, and what traced values give that cannot be checked are those of
`course.maths.distributions`: no slope is NaN, and a traced label that is no class costs inf.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from course.legacy_checks import Finite, Labels, Positive, Probabilities, Probability, checked
from course.maths import distributions
from course.maths.rules import Function, Paired

Loss: TypeAlias = Callable[[Any, Any], Array]


@checked(logits=Finite(), labels=Paired(Probability(), "logits"))
@jax.jit
def sigmoid_binary_cross_entropy(
    logits: Float[Array, "*#shape"], labels: Float[Array, "*#shape"]
) -> Float[Array, "*both"]:
    """The cost of a belief about yes or no: Bernoulli noise.

        loss = -y log s(z) - (1 - y) log s(-z),    s(z) = 1/(1 + exp(-z)),    slope s(z) - y

    Args:
        logits: log-odds z of a yes, of any size. (Not probabilities: 0.9 would be taken for the
            log-odds of 71%.)
        labels: the truth y, 1 for yes and 0 for no, or a probability between them; as many as
            logits.

    Returns:
        One loss for each logit, in nats, finite for every logit.

    Raises:
        TypeError, ValueError: if `logits` holds anything but finite numbers or `labels` anything
            but numbers from 0 to 1, or their shapes differ.

    >>> print(sigmoid_binary_cross_entropy([0.0, 100.0, 100.0], [1, 1, 0]))
    [  0.6931472   0.        100.       ]

    Reference: I. Goodfellow, Y. Bengio and A. Courville, Deep Learning (2016), section 6.2.2.2.
    """
    log_prob: Array = distributions.bernoulli_log_prob.__wrapped__(labels, logits)
    return 0.0 - log_prob


@checked(
    logits=Finite(axis=-1),
    labels=Paired(Probabilities(like="logits"), "logits", own=1, theirs=1),
)
@jax.jit
def softmax_cross_entropy(
    logits: Float[Array, "*#batch classes"], labels: Float[Array, "*#batch classes"]
) -> Float[Array, "*both"]:
    """The cost of a belief about one of several classes, where the truth is itself a belief.

        loss = -sum_i y_i log q_i,    q = softmax(z),    slope q - y

    Args:
        logits: scores z of any size, the classes along the last axis.
        labels: the truth y: probabilities that sum to 1 along the last axis, such as one-hot rows.

    Returns:
        One loss for each row, in nats: the cross-entropy H(y, q).

    Raises:
        TypeError, ValueError: if `logits` holds anything but finite numbers, `labels` is no array
            of distributions, or their shapes differ.

    >>> print(softmax_cross_entropy([[0.0, 0.0], [0.0, 100.0]], [[0.5, 0.5], [1.0, 0.0]]))
    [  0.6931472 100.       ]

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.4.
    """
    log_q: Array = distributions.log_softmax.__wrapped__(logits)
    # Scores further apart than the largest float make log q = -inf, and 0 inf would be NaN.
    log_q = jnp.nan_to_num(log_q, nan=jnp.nan)
    return 0.0 - jnp.sum(labels * log_q, axis=-1)


@checked(logits=Finite(axis=-1), labels=Paired(Labels(below="logits"), "logits", theirs=1))
@jax.jit
def softmax_cross_entropy_with_integer_labels(
    logits: Float[Array, "*batch classes"], labels: Int[Array, "*labels"]
) -> Float[Array, "*both"]:
    """The cost of a belief about one of several classes: categorical noise.

        loss = -log q_y = log sum_j exp(z_j) - z_y,    q = softmax(z),    slope q - onehot(y)

    Args:
        logits: scores z of any size, the classes along the last axis.
        labels: the true class y of each row, from 0.

    Returns:
        One loss for each row, in nats; small ones keep all their digits.

    Raises:
        TypeError, ValueError: if `logits` holds anything but finite numbers, `labels` anything but
            the classes' numbers, or there is not one label for each row.

    >>> print(softmax_cross_entropy_with_integer_labels([[0.0, 0.0], [0.0, 100.0]], [0, 1]))
    [0.6931472 0.       ]

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.4.
    """
    log_prob: Array = distributions.categorical_log_prob.__wrapped__(labels, logits)
    return 0.0 - log_prob


@checked(predictions=Finite(), targets=Paired(Finite(), "predictions"))
@jax.jit
def squared_error(
    predictions: Float[Array, "*#shape"], targets: Float[Array, "*#shape"]
) -> Float[Array, "*both"]:
    """The square of what the prediction is off: normal noise whose scale is fixed.

        loss = (prediction - target)^2

    For a scale of 1 it is twice the negative log-likelihood, up to a constant.

    Args:
        predictions: numbers.
        targets: the true ones, as many as predictions.

    Returns:
        One loss for each number, in the square of their unit.

    Raises:
        TypeError, ValueError: if an argument holds anything but finite numbers, or their shapes
            differ.

    >>> print(squared_error([1.0, 2.0, 5.0], [1.0, 3.0, 3.0]))
    [0. 1. 4.]

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 1.2.5.
    """
    return (predictions - targets) ** 2


@checked(predictions=Finite(), targets=Paired(Finite(), "predictions"))
@jax.jit
def absolute_error(
    predictions: Float[Array, "*#shape"], targets: Float[Array, "*#shape"]
) -> Float[Array, "*both"]:
    """How far the prediction is off: Laplace noise whose scale is fixed.

        loss = |prediction - target|

    Args:
        predictions: numbers.
        targets: the true ones, as many as predictions.

    Returns:
        One loss for each number, in their unit. Its slope is -1 or 1, and 0 where both are equal.

    Raises:
        TypeError, ValueError: if an argument holds anything but finite numbers, or their shapes
            differ.

    >>> print(absolute_error([1.0, 2.0, 5.0], [1.0, 3.0, 3.0]))
    [0. 1. 2.]

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 5.1.5.
    """
    off = predictions - targets
    return off * jnp.sign(off)  # |off|, where jnp.abs has slope 1 at 0


_MEAN = Finite()
_TARGETS = Paired(Finite(), "mean")
_SCALE = Paired(Positive(), "mean", "targets")


@checked(mean=_MEAN, targets=_TARGETS, scale=_SCALE)
@jax.jit
def gaussian_nll(
    mean: Float[Array, "*#shape"], targets: Float[Array, "*#shape"], scale: Float[Array, "*#shape"]
) -> Float[Array, "*all"]:
    """The cost of a belief about a number: normal noise, whose scale can be learned too.

        loss = z^2/2 + log(scale) + log(2 pi)/2,    z = (target - mean)/scale

    Args:
        mean: the predicted mean.
        targets: the true numbers, as many as means.
        scale: the predicted standard deviation, above 0 and in the unit of the targets: one for
            each, or one for all.

    Returns:
        One loss for each target, in nats, with all constants; below 0 where the density exceeds 1.

    Raises:
        TypeError, ValueError: if an argument holds anything but finite numbers, a scale is not
            above 0, or shapes differ.

    >>> print(gaussian_nll([0.0, 0.0], [0.0, 2.0], 1.0))
    [0.9189385 2.9189386]

    Reference: D. Nix and A. Weigend, Estimating the mean and variance of the target probability
    distribution, IEEE International Conference on Neural Networks (1994), 55-60.
    """
    log_prob: Array = distributions.normal_log_prob.__wrapped__(targets, mean, scale)
    return 0.0 - log_prob


@checked(mean=_MEAN, targets=_TARGETS, scale=_SCALE)
@jax.jit
def laplace_nll(
    mean: Float[Array, "*#shape"], targets: Float[Array, "*#shape"], scale: Float[Array, "*#shape"]
) -> Float[Array, "*all"]:
    """The cost of a belief about a number that may come with outliers: Laplace noise.

        loss = |z| + log(2 scale),    z = (target - mean)/scale

    Args:
        mean: the predicted mean.
        targets: the true numbers, as many as means.
        scale: the predicted mean distance from it, above 0 and in the unit of the targets: one for
            each, or one for all.

    Returns:
        One loss for each target, in nats, with all constants; below 0 where the density exceeds 1.

    Raises:
        TypeError, ValueError: if an argument holds anything but finite numbers, a scale is not
            above 0, or shapes differ.

    >>> print(laplace_nll([0.0, 0.0], [0.0, 2.0], 1.0))
    [0.6931472 2.6931472]

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 2.7.
    """
    log_prob: Array = distributions.laplace_log_prob.__wrapped__(targets, mean, scale)
    return 0.0 - log_prob


@checked(loss=Function())
@functools.cache  # so that the same loss gives the same function, and compiles once
def sum_outputs(loss: Loss) -> Loss:
    """Make a loss that adds up an example's outputs, as independent noise would.

        total_n = sum_k loss_nk

    Args:
        loss: a function (predictions, targets) with one loss for each output.

    Returns:
        A function like it that returns one loss for each example, shape (batch,): what is left of
        the first axis.

    Raises:
        TypeError: if `loss` cannot be called.

    >>> predictions, targets = [[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]]
    >>> print(sum_outputs(squared_error)(predictions, targets))
    [ 1. 13.]

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 3.1.5.
    """

    def total(predictions: Any, targets: Any) -> Array:
        losses = loss(predictions, targets)
        return jnp.sum(losses, axis=tuple(range(1, losses.ndim)))

    return total
