"""Expressions of many shapes, whose graphs the tests of this folder draw and lay out."""

from collections.abc import Callable

import numpy as np
import pytest

from course.maths.autodiff import Value


def square() -> Value:
    x = Value(3.0, name="x")
    return x * x


def neuron() -> Value:
    x, w = (Value(values, name=name) for name, values in [("x", [2.0, 0.5]), ("w", [-3.0, 1.0])])
    o = (x @ w + Value(6.88, name="b")).tanh()
    o.name = "o"
    return o


def shared() -> Value:
    x = Value(-4.0, name="x")
    z = 2 * x + 2 + x
    z.name = "z"
    q = z.relu() + z * x
    return (z * z).relu() + q + q * x


def network() -> Value:
    rng = np.random.default_rng(0)
    w1, w2 = (Value(rng.normal(size=s), name=n) for n, s in [("w1", (3, 4)), ("w2", (4, 1))])
    hidden = (rng.normal(size=(8, 3)) @ w1 + Value(np.zeros(4), name="a long name")).relu()
    loss = ((hidden @ w2 - rng.normal(size=(8, 1))) ** 2).mean()
    loss.name = "loss"
    return loss


def chain() -> Value:
    x = Value(0.5, name="x")
    for _ in range(19):
        x = x.tanh()
    return x


def wide() -> Value:
    total = Value(1.0, name="x0") * 1.5
    for i in range(1, 5):
        total = total + Value(-1000.0 * i, name=f"x{i}") / 3
    return total


def fan() -> Value:
    """One value with many uses."""
    x = Value(1e-7, name="x")
    return x * x * x - x * x / (x + x) ** (x - 2)


def random_graph(seed: int) -> Callable[[], Value]:
    def build() -> Value:
        rng = np.random.default_rng(seed)
        values = [Value(x, name=f"v{i}") for i, x in enumerate(rng.normal(size=3))]
        while len(values) < 20:
            one, other = (values[-min(len(values), rng.geometric(0.3))] for _ in range(2))
            values.append([one + other, one * other, one - other, one.tanh()][rng.integers(4)])
        return values[-1]

    return build


GRAPHS = [square, neuron, shared, network, chain, wide, fan]
GRAPHS += [pytest.param(random_graph(seed), id=f"random {seed}") for seed in range(3)]
