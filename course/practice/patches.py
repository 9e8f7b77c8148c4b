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
_OURS = "course."  # begins the names of the course's modules, a point put after them
# They run in C over what hands out items in C, and would never look at a signal.
_LOOPS = (sum, any, all, min, max)


@contextmanager
def patches_undone() -> Iterator[None]:
    """Keep the functions of all loaded modules, and make `_LOOPS` stoppable meanwhile."""
    modules = {
        name: module
        for name, module in sys.modules.items()
        if isinstance(module, ModuleType) and "._" not in name and name != "__main__"
    }
    owners = [*modules.values(), *_objects(modules)]
    kept = [(owner, dict(vars(owner))) for owner in owners]
    ours, own = vars(builtins), dict(vars(builtins))
    for loop in _LOOPS:
        setattr(builtins, loop.__name__, _stoppable(loop))
    try:
        yield
    finally:
        ours.update(own)  # what follows calls them
        for name, module in modules.items():
            sys.modules.setdefault(name, module)
        for owner, before in kept:
            try:  # by identity first, and in C: a thousand modules take milliseconds
                differ = before != vars(owner)
            except Exception:  # two arrays, for example, have no one answer
                differ = True
            if differ:
                _put_back(owner, before)


def _objects(modules: dict[str, ModuleType]) -> list[Any]:
    """Return the classes of the course, and its exercises and predictions."""
    found: dict[int, Any] = {}
    for name, module in modules.items():
        for value in vars(module).values() if f"{name}.".startswith(_OURS) else ():
            kind = value if isinstance(value, type) else type(value)
            if kind.__module__.startswith(_OURS) and hasattr(value, "__dict__"):
                found[id(value)] = value
    return list(found.values())


def _put_back(owner: Any, before: dict[str, Any]) -> None:
    """Give `owner` the names again that were replaced or deleted."""
    now = vars(owner)
    other = isinstance(owner, ModuleType) and not f"{owner.__name__}.".startswith(_OURS)
    for name, value in before.items():
        if now.get(name, _MISSING) is value:
            continue
        if other and not (callable(value) or isinstance(value, float)):
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
