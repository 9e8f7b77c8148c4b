"""Runners of training steps: on one device, on several, or in several processes.

`course.training.loop.fit` reads the same for all of them. A `Runner` is one device, a `GroupRunner`
a group of devices under `pmap` or sharded `jit`; `make_runner` chooses.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, PyTree

from course.checks import refusal
from course.models.layers import Model
from course.training import steps
from course.training.arguments import Data
from course.training.batching import Chunk
from course.training.optimizer_base import Optimizer, apply_rule, apply_rule_with_params
from course.training.scale import parallel, processes
from course.training.scale.parallel import AXIS, Average, DeviceGroup
from course.training.steps import Objective, StepsResult, TrainState


class Runner:
    """Runs training steps on one device."""

    def __init__(self, model: Model) -> None:
        self.is_main = jax.process_index() == 0
        self.multi_process = False
        self._take_steps: Callable[..., StepsResult] = functools.partial(steps.train, model)

    def train(
        self, objective: Objective, state: TrainState, data: Data, indices: Any, chunk: Chunk
    ) -> StepsResult:
        """Take the steps of a chunk on the examples with these indices; see `steps.take_steps`."""
        return self._take_steps(objective, state, data, indices, chunk.steps_done, chunk.size)

    def replicate(self, tree: PyTree) -> PyTree:
        """Put arrays on all devices, for `train`."""
        return tree

    def local_copy(self, tree: PyTree) -> PyTree:
        """Return the copy of replicated arrays on this process's first device."""
        return tree

    def to_local_device(self, tree: PyTree) -> PyTree:
        """Put arrays on this process's first device, beside local copies."""
        return tree

    def max_over_processes(self, values: Any) -> Any:
        """Return the element-wise maximum over processes."""
        return values

    def broadcast(self, make: Callable[[], Any]) -> Any:
        """Call `make` on process 0 and return its result in all processes."""
        return make()


class GroupRunner(Runner):
    """Runs training steps on a group of devices, of one process or of several."""

    def __init__(self, model: Model, group: DeviceGroup) -> None:
        super().__init__(model)
        self.group = group
        self.multi_process = jax.process_count() > 1
        self._take_steps = compile_steps(model, group)

    def replicate(self, tree: PyTree) -> PyTree:
        return self.group.replicate(tree)

    def local_copy(self, tree: PyTree) -> PyTree:
        return parallel.local_copy(tree)

    def to_local_device(self, tree: PyTree) -> PyTree:
        return jax.device_put(tree, self.group.devices[self.group.local_indices[0]])

    def max_over_processes(self, values: Any) -> Any:
        return processes.max_over_processes(values)

    def broadcast(self, make: Callable[[], Any]) -> Any:
        return processes.broadcast(make)


@functools.cache
def compile_steps(model: Model, group: DeviceGroup) -> Callable[..., StepsResult]:
    """Return `steps.take_steps` for a model and a group of devices."""

    def device_steps(
        average: Average,
        objective: Objective,
        state: TrainState,
        data: Data,
        indices: Array,
        steps_done: Array,
        count: Array,
    ) -> StepsResult:
        used, unroll = model, 2
        unflatten: Callable[[TrainState], TrainState] = steps.identity
        if group.backend == "pmap":
            # Each device draws its own noise for its own examples.
            own_key = jax.random.fold_in(objective.key, jax.lax.axis_index(AXIS))
            objective = objective._replace(key=own_key)
            if _updates_alike(objective.optimizer, state.params):
                # The gradient is the message then, and an update is one long operation. At batch
                # 64, steps on 2 to 8 simulated devices take 12 to 15% less time.
                used, state, unflatten = _flatten(model, state)
                unroll = 1
        result = steps.take_steps(
            used, objective, state, data, indices, steps_done, count, average=average, unroll=unroll
        )
        return result._replace(state=unflatten(result.state))

    return parallel.compile_for(group, device_steps, sharded_arguments=["indices"])


def _updates_alike(optimizer: Optimizer, params: PyTree) -> bool:
    """Return True if the optimizer treats each number alike, whatever array it is in.

    The course's own optimizers do.
    """
    own = getattr(optimizer.update, "func", None) in (apply_rule, apply_rule_with_params)
    return own and {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}


def _flatten(
    model: Model, state: TrainState
) -> tuple[Model, TrainState, Callable[[TrainState], TrainState]]:
    """Return model and state with the parameters in one vector, and the way back."""
    vector, unravel = ravel_pytree(state.params)

    @functools.wraps(model.apply)  # its signature tells whether it takes a key
    def apply(vector: Array, *inputs: Any, **options: Any) -> Array:
        return model.apply(unravel(vector), *inputs, **options)

    def with_memory(opt_state: Any, convert: Callable[[PyTree], PyTree]) -> Any:
        memory = {name: convert(tree) for name, tree in opt_state.memory.items()}
        return opt_state._replace(memory=memory)

    def unflatten(flat: TrainState) -> TrainState:
        return TrainState(unravel(flat.params), with_memory(flat.opt_state, unravel))

    opt_state = with_memory(state.opt_state, lambda tree: ravel_pytree(tree)[0])
    return Model(model.init, apply), TrainState(vector, opt_state), unflatten


def make_runner(
    model: Model, devices: int | str | Sequence[jax.Device] | None, backend: str, batch_size: int
) -> Runner:
    """Return the runner for these arguments of `course.training.loop.fit`."""
    if devices is None:
        return Runner(model)
    group = parallel.device_group(devices, backend)
    n = len(group.devices)
    if batch_size % n:
        expected = f"a multiple of {n}, for {parallel.count_devices(n)} to share"
        raise refusal("batch_size", expected, batch_size)
    return GroupRunner(model, group)
