"""NumPy by hand: the gradients written out, every array reused, Adam on one flat vector."""

import numpy as np

from benchmarks.cases import B1, B2, EPS, RATE, Case, Parameters
from benchmarks.measure import Run


def cut(vector: np.ndarray, like: Parameters) -> Parameters:
    """Views of the weights and biases in a flat vector."""
    views, at = [], 0
    for w, b in like:
        middle, end = at + w.size, at + w.size + b.size
        views.append((vector[at:middle].reshape(w.shape), vector[middle:end]))
        at = end
    return views


class Adam:
    """Adam on one flat vector, in place."""

    def __init__(self, start: Parameters) -> None:
        self.params = np.concatenate([part.ravel() for layer in start for part in layer])
        self.grads, self.m, self.v, self.scratch = (np.zeros_like(self.params) for _ in range(4))
        self.count = 0

    def step(self) -> None:
        """params <- params - rate * (m / c1) / (sqrt(v / c2) + eps), the constants gathered."""
        self.count += 1
        g, m, v, s = self.grads, self.m, self.v, self.scratch
        np.multiply(g, 1 - B1, out=s)
        m *= B1
        m += s
        np.multiply(g, g, out=s)
        s *= 1 - B2
        v *= B2
        v += s
        root = np.sqrt(1 - B2**self.count)
        np.sqrt(v, out=s)
        s += np.float32(EPS * root)
        np.divide(m, s, out=s)
        s *= np.float32(RATE * root / (1 - B1**self.count))
        self.params -= s


class Net:
    """Forward and backward pass into arrays that are made once."""

    def __init__(self, case: Case, learner: Adam) -> None:
        self.classes = case.classes
        self.layers, self.grads = (cut(v, case.start) for v in (learner.params, learner.grads))
        self.values = [np.empty((case.batch, size), np.float32) for size in case.sizes]
        self.errors = [np.empty_like(values) for values in self.values[1:]]
        self.masks = [np.empty(values.shape, bool) for values in self.values[1:-1]]
        self.row = np.arange(case.batch)

    def loss(self, targets: np.ndarray) -> float:
        """The mean cross-entropy of a batch; leaves its gradient in the last errors."""
        z, d = self.values[-1], self.errors[-1]
        if self.classes:
            z -= z.max(axis=1, keepdims=True)
            np.exp(z, out=d)
            total = d.sum(axis=1, keepdims=True)
            cost = np.log(total).mean() - z[self.row, targets].mean()
            d /= total
            d[self.row, targets] -= 1
        else:
            y = targets[:, None]
            cost = (np.logaddexp(0, z) - y * z).mean()
            np.negative(z, out=d)
            np.exp(d, out=d)
            d += 1
            np.reciprocal(d, out=d)
            d -= y
        d /= len(d)
        return float(cost)

    def step(self, targets: np.ndarray) -> float:
        """Fill the gradients for the batch in `values[0]` and return its loss."""
        for (w, b), x, z in zip(self.layers, self.values, self.values[1:], strict=False):
            np.matmul(x, w, out=z)
            z += b
            if z is not self.values[-1]:
                np.maximum(z, 0, out=z)
        cost = self.loss(targets)
        for k in reversed(range(len(self.layers))):
            d, (dw, db) = self.errors[k], self.grads[k]
            np.matmul(self.values[k].T, d, out=dw)
            d.sum(axis=0, out=db)
            if k:
                np.matmul(d, self.layers[k][0].T, out=self.errors[k - 1])
                np.greater(self.values[k], 0, out=self.masks[k - 1])
                self.errors[k - 1] *= self.masks[k - 1]
        return cost


def prepare(case: Case) -> Run:
    """A function seed -> losses of all steps."""

    def run(seed: int) -> np.ndarray:
        learner = Adam(case.start)
        net = Net(case, learner)
        losses = []
        for rows in case.orders(seed).reshape(-1, case.batch):
            np.take(case.inputs, rows, axis=0, out=net.values[0], mode="clip")
            losses.append(net.step(case.targets[rows]))
            learner.step()
        return np.array(losses)

    return run
