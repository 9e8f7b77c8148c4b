"""Checks of what several models are given: features and class labels."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from course.checks import (
    HUGE,
    TINY,
    Arguments,
    Rule,
    count,
    describe_shape,
    finite,
    labels,
    number,
    refusal,
)

NOT_NEGATIVE = number("a number of at least 0", low=0.0)
CLASSES = count(2, 2**16)
# Counts that are added to others: shares of them stay in float32, and their logarithms finite.
PSEUDO_COUNT = number("a number from 1e-30 to 1e30", 1e-30, 1e30)


def in_float32(
    name: str,
    what: str,
    values: Float[np.ndarray, "*shape"] | float,
    *,
    positive: bool = False,
) -> Float[Array, "*shape"]:
    """Return fitted numbers as a JAX array; refuse data that lead out of the range of float32.

    Args:
        name: parameter that the numbers follow from, for the message.
        what: words for the numbers.
        values: computed in float64.
        positive: refuse what is too small for float32 as well.

    Returns:
        The numbers in float32.
    """
    least, most = float(np.min(values)), float(np.max(values))
    if not (least >= -HUGE and most <= HUGE) or (positive and least < TINY):
        expected = f"numbers of a size for which float32 holds the {what}"
        got = f"{what} from {least:.3g} to {most:.3g}"
        raise refusal(name, expected, got)
    return jnp.asarray(values)


def features_of(size: Callable[[Any], int], *, values: Rule = finite) -> Rule:
    """Return a rule for an array whose last axis runs over the features of `params`.

    Args:
        size: function from `params`, an earlier parameter, to the number of features.
        values: rule for the numbers in the array.

    Returns:
        The rule.
    """

    def rule(name: str, value: Any, arguments: Arguments) -> Any:
        features = size(arguments["params"])
        if value.shape[-1:] != (features,):
            expected = f"a last axis of the {features} features of params"
            raise refusal(name, expected, describe_shape(value.shape))
        return values(name, value, arguments)

    return rule


def number_of_classes(labels: np.ndarray | jax.Array, classes: int | None) -> int:
    """Return the number of classes: as given, else one more than the largest label.

    Args:
        labels: integers from 0.
        classes: number of classes, or None; labels traced by `jit` or `vmap` need it.

    Returns:
        The number of classes.
    """
    if classes is None and isinstance(labels, jax.core.Tracer):
        raise refusal("classes", "the number of classes where labels are traced", None)
    return int(np.max(labels)) + 1 if classes is None else classes


def class_labels(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for labels to fit to, of at least two classes that all have an example.

    Args:
        name: parameter, for the message.
        value: labels.
        arguments: `classes` among them, see `number_of_classes`.

    Returns:
        The labels.
    """
    classes = number_of_classes(value, arguments["classes"])
    labels(max(classes, 1))(name, value, arguments)
    if isinstance(value, jax.core.Tracer):
        return value
    present = np.unique(value)
    if len(present) < classes:
        missing = next(k for k, label in enumerate([*present, -1]) if k != label)
        raise refusal(name, "at least one example of each class", f"none of class {missing}")
    if classes < 2:
        raise refusal(name, "examples of at least two classes", "only class 0")
    return value


def labels_of_params(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for labels of the classes of `params`, an earlier parameter.

    Args:
        name: parameter, for the message.
        value: labels.
        arguments: `params` with a field `log_prior` among them.

    Returns:
        The labels.
    """
    return labels(len(arguments["params"].log_prior))(name, value, arguments)
