"""Rules of `course.checks.checked` for labelled examples and what fitted models are applied to."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from course.data.rules import Number
from course.legacy_checks import Arguments, Finite, Labels, Shape, refusal

NOT_NEGATIVE = Number("a number of at least 0", low=0.0)


@dataclass(frozen=True, kw_only=True)
class ClassLabels(Labels):
    """The class of each example, an integer from 0. Every class must have an example.

    How many classes there are says the parameter `classes`, an earlier one: see
    `number_of_classes`.

    Args:
        each: the name of an earlier parameter; one label is expected for each of its rows.
    """

    below: int | str = "classes"
    each: str

    def check_shape(self, name: str, shape: Shape, arguments: Arguments) -> None:
        if len(shape) != 1:
            raise refusal(name, "a list of labels", f"shape {shape}")
        if shape[0] != (rows := len(arguments[self.each])):
            raise refusal(name, f"a label for each of the {rows} rows of {self.each}", shape[0])

    def check_values(self, name: str, values: Any, arguments: Arguments) -> None:
        classes = number_of_classes(values, arguments["classes"])
        Labels(below=max(classes, 1)).check_values(name, values, arguments)
        present = np.unique(values)
        if len(present) < classes:
            gaps = np.flatnonzero(present != np.arange(len(present)))
            missing = int(gaps[0]) if gaps.size else len(present)
            raise refusal(name, "at least one example of each class", f"none of class {missing}")
        if classes < 2:
            raise refusal(name, "examples of at least two classes", "only class 0")


class LabelsOf(Labels):
    """Labels of the classes of `params`, an earlier parameter; one or an array of any shape."""

    def check_shape(self, name: str, shape: Shape, _arguments: Arguments) -> None:
        if 0 in shape:
            raise refusal(name, "at least one label", f"shape {shape}")

    def check_values(self, name: str, values: Any, arguments: Arguments) -> None:
        classes = len(arguments["params"].log_prior)
        Labels(below=classes).check_values(name, values, arguments)


LABELS_OF_PARAMS = LabelsOf(below="params")


@dataclass(frozen=True, kw_only=True)
class FeaturesOf(Finite):
    """Numbers whose last axis runs over the features of `params`, an earlier parameter.

    Args:
        field: the field of `params` that tells how many features there are, by its axis `at`.
    """

    field: str
    at: int = -1

    def check_shape(self, name: str, shape: Shape, arguments: Arguments) -> None:
        super().check_shape(name, shape, arguments)
        features = getattr(arguments["params"], self.field).shape[self.at]
        if shape[-1:] != (features,):
            got = f"shape {shape}" if shape else "a single number"
            raise refusal(name, f"a last axis of the {features} features of params", got)


class Present(Finite):
    """Whether words are there: counts from 0, or booleans."""

    expected = "counts from 0 or booleans"
    low = 0.0

    def dtype(self, given: Any) -> Any:
        whole = given == np.bool_ or jnp.issubdtype(given, jnp.integer)
        return jax.dtypes.canonicalize_dtype(int) if whole else None


class PresentOf(Present, FeaturesOf):
    """Likewise, with the words of `params` along the last axis."""


def number_of_classes(labels: np.ndarray | jax.Array, classes: int | None) -> int:
    """Return how many classes there are: as many as was said, else the last label and those before.

    Args:
        labels: integers from 0.
        classes: the number, or None.

    Returns:
        The number of classes.

    Raises:
        ValueError: if it was not said and `labels` are traced by `jit` or `vmap`.
    """
    if classes is None and isinstance(labels, jax.core.Tracer):
        raise refusal("classes", "the number of classes where labels are traced", None)
    return int(np.max(labels)) + 1 if classes is None else classes
