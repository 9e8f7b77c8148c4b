"""Linear discriminant analysis: every class is a normal distribution, all of the same covariance.

    p(x, y) = p(y) Normal(x; mean_y, S)

It is a generative model: it can draw examples of a class, and by Bayes' rule it classifies. The
covariance S is common to all classes, so what is quadratic in x, namely x' S^-1 x, cancels in the
odds: the logits are linear in x, as in logistic regression, only found in another way: by averages,
so there is no `init`.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float, Int, PRNGKeyArray

from course.checks import Arguments, checked, fields, finite, key, number, positive, refusal
from course.models.inputs import (
    CLASSES,
    class_labels,
    features_of,
    in_float32,
    labels_of_params,
    number_of_classes,
)

# Least eigenvalue of the features' correlations: below it single precision is lost.
SMALLEST = 1e-8


class DiscriminantParams(NamedTuple):
    """Parameters of linear discriminant analysis; a row for each class."""

    log_prior: Float[Array, " classes"]
    """Log p(class), in nats."""
    mean: Float[Array, "classes features"]
    """Mean of each class."""
    scale_tril: Float[Array, "features features"]
    """Lower triangle L with S = L L', the Cholesky factor of the covariance."""


def _factor(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for a Cholesky factor: its diagonal is positive."""
    if not isinstance(value, jax.core.Tracer):
        positive(name, np.diag(np.asarray(value)), arguments)
    return finite(name, value, arguments)


_PARAMS = fields(DiscriminantParams, scale_tril=_factor)
_features = features_of(lambda params: params.mean.shape[-1])


@checked(
    inputs=finite,
    classes=CLASSES,
    labels=class_labels,
    shrinkage=number("a number from 0 to 1", low=0.0, high=1.0),
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

    It computes in double precision. Its arguments cannot be traced by `jit`.

    Args:
        inputs: a row for each example, a column for each feature.
        labels: the class of each example, from 0.
        classes: number of classes; if None, one more than the largest label.
        shrinkage: weight r of the spherical covariance, from 0 to 1. Fewer examples than features
            and classes together leave directions in which nothing varies, and such a covariance
            has no density: a little shrinkage is needed. It depends on the units: scale the
            features first if these differ.

    Returns:
        DiscriminantParams.

    Raises:
        ValueError: if without shrinkage a feature is constant within every class (it is named), or
            the features do not vary in all directions.

    >>> params = fit([[1.0], [3.0], [10.0], [12.0]], [0, 0, 1, 1])
    >>> print(params.mean.ravel(), params.scale_tril)
    [ 2. 11.] [[1.]]

    Reference: T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning (2nd
    ed., 2009), section 4.3.
    """
    examples, features = inputs.shape
    groups = [inputs[labels == k] for k in range(number_of_classes(labels, classes))]
    prior = np.log([len(group) / examples for group in groups])
    mean = np.array([group.mean(axis=0) for group in groups])

    within = inputs - mean[labels]
    # The mean of a constant that is no binary fraction is rounded: what remains is not 0.
    within[:, np.all([np.ptp(group, axis=0) == 0 for group in groups], axis=0)] = 0
    covariance = within.T @ within / examples
    # Shrinkage keeps the total variance.
    average = np.trace(covariance) / features
    covariance = (1 - shrinkage) * covariance + shrinkage * average * np.eye(features)

    # Correlations have no units, so that one bound tells for all data which directions are missing.
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
    in_float32("inputs", "standard deviations", np.diag(scale_tril), positive=True)
    return DiscriminantParams(
        jnp.asarray(prior),
        in_float32("inputs", "means", mean),
        in_float32("inputs", "covariance", scale_tril),
    )


@checked(params=_PARAMS, inputs=_features)
@jax.jit
def apply(
    params: DiscriminantParams, inputs: Float[Array, "*batch features"]
) -> Float[Array, "*batch classes"]:
    """Return the logits of p(y | x), which are linear in x.

        z_y = log p(y) + (x - c)' S^-1 (mean_y - c) - 1/2 (mean_y - c)' S^-1 (mean_y - c)

    It is log p(x, y) without what all classes share. Any point c gives the same odds; the mean over
    all classes keeps the numbers small, and so their rounding.

    Args:
        params: what `fit` returned.
        inputs: the features of one example along the last axis, or of any number of them.

    Returns:
        Logits of the classes, whose softmax is p(y | x).

    >>> params = fit([[1.0], [3.0], [10.0], [12.0]], [0, 0, 1, 1])
    >>> print(np.asarray(jax.nn.softmax(apply(params, [[6.5], [7.0]]))).round(2))
    [[0.5  0.5 ]
     [0.01 0.99]]
    """
    x, mean = _whiten(params, inputs)
    along = jnp.einsum("...j,kj->...k", x, mean, precision="highest")
    return params.log_prior + along - jnp.sum(mean**2, axis=-1) / 2


@checked(params=_PARAMS, inputs=_features)
@jax.jit
def log_joint(
    params: DiscriminantParams, inputs: Float[Array, "*batch features"]
) -> Float[Array, "*batch classes"]:
    """Return log p(x, y), the logarithm of the joint density.

        log p(x, y) = log p(y) - 1/2 |L^-1 (x - mean_y)|^2 - sum_j log L_jj - d/2 log 2 pi

    where S = L L' and d is the number of features.

    Args:
        params: what `fit` returned.
        inputs: the features of one example along the last axis, or of any number of them.

    Returns:
        log p(x, y) for each class, in nats; in x it is a density, which may exceed 1.

    >>> params = fit([[1.0], [3.0], [10.0], [12.0]], [0, 0, 1, 1])
    >>> print(np.asarray(log_joint(params, [2.0])).round(2))
    [ -1.61 -42.11]
    """
    x, mean = _whiten(params, inputs)
    distance = jnp.sum((x[..., None, :] - mean) ** 2, axis=-1)
    volume = jnp.sum(jnp.log(jnp.diag(params.scale_tril))) + math.log(2 * math.pi) / 2 * len(mean.T)
    return params.log_prior - distance / 2 - volume


@checked(key=key, params=_PARAMS, labels=labels_of_params)
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

    >>> params = fit([[1.0], [3.0], [10.0], [12.0]], [0, 0, 1, 1])
    >>> draws = sample(jax.random.key(0), params, jnp.ones(1000, int))
    >>> print(draws.shape, draws.mean().round())
    (1000, 1) 11.0
    """
    noise = jax.random.normal(key, (*labels.shape, params.mean.shape[-1]))
    return params.mean[labels] + jnp.matmul(noise, params.scale_tril.T, precision="highest")


def _whiten(
    params: DiscriminantParams, inputs: Float[Array, "*batch features"]
) -> tuple[Float[Array, "*batch features"], Float[Array, "classes features"]]:
    """Return inputs and means as L^-1 (x - c): the noise is Normal(0, I) there, c the origin."""
    centre = jnp.exp(params.log_prior) @ params.mean
    points = jnp.concatenate([inputs.reshape(-1, inputs.shape[-1]), params.mean]) - centre
    points = solve_triangular(params.scale_tril, points.T, lower=True).T
    classes = len(params.mean)
    return points[:-classes].reshape(inputs.shape), points[-classes:]
