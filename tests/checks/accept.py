"""A function with one checked argument, for the tests of all rules."""

import numpy as np
from jaxtyping import Array, Float

from course.checks import checked, finite

HALVES = [0.5, 0.5]
NAN, INF = float("nan"), float("inf")
NUMBERS = Float[Array, "..."]
PLAIN = Float[np.ndarray, "..."]


def accept(rule, value, annotation=object):
    """What a function sees of an argument `x` with this annotation and rule."""

    def see(x):
        return x

    see.__annotations__["x"] = annotation
    return checked(x=rule)(see)(value)


@checked(x=finite, y=finite, z=finite)
def alike(x: Float[Array, "*#shape"], y: Float[Array, "*#shape"], z: Float[Array, "*#shape"]):
    """Add what broadcasts."""
    return x + y + z
