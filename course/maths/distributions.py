"""From scores to beliefs, and what a belief pays when the outcome is known."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Float, Int

from course.checks import Finite, Labels, Probabilities, checked
from course.maths.information import UNIT, Unit, surprisal


@checked(logits=Finite(axis="axis"))
@partial(jax.jit, static_argnames="axis")
def softmax(logits: Float[Array, "*shape"], *, axis: int = -1) -> Float[Array, "*shape"]:
    """Turn any numbers into a belief: each score's share of the exponentials.

        p_i = exp(z_i) / sum_j exp(z_j)

    Args:
        logits: scores z of any size (nats: one more multiplies the odds by e).
        axis: the axis of the outcomes.

    Returns:
        Probabilities that sum to 1 along `axis`. Adding a constant to all logits changes nothing.

    Raises:
        TypeError, ValueError: if `logits` holds anything but finite numbers.

    >>> print(f"{softmax([2.0, 1.0, 0.0])[0]:.3f}")
    0.665

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 4.2.
    """
    # The largest score cancels in the ratio; without it the exponentials would overflow.
    largest = stop_gradient(jnp.max(logits, axis=axis, keepdims=True))
    weights = jnp.exp(logits - largest)
    return weights / jnp.sum(weights, axis=axis, keepdims=True)


@checked(forecast=Probabilities(), outcome=Labels(below="forecast"), unit=UNIT)
@partial(jax.jit, static_argnames="unit")
def log_score(
    forecast: Float[Array, "*days outcomes"], outcome: Int[Array, "*dates"], *, unit: Unit = "bits"
) -> Float[Array, "*scores"]:
    """Score a forecast by its surprise at what happened; lower is better.

        score = log 1/q(outcome)

    Args:
        forecast: probabilities q that sum to 1 along the last axis.
        outcome: the label of what happened, from 0; batches of both broadcast, so that one
            forecast can be scored on many outcomes.
        unit: "bits" or "nats".

    Returns:
        The score of each pair: 0 if the forecast was certain and right, inf if it ruled out what
        happened.

    Raises:
        TypeError, ValueError: if `forecast` is no array of distributions, or `outcome` is no
            array of its labels.

    >>> print(log_score([0.5, 0.25, 0.25, 0.0], [0, 1, 3]))
    [ 1.  2. inf]

    Reference: I. J. Good, Rational Decisions, Journal of the Royal Statistical Society B 14 (1952),
    107-114; T. Gneiting and A. Raftery, Strictly Proper Scoring Rules, JASA 102 (2007), 359-378.
    """
    surprise: Array = surprisal(_pick(forecast, outcome), unit=unit)
    return surprise


@checked(logits=Finite(axis=-1), label=Labels(below="logits"))
@jax.jit
def categorical_log_prob(
    label: Int[Array, "*labels"], logits: Float[Array, "*batch classes"]
) -> Float[Array, "*both"]:
    """The log-probability of a label under the belief that the logits stand for, in nats.

        log p(y) = z_y - log sum_j exp(z_j)

    Args:
        label: class labels y, from 0; batches of both broadcast.
        logits: scores z, the classes along the last axis.

    Returns:
        log p(y) for each pair, at most 0; finite where the probability itself would round to 0.

    Raises:
        TypeError, ValueError: if `logits` holds anything but finite numbers, or `label` is no array
            of its labels.

    >>> print(f"{categorical_log_prob(1, [0.0, 0.0, 0.0]):.4f} nats")
    -1.0986 nats

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 2.5.
    """
    return _pick(jax.nn.log_softmax(logits), label)


# Written for one row and one label; `vectorize` maps it over batches and broadcasts them.
_pick: Callable[[Array, Array], Array] = jnp.vectorize(
    lambda row, label: row[label], signature="(classes),()->()"
)
