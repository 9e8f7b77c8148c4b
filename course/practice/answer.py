"""Turn whatever an answer is into plain Python and NumPy values, without trusting it.

An answer may be a subclass that misbehaves, an endless iterator, a list that contains itself. So
nothing of its own is called here except the conversions it declares (`__array__`, `__float__`), and
everything is bounded. The caller guards against what those raise.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.practice.text import class_name

# More than any exercise asks for; an answer beyond it is refused before it is copied.
LARGEST = 100_000
DEEPEST = 20

_ADVICE = {
    "generator": " (use `return`, not `yield`, or put `list(…)` around it)",
    "coroutine": " (leave out `async`)",
} | dict.fromkeys(
    (
        *("map", "filter", "zip", "enumerate", "reversed", "list_reverseiterator"),
        *("dict_keys", "dict_values", "dict_items"),
    ),
    " (put `list(…)` around it)",
)


class UnreadableError(Exception):
    """The answer has no plain form; the message says what it is instead ("a generator")."""


class BlankError(Exception):
    """The answer, or a part of it, is `...`: it has not been filled in."""


def plain(value: Any) -> Any:
    """The plain form of `value`.

    Numbers become Python numbers; arrays of any library become NumPy arrays; text, tuples, lists,
    sets and dictionaries stay what they are, with plain contents; subclasses lose their behaviour.

    Raises:
        BlankError: for `...` anywhere in it.
        UnreadableError: for what is no value (a function, a generator), too large or too deep.
        Exception: whatever the answer's own conversions raise.

    >>> plain([np.float32(0.5), {"a": (1, True)}])
    [0.5, {'a': (1, True)}]
    >>> plain(range(3))
    [0, 1, 2]
    """
    return _plain(value, [LARGEST], 0)


def _plain(value: Any, room: list[int], depth: int) -> Any:
    kind = type(value)  # not isinstance, which asks the answer for its __class__
    room[0] -= 1
    if room[0] < 0:
        raise UnreadableError(f"more than {LARGEST:,} values")
    if depth > DEEPEST:
        raise UnreadableError("lists nested without end")
    if value is ...:
        raise BlankError
    if value is None or kind is bool:
        return value
    if issubclass(kind, np.ndarray):
        return _array(np.asarray(value), room, depth)
    if issubclass(kind, int):
        return int.__index__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    if issubclass(kind, complex):
        return complex.__complex__(value)
    if issubclass(kind, str):
        return str.__str__(value)
    container = _container(value, kind, room, depth)
    return container if container is not None else _converted(value, kind, room, depth)


def _container(value: Any, kind: type, room: list[int], depth: int) -> Any:
    """The plain form of a built-in container, or None for anything else."""
    if kind is range:
        return [_plain(item, room, depth + 1) for item in value]
    for base in (list, tuple, set, frozenset):
        if issubclass(kind, base):
            items = [_plain(item, room, depth + 1) for item in base.__iter__(value)]
            return set(items) if base in (set, frozenset) else base(items)
    if issubclass(kind, dict):
        return {
            _plain(key, room, depth + 1): _plain(item, room, depth + 1)
            for key, item in dict.items(value)
        }
    return None


def _converted(value: Any, kind: type, room: list[int], depth: int) -> Any:
    """The plain form of an object that can turn itself into an array or a number."""
    if issubclass(kind, type) or hasattr(kind, "__next__") or hasattr(kind, "__await__"):
        raise _unreadable(kind)
    for method in ("__array__", "__jax_array__"):
        if hasattr(kind, method):
            source = value.__jax_array__() if method == "__jax_array__" else value
            return _array(np.asarray(source), room, depth)
    if hasattr(kind, "__index__"):
        return int.__index__(value.__index__())
    if hasattr(kind, "__float__"):
        return float.__float__(value.__float__())
    raise _unreadable(kind)


def _unreadable(kind: type) -> UnreadableError:
    name = class_name(kind)
    return UnreadableError(f"a {name}{_ADVICE.get(name, '')}")


def _array(array: NDArray[Any], room: list[int], depth: int) -> Any:
    """A NumPy array of bool, integer, float or complex; a Python value where it has no axes."""
    if array.size > room[0]:
        raise UnreadableError(f"{array.size:,} values")
    if array.dtype.kind in "OUS":
        return _plain(array.tolist(), room, depth + 1)
    room[0] -= array.size
    if array.dtype.kind not in "biufc":
        array = array.astype(np.float64)  # bfloat16 and its like
    elif array.dtype.char in "gG":  # long double, which has no equal in Python
        array = array.astype(np.float64 if array.dtype.kind == "f" else np.complex128)
    # A copy: an answer may hand out the same array each time, with other numbers in it.
    return np.array(array) if array.ndim else array.item()


def numbers(value: Any) -> NDArray[Any] | None:
    """A plain value as an array of numbers, or None where it is not one (text, ragged lists).

    >>> numbers([1, 2.5])
    array([1. , 2.5])
    >>> numbers([[1], [2, 3]]) is None, numbers("1") is None
    (True, True)
    """
    if not _numeric(value):
        return None
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):
        return None
    if array.dtype.kind == "c" and not np.any(array.imag):
        array = array.real
    if array.dtype.kind == "c":
        return array
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        return None


def _numeric(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_numeric, value))
    return isinstance(value, (bool, int, float, complex, np.ndarray))
