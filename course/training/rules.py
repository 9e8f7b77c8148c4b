"""What the training loop accepts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from course.legacy_checks import Arguments, Count, refusal


@dataclass(frozen=True)
class Examples:
    """A pair (inputs, targets) of finite numbers, the examples along the first axis of both.

    Floats become float32 (float64 where JAX is told to use it), integers and booleans int32.
    """

    optional: bool = False

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        if value is None and self.optional:
            return None
        if not isinstance(value, tuple | list) or len(value) != 2:
            got = type(value).__name__
            got += f" of length {len(value)}" if isinstance(value, tuple | list) else ""
            raise refusal(name, "a pair (inputs, targets)", got, TypeError)
        inputs, targets = (
            self.array(name, what, part)
            for what, part in zip(("inputs", "targets"), value, strict=True)
        )
        if len(inputs) != len(targets):
            raise refusal(name, f"a target for each of the {len(inputs)} inputs", len(targets))
        if self.optional and (other := arguments["data"]):
            for what, part, model in zip(
                ("inputs", "targets"), (inputs, targets), other, strict=True
            ):
                if part.shape[1:] != model.shape[1:]:
                    wanted = f"{what} of shape {('examples', *model.shape[1:])} as in data"
                    raise refusal(name, wanted.replace("'", ""), part.shape)
        return inputs, targets

    @staticmethod
    def array(name: str, what: str, value: Any) -> jax.Array:
        """One of the two as an array on the device."""
        try:
            array = value if isinstance(value, jax.Array) else np.asarray(value)
        except ValueError:
            raise refusal(name, f"{what} of one shape", "an irregular list", TypeError) from None
        floating = jnp.issubdtype(array.dtype, jnp.floating)
        if not (floating or jnp.issubdtype(array.dtype, jnp.integer) or array.dtype == bool):
            raise refusal(name, f"{what} that are numbers", array.dtype, TypeError)
        if array.ndim == 0 or array.size == 0:
            raise refusal(name, f"at least one example in {what}", f"shape {array.shape}")
        if floating and not (finite := np.isfinite(values := np.asarray(array))).all():
            raise refusal(name, f"finite {what}", values[~finite].flat[0])
        wide = float if floating else int
        narrow = jnp.issubdtype(array.dtype, jnp.floating) and array.dtype.itemsize == 2
        return jnp.asarray(array, None if narrow else jax.dtypes.canonicalize_dtype(wide))


class BatchSize(Count):
    """At least one example, and no more than there are."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> int:
        number = super().__call__(name, value, arguments)
        if number > (examples := len(arguments["data"][0])):
            raise refusal(name, f"at most the {examples} examples of data", number)
        return number


class Patience:
    """A number of epochs, or None; there must be validation data to look at."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> int | None:
        if value is None:
            return None
        number = Count()(name, value, arguments)
        if arguments["validation"] is None:
            raise refusal(name, "validation data to go by", "none")
        return number


class Strength:
    """A number of at least 0; exactly 0 becomes None."""

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> float | None:
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise refusal(name, "a number", type(value).__name__, TypeError) from None
        if not 0 <= number < np.inf:
            raise refusal(name, "a number of at least 0", number)
        return number or None


class Loss:
    """A function of predictions and targets; what it is given beforehand (`Partial`) is traced."""

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Partial:
        if not callable(value):
            got = type(value).__name__
            raise refusal(name, "a function (predictions, targets)", got, TypeError)
        return value if isinstance(value, Partial) else Partial(value)


class ModelRule:
    """A pair of functions `init(key)` and `apply(params, inputs)`."""

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Any:
        parts: list[Callable[..., Any] | None] = [
            getattr(value, part, None) for part in ("init", "apply")
        ]
        if not all(callable(part) for part in parts):
            got = type(value).__name__
            raise refusal(name, "a model with init and apply", got, TypeError)
        try:
            hash(value)
        except TypeError:
            raise refusal(name, "a hashable model", type(value).__name__, TypeError) from None
        return value


class Devices:
    """How many devices: a number, "all", or the devices themselves; None is left as it is."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        if value is None or (isinstance(value, str) and value == "all"):
            return value
        if isinstance(value, list | tuple | np.ndarray):
            chosen, there = tuple(value), jax.devices()
            if not chosen or len({*chosen}) < len(chosen) or not {*chosen} <= {*there}:
                raise refusal(name, f"different ones of {there}", chosen)
            return chosen
        if isinstance(value, str):
            raise refusal(name, "a number of devices or 'all'", repr(value))
        return Count()(name, value, arguments)


class Keeper:
    """Something with `save` and `restore`, or None."""

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Any:
        parts = [getattr(value, part, None) for part in ("save", "restore")]
        if value is None or (not isinstance(value, type) and all(map(callable, parts))):
            return value
        got = getattr(value, "__name__", None) or type(value).__name__
        raise refusal(name, "an object with save and restore, such as OrbaxStore", got, TypeError)
