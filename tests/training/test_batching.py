"""Batches: the order of the examples, and the chunks of a run."""

import itertools
from typing import Any

import jax
import numpy as np
import pytest

from course.training.batching import BatchOrder, chunks, max_steps_per_call

KEY = jax.random.key(3)


def test_the_order_of_a_key_does_not_depend_on_how_it_is_asked_for() -> None:
    whole = BatchOrder(KEY, 50, 7).take(40)[:40]
    order = BatchOrder(KEY, 50, 7)
    pieces = [order.take(count)[:count] for count in (1, 2, 7, 10, 20)]
    assert np.array_equal(np.concatenate(pieces), whole)
    assert not np.array_equal(BatchOrder(jax.random.key(4), 50, 7).take(40)[:40], whole)


@pytest.mark.parametrize("count", [1, 6, 7, 8, 30])
def test_batches_that_are_skipped_count_as_taken(count: int) -> None:
    whole = BatchOrder(KEY, 50, 7).take(40)[:40]
    order = BatchOrder(KEY, 50, 7, skip=count)
    assert np.array_equal(order.take(10)[:10], whole[count : count + 10])


def test_a_batch_has_at_most_all_examples() -> None:
    assert BatchOrder(KEY, 5, 5).steps_per_epoch == 1
    with pytest.raises(ValueError, match="batch_size: expected at most the 5 examples of data"):
        BatchOrder(KEY, 5, 6)


def test_chunks_cover_a_run_and_break_where_they_should(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0.0, 0.0625)
    monkeypatch.setattr("course.training.batching.time.perf_counter", lambda: next(clock))
    order = BatchOrder(KEY, 22 * 64, 64)
    free = list(chunks(order, 0, 660, False))
    assert [chunk.steps_done for chunk in free] == np.cumsum([0, *(c.size for c in free)])[
        :-1
    ].tolist()
    assert sum(chunk.size for chunk in free) == 660
    # 1/16 of a second for each, when 0.2 are wanted: the next is 3.2 times as long, but even.
    assert [chunk.size for chunk in free[:3]] == [8, 24, 76]
    assert all(chunk.size % 2 == 0 for chunk in free)
    broken = list(chunks(order, 0, 660, True))
    ends = [chunk.steps_done + chunk.size for chunk in broken if chunk.ends_epoch]
    assert ends == list(range(22, 661, 22))
    assert all(chunk.size >= 1 for chunk in broken)
    odd = list(chunks(BatchOrder(KEY, 21 * 64, 64), 0, 630, True))
    assert all(chunk.size % 2 == 0 or chunk.ends_epoch for chunk in odd)
    assert next(chunks(order, 640, 660, False))[:2] == (640, 8)


def test_all_processes_divide_a_run_alike() -> None:
    """What they agree on decides, not their own clocks."""

    def divided(seconds: float) -> Any:
        order = BatchOrder(KEY, 640, 64)
        agreed = chunks(order, 0, 400, False, max_over_processes=lambda _own: seconds)
        return [chunk.size for chunk in agreed]

    assert divided(0.05) == divided(0.05)
    assert divided(0.05) != divided(0.02)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": 3}, "key: expected a key"),
        ({"examples": 2**40}, "examples: expected an integer of at most 2147483647"),
        ({"examples": 0}, "examples: expected an integer of at least 1"),
        ({"batch_size": 0}, "batch_size: expected an integer of at least 1"),
        ({"batch_size": "3"}, "batch_size: expected an integer, got str"),
        ({"skip": -1}, "skip: expected an integer of at least 0"),
    ],
)
def test_an_order_of_nothing_is_refused(changes: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        BatchOrder(**({"key": KEY, "examples": 50, "batch_size": 7} | changes))


def test_a_call_has_room_for_so_many_batches() -> None:
    most = max_steps_per_call(7)
    assert len(BatchOrder(KEY, 50, 7).take(most)) == most
    with pytest.raises(ValueError, match=f"number: expected an integer of at most {most}"):
        BatchOrder(KEY, 50, 7).take(most + 1)
    with pytest.raises(TypeError, match="order: expected BatchOrder, got str"):
        chunks("abc", 0, 5, False)  # type: ignore[arg-type]
