"""Accuracy of the whole core on real data."""

import jax
import numpy as np

from course.data import splits, tables
from course.maths.losses import softmax_cross_entropy_with_integer_labels
from course.models.mlp import mlp
from course.training.loop import fit
from course.training.optimizers import adam


def test_digits_are_read_as_promised() -> None:
    """A median of at least 97% over ten random splits."""
    model, accuracies = mlp((64, 128, 128, 10)), []
    for seed in range(10):
        train, test = splits.random_split(tables.digits(), (0.8, 0.2), seed=seed)
        result = fit(
            model, softmax_cross_entropy_with_integer_labels, adam(1e-3), train,
            epochs=30, batch_size=64, key=jax.random.key(seed), validation=test, progress=False,
        )  # fmt: skip
        accuracies.append(float(result.history.validation_accuracy[-1]))
    assert np.median(accuracies) >= 0.97, accuracies
    assert min(accuracies) >= 0.94, accuracies
