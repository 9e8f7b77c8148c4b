"""Probabilities from scores, and the log-probabilities and log-densities of outcomes.

At the edge, and where values cannot be checked because `jit` traces them:

- Log-probabilities of logits and their slopes are finite for logits up to 1e37 in size.
- Log-densities and their slopes are finite for scales from 1e-15 to 1e15 and points up to 1e4
  scales away. (Far outside, 1/scale^2 or the square of the distance overflows float32.)
- Traced, a label that is no class counts as impossible: its log-probability is -inf and its score
  inf (an index would have picked another class). A scale of 0 or below gives NaN or inf.
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient
from jaxtyping import Array, Float, Int

from course.checks import Arguments, checked, finite, labels, positive, probabilities, refusal
from course.maths.information import AXIS, UNIT, Unit, axis_of, surprisal


def _logits(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for scores along the parameter `axis`."""
    axis_of(name, value.shape, arguments["axis"])
    return finite(name, value, arguments)


def _binary(name: str, value: Any, _arguments: Arguments) -> Any:
    """Rule for outcomes of a yes/no question."""
    if not isinstance(value, jax.core.Tracer):
        values = np.asarray(value)
        wrong = values[(values != 0) & (values != 1)]
        if wrong.size:
            raise refusal(name, "outcomes 0 or 1", f"{wrong.flat[0]:.7g}")
    return value


@checked(axis=AXIS, logits=_logits)
@partial(jax.jit, static_argnames="axis")
def softmax(logits: Float[Array, "*shape"], *, axis: int = -1) -> Float[Array, "*shape"]:
    """Return the belief that logits stand for: each one's share of the exponentials.

        p_i = exp(z_i) / sum_j exp(z_j)

    Args:
        logits: scores z of any size (nats: one more multiplies the odds by e).
        axis: the axis of the outcomes.

    Returns:
        Probabilities that sum to 1 along `axis`. Adding a constant to all logits changes nothing.

    >>> print(f"{softmax([2.0, 1.0, 0.0])[0]:.3f}")
    0.665

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 4.2.
    """
    # The largest score cancels in the ratio; without it the exponentials would overflow.
    largest = stop_gradient(jnp.max(logits, axis=axis, keepdims=True))
    weights = jnp.exp(logits - largest)
    return weights / jnp.sum(weights, axis=axis, keepdims=True)


@checked(axis=AXIS, logits=_logits)
@partial(jax.jit, static_argnames="axis")
def log_softmax(logits: Float[Array, "*shape"], *, axis: int = -1) -> Float[Array, "*shape"]:
    """Return the logarithms of the belief that the logits stand for, in nats.

        log p_i = z_i - log sum_j exp(z_j)

    Args:
        logits: scores z of any size.
        axis: the axis of the outcomes.

    Returns:
        log p, finite where p itself would round to 0, to an absolute 1e-6 (and a relative 1e-6).

    >>> print(log_softmax([0.0, 1000.0]))
    [-1000.     0.]

    Reference: P. Blanchard, D. Higham and N. Higham, Accurately computing the log-sum-exp and
    softmax functions, IMA Journal of Numerical Analysis 41 (2021), 2311-2330.
    """
    # z less its largest: the result is the same, and closer, since no large numbers are left.
    shifted = logits - stop_gradient(jnp.max(logits, axis=axis, keepdims=True))
    return shifted - jax.nn.logsumexp(shifted, axis=axis, keepdims=True)


@checked(forecast=probabilities(), outcome=labels("forecast"), unit=UNIT)
@partial(jax.jit, static_argnames="unit")
def log_score(
    forecast: Float[Array, "*#days outcomes"], outcome: Int[Array, "*#days"], *, unit: Unit = "bits"
) -> Float[Array, "*both"]:
    """Score a forecast by its surprise at the outcome; lower is better.

        score = log 1/q(outcome)

    Args:
        forecast: probabilities q that sum to 1 along the last axis.
        outcome: the label of the outcome, from 0; batches of both broadcast, so that one forecast
            can be scored on many outcomes.
        unit: "bits" or "nats".

    Returns:
        The score of each pair: 0 if the forecast was certain and right, inf if it ruled the
        outcome out.

    >>> print(log_score([0.5, 0.25, 0.25, 0.0], [0, 1, 3]))
    [ 1.  2. inf]

    Reference: I. J. Good, Rational Decisions, Journal of the Royal Statistical Society B 14 (1952),
    107-114; T. Gneiting and A. Raftery, Strictly Proper Scoring Rules, JASA 102 (2007), 359-378.
    """
    return surprisal(_pick(forecast, outcome, 0), unit=unit)


@checked(logits=finite, label=labels("logits"))
@jax.jit
def categorical_log_prob(
    label: Int[Array, "*#batch"], logits: Float[Array, "*#batch classes"]
) -> Float[Array, "*both"]:
    """Return the log-probability of a label under the belief that the logits stand for, in nats.

        log p(y) = z_y - log sum_j exp(z_j)

    Args:
        label: class labels y, from 0; batches of both broadcast.
        logits: scores z, the classes along the last axis.

    Returns:
        log p(y) for each pair, at most 0; finite where the probability itself would round to 0.

    >>> print(f"{categorical_log_prob(1, [0.0, 0.0, 0.0]):.4f} nats")
    -1.0986 nats

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 2.5.
    """
    return _pick(log_softmax(logits), label, -jnp.inf)


@checked(y=_binary, logit=finite)
@jax.jit
def bernoulli_log_prob(
    y: Float[Array, "*#shape"], logit: Float[Array, "*#shape"]
) -> Float[Array, "*both"]:
    """Return the log-probability of a yes or a no under the belief of a logit, in nats.

        log p(y) = y log s(z) + (1 - y) log s(-z),    s(z) = 1/(1 + exp(-z))

    Args:
        y: outcomes, 1 for yes and 0 for no.
        logit: log-odds z of a yes, of any size; both broadcast.

    Returns:
        log p(y) for each pair, at most 0; finite where the probability itself would round to 0.

    >>> print(bernoulli_log_prob([0, 1], [1000.0, 1000.0]))
    [-1000.     0.]

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 2.4.
    """
    # log s(z) = -softplus(-z); "0.0 -" makes a certain outcome cost 0, not -0.
    return 0.0 - y * jax.nn.softplus(-logit) - (1 - y) * jax.nn.softplus(logit)


@checked(y=finite, mean=finite, scale=positive)
@jax.jit
def normal_log_prob(
    y: Float[Array, "*#shape"], mean: Float[Array, "*#shape"], scale: Float[Array, "*#shape"]
) -> Float[Array, "*all"]:
    """Return the log-density of a normal distribution, in nats.

        log p(y) = -z^2/2 - log(scale) - log(2 pi)/2,    z = (y - mean)/scale

    Args:
        y: observed numbers.
        mean: the mean, in the same unit.
        scale: the standard deviation in the same unit, above 0; all three broadcast.

    Returns:
        log p(y) for each triple, in nats; above 0 where the density exceeds 1.

    >>> print(f"{normal_log_prob(1.0, 0.0, 1.0):.4f}")
    -1.4189

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 1.2.4.
    """
    z = (y - mean) / scale
    return -(z**2) / 2 - jnp.log(scale) - math.log(2 * math.pi) / 2


@checked(y=finite, mean=finite, scale=positive)
@jax.jit
def laplace_log_prob(
    y: Float[Array, "*#shape"], mean: Float[Array, "*#shape"], scale: Float[Array, "*#shape"]
) -> Float[Array, "*all"]:
    """Return the log-density of a Laplace distribution, whose heavy tails suit outliers, in nats.

        log p(y) = -|z| - log(2 scale),    z = (y - mean)/scale

    Args:
        y: observed numbers.
        mean: the mean, which is the median too, in the same unit.
        scale: the mean distance from it, above 0; all three broadcast. (The standard
            deviation is 1.41 times as large.)

    Returns:
        log p(y) for each triple, in nats. At y = mean it has a corner, and slope 0 there.

    >>> print(f"{laplace_log_prob(1.0, 0.0, 1.0):.4f}")
    -1.6931

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 2.7.
    """
    z = (y - mean) / scale
    # z sign(z) is |z|, but with slope 0 at 0, where jnp.abs has slope 1.
    return -z * jnp.sign(z) - jnp.log(scale) - math.log(2)


def _pick(
    rows: Float[Array, "*#batch classes"], label: Int[Array, "*#batch"], missing: float
) -> Float[Array, "*both"]:
    """Return the entry of each row at its label; `missing` where the label is no class."""
    classes = rows.shape[-1]
    own = jnp.arange(classes) == label[..., None]
    picked = jnp.sum(jnp.where(own, rows, 0), axis=-1)
    return jnp.where((label >= 0) & (label < classes), picked, missing)
