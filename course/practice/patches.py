"""Undo what an answer replaces in loaded modules, and make built-in loops stoppable.

`np.sum = …` or `judge.difference = …` in an answer would decide about all later ones. What is put
back: everything in the modules of the course, their classes, their exercises and predictions;
functions, classes and floats such as `math.pi` in all other public ones. Other values there belong
to the library, which may fill a cache at any time.
"""

import builtins
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_MISSING = object()
# They run in C over what hands out items in C, and would never look at a signal.
_LOOPS = (sum, any, all, min, max)

Names = dict[str, Any]


@contextmanager
def patches_undone() -> Iterator[None]:
    """Keep the functions of all loaded modules, and make `_LOOPS` stoppable meanwhile."""
    modules = {name: module for name, module in sys.modules.items() if _is_kept(name, module)}
    names = [(module, dict(vars(module))) for module in modules.values()]
    objects = [(one, dict(vars(one))) for one in _objects(modules)]
    for loop in _LOOPS:
        setattr(builtins, loop.__name__, _stoppable(loop))
    try:
        yield
    finally:
        for name, module in modules.items():
            sys.modules.setdefault(name, module)
        for module, before in names:
            if _differ(before, vars(module)):
                _put_back(module, before, everything=_is_ours(module.__name__))
        for one, before in objects:
            _put_back(one, before, everything=True)


def _is_kept(name: str, module: object) -> bool:
    """Return whether this is a public module, other than the reader's own session."""
    return isinstance(module, ModuleType) and "._" not in name and name != "__main__"


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == "course"


def _objects(modules: dict[str, ModuleType]) -> list[Any]:
    """Return the classes of the course, and its exercises and predictions."""
    found: dict[int, Any] = {}
    for name, module in modules.items():
        if _is_ours(name):
            for value in vars(module).values():
                kind = value if isinstance(value, type) else type(value)
                if _is_ours(kind.__module__) and hasattr(value, "__dict__"):
                    found[id(value)] = value
    return list(found.values())


def _differ(before: Names, now: Names) -> bool:
    try:
        return before != now  # by identity first, and in C: a thousand modules take milliseconds
    except Exception:  # two arrays, for example, have no one answer
        return True


def _put_back(owner: Any, before: Names, *, everything: bool) -> None:
    """Give `owner` the names again that were replaced or deleted."""
    now = vars(owner)
    for name, value in before.items():
        if now.get(name, _MISSING) is value or not (
            everything or callable(value) or isinstance(value, float)
        ):
            continue
        if isinstance(owner, (type, ModuleType)):
            setattr(owner, name, value)
        else:
            now[name] = value  # a frozen dataclass


def _stoppable(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Return a built-in function that loops in Python where its items come from C without end."""

    @functools.wraps(loop)
    def looping(*arguments: Any, **options: Any) -> Any:
        if arguments and (isinstance(arguments[0], range) or hasattr(arguments[0], "__next__")):
            arguments = ((item for item in arguments[0]), *arguments[1:])
        return loop(*arguments, **options)

    return looping
