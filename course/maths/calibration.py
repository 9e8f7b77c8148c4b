"""Calibration: comparing the probabilities of forecasts with the frequencies of their outcomes.

Forecasts come in one of two forms:

- a list of probabilities that something happens, with labels 1 (or True) where it did and 0 where
  it did not;
- a row of probabilities for each example, one for each class, with the class that came as label.
  Its calibration is that of the *top label*: the forecast is the largest probability of a row, and
  it came true if its class came (of equal ones, the first).

A forecast p falls into the bin with lower edge < p <= upper edge; the first bin has 0 as well.
"""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from course.checks import (
    Arguments,
    check_range,
    checked,
    count,
    describe_shape,
    finite,
    kind_of,
    probabilities,
    probability,
    read_array,
    refusal,
)

Forecasts: TypeAlias = Float[np.ndarray, " examples *classes"]
Outcomes: TypeAlias = Int[np.ndarray, " examples"] | Bool[np.ndarray, " examples"]

NORMAL_95 = 1.959964  # 95% of a normal distribution lie within so many standard deviations
ROUNDING = 1e-6  # more than float32 adds to a decimal fraction


def _forecasts(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for probabilities: one for each example, or a row of them with sum 1."""
    if value.ndim not in (1, 2):
        expected = "a list of probabilities, or a row of them for each example"
        raise refusal(name, expected, describe_shape(value.shape))
    rule = probabilities() if value.ndim == 2 else probability
    return rule(name, value, arguments)


def _logits(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for logits: one for each example, or a row of at least two."""
    if value.ndim not in (1, 2) or value.shape[1:] == (1,):
        expected = "a list of log odds, or a row of at least two logits for each example"
        raise refusal(name, expected, describe_shape(value.shape))
    return finite(name, value, arguments)


def _outcomes(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for the class of each example, or for truth values where forecasts are a list."""
    forecasts = arguments["logits" if "logits" in arguments else "probs"]
    labels = read_array(name, value, numpy=isinstance(forecasts, np.ndarray))
    if kind_of(labels.dtype) not in ("int", "bool"):
        raise refusal(name, "integer labels", labels.dtype.name, TypeError)
    if labels.shape != forecasts.shape[:1]:
        expected = f"a label for each of the {len(forecasts)} forecasts"
        raise refusal(name, expected, describe_shape(labels.shape))
    classes = (*forecasts.shape, 2)[1]
    check_range(name, labels, 0, classes - 1, f"labels from 0 to {classes - 1}")
    return labels.astype(int)


class Reliability(NamedTuple):
    """Forecasts and frequencies in each bin that has a forecast."""

    confidence: Float[np.ndarray, " filled"]
    """Mean of the bin's forecasts."""
    frequency: Float[np.ndarray, " filled"]
    """Share of them that came true."""
    size: Int[np.ndarray, " filled"]
    """Number of forecasts in the bin."""
    low: Float[np.ndarray, " filled"]
    """Lower end of a 95% confidence interval (Wilson's) of the frequency."""
    high: Float[np.ndarray, " filled"]
    """Its upper end. Of a perfect forecaster's bins one in twenty lies outside by chance alone."""


class BrierParts(NamedTuple):
    """Parts of the Brier score, which is reliability - resolution + uncertainty."""

    reliability: float
    """Mean squared difference of confidence and frequency; 0 is best."""
    resolution: float
    """Mean squared difference of frequency and base rate; 0 for a constant forecast."""
    uncertainty: float
    """Variance of the outcomes f (1 - f): the score of always forecasting the base rate f."""


@checked(probs=_forecasts, labels=_outcomes, bins=count())
def reliability(probs: Forecasts, labels: Outcomes, *, bins: int = 10) -> Reliability:
    """Return confidence and frequency for each bin of forecasts of about the same size.

        confidence_k = mean of the p in bin k,    frequency_k = share of them that came true

    A forecast on the edge of two bins belongs to the lower one, also where float32 has made it a
    little larger. It is computed in float64, and not under `jit`.

    Args:
        probs: probabilities, a list or rows (see the module).
        labels: the outcome of each of them.
        bins: number of bins of equal width from 0 to 1.

    Returns:
        Reliability, with bins that no forecast fell into left out.

    >>> table = reliability([0.8, 0.8, 0.9, 0.8, 0.1], [1, 1, 1, 0, 0], bins=5)
    >>> print(table.confidence.round(2), table.frequency.round(2), table.size)
    [0.1 0.8 0.9] [0.   0.67 1.  ] [1 3 1]

    Reference: A. H. Murphy and R. L. Winkler, Reliability of Subjective Probability Forecasts of
    Precipitation and Temperature, Applied Statistics 26 (1977), 41-47; E. B. Wilson, Probable
    Inference, Journal of the American Statistical Association 22 (1927), 209-212.
    """
    # A list of probabilities is a table of one column.
    rows = probs.reshape(len(probs), -1)
    top = rows.argmax(axis=1) if probs.ndim == 2 else 1
    p = np.minimum(rows.max(axis=1), 1)  # a hair above 1 is taken for 1
    edges = np.linspace(0, 1, bins + 1)[1:-1]
    bin_of = np.searchsorted(edges + ROUNDING, p)
    sizes = np.bincount(bin_of)
    filled = sizes > 0
    n = sizes[filled]
    confidence = np.bincount(bin_of, p)[filled] / n
    frequency = np.bincount(bin_of, labels == top)[filled] / n
    # Wilson's interval: the frequencies for which the observed one is within 1.96 deviations.
    spread = NORMAL_95**2 / n
    centre = (frequency + spread / 2) / (1 + spread)
    half = np.sqrt(spread * (frequency * (1 - frequency) + spread / 4)) / (1 + spread)
    return Reliability(confidence, frequency, n, centre - half, centre + half)


@checked(probs=_forecasts, labels=_outcomes, bins=count())
def expected_calibration_error(probs: Forecasts, labels: Outcomes, *, bins: int = 10) -> float:
    """Return the mean difference of confidence and frequency, weighted by the size of the bins.

        ECE = sum_k n_k/n |frequency_k - confidence_k|

    A constant forecast of the base rate has an ECE of 0 and no information; and with few forecasts
    in a bin chance alone makes it positive. It is no proper score: see `brier_score`.

    Args:
        probs: probabilities, a list or rows (see the module).
        labels: the outcome of each of them.
        bins: number of bins of equal width from 0 to 1.

    Returns:
        The error, from 0 to 1.

    >>> print(f"{expected_calibration_error([0.9, 0.9, 0.9, 0.9], [1, 1, 1, 0]):.2f}")
    0.15

    Reference: C. Guo et al., On Calibration of Modern Neural Networks, ICML (2017), section 2.
    """
    table = reliability(probs, labels, bins=bins)
    return float(np.average(abs(table.frequency - table.confidence), weights=table.size))


@checked(probs=_forecasts, labels=_outcomes)
@jax.jit
def brier_score(
    probs: Float[Array, " examples *classes"],
    labels: Int[Array, " examples"] | Bool[Array, " examples"],
) -> Float[Array, ""]:
    """Score forecasts by their mean squared error; lower is better.

        list: mean (p - y)^2,    rows: mean sum_k (p_k - [y = k])^2

    It is a proper score: its expectation is least for the probability that one believes.

    Args:
        probs: probabilities, a list or rows (see the module). Of two classes one is left out of the
            sum, since it says the same as the other; so a list and its rows score alike.
        labels: the outcome of each of them.

    Returns:
        The mean score, from 0 (certain and right) to 1 (certain and wrong), or to 2 for three
        classes or more.

    >>> print(f"{brier_score([1.0, 0.5, 0.0], [1, 1, 1]):.3f}")
    0.417

    Reference: G. W. Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly
    Weather Review 78 (1950), 1-3.
    """
    if probs.ndim == 1:
        return jnp.mean((probs - labels.astype(probs.dtype)) ** 2)
    classes = probs.shape[1]
    error = jnp.sum((probs - jax.nn.one_hot(labels, classes, dtype=probs.dtype)) ** 2, axis=1)
    return jnp.mean(error / 2 if classes == 2 else error)


@checked(probs=_forecasts, labels=_outcomes, bins=count())
def brier_parts(probs: Forecasts, labels: Outcomes, *, bins: int = 10) -> BrierParts:
    """Split the Brier score into reliability, resolution and uncertainty.

        score = sum_k n_k/n (c_k - f_k)^2 - sum_k n_k/n (f_k - f)^2 + f (1 - f)

    where c_k and f_k are the confidence and frequency of bin k, and f is the frequency over all.
    The score is that of the forecasts c_k for all of bin k; for rows, of the top label.

    Args:
        probs: probabilities, a list or rows (see the module).
        labels: the outcome of each of them.
        bins: number of bins of equal width from 0 to 1.

    Returns:
        BrierParts, whose reliability - resolution + uncertainty is the score.

    >>> climatology, oracle = [0.25] * 4, [0.0, 0.0, 0.0, 1.0]
    >>> brier_parts(climatology, [0, 0, 0, 1])
    BrierParts(reliability=0.0, resolution=0.0, uncertainty=0.1875)
    >>> brier_parts(oracle, [0, 0, 0, 1])
    BrierParts(reliability=0.0, resolution=0.1875, uncertainty=0.1875)

    Reference: A. H. Murphy, A New Vector Partition of the Probability Score, Journal of Applied
    Meteorology 12 (1973), 595-600.
    """
    confidence, frequency, size, *_ = reliability(probs, labels, bins=bins)
    base = np.average(frequency, weights=size)
    return BrierParts(
        reliability=float(np.average((confidence - frequency) ** 2, weights=size)),
        resolution=float(np.average((frequency - base) ** 2, weights=size)),
        uncertainty=float(base * (1 - base)),
    )


@checked(logits=_logits, labels=_outcomes)
def fit_temperature(logits: Forecasts, labels: Outcomes) -> float:
    """Return the temperature that makes the labels most probable.

        T = argmin sum_i -log softmax(z_i / T)_y(i)

    Use it on examples that the model was not trained on, and that are not those you report on. It
    leaves the ranking of the classes in every row as it was, and so every verdict; the order of the
    rows by their confidence may change. It is computed in float64, and not under `jit`.

    Args:
        logits: z, a row for each example; or a list of log odds that something happens.
        labels: the class of each example; for a list, 1 (or True) where it happened.

    Returns:
        T, by which to divide logits: above 1 if the model was overconfident, below 1 if it was
        underconfident.

    Raises:
        ValueError: if all labels are the same; or if there is no best temperature: the true class
            always has the largest logit (the colder, the better), or on average no larger one than
            others have (the hotter, the better).

    >>> import numpy as np
    >>> sure = np.repeat([4.0, -4.0], 10)  # promises 98%
    >>> came = [1] * 8 + [0] * 2 + [0] * 8 + [1] * 2  # keeps 80%, which are log odds of log 4
    >>> T = fit_temperature(sure, came)
    >>> print(f"{T:.3f} = {4 / np.log(4):.3f}")
    2.885 = 2.885

    Reference: C. Guo et al., On Calibration of Modern Neural Networks, ICML (2017), section 4.2.
    """
    from scipy.optimize import brentq  # here: importing it changes Python's warning filters

    seen = np.unique(labels)
    if len(seen) == 1:
        raise refusal("labels", "examples of at least two classes", f"only class {seen[0]}")
    # Log odds are the logits of two classes, 0 and the log odds.
    z = logits if logits.ndim == 2 else np.column_stack([np.zeros(len(logits)), logits])
    z = z - z.max(axis=1, keepdims=True)
    own = np.take_along_axis(z, labels[:, None], axis=1)[:, 0]
    if own.min() == 0:
        expected = "an example whose class has not the largest logit (else T falls to 0)"
        raise refusal("labels", expected, "none")

    def slope(log_beta: float) -> float:
        """Return the slope of the cost in beta = 1/T, in which it is convex."""
        weights = np.exp(np.exp(log_beta) * z)
        mean = (weights * z).sum(axis=1) / weights.sum(axis=1)
        return float(np.mean(mean - own))

    lead = 0.0 - slope(-np.inf)  # of the true class's logit over the mean of all, at beta = 0
    if lead <= 1e-12 * -z.min():  # what rounding may leave of 0
        expected = "logits that favour the true class on average (else T rises without end)"
        raise refusal("logits", expected, f"a mean lead of {lead:.3g}")
    # The slope has one root: widen an interval of log beta until it holds it.
    low = high = -np.log(-z.min())
    while slope(low) >= 0:
        low -= 2
    while slope(high) <= 0:
        high += 2
    return float(np.exp(-brentq(slope, low, high)))
