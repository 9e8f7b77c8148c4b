"""Random splits of examples into parts such as training and test, all arrays of the data alike.

Data is a tuple of arrays that have one row for each example, such as (inputs, labels); a `Table`
counts as its inputs and labels. The order of a file often means something (one writer after the
other), so the last rows of a file are not a fair sample of it; a random part is.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import numpy as np

from course.checks import (
    Arguments,
    checked,
    describe_shape,
    number,
    read_array,
    refusal,
    sequence,
)
from course.checks import seed as any_seed
from course.data.tables import Table

Data: TypeAlias = tuple[np.ndarray, ...]

SHARES = "fractions above 0 that sum to 1 at most"


def _examples(name: str, value: Any, _arguments: Arguments) -> Data:
    """Rule for arrays of equal length, at least one example long."""
    if not isinstance(value, tuple | list) or not value:
        raise refusal(name, "a pair (inputs, labels)", type(value).__name__, TypeError)
    columns = value[:2] if isinstance(value, Table) else value
    arrays = tuple(read_array(name, column, numpy=True) for column in columns)
    lengths = {array.shape[:1] for array in arrays}
    if len(lengths) > 1 or lengths <= {(), (0,)}:
        got = " and ".join(describe_shape(array.shape) for array in arrays)
        raise refusal(name, "arrays with a row for each example", got)
    return arrays


def _fractions(name: str, value: Any, arguments: Arguments) -> tuple[float, ...]:
    """Rule for shares above 0 that sum to 1 at most."""
    given = sequence(name, value, "a list with a fraction for each part", len(arguments["data"][0]))
    shares = tuple(number(SHARES)(name, share, arguments) for share in given)
    if not 0 < sum(shares) <= 1 + 1e-9:  # 0.7 + 0.2 + 0.1 is a little more or less than 1
        raise refusal(name, SHARES, f"sum {sum(shares):.7g}")
    return shares


@checked(data=_examples, fractions=_fractions, seed=any_seed)
def random_split(data: Sequence[Any], fractions: Sequence[float], *, seed: int) -> tuple[Data, ...]:
    """Split examples at random, so that the parts differ only by chance.

    Args:
        data: a tuple of arrays with a row for each example, or a Table.
        fractions: share of each part, such as (0.6, 0.2, 0.2); examples beyond their sum are left
            out. Part k ends at example round(n (f_1 + ... + f_k)).
        seed: an integer from 0; equal seeds give equal splits.

    Returns:
        A tuple of arrays like `data` for each part; no example is in two of them.

    >>> train, test = random_split((np.arange(10) * 1.5, np.arange(10)), (0.8, 0.2), seed=0)
    >>> train[1].shape, test[1].tolist()
    ((8,), [8, 1])

    Reference: T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning (2nd
    ed., 2009), section 7.2.
    """
    examples = len(data[0])
    ends = [0, *(min(round(end * examples), examples) for end in accumulate(fractions))]
    sizes = np.diff(ends).tolist()
    if 0 in sizes:
        raise refusal("fractions", f"some of the {examples} examples in each part", sizes)
    order = np.random.default_rng(seed).permutation(examples)
    parts = [order[start:end] for start, end in pairwise(ends)]
    return tuple(tuple(array[part] for array in data) for part in parts)
