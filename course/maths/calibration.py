"""Calibration: does what a forecast promises come true as often as it promises?

Forecasts come in one of two forms:

- a list of probabilities that something happens, with labels 1 (or True) where it did and 0 where
  it did not;
- a row of probabilities for each example, one for each class, with the class that came as label.
  Here the calibration of the *top label* is looked at: the forecast is the largest probability of
  a row, and it came true if its class came (of equal ones, the first).

A forecast p falls into the bin with lower edge < p <= upper edge; the first bin has 0 as well.
"""

from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from course.legacy_checks import Count, checked, refusal
from course.maths.forecasts import ForecastRule, LogitRule, OutcomeRule

Forecasts: TypeAlias = Float[np.ndarray, " examples *classes"]
Outcomes: TypeAlias = Int[np.ndarray, " examples"]

NORMAL_95 = 1.959964
"""Within so many standard deviations lie 95% of a normal distribution."""


class Reliability(NamedTuple):
    """What forecasts promised and what came, in each bin that has a forecast."""

    confidence: Float[np.ndarray, " filled"]
    """The mean of the bin's forecasts."""
    frequency: Float[np.ndarray, " filled"]
    """The share of them that came true."""
    size: Int[np.ndarray, " filled"]
    """How many there are."""
    low: Float[np.ndarray, " filled"]
    """Lower end of a 95% confidence interval (Wilson's) of the frequency."""
    high: Float[np.ndarray, " filled"]
    """Its upper end. Where the confidence lies outside, chance is a poor excuse."""


class BrierParts(NamedTuple):
    """What the Brier score is made of: reliability - resolution + uncertainty."""

    reliability: float
    """Mean squared distance of promise and frequency; 0 is best."""
    resolution: float
    """Mean squared distance of the frequency from the base rate; 0 for who always says the same."""
    uncertainty: float
    """The score of the base rate itself, which no forecaster can help."""


_EXACT = {"probs": ForecastRule(numpy=True), "labels": OutcomeRule(below="probs", numpy=True)}


@checked(**_EXACT, bins=Count())
def reliability(probs: Forecasts, labels: Outcomes, *, bins: int = 10) -> Reliability:
    """Compare what forecasts promised with what came, for forecasts of about the same size.

        confidence_k = mean of the p in bin k,    frequency_k = share of them that came true

    It is computed in double precision, so that forecasts on the edge of a bin fall where they
    should; it takes arrays and not what `jit` traces.

    Args:
        probs: probabilities, a list or rows (see the module).
        labels: what came, one for each of them.
        bins: into how many bins of equal width 0 to 1 is divided.

    Returns:
        Reliability, with bins that no forecast fell into left out.

    Raises:
        TypeError: if `probs` are not numbers or `labels` neither whole numbers nor booleans.
        ValueError: if a probability is not from 0 to 1, a row does not sum to 1, there is not one
            label for each forecast, a label is out of range, or `bins` is below 1.

    >>> table = reliability([0.8, 0.8, 0.9, 0.8, 0.1], [1, 1, 1, 0, 0], bins=5)
    >>> print(table.confidence.round(2), table.frequency.round(2), table.size)
    [0.1 0.8 0.9] [0.   0.67 1.  ] [1 3 1]

    Reference: A. H. Murphy and R. L. Winkler, Reliability of Subjective Probability Forecasts of
    Precipitation and Temperature, Applied Statistics 26 (1977), 41-47; E. B. Wilson, Probable
    Inference, Journal of the American Statistical Association 22 (1927), 209-212.
    """
    rows = probs.reshape(len(probs), -1)
    top = rows.argmax(axis=1)
    p = np.minimum(rows.max(axis=1), 1)  # a hair above 1 is taken for 1
    came = labels == top if probs.ndim == 2 else labels == 1
    at = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p)
    sizes = np.bincount(at)
    filled = sizes > 0
    n = sizes[filled]
    confidence, frequency = (np.bincount(at, what)[filled] / n for what in (p, came))
    spread = NORMAL_95**2 / n
    center = (frequency + spread / 2) / (1 + spread)
    half = np.sqrt(spread * (frequency * (1 - frequency) + spread / 4)) / (1 + spread)
    return Reliability(confidence, frequency, n, center - half, center + half)


@checked(**_EXACT, bins=Count())
def expected_calibration_error(probs: Forecasts, labels: Outcomes, *, bins: int = 10) -> float:
    """Return by how much promise and frequency differ on average.

        ECE = sum_k n_k/n |frequency_k - confidence_k|

    A forecaster who always names the base rate has an ECE of 0 and says nothing; and with few
    forecasts in a bin chance alone makes it positive. As a score it can be cheated: see
    `brier_score`.

    Args:
        probs: probabilities, a list or rows (see the module).
        labels: what came, one for each of them.
        bins: into how many bins of equal width 0 to 1 is divided.

    Returns:
        The error, from 0 to 1.

    Raises:
        TypeError, ValueError: as `reliability`.

    >>> print(f"{expected_calibration_error([0.9, 0.9, 0.9, 0.9], [1, 1, 1, 0]):.2f}")
    0.15

    Reference: C. Guo et al., On Calibration of Modern Neural Networks, ICML (2017), section 2.
    """
    table = reliability.__wrapped__(probs, labels, bins=bins)
    return float(np.average(abs(table.frequency - table.confidence), weights=table.size))


@checked(probs=ForecastRule(), labels=OutcomeRule(below="probs"))
@jax.jit
def brier_score(
    probs: Float[Array, " examples *classes"], labels: Int[Array, " examples"]
) -> Float[Array, ""]:
    """Score forecasts by their mean squared error; lower is better.

        list: mean (p - y)^2,    rows: mean sum_k (p_k - [y = k])^2

    Nobody can expect to better it by saying anything but what they believe.

    Args:
        probs: probabilities, a list or rows (see the module). Of two classes one is left out of the
            sum, since it says the same as the other; so a list and its rows score alike.
        labels: what came, one for each of them.

    Returns:
        The mean score, from 0 (certain and right) to 1 (certain and wrong), or to 2 for three
        classes or more.

    Raises:
        TypeError, ValueError: as `reliability`.

    >>> print(f"{brier_score([1.0, 0.5, 0.0], [1, 1, 1]):.3f}")
    0.417

    Reference: G. W. Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly
    Weather Review 78 (1950), 1-3.
    """
    if probs.ndim == 1:
        return jnp.mean((probs - labels) ** 2)
    classes = probs.shape[1]
    error = jnp.sum((probs - jax.nn.one_hot(labels, classes)) ** 2, axis=1)
    return jnp.mean(error / 2 if classes == 2 else error)


@checked(**_EXACT, bins=Count())
def brier_parts(probs: Forecasts, labels: Outcomes, *, bins: int = 10) -> BrierParts:
    """Take the Brier score apart: honesty, sharpness, and what was uncertain to begin with.

        score = sum_k n_k/n (c_k - f_k)^2 - sum_k n_k/n (f_k - f)^2 + f (1 - f)

    where c_k and f_k are the confidence and frequency of bin k, and f is the frequency over all.
    The score is that of a forecaster who says c_k for all of bin k; for rows, of the top label.

    Args:
        probs: probabilities, a list or rows (see the module).
        labels: what came, one for each of them.
        bins: into how many bins of equal width 0 to 1 is divided.

    Returns:
        BrierParts, whose reliability - resolution + uncertainty is the score.

    Raises:
        TypeError, ValueError: as `reliability`.

    >>> climatology, oracle = [0.25] * 4, [0.0, 0.0, 0.0, 1.0]
    >>> brier_parts(climatology, [0, 0, 0, 1])
    BrierParts(reliability=0.0, resolution=0.0, uncertainty=0.1875)
    >>> brier_parts(oracle, [0, 0, 0, 1])
    BrierParts(reliability=0.0, resolution=0.1875, uncertainty=0.1875)

    Reference: A. H. Murphy, A New Vector Partition of the Probability Score, Journal of Applied
    Meteorology 12 (1973), 595-600.
    """
    confidence, frequency, size, *_ = reliability.__wrapped__(probs, labels, bins=bins)
    base = np.average(frequency, weights=size)
    return BrierParts(
        reliability=float(np.average((confidence - frequency) ** 2, weights=size)),
        resolution=float(np.average((frequency - base) ** 2, weights=size)),
        uncertainty=float(base * (1 - base)),
    )


@checked(logits=LogitRule(numpy=True), labels=OutcomeRule(below="logits", numpy=True))
def fit_temperature(logits: Forecasts, labels: Outcomes) -> float:
    """Find the temperature that makes the labels most probable.

        T = argmin sum_i -log softmax(z_i / T)_y(i)

    Use it on examples that the model was not trained on, and that are not those you report on. It
    leaves every ranking as it was. It is computed in double precision, and takes arrays and not
    what `jit` traces.

    Args:
        logits: z, a row for each example; or a list of log odds that something happens.
        labels: the class of each example; for a list, 1 (or True) where it happened.

    Returns:
        T, by which to divide logits: above 1 if the model was too sure, below 1 if not sure enough.

    Raises:
        TypeError: if `logits` are not numbers or `labels` neither whole numbers nor booleans.
        ValueError: if they do not fit, a logit is not finite or a label out of range; if all labels
            are the same; or if there is no best temperature: the true class always has the largest
            logit (the colder, the better), or on average no larger one than others have (the
            hotter, the better).

    >>> import numpy as np
    >>> sure = np.repeat([4.0, -4.0], 10)  # promises 98%
    >>> came = [1] * 8 + [0] * 2 + [0] * 8 + [1] * 2  # keeps 80%, which are log odds of log 4
    >>> T = fit_temperature(sure, came)
    >>> print(f"{T:.3f} = {4 / np.log(4):.3f}")
    2.885 = 2.885

    Reference: C. Guo et al., On Calibration of Modern Neural Networks, ICML (2017), section 4.2.
    """
    from scipy.optimize import brentq  # here: importing it changes Python's warning filters

    if len(seen := np.unique(labels)) == 1:
        raise refusal("labels", "examples of at least two classes", f"only class {seen[0]}")
    z = logits if logits.ndim == 2 else np.column_stack([np.zeros(len(logits)), logits])
    z = z - z.max(axis=1, keepdims=True)
    own = np.take_along_axis(z, labels[:, None], axis=1)[:, 0]
    if own.min() == 0:
        expected = "an example whose class has not the largest logit (else T falls to 0)"
        raise refusal("labels", expected, "none")

    def slope(log_beta: float) -> float:
        """Of the cost in beta = 1/T, in which it is a bowl."""
        weights = np.exp(np.exp(log_beta) * z)
        mean = (weights * z).sum(axis=1) / weights.sum(axis=1)
        return float(np.mean(mean - own))

    lead = 0.0 - slope(-np.inf)  # of the true class's logit over the mean of all, at beta = 0
    if lead <= 1e-12 * -z.min():  # what rounding may leave of 0
        expected = "logits that favour the true class on average (else T rises without end)"
        raise refusal("logits", expected, f"a mean lead of {lead:.3g}")
    low = high = -np.log(-z.min())
    while slope(low) >= 0:
        low -= 2
    while slope(high) <= 0:
        high += 2
    return float(np.exp(-brentq(slope, low, high)))
