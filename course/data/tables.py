"""Three real data sets that come with scikit-learn: digits, irises and tumours.

Each is a table with a row for each example, in the order of the file, which is not random: split it
with `course.data.splits.random_split`. The arrays are read-only, since every caller gets the same
ones.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Table(NamedTuple):
    """Examples with the class of each; `table[:2]` is the pair (inputs, labels) for `fit`."""

    inputs: Float[np.ndarray, "examples features"]
    """One row of float32 numbers for each example, read-only."""
    labels: Int[np.ndarray, " examples"]
    """Position in `class_names`, int32, read-only."""
    feature_names: tuple[str, ...]
    """Name of each column."""
    class_names: tuple[str, ...]
    """Name of each class; a label is a position in it."""


@cache
def digits() -> Table:
    """Return 1,797 hand-written digits of 8 by 8 pixels, for ten classes.

        inputs = ink/16, from 0 (paper) to 1;  `inputs.reshape(-1, 8, 8)` gives the pictures

    The examples of one writer stand together: the last ones in the file are by other people than
    the first.

    Returns:
        Table of 64 pixels, row by row from the top left.

    >>> inputs, labels = digits()[:2]
    >>> inputs.shape, labels[:5].tolist()
    ((1797, 64), [0, 1, 2, 3, 4])

    Reference: E. Alpaydin and C. Kaynak, Cascading Classifiers, Kybernetika 34 (1998), 369-374; the
    test part of the UCI set "Optical Recognition of Handwritten Digits".
    """
    from sklearn.datasets import load_digits

    return _table(load_digits(), scale=1 / 16)


@cache
def iris() -> Table:
    """Return 150 irises of three species, measured in centimetres.

    Returns:
        Table of 4 lengths and widths; fifty flowers of each species, one species after the other.

    >>> iris().class_names
    ('setosa', 'versicolor', 'virginica')

    Reference: R. A. Fisher, The Use of Multiple Measurements in Taxonomic Problems, Annals of
    Eugenics 7 (1936), 179-188.
    """
    from sklearn.datasets import load_iris

    return _table(load_iris())


@cache
def breast_cancer() -> Table:
    """Return 569 breast tumours, malignant (212) or benign (357), measured in cell images.

    The columns have very different sizes, from 0.001 to 4,000: most models want them standardised,
    with the mean and scale of the training part alone.

    Returns:
        Table of 30 measurements; label 0 is malignant and 1 is benign.

    >>> breast_cancer().class_names, breast_cancer().inputs.shape
    (('malignant', 'benign'), (569, 30))

    Reference: W. N. Street, W. H. Wolberg and O. L. Mangasarian, Nuclear Feature Extraction for
    Breast Tumor Diagnosis, SPIE 1905 (1993), 861-870.
    """
    from sklearn.datasets import load_breast_cancer

    return _table(load_breast_cancer())


def _table(bunch: Any, *, scale: float = 1.0) -> Table:
    """Return scikit-learn's data set as a Table."""
    inputs = (np.asarray(bunch.data) * scale).astype(np.float32)
    labels = np.asarray(bunch.target).astype(np.int32)
    for array in (inputs, labels):
        array.setflags(write=False)
    return Table(
        inputs, labels, tuple(map(str, bunch.feature_names)), tuple(map(str, bunch.target_names))
    )
