"""Batches of a run: the order of the examples, and how many steps one compiled call takes.

The examples are shuffled in every epoch on the host: JAX's own shuffle takes many times as long on
a CPU as NumPy's, about as long as a small model needs to learn from an epoch.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Int

from course.checks import checked, count, flag, instance, key, refusal

CHUNK_SECONDS = 0.2  # between two chunks an interrupt is heard and the bar moves
FIRST_CHUNK = 8  # steps, while the pace is not known
MOST = 2**31 - 1  # of examples, whose indices are int32, and of steps, which are counted so
MAX_INDICES = 2**18  # that a call takes along (1 MiB)


@checked(batch_size=count())
def max_steps_per_call(batch_size: int) -> int:
    """Return the largest number of steps per call.

    It depends on the batch size alone: the index array keeps its shape, so nothing recompiles.
    """
    return max(1, MAX_INDICES // batch_size)


class BatchOrder:
    """Endless sequence of batches of indices, shuffled in every epoch.

    Examples that do not fill the last batch of an epoch are left out of it. They are others each
    time, so no example is left out for long.

    Args:
        key: random key that determines all shuffles.
        examples: number of examples.
        batch_size: examples in a batch, at most all.
        skip: batches to leave out at the beginning, as if they had been taken.

    Raises:
        ValueError: if there are fewer examples than in a batch.

    >>> order = BatchOrder(jax.random.key(0), 7, 3)
    >>> order.steps_per_epoch
    2
    >>> len(set(order.take(2)[:2].ravel().tolist()))
    6
    """

    @checked(key=key, examples=count(1, MOST), batch_size=count(), skip=count(0, MOST))
    def __init__(self, key: Array, examples: int, batch_size: int, *, skip: int = 0) -> None:
        if batch_size > examples:
            raise refusal("batch_size", f"at most the {examples} examples of data", batch_size)
        seed = np.asarray(jax.random.key_data(key)).ravel().tolist()
        self._random = np.random.Generator(np.random.SFC64(seed))  # the quickest at shuffling
        self._examples = examples
        self._left = np.zeros((0, batch_size), dtype=np.int32)
        self.batch_size = batch_size
        self.steps_per_epoch = examples // batch_size
        while skip:
            skip -= len(self._next(skip))

    def epoch(self) -> Int[np.ndarray, "steps batch"]:
        """Return the batches of another epoch."""
        used = self.steps_per_epoch * self.batch_size
        return self._random.permutation(self._examples)[:used].reshape(-1, self.batch_size)

    def take(self, number: int) -> Int[np.ndarray, "capacity batch"]:
        """Return the next `number` batches, one a row; the other rows are zeros."""
        capacity = max_steps_per_call(self.batch_size)
        number = count(0, capacity)("number", number, {})
        taken = np.zeros((capacity, self.batch_size), dtype=np.int32)
        done = 0
        while done < number:
            rows = self._next(number - done)
            taken[done : done + len(rows)] = rows
            done += len(rows)
        return taken

    def _next(self, most: int) -> Int[np.ndarray, "some batch"]:
        """Return the next batches of this epoch, at least one and at most `most`."""
        if not len(self._left):
            self._left = self.epoch()
        rows, self._left = self._left[:most], self._left[most:]
        return rows


class Chunk(NamedTuple):
    """Steps that are taken in one compiled call."""

    steps_done: int
    """Number of steps before it."""
    size: int
    """Number of steps in it."""
    ends_epoch: bool
    """True if an epoch ends with its last step."""


@checked(
    order=instance(BatchOrder),
    steps_done=count(0, MOST),
    total_steps=count(0, MOST),
    break_at_epochs=flag,
)
def chunks(
    order: BatchOrder,
    steps_done: int,
    total_steps: int,
    break_at_epochs: bool,
    max_over_processes: Callable[[Any], Any] = lambda seconds: seconds,
) -> Iterator[Chunk]:
    """Divide a run into chunks of about `CHUNK_SECONDS` each.

    A run is the same to the last bit however it is divided: a chunk has an even number of steps
    unless an epoch or the run ends with it, so a step keeps its place in the unrolled loop.

    Args:
        order: batches of the run.
        steps_done: number of steps taken before, where an earlier chunk ended.
        total_steps: number of steps in the whole run.
        break_at_epochs: let a chunk end where an epoch does.
        max_over_processes: largest value over all processes of the seconds that a chunk has
            taken: all must divide the run alike.
    """
    per_epoch = order.steps_per_epoch
    most = max_steps_per_call(order.batch_size)
    pace = FIRST_CHUNK
    while steps_done < total_steps:
        left = total_steps - steps_done
        if break_at_epochs:
            left = per_epoch - steps_done % per_epoch
        size = min(left, _even(pace), _even(most) if most > 1 else 1)
        begun = time.perf_counter()
        yield Chunk(steps_done, size, (steps_done + size) % per_epoch == 0)
        # The caller has taken the steps meanwhile. The pace grows by at most a factor of 8: the
        # first call has also compiled.
        seconds = max(float(max_over_processes(time.perf_counter() - begun)), 1e-9)
        steps_done += size
        pace = int(size * min(CHUNK_SECONDS / seconds, 8))


def _even(count: int) -> int:
    """Return the even number at or below `count`, at least 2."""
    return max(count // 2 * 2, 2)
