"""The numbers that optimizers and schedules take: what they may be, and how they are kept.

A number becomes a Python float, however it was given (1, 1.0, a NumPy or a JAX number): to a
compiled program all floats are one kind of argument, so another value compiles nothing. A number
that is being traced by `jit`, `vmap` or `grad` has no value yet; it stays as it is.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from course.legacy_checks import Arguments, Count, refusal

Scalar: TypeAlias = float | Float[Array, ""]
Whole: TypeAlias = int | Int[Array, ""]

TINY = float(np.finfo(np.float32).tiny)
"""Below it, the hardware may take a number for 0."""
BELOW_1 = float(np.nextafter(np.float32(1), np.float32(0)))
"""Between it and 1, float32 has no number."""


@dataclass(frozen=True)
class Number:
    """One number within bounds.

    Args:
        expected: what is expected, in words.
        low: the smallest number allowed; if it is not given, any above 0 is.
        high: the largest.
    """

    expected: str
    low: float = TINY
    high: float = float(np.finfo(np.float32).max)

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Any:
        number = self.read(name, value)
        if isinstance(number, jax.core.Tracer):
            return number
        if not self.low <= number <= self.high:  # NaN fails both
            raise refusal(name, self.expected, f"{number:.7g}")
        return float(number)

    def read(self, name: str, value: Any) -> Any:
        """The value as one real number, of NumPy or of JAX."""
        try:
            number = value if isinstance(value, jax.Array) else np.asarray(value)
        except (TypeError, ValueError):  # an irregular list, or one of traced numbers
            raise refusal(name, self.expected, type(value).__name__, TypeError) from None
        if not any(jnp.issubdtype(number.dtype, kind) for kind in (jnp.floating, jnp.integer)):
            raise refusal(name, self.expected, type(value).__name__, TypeError)
        if number.shape != ():
            raise refusal(name, self.expected, f"shape {number.shape}")
        if isinstance(number, jax.core.Tracer):
            return number.astype(jnp.promote_types(number.dtype, np.float32))
        return np.asarray(number, np.float64)[()]


class Momentum(Number):
    """A number, or a number in a JAX array, which stays one: it is never left out of a program."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        number = super().__call__(name, value, arguments)
        return jnp.asarray(number) if isinstance(value, jax.Array) else number


class Nesterov:
    """True or false; true only where the argument `momentum` is not the number 0."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise refusal(name, "True or False", type(value).__name__, TypeError)
        if value and not has_momentum(arguments["momentum"]):
            raise refusal(name, "momentum to go with it", "momentum 0")
        return bool(value)


def has_momentum(momentum: Scalar) -> bool:
    """Whether there is momentum in the program: with anything but the Python number 0."""
    return not isinstance(momentum, float) or momentum != 0


class Steps(Count):
    """A number of steps: a Python integer, or an integer that is being traced."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        if not isinstance(value, jax.core.Tracer):
            return super().__call__(name, value, arguments)
        if value.shape != () or not jnp.issubdtype(value.dtype, jnp.integer):
            raise refusal(name, "an integer", f"{value.dtype} of shape {value.shape}", TypeError)
        return value


DECAY = Number("a number from 0 to below 1", 0.0, BELOW_1)
MOMENTUM = Momentum("a number from 0 to below 1", 0.0, BELOW_1)
POSITIVE = Number("a number above 0")
