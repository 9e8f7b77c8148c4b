"""A belief about the bias of a coin, and how flips move it.

Traced by `jit`, values cannot be checked: a bias beyond an end then counts as that end, and
parameters of 0 or below give NaN.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from course.legacy_checks import Arguments, Finite, Probability, Shape, checked, refusal
from course.maths.rules import Together


class _Parameter(Finite):
    """A parameter above 0, in the range where float32 has slopes for everything."""

    expected: ClassVar[str] = "positive numbers from 1e-9 to 1e9"
    low: ClassVar[float] = 1e-9
    high: ClassVar[float] = 1e9


class _Count(Finite):
    """How often something was seen."""

    expected: ClassVar[str] = "counts of at least 0"
    low: ClassVar[float] = 0.0


class _Mass(Finite):
    """A single probability that is neither 0 nor 1."""

    def check_values(self, name: str, values: np.ndarray, _arguments: Arguments) -> None:
        if not 0 < values < 1:
            raise refusal(name, "a probability above 0 and below 1", f"{values:.7g}")


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, init=False, eq=False)
class Beta:
    """A belief about the bias of a coin, the chance of heads: a Beta distribution.

        p(x) = x^(alpha - 1) (1 - x)^(beta - 1) / B(alpha, beta),    x from 0 to 1

    It is a pytree: it may go through `jit` and `vmap`, and its parameters may be arrays.

    Args:
        alpha: one more than the heads that the belief is worth, above 0.
        beta: one more than the tails, likewise. `Beta(1, 1)` is the even belief.

    Raises:
        TypeError, ValueError: if a parameter is no number from 1e-9 to 1e9, or the shapes do not
            broadcast.

    >>> belief = Beta(1, 1).update(heads=55, tails=45)
    >>> print(f"{belief.mean:.3f}")
    0.549

    Reference: A. Gelman et al., Bayesian Data Analysis (3rd ed., 2013), sections 2.1 to 2.4.
    """

    alpha: Float[Array, "..."]
    beta: Float[Array, "..."]

    def __init__(self, alpha: Any, beta: Any) -> None:
        self._set(*_parameters(alpha, beta))

    def _set(self, alpha: Any, beta: Any) -> None:
        object.__setattr__(self, "alpha", alpha)
        object.__setattr__(self, "beta", beta)

    def tree_flatten(self) -> tuple[tuple[Any, Any], None]:
        """The parameters, for JAX."""
        return (self.alpha, self.beta), None

    @classmethod
    def tree_unflatten(cls, _structure: None, parameters: tuple[Any, Any]) -> "Beta":
        """Put back together what JAX took apart: unchecked, as JAX's placeholders are no numbers.

        Args:
            parameters: what takes the places of alpha and beta.

        Returns:
            A Beta that holds them.
        """
        belief = object.__new__(cls)
        belief._set(*parameters)
        return belief

    @property
    def shape(self) -> Shape:
        """The shape of the batch, () for one belief."""
        return np.broadcast_shapes(self.alpha.shape, self.beta.shape)

    @checked(heads=_Count(like="self"), tails=Together(_Count(), "self", "heads"))
    def update(self, heads: Any, tails: Any) -> "Beta":
        """What to believe after more flips: conjugate Bayes.

            Beta(alpha, beta) -> Beta(alpha + heads, beta + tails)

        Args:
            heads: how many heads were seen, at least 0; an array makes a batch of beliefs.
            tails: how many tails.

        Returns:
            The posterior.

        Raises:
            TypeError, ValueError: if a count is negative or no number.
        """
        return Beta(self.alpha + heads, self.beta + tails)

    @property
    def mean(self) -> Float[Array, "..."]:
        """The probability of heads at the next flip: alpha/(alpha + beta)."""
        return self.alpha / (self.alpha + self.beta)

    @checked(x=Probability(like="self"))
    def log_prob(self, x: Any) -> Float[Array, "..."]:
        """The log-density at a bias, in nats.

            log p(x) = (alpha - 1) log x + (beta - 1) log(1 - x) - log B(alpha, beta)

        Args:
            x: biases from 0 to 1.

        Returns:
            log p(x). At x = 0 it is the limit: -inf for alpha > 1, log(beta) for alpha = 1, and
            inf for alpha < 1; at x = 1 likewise with alpha and beta swapped. Where it is infinite
            its slopes are 0; where alpha = 1 at x = 0, log x counts as 0 in the slope by alpha.

        Raises:
            TypeError, ValueError: if `x` holds anything but numbers from 0 to 1.
        """
        log_p: Array = _log_prob(self.alpha, self.beta, x)
        return log_p

    @property
    def entropy(self) -> Float[Array, "..."]:
        """The differential entropy in bits: 0 for the even belief, and below 0 for all others.

        A flip as expected lowers it, a surprising one may raise it.

            h = log B(alpha, beta) - (alpha - 1) E[log x] - (beta - 1) E[log(1 - x)]
        """
        bits: Array = _entropy(self.alpha, self.beta)
        return bits

    @checked(mass=_Mass(ndim=0, numpy=True))
    def interval(self, mass: Any = 0.95) -> Float[np.ndarray, "ends ..."]:
        """The credible interval that leaves out as much below as above.

            P(x < low) = P(x > high) = (1 - mass)/2

        Args:
            mass: the probability that the bias lies in it, above 0 and below 1.

        Returns:
            low and high, in NumPy; not under `jit`.

        Raises:
            TypeError, ValueError: if `mass` is no number between 0 and 1.

        >>> low, high = Beta(56, 46).interval(0.95)
        >>> print(f"{low:.2f} to {high:.2f}")
        0.45 to 0.64
        """
        tails = np.array([1 - mass, 1 + mass]) / 2
        tails = tails.reshape(-1, *(1 for _ in self.shape))
        alpha, beta = np.float64(self.alpha), np.float64(self.beta)
        from scipy import special  # which changes Python's filters of warnings when it is loaded

        ends: np.ndarray = special.betaincinv(alpha, beta, tails)
        return ends


@checked(alpha=_Parameter(), beta=_Parameter(like="alpha"))
def _parameters(alpha: Any, beta: Any) -> tuple[Any, Any]:
    return alpha, beta


@jax.jit
def _log_prob(
    alpha: Float[Array, "*#shape"], beta: Float[Array, "*#shape"], x: Float[Array, "*#shape"]
) -> Float[Array, "*all"]:
    """log p(x), written round the mean m = alpha/n, where n = alpha + beta:

        log p(x) = -n KL(m || x) - log x - log(1 - x) + log_height

    The formula with log B(alpha, beta) subtracts log-gammas, which in float32 leaves three digits
    after 5,000 flips; in their Stirling formulas, all that is large cancels on paper.
    """
    x = jnp.where(x < 0, 0, jnp.where(x > 1, 1, x))  # jnp.clip would halve the slope at the ends
    n = alpha + beta
    gap = (beta * x - alpha * (1 - x)) / n  # x - m, where m would round away digits near 1
    log_x, log_rest = jnp.log(jnp.where(x <= 0, 1, x)), jnp.log1p(-jnp.where(x >= 1, 0, x))
    fit = alpha * _log_ratio(log_x, gap, alpha, n) + beta * _log_ratio(log_rest, -gap, beta, n)
    log_p = fit - log_x - log_rest + _log_height(alpha, beta)
    at_0 = jnp.where(alpha < 1, jnp.inf, -jnp.inf)
    at_1 = jnp.where(beta < 1, jnp.inf, -jnp.inf)
    log_p = jnp.where((x <= 0) & (alpha != 1), at_0, log_p)
    return jnp.where((x >= 1) & (beta != 1), at_1, log_p)


@jax.jit
def _entropy(
    alpha: Float[Array, "*#shape"], beta: Float[Array, "*#shape"]
) -> Float[Array, "*both"]:
    """E[-log p(x)] in bits, from the same formula and E[log x] = digamma(alpha) - digamma(n)."""
    n = alpha + beta
    slopes = [jax.jvp(_remainder, (z,), (jnp.ones_like(z),))[1] for z in (alpha, beta, n)]
    fit = alpha * slopes[0] + beta * slopes[1] - n * slopes[2] - 0.5
    log_x = jnp.log(alpha) - jnp.log(n) - 0.5 / alpha + 0.5 / n + slopes[0] - slopes[2]
    log_rest = jnp.log(beta) - jnp.log(n) - 0.5 / beta + 0.5 / n + slopes[1] - slopes[2]
    nats: Array = log_x + log_rest - fit - _log_height(alpha, beta)
    return nats / math.log(2)


def _log_ratio(log_x: Array, gap: Array, part: Array, whole: Array) -> Array:
    """log(x/m) for m = part/whole and x = m + gap, by log1p where x is close to m."""
    mean = part / whole
    close = jnp.abs(gap) < mean / 2
    near = jnp.log1p(jnp.where(close, gap, 0) / jnp.where(close, mean, 1))
    return jnp.where(close, near, log_x - (jnp.log(part) - jnp.log(whole)))


def _log_height(alpha: Array, beta: Array) -> Array:
    """1/2 log(n m (1 - m)/(2 pi)) + r(n) - r(alpha) - r(beta), what does not depend on x."""
    n = alpha + beta
    logs = jnp.log(alpha) + jnp.log(beta) - jnp.log(n) - math.log(2 * math.pi)
    return logs / 2 + _remainder(n) - _remainder(alpha) - _remainder(beta)


def _remainder(z: Array) -> Array:
    """r(z), what Stirling leaves: lgamma(z) = (z - 1/2) log z - z + log(2 pi)/2 + r(z).

    From lgamma(z + 1) = lgamma(z) + log z follows r(z) = r(z + 1) + (z + 1/2) log(1 + 1/z) - 1;
    four such steps up, three terms of the series for large z do.
    """
    steps = z[..., None] + jnp.arange(4)
    inverse = 1 / (z + 4)
    series = inverse * (1 / 12 - inverse**2 * (1 / 360 - inverse**2 / 1260))
    return series + jnp.sum((steps + 0.5) * jnp.log1p(1 / steps) - 1, axis=-1)
