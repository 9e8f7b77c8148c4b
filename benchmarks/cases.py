"""What is trained: the same data, the same first parameters and the same Adam for every peer."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

Parameters = list[tuple[np.ndarray, np.ndarray]]
RATE, B1, B2, EPS = 1e-3, 0.9, 0.999, 1e-8


class Case(NamedTuple):
    """A multilayer perceptron with ReLU and mean cross-entropy, to be trained by Adam.

    Every epoch takes the rows in a new random order and drops the last, partial batch. Targets are
    class numbers (int32); with one output instead of several classes, 0 or 1 as float32.
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    epochs: int
    inputs: np.ndarray
    targets: np.ndarray
    start: Parameters

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return len(self.inputs) // self.batch

    @property
    def classes(self) -> bool:
        """Whether the outputs are logits of classes, not one logit of an event."""
        return self.sizes[-1] > 1

    @property
    def flop(self) -> float:
        """Floating-point operations of a run, matrix products alone.

        An example passes each weight three times (forward, gradient of the weights, gradient of
        the layer's inputs), each time in one multiplication and one addition; nobody needs the
        gradient of the first layer's inputs.
        """
        weights = [a * b for a, b in pairwise(self.sizes)]
        return 2.0 * (3 * sum(weights) - weights[0]) * self.batch * self.steps * self.epochs

    def orders(self, seed: int) -> np.ndarray:
        """Which rows each step takes: (epochs, steps, batch), int32."""
        rng = np.random.default_rng(seed)
        taken = self.steps * self.batch
        rows = [rng.permutation(len(self.inputs))[:taken] for _ in range(self.epochs)]
        return np.stack(rows).reshape(self.epochs, self.steps, self.batch).astype(np.int32)


def start(sizes: tuple[int, ...], seed: int = 0) -> Parameters:
    """First weights, normal with variance 2 / inputs, and biases, zero."""
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32), np.zeros(b, np.float32))
        for a, b in pairwise(sizes)
    ]


def digits(batch: int, epochs: int, *, copies: int = 1) -> Case:
    """Handwritten digits, 64-128-128-10; `copies` of the 1,797 rows, for batches beyond them."""
    pixels, labels = load_digits(return_X_y=True)
    inputs = np.tile(pixels.astype(np.float32) / 16, (copies, 1))
    targets = np.tile(labels.astype(np.int32), copies)
    sizes = (64, 128, 128, 10)
    name = f"digits 64-128-128-10, batch {batch}"
    return Case(name, sizes, batch, epochs, inputs, targets, start(sizes))


def tiny(epochs: int, *, examples: int = 1000) -> Case:
    """Exclusive or of two signs, 2-16-16-1, batch 32."""
    inputs = np.random.default_rng(0).uniform(-1, 1, (examples, 2)).astype(np.float32)
    targets = (inputs.prod(axis=1) > 0).astype(np.float32)
    sizes = (2, 16, 16, 1)
    return Case("xor 2-16-16-1, batch 32", sizes, 32, epochs, inputs, targets, start(sizes))
