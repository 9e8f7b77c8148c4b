"""Naive Bayes: believe that features are independent of each other once the class is settled.

    p(x, y) = p(y) prod_j p(x_j | y)

It is a generative model: it can draw examples of a class, and by Bayes' rule it classifies. The
features are words that are there or not (`fit_bernoulli`) or numbers that scatter like a bell curve
(`fit_gaussian`); everything else works for both kinds of parameters. There is no `init`, because
counting and averaging need no first guess.
"""

from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num, PRNGKeyArray

from course.legacy_checks import Arguments, Count, Finite, Key, Positive, checked, refusal
from course.maths.distributions import normal_log_prob
from course.models.rules import (
    LABELS_OF_PARAMS,
    NOT_NEGATIVE,
    ClassLabels,
    FeaturesOf,
    Present,
    PresentOf,
    number_of_classes,
)


class BernoulliParams(NamedTuple):
    """What naive Bayes believes about words, in nats; a row for each class."""

    log_prior: Float[Array, " classes"]
    """log p(class)."""
    log_present: Float[Array, "classes features"]
    """log p(word is there | class)."""
    log_absent: Float[Array, "classes features"]
    """log p(word is not there | class)."""


class GaussianParams(NamedTuple):
    """What naive Bayes believes about numbers; a row for each class."""

    log_prior: Float[Array, " classes"]
    """log p(class), in nats."""
    mean: Float[Array, "classes features"]
    """The middle of each bell curve, in the feature's unit."""
    scale: Float[Array, "classes features"]
    """Its standard deviation, in the feature's unit."""


Params: TypeAlias = BernoulliParams | GaussianParams


class _Params:
    """What one of the two `fit_...` returned."""

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Params:
        if not isinstance(value, Params):
            expected = "BernoulliParams or GaussianParams"
            raise refusal(name, expected, type(value).__name__, TypeError)
        return value


class _Inputs:
    """What `params` are about: words, or numbers."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        if isinstance(arguments["params"], BernoulliParams):
            return PresentOf(field="log_present")(name, value, arguments)
        return FeaturesOf(field="mean")(name, value, arguments)


@checked(
    counts=Present(ndim=2),
    classes=Count(2),
    labels=ClassLabels(each="counts"),
    pseudo_count=Positive(ndim=0),
)
def fit_bernoulli(
    counts: Int[Array, "examples features"],
    labels: Int[Array, " examples"],
    *,
    classes: int | None = None,
    pseudo_count: float | Float[Array, ""] = 1.0,
) -> BernoulliParams:
    """Learn naive Bayes for words by counting.

        p(class)              = examples of the class / examples
        p(word there | class) = (those of them with the word + a) / (examples of the class + 2a)

    where a is `pseudo_count`.

    Args:
        counts: how often each word occurs in each example, or whether; only that matters.
        labels: the class of each example, from 0.
        classes: how many there are; if None, as many as the largest label says. Labels traced by
            `jit` or `vmap` need it, and there a class without examples gets log p(class) = -inf.
        pseudo_count: examples with the word, and as many without it, that each class has had before
            any was seen; above 0, so that nothing is impossible.

    Returns:
        BernoulliParams, in nats.

    Raises:
        TypeError: if `counts` or `labels` are not whole numbers.
        ValueError: if `counts` are negative, there is not one label for each row, a label is out of
            range, a class has no example, or `pseudo_count` is not above 0.

    >>> params = fit_bernoulli([[1, 0], [0, 1]], [1, 0])
    >>> print(np.exp(params.log_present).round(2))
    [[0.33 0.67]
     [0.67 0.33]]

    Reference: C. D. Manning, P. Raghavan and H. Schuetze, Introduction to Information Retrieval
    (2008), section 13.3: the Bernoulli model.
    """
    classes = number_of_classes(labels, classes)
    params: BernoulliParams = _count(counts, labels, classes, pseudo_count)
    return params


@partial(jax.jit, static_argnames="classes")
def _count(
    counts: Int[Array, "examples features"],
    labels: Int[Array, " examples"],
    classes: int,
    pseudo_count: float | Float[Array, ""],
) -> BernoulliParams:
    of_class = (labels == jnp.arange(classes)[:, None]).astype(float)
    examples = of_class.sum(axis=1, keepdims=True)
    with_word = of_class @ (counts > 0)
    present = (with_word + pseudo_count) / (examples + 2 * pseudo_count)
    absent = (examples - with_word + pseudo_count) / (examples + 2 * pseudo_count)
    return BernoulliParams(jnp.log(examples[:, 0] / len(counts)), jnp.log(present), jnp.log(absent))


@checked(
    inputs=Finite(ndim=2, numpy=True),
    classes=Count(2),
    labels=ClassLabels(each="inputs", numpy=True),
    smoothing=NOT_NEGATIVE,
)
def fit_gaussian(
    inputs: Float[np.ndarray, "examples features"],
    labels: Int[np.ndarray, " examples"],
    *,
    classes: int | None = None,
    smoothing: float = 1e-9,
) -> GaussianParams:
    """Learn naive Bayes for numbers: mean and spread of each feature in each class.

        mean_kj = average of x_j over class k,    scale_kj^2 = average of (x_j - mean_kj)^2 + s

    where s is `smoothing` times the variance of the feature that varies most (over all classes).

    It is computed in double precision, and takes arrays and not what `jit` traces.

    Args:
        inputs: a row for each example, a column for each feature.
        labels: the class of each example, from 0.
        classes: how many there are; if None, as many as the largest label says.
        smoothing: what keeps a feature that is constant in a class from having no spread. Whether
            that helps depends on the units: a feature that varies little by nature (a number of
            metres beside one of millimetres) drowns in s, so scale such features first. With 0 the
            spread is that of maximum likelihood, and a constant feature is refused.

    Returns:
        GaussianParams. A class with a single example has no spread but `smoothing`.

    Raises:
        TypeError: if `inputs` are not numbers, or `labels` not whole numbers.
        ValueError: if an input is NaN or infinite, there is not one label for each row, a label is
            out of range, a class has no example, `smoothing` is negative, or a scale would be 0
            (the feature and the class are named).

    >>> params = fit_gaussian([[1.0], [3.0], [10.0], [14.0]], [0, 0, 1, 1])
    >>> print(params.mean.ravel(), params.scale.ravel())
    [ 2. 12.] [1. 2.]

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 9.3.
    """
    groups = [inputs[labels == at] for at in range(number_of_classes(labels, classes))]
    mean = np.array([group.mean(axis=0) for group in groups])
    variance = np.array([_variance(group) for group in groups])
    scale = np.sqrt(variance + smoothing * _variance(inputs).max())
    if not scale.all():
        at, feature = np.argwhere(scale == 0)[0]
        expected = "features that vary within each class (or smoothing above 0)"
        raise refusal("inputs", expected, f"feature {feature}, constant in class {at}")
    prior = np.log([len(group) / len(inputs) for group in groups])
    return GaussianParams(jnp.asarray(prior), jnp.asarray(mean), jnp.asarray(scale))


@checked(params=_Params(), inputs=_Inputs())
@jax.jit
def log_likelihood(
    params: Params, inputs: Num[Array, "*batch features"]
) -> Float[Array, "*batch classes"]:
    """Return how probable the features are in each class.

        log p(x | y) = sum_j log p(x_j | y)

    Args:
        params: what `fit_bernoulli` or `fit_gaussian` returned.
        inputs: features (words: counts from 0 or booleans) along the last axis, of any batch.

    Returns:
        log p(x | y) for each class, in nats; for numbers it is a density, which may exceed 1.

    Raises:
        TypeError: if `inputs` are no numbers (for words: no counts).
        ValueError: if an input is not finite or their last axis is not that of `params`.

    >>> params = fit_bernoulli([[1, 0], [0, 1]], [1, 0])
    >>> print(np.exp(log_likelihood(params, [1, 0])).round(3))
    [0.111 0.444]

    Reference: see `fit_bernoulli` and `fit_gaussian`.
    """
    x = inputs[..., None, :]
    if isinstance(params, BernoulliParams):
        log_p = jnp.where(x > 0, params.log_present, params.log_absent)
    else:
        log_p = normal_log_prob.__wrapped__(x, params.mean, params.scale)
    return log_p.sum(axis=-1)


@checked(params=_Params(), inputs=_Inputs())
@jax.jit
def apply(params: Params, inputs: Num[Array, "*batch features"]) -> Float[Array, "*batch classes"]:
    """Return log p(x, y), which are also the logits of p(y | x).

        log p(x, y) = log p(y) + log p(x | y)

    Args:
        params: what `fit_bernoulli` or `fit_gaussian` returned.
        inputs: as for `log_likelihood`.

    Returns:
        log p(x, y) for each class, in nats.

    Raises:
        TypeError, ValueError: as `log_likelihood`.

    >>> params = fit_bernoulli([[1, 0], [0, 1]], [1, 0])
    >>> print(np.asarray(jax.nn.softmax(apply(params, [1, 0]))).round(2))
    [0.2 0.8]

    Reference: see `fit_bernoulli` and `fit_gaussian`.
    """
    evidence: Array = log_likelihood.__wrapped__(params, inputs)
    return params.log_prior + evidence


log_joint = apply  # elsewhere the logits differ from log p(x, y)


@checked(key=Key(), params=_Params(), labels=LABELS_OF_PARAMS)
@jax.jit
def sample(
    key: PRNGKeyArray, params: Params, labels: Int[Array, "*batch"]
) -> Num[Array, "*batch features"]:
    """Draw an example of each class asked for.

        x_j ~ p(x_j | y), independently

    Args:
        key: a JAX random key.
        params: what `fit_bernoulli` or `fit_gaussian` returned.
        labels: the class of each example: one, or an array of any shape.

    Returns:
        The features along a new last axis: 0 or 1 for each word, or numbers.

    Raises:
        TypeError, ValueError: if `labels` are not labels of the classes of `params`.

    >>> params = fit_gaussian([[1.0], [3.0], [10.0], [14.0]], [0, 0, 1, 1])
    >>> draws = sample(jax.random.key(0), params, jnp.ones(1000, int))
    >>> print(draws.shape, draws.mean().round())
    (1000, 1) 12.0

    Reference: see `fit_bernoulli` and `fit_gaussian`.
    """
    if isinstance(params, BernoulliParams):
        return jax.random.bernoulli(key, jnp.exp(params.log_present)[labels]).astype(int)
    noise = jax.random.normal(key, (*labels.shape, params.mean.shape[-1]))
    return params.mean[labels] + params.scale[labels] * noise


def _variance(inputs: Float[np.ndarray, "some features"]) -> Float[np.ndarray, " features"]:
    """Exactly 0 for a constant, which rounding may miss where it is no binary fraction."""
    return np.where(np.ptp(inputs, axis=0) == 0, 0, inputs.var(axis=0))
