"""Keep what an answer changes in the session from outliving its check.

A snapshot covers what answers change by accident: printed output, warning filters, NumPy's error
state and print options, random states, the working directory, environment variables, the recursion
limit, trace functions, the garbage collector's switch, matplotlib's settings and figures, two
settings of JAX, names overwritten in common modules (`math.log = …`).
"""

import builtins
import gc
import io
import os
import random
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

PRINTED_LIMIT = 600
# Restored name by name; `sys` brings back stdout, stderr and the hooks.
MODULES = (
    *("builtins", "sys", "os", "signal", "threading", "time"),
    *("math", "cmath", "random", "numpy", "jax.numpy"),
)
JAX_SETTINGS = ("jax_enable_x64", "jax_debug_nans")


class Printed(io.TextIOBase):
    """Takes what an answer prints and keeps the first few hundred characters.

    >>> printed = Printed(limit=5)
    >>> _ = printed.write("abc"), printed.write("defg")
    >>> printed.text
    'abcde …'
    """

    def __init__(self, limit: int = PRINTED_LIMIT) -> None:
        self._kept = ""
        self._limit = limit
        self._more = False

    def writable(self) -> bool:
        """A place to print to."""
        return True

    def write(self, text: str) -> int:
        """Keep `text` while there is room."""
        plain = str.__str__(text)  # a subclass of str may do anything when sliced
        room = self._limit - len(self._kept)
        self._kept += plain[:room]
        self._more = self._more or len(plain) > room
        return len(plain)

    @property
    def text(self) -> str:
        """What was printed, ending in "…" where it was cut."""
        return self._kept.rstrip() + (" …" if self._more else "")


def snapshot(printed: Printed) -> Callable[[], None]:
    """Send printed output to `printed`, silence warnings, and return what undoes all changes."""
    undo: list[Callable[[], Any]] = []
    for name in MODULES:
        module = sys.modules.get(name)
        if module is not None:
            undo.append(partial(module.__dict__.update, dict(module.__dict__)))
    undo.append(partial(sys.modules.update, dict(sys.modules)))
    filters = warnings.catch_warnings()
    filters.__enter__()
    undo.append(partial(filters.__exit__, None, None, None))
    undo.append(partial(np.seterr, **np.geterr()))
    undo.append(partial(np.seterrcall, np.geterrcall()))
    undo.append(partial(np.set_printoptions, **np.get_printoptions()))
    undo.append(gc.enable if gc.isenabled() else gc.disable)
    undo.append(partial(random.setstate, random.getstate()))
    legacy = np.random.mtrand._rand  # the global state: not for use, but readers do use it
    undo.append(partial(legacy.set_state, legacy.get_state()))
    undo.append(partial(sys.setrecursionlimit, sys.getrecursionlimit()))
    undo.append(partial(sys.settrace, sys.gettrace()))
    undo.append(partial(sys.setprofile, sys.getprofile()))
    undo.append(partial(_set_environment, dict(os.environ)))
    with suppress(
        OSError
    ):  # a working directory that was deleted: there is nothing to come back to
        undo.append(partial(os.chdir, os.getcwd()))
    undo.extend(_jax())
    undo.extend(_matplotlib())
    undo.extend(_without_exits())
    # A verdict must not depend on the filters of the session; a NaN is judged, not warned about.
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    sys.stdout = sys.stderr = printed
    sys.unraisablehook = _ignore  # what an answer's `__del__` raises concerns nobody
    return partial(_undo, tuple(undo))


def _ignore(_: object) -> None:
    """Report nothing."""


def _undo(steps: tuple[Callable[[], Any], ...]) -> None:
    """Undo every step that can be undone."""
    for step in steps:
        try:
            step()
        except BaseException:  # one thing that cannot be put back must not keep the rest from it
            continue


def _set_environment(before: dict[str, str]) -> None:
    """Make the environment variables what they were."""
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


def _jax() -> list[Callable[[], Any]]:
    """What undoes changes to JAX's settings, where it is loaded; it is never loaded here."""
    config = getattr(sys.modules.get("jax"), "config", None)
    values = getattr(config, "values", {})
    known = [name for name in JAX_SETTINGS if name in values]
    return [partial(_set_jax, config, name, values[name]) for name in known]


def _set_jax(config: Any, name: str, value: Any) -> None:
    if config.values[name] != value:
        config.update(name, value)


def _without_exits() -> list[Callable[[], Any]]:
    """Make `exit` and `quit` raise SystemExit, and return what undoes that.

    Python's own close the standard input first; a notebook's raise nothing, and end the kernel once
    the cell has finished.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    spaces = [builtins.__dict__, *([shell.user_ns] if shell is not None else [])]
    undo: list[Callable[[], Any]] = []
    for names in spaces:
        exits = {name: names[name] for name in ("exit", "quit") if name in names}
        undo.append(partial(names.update, exits))
        names.update(dict.fromkeys(exits, _leave))
    return undo


def _leave(*_: object, **__: object) -> None:
    """Leave the answer, not the session."""
    raise SystemExit


def _matplotlib() -> list[Callable[[], Any]]:
    """What undoes changes to matplotlib, where it is loaded; it is never loaded here."""
    undo: list[Callable[[], Any]] = []
    library = sys.modules.get("matplotlib")
    if library is not None and hasattr(library, "rcParams"):
        settings = library.rcParams
        # dict's own methods: rcParams would check, and warn about, each value again.
        undo.append(partial(dict.update, settings, dict(dict.items(settings))))
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and hasattr(pyplot, "get_fignums"):
        undo.append(partial(_close_new, pyplot, set(pyplot.get_fignums())))
    return undo


def _close_new(pyplot: Any, before: set[int]) -> None:
    """Close the figures that were opened since; the inline backend would show them."""
    for number in pyplot.get_fignums():
        if number not in before:
            pyplot.close(number)
