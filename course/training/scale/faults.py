"""What becomes of a process that fails, or that somebody asks to stop, while others count on it.

Nobody waits in vain: a rank that fails says so in one sentence and ends at once, so that whoever
started the ranks (mpirun, Slurm, Kubernetes) ends the others; a rank that is waited for longer than
it should be is named.
"""

import os
import re
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

import jax

STALL_SECONDS, STALL = 12.0, "COURSE_STALL_SECONDS"
"""How long a process may wait for another in the middle of a step, and the variable that says
otherwise."""
# What XLA says of a peer that is gone, and of one that does not come.
GONE = ("connection reset", "connection closed", "closed by peer", "broken pipe", "heartbeat")
GLOO = re.compile(r"\bGloo (all|All|AllGather|broadcast|Broadcast|context)")
LATE = ("timed out", "timeout", "deadline_exceeded", "rendezvous")


@dataclass(frozen=True)
class Rank:
    """Which of how many processes this is."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"rank {self.index} of {self.count}"


def end(
    rank: Rank,
    error: BaseException,
    trace: TracebackType | None = None,
    *,
    seconds: float | None = None,
    plain: bool = False,
) -> None:
    """Say why a rank fails, in one sentence, and end it at once.

    An ordinary exit would wait for the others, and they for this rank.

    Args:
        rank: which fails.
        error: why.
        trace: where; None takes it from the error.
        seconds: how long it may have waited for another rank; None if the environment says it.
        plain: the error is a sentence for the user, so its kind and its place do not matter.
    """
    why = reason(rank, error, trace, seconds=seconds, plain=plain)
    if rank.index == 0:  # whom all others need in order to end with a sentence, too
        time.sleep(1)
    leave(f"{str(rank).capitalize()} ends: {why}", 1)


def reason(
    rank: Rank,
    error: BaseException,
    trace: TracebackType | None = None,
    *,
    seconds: float | None = None,
    plain: bool = False,
) -> str:
    """What went wrong, and where to look; see `end`."""
    text = " ".join(str(error).split())
    lower = text.lower()
    if isinstance(error, jax.errors.JaxRuntimeError) or GLOO.search(text):
        seconds = seconds or float(os.environ.get(STALL) or STALL_SECONDS)
        other = "another rank" if rank.count != 2 else f"rank {1 - rank.index}"
        if any(sign in lower for sign in LATE):
            return (
                f"{other} did not come to the same step within {seconds:g} s: look at what it does "
                f"(stopped? out of memory? waiting for a file?), or give it more time with {STALL}"
            )
        if any(sign in lower for sign in GONE):
            return f"{other} is gone: its own last line, or the launcher's, says why"
    if plain:
        return text[:500]
    frames = traceback.extract_tb(trace or error.__traceback__)
    place = (
        f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    )
    return f"{type(error).__name__}: {text[:500]}{place}"


def leave(sentence: str, status: int) -> None:
    """Write a last sentence and end the process, whatever its other threads wait for."""
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
