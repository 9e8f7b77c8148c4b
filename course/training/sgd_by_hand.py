"""A line fitted by hand: both partial derivatives worked out on paper, one example a step.

    loss = e^2,   e = w x + b - y
    w <- w - rate * 2 e x
    b <- b - rate * 2 e

`course.training.loop` does the same for any model, with derivatives that JAX works out.
"""

from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from course.checks import check_size, checked, count, finite, known_key, number, single_precision
from course.training.batching import BatchOrder
from course.training.schedules import Scalar

FINITE = single_precision(finite)
MOST_EPOCHS = 2**20
MOST_VISITS = 2**26

Line: TypeAlias = tuple[Array, Array]  # w and b

UNROLL = 8  # steps in an iteration of the compiled loop, which else would take as long as the steps


class LineFit(NamedTuple):
    """Line after each epoch of descent."""

    slope: Float[Array, "*epochs"]
    """w; the last entry is the result."""
    intercept: Float[Array, "*epochs"]
    """b; the last entry is the result."""
    loss: Float[Array, "*epochs"]
    """Mean over the epoch of each example's squared error before its own step."""


@checked(x=FINITE, y=FINITE, rate=number(), epochs=count(1, MOST_EPOCHS), key=known_key)
def fit_line(
    x: Float[Array, " examples"],
    y: Float[Array, " examples"],
    *,
    rate: Scalar = 1e-4,
    epochs: int = 10,
    key: Array,
) -> LineFit:
    """Fit y = w x + b by stochastic gradient descent from w = b = 0, one example a step.

    Args:
        x: inputs.
        y: targets, one for each.
        rate: learning rate above 0. One that is too large ends in numbers that are not finite.
        epochs: passes over the examples.
        key: a JAX random key, from which the order of the examples in every epoch follows.

    >>> x = jnp.linspace(-1, 1, 100)
    >>> line = fit_line(x, 2 * x + 1, rate=0.05, epochs=20, key=jax.random.key(0))
    >>> print(f"y = {line.slope[-1]:.2f} x + {line.intercept[-1]:.2f}")
    y = 2.00 x + 1.00

    Reference: H. Robbins and S. Monro, A Stochastic Approximation Method, Annals of Mathematical
    Statistics 22 (1951), 400-407.
    """
    check_size("epochs", "visits", epochs, len(x), most=MOST_VISITS)
    return _descend(x, y, rate, _visits(key, len(x), epochs))


def _visits(key: Array, examples: int, epochs: int) -> Int[np.ndarray, "epochs examples"]:
    """Return the order in which each epoch visits the examples.

    Two shuffles make all of them: an epoch takes the order of the one before and shuffles it by the
    second. Each order, and any two that follow each other, are as random as with a new shuffle for
    every epoch, which would take longer than the steps.
    """
    with jax.ensure_compile_time_eval():  # the key is known, also where x is traced
        order = BatchOrder(key, examples, 1)
    visits = np.empty((epochs, examples), dtype=np.int32)
    visits[0] = order.epoch()[:, 0]
    again = order.epoch()[:, 0]
    for epoch in range(1, epochs):
        visits[epoch] = visits[epoch - 1][again]
    return visits


@jax.jit
def _descend(
    x: Float[Array, " examples"],
    y: Float[Array, " examples"],
    rate: Scalar,
    visits: Int[Array, "epochs examples"],
) -> LineFit:
    """Return the line after each epoch of the given visits."""

    def step(line: Line, example: tuple[Array, Array]) -> tuple[Line, Array]:
        w, b = line
        x, y = example
        e = w * x + b - y
        return (w - rate * 2 * e * x, b - rate * 2 * e), e**2

    def epoch(line: Line, visited: Array) -> tuple[Line, LineFit]:
        examples = x[visited], y[visited]
        line, losses = jax.lax.scan(step, line, examples, unroll=UNROLL)
        return line, LineFit(*line, jnp.mean(losses))

    zero = jnp.zeros((), x.dtype)
    _, line = jax.lax.scan(epoch, (zero, zero), visits)
    return line
