"""From scores to beliefs, and what a belief pays when the outcome is known.

At the edge, and where values cannot be checked because `jit` traces them:

- Logits have no edge: log-probabilities and their slopes stay finite, up to scores of 1e38.
- A normal density of a point more than about 1e19 scales away (in float32) has the logarithm -inf,
  as it would need a number that no float holds. Slopes never leave the floats: they stop at a
  millionth of the largest, which leaves room to sum a million of them.
- Traced, a label that is no class counts as impossible: its log-probability is -inf and its score
  inf (an index would have picked another class). A scale of 0 or below gives NaN or inf.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient
from jaxtyping import Array, Float, Int

from course.legacy_checks import (
    Arguments,
    Finite,
    Labels,
    Positive,
    Probabilities,
    checked,
    refusal,
)
from course.maths.information import UNIT, Unit, surprisal
from course.maths.rules import Together


class _Binary(Finite):
    """Outcomes of a yes/no question."""

    expected: ClassVar[str] = "outcomes 0 or 1"

    def check_values(self, name: str, values: np.ndarray, _arguments: Arguments) -> None:
        wrong = values[(values != 0) & (values != 1)]
        if wrong.size:
            raise refusal(name, self.expected, f"{wrong.flat[0]:.7g}")


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


@checked(logits=Finite(axis="axis"))
@partial(jax.jit, static_argnames="axis")
def log_softmax(logits: Float[Array, "*shape"], *, axis: int = -1) -> Float[Array, "*shape"]:
    """The logarithms of the belief that the logits stand for, in nats.

        log p_i = z_i - log sum_j exp(z_j)

    Args:
        logits: scores z of any size.
        axis: the axis of the outcomes.

    Returns:
        log p, at most 0: finite where p itself would round to 0, and with all its digits where p
        would round to 1.

    Raises:
        TypeError, ValueError: if `logits` holds anything but finite numbers.

    >>> print(log_softmax([0.0, 1000.0]))
    [-1000.     0.]

    Reference: P. Blanchard, D. Higham and N. Higham, Accurately computing the log-sum-exp and
    softmax functions, IMA Journal of Numerical Analysis 41 (2021), 2311-2330.
    """
    shifted = logits - stop_gradient(jnp.max(logits, axis=axis, keepdims=True))
    # The largest term of the sum is exp(0) = 1 (or several are). Adding the others to 1 would
    # round small ones away: log1p takes their sum alone.
    largest = shifted == 0
    share = largest / jnp.sum(largest, axis=axis, keepdims=True)
    others = jnp.sum(jnp.exp(shifted) - share, axis=axis, keepdims=True)
    return shifted - jnp.log1p(others)


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
    surprise: Array = surprisal(_pick(forecast, outcome, 0), unit=unit)
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
    return _pick(log_softmax.__wrapped__(logits), label, -jnp.inf)


@checked(y=_Binary(), logit=Finite(like="y"))
@jax.jit
def bernoulli_log_prob(
    y: Float[Array, "*#shape"], logit: Float[Array, "*#shape"]
) -> Float[Array, "*both"]:
    """The log-probability of a yes or a no under the belief that the logit stands for, in nats.

        log p(y) = y log s(z) + (1 - y) log s(-z),    s(z) = 1/(1 + exp(-z))

    Args:
        y: outcomes, 1 for yes and 0 for no.
        logit: log-odds z of a yes, of any size; both broadcast.

    Returns:
        log p(y) for each pair, at most 0; finite where the probability itself would round to 0.

    Raises:
        TypeError, ValueError: if `y` holds anything but 0 and 1 or `logit` anything but finite
            numbers, or they do not broadcast.

    >>> print(bernoulli_log_prob([0, 1], [1000.0, 1000.0]))
    [-1000.     0.]

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 2.4.
    """
    # log s(z) = -softplus(-z); "0.0 -" makes a certain outcome cost 0, not -0.
    return 0.0 - y * jax.nn.softplus(-logit) - (1 - y) * jax.nn.softplus(logit)


@checked(y=Finite(), mean=Finite(like="y"), scale=Together(Positive(), "y", "mean"))
@jax.jit
def normal_log_prob(
    y: Float[Array, "*#shape"], mean: Float[Array, "*#shape"], scale: Float[Array, "*#shape"]
) -> Float[Array, "*all"]:
    """The log-density of a normal distribution, in nats.

        log p(y) = -z^2/2 - log(scale) - log(2 pi)/2,    z = (y - mean)/scale

    Args:
        y: observed numbers.
        mean: the mean, in the same unit.
        scale: the standard deviation, likewise, above 0; all three broadcast.

    Returns:
        log p(y) for each triple, in nats; above 0 where the density exceeds 1.

    Raises:
        TypeError, ValueError: if an argument holds anything but finite numbers, a scale is not
            above 0, or they do not broadcast.

    >>> print(f"{normal_log_prob(1.0, 0.0, 1.0):.4f}")
    -1.4189

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 1.2.4.
    """
    return _log_density(lambda z: -z * z / 2 - math.log(2 * math.pi) / 2, y - mean, scale)


@checked(y=Finite(), mean=Finite(like="y"), scale=Together(Positive(), "y", "mean"))
@jax.jit
def laplace_log_prob(
    y: Float[Array, "*#shape"], mean: Float[Array, "*#shape"], scale: Float[Array, "*#shape"]
) -> Float[Array, "*all"]:
    """The log-density of a Laplace distribution, whose tails forgive an outlier, in nats.

        log p(y) = -|z| - log(2 scale),    z = (y - mean)/scale

    Args:
        y: observed numbers.
        mean: the mean, which is the median too, in the same unit.
        scale: the mean distance from it, likewise, above 0; all three broadcast. (The standard
            deviation is 1.41 times as large.)

    Returns:
        log p(y) for each triple, in nats. At y = mean it has a corner, and slope 0 there.

    Raises:
        TypeError, ValueError: if an argument holds anything but finite numbers, a scale is not
            above 0, or they do not broadcast.

    >>> print(f"{laplace_log_prob(1.0, 0.0, 1.0):.4f}")
    -1.6931

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 2.7.
    """
    # z sign(z) is |z|, but jnp.abs has slope 1 at 0.
    return _log_density(lambda z: -z * jnp.sign(z) - math.log(2), y - mean, scale)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _log_density(
    log_shape: Callable[[Array], Array],
    error: Float[Array, "*#shape"],
    scale: Float[Array, "*#shape"],
) -> Float[Array, "*all"]:
    """log p = log_shape(z) - log(scale), z = error/scale: one curve, moved and stretched."""
    return log_shape(error / scale) - jnp.log(scale)


@_log_density.defjvp
def _log_density_tangent(
    log_shape: Callable[[Array], Array],
    primals: tuple[Array, Array],
    tangents: tuple[Array, Array],
) -> tuple[Array, Array]:
    """Its slopes, where differentiating the formula would overflow at 1/scale^2 (and 0 inf = NaN).

    They are cut where they leave the floats, with room for the sum over a million examples: two
    infinite slopes of opposite sign would make NaN.
    """
    error, scale = primals
    z = error / scale
    slope = jax.jvp(log_shape, (z,), (jnp.ones_like(z),))[1]
    most = jnp.finfo(z.dtype).max / 2**20  # type: ignore[no-untyped-call]  # JAX declares no types
    by_error = jnp.clip(slope / scale, -most, most)
    by_scale = jnp.clip(-(1 + z * slope) / scale, -most, most)
    tangent = by_error * tangents[0] + by_scale * tangents[1]
    return _log_density(log_shape, error, scale), tangent


def _pick(
    rows: Float[Array, "*batch classes"], label: Int[Array, "*labels"], missing: float
) -> Float[Array, "*both"]:
    """The entry of each row that its label points at."""
    classes = rows.shape[-1]
    own = jnp.arange(classes) == label[..., None]
    picked = jnp.sum(jnp.where(own, rows, 0), axis=-1)
    return jnp.where((label >= 0) & (label < classes), picked, missing)
