"""The course's own loop, with its own Adam or with optax's, on one device or on several."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import B1, B2, EPS, RATE, Case
from benchmarks.measure import Run
from course.maths import losses
from course.models.layers import Model
from course.models.mlp import mlp
from course.training import optimizers
from course.training.loop import fit


def event_loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """The cross-entropy of one logit an example."""
    return losses.sigmoid_binary_cross_entropy(logits[:, 0], labels)


def model(case: Case) -> Model:
    """The course's network, beginning with the case's parameters."""
    first = [{"w": jnp.asarray(w), "b": jnp.asarray(b)} for w, b in case.start]
    return Model(lambda _key: tuple(first), mlp(case.sizes).apply)


def prepare(case: Case, *, optax: bool = False, **options: Any) -> Run:
    """`fit` as a user calls it, from NumPy arrays to a history, without the progress bar.

    `options` are those of `fit` that say which devices take part.
    """
    if optax:
        from optax import adam
    else:
        adam = optimizers.adam
    # Made once: to JAX, each of optax's optimizers is another program.
    optimizer, network = adam(RATE, b1=B1, b2=B2, eps=EPS), model(case)
    loss = losses.softmax_cross_entropy_with_integer_labels if case.classes else event_loss

    def run(seed: int) -> np.ndarray:
        result = fit(
            network,
            loss,
            optimizer,
            (case.inputs, case.targets),
            epochs=case.epochs,
            batch_size=case.batch,
            key=jax.random.key(seed),
            progress=False,
            **options,
        )
        jax.block_until_ready(result.params)
        return result.history.loss

    return run
