"""Keep what an answer changes in the session from outliving its call.

Restored afterwards: what answers change by accident, such as printed output, warning filters,
NumPy's error state and print options, random states, the working directory, environment variables,
the limits of Python, signals and timers, the garbage collector, and what `libraries` and `patches`
list.
"""

import decimal
import gc
import io
import locale
import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from course.practice.describe import short
from course.practice.libraries import keep_libraries
from course.practice.patches import patches_undone

PRINTED_LIMIT = 600  # characters
_SIGNALS = signal.valid_signals()


class Printed(io.StringIO):
    """Stream that keeps the first few hundred characters of what an answer prints."""

    def write(self, text: str) -> int:
        """Keep `text` while there is room, and one character more, which shows that it was cut."""
        super().write(text[: PRINTED_LIMIT + 1 - self.tell()])
        return len(text)

    def close(self) -> None:
        """Stay open: what was printed before `sys.stdout.close()` is read later."""

    @property
    def text(self) -> str:
        """Printed text, ending in "…" where it was cut."""
        return short(self.getvalue().rstrip(), PRINTED_LIMIT)


@contextmanager
def session_kept(printed: Printed) -> Iterator[None]:
    """Send printed output to `printed`, silence warnings, and undo all changes at the end.

    An exception in it would leave things as they are: interrupts have to be held off.
    """
    with ExitStack() as stack:
        # What the standard library and NumPy can keep by themselves. A verdict must not depend on
        # the filters of the session, and a NaN is judged, not warned about.
        stack.enter_context(redirect_stdout(printed))
        stack.enter_context(redirect_stderr(printed))
        stack.enter_context(quiet())
        stack.enter_context(np.printoptions())
        stack.enter_context(decimal.localcontext())
        # A `TimeUp` inside a callback of the garbage collector is lost, which concerns nobody.
        stack.enter_context(mock.patch.object(sys, "unraisablehook", _ignore))
        # What has to be remembered. NumPy's global generator is not for use, but readers use it.
        stack.callback(_restore_environment, dict(os.environ))
        stack.callback(random.setstate, random.getstate())
        stack.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
        with suppress(FileNotFoundError):  # a deleted folder: there is nothing to come back to
            stack.callback(os.chdir, os.getcwd())
        _keep_interpreter(stack)
        _keep_signals(stack)
        keep_libraries(stack)
        # The last to be entered is the first to be undone: all others use what may be patched.
        stack.enter_context(patches_undone())
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings, of the course's own functions as well as of answers."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _keep_interpreter(stack: ExitStack) -> None:
    """Keep the settings of Python itself."""
    settings: list[tuple[Callable[[], Any], Callable[[Any], object]]] = [
        (sys.getrecursionlimit, sys.setrecursionlimit),
        (sys.getswitchinterval, sys.setswitchinterval),
        (sys.get_int_max_str_digits, sys.set_int_max_str_digits),
        (sys.gettrace, sys.settrace),
        (sys.getprofile, sys.setprofile),
        (gc.get_debug, gc.set_debug),
        (gc.get_threshold, lambda limits: gc.set_threshold(*limits)),
        (gc.isenabled, lambda enabled: gc.enable() if enabled else gc.disable()),
        (
            lambda: locale.setlocale(locale.LC_ALL),
            lambda name: locale.setlocale(locale.LC_ALL, name),
        ),
        (_umask, os.umask),
        (lambda: sys.stdin, lambda stream: setattr(sys, "stdin", stream)),
        (lambda: logging.root.level, logging.root.setLevel),
        (lambda: logging.root.manager.disable, logging.disable),
    ]
    for get, put in settings:
        stack.callback(_restore, get, put, get())
    for listed in (
        sys.argv,
        sys.path,
        sys.meta_path,
        sys.path_hooks,
        gc.callbacks,
        logging.root.handlers,
    ):
        stack.callback(_restore_list, listed, list(listed))


def _umask() -> int:
    """Return the permissions that new files lack, which can only be read by setting them."""
    before = os.umask(0o077)
    os.umask(before)
    return before


def _keep_signals(stack: ExitStack) -> None:
    """Keep handlers, blocked signals and timers, which would end the kernel seconds later."""
    if threading.current_thread() is not threading.main_thread():
        return
    # What was blocked comes when the handlers are the old ones, and what may send it has stopped.
    if hasattr(signal, "pthread_sigmask"):
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        stack.callback(signal.pthread_sigmask, signal.SIG_SETMASK, blocked)
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if handler is not None:  # None: not set from Python
            get, put = partial(signal.getsignal, number), partial(signal.signal, number)
            stack.callback(_restore, get, put, handler)
    if hasattr(signal, "setitimer"):
        for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            stack.callback(signal.setitimer, timer, *signal.getitimer(timer))


def _restore(get: Callable[[], Any], put: Callable[[Any], object], before: Any) -> None:
    if get() != before:
        put(before)


def _restore_list(listed: list[Any], before: list[Any]) -> None:
    if listed != before:
        listed[:] = before


def _restore_environment(before: dict[str, str]) -> None:
    # Left alone where nothing has changed: other threads may be reading it.
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)
        if hasattr(time, "tzset"):
            time.tzset()


def _ignore(_: object) -> None:
    pass
