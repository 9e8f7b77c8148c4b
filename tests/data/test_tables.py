"""Tables: scikit-learn's data, unchanged but for the scale of the digits."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets

from course.data.tables import breast_cancer, digits, iris

TABLES = {
    "digits": (digits, datasets.load_digits, (1797, 64), 10),
    "iris": (iris, datasets.load_iris, (150, 4), 3),
    "breast_cancer": (breast_cancer, datasets.load_breast_cancer, (569, 30), 2),
}
ALL = pytest.mark.parametrize("name", TABLES)


@ALL
def test_tables_are_what_scikit_learn_has(name):
    load, original, shape, classes = TABLES[name]
    table, bunch = load(), original()
    assert table.inputs.shape == shape
    assert table.inputs.dtype == np.float32
    assert table.labels.dtype == np.int32
    scale = 16 if name == "digits" else 1
    np.testing.assert_allclose(table.inputs * scale, bunch.data, rtol=1e-6)
    np.testing.assert_array_equal(table.labels, bunch.target)
    assert table.feature_names == tuple(bunch.feature_names)
    assert table.class_names == tuple(map(str, bunch.target_names))
    assert set(table.labels.tolist()) == set(range(classes))
    assert len(table.class_names) == classes
    assert len(table.feature_names) == shape[1]


@ALL
def test_tables_cannot_be_changed(name):
    table = TABLES[name][0]()
    assert TABLES[name][0]() is table
    for array in table[:2]:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_digits_are_ink_from_zero_to_one():
    inputs = digits().inputs
    assert inputs.min() == 0
    assert inputs.max() == 1
    np.testing.assert_array_equal(inputs.reshape(-1, 8, 8), datasets.load_digits().images / 16)


def test_labels_mean_what_they_say():
    tumours, flowers = breast_cancer(), iris()
    assert np.bincount(tumours.labels).tolist() == [212, 357]
    assert tumours.class_names[0] == "malignant"
    radius = tumours.inputs[:, tumours.feature_names.index("mean radius")]
    assert radius[tumours.labels == 0].mean() > radius[tumours.labels == 1].mean()
    assert flowers.labels.tolist() == [0] * 50 + [1] * 50 + [2] * 50


def test_scikit_learn_is_loaded_only_for_its_data():
    code = "import sys, course.data.tables, course.data.splits; print('sklearn' in sys.modules)"
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert printed.strip() == "False"
