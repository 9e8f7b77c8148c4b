"""Does an answer equal what was expected? Both are plain values (see `plain`)."""

from typing import Any

import numpy as np

from course.practice.answer import numbers
from course.practice.describe import form, two_words, words

_NAN_FROM = "look for 0 · log 0, 0 / 0, ∞ / ∞ or ∞ - ∞"


def difference(expected: Any, got: Any, tolerance: float, *, tell: bool = True) -> str | None:
    """What is wrong with `got`, or None where it equals `expected`.

    Numbers agree when |got - expected| ≤ tolerance · (1 + |expected|). A list, a tuple and an array
    are the same; an array of one number is a number; text is compared without case and outer space.

    Args:
        expected: the right answer, plain.
        got: the answer given, plain.
        tolerance: relative and absolute.
        tell: may the sentence contain the expected value?

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
    if same(expected, got, tolerance):
        return None
    if not tell:
        return f"gave {words(got)}, and that is not it"
    mine, right = two_words(got, expected)
    return f"gave {mine}, but {right} was expected"


def mismatch(expected: Any, got: Any, *, shape: bool = True) -> str | None:
    """What is wrong with the kind of `got` before its value is looked at: type, shape, NaN.

    >>> mismatch(0.5, [1, 2])
    'gave [1, 2] (2 numbers), but a single number was expected'
    >>> mismatch(0.5, float("nan"))
    'gave NaN, which is not a number: look for 0 · log 0, 0 / 0, ∞ / ∞ or ∞ - ∞'
    >>> mismatch([1, 2], {1, 2})
    'gave {1, 2} (a set), but order matters: use a list'
    """
    wanted = numbers(expected)
    ordered = isinstance(expected, (list, tuple, np.ndarray))
    if isinstance(got, set) and ordered and (wanted is None or wanted.size != 1):
        return f"gave {words(got)} (a set), but order matters: use a list"
    if isinstance(expected, bool):
        fits = isinstance(got, bool) or _one_truth(got)
    elif wanted is not None:
        array = None if isinstance(got, bool) else numbers(got)
        fits = array is not None and (array.dtype.kind != "c" or wanted.dtype.kind == "c")
        if fits and array is not None and shape:
            fits = array.shape == wanted.shape or array.size == wanted.size == 1
        if fits and array is not None and np.isnan(array).any() and not np.isnan(wanted).any():
            inside = "" if array.size == 1 else f" in {words(got)}"
            return f"gave NaN{inside}, which is not a number: {_NAN_FROM}"
    elif isinstance(expected, (set, list, tuple)):
        fits = isinstance(got, (set, list, tuple))
    else:
        fits = type(got) is type(expected)
    if fits:
        return None
    asked = form(expected)
    verb = "were" if asked.endswith(("numbers", "results")) else "was"
    return f"gave {words(got)} ({form(got)}), but {asked} {verb} expected"


def _one_truth(got: Any) -> bool:
    """An array of a single True or False."""
    return isinstance(got, np.ndarray) and got.dtype.kind == "b" and got.size == 1


def same(expected: Any, got: Any, tolerance: float) -> bool:
    """Are two plain values equal? NaN equals NaN here, ∞ equals ∞.

    >>> same({"a": [1, 2]}, {"a": (1.00001, 2)}, 1e-4), same({"0", "10"}, ["10", "0"], 0)
    (True, True)
    """
    if isinstance(expected, bool):
        return (isinstance(got, bool) or _one_truth(got)) and bool(got) == expected
    first, second = numbers(expected), numbers(got)
    if first is not None and second is not None:
        if first.size == second.size == 1:
            first, second = first.reshape(()), second.reshape(())
        return first.shape == second.shape and bool(
            np.allclose(second, first, rtol=tolerance, atol=tolerance, equal_nan=True)
        )
    if isinstance(expected, str) and isinstance(got, str):
        return expected.strip().casefold() == got.strip().casefold()
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(
            same(expected[key], got[key], tolerance) for key in expected
        )
    if isinstance(expected, set) and isinstance(got, (set, list, tuple)):
        return len(expected) == len(got) and all(
            any(same(item, other, tolerance) for other in got) for item in expected
        )
    if isinstance(expected, (list, tuple)) and isinstance(got, (list, tuple)):
        return len(expected) == len(got) and all(
            same(item, other, tolerance) for item, other in zip(expected, got, strict=True)
        )
    return expected is None and got is None
