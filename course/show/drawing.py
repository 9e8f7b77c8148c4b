"""Drawing whole and alike: with one set of settings, and not to be cut short by an interrupt.

Matplotlib reads its settings when it makes an artist, again when it draws, and from one dictionary
for the whole process. Inside `drawing` that holds matplotlib's own defaults with the course's style
over them, so that nobody's picture depends on what else the reader has set, in a cell, a style or
a file; afterwards it holds what it held before.

Nor can matplotlib be interrupted: a figure whose drawing was cut short counts as drawn. So an
interrupt waits for the end of a drawing, which takes milliseconds, unless it meets somebody else's
code in it, which may take for ever (`Drawing.outside`).
"""

import inspect
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from functools import cache, wraps
from types import FrameType
from typing import Any, Final, ParamSpec, TypeVar, no_type_check

import matplotlib
from IPython import get_ipython
from matplotlib.figure import Figure, SubFigure

from course.show.style import STYLE

P = ParamSpec("P")
R = TypeVar("R")

# All that a picture can depend on; the backend is no such thing.
SETTINGS: Final = {
    **dict(dict.items(matplotlib.rcParamsDefault)), **matplotlib.RcParams(STYLE)
}  # fmt: skip
SETTINGS.pop("backend", None)
# Ctrl-C and the kernel's interrupt; time limits.
INTERRUPTS: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGALRM") if hasattr(signal, name)
]
# Matplotlib compares whose method that is, and it makes nothing.
AS_IT_WAS: Final = "get_data_ratio"
_LOCK = threading.RLock()  # held by the thread that draws: there is one dictionary for all
_THREAD = threading.local()  # `now` is this thread's drawing
_NOW: Any = matplotlib.rcParams  # the one dictionary that there is
_OF_READER: dict[str, Any] = {}  # the settings while a cell runs that has made a figure


class _State(Enum):
    """Fate of an interrupt."""

    PASSES = auto()
    """It is handled as if there were no drawing."""
    WAITS = auto()
    """It is handled at the end of the drawing."""
    ONCE = auto()
    """It is handled, and the next one waits."""


class Drawing:
    """Drawing under way."""

    def __init__(self) -> None:
        # Python interrupts its main thread only. A handler that is not Python's ends the process.
        main = threading.current_thread() is threading.main_thread()
        found = {number: signal.getsignal(number) for number in INTERRUPTS if main}
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {
            number: handler for number, handler in found.items() if callable(handler)
        }
        self._waiting: set[int] = set()
        self._state = _State.PASSES

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Let interrupts through, for code that is not the course's."""
        self._state = _State.ONCE
        self._raise_waiting()
        self._state = _State.ONCE
        try:
            yield
        finally:
            self._state = _State.WAITS

    @property
    @no_type_check  # as often as a method is called
    def lets_through(self) -> bool:
        """Return whether an interrupt would be handled at once."""
        return self._state is _State.ONCE

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Let interrupts wait for the end of a call of matplotlib's from code that is outside.

        Its transforms stay wrong for ever when their invalidation is cut short.
        """
        self._state = _State.WAITS
        try:
            yield
        finally:
            self._state = _State.ONCE
            self._raise_waiting()

    def __enter__(self) -> "Drawing":
        self._state = _State.WAITS
        try:
            for number in self._handlers:
                signal.signal(number, self._handle)
        except BaseException:  # one came that was not yet kept back
            self._put_back([*self._handlers])
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._put_back([*self._handlers])

    def _put_back(self, numbers: list[int]) -> None:
        """Put the reader's handlers back, all of them, then handle what waited.

        As soon as one is back its signal may raise, in any of these lines: hence the `finally`, and
        the state comes first. A handler that is left behind all the same hands on what it gets.
        """
        self._state = _State.PASSES
        try:
            if numbers:
                number = numbers.pop()
                signal.signal(number, self._handlers[number])
        finally:
            if numbers:
                self._put_back(numbers)
            else:
                self._raise_waiting()

    def _raise_waiting(self) -> None:
        while self._waiting:
            signal.raise_signal(self._waiting.pop())

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._state is _State.WAITS:
            self._waiting.add(number)
            return
        if self._state is _State.ONCE:
            self._state = _State.WAITS
        elif signal.getsignal(number) == self._handle:  # it was left behind
            signal.signal(number, self._handlers[number])
        self._handlers[number](number, frame)


@contextmanager
def drawing() -> Iterator[Drawing]:
    """Use the course's settings, and let interrupts wait; the reader's settings come back."""
    now: Drawing | None = getattr(_THREAD, "now", None)
    if now is not None:
        yield now
        return
    with Drawing() as drawn, _LOCK:
        own = _settings()
        _THREAD.now = drawn
        try:
            # Past the checks: the values were checked before, and 300 checks take a millisecond.
            dict.update(_NOW, SETTINGS)
            yield drawn
        finally:
            dict.update(_NOW, own)
            _THREAD.now = None


def _settings() -> dict[str, Any]:
    """Return the settings there are now, past `rcParams[…]`, which would look for a backend."""
    return {name: value for name, value in dict.items(_NOW) if name in SETTINGS}


def keep_for_cell() -> None:
    """Use the course's settings until the notebook's cell ends, if one runs.

    A cell that calls `Rectangle` or `Line2D` has made an artist before any figure knows of it.
    """
    get_shell: Callable[[], Any] = get_ipython
    shell = get_shell()
    if shell is not None and not _OF_READER:
        with _LOCK:
            shell.events.register("post_execute", _end_cell)  # once, however often
            _OF_READER.update(_settings())
            dict.update(_NOW, SETTINGS)


def _end_cell() -> None:
    """Give the reader's settings back, but for those that the cell itself has set."""
    fixed: dict[Any, Any] = {**SETTINGS}
    with _LOCK:
        unset = {name for name, value in _settings().items() if value is fixed[name]}
        back = {name: value for name, value in _OF_READER.items() if name in unset}
        dict.update(_NOW, back)
        _OF_READER.clear()


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Make `function` draw in the course's style, leaving matplotlib's settings as they were."""

    @no_type_check  # `function` looks at its arguments itself
    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        now: Drawing | None = getattr(_THREAD, "now", None)
        if now is not None and not now.lets_through:  # methods are called by the thousand
            return function(*args, **kwargs)
        with now.inside() if now else drawing():
            return function(*args, **kwargs)

    return wrapper


def adopt(figure: Figure | SubFigure) -> None:
    """Make the methods of a figure, its axes and their axes' lines draw in the course's style.

    What a cell draws between `figures.new` and `figures.show` is drawn by these. Each call gives
    the reader's settings back: none can be left behind, whatever is raised or never called.
    """
    _restyle(figure)
    for part in figure.subfigs:
        adopt(part)
    waiting: list[Any] = [*figure.get_axes()]
    while waiting:
        axes = waiting.pop()
        waiting += axes.child_axes
        if _restyle(axes):
            for name in ("xaxis", "yaxis", "zaxis"):
                if hasattr(axes, name):
                    _restyle(getattr(axes, name))


@no_type_check  # of every part, after every call
def _restyle(artist: Any) -> bool:
    """Give an artist the class whose methods draw in the course's style; False if it has it."""
    if hasattr(artist, "_draws_in_style"):
        return False
    kind: Any = type(artist)
    artist.__class__ = _styled_class(kind)
    return True


@cache
def _styled_class(kind: Any) -> Any:
    """Return a subclass with the same name, whose public methods are styled."""
    styled_class: Any = type(kind.__name__, (kind,), {"__module__": kind.__module__})
    styled_class._draws_in_style = True
    for name in dir(kind):
        if name.startswith("_") or name == AS_IT_WAS:
            continue
        if inspect.isfunction(inspect.getattr_static(kind, name)):
            # Now, since matplotlib gives each new class a `set` of its own.
            setattr(styled_class, name, _styled_method(getattr(kind, name)))
    return styled_class


def _styled_method(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method draw in the course's style, and what it adds to the figure as well."""

    # What it is given is matplotlib's, and that ten thousand times a picture.
    @no_type_check
    @wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        now: Drawing | None = getattr(_THREAD, "now", None)
        if now is not None and not now.lets_through:
            return method(self, *args, **kwargs)
        with now.inside() if now else drawing():
            result = method(self, *args, **kwargs)
            figure = self.get_figure(root=True)
            if figure is not None:  # it may have been removed
                adopt(figure)
            return result

    return wrapper
