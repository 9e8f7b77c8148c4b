"""Shared checks: what every model that is fitted to labels refuses."""

import jax
import numpy as np
import pytest

from course.models import discriminant, logistic
from course.models.inputs import in_float32, number_of_classes
from course.models.naive_bayes import fit_bernoulli, fit_gaussian
from tests.models.samples import INPUTS, LABELS, WORDS

ON_NUMBERS = [logistic.fit, discriminant.fit, fit_gaussian]
ALL = [*((fit, INPUTS) for fit in ON_NUMBERS), (fit_bernoulli, WORDS)]


def test_the_number_of_classes_is_the_largest_label_and_one_unless_given():
    assert number_of_classes(LABELS, None) == 3
    assert number_of_classes(LABELS, 7) == 7


@pytest.mark.parametrize("fit", ON_NUMBERS)
def test_bad_inputs(fit):
    for inputs in (INPUTS[0], np.where(INPUTS[3, 1] == INPUTS, np.nan, INPUTS)):
        with pytest.raises(ValueError, match=r"^inputs: expected"):
            fit(inputs, LABELS)


@pytest.mark.parametrize(("fit", "inputs"), ALL)
@pytest.mark.parametrize(
    ("labels", "classes", "name"),
    [
        (LABELS[:-1], None, "labels"),
        (LABELS - 1, None, "labels"),
        (LABELS * 0, None, "labels"),
        (LABELS, 2, "labels"),
        (LABELS, 1, "classes"),
    ],
)
def test_bad_labels(fit, inputs, labels, classes, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        fit(inputs, labels, classes=classes)


@pytest.mark.parametrize(("fit", "inputs"), ALL)
def test_a_class_without_examples_is_named(fit, inputs):
    for missing, labels, classes in [
        (0, np.maximum(LABELS, 1), None),
        (1, np.where(LABELS == 1, 0, LABELS), None),
        (3, LABELS, 5),
    ]:
        with pytest.raises(ValueError, match=rf"^labels: .* got none of class {missing}$"):
            fit(inputs, labels, classes=classes)


def test_traced_labels_need_the_number_of_classes():
    with pytest.raises(ValueError, match=r"^classes: expected .* traced, got None"):
        jax.jit(fit_bernoulli)(WORDS, LABELS)


def test_what_float32_cannot_hold_is_refused():
    assert in_float32("inputs", "weights", np.array([1e30, -1e30])).dtype == "float32"
    for wrong in (np.array([1, 1e39]), np.array([np.nan]), np.array([np.inf])):
        with pytest.raises(ValueError, match=r"^inputs: expected .* float32 holds the weights"):
            in_float32("inputs", "weights", wrong)
    assert in_float32("inputs", "scales", np.array([1e-40])) is not None
    with pytest.raises(ValueError, match=r"got scales from 1e-40 to 1$"):
        in_float32("inputs", "scales", np.array([1e-40, 1]), positive=True)
