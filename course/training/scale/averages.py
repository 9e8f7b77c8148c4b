"""How devices average what each has found for its share of a batch, in the midst of a program."""

from collections.abc import Callable
from typing import TypeAlias

import jax
from jax.flatten_util import ravel_pytree
from jaxtyping import PyTree

AXIS = "devices"
"""The name under which a program speaks of all its devices."""

Average: TypeAlias = Callable[[PyTree], PyTree]


def mean_of_devices(tree: PyTree) -> PyTree:
    """Average over the devices under `pmap`, all arrays in one message.

    A message costs more than the numbers in a small one: a message for each array would take about
    half as long again for a small network.
    """
    flat, unravel = ravel_pytree(tree)
    return unravel(jax.lax.pmean(flat, AXIS))


def mean_in_pairs(n: int) -> Average:
    """Return an average over `n` devices, a power of two, by exchanges between two.

    First neighbours exchange and add what they have, then neighbouring pairs, then fours. All come
    to the same sum, to the last bit: a + b is b + a.
    """

    def mean(tree: PyTree) -> PyTree:
        flat, unravel = ravel_pytree(tree)
        distance = 1
        while distance < n:
            partners = [(i, i ^ distance) for i in range(n)]
            flat = flat + jax.lax.ppermute(flat, AXIS, partners)
            distance *= 2
        return unravel(flat / n)

    return mean
