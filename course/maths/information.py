"""Information theory for discrete beliefs: surprise, entropy, divergences, mutual information.

A belief is an array of probabilities that sum to 1 along `axis`; further axes are a batch. Every
function takes `unit="bits"` (logarithms to base 2) or `unit="nats"` (natural logarithms).

Conventions at the edge, where a probability is 0 (below 1.2e-38 counts as 0 in float32):

- 0 log 0 = 0: what never happens costs nothing. log 1/0 = inf, so the surprise at an impossible
  outcome is inf, and so are cross-entropy and KL divergence where q = 0 < p.
- Gradients treat every probability as a free number, as the formula is written; along the simplex
  only differences between entries mean anything, so any constant may be added to them.
- Divergences are right to about 1e-6 bits, as sums of float32 logarithms are, and never negative.
- Gradients stay finite. Where a slope would be infinite, the offending logarithm counts as 0: the
  entropy has slope 0 at p = 0, and an outcome that costs inf pulls neither p nor q. (If the cost
  must pull q away from 0, work with logits: they have no edge.) What remains is overflow: of 1/p^2
  in second derivatives below about 1e-19 in float32, of 1/p itself below 1.5e-5 in float16.
"""

import math
from functools import partial
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Float

from course.checks import (
    MOST_AXES,
    Arguments,
    Shape,
    checked,
    count,
    describe_shape,
    one_of,
    positive,
    probabilities,
    probability,
    refusal,
)

Unit: TypeAlias = Literal["bits", "nats"]

NATS_PER: dict[Unit, float] = {"bits": math.log(2), "nats": 1.0}
UNIT = one_of(*NATS_PER)
AXIS = count(-MOST_AXES, MOST_AXES)  # whether an array has it is the array's rule to say


def axis_of(name: str, shape: Shape, axis: int) -> int:
    """Return an axis of an array, counted from the end; refuse one that it does not have.

    Args:
        name: parameter that holds the array, for the message.
        shape: of the array.
        axis: an integer, from either end.

    Returns:
        The axis, below 0.
    """
    if not shape:
        raise refusal(name, "at least one dimension", describe_shape(shape))
    if not -len(shape) <= axis < len(shape):
        raise refusal("axis", f"an axis of shape {shape}", axis)
    return axis if axis < 0 else axis - len(shape)


def _belief(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for distributions along the parameter `axis`, q with as many outcomes as p."""
    along = axis_of(name, value.shape, arguments["axis"])
    if name == "q":
        shape = arguments["p"].shape
        if axis_of("p", shape, arguments["axis"]) != along or shape[along] != value.shape[along]:
            raise refusal(name, f"a shape like p {shape}", describe_shape(value.shape))
    return probabilities(along)(name, value, arguments)


@checked(p=probability, unit=UNIT)
@partial(jax.jit, static_argnames="unit")
def surprisal(p: Float[Array, "*shape"], *, unit: Unit = "bits") -> Float[Array, "*shape"]:
    """Return the surprise at an outcome of probability p.

        s(p) = log 1/p

    Args:
        p: probabilities, each on its own.
        unit: "bits" or "nats".

    Returns:
        The surprise at each: 0 for a certain outcome, inf for an impossible one.

    >>> print(surprisal([1.0, 0.5, 0.125, 0.0]))
    [ 0.  1.  3. inf]

    Reference: C. E. Shannon, A Mathematical Theory of Communication (1948); D. MacKay, Information
    Theory, Inference, and Learning Algorithms (2003), section 2.4.
    """
    return jnp.where(p > 0, _surprise(p), jnp.inf) / NATS_PER[unit]


@checked(axis=AXIS, p=_belief, unit=UNIT)
@partial(jax.jit, static_argnames=("axis", "unit"))
def entropy(
    p: Float[Array, "*shape"], *, axis: int = -1, unit: Unit = "bits"
) -> Float[Array, "*batch"]:
    """Return the entropy of a belief: the mean surprise at an outcome that follows p.

        H(p) = sum_i p_i log 1/p_i

    Args:
        p: probabilities that sum to 1 along `axis`.
        axis: the axis of the outcomes.
        unit: "bits" or "nats".

    Returns:
        The entropy of each belief, from 0 (certainty) to the logarithm of the number of outcomes.

    >>> print(f"{entropy([0.65, 0.30, 0.05]):.3f} bits")
    1.141 bits

    Reference: T. Cover and J. Thomas, Elements of Information Theory (2nd ed., 2006), section 2.1.
    """
    return jnp.sum(p * _surprise(p) / NATS_PER[unit], axis=axis)


@checked(axis=AXIS, p=_belief, q=_belief, unit=UNIT)
@partial(jax.jit, static_argnames=("axis", "unit"))
def cross_entropy(
    p: Float[Array, "*#shape"],
    q: Float[Array, "*#shape"],
    *,
    axis: int = -1,
    unit: Unit = "bits",
) -> Float[Array, "*batch"]:
    """Return the mean surprise of the belief q at an outcome that follows p.

        H(p, q) = sum_i p_i log 1/q_i = H(p) + KL(p || q)

    Args:
        p: the truth: probabilities that sum to 1 along `axis`.
        q: the belief, with as many outcomes; batches of both broadcast.
        axis: the axis of the outcomes.
        unit: "bits" or "nats".

    Returns:
        The cross-entropy of each pair, at least H(p); inf where q rules out what p allows.

    >>> print(f"{cross_entropy([0.5, 0.5], [0.75, 0.25]):.4f} bits")
    1.2075 bits

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 6.1.2.
    """
    cost = jnp.where((p > 0) & (q <= 0), jnp.inf, p * _surprise(q))
    return jnp.sum(cost / NATS_PER[unit], axis=axis)


@checked(axis=AXIS, p=_belief, q=_belief, unit=UNIT)
@partial(jax.jit, static_argnames=("axis", "unit"))
def kl_divergence(
    p: Float[Array, "*#shape"],
    q: Float[Array, "*#shape"],
    *,
    axis: int = -1,
    unit: Unit = "bits",
) -> Float[Array, "*batch"]:
    """Return the cost of the wrong belief: the mean surprise that q adds to the entropy of p.

        KL(p || q) = sum_i p_i log p_i/q_i

    Args:
        p: the truth: probabilities that sum to 1 along `axis`.
        q: the belief, with as many outcomes; batches of both broadcast.
        axis: the axis of the outcomes.
        unit: "bits" or "nats".

    Returns:
        The divergence of each pair: 0 if p = q, never negative, inf where q rules out what p
        allows.

    >>> print(f"{kl_divergence([0.5, 0.5], [0.75, 0.25]):.4f} bits")
    0.2075 bits

    Reference: T. Cover and J. Thomas, Elements of Information Theory (2nd ed., 2006), section 2.3.
    """
    cost = jnp.where((p > 0) & (q <= 0), jnp.inf, p * (_surprise(q) - _surprise(p)))
    return _at_least_0(jnp.sum(cost / NATS_PER[unit], axis=axis))


@checked(axis=AXIS, p=_belief, q=_belief, unit=UNIT)
@partial(jax.jit, static_argnames=("axis", "unit"))
def js_divergence(
    p: Float[Array, "*#shape"],
    q: Float[Array, "*#shape"],
    *,
    axis: int = -1,
    unit: Unit = "bits",
) -> Float[Array, "*batch"]:
    """Return the Jensen-Shannon divergence: symmetric, and at most one bit.

        JS(p, q) = KL(p || m)/2 + KL(q || m)/2,    m = (p + q)/2

    Args:
        p: probabilities that sum to 1 along `axis`.
        q: probabilities as well; batches of both broadcast.
        axis: the axis of the outcomes.
        unit: "bits" or "nats".

    Returns:
        The divergence of each pair, from 0 (p = q) to 1 bit (no outcome in common).

    >>> print(js_divergence([1, 0], [[1, 0], [0, 1]]))
    [0. 1.]

    Reference: J. Lin, Divergence Measures Based on the Shannon Entropy, IEEE Transactions on
    Information Theory 37 (1991), 145-151.
    """
    surprise = _surprise((p + q) / 2)
    cost = p * (surprise - _surprise(p)) + q * (surprise - _surprise(q))
    return _at_least_0(jnp.sum(cost / 2 / NATS_PER[unit], axis=axis))


@checked(joint=probabilities(None), unit=UNIT)
@partial(jax.jit, static_argnames="unit")
def mutual_information(
    joint: Float[Array, "rows columns"], *, unit: Unit = "bits"
) -> Float[Array, ""]:
    """Return the mean reduction of the uncertainty about one variable by another.

        I(x; y) = sum_xy p(x, y) log p(x, y)/(p(x) p(y)) = KL(p(x, y) || p(x) p(y))

    Args:
        joint: p(x, y), a table with a row for each x and a column for each y; it sums to 1.
        unit: "bits" or "nats".

    Returns:
        The mutual information: 0 if the variables are independent, never negative.

    >>> print(mutual_information([[0.5, 0.0], [0.0, 0.5]]))
    1.0

    Reference: T. Cover and J. Thomas, Elements of Information Theory (2nd ed., 2006), section 2.3.
    """
    x = joint.sum(axis=1, keepdims=True)
    y = joint.sum(axis=0, keepdims=True)
    gain = joint * (_surprise(x) + _surprise(y) - _surprise(joint))
    return _at_least_0(jnp.sum(gain / NATS_PER[unit]))


@checked(scale=positive, unit=UNIT)
@partial(jax.jit, static_argnames="unit")
def gaussian_entropy(
    scale: Float[Array, "*shape"], *, unit: Unit = "bits"
) -> Float[Array, "*shape"]:
    """Return the differential entropy of a normal distribution.

        h = 1/2 log(2 pi e scale^2)

    It counts no yes/no questions: it depends on the unit of measurement, and below a scale of
    0.242 it is negative.

    Args:
        scale: standard deviations, above 0.
        unit: "bits" or "nats".

    Returns:
        The differential entropy for each scale.

    >>> print(f"{gaussian_entropy(1.0):.3f} and {gaussian_entropy(0.1):.3f} bits")
    2.047 and -1.275 bits

    Reference: T. Cover and J. Thomas, Elements of Information Theory (2nd ed., 2006), section 8.1.
    """
    return (math.log(2 * math.pi * math.e) / 2 + jnp.log(scale)) / NATS_PER[unit]


def _surprise(p: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return log 1/p in nats; p = 0 counts as p = 1: a weight of 0, or a `where`, decides there."""
    return 0.0 - jnp.log(_positive(p))  # 0.0 - x: a certain outcome costs 0, not -0


def _at_least_0(total: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Return a divergence with what rounding has left below 0 set to 0; slopes stay as they are."""
    return total + stop_gradient(jnp.maximum(-total, 0))


def _positive(p: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return p with 1 in the place of 0: the inner of two `where`s, for gradients at the edge."""
    return jnp.where(p > 0, p, 1)
