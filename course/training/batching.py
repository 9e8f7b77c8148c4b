"""In which order examples are visited, and in which parts a run is handed to the compiled program.

The examples are shuffled anew in every epoch, on the host: JAX's own shuffle takes many times as
long on a CPU as NumPy's, about as long as a small model needs to learn from an epoch.
"""

import time
from collections.abc import Callable, Iterator

import jax
import numpy as np
from jaxtyping import Array, Int

CHUNK_SECONDS = 0.2
"""How long a part of a run takes, roughly: between two, an interrupt is heard and the bar moves."""
FIRST_CHUNK = 8
"""The steps of the first part, whose pace is not known yet."""
MAX_INDICES = 2**18
"""How many indices of examples a call takes along, at most (1 MiB)."""


def max_steps_per_call(batch_size: int) -> int:
    """Return the most steps in a call. It depends on nothing else, lest it cause a compilation."""
    return max(1, MAX_INDICES // batch_size)


def chunks(
    epochs: int,
    steps: int,
    batch_size: int,
    *,
    pause: bool,
    begin: int = 0,
    took: Callable[[], float] | None = None,
) -> Iterator[tuple[int, int]]:
    """Divide a run into parts of about `CHUNK_SECONDS` each, by the caller's time for each.

    Args:
        epochs: passes over the data.
        steps: in an epoch.
        batch_size: examples in a step.
        pause: let no part go on beyond the end of an epoch.
        begin: how many steps were taken before; where an earlier call had a part begin, or 0.
        took: says how many seconds the last part has taken, where several processes have to divide
            the run alike; None measures it.

    Yields:
        The number of steps before each part, and in it. However a run is divided, its steps are the
        same ones, to the last bit: a part has an even number of them unless it has to end, so a
        step keeps its place among those that the compiled program takes two at a time.
    """
    first, pace = begin, FIRST_CHUNK
    while first < (total := epochs * steps):
        left = steps - first % steps if pause else total - first
        most = max_steps_per_call(batch_size)
        count = min(left, max(pace // 2 * 2, 2), most if most == 1 else most // 2 * 2)
        begun = time.perf_counter()
        yield first, count
        elapsed = max(took() if took else time.perf_counter() - begun, 1e-9)
        first += count
        pace = max(1, int(count * min(CHUNK_SECONDS / elapsed, 8)))


class BatchOrder:
    """An endless sequence of batches of indices.

    What an epoch leaves over when its last batch is full is left out of that epoch. It is drawn
    anew each time, so no example is left out for long.

    Args:
        key: from which all the shuffles follow.
        examples: how many there are.
        batch_size: of them in a batch, at most all.

    >>> order = BatchOrder(jax.random.key(0), 7, 3)
    >>> order.steps
    2
    >>> len(set(order.take(2)[:2].ravel().tolist()))
    6
    """

    def __init__(self, key: Array, examples: int, batch_size: int) -> None:
        seed = np.asarray(jax.random.key_data(key)).ravel().tolist()
        self._random = np.random.Generator(np.random.SFC64(seed))  # the quickest at shuffling
        self._examples, self._batch_size = examples, batch_size
        self.steps = examples // batch_size
        """Batches in an epoch."""
        self._left = np.zeros((0, batch_size), dtype=np.int32)

    def epoch(self) -> Int[np.ndarray, "steps batch"]:
        """Return the batches of a new epoch."""
        used = self.steps * self._batch_size
        return self._random.permutation(self._examples)[:used].reshape(self.steps, -1)

    def skip(self, count: int) -> None:
        """Leave the next `count` batches out, as if they had been taken."""
        while count:
            if not len(self._left):
                self._left = self.epoch()
            passed = min(count, len(self._left))
            self._left, count = self._left[passed:], count - passed

    def take(self, count: int) -> Int[np.ndarray, "capacity batch"]:
        """Return the next `count` batches, one a row; the other rows are zeros."""
        taken = np.zeros((max_steps_per_call(self._batch_size), self._batch_size), dtype=np.int32)
        done = 0
        while done < count:
            if not len(self._left):
                self._left = self.epoch()
            now = self._left[: count - done]
            taken[done : done + len(now)] = now
            self._left = self._left[len(now) :]
            done += len(now)
        return taken
