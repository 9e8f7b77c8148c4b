"""Compare an answer with what was expected. Both are plain values (see `answer.plain`)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.practice.describe import describe, describe_two, with_article

_NAN_FROM = "look for 0 · log 0, 0 / 0, ∞ / ∞ or ∞ - ∞"
_RESULTS = ("one result", "two results", "three results", "four results", "five results")
_FORMS = {
    "str": "text",
    "dict": "a dictionary",
    "NoneType": "None",
    "int": "a number too large to compare",
}


def difference(
    expected: Any, got: Any, tolerance: float, *, least: float = 1.0, tell: bool = True
) -> str | None:
    """Return a phrase that says what is wrong with `got`, or None where it equals `expected`.

    Numbers agree when |got - expected| ≤ tolerance · (least + |expected|). A list, a tuple and an
    array are the same; an array of one number is a number; text is compared without case and outer
    space.

    Args:
        expected: the right answer.
        got: the answer given.
        tolerance: relative, and absolute where `least` is 1.
        least: size below which numbers need not agree to as many digits; 0 where all digits count.
        tell: False keeps the expected value out of the phrase.

    Returns:
        A phrase that continues "your answer …", or None.

    >>> difference(0.5, [0.5], 1e-4) is None
    True
    >>> difference([1.0, 2.0], [1.0, 3.0], 1e-4)
    'gave [1, 3], but [1, 2] was expected'
    >>> difference(0.5, "half", 1e-4)
    "gave 'half' (text), but a single number was expected"
    """
    wrong_form = mismatch(expected, got)
    if wrong_form is not None:
        return wrong_form
    if same(expected, got, tolerance, least):
        return None
    if not tell:
        return f"gave {describe(got)}, and that is not it"
    given, right = describe_two(got, expected)
    return f"gave {given}, but {right} was expected"


def mismatch(expected: Any, got: Any, *, shape: bool = True) -> str | None:
    """Return what is wrong with the type or shape of `got`, or with a NaN in it, or None.

    >>> mismatch(0.5, [1, 2])
    'gave [1, 2] (2 numbers), but a single number was expected'
    >>> mismatch(0.5, float("nan"))
    'gave NaN, which is not a number: look for 0 · log 0, 0 / 0, ∞ / ∞ or ∞ - ∞'
    >>> mismatch([1, 2], {1, 2})
    'gave {1, 2} (a set), but order matters: use a list'
    """
    wanted = numbers(expected)
    ordered = isinstance(expected, (list, tuple, np.ndarray))
    # A set has lost the order; of a single number there is none to lose.
    if isinstance(got, set) and ordered and (wanted is None or wanted.size != 1):
        return f"gave {describe(got)} (a set), but order matters: use a list"
    if isinstance(expected, bool):
        fits = isinstance(got, bool) or _one_truth(got)
    elif wanted is not None:
        # True is no number here, though Python counts with it; nor is a complex number a real one.
        array = None if isinstance(got, bool) else numbers(got)
        fits = array is not None and (array.dtype.kind != "c" or wanted.dtype.kind == "c")
        if fits and array is not None and shape:
            fits = array.shape == wanted.shape or array.size == wanted.size == 1
        if fits and array is not None and np.isnan(array).any() and not np.isnan(wanted).any():
            inside = "" if array.size == 1 else f" in {describe(got)}"
            return f"gave NaN{inside}, which is not a number: {_NAN_FROM}"
    elif isinstance(expected, (set, list, tuple)):
        fits = isinstance(got, (set, list, tuple))
    else:
        fits = type(got) is type(expected)
    if fits:
        return None
    # The sentence names both forms, as the reader may not know that the types differ.
    asked = form(expected)
    several = asked.endswith(("numbers", "results")) or " values " in asked
    verb = "were" if several else "was"
    return f"gave {describe(got)} ({form(got)}), but {asked} {verb} expected"


def _one_truth(got: Any) -> bool:
    """Return whether this is an array of a single True or False."""
    return isinstance(got, np.ndarray) and got.dtype.kind == "b" and got.size == 1


def same(expected: Any, got: Any, tolerance: float, least: float = 1.0) -> bool:
    """Return whether two plain values are equal. NaN equals NaN here, ∞ equals ∞.

    >>> same({"a": [1, 2]}, {"a": (1.00001, 2)}, 1e-4), same({"0", "10"}, ["10", "0"], 0)
    (True, True)
    """
    if isinstance(expected, bool):
        return (isinstance(got, bool) or _one_truth(got)) and bool(got) == expected
    first, second = numbers(expected), numbers(got)
    if first is not None and second is not None:
        # An array of one number is a number, however many axes it has.
        if first.size == second.size == 1:
            first, second = first.reshape(()), second.reshape(())
        return first.shape == second.shape and bool(
            np.allclose(second, first, rtol=tolerance, atol=tolerance * least, equal_nan=True)
        )
    if isinstance(expected, str) and isinstance(got, str):
        return expected.strip().casefold() == got.strip().casefold()
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(
            same(expected[key], got[key], tolerance, least) for key in expected
        )
    # Containers, item by item; those of a set in any order.
    if isinstance(expected, set) and isinstance(got, (set, list, tuple)):
        return len(expected) == len(got) and all(
            any(same(item, other, tolerance, least) for other in got) for item in expected
        )
    if isinstance(expected, (list, tuple)) and isinstance(got, (list, tuple)):
        return len(expected) == len(got) and all(
            same(item, other, tolerance, least) for item, other in zip(expected, got, strict=True)
        )
    return expected is None and got is None


def numbers(value: Any) -> NDArray[Any] | None:
    """Return a plain value as an array of numbers, or None (of text, of ragged lists).

    >>> numbers([1, 2.5])
    array([1. , 2.5])
    >>> numbers([[1], [2, 3]]) is None, numbers("1") is None
    (True, True)
    """
    if not _is_numeric(value):
        return None
    try:
        array = np.asarray(value)
        if array.dtype.kind != "c":
            return array.astype(np.float64)
        return array if np.any(array.imag) else array.real.astype(np.float64)
    except (TypeError, ValueError, OverflowError):  # ragged, or integers too large for a float
        return None


def _is_numeric(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_numeric, value))
    return isinstance(value, (bool, int, float, complex, np.ndarray))


def _is_logical(value: Any) -> bool:
    """Return whether this is a list or an array of True and False alone."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "b"
    return isinstance(value, list) and all(isinstance(item, bool) for item in value)


def form(value: Any) -> str:
    """Return the kind of a plain value, in words.

    >>> form(0.5), form([1, 2, 3]), form(np.eye(2)), form("rain")
    ('a single number', '3 numbers', 'an array of shape (2, 2)', 'text')
    >>> form(2 + 1j), form((np.ones(3), np.ones(4)))
    ('a complex number', 'two results')
    """
    if isinstance(value, bool):
        return "True or False"
    array = numbers(value)
    # A tuple of arrays, or of other things than numbers: what `return first, second` gives.
    has_arrays = isinstance(value, tuple) and any(isinstance(item, np.ndarray) for item in value)
    if isinstance(value, tuple) and value and (array is None or has_arrays):
        count = len(value)
        return _RESULTS[count - 1] if count <= len(_RESULTS) else f"{count} results"
    if array is None or (isinstance(value, (list, tuple)) and not value):
        name = type(value).__name__
        return _FORMS.get(name, with_article(name))
    if array.size > 1 and _is_logical(value):
        return f"{array.size} values True or False"
    is_complex = array.dtype.kind == "c"
    if array.size == 1:
        return "a complex number" if is_complex else "a single number"
    if array.ndim == 1:
        return f"{array.size} complex numbers" if is_complex else f"{array.size} numbers"
    return f"an array of shape {array.shape}" + (" of complex numbers" if is_complex else "")
