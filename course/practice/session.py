"""Keep what an answer changes in the session from outliving its check.

Restored afterwards: what answers change by accident, such as printed output, warning filters,
NumPy's error state and print options, random states, the working directory, environment variables,
the recursion limit, matplotlib's settings and figures, two settings of JAX.
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

from course.practice.describe import short

PRINTED_LIMIT = 600  # characters
JAX_SETTINGS = ("jax_enable_x64", "jax_debug_nans")


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
        # A `TimeUp` inside a callback of the garbage collector is lost, which concerns nobody.
        stack.enter_context(mock.patch.object(sys, "unraisablehook", _ignore))
        # What has to be remembered. NumPy's global generator is not for use, but readers use it.
        stack.callback(_restore_environment, dict(os.environ))
        stack.callback(sys.setrecursionlimit, sys.getrecursionlimit())
        stack.callback(random.setstate, random.getstate())
        stack.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
        with suppress(FileNotFoundError):  # a deleted folder: there is nothing to come back to
            stack.callback(os.chdir, os.getcwd())
        _keep_libraries(stack)
        yield


def _keep_libraries(stack: ExitStack) -> None:
    """Keep the state of libraries that may not be loaded; nothing is loaded here."""
    loaded: dict[str, Any] = dict(sys.modules)
    if "jax" in loaded:
        config = loaded["jax"].config
        for name in JAX_SETTINGS:
            stack.callback(config.update, name, getattr(config, name))
    if "matplotlib" in loaded:
        stack.enter_context(loaded["matplotlib"].rc_context())
    # The notebook would show new figures, also if it is the answer that loads pyplot.
    pyplot = loaded.get("matplotlib.pyplot")
    stack.callback(_close_new_figures, set(pyplot.get_fignums()) if pyplot else set())
    shell = loaded["IPython"].get_ipython() if "IPython" in loaded else None
    if shell is not None:  # `exit()` is to leave the answer, not the notebook's kernel
        stack.enter_context(mock.patch.object(shell, "ask_exit", _leave))


def _close_new_figures(before: set[int]) -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        for number in set(pyplot.get_fignums()) - before:
            pyplot.close(number)


def _restore_environment(before: dict[str, str]) -> None:
    # Left alone where nothing has changed: other threads may be reading it.
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


def _ignore(_: object) -> None:
    pass


def _leave() -> None:
    raise SystemExit
