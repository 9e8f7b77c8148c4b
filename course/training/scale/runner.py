"""Who takes the steps of a run: one device, a team of devices, or the teams of several processes.

`course.training.loop.fit` reads the same for all of them.
"""

import functools
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import PyTree

from course.legacy_checks import refusal
from course.models.layers import Model
from course.training import optimizer_base, steps
from course.training.optimizers import Optimizer
from course.training.scale import parallel, processes
from course.training.scale.averages import AXIS, Average
from course.training.scale.processes import StopSignal
from course.training.steps import Objective, TrainState


@functools.cache
def train(model: Model, together: parallel.Team) -> Callable[..., steps.StepsResult]:
    """Return `steps.train` for a model and a team: (task, learner, data, order, first, count)."""

    def take(
        average: Average, task: Objective, learner: TrainState, *arguments: Any
    ) -> steps.StepsResult:
        if together.backend == "pmap":  # what is random differs from device to device
            own = jax.random.fold_in(task.key, jax.lax.axis_index(AXIS))
            task = task._replace(key=own)
        if not elementwise(task.optimizer, learner):
            return steps.take_steps(model, task, learner, *arguments, average=average)
        vector, unravel = ravel_pytree(learner.params)
        memory = {name: ravel_pytree(tree)[0] for name, tree in learner.state.memory.items()}
        learner = TrainState(vector, learner.state._replace(memory=memory))
        flat = Model(model.init, over_vectors(model, unravel))
        after = steps.take_steps(flat, task, learner, *arguments, average=average, unroll=1)
        vector, state = after.learner
        memory = {name: unravel(values) for name, values in state.memory.items()}
        return after._replace(learner=TrainState(unravel(vector), state._replace(memory=memory)))

    return parallel.spread(take, together, (False, False, False, True, False, False))


def elementwise(optimizer: Optimizer, learner: TrainState) -> bool:
    """Whether all parameters could as well be one vector.

    The course's own optimizers treat every number alike, whatever array it is in. Then the gradient
    is the message, and a step is a few long operations in place of many short ones, which each
    device would have to start.
    """
    own = getattr(optimizer.update, "func", None) in (
        optimizer_base.apply_rule,
        optimizer_base.apply_rule_with_params,
    )
    leaves = jax.tree.leaves(learner.params)
    return own and len(leaves) > 1 and {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}


def over_vectors(model: Model, unravel: Callable[[jax.Array], Any]) -> Callable[..., jax.Array]:
    """A model's `apply`, for its parameters in a vector."""

    @functools.wraps(model.apply)  # whether it takes a key is read from its signature
    def apply(vector: jax.Array, *inputs: Any, **options: Any) -> jax.Array:
        return model.apply(unravel(vector), *inputs, **options)

    return apply


class Runner(NamedTuple):
    """Who takes the steps of a run: one device or a team, of one process or of several."""

    train: Callable[..., steps.StepsResult]
    """(task, learner, data, order, first, count) -> steps."""
    place: Callable[[PyTree], PyTree] = steps.identity
    """Put arrays where `train` wants them."""
    local: Callable[[PyTree], PyTree] = steps.identity
    """One copy of what `train` returned, on this process's first device."""
    agree: Callable[[Any], Any] = steps.identity
    """The largest of what all processes bring."""
    broadcast: Callable[[Callable[[], Any]], Any] = lambda make: make()
    """What the first process makes, in all of them."""
    near: Callable[[PyTree], PyTree] = steps.identity
    """Put arrays where `local` has its copies."""
    is_main: bool = True
    """Whether this is the first process."""
    several: bool = False
    """Whether there are other processes."""

    @contextmanager
    def listening(self, stop: Callable[[], bool] | None) -> Generator[Callable[[], bool]]:
        """Hear of an interrupt: what is yielded says whether the run is to end.

        Among several processes an interrupt must not break off the step that the others are in, so
        without a `stop` of the caller's the signals themselves are only noted.
        """
        if stop is None and self.several and threading.current_thread() is threading.main_thread():
            with StopSignal() as stop:
                yield stop
        else:
            yield lambda: bool(stop and stop())


def hire(
    model: Model, devices: int | str | Sequence[jax.Device] | None, backend: str, batch_size: int
) -> Runner:
    """Return who takes the steps: see the arguments of `course.training.loop.fit`."""
    first = jax.process_index() == 0
    if devices is None:
        return Runner(functools.partial(steps.train, model), is_main=first)
    together = parallel.team(devices, backend)
    if batch_size % (n := len(together.devices)):
        shared = f"a multiple of {n}, for {parallel.described(n)} to share"
        raise refusal("batch_size", shared, batch_size)
    return Runner(
        train(model, together),
        together.replicate,
        parallel.local,
        processes.max_over_processes,
        processes.broadcast,
        functools.partial(jax.device_put, device=together.devices[together.local[0]]),
        first,
        jax.process_count() > 1,
    )
