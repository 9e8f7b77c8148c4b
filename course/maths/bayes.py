"""Bayes' rule for a few hypotheses, and for the bias of a coin (`Beta`).

    posterior = likelihood x prior, scaled to sum to 1

The products are sums of logarithms, so the product of 5,000 likelihoods does not underflow, and a
hypothesis that falls thousands of nats behind can still come back.

Values traced by `jit` cannot be checked. Evidence that is impossible under every hypothesis, an
error otherwise, then gives a posterior of zeros: every hypothesis is ruled out, for good. A number
below 1.2e-38 counts as 0, and has slope 0.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betaln, digamma
from jax.scipy.stats import beta as beta_distribution
from jaxtyping import Array, Float

from course.checks import (
    HUGE,
    TINY,
    Arguments,
    Shape,
    check_range,
    checked,
    number,
    probabilities,
    probability,
    refusal,
    single_precision,
    within,
)

NEVER = -1e30  # logarithm of 0: finite, so that differences of two are no NaN
Parameter: TypeAlias = Float[Array, "*#shape"]


def _likelihood(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for p(evidence | hypothesis), not 0 for every hypothesis that the prior allows."""
    check_range(name, value, 0.0, HUGE, "finite numbers of at least 0")
    prior = arguments["prior"]
    if isinstance(value, jax.core.Tracer) or isinstance(prior, jax.core.Tracer):
        return value
    alive = (np.asarray(value) >= TINY) & (np.asarray(prior) >= TINY)
    if name == "likelihoods":  # along the steps, what is ruled out once remains so
        alive = np.logical_and.accumulate(alive)
    dead = ~alive.any(axis=-1)
    if dead.any():
        step = f" from step {dead.argmax()} on" if name == "likelihoods" else ""
        expected = "a likelihood above 0 for a hypothesis whose prior is above 0"
        got = f"none{step}: the evidence is impossible under every hypothesis"
        raise refusal(name, expected, got)
    return value


# NEVER and products of likelihoods lie beyond the range of float16.
_PRIOR = single_precision(probabilities())
_LIKELIHOOD = single_precision(_likelihood)


@checked(prior=_PRIOR, likelihood=_LIKELIHOOD)
@jax.jit
def update(
    prior: Float[Array, "*#batch hypotheses"], likelihood: Float[Array, "*#batch hypotheses"]
) -> Float[Array, "*both hypotheses"]:
    """Return the belief after the evidence, by Bayes' rule.

        p(h | evidence) = p(evidence | h) p(h) / sum_k p(evidence | k) p(k)

    Args:
        prior: p(h), probabilities that sum to 1 along the last axis.
        likelihood: p(evidence | h) for each hypothesis; only its proportions matter, and densities
            do as well. Batches of both broadcast.

    Returns:
        p(h | evidence), probabilities that sum to 1 along the last axis, to a relative 1e-5.

    Raises:
        ValueError: if the evidence is impossible under every hypothesis.

    >>> ill, positive = [0.01, 0.99], [0.9, 0.09]
    >>> print(f"{update(ill, positive)[0]:.1%}")
    9.2%

    Reference: D. MacKay, Information Theory, Inference, and Learning Algorithms (2003), section
    2.3; tests counted in people: G. Gigerenzer, Reckoning with Risk (2002), chapter 4.
    """
    return _belief(_log(prior) + _log_likelihood(likelihood))


@checked(prior=_PRIOR, likelihoods=_LIKELIHOOD)
@jax.jit
def update_sequence(
    prior: Float[Array, " hypotheses"], likelihoods: Float[Array, "steps hypotheses"]
) -> Float[Array, "steps_and_prior hypotheses"]:
    """Return the beliefs before and after each of many independent pieces of evidence.

        p(h | first t) = p(evidence_t | h) p(h | first t - 1) / (their sum over h)

    Args:
        prior: p(h), probabilities that sum to 1.
        likelihoods: p(evidence_t | h), a row for each step t and a column for each hypothesis.

    Returns:
        Beliefs, one row more than `likelihoods`. After 5,000 steps they are within 1e-4 of what
        float64 gives, however small the product of the rows.

    Raises:
        ValueError: if the evidence so far is impossible under every hypothesis.

    >>> heads, tails = [0.5, 0.9], [0.5, 0.1]  # their chances for a fair coin and for a bent one
    >>> for belief in update_sequence([0.5, 0.5], [heads, heads, tails]):
    ...     print(f"bent with probability {belief[1]:.3f}")
    bent with probability 0.500
    bent with probability 0.643
    bent with probability 0.764
    bent with probability 0.393

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 4.6; the
    sum: W. Kahan, Further Remarks on Reducing Truncation Errors, Communications of the ACM 8
    (1965), 40.
    """

    def step(sums: tuple[Array, Array], log_likelihood: Array) -> tuple[tuple[Array, Array], Array]:
        # Kahan's sum: `excess` is what rounding has added. Plain float32 sums drift by 1e-2.
        total, excess = sums
        term = log_likelihood - excess
        new_total = total + term
        new_excess = (new_total - total) - term
        return (new_total, new_excess), _belief(new_total, new_excess)

    start = (_log(prior), jnp.zeros_like(prior))
    beliefs = jax.lax.scan(step, start, _log_likelihood(likelihoods))[1]
    return jnp.concatenate([prior[None], beliefs])


def _log(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return log x; NEVER, with slope 0, where x counts as 0."""
    return jnp.where(x >= TINY, jnp.log(jnp.where(x >= TINY, x, 1)), NEVER)


def _log_likelihood(likelihood: Float[Array, "*batch k"]) -> Float[Array, "*batch k"]:
    """Return its logarithm relative to the largest: small numbers, which lose fewer digits."""
    largest = jax.lax.stop_gradient(jnp.max(likelihood, axis=-1, keepdims=True))
    return jnp.where(likelihood >= TINY, _log(likelihood / jnp.maximum(largest, TINY)), NEVER)


def _belief(
    log_weights: Float[Array, "*batch hypotheses"],
    excess: Float[Array, "*batch hypotheses"] | float = 0,
) -> Float[Array, "*batch hypotheses"]:
    """Return the weights scaled to sum to 1; zeros if all are 0."""
    largest = jnp.max(log_weights, axis=-1, keepdims=True)
    shares = jax.nn.softmax((log_weights - largest) - excess, axis=-1)
    return jnp.where(largest > NEVER / 2, shares, 0)


_PARAMETER = within(1e-3, 1e6, "positive numbers from 0.001 to 1e6")
_COUNT = within(0.0, HUGE, "counts of at least 0")
_MASS = number("a probability above 0 and below 1", TINY, 1 - 2**-53)


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, init=False, eq=False)
class Beta:
    """Belief about the bias of a coin, the chance of heads: a Beta distribution.

        p(x) = x^(alpha - 1) (1 - x)^(beta - 1) / B(alpha, beta),    x from 0 to 1

    It is a pytree: it may go through `jit` and `vmap`, and its parameters may be arrays. Traced by
    `jit`, parameters of 0 or below give NaN, and a bias outside 0 to 1 has density 0.

    Args:
        alpha: one more than the heads that the belief is worth, from 0.001 to 1e6.
        beta: one more than the tails, in the same range; both broadcast. `Beta(1, 1)` is even.

    >>> belief = Beta(1, 1).update(heads=55, tails=45)
    >>> print(f"{belief.mean:.3f}")
    0.549

    Reference: A. Gelman et al., Bayesian Data Analysis (3rd ed., 2013), sections 2.1 to 2.4.
    """

    alpha: Float[Array, "..."]
    beta: Float[Array, "..."]

    def __init__(self, alpha: Any, beta: Any) -> None:
        alpha, beta = _parameters(alpha, beta)
        vars(self).update(alpha=alpha, beta=beta)  # the class is frozen

    def tree_flatten(self) -> tuple[tuple[Any, Any], None]:
        """Return the parameters, for JAX."""
        return (self.alpha, self.beta), None

    @classmethod
    def tree_unflatten(cls, _structure: None, parameters: tuple[Any, Any]) -> "Beta":
        """Return a Beta of what JAX took apart: unchecked, as JAX's placeholders are no numbers."""
        belief = object.__new__(cls)
        vars(belief).update(zip(("alpha", "beta"), parameters, strict=True))
        return belief

    @property
    def shape(self) -> Shape:
        """Shape of the batch, () for one belief."""
        return np.broadcast_shapes(self.alpha.shape, self.beta.shape)

    def update(self, heads: Any, tails: Any) -> "Beta":
        """Return the belief after more flips: conjugate Bayes.

            Beta(alpha, beta) -> Beta(alpha + heads, beta + tails)

        Args:
            heads: number of heads, at least 0; an array makes a batch of beliefs.
            tails: number of tails.

        Returns:
            The posterior.
        """
        return Beta(*_updated(self.alpha, self.beta, heads, tails))

    @property
    def mean(self) -> Float[Array, "..."]:
        """Probability of heads at the next flip: alpha/(alpha + beta)."""
        return self.alpha / (self.alpha + self.beta)

    def log_prob(self, x: Any) -> Float[Array, "..."]:
        """Return the log-density at a bias, in nats, to about 1e-6 (alpha + beta).

            log p(x) = (alpha - 1) log x + (beta - 1) log(1 - x) - log B(alpha, beta)

        Args:
            x: biases from 0 to 1.

        Returns:
            log p(x). At x = 0 it is the limit: -inf for alpha > 1, log(beta) for alpha = 1, and
            inf for alpha < 1; at x = 1 likewise with alpha and beta swapped. Its slopes count as 0
            at both ends.
        """
        return _log_prob(self.alpha, self.beta, x)

    @property
    def entropy(self) -> Float[Array, "..."]:
        """Differential entropy in bits, to about 3e-6 (alpha + beta).

            h = log B(alpha, beta) - (alpha - 1) E[log x] - (beta - 1) E[log(1 - x)]

        It is 0 for the even belief, and below 0 for all others. A flip as expected lowers it, a
        surprising one may raise it.
        """
        return _entropy(self.alpha, self.beta)

    @checked(mass=_MASS)
    def interval(self, mass: float = 0.95) -> Float[np.ndarray, "ends ..."]:
        """Return the credible interval that leaves out as much below as above.

            P(x < low) = P(x > high) = (1 - mass)/2

        Args:
            mass: the probability that the bias lies in it, above 0 and below 1.

        Returns:
            low and high, in NumPy's float64; not under `jit`.

        >>> low, high = Beta(56, 46).interval(0.95)
        >>> print(f"{low:.2f} to {high:.2f}")
        0.45 to 0.64
        """
        from scipy import special  # which changes Python's filters of warnings when it is loaded

        tails = np.array([1 - mass, 1 + mass]) / 2
        tails = tails.reshape(-1, *(1 for _ in self.shape))
        return special.betaincinv(np.float64(self.alpha), np.float64(self.beta), tails)


@checked(alpha=_PARAMETER, beta=_PARAMETER)
def _parameters(alpha: Parameter, beta: Parameter) -> tuple[Array, Array]:
    return alpha, beta


@checked(alpha=_PARAMETER, beta=_PARAMETER, heads=_COUNT, tails=_COUNT)
def _updated(
    alpha: Parameter, beta: Parameter, heads: Parameter, tails: Parameter
) -> tuple[Array, Array]:
    return alpha + heads, beta + tails


@checked(alpha=_PARAMETER, beta=_PARAMETER, x=probability)
@jax.jit
def _log_prob(alpha: Parameter, beta: Parameter, x: Parameter) -> Float[Array, "*all"]:
    # Differentiated at an end, the formula would give 0 inf = NaN: the slope is taken elsewhere.
    at_an_end = (x <= 0) | (x >= 1)
    inside = beta_distribution.logpdf(jnp.where(at_an_end, 0.5, x), alpha, beta)
    limit = jax.lax.stop_gradient(beta_distribution.logpdf(jnp.minimum(x, 1), alpha, beta))
    return jnp.where(at_an_end, limit, inside)


@jax.jit
def _entropy(alpha: Parameter, beta: Parameter) -> Float[Array, "*all"]:
    mean_log_x = digamma(alpha) - digamma(alpha + beta)
    mean_log_rest = digamma(beta) - digamma(alpha + beta)
    nats = betaln(alpha, beta) - (alpha - 1) * mean_log_x - (beta - 1) * mean_log_rest
    return nats / math.log(2)
