"""The line by hand: one example a step, in a compiled scan and in Python."""

import random
from collections.abc import Mapping

import jax
import numpy as np

from benchmarks.measure import Run, Work
from course.data.line import simulate
from course.training.sgd_by_hand import fit_line

RATE = 1e-4


def work(epochs: int, *, examples: int = 10_000) -> Work:
    """y = 2 x + 1 with x from 0 to 99, by stochastic gradient descent from w = b = 0."""
    x, y = map(np.asarray, simulate(jax.random.key(0), examples))
    ways = {
        "course.training.sgd_by_hand.fit_line": lambda: compiled(x, y, epochs),
        "Python": lambda: python(x, y, epochs),
        "Python, shuffled by NumPy": lambda: python(x, y, epochs, shuffled_by_numpy=True),
    }
    return Work("a line, one example a step", epochs, examples, 0.0, ways, check_line)


def compiled(x: np.ndarray, y: np.ndarray, epochs: int) -> Run:
    """The course's function."""

    def run(seed: int) -> np.ndarray:
        line = fit_line(x, y, rate=RATE, epochs=epochs, key=jax.random.key(seed))
        return np.array([line.slope[-1], line.intercept[-1]])

    return run


def python(x: np.ndarray, y: np.ndarray, epochs: int, *, shuffled_by_numpy: bool = False) -> Run:
    """The same with Python's own numbers and lists; its shuffle takes longer than the descent."""
    pairs = list(zip(x.tolist(), y.tolist(), strict=True))

    def run(seed: int) -> np.ndarray:
        shuffle, permutation = random.Random(seed).shuffle, np.random.default_rng(seed).permutation
        visits, losses = pairs.copy(), []
        w = b = 0.0
        for _ in range(epochs):
            if shuffled_by_numpy:
                visits = [pairs[i] for i in permutation(len(pairs)).tolist()]
            else:
                shuffle(visits)
            total = 0.0
            for x, y in visits:
                e = w * x + b - y
                change = 2 * RATE * e
                w -= change * x
                b -= change
                total += e * e
            losses.append(total / len(visits))
        return np.array([w, b])

    return run


def check_line(lines: Mapping[str, np.ndarray]) -> None:
    """Raise unless all have found the slope, and come as near to the intercept as each other."""
    left = {name: 1 - b for name, (_, b) in lines.items()}
    for name, (w, b) in lines.items():
        if not abs(w - 2) < 0.05 or not max(left.values()) / 2 < 1 - b < 1:
            raise RuntimeError(f"{name}: expected w = 2 and b towards 1, got {w:.3f}, {b:.3f}")
