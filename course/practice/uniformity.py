"""Test that sets of rows are drawn uniformly: all equally likely, whatever they consist of.

Many draws are compared with draws by chance, in counts that systematic choices change: how often
each row comes, each half, each residue class, two rows at a distance, and how evenly or unevenly
rows fall into blocks. Fair draws are refused less often than once in a million.
"""

import functools

import numpy as np
from numpy.typing import NDArray

# Standard errors. The sums have tails a little heavier than those of a normal variable, which is
# farther out once in 10^15 times.
FARTHEST = 8.0
SAME = "the same rows each time"
_SIMULATED = 20_000  # draws; what they leave uncertain is a tenth of the error of two hundred


def unevenness(draws: NDArray[np.bool_]) -> str | None:
    """Return what is wrong with draws of equally many rows, or None if chance alone made them.

    Args:
        draws: (draws, rows), True where a draw holds a row; two hundred draws or more.

    >>> rng = np.random.default_rng(0)
    >>> fair = rng.permuted(np.tile(np.arange(50) < 10, (200, 1)), axis=1)
    >>> unevenness(fair) is None
    True
    >>> unevenness(np.roll(fair[:1], 1, axis=1).repeat(200, axis=0))
    'the same rows each time'
    """
    count, rows = draws.shape
    if len(np.unique(draws, axis=0)) < 0.9 * count:
        return SAME
    # A row that never comes is beyond doubt long before its count is that many errors off.
    if draws.all(axis=0).any() or not draws.any(axis=0).all():
        return "some rows always or never"
    mean, spread = _by_chance(rows, int(draws[0].sum()))
    error = spread * np.sqrt(1 / count + 1 / _SIMULATED)
    if (np.abs(_statistics(draws).mean(axis=0) - mean) > FARTHEST * error).any():
        return "some sets of rows more often than others"
    return None


@functools.cache
def _by_chance(rows: int, chosen: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of the statistics of one draw by chance."""
    order = np.random.default_rng(0).random((_SIMULATED, rows)).argsort(axis=1)
    found = _statistics(order < chosen)
    return found.mean(axis=0), found.std(axis=0)


def _statistics(draws: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return counts that show a system, one row of them for each draw."""
    rows = draws.shape[1]
    held = draws.astype(np.float64)
    place = np.arange(rows)
    # Classes of rows: halves and shorter blocks, and residues, as a rhythm would choose them.
    sizes = [size for size in (2, 3, 4, 5, 10, rows // 2) if size < rows]
    classes = [place // size for size in sizes] + [place % size for size in sizes[:-1]]
    found = [held]
    for belongs in classes:
        within = held @ (belongs[:, None] == np.unique(belongs))
        found += [within, (within**2).sum(axis=1, keepdims=True)]
    pairs = [(held[:, lag:] * held[:, :-lag]).sum(axis=1) for lag in range(1, rows // 2 + 1)]
    return np.concatenate([*found, np.stack(pairs, axis=1)], axis=1)
