"""Say in a few words what a plain value or an exception is."""

import linecache
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from course.practice.answer import numbers
from course.practice.text import class_name, short
from course.practice.time_limit import Stop

_HERE = str(Path(__file__).parent)
_LIBRARIES = tuple(
    sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def words(value: Any, digits: int = 4) -> str:
    """A plain value as a reader would type it, rounded and cut.

    >>> words(np.array([0.25, 0.75])), words(2.584962500721156), words({"a": 1})
    ('[0.25, 0.75]', '2.585', "{'a': 1}")
    >>> words(float("nan")), words(10**400)
    ('NaN', 'an integer of 401 digits')
    """
    return short(_words(value, digits))


def _words(value: Any, digits: int) -> str:
    if isinstance(value, np.ndarray):
        return _words(
            value.tolist() if value.size <= 64 else [*value.ravel()[:64].tolist(), ...], digits
        )
    if value is ...:
        return "…"
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**15 else _large(value)
    if isinstance(value, float):
        return "NaN" if value != value else f"{value + 0.0:.{digits}g}".replace("inf", "∞")
    if isinstance(value, complex):
        return f"{value:.{digits}g}"
    if isinstance(value, str):
        return repr(short(value, 80))
    if isinstance(value, dict):
        pairs = list(value.items())[:20]
        return "{" + ", ".join(f"{_words(k, digits)}: {_words(v, digits)}" for k, v in pairs) + "}"
    if isinstance(value, set):
        return "{" + ", ".join(sorted(_words(item, digits) for item in list(value)[:64])) + "}"
    left, right = ("(", ")") if isinstance(value, tuple) else ("[", "]")
    return left + ", ".join(_words(item, digits) for item in value[:65]) + right


def _large(value: int) -> str:
    # str() refuses very long integers; 0.30103 is log10(2).
    return f"an integer of {int(abs(value).bit_length() * 0.30103) + 1:,} digits"


def two_words(first: Any, second: Any) -> tuple[str, str]:
    """Both values in words, with as many digits as it takes to tell them apart.

    >>> two_words(0.12345, 0.12346)
    ('0.12345', '0.12346')
    """
    pair = words(first), words(second)
    for digits in (6, 9, 15):
        if pair[0] != pair[1]:
            break
        pair = words(first, digits), words(second, digits)
    return pair


def form(value: Any) -> str:
    """What kind of thing a plain value is.

    >>> form(0.5), form([1, 2, 3]), form(np.eye(2)), form("rain")
    ('a single number', '3 numbers', 'an array of shape (2, 2)', 'text')
    >>> form(2 + 1j), form((np.ones(3), np.ones(4)))
    ('a complex number', 'two results')
    """
    if isinstance(value, bool):
        return "True or False"
    array = numbers(value)
    if (  # what `return first, second` gives
        isinstance(value, tuple)
        and value
        and (array is None or any(isinstance(item, np.ndarray) for item in value))
    ):
        return _results(len(value))
    if array is not None and not (isinstance(value, (list, tuple)) and not value):
        is_complex = array.dtype.kind == "c"
        if array.size == 1:
            return "a complex number" if is_complex else "a single number"
        if array.ndim == 1:
            return f"{array.size} complex numbers" if is_complex else f"{array.size} numbers"
        return f"an array of shape {array.shape}" + (" of complex numbers" if is_complex else "")
    names = {
        "str": "text",
        "dict": "a dictionary",
        "NoneType": "None",
        "int": "a number too large to compare",
    }
    return names.get(type(value).__name__, f"a {type(value).__name__}")


def _results(count: int) -> str:
    known = ("one result", "two results", "three results", "four results", "five results")
    return known[count - 1] if count <= len(known) else f"{count} results"


def raised(error: BaseException) -> str:
    """What an answer raised, and where: its type, its message, the reader's own line.

    >>> raised(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    """
    try:
        said = short(str.__str__(str(error)).strip())
    except (Stop, KeyboardInterrupt):
        raise
    except BaseException:  # the message of a reader's own exception class can itself fail
        said = ""
    place = _place(error.__traceback__)
    return class_name(type(error)) + (f": {said}" if said else "") + place


def _place(traceback: TracebackType | None) -> str:
    """The last line of the reader's own code on the way to the error."""
    found = None
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if not filename.startswith((_HERE, "<frozen", *_LIBRARIES)):
            found = filename, traceback.tb_lineno
        traceback = traceback.tb_next
    if found is None:
        return ""
    text = linecache.getline(*found).strip()
    return f" (line {found[1]}" + (f": `{short(text, 100)}`)" if text else ")")
