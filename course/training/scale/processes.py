"""Several processes that train together.

    rank = join()        under mpirun, srun, an indexed job or on a TPU pod: find the others

Fail fast: when one of several processes crashes, stalls or is interrupted, it prints why in one
line and exits, so that the launcher can stop the others.
"""

import importlib.util
import json
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.experimental import multihost_utils

from course import checks
from course.checks import TINY, checked, number, refusal
from course.training.scale.addresses import as_address, describe_proxy, is_loopback

ANSWER, ANSWER_SECONDS = "COURSE_ANSWER_SECONDS", 25.0  # to find each other at the start
STALL, STALL_SECONDS = "COURSE_STALL_SECONDS", 12.0  # to wait for another process within a step
SHUTDOWN_SECONDS = 10  # that JAX may take to end
MARGIN_SECONDS = 5  # by which the sentence about a stall comes before JAX aborts in its own words
MESSAGE_BYTES = 2**26  # of one message of `broadcast`
# Number of processes that a launcher has started. Slurm sets it also in an allocation outside
# `srun`; MPICH is a launcher that JAX does not detect.
OPEN_MPI, SLURM, SLURM_STEP = "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS", "SLURM_STEP_NODELIST"
MPICH = "PMI_SIZE"

Address: TypeAlias = tuple[str | None, int | None, int | None]  # coordinator, count, index


@dataclass(frozen=True)
class Rank:
    """Index of this process among all that train together."""

    index: int
    count: int
    stall_seconds: float = STALL_SECONDS
    """Longest wait for another process within a step."""

    def __str__(self) -> str:
        return f"rank {self.index} of {self.count}"


SECONDS = number("a number of seconds above 0 and up to 1000000", TINY, 1e6)


@checked(
    coordinator=as_address,
    count=checks.count(),
    index=checks.count(0),
    answer_seconds=SECONDS,
    stall_seconds=SECONDS,
)
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
        count: number of processes.
        index: which of them this is, from 0.
        answer_seconds: how long to wait for the others; None takes the environment variable
            COURSE_ANSWER_SECONDS, or 25.
        stall_seconds: how long a process may wait for another in the middle of a step on a CPU;
            None takes COURSE_STALL_SECONDS, or 12.

    Returns:
        Rank; "rank 0 of 1" where nothing is given and no launcher has started several processes.

    Raises:
        ValueError: if only some of the three are given, or under MPICH, whose processes would each
            train alone. If the others do not answer, the process ends with exit status 1.

    Reference: `jax.distributed.initialize`.
    """
    address = _address(coordinator, count, index)
    answer = _seconds(answer_seconds, ANSWER, ANSWER_SECONDS)
    stall = _seconds(stall_seconds, STALL, STALL_SECONDS)
    if address is None:
        return Rank(0, 1)

    # Without this flag of XLA the others would wait for a stalled process for ever.
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_cpu_collective_timeout" not in flags:
        timeout = f"--xla_cpu_collective_timeout_seconds={max(1, round(stall))}"
        os.environ["XLA_FLAGS"] = f"{flags} {timeout}".strip()

    # Every wait has an end, and the one that ends with a sentence of ours comes first.
    timer = _start_timer(answer, address)
    try:
        jax.distributed.initialize(
            *address,
            initialization_timeout=int(2 * answer) + 10,
            # Half of it may be over when a process stalls: JAX sends two heartbeats in this time.
            heartbeat_timeout_seconds=2 * (round(stall) + MARGIN_SECONDS),
            shutdown_timeout_seconds=SHUTDOWN_SECONDS,
            # Unless it is told where to, the service listens on all interfaces.
            coordinator_bind_address=address[0] if is_loopback(address[0]) else None,
            # With an address given, JAX need not look for a launcher.
            cluster_detection_method="deactivate" if address[0] else None,
        )
    except ValueError:
        if address[0] or _launched():
            raise
        return Rank(0, 1)  # TPU software, but no TPU
    finally:
        timer.cancel()

    # An exit would wait for the others, and they for this process: `exit_with_reason` does not.
    rank = Rank(jax.process_index(), jax.process_count(), stall)
    if rank.count > 1:
        sys.excepthook = lambda _kind, error, _trace: exit_with_reason(rank, error)
    return rank


def _address(coordinator: str | None, count: int | None, index: int | None) -> Address | None:
    """Return the arguments of `join` as they are given, or Nones if JAX is to detect them.

    If this process trains alone, return None.
    """
    coordinator = coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS")
    count = _setting("JAX_NUM_PROCESSES", count, int)
    index = _setting("JAX_PROCESS_ID", index, int)
    given = (coordinator, count, index)
    if coordinator is not None and count is not None and index is not None:
        as_address("coordinator", coordinator, {})
        checks.count()("count", count, {})
        checks.count(0, count - 1)("index", index, {})
        return given if count > 1 else None
    if given != (None, None, None):
        expected = "the address of process 0, the number of processes, and which this is"
        raise refusal("coordinator, count, index", expected, given)
    if _launched():
        return given
    if _several(MPICH):  # each would train alone, and never notice
        expected = "all three, because JAX cannot detect them under this kind of MPI"
        raise refusal("coordinator, count, index", expected, given)
    # On a machine with TPUs JAX finds out whether it is part of a pod.
    return given if importlib.util.find_spec("libtpu") else None


def _launched() -> bool:
    """Return whether a launcher that JAX detects has started this process as one of several."""
    return _several(OPEN_MPI) or (_several(SLURM) and SLURM_STEP in os.environ)


def _several(variable: str) -> bool:
    """Return whether an environment variable counts more than one process."""
    return os.environ.get(variable, "").isdecimal() and int(os.environ[variable]) > 1


def _setting(variable: str, value: Any, kind: type[int | float], default: Any = None) -> Any:
    """Return an argument, or the environment variable that stands for it, or the default."""
    text = os.environ.get(variable)
    if value is not None or not text:
        return default if value is None else value
    try:
        return kind(text)
    except ValueError:
        raise refusal(variable, "a number", repr(text)) from None


def _seconds(value: Any, variable: str, default: float) -> float:
    """Return seconds that are given as an argument or in an environment variable."""
    seconds = _setting(variable, value, float, default)
    return float(SECONDS(variable, seconds, {}))


def _start_timer(seconds: float, address: Address) -> threading.Timer:
    """Start a timer that ends the process with a sentence: JAX would abort with pages of text."""
    coordinator, _, index = address
    launched = os.environ.get("OMPI_COMM_WORLD_RANK") or os.environ.get("SLURM_PROCID", "?")
    who = launched if index is None else index
    sentence = (
        f"Rank {who} ends: the others did not come to {coordinator or 'process 0'} in {seconds:g} "
        "s: do all run, with the same address and number, or does a firewall close the port?"
    ) + describe_proxy(coordinator)
    timer = threading.Timer(seconds, exit_now, (sentence, 1))
    timer.daemon = True
    timer.start()
    return timer


def max_over_processes(value: Any) -> Any:
    """Element-wise maximum over processes, of numbers in an array or list."""
    if jax.process_count() == 1:
        return value
    return np.max(multihost_utils.process_allgather(np.asarray(value, np.float32)), axis=0)


def broadcast(make: Callable[[], Any]) -> Any:
    """Call `make` on process 0 and broadcast its result: arrays by name, or a value for JSON.

    Raises:
        RuntimeError: in the other processes, if `make` has raised an exception in process 0.
    """
    if jax.process_count() == 1:
        return make()
    content = b""
    if jax.process_index() == 0:
        try:
            content = _encode(make())
        except Exception as error:
            _broadcast_bytes(json.dumps({"failure": str(error)}).encode())
            raise
    # A line of JSON, and after it the bytes of the arrays that it describes.
    header, _, data = _broadcast_bytes(content).partition(b"\n")
    message = json.loads(header)
    if "failure" in message:
        raise RuntimeError(message["failure"])
    if "value" in message:
        return message["value"]
    arrays = {}
    for name, dtype, shape in message["arrays"]:
        size = math.prod(shape) * np.dtype(dtype).itemsize
        arrays[name] = np.frombuffer(data[:size], dtype).reshape(shape)
        data = data[size:]
    return arrays


def _encode(value: Any) -> bytes:
    """Return what `broadcast` sends."""
    if not isinstance(value, Mapping):
        return json.dumps({"value": value}).encode()
    about = [[name, array.dtype.name, array.shape] for name, array in value.items()]
    arrays = b"".join(array.tobytes() for array in value.values())
    return json.dumps({"arrays": about}).encode() + b"\n" + arrays


def _broadcast_bytes(content: bytes) -> bytes:
    """Return the content of process 0 in all processes, sent in messages of bounded size."""
    send = multihost_utils.broadcast_one_to_all
    full, rest = map(int, send(np.array(divmod(len(content), MESSAGE_BYTES), np.int32)))
    content = content or bytes(full * MESSAGE_BYTES + rest)  # what is sent has the same size
    return b"".join(
        np.asarray(send(np.frombuffer(content[start : start + MESSAGE_BYTES], np.uint8))).tobytes()
        for start in range(0, len(content), MESSAGE_BYTES)
    )


def explain(rank: Rank, error: BaseException, *, plain: bool = False) -> str:
    """Return in one sentence what went wrong and where to look; see `exit_with_reason`."""
    text = " ".join(str(error).split())[:500]
    if "Gloo " in text:  # it connects the CPUs of several processes
        other = f"rank {1 - rank.index}" if rank.count == 2 else "another rank"
        if "timed out" not in text.lower():
            return f"{other} is gone: its own last line, or the launcher's, says why"
        return (
            f"{other} did not come to the same step within {rank.stall_seconds:g} s: look at what "
            f"it does (stopped? out of memory? waiting for a file?), or give it more with {STALL}"
        )
    if plain:
        return text
    place = ""
    for frame in traceback.extract_tb(error.__traceback__)[-1:]:
        place = f" ({os.path.basename(frame.filename)}, line {frame.lineno})"
    return f"{type(error).__name__}: {text}{place}"


def exit_with_reason(rank: Rank, error: BaseException, *, plain: bool = False) -> None:
    """Print why a process fails, in one sentence, and end it: an exit would wait for the others.

    Args:
        rank: process that fails.
        error: why.
        plain: True if the error is a sentence for the user, without its kind and place.
    """
    sentence = f"{str(rank).capitalize()} ends: {explain(rank, error, plain=plain)}"
    # The others need process 0 in order to end with a sentence, too.
    exit_now(sentence, 1, wait_seconds=0.0 if rank.index else 1.0)


def exit_now(sentence: str, status: int, *, wait_seconds: float = 0.0) -> None:
    """Print a last sentence and end the process, whatever its other threads wait for."""
    sys.stderr.write(f"{sentence}\n")
    sys.stdout.flush()
    time.sleep(wait_seconds)
    os._exit(status)
