"""Splitting examples into parts and batches, all arrays of the data alike.

Data is a tuple of arrays that have one row for each example, such as (inputs, labels); a `Table`
counts as its inputs and labels.
"""

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Int

from course.data.rules import SEED, Number
from course.data.tables import Table
from course.legacy_checks import Arguments, Count, checked, refusal

Data: TypeAlias = tuple[np.ndarray, ...]
Fractions: TypeAlias = tuple[float, ...]


class _Data:
    """Arrays of equal length, at least one example long."""

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Data:
        if not isinstance(value, (tuple, list)) or not value:
            raise refusal(name, "a pair (inputs, labels)", type(value).__name__, TypeError)
        value = value[:2] if isinstance(value, Table) else value
        try:
            arrays = tuple(np.asarray(array) for array in value)
        except ValueError:
            raise refusal(name, "arrays", "an irregular list", TypeError) from None
        if any(array.dtype == object for array in arrays):
            raise refusal(name, "arrays of numbers", "other objects", TypeError)
        if any(array.ndim == 0 for array in arrays):
            raise refusal(name, "arrays with a row for each example", "a single value")
        lengths = [len(array) for array in arrays]
        if len(set(lengths)) > 1:
            raise refusal(name, "arrays of equal length", f"lengths {lengths}")
        if lengths[0] == 0:
            raise refusal(name, "at least one example", "none")
        return arrays


class _Fractions:
    """Shares above 0 that sum to 1 at most, each of at least one of the examples in `data`."""

    share = Number("fractions above 0 that sum to 1 at most", low=np.finfo(np.float64).tiny)

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Fractions:
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            got = type(value).__name__
            raise refusal(name, "a fraction for each part", got, TypeError)
        shares = tuple(self.share(name, share, arguments) for share in value)
        if not shares:
            raise refusal(name, "a fraction for each part", "none")
        if sum(shares) > 1 + 1e-9:  # 0.7 + 0.2 + 0.1 is a little more or less than 1
            raise refusal(name, self.share.expected, f"sum {sum(shares):.7g}")
        examples = len(arguments["data"][0])
        sizes = np.diff(_bounds(shares, examples)).tolist()
        if 0 in sizes:
            raise refusal(name, f"some of the {examples} examples in each part", sizes)
        return shares


@checked(data=_Data(), fractions=_Fractions(), seed=SEED)
def random_split(data: Data, fractions: Fractions, *, seed: int) -> tuple[Data, ...]:
    """Split examples at random, so that all parts are alike but for chance.

    Args:
        data: a tuple of arrays with a row for each example, or a Table.
        fractions: the share of each part, such as (0.6, 0.2, 0.2); what they leave of 1 is left
            out. Part k ends at example round(n (f_1 + ... + f_k)).
        seed: an integer from 0; equal seeds give equal splits.

    Returns:
        A tuple of arrays like `data` for each part; no example is in two of them.

    Raises:
        TypeError, ValueError: if arrays differ in length, fractions are not above 0, sum to more
            than 1 or leave a part without examples, or `seed` is negative.

    >>> train, test = random_split((np.arange(10) * 1.5, np.arange(10)), (0.8, 0.2), seed=0)
    >>> train[1].shape, test[1].tolist()
    ((8,), [8, 1])

    Reference: T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning (2nd
    ed., 2009), section 7.2.
    """
    return _parts(data, fractions, np.random.default_rng(seed).permutation(len(data[0])))


@checked(data=_Data(), fractions=_Fractions())
def ordered_split(data: Data, fractions: Fractions) -> tuple[Data, ...]:
    """Split examples by their order in the file: the first part, the next, and so on.

    Where the order means something (other writers, other years), the last part is a harder test
    than a random one, and often a more honest one.

    Args:
        data: a tuple of arrays with a row for each example, or a Table.
        fractions: the share of each part, as for `random_split`.

    Returns:
        A tuple of arrays like `data` for each part.

    Raises:
        TypeError, ValueError: as for `random_split`.

    >>> train, test = ordered_split((np.arange(10) * 1.5, np.arange(10)), (0.8, 0.2))
    >>> test[1].tolist()
    [8, 9]

    Reference: none; it is slicing.
    """
    return _parts(data, fractions, np.arange(len(data[0])))


@checked(data=_Data(), batch_size=Count(), seed=SEED)
def batches(data: Data, batch_size: int, *, seed: int | None = None) -> Iterator[Data]:
    """Go through all examples once, a batch at a time.

    Args:
        data: a tuple of arrays with a row for each example, or a Table.
        batch_size: examples in a batch, at most as many as there are. The last batch is smaller
            where they do not come out even.
        seed: an integer from 0 to shuffle by; without one the order is that of the data.

    Returns:
        An iterator of batches, each a tuple of arrays like `data`.

    Raises:
        TypeError, ValueError: if arrays differ in length, or `batch_size` is below 1 or above the
            number of examples.

    >>> [labels.tolist() for inputs, labels in batches((np.zeros(5), np.arange(5)), 2)]
    [[0, 1], [2, 3], [4]]

    Reference: I. Goodfellow, Y. Bengio and A. Courville, Deep Learning (2016), section 8.1.3.
    """
    examples = len(data[0])
    if batch_size > examples:
        raise refusal("batch_size", f"at most the {examples} examples", batch_size)
    order = np.arange(examples)
    if seed is not None:
        order = np.random.default_rng(seed).permutation(examples)
    starts = range(0, examples, batch_size)
    return (tuple(array[order[at : at + batch_size]] for array in data) for at in starts)


def _bounds(fractions: Fractions, examples: int) -> list[int]:
    """Where the first part begins, and where each part ends."""
    return [0, *(min(round(end * examples), examples) for end in accumulate(fractions))]


def _parts(
    data: Data, fractions: Fractions, order: Int[np.ndarray, " examples"]
) -> tuple[Data, ...]:
    chosen = [order[start:end] for start, end in pairwise(_bounds(fractions, len(order)))]
    return tuple(tuple(array[part] for array in data) for part in chosen)
