"""Data-parallel training: each device takes its share of a batch, and gradients are averaged.

    grad J(theta; batch) = mean over devices of grad J(theta; the device's share of the batch)

which holds because J is a mean and all shares have the same size. The parameters are replicated,
and since every device makes the same update of them, they stay the same.

There are two backends behind one signature. "pmap" runs the step once for each device, on its
share, and the step averages in the open. "sharded" compiles one step for the whole batch, which is
sharded over the devices; XLA finds out where they have to communicate.

This is the only file of the course that calls `jax.pmap`.
"""

import functools
import inspect
import itertools
import os
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from course.checks import Arguments, checked, count, describe_text, function, one_of, refusal

AXIS = "devices"  # name of the axis over devices in a compiled program
BATCH_AXIS = 1  # axis that is sharded over devices; axis 0 counts steps
BACKENDS = ("pmap", "sharded")
MAX_IN_FLIGHT = 16  # calls; with more, collectives of simulated devices can deadlock
CALLS = itertools.count(1)  # of all compiled programs in this process
EXPECTED_DEVICES = "a number of devices or 'all', or a list of devices"
MAX_SIMULATED = 256  # devices; each takes threads
THREADS = 2  # per simulated device; with fewer, collectives can deadlock

Average: TypeAlias = Callable[[PyTree], PyTree]


@checked(n=count(1, MAX_SIMULATED))
def simulate_devices(n: int) -> None:
    """Let JAX see `n` devices on the processor, to try out what several devices do.

    They share the processor's cores, so they are not faster than one. It must be called before
    JAX is used in this process; a second call with the same number does nothing. Accelerators are
    out of sight from then on.

    Args:
        n: number of devices, at most 256.

    Raises:
        RuntimeError: if JAX has already started with other devices.

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
                f"JAX has already started, with {count_devices(len(here))}: restart the kernel (or "
                f"the program) and call simulate_devices({n}) before anything else"
            ) from None


def count_devices(n: int) -> str:
    """Return a number of devices in words."""
    return "1 device" if n == 1 else f"{n} devices"


def mean_over_devices(tree: PyTree) -> PyTree:
    """Average a pytree over the devices under `pmap`, all arrays in one message.

    A message costs more than the numbers in a small one: a message for each array would take about
    half as long again for a small network.
    """
    flat, unravel = ravel_pytree(tree)
    return unravel(jax.lax.pmean(flat, AXIS))


def mean_in_pairs(n: int) -> Average:
    """Return an average over `n` devices, a power of two, by exchanges between two.

    First neighbours exchange and add what they have, then neighbouring pairs, then fours. All come
    to the same sum, to the last bit: a + b is b + a.
    """

    def mean(tree: PyTree) -> PyTree:
        flat, unravel = ravel_pytree(tree)
        distance = 1
        while distance < n:
            partners = [(i, i ^ distance) for i in range(n)]
            flat = flat + jax.lax.ppermute(flat, AXIS, partners)
            distance *= 2
        return unravel(flat / n)

    return mean


class DeviceGroup(NamedTuple):
    """Devices that train together, in the order in which they take their shares."""

    devices: tuple[jax.Device, ...]
    backend: str

    @property
    def replicated(self) -> NamedSharding:
        """Sharding of arrays that are the same on all devices."""
        return NamedSharding(Mesh(np.array(self.devices), (AXIS,)), PartitionSpec())

    @property
    def batch_sharding(self) -> NamedSharding:
        """Sharding of arrays (steps, batch, ...) whose second axis is divided among devices."""
        return NamedSharding(self.replicated.mesh, PartitionSpec(None, AXIS))

    @property
    def local_indices(self) -> list[int]:
        """Indices in `devices` of those that belong to this process."""
        here = jax.process_index()
        return [i for i, device in enumerate(self.devices) if device.process_index == here]

    def replicate(self, tree: PyTree) -> PyTree:
        """Put a copy of every array on each device; all processes must hold the same values."""
        if len(self.local_indices) == len(self.devices):
            return jax.device_put(tree, self.replicated)
        return jax.tree.map(lambda leaf: _from_host(leaf, self.replicated), tree)

    def shard(self, batches: Any) -> Any:
        """Divide the second axis of an array (steps, batch, ...) among the devices."""
        shape = np.shape(batches)
        n = len(self.devices)
        if len(shape) <= BATCH_AXIS or shape[BATCH_AXIS] % n:
            size = shape[BATCH_AXIS] if len(shape) > BATCH_AXIS else f"shape {shape}"
            raise refusal("batches", f"a batch that {count_devices(n)} can share evenly", size)
        if self.backend == "pmap":  # an axis of devices, of which this process has some
            by_device = batches.reshape(shape[0], n, -1, *shape[2:])
            return by_device if len(self.local_indices) == n else by_device[:, self.local_indices]
        if len(self.local_indices) == n:
            return jax.device_put(batches, self.batch_sharding)
        return _from_host(batches, self.batch_sharding)

    def averaging(self) -> Average:
        """Return the averaging function for the backend, and for the network between devices."""
        n = len(self.devices)
        if self.backend == "sharded":  # a mean over the whole batch is already one over devices
            return functools.partial(jax.lax.with_sharding_constraint, shardings=self.replicated)
        # Between CPUs of several processes, Gloo's own all-reduce takes 1.9 ms for the digits'
        # gradient, exchanges between two 0.9 ms: of a step of 5.5 ms.
        power_of_two = n > 1 and n & (n - 1) == 0
        if power_of_two and len(self.local_indices) == 1 and self.devices[0].platform == "cpu":
            return mean_in_pairs(n)
        return mean_over_devices


def _from_host(leaf: Any, sharding: NamedSharding) -> jax.Array:
    """Return an array over the devices of several processes, each of which holds all values."""
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        data = _from_host(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    value = np.asarray(leaf)
    return jax.make_array_from_callback(value.shape, sharding, lambda index: value[index])


def local_copy(tree: PyTree) -> PyTree:
    """Return this process's first copy of replicated arrays; nothing is moved."""

    def first(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array) and not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return leaf.addressable_data(0)
        return leaf

    return jax.tree.map(first, tree)


def as_devices(name: str, value: Any, _arguments: Arguments) -> tuple[jax.Device, ...]:
    """Rule for a number of devices, "all", or different devices themselves."""
    there = tuple(jax.devices())
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        chosen = tuple(value)
        # A nested list or a dict is no device, and cannot be looked up among them.
        devices = all(isinstance(device, jax.Device) for device in chosen)
        if not devices or not chosen or len({*chosen}) < len(chosen) or not {*chosen} <= {*there}:
            got = chosen if devices else [type(each).__name__ for each in chosen[:8]]
            raise refusal(name, f"different ones of {there}", got)
        return chosen
    if isinstance(value, str):
        if value != "all":
            raise refusal(name, EXPECTED_DEVICES, describe_text(value))
        return there
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise refusal(name, EXPECTED_DEVICES, type(value).__name__, TypeError)
    n: int = count()(name, value, {})
    if n > len(there):
        how = f"; to simulate {n}, restart and begin with simulate_devices({n})"
        raise refusal(name, f"at most the {len(there)} there are{how}", n)
    return there[:n]


@checked(devices=as_devices, backend=one_of(*BACKENDS))
def device_group(devices: int | str | Sequence[jax.Device], backend: str = "pmap") -> DeviceGroup:
    """Choose devices that train together.

    Args:
        devices: their number; "all"; or the devices themselves. Several processes take part with
            all the devices that they have.
        backend: "pmap" or "sharded".
    """
    chosen = cast(tuple[jax.Device, ...], devices)  # by `checked`
    # JAX's collectives wait for every process: none may be left out.
    if jax.process_count() > 1 and len(chosen) < len(jax.devices()):
        processes = f"all {len(jax.devices())} devices of the {jax.process_count()} processes"
        raise refusal("devices", processes, len(chosen))
    return DeviceGroup(chosen, backend)


def as_group(name: str, value: Any, _arguments: Arguments) -> DeviceGroup:
    """Rule for a group of devices, as `device_group` makes it."""
    if not isinstance(value, DeviceGroup):
        raise refusal(name, "a group from device_group", type(value).__name__, TypeError)
    as_devices("group.devices", value.devices, {})
    one_of(*BACKENDS)("group.backend", value.backend, {})
    return value


def as_names(name: str, value: Any, _arguments: Arguments) -> tuple[str, ...]:
    """Rule for a list of names; a single string would be one of letters."""
    is_list = isinstance(value, Collection) and not isinstance(value, str | bytes)
    if not is_list or not all(isinstance(each, str) for each in value):
        raise refusal(name, 'a list of names, such as ["batches"]', type(value).__name__, TypeError)
    return tuple(value)


@checked(group=as_group, function=function("a function (average, ...)"), sharded_arguments=as_names)
def compile_for(
    group: DeviceGroup, function: Callable[..., Any], *, sharded_arguments: Collection[str]
) -> Callable[..., Any]:
    """Compile `function(average, ...)` for all devices of a group.

    Args:
        group: the devices.
        function: its first argument, `average`, takes a pytree of which each device has its own
            for its share of the batch, and returns the mean over all devices. Its results must be
            averaged, or follow from what is.
        sharded_arguments: names of those whose arrays (steps, batch, ...) are divided among the
            devices along the second axis. Other arguments are replicated.

    Returns:
        The function of the other arguments, by position. Its results are on all devices. A call
        returns before it is done, but never more than 16 are in flight.

    >>> def take_steps(average, w, batches):
    ...     def step(w, batch):
    ...         slope = average(jax.grad(lambda w: jnp.mean((w - batch) ** 2))(w))
    ...         return w - 0.5 * slope, slope
    ...     return jax.lax.scan(step, w, batches)
    >>> train = compile_for(device_group(1), take_steps, sharded_arguments=["batches"])
    >>> w, slopes = train(0.0, jnp.array([[1.0, 3.0], [4.0, 6.0]]))
    >>> print(w, slopes)
    5.0 [-4. -6.]

    Reference: P. Goyal et al., Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour (2017),
    section 3.
    """
    # By name: positions would change their meaning with every new argument.
    names = list(inspect.signature(function).parameters)[1:]
    strangers = [name for name in sharded_arguments if name not in names]
    if strangers:
        raise refusal("sharded_arguments", f"some of {names}", strangers)
    program = functools.partial(function, group.averaging())
    divided = [name in sharded_arguments for name in names]
    if group.backend == "pmap":
        compiled = jax.pmap(
            program,
            axis_name=AXIS,
            in_axes=tuple(BATCH_AXIS if each else None for each in divided),
            out_axes=None,  # the first device's copy: all have the same
            devices=None if jax.process_count() > 1 else group.devices,
        )
    else:
        shardings = {True: group.batch_sharding, False: group.replicated}
        compiled = jax.jit(
            program,
            in_shardings=tuple(shardings[each] for each in divided),
            out_shardings=group.replicated,
        )

    def run(*arguments: Any) -> Any:
        if len(arguments) != len(names):
            raise refusal("arguments", ", ".join(names), f"{len(arguments)} of them", TypeError)
        placed = [
            jax.tree.map(group.shard, argument) if each else argument
            for each, argument in zip(divided, arguments, strict=True)
        ]
        result = compiled(*placed)
        if next(CALLS) % MAX_IN_FLIGHT == 0:
            jax.block_until_ready(result)
        return result

    return run
