"""Results of a run: the best state, patience, history."""

import jax.numpy as jnp
import numpy as np
import pytest

from course.training.results import Best, RunState, Stopped, make_history
from course.training.steps import Metrics, TrainState

LABELS = (jnp.zeros((4, 2)), jnp.zeros(4, int))
NUMBERS = (jnp.zeros((4, 2)), jnp.zeros(4))


def run_of(losses: list[float]) -> RunState:
    """A run with these validation losses, two steps an epoch, whose parameters are the epoch."""
    run = RunState(TrainState(0, ()), [], [], Best(TrainState(0, ())))
    for epoch, loss in enumerate(losses, 1):
        metrics = Metrics(jnp.float32(loss), jnp.float32(0.5))
        run = run.advance(TrainState(epoch, ()), np.array([loss, loss], np.float32), metrics)
    return run


def test_the_best_epoch_has_the_lowest_loss_and_a_number_is_better_than_none() -> None:
    losses = [np.nan, 5.0, np.nan, 4.0, 4.5]
    best = [run_of(losses[:n]).best for n in range(1, 6)]
    assert [one.epoch for one in best] == [1, 2, 2, 4, 4]
    assert [one.state.params for one in best] == [1, 2, 2, 4, 4]


@pytest.mark.parametrize(("patience", "exhausted"), [(None, False), (2, True), (3, False)])
def test_patience_counts_epochs_since_the_best(patience: int | None, exhausted: bool) -> None:
    assert run_of([3.0, 2.0, 2.5, 2.0]).patience_exhausted(patience) is exhausted
    assert run_of([]).patience_exhausted(patience) is False


def test_a_chunk_without_metrics_leaves_the_best_alone() -> None:
    run = run_of([3.0])
    later = run.advance(TrainState(9, ()), np.zeros(5, np.float32))
    assert later.steps == run.steps + 5 == 7
    assert (later.best, later.metrics) == (run.best, run.metrics)
    assert later.state.params == 9


def test_a_history_joins_chunks_and_epochs() -> None:
    run = run_of([3.0, 2.0])
    history = make_history(run.losses, run.metrics, LABELS, 2)
    assert history.loss.tolist() == [3, 3, 2, 2]
    assert history.epoch_loss.tolist() == history.validation_loss.tolist() == [3, 2]
    assert history.validation_accuracy.tolist() == [0.5, 0.5]
    assert make_history(run.losses, run.metrics, NUMBERS, 2).validation_accuracy is None
    empty = make_history([], [], LABELS, 2)
    assert (empty.loss.shape, empty.validation_loss, empty.epoch_loss.shape) == ((0,), None, (0,))


def test_reasons_are_words() -> None:
    assert Stopped.FINISHED == "finished"
    assert f"{Stopped.NOT_FINITE}" == "the loss was no longer finite"
