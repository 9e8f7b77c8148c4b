"""Logistic regression: the logits of the classes are weighted sums of the features.

    p(y | x) = softmax(x w + b)_y

It is a discriminative model: it says nothing about how probable the features themselves are. The
weights have no closed form, but their cost is convex, and `fit` finds its minimum by L-BFGS. (To
find them step by step, begin with `course.models.mlp.mlp((features, classes))`: without a penalty
the predictions are the same, but `course.training.loop.fit(l2=...)` shrinks b as well.)
"""

import numpy as np
from jaxtyping import Float, Int

from course.checks import checked, finite, refusal
from course.models.inputs import (
    CLASSES,
    NOT_NEGATIVE,
    class_labels,
    in_float32,
    number_of_classes,
)
from course.models.linear import LinearParams, apply, singular_values

__all__ = ["LinearParams", "apply", "fit"]

STEPS = 20_000  # `fit` raises an error after as many
SLOPE = 1e-7  # nats along every direction, at which the cost counts as minimal


@checked(inputs=finite, classes=CLASSES, labels=class_labels, l2=NOT_NEGATIVE)
def fit(
    inputs: Float[np.ndarray, "examples features"],
    labels: Int[np.ndarray, " examples"],
    *,
    classes: int | None = None,
    l2: float = 1.0,
) -> LinearParams:
    """Find the weights of maximum likelihood, and with a penalty the most credible ones.

        J(w, b) = sum_i -log p(y_i | x_i) + l2/2 |w|^2

    It computes in double precision. Its arguments cannot be traced by `jit`.

    Args:
        inputs: a row for each example, a column for each feature.
        labels: the class of each example, from 0.
        classes: number of classes; if None, one more than the largest label.
        l2: strength of the penalty on the weights (not on b), at least 0: the prior belief that
            weights are normal around 0 with variance 1/l2. The costs are summed: for a mean over n
            examples the same penalty is l2/n.

    Returns:
        LinearParams with a column of weights for each class; `apply` gives the logits. Of two
        classes only the second has weights, and the logits of the first are 0: one set is enough
        to tell two apart. A constant feature gets the weight 0.

    Raises:
        ValueError: if `l2` is 0 and the weights can tell all examples apart (given as many features
            as examples they mostly can): then larger weights are better without end. If they can
            tell only some for certain, a few weights grow until the cost is as good as flat.
        RuntimeError: if the minimum is not reached within `STEPS` steps.

    >>> params = fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    >>> print(np.asarray(apply(params, [[1.5], [4.0]])).round(2))
    [[0.   0.  ]
     [0.   1.13]]

    Reference: C. Bishop, Pattern Recognition and Machine Learning (2006), section 4.3; D. C. Liu
    and J. Nocedal, On the Limited Memory BFGS Method, Mathematical Programming 45 (1989), 503-528.
    """
    # L-BFGS is fast where the cost curves alike in all directions. So it gets other coordinates v,
    # with w = turn v, in which it nearly does; the last of them belongs to b.
    u, s, vt = singular_values(inputs)
    stretch = 1 / np.hypot(s / 2, np.sqrt(l2))
    turn = vt.T * stretch
    unit = 2 / np.sqrt(len(inputs))
    x = np.column_stack([u * (s * stretch), np.full(len(inputs), unit)])
    penalty = np.append((np.sqrt(l2) * stretch) ** 2, 0)[:, None]

    one_hot = np.eye(number_of_classes(labels, classes))[labels]
    v = _minimize(x, one_hot, penalty)

    # Without a penalty, examples that are all told apart have no minimum: v is just large.
    logits = _logits(x, v)
    best_other = np.where(one_hot == 1, -np.inf, logits).max(axis=1)
    if l2 == 0 and np.all((logits * one_hot).sum(axis=1) > best_other):
        expected = "a number above 0 for examples that can be told apart without a mistake"
        raise refusal("l2", expected, l2)

    # Back to the features as they were, which `singular_values` centred.
    with np.errstate(over="ignore", invalid="ignore"):  # refused below, with a better message
        w = turn @ v[:-1]
        b = unit * v[-1] - inputs.mean(axis=0) @ w
    if len(b) == 1:
        w = np.column_stack([np.zeros(len(w)), w])
        b = np.append(0, b)
    return LinearParams(in_float32("inputs", "weights", w), in_float32("inputs", "intercept", b))


def _minimize(
    x: Float[np.ndarray, "examples axes"],
    one_hot: Float[np.ndarray, "examples classes"],
    penalty: Float[np.ndarray, "axes 1"],
) -> Float[np.ndarray, "axes columns"]:
    """Return the weights v that minimise the cost, one column of them for two classes.

    J(v) = sum_i -log p(y_i | x_i) + sum_j penalty_j/2 |v_j|^2
    """
    # Imported here, since importing them changes Python's warning filters.
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    classes = one_hot.shape[1]
    columns = 1 if classes == 2 else classes

    def cost_and_slope(
        flat: Float[np.ndarray, " numbers"],
    ) -> tuple[float, Float[np.ndarray, " numbers"]]:
        v = flat.reshape(-1, columns)
        log_p = log_softmax(_logits(x, v), axis=1)
        error = (np.exp(log_p) - one_hot)[:, -columns:]
        cost = np.sum(penalty * v**2) / 2 - np.sum(one_hot * log_p)
        return float(cost), (x.T @ error + penalty * v).ravel()

    # The slope alone decides the end: near the minimum the cost itself is all rounding.
    options = {"maxiter": STEPS, "maxfun": 2 * STEPS, "maxcor": 30, "ftol": 0.0, "gtol": SLOPE}
    start = np.zeros(x.shape[1] * columns)
    found = minimize(cost_and_slope, start, jac=True, method="L-BFGS-B", options=options)
    slope = abs(found.jac).max()
    if slope > 1000 * SLOPE:  # rounding may end it a little above SLOPE
        raise RuntimeError(f"logistic.fit: after {found.nit} steps the slope is still {slope:.1e}")
    return found.x.reshape(-1, columns)


def _logits(
    x: Float[np.ndarray, "examples axes"], v: Float[np.ndarray, "axes columns"]
) -> Float[np.ndarray, "examples classes"]:
    """Return the logits of all classes; a single column of weights is the second of two classes."""
    z = x @ v
    return np.column_stack([np.zeros(len(z)), z]) if z.shape[1] == 1 else z
