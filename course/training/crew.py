"""Who takes the steps of a run: one device, a team of devices, or the teams of several processes.

`course.training.loop.fit` reads the same for all of them.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jaxtyping import PyTree

from course.checks import refusal
from course.models.layers import Model
from course.training import parallel, processes, steps


@functools.cache
def train(model: Model, together: parallel.Team) -> Callable[..., steps.Steps]:
    """Return `steps.train` for a model and a team: (task, learner, data, order, first, count)."""

    def take(average: parallel.Average, task: steps.Task, *arguments: Any) -> steps.Steps:
        if average is parallel.mean_of_devices:  # what is random differs from device to device
            own = jax.random.fold_in(task.key, jax.lax.axis_index(parallel.AXIS))
            task = task._replace(key=own)
        return steps.take_steps(model, task, *arguments, average=average)

    return parallel.spread(take, together, (False, False, False, True, False, False))


class Crew(NamedTuple):
    """Who takes the steps of a run: one device or a team, of one process or of several."""

    train: Callable[..., steps.Steps]
    """(task, learner, data, order, first, count) -> steps."""
    place: Callable[[PyTree], PyTree] = steps.alone
    """Put arrays where `train` wants them."""
    local: Callable[[PyTree], PyTree] = steps.alone
    """One copy of what `train` returned, on this process's first device."""
    agree: Callable[[Any], Any] = steps.alone
    """The largest of what all processes bring."""
    from_first: Callable[[Callable[[], Any]], Any] = lambda make: make()
    """What the first process makes, in all of them."""
    first: bool = True
    """Whether this is the first process."""


def hire(
    model: Model, devices: int | str | Sequence[jax.Device] | None, backend: str, batch_size: int
) -> Crew:
    """Return who takes the steps: see the arguments of `course.training.loop.fit`."""
    if devices is None:
        return Crew(functools.partial(steps.train, model))
    together = parallel.team(devices, backend)
    if batch_size % (n := len(together.devices)):
        raise refusal(
            "batch_size", f"a multiple of {n}, for {parallel.described(n)} to share", batch_size
        )
    return Crew(
        train(model, together),
        together.replicate,
        parallel.local,
        processes.agree,
        processes.from_first,
        jax.process_index() == 0,
    )
