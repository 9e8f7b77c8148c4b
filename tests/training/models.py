"""Small problems for the tests of training."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from course.models.layers import Model
from course.models.mlp import mlp

NET = mlp((4, 8, 3))


def squares(predictions: Array, targets: Array) -> Array:
    """Squared error of each example."""
    return (predictions - targets) ** 2


def cross_entropy(logits: Array, labels: Array) -> Array:
    """Cross-entropy of each example, in nats."""
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)[:, 0]


def slope_init(key: Array) -> dict[str, Array]:
    return {"slope": jax.random.normal(key)}


def slope_apply(params: dict[str, Array], inputs: Array) -> Array:
    return params["slope"] * inputs


SLOPE = Model(slope_init, slope_apply)
"""One parameter; its `apply` takes no key."""

X = np.linspace(-1, 1, 40, dtype=np.float32)
LINE = (X, 3 * X)


def flowers(examples: int = 90, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of points in four dimensions, which overlap a little."""
    rng = np.random.default_rng(seed)
    labels = np.arange(examples) % 3
    centres = np.array([[0, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, -1.0]])
    return (centres[labels] + 0.4 * rng.normal(size=(examples, 4))).astype(np.float32), labels
