"""Logistic regression: the logits of the classes are weighted sums of the features.

    p(y | x) = softmax(x w + b)_y

It is a discriminative model: it says nothing about how probable the features themselves are. The
weights have no closed form, but their cost is a bowl, and `fit` goes to its bottom by L-BFGS. (To
find them step by step, begin with `course.models.mlp.mlp((features, classes))`.)
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from course.legacy_checks import Count, Finite, checked, refusal
from course.models.linear import LinearParams, apply, singular_values
from course.models.rules import NOT_NEGATIVE, ClassLabels, number_of_classes

__all__ = ["LinearParams", "apply", "fit"]

STEPS = 20_000
"""After so many, `fit` gives up."""
SLOPE = 1e-7
"""`fit` ends where the cost, in nats, falls less than this along every direction."""


@checked(
    inputs=Finite(ndim=2, numpy=True),
    classes=Count(2),
    labels=ClassLabels(each="inputs", numpy=True),
    l2=NOT_NEGATIVE,
)
def fit(
    inputs: Float[np.ndarray, "examples features"],
    labels: Int[np.ndarray, " examples"],
    *,
    classes: int | None = None,
    l2: float = 1.0,
) -> LinearParams:
    """Find the weights that make the labels most probable; with a penalty, those most credible.

        J(w, b) = sum_i -log p(y_i | x_i) + l2/2 |w|^2

    It is computed in double precision, and takes arrays and not what `jit` traces.

    Args:
        inputs: a row for each example, a column for each feature.
        labels: the class of each example, from 0.
        classes: how many there are; if None, as many as the largest label says.
        l2: strength of the penalty on the weights (not on b), at least 0: the belief, before any
            example was seen, that weights are normal around 0 with variance 1/l2. The costs are
            summed: for a mean over n examples the same penalty is l2/n.

    Returns:
        LinearParams with a column of weights for each class; `apply` gives the logits. Of two
        classes only the second has weights, and the logits of the first are 0: one set is enough
        to tell two apart. A constant feature gets the weight 0.

    Raises:
        TypeError: if `inputs` are not numbers, or `labels` not whole numbers.
        ValueError: if an input is NaN or infinite, there is not one label for each row, a label is
            out of range, a class has no example, or `l2` is negative. Also if `l2` is 0 and the
            weights can tell all examples apart (given as many features as examples they mostly
            can): then larger weights are better without end. If they can tell only some for
            certain, a few weights grow until the cost is as good as flat.
        RuntimeError: if the bottom is not reached within `STEPS` steps.

    >>> params = fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    >>> print(np.asarray(apply(params, [[1.5], [4.0]])).round(2))
    [[0.   0.  ]
     [0.   1.13]]

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 4.3; D. C. Liu
    and J. Nocedal, On the Limited Memory BFGS Method, Mathematical Programming 45 (1989), 503-528.
    """
    # Imported here, since importing them changes Python's warning filters.
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    examples, count = len(inputs), number_of_classes(labels, classes)
    columns = 1 if count == 2 else count
    truth = np.eye(count)[labels]
    # L-BFGS is quick where a bowl is round. In the coordinates v, with w = turn v, this one bends
    # the same in all directions, as far as can be told beforehand; b is the last coordinate.
    u, s, vt = singular_values(inputs)
    stretch = 1 / np.sqrt(s**2 / 4 + l2)
    turn, unit = vt.T * stretch, 2 / np.sqrt(examples)
    x = np.column_stack([u * (s * stretch), np.full(examples, unit)])
    penalty = np.append(l2 * stretch**2, 0)[:, None]

    def logits(v: Float[np.ndarray, "axes columns"]) -> Float[np.ndarray, "examples classes"]:
        z = x @ v
        return np.column_stack([np.zeros(examples), z]) if columns == 1 else z

    def cost_and_slope(
        flat: Float[np.ndarray, " numbers"],
    ) -> tuple[float, Float[np.ndarray, " numbers"]]:
        v = flat.reshape(-1, columns)
        log_p = log_softmax(logits(v), axis=1)
        error = (np.exp(log_p) - truth)[:, -columns:]
        cost = np.sum(penalty * v**2) / 2 - np.sum(truth * log_p)
        return float(cost), (x.T @ error + penalty * v).ravel()

    start = np.zeros(x.shape[1] * columns)
    options = {"maxiter": STEPS, "maxfun": 2 * STEPS, "maxcor": 30, "ftol": 0.0, "gtol": SLOPE}
    found = minimize(cost_and_slope, start, jac=True, method="L-BFGS-B", options=options)
    if (slope := abs(found.jac).max()) > 1000 * SLOPE:  # rounding may end it a little above
        raise RuntimeError(f"logistic.fit: after {found.nit} steps the slope is still {slope:.1e}")
    v = found.x.reshape(-1, columns)
    rival = np.where(truth == 1, -np.inf, logits(v)).max(axis=1)
    if l2 == 0 and np.all((logits(v) * truth).sum(axis=1) > rival):
        expected = "a number above 0 for examples that can be told apart without a mistake"
        raise refusal("l2", expected, l2)
    w = turn @ v[:-1]
    b = unit * v[-1] - inputs.mean(axis=0) @ w
    if columns == 1:
        w, b = np.column_stack([np.zeros(len(w)), w]), np.append(0, b)
    return LinearParams(jnp.asarray(w), jnp.asarray(b))
