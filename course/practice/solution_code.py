"""Show a solution as code that can be pasted into the reader's cell."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from course.practice.answer import plain


def pasteable(solution: Any, name: str, *, value: bool) -> str:
    """Return code that defines `name` as the solution, with the imports that it needs.

    Args:
        solution: the function or value of an exercise.
        name: what the reader's cell calls it.
        value: True where a value is asked for; a solution that is a function is then called.

    >>> pasteable(0.25, "my_guess", value=True)
    'my_guess = 0.25'
    """
    solution = inspect.unwrap(solution) if callable(solution) else solution
    if not isinstance(solution, FunctionType):
        return f"{name} = {_literal(solution)}"
    text = textwrap.dedent(inspect.getsource(solution)).rstrip()
    if not value and name != solution.__name__:
        text = re.sub(rf"\b{solution.__name__}\b", name, text)
    lines = sorted(set(_imports(solution)))
    head = "\n".join(lines) + "\n\n\n" if lines else ""
    tail = f"\n\n\n{name} = {solution.__name__}()" if value else ""
    return head + text + tail


def _literal(solution: Any) -> str:
    """Return a value as Python code; arrays as lists, which every exercise accepts."""
    found = plain(solution)
    if isinstance(found, set):
        return "{" + ", ".join(sorted(map(repr, found))) + "}"
    return repr(found.tolist() if hasattr(found, "tolist") else found)


def _imports(function: Callable[..., Any]) -> Iterator[str]:
    """Yield an import line for each global name that the function uses."""
    spaces = function.__globals__
    for name in set(_names(function.__code__)) & spaces.keys():
        used = spaces[name]
        if name == function.__name__:
            continue
        if isinstance(used, ModuleType):
            package, _, last = used.__name__.rpartition(".")
            if not package:
                yield f"import {last}" + (f" as {name}" if name != last else "")
            elif name == last:
                yield f"from {package} import {last}"
            else:
                yield f"import {used.__name__} as {name}"
            continue
        # A function names the module it comes from; a plain value is one of the solution's own.
        home = getattr(used, "__module__", None)
        known = getattr(used, "__name__", name)
        if not isinstance(home, str) or known == "<lambda>":
            home, known = spaces["__name__"], name
        yield f"from {home} import {known}" + (f" as {name}" if name != known else "")


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that a function reads from outside, those of its inner functions included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
