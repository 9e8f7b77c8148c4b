"""Linear regression: predictions are a weighted sum of the features.

    y = x w + b

The weights with the least squared error have a closed form, so there is no `init`. (To find the
same weights step by step, begin with `course.models.mlp.mlp((features, outputs))`; with a penalty
they differ, since `course.training.loop.fit(l2=...)` takes half of it, and shrinks b as well.)
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from course.checks import checked, describe_shape, fields, finite, refusal
from course.models.inputs import NOT_NEGATIVE, features_of, in_float32


class LinearParams(NamedTuple):
    """Weights of a linear model."""

    w: Float[Array, " features *outputs"]
    """Slope of the output along each feature."""
    b: Float[Array, "*outputs"]
    """Output where all features are 0."""


@checked(inputs=finite, targets=finite, l2=NOT_NEGATIVE)
def fit(
    inputs: Float[np.ndarray, "examples features"],
    targets: Float[np.ndarray, " examples *outputs"],
    *,
    l2: float = 0.0,
) -> LinearParams:
    """Find the weights with the least squared error, and with a penalty those of ridge regression.

        J(w, b) = sum_i |y_i - x_i w - b|^2 + l2 |w|^2
        w = (X'X + l2 I)^-1 X'Y,    b = mean(targets) - mean(inputs) w

    where X and Y are `inputs` and `targets` minus their means.

    It computes in double precision and by singular values, as X'X would square the condition number
    of features that almost repeat each other. Its arguments cannot be traced by `jit`.

    Args:
        inputs: a row for each example, a column for each feature.
        targets: a number for each example, or a row of them for several outputs.
        l2: strength of the penalty on the weights (not on b), at least 0. The squared errors are
            summed: for a mean over n examples the same penalty is l2/n.

    Returns:
        LinearParams. Where many weights fit equally well (l2 = 0 and fewer examples than features,
        or features that repeat each other) they are the smallest of those, the limit as l2 falls
        to 0. A constant feature gets the weight 0: it is b's work.

    >>> params = fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> print(params.w.round(3), params.b.round(3))
    [2.] 1.0

    Raises:
        ValueError: if float32 cannot hold the weights, as for features that vary by 1e-200.

    Reference: T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning (2nd
    ed., 2009), sections 3.2 and 3.4.1.
    """
    if targets.ndim > 2:
        raise refusal("targets", "a list of numbers, or of rows", describe_shape(targets.shape))
    u, s, vt = singular_values(inputs)
    with np.errstate(over="ignore", invalid="ignore"):  # refused below, with a better message
        # 1/(s + l2/s) is s/(s^2 + l2), where s^2 may be too small for a float.
        w = (vt.T / (s + l2 / s)) @ (u.T @ (targets - targets.mean(axis=0)))
        b = targets.mean(axis=0) - inputs.mean(axis=0) @ w
    return LinearParams(in_float32("inputs", "weights", w), in_float32("inputs", "intercept", b))


@checked(params=fields(LinearParams), inputs=features_of(lambda params: len(params.w)))
@jax.jit
def apply(
    params: LinearParams, inputs: Float[Array, "*batch features"]
) -> Float[Array, "*predictions"]:
    """Predict: a weighted sum of the features.

        y = x w + b

    Args:
        params: what `fit` returned.
        inputs: the features of one example along the last axis, or of any number of them.

    Returns:
        A prediction for each example, or a row of them.

    >>> params = fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> print(np.asarray(apply(params, [[10.0], [20.0]])).round(3))
    [21. 41.]
    """
    # Some accelerators multiply matrices in fewer digits unless asked.
    return jnp.matmul(inputs, params.w, precision="highest") + params.b


class SingularValues(NamedTuple):
    """Features minus their means, as u diag(s) vt."""

    u: Float[np.ndarray, "examples directions"]
    """Position of each example along each direction; orthonormal columns."""
    s: Float[np.ndarray, " directions"]
    """Length of all positions along each direction, above 0."""
    vt: Float[np.ndarray, "directions features"]
    """Directions, orthonormal rows."""


@checked(inputs=finite)
def singular_values(inputs: Float[np.ndarray, "examples features"]) -> SingularValues:
    """Decompose the features along the directions in which they vary.

    Args:
        inputs: a row for each example, a column for each feature, finite float64.

    Returns:
        SingularValues with at most as many directions as there are features or examples.
    """
    centred = inputs - inputs.mean(axis=0)
    # The mean of a constant that is no binary fraction is rounded: what remains is not 0.
    centred[:, np.ptp(inputs, axis=0) == 0] = 0
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    varies = s > np.finfo(float).eps * max(inputs.shape) * s[0]
    return SingularValues(u[:, varies], s[varies], vt[varies])
