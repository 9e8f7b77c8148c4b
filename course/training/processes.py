"""Several processes that train together, and what becomes of them when one of them fails.

    rank = join()        under mpirun, srun, an indexed job or on a TPU pod: find the others

JAX's own engine does the talking. What is added here is that nobody waits in vain: a rank that
fails says so in one sentence and ends at once, so that whoever started the ranks (mpirun, Slurm,
Kubernetes) ends the others; and a rank that is waited for longer than it should be is named.
"""

import importlib.util
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from course.checks import Count, refusal

ANSWER_SECONDS = 25
"""How long the processes may take to find each other."""
HEARTBEAT_SECONDS = 10
"""How long nothing may be heard of a process, or of its end while others end."""
STALL_SECONDS = 12
"""How long a process may wait for another in the middle of a step."""
STALL = "COURSE_STALL_SECONDS"
# Where a launcher says of how many processes this is one. What else it tells its processes must be
# there as well: in a Slurm allocation, but outside `srun`, there is only the count.
LAUNCHERS = (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("SLURM_NTASKS", "SLURM_STEP_NODELIST"),
    ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID"),
)
# What XLA says of a peer that is gone, and of one that does not come.
GONE = (
    "connection reset",
    "connection closed",
    "closed by peer",
    "broken pipe",
    "gloo",
    "heartbeat",
)
LATE = ("timed out", "timeout", "deadline_exceeded", "rendezvous")


@dataclass(frozen=True)
class Rank:
    """Which of how many processes this is."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"rank {self.index} of {self.count}"


def launched() -> bool:
    """Whether something has started this process as one of several."""
    for count, index in LAUNCHERS:
        value = os.environ.get(count, "")
        if index in os.environ and value.isdecimal() and int(value) > 1:
            return True
    return importlib.util.find_spec("libtpu") is not None  # a machine with TPUs, perhaps of a pod


def join(
    coordinator: str | None = None,
    count: int | None = None,
    index: int | None = None,
    *,
    answer_seconds: float = ANSWER_SECONDS,
    stall_seconds: float | None = None,
) -> Rank:
    """Find the other processes of this training, if there are any.

    Call it before anything else of JAX. Under Open MPI's `mpirun`, Slurm's `srun` and on TPU pods
    nothing needs to be given; elsewhere the three arguments, or the environment variables
    JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID, say it. From then on an exception
    that nobody catches ends the process at once, with one sentence.

    Args:
        coordinator: host and port ("node1:1234") where process 0 can be reached.
        count: how many processes there are.
        index: which of them this is, from 0.
        answer_seconds: how long to wait for the others.
        stall_seconds: how long a process may wait for another in the middle of a step; None takes
            the environment variable COURSE_STALL_SECONDS, or 12.

    Returns:
        Rank; "rank 0 of 1" where nothing is given and nobody has started several processes.

    Raises:
        ValueError: if only some of the three are given, or the address has no port. If the others
            do not answer, the process ends with exit status 1.

    Reference: `jax.distributed.initialize`.
    """
    coordinator = coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS")
    count = _given("JAX_NUM_PROCESSES", count)
    index = _given("JAX_PROCESS_ID", index)
    explicit = (coordinator, count, index)
    if any(value is not None for value in explicit):
        if any(value is None for value in explicit):
            expected = "the address of process 0, the number of processes, and which this is"
            raise refusal("coordinator, count, index", expected, explicit)
        assert coordinator is not None
        if not coordinator.rpartition(":")[0] or not coordinator.rpartition(":")[2].isdecimal():
            raise refusal("coordinator", "host and port, such as node1:1234", coordinator)
        count = Count()("count", count, {})
        index = Count(0, count - 1)("index", index, {})
        if count == 1:
            return Rank(0, 1)
    elif not launched():
        return Rank(0, 1)
    seconds = float(stall_seconds or os.environ.get(STALL) or STALL_SECONDS)
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_cpu_collective_timeout" not in flags:
        stall = f"--xla_cpu_collective_timeout_seconds={max(1, round(seconds))}"
        os.environ["XLA_FLAGS"] = f"{flags} {stall}".strip()
    with _answer_within(answer_seconds, coordinator, index):
        try:
            jax.distributed.initialize(
                coordinator,
                count,
                index,
                initialization_timeout=int(2 * answer_seconds) + 10,  # `_answer_within` is first
                heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
                shutdown_timeout_seconds=HEARTBEAT_SECONDS,
            )
        except ValueError:
            if explicit == (None, None, None) and not os.environ.get("OMPI_COMM_WORLD_SIZE"):
                return Rank(0, 1)  # a machine with TPU software, alone
            raise
    rank = Rank(jax.process_index(), jax.process_count())
    if rank.count > 1:
        sys.excepthook = lambda _, error, trace: end(rank, error, trace, seconds=seconds)
    return rank


def _given(name: str, value: int | None) -> int | None:
    """An argument, or the environment variable that stands for it."""
    text = os.environ.get(name, "")
    if value is None and text:
        if not text.isdecimal():
            raise refusal(name, "a number", repr(text))
        return int(text)
    return value


@contextmanager
def _answer_within(
    seconds: float, coordinator: str | None, index: int | None
) -> Generator[None, None, None]:
    """End the process if the others do not answer: JAX itself would abort, with pages of text."""
    where = f" at {coordinator}" if coordinator else ""
    who = index if index is not None else os.environ.get("OMPI_COMM_WORLD_RANK")
    who = who if who is not None else os.environ.get("SLURM_PROCID", "?")

    def give_up() -> None:
        if str(who) == "0":
            what = f"not all other processes came to process 0{where} within {seconds:g} s"
            look = "do all run, with the same address and the same number of processes?"
        else:
            what = f"process 0{where} did not answer within {seconds:g} s"
            look = "does it run, at this address, and does a firewall let the port through?"
        leave(f"Rank {who} ends: {what}: {look}", 1)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def end(
    rank: Rank,
    error: BaseException,
    trace: TracebackType | None = None,
    *,
    seconds: float = STALL_SECONDS,
) -> None:
    """Say why a rank fails, in one sentence, and end it at once.

    An ordinary exit would wait for the others, and they for this rank.
    """
    leave(f"{str(rank).capitalize()} ends: {reason(rank, error, trace, seconds=seconds)}", 1)


def reason(
    rank: Rank,
    error: BaseException,
    trace: TracebackType | None = None,
    *,
    seconds: float = STALL_SECONDS,
) -> str:
    """What went wrong, and where to look."""
    text = " ".join(str(error).split())
    lower = text.lower()
    if isinstance(error, jax.errors.JaxRuntimeError) or "gloo" in lower:
        other = "another rank" if rank.count != 2 else f"rank {1 - rank.index}"
        if any(sign in lower for sign in LATE):
            return (
                f"{other} did not come to the same step within {seconds:g} s: look at what it does "
                f"(stopped? out of memory? waiting for a file?), or give it more time with {STALL}"
            )
        if any(sign in lower for sign in GONE):
            return f"{other} is gone: its own last line, or the launcher's, says why"
    frames = traceback.extract_tb(trace or error.__traceback__)
    place = (
        f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    )
    return f"{type(error).__name__}: {text[:500]}{place}"


def leave(sentence: str, status: int) -> None:
    """Print a last sentence and end the process, whatever its other threads wait for."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(status)


class Stop:
    """Whether somebody has asked the program to stop: with Ctrl-C, or the SIGTERM of a scheduler.

    Within `with stop:` the first such signal is only noted, so that a run can end between two steps
    and save what it has learned; calling the object says whether there was one. A second signal is
    not held up.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        return self.signal is not None

    @property
    def status(self) -> int:
        """The exit status that tells of the signal: 130 after Ctrl-C."""
        return 128 + self.signal if self.signal else 0

    def __enter__(self) -> "Stop":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            self.__exit__()
            signal.raise_signal(number)
        self.signal = number


def agree(value: Any) -> Any:
    """Return the largest of what all processes bring, in each of them."""
    if jax.process_count() == 1:
        return value
    return np.max(multihost_utils.process_allgather(np.asarray(value, np.float32)), axis=0)


def from_first(make: Callable[[], Any]) -> Any:
    """Let process 0 make something, and return it in all of them."""
    if jax.process_count() == 1:
        return make()
    first = jax.process_index() == 0
    content = np.frombuffer(pickle.dumps(make()), np.uint8) if first else np.zeros(0, np.uint8)
    size = int(multihost_utils.broadcast_one_to_all(np.int32(content.size)))
    padded = np.resize(content, size) if first else np.zeros(size, np.uint8)
    return pickle.loads(multihost_utils.broadcast_one_to_all(padded).tobytes())
