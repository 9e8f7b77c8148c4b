"""JAX by hand: the fastest loops we know how to write, and the ones that most people write.

Each `prepare…(case)` returns a function seed -> losses of all steps. That function takes the first
parameters, makes the random orders, trains, and returns when the losses are on the host and the
parameters are ready. The first call compiles; it is not timed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from benchmarks.cases import B1, B2, EPS, RATE, Case
from benchmarks.measure import Run

Product = Callable[[jax.Array, jax.Array], jax.Array]


def apply(params: Any, x: jax.Array, *, last: Product = jnp.matmul) -> jax.Array:
    """The outputs for a batch; `last` is the matrix product of the last layer."""
    *hidden, (w, b) = params
    for v, c in hidden:
        x = jnp.maximum(x @ v + c, 0)
    return last(x, w) + b


def narrow(x: jax.Array, w: jax.Array) -> jax.Array:
    """x w, whose gradient of the weights is (d'x)' instead of x'd.

    On a CPU, XLA takes several times as long for the second where w has few columns, and would turn
    the first into it: hence the barrier.
    """
    return x @ jax.lax.optimization_barrier(w.T).T


def class_loss(z: jax.Array, y: jax.Array) -> jax.Array:
    """Mean cross-entropy with class numbers."""
    chosen = jnp.sum(z * jax.nn.one_hot(y, z.shape[-1]), axis=-1)
    return jnp.mean(jax.nn.logsumexp(z, axis=-1) - chosen)


def event_loss(z: jax.Array, y: jax.Array) -> jax.Array:
    """Mean cross-entropy of one logit with 0 or 1."""
    return jnp.mean(jnp.logaddexp(0, z[:, 0]) - y * z[:, 0])


def mean_loss(case: Case) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """The loss of a case, from outputs and targets."""
    return class_loss if case.classes else event_loss


def adam(learner: Any, grads: Any) -> Any:
    """The parameters, both moments and the count after one step of Adam."""
    params, m, v, count = learner
    count = count + 1
    m = jax.tree.map(lambda m, g: B1 * m + (1 - B1) * g, m, grads)
    v = jax.tree.map(lambda v, g: B2 * v + (1 - B2) * g * g, v, grads)
    c1, c2 = 1 - B1**count, 1 - B2**count
    params = jax.tree.map(
        lambda p, m, v: p - RATE * (m / c1) / (jnp.sqrt(v / c2) + EPS), params, m, v
    )
    return params, m, v, count


def fresh(params: Any) -> Any:
    """A learner before its first step, in copies that a run may donate."""
    zeros = partial(jax.tree.map, jnp.zeros_like)
    return jax.tree.map(jnp.array, params), zeros(params), zeros(params), jnp.zeros((), jnp.int32)


def stepper(
    case: Case,
    outputs: Callable[..., jax.Array] = apply,
    average: Callable[[Any], Any] = lambda gradient: gradient,
) -> Callable[..., Any]:
    """A function (learner, data, rows) -> (learner, loss): one step, not compiled.

    Where several devices take it, each on some of the rows, `average` is what they do to agree.
    """
    loss = mean_loss(case)

    def step(learner: Any, data: Any, rows: jax.Array) -> tuple[Any, jax.Array]:
        # Of the ways to treat an index that is out of range, "clip" costs least on a CPU.
        x, y = (jnp.take(part, rows, axis=0, mode="clip") for part in data)
        cost, grads = jax.value_and_grad(lambda p: loss(outputs(p, x), y))(learner[0])
        return adam(learner, average(grads)), cost

    return step


def prepare_scan(case: Case, *, flat: bool = False, unroll: int = 2) -> Run:
    """All epochs in one compiled scan: orders from the host, rows taken inside, state donated.

    `flat` keeps parameters and moments in one vector each: fewer, larger operations in Adam, at the
    price of cutting the weights out. `unroll` steps a turn of the loop save copies of the state.
    """
    first, unravel = ravel_pytree(case.start) if flat else (case.start, lambda params: params)
    data = (jnp.asarray(case.inputs), jnp.asarray(case.targets))
    step = stepper(case, lambda params, x: apply(unravel(params), x, last=narrow))

    @partial(jax.jit, donate_argnums=0)
    def train(learner: Any, data: Any, orders: jax.Array) -> tuple[Any, jax.Array]:
        return jax.lax.scan(lambda had, rows: step(had, data, rows), learner, orders, unroll=unroll)

    def run(seed: int) -> np.ndarray:
        orders = case.orders(seed).reshape(-1, case.batch)
        learner, losses = train(fresh(first), data, orders)
        jax.block_until_ready(learner)
        return np.asarray(losses)

    return run


def prepare_steps(case: Case, *, read: bool = False) -> Run:
    """A compiled step in a Python loop; `read` looks at each loss."""
    data = (jnp.asarray(case.inputs), jnp.asarray(case.targets))
    step = partial(jax.jit, donate_argnums=0)(stepper(case))

    def run(seed: int) -> np.ndarray:
        learner = fresh(case.start)
        losses = []
        for rows in case.orders(seed).reshape(-1, case.batch):
            learner, cost = step(learner, data, rows)
            losses.append(float(cost) if read else cost)
        jax.block_until_ready(learner)
        return np.asarray(losses)

    return run
