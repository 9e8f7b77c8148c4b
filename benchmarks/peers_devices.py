"""JAX by hand on several devices: the fastest loops we know how to write, in three ways.

All take many steps in one call. The parameters are one vector, so that a step sends one message,
with the whole gradient. The data lie on every device; the indices of the rows are divided, and each
device takes its rows inside. Each device's losses are averaged once, when the last step is done.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from benchmarks import peers_jax
from benchmarks.cases import Case
from benchmarks.measure import Run

AXIS = "devices"
EVERYWHERE, COLUMNS = PartitionSpec(), PartitionSpec(None, AXIS)

Average = Callable[[jax.Array], jax.Array]
Train = Callable[[jax.Array, Any, jax.Array], tuple[jax.Array, jax.Array]]
"""(parameters, data, orders) -> (parameters, losses)."""


class Place(NamedTuple):
    """Some devices."""

    mesh: Mesh

    @classmethod
    def of(cls, count: int) -> "Place":
        """The first devices there are."""
        return cls(Mesh(np.array(jax.devices()[:count]), (AXIS,)))

    def sharding(self, spec: PartitionSpec) -> NamedSharding:
        """How an array lies on them."""
        return NamedSharding(self.mesh, spec)


def trainer(case: Case, average: Average, average_losses: Average) -> tuple[jax.Array, Train]:
    """The first parameters, and the whole run of one device, not compiled."""
    first, unravel = ravel_pytree(case.start)
    outputs = partial(peers_jax.apply, last=peers_jax.narrow)
    step = peers_jax.stepper(case, lambda params, x: outputs(unravel(params), x), average)

    def train(params: jax.Array, data: Any, orders: jax.Array) -> tuple[jax.Array, jax.Array]:
        learner = (params, jnp.zeros_like(params), jnp.zeros_like(params), jnp.zeros((), jnp.int32))
        learner, losses = jax.lax.scan(lambda had, rows: step(had, data, rows), learner, orders)
        return learner[0], average_losses(losses)

    return first, train


def runner(
    case: Case, place: Place, first: jax.Array, train: Train, divide: Callable[[np.ndarray], Any]
) -> Run:
    """What is timed: the orders are made and divided, the run is made, the losses come back."""
    everywhere = place.sharding(EVERYWHERE)
    first, data = jax.device_put((first, (case.inputs, case.targets)), everywhere)

    def run(seed: int) -> np.ndarray:
        params, losses = train(first, data, divide(case.orders(seed).reshape(-1, case.batch)))
        jax.block_until_ready(params)
        return np.asarray(losses)

    return run


def mean(value: jax.Array) -> jax.Array:
    """Average over the devices, each of which runs the same program."""
    return jax.lax.pmean(value, AXIS)


def prepare_pmap(case: Case, *, devices: int) -> Run:
    """One program for each device."""
    place, (first, train) = Place.of(devices), trainer(case, mean, mean)
    compiled = jax.pmap(
        train,
        axis_name=AXIS,
        in_axes=(None, None, 1),
        out_axes=None,
        devices=list(place.mesh.devices),
    )
    return runner(
        case, place, first, compiled, lambda orders: orders.reshape(len(orders), devices, -1)
    )


def prepare_shard_map(case: Case, *, devices: int) -> Run:
    """The same in the newer words.

    Without `check_vma=False` the gradient of parameters that lie everywhere would be summed over
    the devices before `mean` has its turn: eight times too long a step, which Adam would hide.
    """
    place, (first, train) = Place.of(devices), trainer(case, mean, mean)
    compiled = jax.jit(
        jax.shard_map(
            train,
            mesh=place.mesh,
            in_specs=(EVERYWHERE, EVERYWHERE, COLUMNS),
            out_specs=EVERYWHERE,
            check_vma=False,
        )
    )
    columns = place.sharding(COLUMNS)
    return runner(case, place, first, compiled, lambda orders: jax.device_put(orders, columns))


def prepare_sharded(case: Case, *, devices: int) -> Run:
    """One program for the whole batch, which XLA divides."""
    place = Place.of(devices)
    everywhere, columns = place.sharding(EVERYWHERE), place.sharding(COLUMNS)
    together = partial(jax.lax.with_sharding_constraint, shardings=everywhere)
    first, train = trainer(case, together, lambda losses: losses)
    compiled = jax.jit(
        train, in_shardings=(everywhere, everywhere, columns), out_shardings=everywhere
    )
    return runner(case, place, first, compiled, lambda orders: jax.device_put(orders, columns))
