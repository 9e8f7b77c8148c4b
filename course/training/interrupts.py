"""Signals that end a run between two steps, so that what was learned is kept and saved.

Python raises `KeyboardInterrupt` wherever the program happens to be: in the middle of a step, or
where exceptions are ignored, as in a finaliser, and then it is lost. So a first signal is noted by
a handler, and the run looks there between two chunks of steps.
"""

import contextlib
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

GRACE_SECONDS = 1.0  # for the handler of a second signal to be called
TOGETHER_SECONDS = 0.1  # between a signal and its handler, seen from another thread
STOPPING = (
    "stopping after this step, or after the compilation if one is going on; another signal, such "
    "as a second Ctrl-C, ends the program at once"
)
ENDED = "ended without waiting for what cannot be broken off"


class StopSignal:
    """Notes a request to stop: by default Ctrl-C, or the SIGTERM of a scheduler.

    Within `with stop:` the first such signal is only noted, so that a run can end between two steps
    and save what it has learned; calling the object returns whether there was one. A second signal
    has its usual effect. A handler that somebody has written hears of the first one, too, and a
    signal that was ignored before stays ignored. In a thread nothing is noted: Python hands signals
    to the main thread alone.
    """

    def __init__(self, signals: Sequence[int] = (signal.SIGINT, signal.SIGTERM)) -> None:
        self.signal: int | None = None
        self.signals = signals
        self._before: dict[int, Any] = {}
        self._expects_first = False
        self.repeated = False
        """True if there was a second one that was not only noted."""
        self.handled_at = -math.inf
        """Time of `time.monotonic` at which a handler was called last."""

    def __call__(self) -> bool:
        return self.signal is not None

    @property
    def status(self) -> int:
        """Exit status that tells of the signal, such as 130 after Ctrl-C; 0 without one."""
        return 128 + self.signal if self.signal else 0

    def __enter__(self) -> "StopSignal":
        self.note_next()
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def note_next(self) -> None:
        """Only note the next signal, even if there was one before."""
        self._expects_first = True
        if threading.current_thread() is not threading.main_thread():
            return
        for number in self.signals:
            before = signal.getsignal(number)
            # None is a handler that was not installed from Python: it could not be put back.
            if before not in (self._note, signal.SIG_IGN, None):
                self._before[number] = before
                signal.signal(number, self._note)

    def _restore(self) -> None:
        """Put the former handlers back, unless somebody has installed another one since."""
        self._expects_first = False
        for number in reversed(self.signals):  # Ctrl-C last: it may raise as soon as it is back
            if number in self._before and signal.getsignal(number) == self._note:
                signal.signal(number, self._before[number])

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal; after `__exit__` only where somebody has put this handler back."""
        self.handled_at = time.monotonic()
        before = self._before[number]
        if not self._expects_first:
            self.repeated = self.signal is not None
            self._restore()
            _call_handler(before, number, frame)
            return
        self._expects_first = False
        is_first, self.signal = self.signal is None, self.signal or number
        if is_first and before is not signal.default_int_handler and callable(before):
            before(number, frame)


def _call_handler(handler: Any, number: int, frame: FrameType | None) -> None:
    """Do what a handler of `signal.getsignal` does."""
    if callable(handler):
        handler(number, frame)
    elif handler == signal.SIG_DFL:
        signal.signal(number, handler)
        signal.raise_signal(number)


@contextmanager
def answered_at_once(stop: StopSignal, say: Callable[[str], None]) -> Generator[None, None, None]:
    """Answer signals in another thread, for programs that a library may hold for minutes.

    A handler in Python runs when a call into C returns, and XLA compiles a large network for
    minutes. Within this context a first signal is answered with a sentence. After a second one the
    program ends where the context does, or if no handler is called within a second: it does not
    wait for threads of XLA, as an ordinary exit does. For programs, not for notebooks.

    Args:
        stop: notes the signals, within `with stop:`.
        say: prints a sentence; it is called in another thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Python itself writes the number of each signal to this socket, whatever the program does.
    listening, written = socket.socketpair()
    written.setblocking(False)
    done = threading.Event()
    thread = threading.Thread(target=_answer, args=(listening, stop, say, done), daemon=True)
    before = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    finally:
        done.set()
        signal.set_wakeup_fd(before)
        written.close()  # the thread reads an end
        thread.join()
        listening.close()
        if stop.repeated:
            _exit_now(say, stop.status)


def _answer(
    listening: socket.socket, stop: StopSignal, say: Callable[[str], None], done: threading.Event
) -> None:
    """Answer the signals whose numbers come through a socket, until it is closed."""
    last = math.inf
    for number in iter(lambda: int.from_bytes(listening.recv(1), "big"), 0):
        if number not in stop.signals:
            continue
        came = time.monotonic()
        # Of two signals that come before a handler is called Python makes one.
        both_wait = stop.handled_at < last - TOGETHER_SECONDS
        if last == math.inf:
            _say(say, STOPPING)
        elif not done.wait(GRACE_SECONDS) and (
            both_wait or stop.handled_at < came - TOGETHER_SECONDS
        ):
            _exit_now(say, 128 + number)
        last = came


def _say(say: Callable[[str], None], sentence: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # a closed terminal
        say(sentence)


def _exit_now(say: Callable[[str], None], status: int) -> None:
    _say(say, ENDED)
    sys.stdout.flush()
    os._exit(status)
