"""Run code that may never end, and come back.

On Linux and macOS a repeating alarm raises `Stop` inside the running code. On Windows, which has no
alarm, a second thread calls `_thread.interrupt_main()` again and again, to the same effect, but a
sleep or a wait for a lock may first have to end.

What cannot be interrupted: one long call into C that never looks at signals (`sum(range(10**12))`,
an endless `lax.while_loop`), code that switches the alarm off or is built to survive being stopped
(a `finally` that calls itself), and anything outside the main thread, where Python delivers no
signals and code runs without a limit. "Kernel → Restart" ends all of these.
"""

import _thread
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal, no_type_check

HAS_ALARM = hasattr(signal, "setitimer")
HAS_MASK = hasattr(signal, "pthread_sigmask")

PAUSE = 0.05  # seconds between one alarm and the next


class Stop(BaseException):
    """Ends the running answer; a BaseException, so that `except Exception` lets it through."""


class _Tripwire(weakref.ref[Stop]):
    """Sets the alarm off again when an answer catches a `Stop` and throws it away.

    The exception dies at the end of the answer's `except` block, and Python then calls
    `_thread.interrupt_main` with this reference. So the next `Stop` comes right after that block,
    outside its `try`: `while True: try: … except BaseException: pass` ends, however deeply nested.
    """

    number: int

    def __index__(self) -> int:
        """The signal number that `interrupt_main` asks for."""
        return self.number


@dataclass(frozen=True)
class Ended:
    """How `limited` ended: the value where the work finished, the class of what it raised."""

    how: Literal["finished", "out of time", "interrupted", "raised"]
    value: Any = None
    error: type[BaseException] | None = None  # also None where `prepare` raised


def limited(
    work: Callable[[], Any],
    seconds: float,
    *,
    prepare: Callable[[], Callable[[], None]] = lambda: lambda: None,
    finish: Callable[[Ended], None] = lambda _: None,
    alarm: bool = HAS_ALARM,
) -> Ended:
    """Run `work()` for at most `seconds`; what it raises does not get out.

    Neither alarms nor the reader's interrupt disturb `prepare`, what that returns, and `finish`.

    Args:
        work: what to run; it should catch what it can explain, since only the class is reported.
        seconds: the limit; in the main thread only.
        prepare: runs before `work`; what it returns runs after it.
        finish: runs last, with the result. What `prepare`, what that returns, or `finish` raises
            gets out, after all signal handlers have been put back.
        alarm: False uses the watchdog thread, the way of systems without `setitimer`.

    Returns:
        `Ended`; "interrupted" when the reader pressed the interrupt button.

    >>> limited(lambda: 6 * 7, seconds=1.0).value
    42
    """
    if threading.current_thread() is not threading.main_thread():
        return _unlimited(work, prepare, finish)
    here = sys._getframe()
    active = expired = interrupted = False
    ended = Ended("raised")
    tidy: Callable[[], None] | None = None
    done = threading.Event()
    wires: list[_Tripwire] = []

    @no_type_check  # and no wrapper: an alarm inside one would not be known for what it is
    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal expired, interrupted
        if frame is not None and frame.f_code is on_signal.__code__:
            return  # an alarm during an alarm: the first one is already at work
        if number == signal.SIGINT and not expired:
            interrupted = True
        else:
            expired = expired or active
        # Never raise in this function's own frame: `work` is over there, and nothing may get out.
        if active and frame is not here:
            raise _tripwired(number, wires)

    def watchdog() -> None:
        nonlocal expired
        wait = seconds
        while not done.wait(wait):
            expired, wait = True, PAUSE
            _thread.interrupt_main()

    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ()) if HAS_MASK else set()
    started, timer = time.monotonic(), (0.0, 0.0)
    thread = threading.Thread(target=watchdog, daemon=True)
    try:
        signal.signal(signal.SIGINT, on_signal)
        tidy = prepare()
        if alarm:
            signal.signal(signal.SIGALRM, on_signal)
            timer = signal.setitimer(signal.ITIMER_REAL, seconds, PAUSE)
        else:
            thread.start()
        try:
            active = not interrupted
            if active:
                ended = Ended("finished", work())
        except BaseException as error:  # anything at all: that is the promise of this function
            ended = Ended("raised", error=type(error))
    finally:
        active = False
        try:
            try:
                if tidy is not None:
                    tidy()
            finally:
                wires.clear()
                if alarm:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                elif thread.is_alive():
                    done.set()
                    thread.join()
            # What the answer has held back comes now, to a handler that raises nothing any more.
            signal.signal(signal.SIGINT, on_signal)
            if alarm:
                signal.signal(signal.SIGALRM, on_signal)
            _unmask(mask)
            if expired:
                ended = Ended("out of time")
            elif interrupted or _is_interrupt(ended.error):
                ended = Ended("interrupted")
            finish(ended)
        finally:
            _unmask(mask)
            _restore(handlers)
            if timer[0]:  # somebody else's alarm, which ours has displaced
                left = max(timer[0] - (time.monotonic() - started), 1e-3)
                signal.setitimer(signal.ITIMER_REAL, left, timer[1])
    return ended


def _is_interrupt(error: type[BaseException] | None) -> bool:
    # Not `if error`: the truth of a class is for its metaclass to say, which may be the answer's.
    return error is not None and issubclass(error, KeyboardInterrupt)


def _unmask(mask: set[Any]) -> None:
    """Block those signals again that were blocked before, and no others."""
    if HAS_MASK:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _tripwired(number: int, wires: list[_Tripwire]) -> Stop:
    """A `Stop` that signals `number` when it is thrown away."""
    stop = Stop()
    signal_again: Any = _thread.interrupt_main  # takes the reference for a number, by its __index__
    wire = _Tripwire(stop, signal_again)
    wire.number = number
    wires.append(wire)
    return stop


def _unlimited(
    work: Callable[[], Any],
    prepare: Callable[[], Callable[[], None]],
    finish: Callable[[Ended], None],
) -> Ended:
    """The same outside the main thread, where nothing can be interrupted."""
    ended = Ended("raised")
    tidy: Callable[[], None] | None = None
    try:
        tidy = prepare()
        try:
            ended = Ended("finished", work())
        except BaseException as error:  # as above
            ended = Ended("raised", error=type(error))
    finally:
        try:
            if tidy is not None:
                tidy()
        finally:
            finish(ended)
    return ended


def _restore(handlers: dict[Any, Any]) -> None:
    """Put back every signal handler that has changed."""
    for number, handler in handlers.items():
        # None stands for a handler that was not set from Python, and cannot be set from it either.
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)
