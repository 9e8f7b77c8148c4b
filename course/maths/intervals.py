"""Intervals for the bias of a coin, and how often an interval holds it."""

import numpy as np
from jaxtyping import Float, Int

from course.checks import checked, count, finite, number, probability, within

_COUNTS = within(0, 1e6, "counts from 0 to 1e6")
_MASS = number("a probability above 0 and below 1", 1e-6, 1 - 1e-6)


@checked(heads=_COUNTS, tails=_COUNTS, mass=_MASS)
def confidence_interval(
    heads: Int[np.ndarray, "*#shape"], tails: Int[np.ndarray, "*#shape"], mass: float = 0.95
) -> Float[np.ndarray, "ends ..."]:
    """Return the exact confidence interval for the bias of a coin, by Clopper and Pearson.

        P(so many heads or more | low) = P(so many or fewer | high) = (1 - mass)/2

    Args:
        heads: number of heads seen; an array makes a batch.
        tails: number of tails seen.
        mass: the least share of experiments whose interval holds the bias, whatever that is.

    Returns:
        low and high, in NumPy's float64; 0 where no head was seen, 1 where no tail was.

    >>> low, high = confidence_interval(55, 45)
    >>> print(f"{low:.2f} to {high:.2f}")
    0.45 to 0.65

    Reference: C. Clopper and E. Pearson, The Use of Confidence or Fiducial Limits Illustrated in
    the Case of the Binomial, Biometrika 26 (1934), 404.
    """
    from scipy import special  # which changes Python's filters of warnings when it is loaded

    tail = (1 - mass) / 2
    low = special.betaincinv(np.maximum(heads, 1), tails + 1, tail)
    high = special.betaincinv(heads + 1, np.maximum(tails, 1), 1 - tail)
    return np.stack([np.where(heads > 0, low, 0.0), np.where(tails > 0, high, 1.0)])


@checked(ends=finite, biases=probability, worlds=count(1, 1_000_000), seed=count(0))
def coverage(
    ends: Float[np.ndarray, "2 heads"],
    biases: Float[np.ndarray, " biases"],
    *,
    worlds: int = 2000,
    seed: int = 0,
) -> Float[np.ndarray, " biases"]:
    """Return the share of simulated worlds in which an interval holds the bias of a coin.

    Args:
        ends: low and high after 0, 1, ... heads of as many flips as there are columns, less one.
        biases: of the coins, from 0 to 1; each is flipped in as many worlds of its own.
        worlds: number of them, for each coin.
        seed: of the flips.

    Returns:
        A share from 0 to 1 for each coin.

    >>> always = [[0.0, 0.0], [1.0, 1.0]]  # from 0 to 1, after no head or one head of one flip
    >>> coverage(always, [0.3, 0.9], worlds=10).tolist()
    [1.0, 1.0]
    """
    rng = np.random.default_rng(seed)
    flips = ends.shape[1] - 1
    low, high = ends
    held = np.empty(len(biases))
    for i, bias in enumerate(biases):  # one coin at a time: memory for all flips of one
        heads = (rng.random((worlds, flips)) < bias).sum(axis=1)
        held[i] = np.mean((low[heads] <= bias) & (bias <= high[heads]))
    return held
