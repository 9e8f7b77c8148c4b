"""Monitoring of a run between two chunks of steps: validation, and the progress bar."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.tree_util import Partial
from jaxtyping import PyTree

from course.models.layers import Model
from course.training import steps
from course.training.arguments import Data, make_bar
from course.training.batching import Chunk
from course.training.results import RunState
from course.training.scale.runner import Runner
from course.training.steps import Metrics

QUIET = "COURSE_QUIET"  # environment variable that silences all bars
MONITOR_EXAMPLES = (
    1024  # examples on which the bar's accuracy is measured where none are for validation
)


class Monitor:
    """Measures a run between two chunks, on validation data or on some of the examples."""

    def __init__(
        self, model: Model, loss: Partial, examples: Data, held_out: Data | None, runner: Runner
    ) -> None:
        inputs, targets = held_out or examples
        data = held_out or (inputs[:MONITOR_EXAMPLES], targets[:MONITOR_EXAMPLES])
        self._evaluate = partial(steps.measure, model, loss, data=runner.to_local_device(data))
        self._validates = held_out is not None
        self._runner = runner

    def measure(self, params: PyTree, chunk: Chunk) -> Metrics | None:
        """Return loss and accuracy on the validation data where an epoch ends."""
        if self._validates and chunk.ends_epoch:
            metrics = self._evaluate(self._runner.local_copy(params))
            return jax.tree.map(np.array, metrics)  # on the host, where it takes no buffer
        return None

    def report(self, bar: Any, run: RunState, metrics: Metrics | None) -> None:
        """Move a progress bar to where the run is; a silent one costs nothing."""
        if getattr(bar, "disable", False):
            return
        metrics = metrics or self._evaluate(run.state.params)
        shown = {"loss": f"{run.losses[-1].mean():.3g}"}
        if np.isfinite(metrics.accuracy):
            shown["accuracy"] = f"{metrics.accuracy:.1%}"
        bar.set_postfix(shown, refresh=False)
        bar.update(len(run.losses[-1]))


def progress_bar(
    progress: bool | Callable[..., Any], *, total: int, what: str, done: int = 0
) -> Any:
    """Return a tqdm bar that counts steps; `.disable` is true if COURSE_QUIET silences it.

    Args:
        progress: False for none; True for one that fits where the program runs; or a class such as
            `tqdm.tqdm`.
        total: number of steps of the run.
        what: a word in front of it.
        done: number of steps taken before.
    """
    from tqdm import std

    silent = not progress or os.environ.get(QUIET, "") not in ("", "0")
    make = progress if callable(progress) and not silent else std.tqdm
    if progress is True and not silent:
        from tqdm import auto  # in a notebook it loads widgets, which only a bar on show needs

        make = auto.tqdm
    bar_format = {"desc": what, "unit": "step", "dynamic_ncols": True}
    return make_bar(make, total=total, initial=done, disable=silent, **bar_format)
