"""Call an answer, and read what it gives, in a way that nothing gets out of but `Stop`."""

import copy
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course.practice.answer import BlankError, UnreadableError, plain
from course.practice.describe import raised
from course.practice.text import class_name, short
from course.practice.time_limit import Stop

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Trouble:
    """Why there is nothing to compare: a phrase that continues "your function …"."""

    phrase: str


class UnwrittenError(Exception):
    """The function raises NotImplementedError: it has not been written."""


def call(answer: Callable[..., Any], case: Arguments) -> Any:
    """The plain result of `answer(*case)`, or Trouble.

    Arrays are handed over as NumPy arrays. An answer that cannot use those gets JAX arrays (where
    JAX is loaded), then plain lists: what works on any one of them is a right answer.
    """
    first: Trouble | None = None
    has_arrays = any(isinstance(value, np.ndarray) for value in case)
    for convert in _CONVERSIONS if has_arrays else _CONVERSIONS[:1]:
        try:
            result = answer(*(convert(value) for value in copy.deepcopy(case)))
        except (Stop, KeyboardInterrupt):
            raise
        except NotImplementedError as error:
            raise UnwrittenError from error
        except BaseException as error:  # SystemExit and its like included: nothing may get out
            first = first or Trouble(f"raised {raised(error)}")
            if issubclass(type(error), _OTHER_TYPE_WANTED):
                continue
            break
        if result is None or result is ...:
            return result
        try:
            return read(result)
        except BlankError:
            return ...
    return first


def _numpy(value: Any) -> Any:
    return value


def _jax(value: Any) -> Any:
    library = sys.modules.get("jax.numpy")
    return library.asarray(value) if library and isinstance(value, np.ndarray) else value


def _list(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


# What code raises that is given another kind of array or list than it expects.
_OTHER_TYPE_WANTED = (TypeError, AttributeError, ValueError)
_CONVERSIONS: tuple[Callable[[Any], Any], ...] = (_numpy, _jax, _list)


def read(value: Any) -> Any:
    """The plain form of an answer, or Trouble; BlankError where `...` is left in it."""
    try:
        return plain(value)
    except (Stop, BlankError, KeyboardInterrupt):
        raise
    except UnreadableError as error:
        return Trouble(f"gave {error}, which cannot be compared with the expected result")
    except BaseException as error:  # the answer's own conversion failed
        return Trouble(f"gave a {class_name(type(value))} that cannot be read ({raised(error)})")


def wrong_parameters(
    answer: Callable[..., Any], case: Arguments, names: Sequence[str]
) -> str | None:
    """A sentence where the answer cannot be called with these arguments."""
    try:
        signature = inspect.signature(answer)
    except Exception:  # built-ins have none, an object's own may fail: the call will tell
        return None
    try:
        signature.bind(*case)
    except TypeError:
        count = f"{len(names)} parameter" + ("s" if len(names) != 1 else "")
        mine = short(str(signature), 80)
        return f"Your function should take {count}, ({', '.join(names)}); it takes `{mine}`."
    return None
