"""Say in a few words what a plain value or an exception is."""

import linecache
import math
import os
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import Any

LONGEST = 300  # characters

# Code that is not the reader's: the course's own, Python's, that of libraries.
_COURSE = str(Path(__file__).parents[1]) + os.sep
_LIBRARIES = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
_OTHERS = (_COURSE, *_LIBRARIES, "<frozen")


def short(text: str, limit: int = LONGEST) -> str:
    """Cut `text` to `limit` characters.

    >>> short("abcdef", 3)
    'abc …'
    """
    return text if len(text) <= limit else text[:limit] + " …"


def readable(text: str) -> str:
    """Replace what no screen can show: control characters, broken Unicode.

    >>> readable("a\\x00b")
    'a\ufffdb'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def class_name(kind: type) -> str:
    """Return the name of a class, cut.

    >>> class_name(ValueError)
    'ValueError'
    """
    return short(kind.__name__, 100)


def with_article(noun: str) -> str:
    """Return a noun, such as the name of a class, after "a" or "an".

    >>> with_article("deque"), with_article("object"), with_article("UserList")
    ('a deque', 'an object', 'a UserList')
    """
    spoken = noun.lower()
    vowel = spoken.startswith(("a", "e", "i", "o", "u"))
    return (
        f"an {noun}"
        if vowel and not spoken.startswith(("use", "uni", "eu", "one"))
        else f"a {noun}"
    )


def describe(value: Any, digits: int = 4) -> str:
    """Return a plain value as a reader would type it, rounded and cut.

    >>> describe([0.25, 0.75]), describe(2.584962500721156), describe({"a": 1})
    ('[0.25, 0.75]', '2.585', "{'a': 1}")
    >>> describe(float("nan")), describe(10**400)
    ('NaN', 'an integer of 401 digits')
    """
    return short(_describe(value, digits))


def _describe(value: Any, digits: int) -> str:
    if hasattr(value, "tolist"):  # an array; NumPy need not be loaded to describe an exception
        is_small = value.size <= 64
        listed = value.tolist() if is_small else [*value.ravel()[:64].tolist(), ...]
        return _describe(listed, digits)
    if value is ...:
        return "…"
    if isinstance(value, int) and abs(value) >= 10**15:
        # str() refuses very long integers; their logarithm may miss a power of ten by a hair.
        size = abs(value)
        length = len(str(size)) if size < 10**600 else int(math.log10(size) + 1e-9) + 1
        return f"an integer of {length:,} digits"
    if isinstance(value, int) or value is None:
        return str(value)
    if isinstance(value, float):
        # NaN differs from itself; adding 0.0 turns -0.0 into 0.0.
        return "NaN" if value != value else f"{value + 0.0:.{digits}g}".replace("inf", "∞")
    if isinstance(value, complex):
        return f"{value:.{digits}g}"
    if isinstance(value, str):
        return repr(short(value, 80))
    if isinstance(value, dict):
        few = list(value.items())[:20]
        pairs = (f"{_describe(key, digits)}: {_describe(item, digits)}" for key, item in few)
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, set):
        return "{" + ", ".join(sorted(_describe(item, digits) for item in list(value)[:64])) + "}"
    left, right = ("(", ")") if isinstance(value, tuple) else ("[", "]")
    return left + ", ".join(_describe(item, digits) for item in value[:65]) + right


def describe_two(first: Any, second: Any) -> tuple[str, str]:
    """Return both values in words, with as many digits as it takes to tell them apart.

    >>> describe_two(0.12345, 0.12346)
    ('0.12345', '0.12346')
    """
    pair = describe(first), describe(second)
    for digits in (6, 9, 15):
        if pair[0] != pair[1]:
            break
        pair = describe(first, digits), describe(second, digits)
    return pair


def raised(error: BaseException) -> str:
    """Return type and message of an exception, and the reader's own line that led to it.

    >>> raised(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    """
    try:
        message = short(str(error).strip())
    except Exception:  # a reader's own exception class can fail, too
        message = ""
    name = class_name(type(error))
    return name + (f": {message}" if message else "") + _place(error.__traceback__)


def _place(traceback: TracebackType | None) -> str:
    """Return the last line of the reader's own code on the way to the error."""
    found = None
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if not filename.startswith(_OTHERS):
            found = filename, traceback.tb_lineno
        traceback = traceback.tb_next
    if found is None:
        return ""
    text = linecache.getline(*found).strip()
    return f" (line {found[1]}" + (f": `{short(text, 100)}`)" if text else ")")
