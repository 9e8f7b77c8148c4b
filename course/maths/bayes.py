"""How evidence moves a belief: Bayes' rule for a few hypotheses (`Beta`: for the bias of a coin).

    posterior = likelihood x prior, scaled to sum to 1

Weights are kept as a float times a power of 2 whose exponent is an integer of its own: the product
of 5,000 likelihoods neither underflows nor drifts, and a hypothesis that falls 5,000 nats behind
can still come back. (Running sums of float32 logarithms can be off by a hundredth after as many.)

Values traced by `jit` cannot be checked. Evidence that is impossible under every hypothesis, an
error otherwise, then gives a posterior of zeros: every hypothesis is ruled out, for good. A number
below 1.2e-38 counts as 0.
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from course.legacy_checks import Arguments, Finite, Probabilities, Shape, checked, refusal
from course.maths.beta import Beta as Beta

TINY = float(np.finfo(np.float32).tiny)
Weights: TypeAlias = tuple[Float[Array, "..."], Int[Array, "..."]]  # m, e: m 2^e


@dataclass(frozen=True, kw_only=True)
class _Likelihood(Finite):
    """p(evidence | hypothesis), not ruled out by every hypothesis that the prior allows."""

    expected: ClassVar[str] = "finite numbers of at least 0"
    low: ClassVar[float] = 0.0

    def check_values(self, name: str, values: np.ndarray, arguments: Arguments) -> None:
        super().check_values(name, values, arguments)
        prior = arguments["prior"]
        if isinstance(prior, jax.core.Tracer):
            return
        alive = (values >= TINY) & (np.asarray(prior) >= TINY)
        if name == "likelihoods":
            alive = np.logical_and.accumulate(alive)
        dead = ~alive.any(axis=-1)
        if dead.any():
            step = f" from step {dead.argmax()} on" if name == "likelihoods" else ""
            expected = "a likelihood above 0 for a hypothesis whose prior is above 0"
            got = f"none{step}: the evidence is impossible under every hypothesis"
            raise refusal(name, expected, got)


class _Likelihoods(_Likelihood):
    """A row of them for each of several steps."""

    def check_shape(self, name: str, shape: Shape, arguments: Arguments) -> None:
        hypotheses = arguments["prior"].shape[-1]
        if len(shape) != 2 or shape[1] != hypotheses or not shape[0]:
            raise refusal(name, f"shape (steps, {hypotheses})", f"shape {shape}")


@checked(prior=Probabilities(), likelihood=_Likelihood(axis=-1, like="prior"))
@jax.jit
def update(
    prior: Float[Array, "*#batch hypotheses"], likelihood: Float[Array, "*#batch hypotheses"]
) -> Float[Array, "*both hypotheses"]:
    """What to believe after the evidence: Bayes' rule.

        p(h | evidence) = p(evidence | h) p(h) / sum_k p(evidence | k) p(k)

    Args:
        prior: p(h), probabilities that sum to 1 along the last axis.
        likelihood: p(evidence | h) for each hypothesis; only its proportions matter, and densities
            do as well. Batches of both broadcast.

    Returns:
        p(h | evidence), probabilities that sum to 1 along the last axis.

    Raises:
        TypeError: if an argument does not hold numbers.
        ValueError: if `prior` is no distribution, a likelihood is negative, NaN or infinite, the
            shapes differ, or the evidence is impossible under every hypothesis.

    >>> ill, positive = [0.01, 0.99], [0.9, 0.09]
    >>> print(f"{update(ill, positive)[0]:.1%}")
    9.2%

    Reference: D. MacKay, Information Theory, Inference, and Learning Algorithms (2003), section
    2.3; the numbers: G. Gigerenzer, Reckoning with Risk (2002), chapter 4.
    """
    return _belief(_times(_weights(prior), _weights(likelihood)))


@checked(prior=Probabilities(ndim=1), likelihoods=_Likelihoods())
@jax.jit
def update_sequence(
    prior: Float[Array, " hypotheses"], likelihoods: Float[Array, "steps hypotheses"]
) -> Float[Array, "steps_and_prior hypotheses"]:
    """What to believe after each of many independent pieces of evidence.

        p(h | first t) = p(evidence_t | h) p(h | first t - 1) / (their sum over h)

    Args:
        prior: p(h), probabilities that sum to 1.
        likelihoods: p(evidence_t | h), a row for each step t and a column for each hypothesis.

    Returns:
        The belief before the first and after each step: one row more than `likelihoods`. It is the
        same as updating once with the product of the rows, to a relative 1e-5 and mostly better
        after 5,000 steps, however small the product.

    Raises:
        TypeError: if an argument does not hold numbers.
        ValueError: if `prior` is no distribution, a likelihood is negative, NaN or infinite, the
            shapes differ, or the evidence so far is impossible under every hypothesis.

    >>> heads, tails = [0.5, 0.9], [0.5, 0.1]  # their chances for a fair coin and for a bent one
    >>> for belief in update_sequence([0.5, 0.5], [heads, heads, tails]):
    ...     print(f"bent with probability {belief[1]:.3f}")
    bent with probability 0.500
    bent with probability 0.643
    bent with probability 0.764
    bent with probability 0.393

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 4.6.
    """

    def step(weights: Weights, likelihood: Weights) -> tuple[Weights, Array]:
        weights = _times(weights, likelihood)
        return weights, _belief(weights)

    beliefs: Array = jax.lax.scan(step, _weights(prior), _weights(likelihoods))[1]
    return jnp.concatenate([prior[None], beliefs])


def _weights(x: Float[Array, "*shape"]) -> Weights:
    """x as m 2^e with m from 1/2 to 1, and m = e = 0 where x counts as 0.

    Gradients go through m alone: whatever power of 2 is taken out, m 2^e has the right slope.
    """
    nothing = x - jax.lax.stop_gradient(x)  # 0 whose slope is still that of x
    mantissa, exponent = jnp.frexp(jnp.where(x >= TINY, x, nothing))
    return mantissa, exponent


def _times(a: Weights, b: Weights) -> Weights:
    mantissa, exponent = jnp.frexp(a[0] * b[0])
    return mantissa, a[1] + b[1] + exponent


def _belief(weights: Weights) -> Float[Array, "*batch hypotheses"]:
    """The weights scaled to sum to 1; zeros if all are 0."""
    mantissa, exponent = weights
    ahead = jnp.max(jnp.where(mantissa > 0, exponent, -(2**30)), axis=-1, keepdims=True)
    # What is 2^150 times as unlikely counts as 0; what is 0 may have any exponent.
    shares = mantissa * 2.0 ** jnp.clip(exponent - ahead, -150, 100)
    total = jnp.sum(shares, axis=-1, keepdims=True)
    return jnp.where(total > 0, shares / jnp.where(total > 0, total, 1), 0)
