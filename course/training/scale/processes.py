"""Several processes that train together.

    rank = join()        under mpirun, srun, an indexed job or on a TPU pod: find the others

JAX's own engine does the talking. What becomes of the others when one of them fails is the matter
of `course.training.scale.faults`.
"""

import importlib.util
import math
import os
import pickle
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from course.legacy_checks import Count, refusal
from course.training.scale.faults import STALL, STALL_SECONDS, Rank, end, leave
from course.training.scale.faults import Stop as _Stop

ANSWER_SECONDS, ANSWER = 25.0, "COURSE_ANSWER_SECONDS"
"""How long the processes may take to find each other, and the variable that says otherwise."""
HEARTBEAT_SECONDS = 10
"""How long nothing may be heard of a process, at least. It is longer than the wait in a step: that
ends with a sentence, a missing heartbeat with pages of JAX's own."""
CHUNK = 2**26
"""Bytes that are sent at once."""
# Where a launcher says of how many processes this is one. What else it tells its processes must be
# there as well: in a Slurm allocation, but outside `srun`, there is only the count.
LAUNCHERS = (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("SLURM_NTASKS", "SLURM_STEP_NODELIST"),
    ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID"),
)
OTHER = "PMI_SIZE"  # of MPICH and its kin, which JAX does not know


def launched() -> bool:
    """Whether something has started this process as one of several."""
    for count, index in LAUNCHERS:
        value = os.environ.get(count, "")
        if index in os.environ and value.isdecimal() and int(value) > 1:
            return True
    return False


def join(
    coordinator: str | None = None,
    count: int | None = None,
    index: int | None = None,
    *,
    answer_seconds: float | None = None,
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
        answer_seconds: how long to wait for the others; None takes the environment variable
            COURSE_ANSWER_SECONDS, or 25.
        stall_seconds: how long a process may wait for another in the middle of a step on a CPU;
            None takes COURSE_STALL_SECONDS, or 12.

    Returns:
        Rank; "rank 0 of 1" where nothing is given and nobody has started several processes.

    Raises:
        TypeError, ValueError: if only some of the three are given, the address has no port, or a
            number is none. If the others do not answer, the process ends with exit status 1.

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
        other = os.environ.get(OTHER, "")
        if other.isdecimal() and int(other) > 1:  # all would train alone, and never notice
            expected = "what JAX cannot find out under this kind of MPI"
            raise refusal("coordinator, count, index", expected, explicit)
        if importlib.util.find_spec("libtpu") is None:  # no machine with TPUs, perhaps of a pod
            return Rank(0, 1)
    answer_seconds = _seconds(ANSWER, answer_seconds, ANSWER_SECONDS)
    seconds = _seconds(STALL, stall_seconds, STALL_SECONDS)
    heartbeat = max(HEARTBEAT_SECONDS, round(seconds) + 3)
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
                heartbeat_timeout_seconds=heartbeat,
                shutdown_timeout_seconds=HEARTBEAT_SECONDS,
                # Where all is said, JAX need not look for a launcher.
                cluster_detection_method="deactivate" if coordinator else None,
            )
        except ValueError:
            if coordinator or launched():
                raise
            return Rank(0, 1)  # a machine with TPU software, alone
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


def _seconds(name: str, value: float | None, default: float) -> float:
    """A time as an argument, or in the environment variable that stands for it."""
    given = os.environ.get(name) or default if value is None else value
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise refusal(name, "a number of seconds above 0", repr(given))
    return seconds


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


def max_over_processes(value: Any) -> Any:
    """Return the largest of what all processes bring, in each of them."""
    if jax.process_count() == 1:
        return value
    return np.max(multihost_utils.process_allgather(np.asarray(value, np.float32)), axis=0)


def broadcast(make: Callable[[], Any]) -> Any:
    """Let process 0 make something, and return it (or raise what it raises) in all of them."""
    if jax.process_count() == 1:
        return make()
    content = np.zeros(0, np.uint8)
    first = jax.process_index() == 0
    if first:
        made: tuple[Any, Exception | None]
        try:
            made = make(), None
        except Exception as error:
            made = None, error
        content = np.frombuffer(pickle.dumps(made), np.uint8)
    send = multihost_utils.broadcast_one_to_all
    chunks = int(send(np.int32(-(-content.size // CHUNK))))
    left = int(send(np.int32(content.size % CHUNK or CHUNK)))
    received = []
    for number in range(chunks):
        size = left if number == chunks - 1 else CHUNK
        part = content[number * CHUNK :][:size] if first else np.zeros(size, np.uint8)
        received.append(np.asarray(send(part)).tobytes())
    value, failure = pickle.loads(b"".join(received))
    if failure is not None:
        raise failure
    return value


class StopSignal(_Stop):
    def __init__(self, signals=()):
        super().__init__()
