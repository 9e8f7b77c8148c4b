"""Rules of `course.checks.checked` for texts, truth values, counts, single numbers and data."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpy as np

from course.legacy_checks import Arguments, Count, Finite, Shape, refusal


class Text:
    """A string."""

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> str:
        if not isinstance(value, str):
            raise refusal(name, "a string", type(value).__name__, TypeError)
        return value


@dataclass(frozen=True, kw_only=True)
class Texts:
    """At least one string, in a list or the like; becomes a tuple.

    Args:
        distinct: whether a string that comes twice is refused.
    """

    distinct: bool = False

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> tuple[str, ...]:
        got = type(value).__name__
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            raise refusal(name, "a list of strings", got, TypeError)
        texts = tuple(value)
        for text in texts:
            if not isinstance(text, str):
                raise refusal(
                    name, "a list of strings", f"a {type(text).__name__} in it", TypeError
                )
        if not texts:
            raise refusal(name, "at least one string", "none")
        if self.distinct and len(set(texts)) < len(texts):
            twice = next(text for text in texts if texts.count(text) > 1)
            raise refusal(name, "different strings", f"{twice!r} twice")
        return texts


@dataclass(frozen=True, kw_only=True)
class Booleans(Finite):
    """Truth values. Zeros and ones are refused: they may be labels the other way round.

    Args:
        each: the name of an earlier parameter; one value is expected for each of its items.
    """

    each: str | None = None

    expected: ClassVar[str] = "true or false"

    def dtype(self, given: Any) -> Any:
        return np.bool_ if given == np.bool_ else None

    def check_shape(self, name: str, shape: Shape, arguments: Arguments) -> None:
        super().check_shape(name, shape, arguments)
        if self.each is not None and shape[0] != (items := len(arguments[self.each])):
            raise refusal(name, f"one for each of the {items} {self.each}", shape[0])


@dataclass(frozen=True, kw_only=True)
class Counts(Finite):
    """How often things occurred: integers from 0."""

    expected: ClassVar[str] = "counts from 0"
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 2.0**31 - 1

    def dtype(self, given: Any) -> Any:
        integer = jax.numpy.issubdtype(given, jax.numpy.integer)
        return jax.dtypes.canonicalize_dtype(int) if integer else None


@dataclass(frozen=True)
class Number:
    """One number within bounds; becomes a Python float.

    Args:
        expected: what is expected, in words.
        low: the smallest number allowed.
        high: the largest.
        traced: whether a number traced by `jit` is taken, as it is and unseen.
    """

    expected: str
    low: float = -float("inf")
    high: float = float("inf")
    traced: bool = False

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        if self.traced and isinstance(value, jax.core.Tracer):
            return Finite(ndim=0)(name, value, arguments)
        number = float(Finite(ndim=0, numpy=True)(name, value, arguments))
        if not self.low <= number <= self.high:
            raise refusal(name, self.expected, f"{number:.7g}")
        return number


@dataclass(frozen=True)
class Kind:
    """A value of one class, such as one of the course's own tuples."""

    kind: type[Any]

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Any:
        if not isinstance(value, self.kind):
            raise refusal(name, self.kind.__name__, type(value).__name__, TypeError)
        return value


SEED = Count(minimum=0)
NOISE = Number("a standard deviation from 0 to 1e30", low=0.0, high=1e30)
