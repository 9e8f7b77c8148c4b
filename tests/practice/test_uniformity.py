"""Sets of rows that chance alone has drawn are told from systematic ones."""

from collections.abc import Callable

import numpy as np
import pytest

from course.practice.uniformity import SAME, unevenness

ROWS, CHOSEN, DRAWS = 50, 10, 200
Draw = Callable[[np.random.Generator], np.ndarray]


def drawn(draw: Draw, seed: int) -> np.ndarray:
    """Draw many sets, each with a generator of its own."""
    rng = np.random.default_rng(seed)
    return np.array([np.isin(np.arange(ROWS), draw(one)) for one in rng.spawn(DRAWS)])


FAIR: dict[str, Draw] = {
    "shuffled": lambda rng: rng.permutation(ROWS)[:CHOSEN],
    "the last ones": lambda rng: rng.permutation(ROWS)[-CHOSEN:],
    "every fifth of a shuffle": lambda rng: rng.permutation(ROWS)[::5],
    "chosen": lambda rng: rng.choice(ROWS, CHOSEN, replace=False),
    "sorted by random numbers": lambda rng: rng.random(ROWS).argsort()[:CHOSEN],
}
UNFAIR: dict[str, Draw] = {
    "first half": lambda rng: rng.permutation(ROWS // 2)[:CHOSEN],
    "even rows": lambda rng: 2 * rng.permutation(ROWS // 2)[:CHOSEN],
    "even rows or odd ones": lambda rng: 2 * rng.permutation(25)[:CHOSEN] + rng.integers(2),
    "never the first row": lambda rng: 1 + rng.permutation(ROWS - 1)[:CHOSEN],
    "never the last rows": lambda rng: rng.permutation(ROWS - 3)[:CHOSEN],
    "pairs of neighbours": lambda rng: np.add.outer([0, 1], 2 * rng.permutation(25)[:5]),
    "one of each five": lambda rng: np.arange(0, ROWS, 5) + rng.integers(5, size=CHOSEN),
    "as many of each half": lambda rng: np.concatenate(
        [rng.permutation(25)[:5], 25 + rng.permutation(25)[:5]]
    ),
    "one of each remainder": lambda rng: np.arange(10) + 10 * rng.integers(5, size=10),
    "a block": lambda rng: (rng.integers(ROWS) + np.arange(CHOSEN)) % ROWS,
    "a rhythm": lambda rng: rng.integers(5) + np.arange(0, ROWS, 5),
    "rather the last ones": lambda rng: rng.choice(
        ROWS, CHOSEN, replace=False, p=np.arange(1, ROWS + 1) / 1275
    ),
    "always the same": lambda rng: np.random.default_rng(0).permutation(ROWS)[:CHOSEN],
    "one of ten sets": lambda rng: np.random.default_rng(rng.integers(10)).permutation(50)[:10],
}


@pytest.mark.parametrize("name", FAIR)
def test_chance_passes(name: str) -> None:
    assert [unevenness(drawn(FAIR[name], seed)) for seed in range(50)] == [None] * 50


@pytest.mark.parametrize("name", UNFAIR)
def test_a_system_is_found(name: str) -> None:
    for seed in range(10):
        assert unevenness(drawn(UNFAIR[name], seed))


def test_draws_that_repeat_are_told_apart() -> None:
    assert unevenness(drawn(UNFAIR["always the same"], 0)) == SAME
