"""Keep what an answer changes in the session from outliving its check.

Put back are what answers change by accident: printed output, warning filters, NumPy's error state
and print options, random states, the working directory, environment variables, the recursion limit,
matplotlib's settings and figures, two settings of JAX.
"""

import io
import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any
from unittest import mock

import numpy as np

PRINTED_LIMIT = 600  # characters
JAX_SETTINGS = ("jax_enable_x64", "jax_debug_nans")


class Printed(io.TextIOBase):
    """Takes what an answer prints and keeps the first few hundred characters.

    >>> printed = Printed(limit=5)
    >>> printed.write("abc"), printed.write("defg")
    (3, 4)
    >>> printed.text
    'abcde …'
    """

    def __init__(self, limit: int = PRINTED_LIMIT) -> None:
        self._kept = ""
        self._limit = limit
        self._more = False

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Keep `text` while there is room."""
        room = self._limit - len(self._kept)
        self._kept += text[:room]
        self._more = self._more or len(text) > room
        return len(text)

    @property
    def text(self) -> str:
        """Printed text, ending in "…" where it was cut."""
        return self._kept.rstrip() + (" …" if self._more else "")


@contextmanager
def session_kept(printed: Printed) -> Iterator[None]:
    """Send printed output to `printed`, silence warnings, and undo all changes at the end."""
    with ExitStack() as stack:
        # What the standard library and NumPy can keep by themselves. A verdict must not depend on
        # the filters of the session, and a NaN is judged, not warned about.
        stack.enter_context(redirect_stdout(printed))
        stack.enter_context(redirect_stderr(printed))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(np.printoptions())
        stack.enter_context(mock.patch.dict(os.environ))
        # A `TimeUp` inside a callback of the garbage collector is lost, which concerns nobody.
        stack.enter_context(mock.patch.object(sys, "unraisablehook"))
        # What has to be remembered. NumPy's global generator is not for use, but readers use it.
        stack.callback(sys.setrecursionlimit, sys.getrecursionlimit())
        stack.callback(random.setstate, random.getstate())
        stack.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
        with suppress(FileNotFoundError):  # a deleted folder: there is nothing to come back to
            stack.callback(os.chdir, os.getcwd())
        # Libraries that may not be loaded; nothing is loaded here.
        _keep_jax(stack, sys.modules.get("jax"))
        _keep_matplotlib(stack, sys.modules.get("matplotlib"))
        _keep_kernel(stack, sys.modules.get("IPython"))
        yield


def _keep_jax(stack: ExitStack, jax: Any) -> None:
    """Put JAX's settings back."""
    for name in JAX_SETTINGS if jax else ():
        stack.callback(jax.config.update, name, getattr(jax.config, name))


def _keep_matplotlib(stack: ExitStack, matplotlib: Any) -> None:
    """Put matplotlib's settings back and close new figures, which the notebook would show."""
    if matplotlib:
        stack.enter_context(matplotlib.rc_context())
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot:
        stack.callback(_close_new_figures, pyplot, set(pyplot.get_fignums()))


def _close_new_figures(pyplot: Any, before: set[int]) -> None:
    for number in set(pyplot.get_fignums()) - before:
        pyplot.close(number)


def _keep_kernel(stack: ExitStack, ipython: Any) -> None:
    """Let `exit()` leave the answer, not the notebook's kernel."""
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        stack.enter_context(mock.patch.object(shell, "ask_exit", _leave))


def _leave() -> None:
    raise SystemExit
