"""Optimizers: how gradients become steps.

    w <- w - rate * direction

Under each optimizer stands its equation for the direction, for one array of parameters. In it

    t        counts the steps, from 1
    g, w     are the gradient and the parameters
    trace    is the memory of momentum: a sum of gradients, the older the lighter
    mu, nu   are running means of gradients and of their squares (m and v in the papers)

`rate` is a learning rate above 0, or a schedule (`course.training.schedules`).
`course.training.optimizer_base` applies an equation to every array of a model; Adam is
written out there. Names and defaults are optax's; each description says where a paper has others.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from course.checks import BELOW_1, Arguments, checked, flag, number, refusal
from course.training.optimizer_base import (
    Direction,
    Optimizer,
    Time,
    Weights,
    apply_rule,
    apply_rule_with_params,
    apply_updates,
    as_optimizer,
    init_state,
)
from course.training.schedules import Scalar, ScalarOrSchedule, as_schedule, rate_or_schedule

__all__ = [
    "Optimizer",
    "adagrad",
    "adam",
    "adamw",
    "apply_updates",
    "as_optimizer",
    "rmsprop",
    "sgd",
]

DECAY = number("a number from 0 to below 1", 0.0, BELOW_1)
AT_LEAST_0 = number("a number of at least 0", 0.0)


def _sqrt(values: Weights) -> Weights:
    """Return square roots; their slope at 0 is 0, not infinite: it would make gradients NaN."""
    zero = values == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, values)))


def _momentum_decay(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for momentum: a JAX array stays one, so that momentum 0 compiles the same program."""
    momentum = DECAY(name, value, arguments)
    return jnp.asarray(momentum) if isinstance(value, jax.Array) else momentum


@checked(rate=rate_or_schedule, momentum=_momentum_decay, nesterov=flag)
def sgd(rate: ScalarOrSchedule, momentum: Scalar = 0.0, nesterov: bool = False) -> Optimizer:
    """Stochastic gradient descent, with or without momentum.

        direction = g                                                        without
        trace <- momentum * trace + g,    direction = trace                  with momentum
        trace <- momentum * trace + g,    direction = momentum * trace + g   with Nesterov's

    Args:
        momentum: decay of the trace, from 0 to below 1. With the number 0 there is no trace; with
            `jnp.array(0.0)` there is, as with any other value in a JAX array.
        nesterov: use the gradient after the step of momentum.

    >>> heavy = sgd(0.1, momentum=0.5)
    >>> state = heavy.init(jnp.ones(1))
    >>> for _ in range(3):
    ...     updates, state = heavy.update(jnp.ones(1), state)
    ...     print(updates)
    [-0.1]
    [-0.15]
    [-0.175]

    Reference: I. Sutskever et al., On the importance of initialization and momentum in deep
    learning, ICML 2013. There the rate is inside the trace, which is the same until the rate
    changes; and Nesterov's w is the point before the step of momentum, here the one after it.
    """
    schedule = as_schedule(rate)
    if isinstance(momentum, float) and momentum == 0:
        if nesterov:
            raise refusal("nesterov", "momentum to go with it", "momentum 0")
        return Optimizer(Partial(init_state), Partial(apply_rule, schedule, Partial(_sgd)))
    rule = Partial(_nesterov if nesterov else _momentum, momentum=momentum)
    return Optimizer(Partial(init_state, trace=0.0), Partial(apply_rule, schedule, rule))


def _sgd(_t: Time, g: Weights, _w: Weights) -> Direction:
    return g, {}


def _momentum(_t: Time, g: Weights, _w: Weights, trace: Weights, *, momentum: Scalar) -> Direction:
    trace = momentum * trace + g
    return trace, {"trace": trace}


def _nesterov(_t: Time, g: Weights, _w: Weights, trace: Weights, *, momentum: Scalar) -> Direction:
    trace = momentum * trace + g
    return momentum * trace + g, {"trace": trace}


@checked(rate=rate_or_schedule, initial_accumulator_value=AT_LEAST_0, eps=number())
def adagrad(
    rate: ScalarOrSchedule, initial_accumulator_value: Scalar = 0.1, eps: Scalar = 1e-7
) -> Optimizer:
    """Adagrad: every parameter has its own rate, which falls with each gradient it has met.

        sum_of_squares <- sum_of_squares + g^2
        direction = g / sqrt(sum_of_squares + eps)

    Args:
        initial_accumulator_value: the sum before the first step, at least 0. In the paper it is 0.
        eps: above 0, keeps the direction finite. In the paper it is added to the root, not under.

    >>> adaptive = adagrad(0.1, initial_accumulator_value=0.0)
    >>> updates, state = adaptive.update(jnp.array([20.0, -0.5]), adaptive.init(jnp.ones(2)))
    >>> print(updates.round(3))
    [-0.1  0.1]

    Reference: J. Duchi, E. Hazan and Y. Singer, Adaptive Subgradient Methods for Online Learning
    and Stochastic Optimization, Journal of Machine Learning Research 12 (2011), 2121-2159.
    """
    init = Partial(init_state, sum_of_squares=initial_accumulator_value)
    return Optimizer(init, Partial(apply_rule, as_schedule(rate), Partial(_adagrad, eps=eps)))


def _adagrad(
    _t: Time, g: Weights, _w: Weights, sum_of_squares: Weights, *, eps: Scalar
) -> Direction:
    sum_of_squares = sum_of_squares + g**2
    return g / _sqrt(sum_of_squares + eps), {"sum_of_squares": sum_of_squares}


@checked(rate=rate_or_schedule, decay=DECAY, eps=number())
def rmsprop(rate: ScalarOrSchedule, decay: Scalar = 0.9, eps: Scalar = 1e-8) -> Optimizer:
    """RMSProp: an Adagrad that forgets, so that its rates need not keep falling.

        nu <- (1 - decay) * g^2 + decay * nu
        direction = g / sqrt(nu + eps)

    Args:
        decay: decay of nu, from 0 to below 1.
        eps: above 0, keeps the direction finite. The lecture has none; PyTorch adds it to the
            root, not under it, and its decay is 0.99.

    >>> adaptive = rmsprop(0.1, decay=0.75)
    >>> updates, state = adaptive.update(jnp.array([20.0, -0.5]), adaptive.init(jnp.ones(2)))
    >>> print(updates.round(3))
    [-0.2  0.2]

    Reference: G. Hinton, N. Srivastava and K. Swersky, Neural Networks for Machine Learning,
    lecture 6 (2012).
    """
    rule = Partial(_rmsprop, decay=decay, one_minus_decay=1 - decay, eps=eps)
    return Optimizer(Partial(init_state, nu=0.0), Partial(apply_rule, as_schedule(rate), rule))


def _rmsprop(
    _t: Time,
    g: Weights,
    _w: Weights,
    nu: Weights,
    *,
    decay: Scalar,
    one_minus_decay: Scalar,
    eps: Scalar,
) -> Direction:
    nu = one_minus_decay * g**2 + decay * nu
    return g / _sqrt(nu + eps), {"nu": nu}


@checked(rate=rate_or_schedule, b1=DECAY, b2=DECAY, eps=number())
def adam(
    rate: ScalarOrSchedule, b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8
) -> Optimizer:
    """Adam: the mean of recent gradients over the root of the mean of their squares.

        mu <- (1 - b1) * g   + b1 * mu,    mu_hat = mu / (1 - b1^t)
        nu <- (1 - b2) * g^2 + b2 * nu,    nu_hat = nu / (1 - b2^t)
        direction = mu_hat / (sqrt(nu_hat) + eps)

    The means start from 0; dividing by 1 - b^t makes up for it. Without that the first step would
    be (1 - b1) / sqrt(1 - b2) = 3.16 times as long.

    Args:
        rate: about how far a parameter moves in a step.
        b1: decay of mu, from 0 to below 1.
        b2: decay of nu, from 0 to below 1.
        eps: above 0, keeps the direction finite.

    >>> adaptive = adam(0.1)
    >>> updates, state = adaptive.update(jnp.array([20.0, -0.5]), adaptive.init(jnp.ones(2)))
    >>> print(updates.round(3))
    [-0.1  0.1]

    Reference: D. Kingma and J. Ba, Adam: A Method for Stochastic Optimization, ICLR 2015; its
    defaults are the same.
    """
    rule = _adam_rule(b1, b2, eps)
    init = Partial(init_state, mu=0.0, nu=0.0)
    return Optimizer(init, Partial(apply_rule, as_schedule(rate), rule))


def _adam_rule(b1: Scalar, b2: Scalar, eps: Scalar) -> Partial:
    # 1 - b is taken here, before b is rounded to float32, in which 1 - 0.999 is 0.00099999.
    return Partial(_adam, b1=b1, one_minus_b1=1 - b1, b2=b2, one_minus_b2=1 - b2, eps=eps)


def _adam(
    t: Time,
    g: Weights,
    _w: Weights,
    mu: Weights,
    nu: Weights,
    *,
    b1: Scalar,
    one_minus_b1: Scalar,
    b2: Scalar,
    one_minus_b2: Scalar,
    eps: Scalar,
) -> Direction:
    mu = one_minus_b1 * g + b1 * mu
    nu = one_minus_b2 * g**2 + b2 * nu
    mu_hat = mu / (1 - b1**t)
    nu_hat = nu / (1 - b2**t)
    return mu_hat / (_sqrt(nu_hat) + eps), {"mu": mu, "nu": nu}


@checked(rate=rate_or_schedule, b1=DECAY, b2=DECAY, eps=number(), weight_decay=AT_LEAST_0)
def adamw(
    rate: ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 1e-4,
) -> Optimizer:
    """AdamW: Adam that also shrinks the parameters, all at the same pace.

        direction = Adam's direction + weight_decay * w

    A penalty weight_decay/2 |w|^2 in the loss would pass through Adam's division by sqrt(nu_hat)
    and hardly shrink what has large gradients. `update` needs the parameters; b1, b2 and eps are
    Adam's.

    Args:
        weight_decay: the share of w lost in a step, divided by the rate; at least 0. In the paper
            it is not multiplied by the rate, only by what a schedule makes of it; PyTorch's
            default is 0.01.

    >>> shrinking = adamw(0.1, weight_decay=0.5)
    >>> w = jnp.array([2.0, -4.0])
    >>> updates, state = shrinking.update(jnp.zeros(2), shrinking.init(w), w)
    >>> print(updates.round(3))
    [-0.1  0.2]

    Reference: I. Loshchilov and F. Hutter, Decoupled Weight Decay Regularization, ICLR 2019.
    """
    rule = Partial(_adamw, _adam_rule(b1, b2, eps), weight_decay=weight_decay)
    init = Partial(init_state, mu=0.0, nu=0.0)
    return Optimizer(init, Partial(apply_rule_with_params, as_schedule(rate), rule))


def _adamw(
    adam: Partial,
    t: Time,
    g: Weights,
    w: Weights,
    mu: Weights,
    nu: Weights,
    *,
    weight_decay: Scalar,
) -> Direction:
    direction, memory = adam(t, g, w, mu, nu)
    return direction + weight_decay * w, memory
