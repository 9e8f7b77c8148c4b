"""Linear discriminant analysis: every class is a bell curve, and all have the same shape.

    p(x, y) = p(y) Normal(x; mean_y, S)

It is a generative model: it can draw examples of a class, and by Bayes' rule it classifies. The
curvature S is common to all classes, so it cancels in the odds: the logits are linear in x, as in
logistic regression, only found in another way. There is no `init`, because averaging needs no
first guess.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float, Int, PRNGKeyArray

from course.data.rules import Kind, Number
from course.legacy_checks import Count, Finite, Key, checked, refusal
from course.models.rules import LABELS_OF_PARAMS, ClassLabels, FeaturesOf, number_of_classes


class DiscriminantParams(NamedTuple):
    """What linear discriminant analysis believes; a row for each class."""

    log_prior: Float[Array, " classes"]
    """log p(class), in nats."""
    mean: Float[Array, "classes features"]
    """The middle of each class."""
    scale_tril: Float[Array, "features features"]
    """The lower triangle L with S = L L', which turns round noise into the noise of all classes."""


_INPUTS = FeaturesOf(field="mean")
_PARAMS = Kind(DiscriminantParams)
_SHARE = Number("a number from 0 to 1", low=0.0, high=1.0)

SMALLEST = 1e-8
"""The least eigenvalue of the features' correlations; below it single precision is lost."""


@checked(
    inputs=Finite(ndim=2, numpy=True),
    classes=Count(2),
    labels=ClassLabels(each="inputs", numpy=True),
    shrinkage=_SHARE,
)
def fit(
    inputs: Float[np.ndarray, "examples features"],
    labels: Int[np.ndarray, " examples"],
    *,
    classes: int | None = None,
    shrinkage: float = 0.0,
) -> DiscriminantParams:
    """Find the mean of each class and the covariance within the classes.

        S = (1 - r) W + r t I,    W = average of (x_i - mean_y(i)) (x_i - mean_y(i))'

    where r is `shrinkage` and t the average variance, trace(W)/features. Without shrinkage this is
    maximum likelihood.

    It is computed in double precision, and takes arrays and not what `jit` traces.

    Args:
        inputs: a row for each example, a column for each feature.
        labels: the class of each example, from 0.
        classes: how many there are; if None, as many as the largest label says.
        shrinkage: how far to pull the covariance towards a round one, from 0 to 1. Fewer examples
            than features and classes together leave directions in which nothing varies, and such a
            covariance has no density; a little shrinkage is then the least that is needed. It
            depends on the units: scale the features first if these differ.

    Returns:
        DiscriminantParams.

    Raises:
        TypeError: if `inputs` are not numbers, or `labels` not whole numbers.
        ValueError: if an input is NaN or infinite, there is not one label for each row, a label is
            out of range, a class has no example, `shrinkage` is not from 0 to 1, or without it a
            feature is constant within every class (it is named) or the features do not vary in
            all directions.

    >>> params = fit([[1.0], [3.0], [10.0], [12.0]], [0, 0, 1, 1])
    >>> print(params.mean.ravel(), params.scale_tril)
    [ 2. 11.] [[1.]]

    Reference: T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning (2nd
    ed., 2009), section 4.3.
    """
    examples, features = inputs.shape
    count = number_of_classes(labels, classes)
    groups = [inputs[labels == at] for at in range(count)]
    mean = np.array([group.mean(axis=0) for group in groups])
    within = inputs - mean[labels]
    within[:, np.all([np.ptp(group, axis=0) == 0 for group in groups], axis=0)] = 0
    covariance = within.T @ within / examples
    average = np.trace(covariance) / features
    covariance = (1 - shrinkage) * covariance + shrinkage * average * np.eye(features)
    deviation = np.sqrt(np.diag(covariance))
    if not deviation.all():
        got = f"feature {np.argmin(deviation)}, constant within every class"
        raise refusal("inputs", "features that vary within classes (or shrinkage)", got)
    correlation = covariance / np.outer(deviation, deviation)
    directions = int(np.sum(np.linalg.eigvalsh(correlation) > SMALLEST))
    if directions < features:
        expected = f"examples that vary in all {features} directions within classes (or shrinkage)"
        raise refusal("inputs", expected, f"{directions} directions")
    scale_tril = deviation[:, None] * np.linalg.cholesky(correlation)
    prior = np.log([len(group) / examples for group in groups])
    return DiscriminantParams(jnp.asarray(prior), jnp.asarray(mean), jnp.asarray(scale_tril))


@checked(params=_PARAMS, inputs=_INPUTS)
@jax.jit
def apply(
    params: DiscriminantParams, inputs: Float[Array, "*batch features"]
) -> Float[Array, "*batch classes"]:
    """Return the logits of p(y | x), which are linear in x.

        z_y = log p(y) + (x - c)' S^-1 (mean_y - c) - 1/2 (mean_y - c)' S^-1 (mean_y - c)

    It is log p(x, y) without what all classes share; c, the mean over all classes, may be any point
    and is there for the digits.

    Args:
        params: what `fit` returned.
        inputs: the features of one example along the last axis, or of any number of them.

    Returns:
        Logits of the classes, whose softmax is p(y | x).

    Raises:
        TypeError, ValueError: if `inputs` are not finite numbers with the features of `params`
            along their last axis.

    >>> params = fit([[1.0], [3.0], [10.0], [12.0]], [0, 0, 1, 1])
    >>> print(np.asarray(jax.nn.softmax(apply(params, [[6.5], [7.0]]))).round(2))
    [[0.5  0.5 ]
     [0.01 0.99]]

    Reference: see `fit`.
    """
    x, mean = _rounded(params, inputs)
    along = jnp.einsum("...j,kj->...k", x, mean, precision="highest")
    return params.log_prior + along - jnp.sum(mean**2, axis=-1) / 2


@checked(params=_PARAMS, inputs=_INPUTS)
@jax.jit
def log_joint(
    params: DiscriminantParams, inputs: Float[Array, "*batch features"]
) -> Float[Array, "*batch classes"]:
    """Return log p(x, y), which also says how probable the features are.

        log p(x, y) = log p(y) - 1/2 |L^-1 (x - mean_y)|^2 - sum_j log L_jj - d/2 log 2 pi

    where S = L L' and d is the number of features.

    Args:
        params: what `fit` returned.
        inputs: the features of one example along the last axis, or of any number of them.

    Returns:
        log p(x, y) for each class, in nats; in x it is a density, which may exceed 1.

    Raises:
        TypeError, ValueError: if `inputs` are not finite numbers with the features of `params`
            along their last axis.

    >>> params = fit([[1.0], [3.0], [10.0], [12.0]], [0, 0, 1, 1])
    >>> print(np.asarray(log_joint(params, [2.0])).round(2))
    [ -1.61 -42.11]

    Reference: see `fit`.
    """
    x, mean = _rounded(params, inputs)
    distance = jnp.sum((x[..., None, :] - mean) ** 2, axis=-1)
    volume = jnp.sum(jnp.log(jnp.diag(params.scale_tril))) + math.log(2 * math.pi) / 2 * len(mean.T)
    return params.log_prior - distance / 2 - volume


@checked(key=Key(), params=_PARAMS, labels=LABELS_OF_PARAMS)
@jax.jit
def sample(
    key: PRNGKeyArray, params: DiscriminantParams, labels: Int[Array, "*batch"]
) -> Float[Array, "*batch features"]:
    """Draw an example of each class asked for.

        x = mean_y + L e,    e ~ Normal(0, I)

    Args:
        key: a JAX random key.
        params: what `fit` returned.
        labels: the class of each example: one, or an array of any shape.

    Returns:
        The features along a new last axis.

    Raises:
        TypeError, ValueError: if `labels` are not labels of the classes of `params`.

    >>> params = fit([[1.0], [3.0], [10.0], [12.0]], [0, 0, 1, 1])
    >>> draws = sample(jax.random.key(0), params, jnp.ones(1000, int))
    >>> print(draws.shape, draws.mean().round())
    (1000, 1) 11.0

    Reference: see `fit`.
    """
    noise = jax.random.normal(key, (*labels.shape, params.mean.shape[-1]))
    return params.mean[labels] + jnp.matmul(noise, params.scale_tril.T, precision="highest")


def _rounded(
    params: DiscriminantParams, inputs: Float[Array, "*batch features"]
) -> tuple[Float[Array, "*batch features"], Float[Array, "classes features"]]:
    """Inputs and means in coordinates in which the noise is round, from the mean of all classes.

    x -> L^-1 (x - c)
    """
    center = jnp.exp(params.log_prior) @ params.mean
    points = jnp.concatenate([inputs.reshape(-1, inputs.shape[-1]), params.mean]) - center
    points = solve_triangular(params.scale_tril, points.T, lower=True).T
    classes = len(params.mean)
    return points[:-classes].reshape(inputs.shape), points[-classes:]
