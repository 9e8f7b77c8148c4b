"""Stop an answer that does not end.

On Linux and macOS a timer raises `TimeUp` inside the running code. On Windows, which has no such
timer, a second thread interrupts the main one, but a sleep or a wait for a lock must end first.

Not stopped: one long call into C that never looks at signals (`sum(range(10**12))`, an endless
`lax.while_loop`), code that catches `BaseException` at several levels for ever, and anything
outside the main thread, where Python delivers no signals. "Kernel → Restart" ends all of these. It
is also the remedy where JAX was stopped while it was compiling, which may leave it damaged.
"""

import _thread
import random
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, no_type_check

HAS_TIMER = hasattr(signal, "setitimer")

PAUSE = 0.05  # seconds until code that has caught a `TimeUp` gets the next one


class TimeUp(BaseException):
    """Raised when the time is over; `except Exception` lets it through."""


class TimeLimit:
    """Context manager that ends its block after some seconds, or when the reader interrupts it.

    On leaving, the block raises `TimeUp` or `KeyboardInterrupt` then, even if the code inside has
    caught it. In the main thread only; elsewhere the block runs without a limit.

    >>> with TimeLimit(seconds=10):
    ...     6 * 7
    42
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.cause: type[BaseException] | None = None
        self._active = self._expired = False
        self._handlers: dict[int, Any] = {}
        self._timer: tuple[float, float] = (0.0, 0.0)
        self._done = threading.Event()
        self._watchdog = threading.Thread(target=self._interrupt_repeatedly, daemon=True)

    # No checker wraps these methods in the tests: a signal inside a wrapper would not be known as
    # one that comes too early or too late.
    @no_type_check
    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        numbers = (signal.SIGINT, signal.SIGALRM) if HAS_TIMER else (signal.SIGINT,)
        self._handlers = {number: signal.signal(number, self._on_signal) for number in numbers}
        if HAS_TIMER:
            # Somebody else's timer, if there is one, goes on when the block has ended.
            self._timer = signal.setitimer(signal.ITIMER_REAL, self.seconds, PAUSE)
        else:
            self._watchdog.start()
        self._active = True
        if self.cause is not None:  # too late already
            self.__exit__(None, None, None)

    @no_type_check
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._active = False  # first of all: no signal raises from now on, or sets the timer again
        self._done.set()
        if self._watchdog.is_alive():
            self._watchdog.join()
        if HAS_TIMER and self._handlers:
            signal.setitimer(signal.ITIMER_REAL, *self._timer)
        # The interrupt's handler was the first to be replaced and is the last to be put back: while
        # it is ours, nothing can come between. None stands for one that was not set from Python.
        for number, handler in reversed(self._handlers.items()):
            signal.signal(number, handler or signal.SIG_DFL)
        if self.cause is not None:
            raise self.cause from None

    @no_type_check
    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Raise the cause of the end inside the block, and arrange for the next signal."""
        again = self.cause is not None
        if not again:
            interrupted = number == signal.SIGINT and not self._expired
            self.cause = KeyboardInterrupt if interrupted else TimeUp
        if not self._active:
            return
        if HAS_TIMER:
            # Code may catch the exception (`while True: try: … except: pass`). Signals after ever
            # other pauses hit it, sooner or later, outside its `try`.
            pause = PAUSE * 10 ** -random.uniform(1, 5) if again else PAUSE
            signal.setitimer(signal.ITIMER_REAL, pause, PAUSE)
        # Not in a frame of this class, where it would keep the limit from being taken away.
        if frame is not None and frame.f_code not in _OWN_CODE:
            raise self.cause

    def _interrupt_repeatedly(self) -> None:
        """Stand in for the timer: interrupt the main thread when the time is over."""
        pause = self.seconds
        while not self._done.wait(pause):
            self._expired = True
            _thread.interrupt_main()
            pause = PAUSE


_OWN_CODE = {
    method.__code__ for method in (TimeLimit.__enter__, TimeLimit.__exit__, TimeLimit._on_signal)
}
