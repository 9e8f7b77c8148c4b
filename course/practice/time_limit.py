"""Stop an answer that does not end.

Its own time counts: what the thread that runs it has computed, or, where it sleeps or waits,
several times as long by the clock. A second thread sends a signal when the time may be up, and the
signal's handler, which runs inside the answer, looks how much of it is left and raises `TimeUp` if
nothing is. On Windows, which knows no such signal, a sleep or a wait for a lock must end first.

Not stopped: one long call into C that never looks at signals (an endless `lax.while_loop`, a large
decomposition), code that catches `BaseException` at several levels for ever, and anything outside
the main thread, where Python delivers no signals. What does not answer the signal is told to the
reader, as long as the call lets other threads run, as those of JAX and NumPy do. "Kernel → Restart"
ends all of these. It is also the remedy where JAX was stopped while it was compiling, which may
leave it damaged.
"""

import _thread
import random
import signal
import threading
from collections.abc import Callable
from contextvars import copy_context
from time import monotonic, thread_time
from types import FrameType
from typing import Any, no_type_check

HAS_TIMER = hasattr(signal, "setitimer")

PAUSE = 0.05  # seconds until code that has caught a `TimeUp` gets the next one
WAITING = 3.0  # times the limit that an answer may take by the clock
PATIENCE = 40  # pauses without an answer to the signal until the reader is told
_COMPILERS = ("jax/_src/compiler.py", "jax/_src/interpreters/mlir.py")


class TimeUp(BaseException):
    """Raised when the time is over; `except Exception` lets it through."""


class TimeLimit:
    """Context manager in which interrupts are noted, and what `run` calls can be stopped.

    Nothing is raised outside of `run`: what is prepared and put back around it is never cut in two.
    In the main thread only; elsewhere calls run without a limit.

    >>> with TimeLimit(seconds=10) as limit:
    ...     limit.run(abs, -42)
    42

    Args:
        seconds: time that all timed calls of `run` may take together.
        tell: called once, from another thread, where a call cannot be stopped.
    """

    def __init__(self, seconds: float, tell: Callable[[], object] | None = None) -> None:
        self.seconds = seconds
        self.tell = tell
        self.cause: type[BaseException] | None = None
        """`TimeUp` or `KeyboardInterrupt`, once there is a reason to stop."""
        self.waited = False
        """True if the call hardly computed anything in its time."""
        self.compiling = False
        """True if JAX was compiling when the time was up."""
        self._left = seconds
        self._active = self._timed = self._entered = False
        self._started = (0.0, 0.0)
        self._asked: int | None = None
        self._handlers: dict[int, Any] = {}
        self._timer: tuple[float, float] = (0.0, 0.0)

    # No checker wraps these methods in the tests: a signal inside a wrapper would not be known as
    # one that comes too early or too late.
    @no_type_check
    def __enter__(self) -> "TimeLimit":
        if threading.current_thread() is threading.main_thread():
            self._entered = True
            for number in (signal.SIGINT, signal.SIGALRM) if HAS_TIMER else (signal.SIGINT,):
                self._handlers[number] = signal.signal(number, self._on_signal)
            # Somebody else's timer, if there is one, goes on when the block has ended.
            if HAS_TIMER:
                self._timer = signal.setitimer(signal.ITIMER_REAL, 0)
        return self

    @no_type_check
    def __exit__(self, *_: object) -> None:
        if HAS_TIMER and self._entered:
            signal.setitimer(signal.ITIMER_REAL, *self._timer)
        # The interrupt's handler was the first to be replaced and is the last to be put back: while
        # it is ours, nothing can come between. None stands for one that was not set from Python.
        for number, handler in reversed(self._handlers.items()):
            signal.signal(number, handler or signal.SIG_DFL)

    @no_type_check
    def run(self, work: Callable[..., Any], *arguments: Any, timed: bool = False) -> Any:
        """Return what a call returns, unless an interrupt or the end of its time stops it.

        Raises:
            TimeUp: if its time is over, also if the call has caught the exception.
            KeyboardInterrupt: likewise if the reader has interrupted it, or has before.
        """
        if not self._entered:
            return work(*arguments)
        over = threading.Lock()  # released when the call has ended
        over.acquire()
        watch = threading.Thread(target=copy_context().run, args=(self._watch, over), daemon=True)
        self._timed, self._started = timed, (thread_time(), monotonic())
        if timed:
            watch.start()
        try:
            self._active = True
            if self.cause is not None:
                raise self.cause
            return work(*arguments)
        finally:
            # First of all what cannot fail, whatever the call has replaced in Python's modules: no
            # signal raises from now on, and none is sent.
            self._active = self._timed = False
            over.release()
            # The call may have set handlers and timers of its own.
            for number in self._handlers:
                signal.signal(number, self._on_signal)
            if HAS_TIMER:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if timed:
                watch.join()
            if self.cause is not None:
                raise self.cause from None

    @no_type_check
    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Note why to stop, if there is a reason, and raise it inside what `run` has called."""
        again = self.cause is not None
        if number == self._asked:
            self._asked = None
        elif number == signal.SIGINT and not again:
            self.cause = KeyboardInterrupt
        if not self._active:
            return
        if self._timed and self.cause is None:
            self._look(frame)
        if self.cause is not None:
            # Code may catch the exception (`while True: try: … except: pass`). Signals after ever
            # other pauses hit it, sooner or later, outside its `try`.
            if HAS_TIMER:
                pause = PAUSE * 10 ** -random.uniform(1, 5) if again else PAUSE
                signal.signal(signal.SIGALRM, self._on_signal)
                signal.setitimer(signal.ITIMER_REAL, pause, PAUSE)
            raise self.cause

    @no_type_check
    def _look(self, frame: FrameType | None) -> None:
        """Note how much of the time is left, and why the call is to stop if nothing is."""
        computed, by_the_clock = thread_time() - self._started[0], monotonic() - self._started[1]
        left = self.seconds - computed, WAITING * self.seconds - by_the_clock
        self._left = min(left)
        if self._left > 0:
            return
        self.waited = computed < by_the_clock / 10  # on a busy machine a loop gets a share
        while frame is not None and not self.compiling:
            name = frame.f_code.co_filename.replace("\\", "/")
            self.compiling = name.endswith(_COMPILERS)
            frame = frame.f_back
        self.cause = TimeUp

    def _watch(self, over: Any) -> None:
        """Ask the main thread to look, whenever the time may be up, and tell if it does not."""
        told = False
        while not over.acquire(timeout=max(PAUSE, self._left)):
            self._ask()
            pauses = 0  # counted, as the clock runs on while a call lets no other thread run
            while self._asked is not None:
                if over.acquire(timeout=PAUSE):
                    return
                pauses += 1
                if pauses >= PATIENCE and self.tell is not None and not told:
                    told = True
                    self.tell()

    def _ask(self) -> None:
        """Send the main thread a signal: the alarm, which ends a sleep, where it comes to us."""
        if not self._timed:
            return
        if HAS_TIMER and signal.getsignal(signal.SIGALRM) == self._on_signal:
            self._asked = signal.SIGALRM
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
        else:
            self._asked = signal.SIGINT
            _thread.interrupt_main()
