"""A line fitted by hand: both partial derivatives worked out on paper, one example a step.

    loss = e^2,   e = w x + b - y
    w <- w - rate * 2 e x
    b <- b - rate * 2 e

`course.training.loop` does the same for any model, with derivatives that JAX works out.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from course.legacy_checks import Count, Finite, Key, Positive, checked
from course.training.batching import BatchOrder

UNROLL = 8
"""Steps written out in a row in the compiled loop: each is so short that the looping would cost as
much as the step."""


class LineFit(NamedTuple):
    """What descent made of a line, after each epoch."""

    slope: Float[Array, "*epochs"]
    """w; the last entry is the result."""
    intercept: Float[Array, "*epochs"]
    """b, likewise."""
    loss: Float[Array, "*epochs"]
    """The mean over the epoch of each example's squared error before its own step."""


@checked(
    x=Finite(ndim=1),
    y=Finite(ndim=1, like="x", axis=-1),
    rate=Positive(ndim=0),
    epochs=Count(),
    key=Key(),
)
def fit_line(
    x: Float[Array, " examples"],
    y: Float[Array, " examples"],
    *,
    rate: float | Float[Array, ""] = 1e-4,
    epochs: int = 10,
    key: Array,
) -> LineFit:
    """Fit y = w x + b by stochastic gradient descent from w = b = 0, one example a step.

    Args:
        x: inputs.
        y: targets, one for each.
        rate: how far to go along the gradient.
        epochs: passes over the examples.
        key: settles the order of the examples, another one in every epoch.

    Returns:
        LineFit. A rate that is too large ends in numbers that are not finite.

    Raises:
        TypeError, ValueError: if an argument is not as described.

    >>> x = jnp.linspace(-1, 1, 100)
    >>> line = fit_line(x, 2 * x + 1, rate=0.05, epochs=20, key=jax.random.key(0))
    >>> print(f"y = {line.slope[-1]:.2f} x + {line.intercept[-1]:.2f}")
    y = 2.00 x + 1.00

    Reference: H. Robbins and S. Monro, A Stochastic Approximation Method, Annals of Mathematical
    Statistics 22 (1951), 400-407.
    """
    line: LineFit = _descend(x, y, rate, visits(key, len(x), epochs))
    return line


def visits(key: Array, examples: int, epochs: int) -> Int[np.ndarray, "epochs examples"]:
    """Return in which order each epoch visits the examples.

    Two shuffles make all of them: an epoch takes the order of the one before and shuffles it by the
    second. Each order, and any two that follow each other, are as random as with a new shuffle for
    every epoch, which would take longer than the steps.
    """
    order = BatchOrder(key, examples, 1)
    visits = np.empty((epochs, examples), dtype=np.int32)
    visits[0], again = order.epoch()[:, 0], order.epoch()[:, 0]
    for epoch in range(1, epochs):
        visits[epoch] = visits[epoch - 1][again]
    return visits


@jax.jit
def _descend(
    x: Float[Array, " examples"],
    y: Float[Array, " examples"],
    rate: float | Float[Array, ""],
    visits: Int[Array, "epochs examples"],
) -> LineFit:
    def step(
        line: tuple[Array, Array], example: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array], Array]:
        (w, b), (x, y) = line, example
        e = w * x + b - y
        return (w - rate * 2 * e * x, b - rate * 2 * e), e**2

    def epoch(line: tuple[Array, Array], visited: Array) -> tuple[tuple[Array, Array], LineFit]:
        examples = x[visited], y[visited]
        line, losses = jax.lax.scan(step, line, examples, unroll=UNROLL)
        return line, LineFit(*line, jnp.mean(losses))

    zero = jnp.zeros((), x.dtype)
    line: LineFit = jax.lax.scan(epoch, (zero, zero), visits)[1]
    return line
