"""Schedules: learning rates that change while a model learns.

    rate = schedule(step)

A schedule is a function from the number of steps already taken to the rate of the next one. It is
accepted wherever a rate is, and so is any function of that kind. The numbers inside a schedule made
here are leaves of a pytree: others compile nothing, and `jax.vmap` runs many schedules at once.
"""

from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int

from course.legacy_checks import Arguments, checked, refusal
from course.training.hyperparameters import Number, Scalar, Steps, Whole

Schedule: TypeAlias = Partial
Step: TypeAlias = int | Int[Array, "*steps"] | Int[np.ndarray, "*steps"] | np.integer
"""The number of steps taken so far, or many such numbers: then a schedule can be drawn."""
Rates: TypeAlias = Float[Array, "*steps"]

RATE = Number("a learning rate above 0")
FACTOR = Number("a factor above 0, at most 1", high=1.0)
STEPS = Steps(1, 2**31 - 1)


class RateOrSchedule(Number):
    """A learning rate, which becomes a constant schedule; or a schedule."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Schedule:
        if callable(value):
            return value if isinstance(value, Partial) else Partial(value)
        return Partial(_constant, super().__call__(name, value, arguments))


class _Warmup(Steps):
    """No more steps than there are."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        warmup, steps = super().__call__(name, value, arguments), arguments["steps"]
        seen = isinstance(warmup, int) and isinstance(steps, int)
        if seen and warmup > steps:
            raise refusal(name, f"at most the {steps} steps", warmup)
        return warmup


@checked(rate=RATE)
def constant(rate: Scalar) -> Schedule:
    """The same learning rate at every step.

        rate(t) = rate

    Args:
        rate: the learning rate, above 0.

    Returns:
        A function from the number of steps taken to the rate.

    Raises:
        TypeError, ValueError: if `rate` is not a number above 0.

    >>> constant(0.1)(np.arange(3)).tolist() == [np.float32(0.1)] * 3
    True

    Reference: `optax.constant_schedule`.
    """
    return Partial(_constant, rate)


def _constant(rate: Scalar, t: Step) -> Rates:
    return jnp.full(jnp.shape(t), rate)


@checked(rate=RATE, every=STEPS, factor=FACTOR)
def step_decay(rate: Scalar, every: Whole, factor: Scalar) -> Schedule:
    """A learning rate that drops by a factor after every so many steps.

        rate(t) = rate * factor ^ floor(t / every)

    Args:
        rate: the rate at the beginning, above 0.
        every: the number of steps between two drops, at least 1.
        factor: what the rate is multiplied by, above 0 and at most 1.

    Returns:
        A function from the number of steps taken to the rate.

    Raises:
        TypeError, ValueError: if an argument is not as described; the message names it.

    >>> step_decay(1.0, every=2, factor=0.5)(np.arange(6)).tolist()
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]

    Reference: `optax.exponential_decay` with `staircase=True`.
    """
    return Partial(_step_decay, rate, every, factor)


def _step_decay(rate: Scalar, every: Whole, factor: Scalar, t: Step) -> Rates:
    return rate * jnp.power(factor, t // every)


@checked(rate=RATE, steps=STEPS)
def cosine(rate: Scalar, steps: Whole) -> Schedule:
    """A learning rate that falls to 0 along half a wave: slowly, fast, slowly.

        rate(t) = rate * (1 + cos(pi t / steps)) / 2,    and 0 from t = steps on

    Args:
        rate: the rate at the beginning, above 0.
        steps: the number of steps until it is 0, at least 1.

    Returns:
        A function from the number of steps taken to the rate.

    Raises:
        TypeError, ValueError: if an argument is not as described; the message names it.

    >>> print(np.asarray(cosine(1.0, steps=4)(np.arange(6))).round(3))
    [1.    0.854 0.5   0.146 0.    0.   ]

    Reference: I. Loshchilov and F. Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts,
    ICLR 2017 (without the restarts); `optax.cosine_decay_schedule`.
    """
    return Partial(_cosine, rate, steps)


def _cosine(rate: Scalar, steps: Whole, t: Step) -> Rates:
    t = jnp.minimum(t, steps)
    return rate * (1 + jnp.cos(jnp.pi * t / steps)) / 2


@checked(rate=RATE, steps=STEPS, warmup=_Warmup(0))
def warmup_cosine(rate: Scalar, warmup: Whole, steps: Whole) -> Schedule:
    """A learning rate that rises from 0 along a line, then falls to 0 along half a wave.

        rate(t) = rate * t / warmup                                           for t < warmup,
        rate(t) = rate * (1 + cos(pi (t - warmup) / (steps - warmup))) / 2    up to t = steps,
        rate(t) = 0                                                           from there on

    With a warm-up, the very first step has rate 0 and changes nothing.

    Args:
        rate: the highest rate, above 0, reached after `warmup` steps.
        warmup: the number of steps in which it rises, from 0 to `steps`.
        steps: the number of all steps, at least 1.

    Returns:
        A function from the number of steps taken to the rate.

    Raises:
        TypeError, ValueError: if an argument is not as described; the message names it.

    >>> print(np.asarray(warmup_cosine(1.0, warmup=4, steps=8)(np.arange(9))).round(2))
    [0.   0.25 0.5  0.75 1.   0.85 0.5  0.15 0.  ]

    Reference: P. Goyal et al., Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour (2017),
    for the warm-up; `optax.warmup_cosine_decay_schedule` from 0.
    """
    return Partial(_warmup_cosine, rate, warmup, steps)


def _warmup_cosine(rate: Scalar, warmup: Whole, steps: Whole, t: Step) -> Rates:
    rising = rate * t / jnp.maximum(warmup, 1)
    falling = _cosine(rate, jnp.maximum(steps - warmup, 1), t - warmup)
    return jnp.where(t < warmup, rising, falling)
