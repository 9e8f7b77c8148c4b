"""Call an answer, and read what it gives as plain Python and NumPy values.

An answer may be an array of any library, an endless iterator, a list that contains itself. Whatever
it is, reading it takes little memory and raises nothing but `TimeUp` and `KeyboardInterrupt`.
"""

import array
import copy
import inspect
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.practice.describe import class_name, raised, short, with_article
from course.practice.time_limit import TimeUp

ArgumentTuple = tuple[Any, ...]

# More than any exercise asks for; an answer beyond it is refused before it is copied.
LARGEST = 100_000  # values
DEEPEST = 20  # lists in lists

_TOO_MANY = f"more than {LARGEST:,} values"
_SCALARS: tuple[type[Any], ...] = (int, float, complex, str)

_ADVICE = {
    "generator": " (use `return`, not `yield`, or put `list(…)` around it)",
    "coroutine": " (leave out `async`)",
}
_LIST, _DICT = " (put `list(…)` around it)", " (put `dict(…)` around it)"
# They hand out their items one by one, and know no number of them.
_ITERATORS: tuple[type[Any], ...] = (map, filter, zip, enumerate, reversed, type(reversed([])))


class UnreadableError(Exception):
    """The answer has no plain form; the message says what it is instead ("a generator")."""


class BlankError(Exception):
    """The answer has not been filled in: it contains `...`, or raises NotImplementedError."""


@dataclass(frozen=True)
class Trouble:
    """The reason why there is nothing to compare."""

    phrase: str
    """Continues "your function …"."""


def call(function: Callable[..., Any], arguments: ArgumentTuple) -> Any:
    """Return the plain result of a call, `None` or `...` if it gives no result, or Trouble.

    Arrays are handed over as NumPy arrays. A function that cannot use those gets JAX arrays (where
    JAX is loaded), then plain lists: what works on any one of them is a right answer.

    Raises:
        BlankError: if the function raises NotImplementedError.
    """
    first: Trouble | None = None
    process = os.getpid()
    has_arrays = any(isinstance(value, np.ndarray) for value in arguments)
    for convert in (_as_numpy, _as_jax, _as_list) if has_arrays else (_as_numpy,):
        try:
            result = function(*(convert(value) for value in copy.deepcopy(arguments)))
        except (TimeUp, KeyboardInterrupt):
            raise
        except NotImplementedError as error:
            raise BlankError from error
        except BaseException as error:  # SystemExit and its like included: nothing may get out
            first = first or Trouble(f"raised {raised(error)}")
            # Another kind of array or list may be what the function expects.
            if not isinstance(error, (TypeError, AttributeError, ValueError)):
                break
        else:
            try:
                return result if result is None else read(result)
            except BlankError:
                return ...
        finally:
            if os.getpid() != process:  # a forked copy of the kernel, which ends with the answer
                os._exit(0)
    return first


def _as_numpy(value: Any) -> Any:
    # An exercise may keep on a list what its judge has to know, and the answer must not.
    return list(value) if isinstance(value, list) else value


def _as_jax(value: Any) -> Any:
    library = sys.modules.get("jax.numpy")
    if library is None or not isinstance(value, np.ndarray):
        return _as_numpy(value)
    return library.asarray(value)


def _as_list(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else _as_numpy(value)


def wrong_parameters(
    function: Callable[..., Any], arguments: ArgumentTuple, names: Sequence[str]
) -> str | None:
    """Return advice if the function cannot take these arguments."""
    try:
        signature = inspect.signature(function)
    except Exception:  # built-ins have none: the call will tell
        return None
    try:
        signature.bind(*arguments)
    except TypeError:
        count = f"{len(names)} parameter" + ("s" if len(names) != 1 else "")
        given = short(str(signature), 80)
        return f"Your function should take {count}, ({', '.join(names)}); it takes `{given}`."
    return None


def read(value: Any) -> Any:
    """Return the plain form of an answer, or Trouble.

    Raises:
        BlankError: if `...` is left in it.
    """
    try:
        return plain(value)
    except (TimeUp, BlankError, KeyboardInterrupt):
        raise
    except UnreadableError as error:
        return Trouble(f"gave {error}, which cannot be compared with the expected result")
    except BaseException as error:  # the answer's own conversion failed
        return Trouble(
            f"gave {with_article(class_name(type(value)))} that cannot be read ({raised(error)})"
        )


def plain(value: Any) -> Any:
    """Return the plain form of `value`.

    Numbers become Python numbers; arrays of any library become NumPy arrays; text, tuples, lists,
    sets and dictionaries stay what they are, with plain contents.

    Raises:
        BlankError: for `...` anywhere in it.
        UnreadableError: for what is no value (a function, a generator), too large or too deep.
        Exception: whatever the answer's own conversions raise.

    >>> plain([np.float32(0.5), {"a": (1, True)}])
    [0.5, {'a': (1, True)}]
    >>> plain(range(3))
    [0, 1, 2]
    """
    return _plain(value, _Budget(LARGEST), 0)


@dataclass
class _Budget:
    """Number of values that may still be read."""

    left: int

    def spend(self, count: int = 1) -> None:
        """Refuse more than there is left."""
        self.left -= count
        if self.left < 0:
            raise UnreadableError(f"{count:,} values" if count > 1 else _TOO_MANY)


def _plain(value: Any, budget: _Budget, depth: int) -> Any:
    budget.spend()
    if depth > DEEPEST:
        raise UnreadableError("lists nested without end")
    if value is ...:
        raise BlankError
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.ndarray):
        return _array(value, budget, depth)
    # Subclasses become their base: NumPy's float64, text and numbers of the reader's own classes.
    for kind in _SCALARS:
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, dict):
        return {
            _plain(key, budget, depth + 1): _plain(item, budget, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, range, array.array, tuple, set, frozenset)):
        items = [_plain(item, budget, depth + 1) for item in value]
        if isinstance(value, (list, range, array.array)):
            return items
        return tuple(items) if isinstance(value, tuple) else set(items)
    return _converted(value, budget, depth)


def _converted(value: Any, budget: _Budget, depth: int) -> Any:
    """Return the plain form of an object that can turn itself into an array or a number."""
    is_value = not isinstance(value, type) and not hasattr(value, "__next__")
    if is_value and hasattr(value, "__jax_array__"):
        value = value.__jax_array__()
    if is_value and hasattr(value, "__array__"):
        return _array(np.asarray(value), budget, depth)
    if is_value and hasattr(value, "__index__"):
        return int(value)
    if is_value and hasattr(value, "__float__"):
        return float(value)
    name = class_name(type(value))
    raise UnreadableError(with_article(name) + _ADVICE.get(name, _around(value)))


def _around(value: Any) -> str:
    """Return advice for what holds items but is no list: a deque, a view."""
    if isinstance(value, Mapping):
        return _DICT
    return _LIST if isinstance(value, (Collection, *_ITERATORS)) else ""


def _array(array: NDArray[Any], budget: _Budget, depth: int) -> Any:
    """Return an array of bool, integer, float or complex; a Python value where it has no axes."""
    budget.spend(array.size)
    array = np.asarray(array)  # a masked array, for one, loses its mask
    if array.dtype.kind in "OUS":
        return _plain(array.tolist(), budget, depth + 1)
    if array.dtype.kind not in "biufc":
        array = array.astype(np.float64)  # bfloat16 and its like
    elif array.dtype.char in "gG":  # long double, which has no equal in Python
        array = array.astype(np.float64 if array.dtype.kind == "f" else np.complex128)
    # A copy: an answer may hand out the same array each time, with other numbers in it.
    return np.array(array) if array.ndim else array.item()
