"""Naive Bayes: the features are taken to be independent of each other, given the class.

    p(x, y) = p(y) prod_j p(x_j | y)

It is a generative model: it can draw examples of a class, and by Bayes' rule it classifies. The
features are words that are present or absent (`fit_bernoulli`) or numbers with normal distributions
(`fit_gaussian`); everything else works for both kinds of parameters. Counting and averaging need no
`init`.
"""

from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num, PRNGKeyArray

from course.checks import (
    Arguments,
    ArraySpec,
    Rule,
    check_range,
    checked,
    fields,
    finite,
    key,
    positive,
    read_array,
    refusal,
)
from course.maths.distributions import normal_log_prob
from course.models.inputs import (
    CLASSES,
    NOT_NEGATIVE,
    PSEUDO_COUNT,
    class_labels,
    features_of,
    in_float32,
    labels_of_params,
    number_of_classes,
)


class BernoulliParams(NamedTuple):
    """Parameters of naive Bayes for words, in nats; a row for each class."""

    log_prior: Float[Array, " classes"]
    """Log p(class)."""
    log_present: Float[Array, "classes features"]
    """Log p(word present | class)."""
    log_absent: Float[Array, "classes features"]
    """Log p(word absent | class)."""


class GaussianParams(NamedTuple):
    """Parameters of naive Bayes for numbers; a row for each class."""

    log_prior: Float[Array, " classes"]
    """Log p(class), in nats."""
    mean: Float[Array, "classes features"]
    """Mean of each feature, in its unit."""
    scale: Float[Array, "classes features"]
    """Standard deviation of each feature, in its unit."""


NaiveBayesParams: TypeAlias = BernoulliParams | GaussianParams
_WHOLE = {
    BernoulliParams: fields(BernoulliParams),
    GaussianParams: fields(GaussianParams, scale=positive),
}
Inputs: TypeAlias = Bool[Array, "*batch features"] | Num[Array, "*batch features"]


def _params(name: str, value: Any, arguments: Arguments) -> NaiveBayesParams:
    """Rule for what one of the two `fit_...` returned."""
    if not isinstance(value, NaiveBayesParams):
        raise refusal(name, "BernoulliParams or GaussianParams", type(value).__name__, TypeError)
    whole: NaiveBayesParams = _WHOLE[type(value)](name, value, arguments)
    return whole


def _word_counts_rule(*axes: str) -> Rule:
    """Return a rule for words: counts from 0, or booleans, with these axes."""
    spec = ArraySpec(numpy=False, kind="int", axes=axes)

    def rule(name: str, value: Any, _arguments: Arguments) -> Any:
        array = read_array(name, value)
        if array.dtype == np.bool_:
            array = array.astype(int)
        array = spec.read(name, array, {})
        check_range(name, array, 0, 2**31 - 1, "counts from 0")  # int32 holds no larger ones
        return spec.convert(array)

    return rule


def _labels(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for a class label for each row of `counts`."""
    examples = len(arguments["counts"])
    if len(value) != examples:
        raise refusal(name, f"one for each of the {examples} rows of counts", len(value))
    return class_labels(name, value, arguments)


def _features(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for the features that `params` belong to: words or numbers along the last axis."""
    if isinstance(arguments["params"], BernoulliParams):
        array = _word_counts_rule("*batch", "features")(name, value, arguments)
    else:
        numbers = ArraySpec(numpy=False, kind="float", axes=("*batch", "features"))
        array = numbers.convert(finite(name, numbers.read(name, value, {}), arguments))
    return features_of(lambda params: params[1].shape[-1])(name, array, arguments)


@checked(
    counts=_word_counts_rule("examples", "features"),
    classes=CLASSES,
    labels=_labels,
    pseudo_count=PSEUDO_COUNT,
)
def fit_bernoulli(
    counts: Int[Array, "examples features"] | Bool[Array, "examples features"],
    labels: Int[Array, " examples"],
    *,
    classes: int | None = None,
    pseudo_count: float | Float[Array, ""] = 1.0,
) -> BernoulliParams:
    """Learn naive Bayes for words by counting.

        p(class)                = examples of the class / examples
        p(word present | class) = (those of them with the word + a) / (examples of the class + 2a)

    where a is `pseudo_count`.

    Args:
        counts: how often each word occurs in each example, or whether; only that matters.
        labels: the class of each example, from 0.
        classes: number of classes; if None, one more than the largest label. Labels traced by
            `jit` or `vmap` need it, and there a class without examples gets log p(class) = -inf.
        pseudo_count: examples with the word, and as many without it, that are added to each class;
            above 0, so that nothing is impossible.

    Returns:
        BernoulliParams, in nats.

    >>> params = fit_bernoulli([[1, 0], [0, 1]], [1, 0])
    >>> print(np.exp(params.log_present).round(2))
    [[0.33 0.67]
     [0.67 0.33]]

    Reference: C. D. Manning, P. Raghavan and H. Schuetze, Introduction to Information Retrieval
    (2008), section 13.3: the Bernoulli model.
    """
    return _count(counts, labels, number_of_classes(labels, classes), pseudo_count)


@partial(jax.jit, static_argnames="classes")
def _count(
    counts: Int[Array, "examples features"],
    labels: Int[Array, " examples"],
    classes: int,
    pseudo_count: float | Float[Array, ""],
) -> BernoulliParams:
    """Return the parameters for converted arguments."""
    of_class = (labels == jnp.arange(classes)[:, None]).astype(float)
    examples = of_class.sum(axis=1, keepdims=True)
    with_word = of_class @ (counts > 0).astype(float)
    present = (with_word + pseudo_count) / (examples + 2 * pseudo_count)
    absent = (examples - with_word + pseudo_count) / (examples + 2 * pseudo_count)
    return BernoulliParams(jnp.log(examples[:, 0] / len(counts)), jnp.log(present), jnp.log(absent))


@checked(inputs=finite, classes=CLASSES, labels=class_labels, smoothing=NOT_NEGATIVE)
def fit_gaussian(
    inputs: Float[np.ndarray, "examples features"],
    labels: Int[np.ndarray, " examples"],
    *,
    classes: int | None = None,
    smoothing: float = 1e-9,
) -> GaussianParams:
    """Learn naive Bayes for numbers: mean and standard deviation of each feature in each class.

        mean_kj = average of x_j over class k,    scale_kj^2 = average of (x_j - mean_kj)^2 + s

    where s is `smoothing` times the variance of the feature that varies most (over all classes).

    It computes in double precision. Its arguments cannot be traced by `jit`.

    Args:
        inputs: a row for each example, a column for each feature.
        labels: the class of each example, from 0.
        classes: number of classes; if None, one more than the largest label.
        smoothing: keeps the scale of a feature that is constant in a class above 0. Its size
            depends on the units: a feature that varies little by nature (a number of metres beside
            one of millimetres) drowns in s, so scale such features first. With 0 the scale is that
            of maximum likelihood, and a constant feature is refused.

    Returns:
        GaussianParams. The scale of a class with a single example is all `smoothing`.

    Raises:
        ValueError: if a scale would be 0 (the feature and the class are named).

    >>> params = fit_gaussian([[1.0], [3.0], [10.0], [14.0]], [0, 0, 1, 1])
    >>> print(params.mean.ravel(), params.scale.ravel())
    [ 2. 12.] [1. 2.]

    Reference: K. Murphy, Probabilistic Machine Learning: An Introduction (2022), section 9.3.
    """
    groups = [inputs[labels == k] for k in range(number_of_classes(labels, classes))]
    mean = np.array([group.mean(axis=0) for group in groups])
    variance = np.array([_variance(group) for group in groups])
    scale = np.sqrt(variance + smoothing * _variance(inputs).max())
    if not scale.all():
        k, feature = np.argwhere(scale == 0)[0]
        expected = "features that vary within each class (or smoothing above 0)"
        raise refusal("inputs", expected, f"feature {feature}, constant in class {k}")
    prior = np.log([len(group) / len(inputs) for group in groups])
    return GaussianParams(
        jnp.asarray(prior),
        in_float32("inputs", "means", mean),
        in_float32("inputs", "standard deviations", scale, positive=True),
    )


@checked(params=_params, inputs=_features)
@jax.jit
def log_likelihood(params: NaiveBayesParams, inputs: Inputs) -> Float[Array, "*batch classes"]:
    """Return the log-likelihood of each class.

        log p(x | y) = sum_j log p(x_j | y)

    Args:
        params: what `fit_bernoulli` or `fit_gaussian` returned.
        inputs: features (words: counts from 0 or booleans) along the last axis, of any batch.

    Returns:
        log p(x | y) for each class, in nats; for numbers it is a density, which may exceed 1.

    >>> params = fit_bernoulli([[1, 0], [0, 1]], [1, 0])
    >>> print(np.exp(log_likelihood(params, [1, 0])).round(3))
    [0.111 0.444]
    """
    x = inputs[..., None, :]
    if isinstance(params, BernoulliParams):
        log_p = jnp.where(x > 0, params.log_present, params.log_absent)
    else:
        log_p = normal_log_prob(x, params.mean, params.scale)
    return log_p.sum(axis=-1)


@checked(params=_params, inputs=_features)
@jax.jit
def apply(params: NaiveBayesParams, inputs: Inputs) -> Float[Array, "*batch classes"]:
    """Return log p(x, y), which are also the logits of p(y | x).

        log p(x, y) = log p(y) + log p(x | y)

    Args:
        params: what `fit_bernoulli` or `fit_gaussian` returned.
        inputs: as for `log_likelihood`.

    Returns:
        log p(x, y) for each class, in nats.

    >>> params = fit_bernoulli([[1, 0], [0, 1]], [1, 0])
    >>> print(np.asarray(jax.nn.softmax(apply(params, [1, 0]))).round(2))
    [0.2 0.8]
    """
    return params.log_prior + log_likelihood(params, inputs)


log_joint = apply  # elsewhere the logits differ from log p(x, y)


@checked(key=key, params=_params, labels=labels_of_params)
@jax.jit
def sample(
    key: PRNGKeyArray, params: NaiveBayesParams, labels: Int[Array, "*batch"]
) -> Num[Array, "*batch features"]:
    """Draw an example of each class asked for.

        x_j ~ p(x_j | y), independently

    Args:
        key: a JAX random key.
        params: what `fit_bernoulli` or `fit_gaussian` returned.
        labels: the class of each example: one, or an array of any shape.

    Returns:
        The features along a new last axis: 0 or 1 for each word, or numbers.

    >>> params = fit_gaussian([[1.0], [3.0], [10.0], [14.0]], [0, 0, 1, 1])
    >>> draws = sample(jax.random.key(0), params, jnp.ones(1000, int))
    >>> print(draws.shape, draws.mean().round())
    (1000, 1) 12.0
    """
    if isinstance(params, BernoulliParams):
        return jax.random.bernoulli(key, jnp.exp(params.log_present)[labels]).astype(int)
    noise = jax.random.normal(key, (*labels.shape, params.mean.shape[-1]))
    return params.mean[labels] + params.scale[labels] * noise


def _variance(inputs: Float[np.ndarray, "some features"]) -> Float[np.ndarray, " features"]:
    """Return the variance, exactly 0 for a constant, even one that is no binary fraction."""
    return np.where(np.ptp(inputs, axis=0) == 0, 0, inputs.var(axis=0))
