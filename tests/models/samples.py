"""Data for the tests of the classical models."""

import functools

import numpy as np
from scipy import special
from sklearn.datasets import load_breast_cancer, load_digits, load_iris


def random(seed=0, examples=300, features=5, classes=3):
    """Overlapping clouds around the classes' own points, with correlated features."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, examples - classes)])
    mix = rng.normal(size=(features, features))
    return rng.normal(size=(classes, features))[labels] + rng.normal(
        size=(examples, features)
    ) @ mix, labels


@functools.cache  # scikit-learn reads its files anew each time
def data(name):
    """Inputs and labels of a data set of scikit-learn, or of random clouds."""
    if name == "random":
        return random()
    load = {"iris": load_iris, "cancer": load_breast_cancer, "digits": load_digits}[name]
    inputs, labels = load(return_X_y=True)
    return (inputs / 16 if name == "digits" else inputs), labels


def log_probs(logits):
    """Return the log-probabilities of logits, in double precision."""
    return special.log_softmax(np.asarray(logits, np.float64), axis=-1)


def split(labels, per_class, seed):
    """Rows to learn from, so many of each class, and all others."""
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(np.flatnonzero(labels == k))[:per_class] for k in np.unique(labels)]
    train = np.concatenate(chosen)
    return train, np.setdiff1d(np.arange(len(labels)), train)


def accuracy(logits, labels):
    return float(np.mean(np.argmax(np.asarray(logits), axis=-1) == np.asarray(labels)))


INPUTS, LABELS = random(examples=20, features=2)
WORDS = (INPUTS > 0).astype(int)
