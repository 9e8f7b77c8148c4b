"""Linear regression: predictions are a weighted sum of the features.

    y = x w + b

The weights with the least squared error have a closed form, so nothing has to be guessed first.
(To find the same weights step by step, begin with `course.models.mlp.mlp((features, outputs))`.)
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from course.data.rules import Kind
from course.legacy_checks import Arguments, Finite, Shape, checked, refusal
from course.models.rules import NOT_NEGATIVE, FeaturesOf


class LinearParams(NamedTuple):
    """The weights of a linear model."""

    w: Float[Array, " features *outputs"]
    """How much the output rises with each feature."""
    b: Float[Array, "*outputs"]
    """The output where all features are 0."""


class _Targets(Finite):
    """A number, or a row of them, for each row of `inputs`."""

    def check_shape(self, name: str, shape: Shape, arguments: Arguments) -> None:
        super().check_shape(name, shape, arguments)
        if len(shape) not in (1, 2):
            raise refusal(name, "a list of numbers, or of rows of them", f"shape {shape}")
        if shape[0] != (rows := len(arguments["inputs"])):
            raise refusal(name, f"a target for each of the {rows} rows of inputs", shape[0])


@checked(inputs=Finite(ndim=2, numpy=True), targets=_Targets(numpy=True), l2=NOT_NEGATIVE)
def fit(
    inputs: Float[np.ndarray, "examples features"],
    targets: Float[np.ndarray, " examples *outputs"],
    *,
    l2: float = 0.0,
) -> LinearParams:
    """Find the weights with the least squared error, and with a penalty those of ridge regression.

        J(w, b) = sum_i |y_i - x_i w - b|^2 + l2 |w|^2
        w = (X'X + l2 I)^-1 X'Y,    b = mean(Y) - mean(X) w

    where X and Y are `inputs` and `targets` minus their means.

    It is computed in double precision and by singular values, where X'X would square the trouble
    of features that almost repeat each other. It takes arrays and not what `jit` traces.

    Args:
        inputs: a row for each example, a column for each feature.
        targets: a number for each example, or a row of them for several outputs.
        l2: strength of the penalty on the weights (not on b), at least 0. The squared errors are
            summed: for a mean over n examples the same penalty is l2/n.

    Returns:
        LinearParams. Where many weights fit equally well (l2 = 0 and fewer examples than features,
        or features that repeat each other) they are the smallest of those, the limit as l2 falls
        to 0. A constant feature gets the weight 0: it is b's work.

    Raises:
        TypeError: if `inputs` or `targets` are not numbers.
        ValueError: if one is NaN or infinite, there is not one target for each row, or `l2` is
            negative.

    >>> params = fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> print(params.w.round(3), params.b.round(3))
    [2.] 1.0

    Reference: T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning (2nd
    ed., 2009), sections 3.2 and 3.4.1.
    """
    u, s, vt = singular_values(inputs)
    w = (vt.T * s / (s**2 + l2)) @ u.T @ (targets - targets.mean(axis=0))
    b = targets.mean(axis=0) - inputs.mean(axis=0) @ w
    return LinearParams(jnp.asarray(w), jnp.asarray(b))


@checked(params=Kind(LinearParams), inputs=FeaturesOf(field="w", at=0))
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

    Raises:
        TypeError, ValueError: if `inputs` are not finite numbers, or their last axis is not that of
            the features of `params`.

    >>> params = fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> print(np.asarray(apply(params, [[10.0], [20.0]])).round(3))
    [21. 41.]

    Reference: see `fit`.
    """
    # Some accelerators multiply matrices in fewer digits unless asked.
    return jnp.matmul(inputs, params.w, precision="highest") + params.b


class SingularValues(NamedTuple):
    """The features minus their means, as u diag(s) vt."""

    u: Float[np.ndarray, "examples directions"]
    """Where the examples lie along each direction; the columns are orthonormal."""
    s: Float[np.ndarray, " directions"]
    """How far they scatter along it, above 0."""
    vt: Float[np.ndarray, "directions features"]
    """The directions, orthonormal rows."""


def singular_values(inputs: Float[np.ndarray, "examples features"]) -> SingularValues:
    """Return the directions in which the features vary, those left out in which they do not.

    Args:
        inputs: a row for each example, a column for each feature, finite float64.

    Returns:
        SingularValues with at most as many directions as there are features or examples.
    """
    centred = inputs - inputs.mean(axis=0)
    # A constant that is no binary fraction leaves a rest of rounding.
    centred[:, np.ptp(inputs, axis=0) == 0] = 0
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    varies = s > np.finfo(float).eps * max(inputs.shape) * s[0]
    return SingularValues(u[:, varies], s[varies], vt[varies])
