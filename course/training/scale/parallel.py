"""Train on several devices at once: each takes its share of a batch, and gradients are averaged.

    grad J(theta; batch) = mean over devices of grad J(theta; the device's share of the batch)

which holds because J is a mean and all shares have the same size. The parameters are the same
everywhere, and since every device makes the same update of them, they stay the same.

There are two ways to say it to JAX, behind one signature. "pmap" runs the step once for each
device, on its share, and the step averages in the open. "sharded" compiles one step for the whole
batch, which lies on several devices; XLA finds out where they have to talk to each other.

This is the only file of the course that calls `jax.pmap`.
"""

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from course.legacy_checks import Count, OneOf, checked, refusal
from course.training.rules import Devices
from course.training.scale.averages import AXIS, Average, mean_in_pairs, mean_of_devices

BATCH_AXIS = 1
"""Of what is divided among devices: the axis before it counts steps."""
UNBLOCKED = 16
"""Calls that may be under way at once: with more, simulated devices can wait for each other for
ever, each with all its threads in another call."""
THREADS = 2
"""For each simulated device; with fewer than that they can lock each other out as well."""
BACKENDS = ("pmap", "sharded")


@checked(n=Count())
def simulate_devices(n: int) -> None:
    """Let JAX see `n` devices on the processor, to try out what several devices do.

    They share the processor's cores, so they are not faster than one. It must be called before
    JAX is used in this process; a second call with the same number does nothing. Accelerators are
    out of sight from then on.

    Args:
        n: how many devices.

    Raises:
        RuntimeError: if JAX has already started with other devices.
        TypeError, ValueError: if `n` is no integer of at least 1.

    >>> simulate_devices(len(jax.devices()))

    Reference: `jax_num_cpu_devices` in JAX's list of configuration options.
    """
    threads = os.environ.get("NPROC", "")
    if n > 1 and not (threads.isdecimal() and int(threads) >= THREADS * n):
        os.environ["NPROC"] = str(THREADS * n)  # read once, when JAX starts
    try:
        jax.config.update("jax_num_cpu_devices", n)
        jax.config.update("jax_platforms", "cpu")
    except RuntimeError:  # JAX has started
        here = jax.local_devices()
        if len(here) != n or here[0].platform != "cpu":
            raise RuntimeError(
                f"JAX has already started, with {described(len(here))}: restart the kernel (or the "
                f"program) and call simulate_devices({n}) before anything else"
            ) from None


class UnderWay:
    """How many calls nobody has waited for, of all functions of this process."""

    def __init__(self) -> None:
        self._calls = 0

    def add(self, result: Any) -> None:
        """Count a call, and wait for it if there are as many as there may be."""
        self._calls += 1
        if self._calls >= UNBLOCKED:
            jax.block_until_ready(result)
            self._calls = 0


UNDER_WAY = UnderWay()


class Team(NamedTuple):
    """Devices that train together, in the order in which they take their shares."""

    devices: tuple[jax.Device, ...]
    backend: str

    @property
    def sharding(self) -> NamedSharding:
        """Of what is the same on all devices."""
        return NamedSharding(Mesh(np.array(self.devices), (AXIS,)), PartitionSpec())

    @property
    def local(self) -> list[int]:
        """The places of the devices that belong to this process."""
        here = jax.process_index()
        return [i for i, one in enumerate(self.devices) if one.process_index == here]

    def replicate(self, tree: PyTree) -> PyTree:
        """Put a copy of every array on each device."""
        if len(self.local) == len(self.devices):
            return jax.device_put(tree, self.sharding)
        return jax.tree.map(self._replicate_everywhere, tree)

    def _replicate_everywhere(self, leaf: Any) -> jax.Array:
        """Each process puts its own copies; all must hold the same values."""
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = self._replicate_everywhere(jax.random.key_data(leaf))
            keys: jax.Array = jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
            return keys
        value = np.asarray(leaf)
        copies: jax.Array = jax.make_array_from_callback(
            value.shape, self.sharding, lambda index: value[index]
        )
        return copies

    def divide(self, batches: Any) -> Any:
        """Hand each device of this process its columns of an array (steps, batch, ...)."""
        shape = np.shape(batches)
        n = len(self.devices)
        if len(shape) <= BATCH_AXIS or shape[BATCH_AXIS] % n:
            size = shape[BATCH_AXIS] if len(shape) > BATCH_AXIS else f"shape {shape}"
            raise refusal("batches", f"a batch that {described(n)} can share evenly", size)
        if self.backend == "pmap":
            parts = batches.reshape(shape[0], n, -1, *shape[2:])
            return parts if len(self.local) == n else parts[:, self.local]
        sharding = NamedSharding(self.sharding.mesh, PartitionSpec(None, AXIS))
        if len(self.local) == n:
            return jax.device_put(batches, sharding)
        value = np.asarray(batches)
        return jax.make_array_from_callback(shape, sharding, lambda index: value[index])


def local(tree: PyTree) -> PyTree:
    """Return this process's first copy of what is the same on all devices; nothing is moved."""

    def first(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array) and not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return leaf.addressable_data(0)
        return leaf

    return jax.tree.map(first, tree)


@checked(devices=Devices(), backend=OneOf(*BACKENDS))
def team(devices: int | str | Sequence[jax.Device], backend: str = "pmap") -> Team:
    """Choose devices.

    Args:
        devices: how many; "all"; or the devices themselves. Several processes take part with all
            the devices that they have.
        backend: "pmap" or "sharded".

    Returns:
        Team.

    Raises:
        TypeError, ValueError: if there are not so many devices, or the backend is unknown.
    """
    there = tuple(jax.devices())
    if devices == "all":
        chosen = there
    elif isinstance(devices, int):
        if devices > len(there):
            how = f"; to simulate {devices}, restart and begin with simulate_devices({devices})"
            raise refusal("devices", f"at most the {len(there)} there are{how}", devices)
        chosen = there[:devices]
    else:
        chosen = tuple(devices)
    if jax.process_count() > 1 and len(chosen) < len(there):
        what = f"all {len(there)} devices of the {jax.process_count()} processes"
        raise refusal("devices", what, len(chosen))
    return Team(chosen, backend)


def described(n: int) -> str:
    """A number of devices, in words."""
    return "1 device" if n == 1 else f"{n} devices"


def spread(function: Callable[..., Any], team: Team, divided: Sequence[bool]) -> Callable[..., Any]:
    """Compile `function(average, *arguments)` for all devices of a team.

    Args:
        function: `average` makes of a pytree, of which each device has its own for its share of
            the batch, the mean over all devices. What the function returns must be averaged, or
            follow from what is.
        team: the devices.
        divided: for each argument, whether its arrays (steps, batch, ...) are divided among the
            devices along the second axis. Other arguments are the same on all devices.

    Returns:
        The function of the arguments alone, which may hold arrays from anywhere. Its results are
        on all devices.
    """
    n = len(team.devices)
    # Between CPUs of several processes, Gloo's own all-reduce takes twice as long as need be.
    in_pairs = len(team.local) == 1 < n and n & (n - 1) == 0 and team.devices[0].platform == "cpu"
    if team.backend == "pmap":
        compiled = jax.pmap(
            functools.partial(function, mean_in_pairs(n) if in_pairs else mean_of_devices),
            axis_name=AXIS,
            in_axes=tuple(BATCH_AXIS if part else None for part in divided),
            out_axes=None,
            devices=None if jax.process_count() > 1 else team.devices,
        )
    else:
        everywhere = functools.partial(jax.lax.with_sharding_constraint, shardings=team.sharding)
        across = NamedSharding(team.sharding.mesh, PartitionSpec(None, AXIS))
        compiled = jax.jit(
            functools.partial(function, everywhere),
            in_shardings=tuple(across if part else team.sharding for part in divided),
            out_shardings=team.sharding,
        )

    def run(*arguments: Any) -> Any:
        result = compiled(
            *(
                jax.tree.map(team.divide, argument) if part else argument
                for argument, part in zip(arguments, divided, strict=True)
            )
        )
        UNDER_WAY.add(result)
        return result

    return run


@checked(devices=Devices(), backend=OneOf(*BACKENDS))
def data_parallel(
    step: Callable[[PyTree, PyTree, Average], tuple[PyTree, PyTree]],
    *,
    devices: int | str | Sequence[jax.Device] = "all",
    backend: str = "pmap",
) -> Callable[[PyTree, PyTree], tuple[PyTree, PyTree]]:
    """Let several devices take the steps of a training together.

    Args:
        step: `(state, batch, average) -> (state, output)`. It must call `average` on the gradients
            of a *mean* loss before it uses them, and on whatever else it returns that depends on
            the batch: `grads, loss = average((grads, loss))`.
        devices: how many; "all"; or the devices themselves.
        backend: "pmap" or "sharded".

    Returns:
        A function `(state, batches) -> (state, outputs)` that takes many steps in one call.
        `batches` is a pytree of arrays (steps, batch, ...), the whole of them in every process;
        each device gets its share of the second axis. The state and the outputs, which have the
        steps in front, are on all devices. Calls return before they are done, but never more than
        16 are under way.

    Raises:
        TypeError, ValueError: if there are not so many devices, or, when it is called, if they
            cannot share a batch evenly.

    >>> def step(w, x, average):
    ...     loss, slope = average(jax.value_and_grad(lambda w: jnp.mean((w - x) ** 2))(w))
    ...     return w - 0.5 * slope, loss
    >>> train = data_parallel(step, devices=1)
    >>> w, losses = train(0.0, jnp.array([[1.0, 3.0], [4.0, 6.0]]))
    >>> print(w, losses)
    5.0 [ 5. 10.]

    Reference: P. Goyal et al., Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour (2017),
    section 3.
    """
    together = team(devices, backend)

    def take(average: Average, state: PyTree, batches: PyTree) -> tuple[PyTree, PyTree]:
        return jax.lax.scan(lambda had, batch: step(had, batch, average), state, batches)

    return spread(take, together, (False, True))
