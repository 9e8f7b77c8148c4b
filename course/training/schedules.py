"""Schedules: learning rates that change during training.

    rate = schedule(step)

A schedule is a function from the number of steps already taken to the rate of the next one. It is
accepted wherever a rate is, and so is any function of that kind. The numbers inside a schedule made
here are leaves of a pytree: other values recompile nothing, and `jax.vmap` runs many schedules at
once.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int

from course.checks import (
    Arguments,
    Rule,
    check_range,
    checked,
    count,
    describe_error,
    describe_shape,
    kind_of,
    number,
    read_array,
    read_known,
    refusal,
)

MAX_COUNT = 2**31 - 1  # the largest number of steps that int32 holds

Scalar: TypeAlias = float | Float[Array, ""]
Whole: TypeAlias = int | Int[Array, ""]
Schedule: TypeAlias = Partial
ScalarOrSchedule: TypeAlias = Scalar | Callable[[Any], Any]
# Number of steps taken so far, or an array of such numbers, for a plot.
Step: TypeAlias = Any
Rates: TypeAlias = Float[Array, "*steps"]

RATE = number("a learning rate above 0")
RATE_OR_SCHEDULE = number("a learning rate above 0, or a schedule")
RATE_AT = number("one number of at least 0 at each step", 0.0)
FACTOR = number("a factor above 0, at most 1", high=1.0)


def rate_or_schedule(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for a learning rate or a schedule, which is called once to see what it gives."""
    if not callable(value):
        return RATE_OR_SCHEDULE(name, value, arguments)
    if isinstance(value, type):
        raise refusal(name, "a learning rate above 0, or a schedule", value.__name__, TypeError)
    try:
        first = value(np.int32(0))  # as JAX counts: it has a dtype
    except Exception as error:
        got = f"a function that raises {describe_error(error)} at step 0"
        expected = "a learning rate above 0, or a schedule"
        raise refusal(name, expected, got, TypeError) from error
    rate_at(name, first)
    return value


def rate_at(name: str, value: Any) -> Any:
    """Return what a schedule gave for one step: a number of at least 0, or a traced one."""
    if getattr(value, "shape", ()):
        raise refusal(name, "one number at each step", describe_shape(value.shape))
    return RATE_AT(name, value, {})


def as_schedule(rate: ScalarOrSchedule) -> Schedule:
    """Return a schedule as it is, a function as a schedule, and a number as a constant one."""
    if isinstance(rate, Partial):
        return rate
    return Partial(rate) if callable(rate) else Partial(_constant, rate)


def _whole(minimum: int) -> Rule:
    """Return a rule for a number of steps: a Python integer, or a traced one."""
    known = count(minimum, MAX_COUNT)

    def rule(name: str, value: Any, arguments: Arguments) -> Any:
        if not isinstance(value, jax.core.Tracer):
            return known(name, value, arguments)
        if value.shape or not jnp.issubdtype(value.dtype, jnp.integer):
            raise refusal(name, "an integer", f"{value.dtype} of shape {value.shape}", TypeError)
        return value

    return rule


def _steps(t: Any) -> Any:
    """Return numbers of steps, of which a schedule takes any array; refuse what is none."""
    steps = read_array("t", t)
    kind = kind_of(steps.dtype)
    if kind not in ("int", "float"):
        raise refusal("t", "numbers of steps", type(t).__name__, TypeError)
    if isinstance(steps, jax.core.Tracer):
        return t
    known = read_known("t", steps, "numbers of steps")
    if known.size:
        check_range("t", known, 0, MAX_COUNT, f"numbers of steps from 0 to {MAX_COUNT}")
    # Others, such as a list, become an array that JAX can take.
    return t if type(t) in (int, float) or steps is t is not known else known.astype(kind)


@checked(rate=RATE)
def constant(rate: Scalar) -> Schedule:
    """Return the schedule with the same learning rate at every step.

        rate(t) = rate

    >>> constant(0.1)(np.arange(3)).tolist() == [np.float32(0.1)] * 3
    True

    Reference: `optax.constant_schedule`.
    """
    return Partial(_constant, rate)


def _constant(rate: Scalar, t: Step) -> Rates:
    return jnp.full(jnp.shape(_steps(t)), rate)


@checked(rate=RATE, every=_whole(1), factor=FACTOR)
def step_decay(rate: Scalar, every: Whole, factor: Scalar) -> Schedule:
    """Return the schedule whose learning rate is multiplied by a factor after every few steps.

        rate(t) = rate * factor ^ floor(t / every)

    Args:
        rate: learning rate at the beginning, above 0.
        every: number of steps between two drops, at least 1.
        factor: what the rate is multiplied by at a drop, above 0 and at most 1.

    >>> step_decay(1.0, every=2, factor=0.5)(np.arange(6)).tolist()
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]

    Reference: `optax.exponential_decay` with `staircase=True`.
    """
    return Partial(_step_decay, rate, every, factor)


def _step_decay(rate: Scalar, every: Whole, factor: Scalar, t: Step) -> Rates:
    return rate * jnp.power(factor, jnp.asarray(_steps(t) // every, float))


@checked(rate=RATE, steps=_whole(1))
def cosine(rate: Scalar, steps: Whole) -> Schedule:
    """Return the schedule that falls to 0 along half a cosine wave: slowly, fast, slowly.

        rate(t) = rate * (1 + cos(pi t / steps)) / 2,    and 0 from t = steps on

    Args:
        rate: learning rate at the beginning, above 0.
        steps: number of steps until it is 0, at least 1.

    >>> print(np.asarray(cosine(1.0, steps=4)(np.arange(6))).round(3))
    [1.    0.854 0.5   0.146 0.    0.   ]

    Reference: I. Loshchilov and F. Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts,
    ICLR 2017 (without the restarts); `optax.cosine_decay_schedule`.
    """
    return Partial(_cosine, rate, steps)


def _cosine(rate: Scalar, steps: Whole, t: Step) -> Rates:
    return _half_wave(rate, steps, _steps(t))


def _half_wave(rate: Scalar, steps: Whole, t: Step) -> Rates:
    share = jnp.minimum(t, steps) / steps
    return rate * (1 + jnp.cos(jnp.pi * share)) / 2


@checked(rate=RATE, warmup=_whole(0), steps=_whole(1))
def warmup_cosine(rate: Scalar, warmup: Whole, steps: Whole) -> Schedule:
    """Return the schedule that rises from 0 along a line, then falls to 0 along half a cosine wave.

        rate(t) = rate * t / warmup                                           for t < warmup,
        rate(t) = rate * (1 + cos(pi (t - warmup) / (steps - warmup))) / 2    up to t = steps,
        rate(t) = 0                                                           from there on

    With a warm-up, the very first step has rate 0 and changes nothing.

    Args:
        rate: the highest learning rate, above 0, reached after `warmup` steps.
        warmup: number of steps in which it rises, from 0 to `steps`.
        steps: number of all steps, at least 1.

    >>> print(np.asarray(warmup_cosine(1.0, warmup=4, steps=8)(np.arange(9))).round(2))
    [0.   0.25 0.5  0.75 1.   0.85 0.5  0.15 0.  ]

    Reference: P. Goyal et al., Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour (2017),
    for the warm-up; `optax.warmup_cosine_decay_schedule` from 0.
    """
    if isinstance(warmup, int) and isinstance(steps, int) and warmup > steps:
        raise refusal("warmup", f"at most the {steps} steps", warmup)
    return Partial(_warmup_cosine, rate, warmup, steps)


def _warmup_cosine(rate: Scalar, warmup: Whole, steps: Whole, t: Step) -> Rates:
    t = _steps(t)
    rising = rate * (t / jnp.maximum(warmup, 1))
    falling = _half_wave(rate, jnp.maximum(steps - warmup, 1), t - warmup)
    return jnp.where(t < warmup, rising, falling)
