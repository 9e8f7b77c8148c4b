"""Data for the tests of the classical models."""

import jax
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris


def random(seed=0, examples=300, features=5, classes=3):
    """Overlapping clouds around the classes' own points, with correlated features."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, examples - classes)])
    mix = rng.normal(size=(features, features))
    return rng.normal(size=(classes, features))[labels] + rng.normal(
        size=(examples, features)
    ) @ mix, labels


def data(name):
    """Inputs and labels of a data set of scikit-learn, or of random clouds."""
    if name == "random":
        return random()
    load = {"iris": load_iris, "cancer": load_breast_cancer, "digits": load_digits}[name]
    inputs, labels = load(return_X_y=True)
    return (inputs / 16 if name == "digits" else inputs), labels


def log_probs(logits):
    """What logits say, in double precision."""
    logits = np.asarray(logits, np.float64)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def split(labels, per_class, seed):
    """Rows to learn from, so many of each class, and all others."""
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(np.flatnonzero(labels == k))[:per_class] for k in np.unique(labels)]
    train = np.concatenate(chosen)
    return train, np.setdiff1d(np.arange(len(labels)), train)


def accuracy(logits, labels):
    return float(np.mean(np.argmax(logits, axis=-1) == np.asarray(labels)))


INPUTS, LABELS = random(examples=20, features=2)
KEY = jax.random.key(0)

# What every `fit(inputs, labels, *, classes)` refuses, and the parameter that it names.
BAD_EXAMPLES = [
    ((INPUTS[0], LABELS), {}, "inputs", ValueError),
    ((np.zeros((0, 2)), []), {}, "inputs", ValueError),
    ((np.zeros((3, 0)), [0, 1, 2]), {}, "inputs", ValueError),
    (([["a", "b"]] * 2, [0, 1]), {}, "inputs", TypeError),
    (([[1.0, 2.0], [3.0]], [0, 1]), {}, "inputs", TypeError),
    ((INPUTS, LABELS[:-1]), {}, "labels", ValueError),
    ((INPUTS, LABELS[:, None]), {}, "labels", ValueError),
    ((INPUTS, 0), {}, "labels", ValueError),
    ((INPUTS, LABELS - 1), {}, "labels", ValueError),
    ((INPUTS, LABELS * 0), {}, "labels", ValueError),
    ((INPUTS, LABELS.astype(float)), {}, "labels", TypeError),
    ((INPUTS, LABELS > 0), {}, "labels", TypeError),
    ((INPUTS, LABELS), {"classes": 2}, "labels", ValueError),
    ((INPUTS, LABELS), {"classes": 1}, "classes", ValueError),
    ((INPUTS, LABELS), {"classes": 3.0}, "classes", TypeError),
]
BAD_NUMBERS = [
    ((np.where(INPUTS[3, 1] == INPUTS, value, INPUTS), LABELS), {}, "inputs", ValueError)
    for value in (np.nan, np.inf)
]
