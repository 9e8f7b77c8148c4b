"""The compiled part of training, beside the scan that it is."""

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from course.models.layers import Model
from course.training import steps
from course.training.batching import BatchOrder
from course.training.optimizers import adam, apply_updates, sgd
from course.training.steps import Objective
from tests.support.compilations import compilations
from tests.training.models import LINE, NET, SLOPE, cross_entropy, flowers, slope_init, squares

KEY = jax.random.key(3)
FLOWERS = tuple(map(jnp.asarray, flowers()))


def take(count: int, *, l2: float | None = None, unroll: int = 2, first: int = 0) -> Any:
    """Take steps of Adam on the flowers."""
    objective = Objective(Partial(cross_entropy), adam(0.01), l2, KEY)
    state = steps.init_train_state(NET, objective.optimizer, KEY)
    batches = jnp.asarray(BatchOrder(KEY, 90, 16).take(count))
    return TAKE(objective, state, FLOWERS, batches, first, count, unroll=unroll), batches[:count]


# Compiled, as its callers do: other numbers of steps are the same program.
TAKE = jax.jit(partial(steps.take_steps, NET), static_argnames="unroll")
MOST = 7


@cache
def by_scan(l2: float | None) -> Any:
    """The parameters after each of the most steps, and the losses, by a scan over the batches."""
    optimizer = adam(0.01)

    def penalized(params: Any, x: Any, y: Any) -> Any:
        squares = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))
        return jnp.mean(cross_entropy(NET.apply(params, x), y)) + (l2 or 0.0) / 2 * squares

    def step(state: Any, batch: Any) -> Any:
        params, opt_state = state
        x, y = FLOWERS[0][batch], FLOWERS[1][batch]
        updates, opt_state = optimizer.update(jax.grad(penalized)(params, x, y), opt_state, params)
        loss = jnp.mean(cross_entropy(NET.apply(params, x), y))
        params = apply_updates(params, updates)
        return (params, opt_state), (params, loss)

    start = tuple(steps.init_train_state(NET, optimizer, KEY))
    batches = jnp.asarray(BatchOrder(KEY, 90, 16).take(MOST))[:MOST]
    return jax.lax.scan(step, start, batches)[1], batches


@pytest.mark.parametrize("l2", [None, 0.1])
@pytest.mark.parametrize("count", [1, 2, MOST])
def test_it_is_a_scan_over_batches(count: int, l2: float | None) -> None:
    result, batches = take(count, l2=l2)
    (params, losses), all_batches = by_scan(l2)
    np.testing.assert_array_equal(batches, all_batches[:count])
    np.testing.assert_allclose(result.losses[:count], losses[:count], rtol=1e-5)
    for mine, theirs in zip(*map(jax.tree.leaves, (result.state.params, params)), strict=True):
        np.testing.assert_allclose(mine, theirs[count - 1], rtol=1e-4, atol=1e-6)
    assert (np.asarray(result.losses[count:]) == 0).all()
    assert result.finite


def test_unrolling_changes_nothing_but_rounding() -> None:
    one, two = take(7, unroll=1)[0], take(7, unroll=2)[0]
    np.testing.assert_allclose(one.losses, two.losses, rtol=1e-5)


def test_any_number_of_steps_is_the_same_program() -> None:
    objective = Objective(Partial(squares), sgd(0.1), None, KEY)
    state = steps.init_train_state(SLOPE, objective.optimizer, KEY)
    data = tuple(map(jnp.asarray, LINE))
    order = BatchOrder(KEY, 40, 8)
    steps.train(SLOPE, objective, state, data, order.take(3), 0, 3)
    with compilations() as made:
        steps.train(SLOPE, objective, state, data, order.take(20), 3, 20)
    assert made == []


def test_a_loss_that_breaks_with_the_last_update_is_noticed() -> None:
    objective = Objective(Partial(squares), sgd(1e30), None, KEY)
    state = steps.init_train_state(SLOPE, objective.optimizer, KEY)
    batches = BatchOrder(KEY, 40, 8).take(1)
    result = steps.train(SLOPE, objective, state, tuple(map(jnp.asarray, LINE)), batches, 0, 1)
    assert np.isfinite(result.losses[0])
    assert not result.finite


def test_each_step_has_its_own_key_wherever_a_chunk_begins() -> None:
    def apply(params: Any, x: Any, key: Any = None) -> Any:
        return params["slope"] * 0 * x + (0.0 if key is None else jax.random.normal(key))

    noisy = Model(slope_init, apply)
    objective = Objective(Partial(lambda p, y: p + 0 * y), sgd(0.1), None, KEY)
    state = steps.init_train_state(noisy, objective.optimizer, KEY)
    data, order = tuple(map(jnp.asarray, LINE)), BatchOrder(KEY, 40, 8).take(6)
    whole = steps.train(noisy, objective, state, data, order, 0, 6).losses[:6]
    late = steps.train(noisy, objective, state, data, order, 4, 2).losses[:2]
    assert len({f"{loss:.5f}" for loss in whole}) == 6
    np.testing.assert_allclose(late, whole[4:], rtol=1e-6)


@pytest.mark.parametrize(
    ("predictions", "targets", "expected"),
    [
        ([[0.1, 2.0], [3.0, 1.0]], [1, 1], [1.0, 0.0]),
        ([0.5, -0.5, 2.0], [1, 1, 0], [1.0, 0.0, 0.0]),
        ([0.5, -0.5], [1.0, 0.0], [np.nan, np.nan]),
        ([[0.1, 2.0], [3.0, 1.0]], [[1], [0]], [np.nan, np.nan]),
    ],
    ids=["scores", "one score", "no labels", "another shape"],
)
def test_labels_are_counted_as_right(predictions: Any, targets: Any, expected: Any) -> None:
    found = steps.correct(jnp.array(predictions), jnp.array(targets))
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


def test_evaluation_is_a_mean_over_the_examples() -> None:
    params = NET.init(KEY)
    metrics = steps.evaluate(NET, Partial(cross_entropy), params, FLOWERS)
    logits = NET.apply(params, FLOWERS[0])
    np.testing.assert_allclose(metrics.loss, np.mean(cross_entropy(logits, FLOWERS[1])), rtol=1e-5)
    np.testing.assert_allclose(metrics.accuracy, np.mean(logits.argmax(1) == FLOWERS[1]), rtol=1e-6)
    lists = steps.evaluate(
        NET, cross_entropy, params, [np.array(part).tolist() for part in FLOWERS]
    )
    assert np.array_equal(lists.loss, metrics.loss)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"data": (FLOWERS[0], np.array(FLOWERS[1], np.int64) + 2**32)},
            "data: expected targets from -2147",
        ),
        ({"data": (FLOWERS[0], FLOWERS[0] * np.nan)}, "data: expected finite targets, got nan"),
        ({"data": FLOWERS[0]}, "data: expected a pair"),
        ({"params": None}, "params: expected parameters of the model, got nothing"),
        (
            {
                "params": [
                    {"b": np.zeros(9), "w": np.zeros((4, 9))},
                    {"b": np.zeros(3), "w": np.zeros((9, 3))},
                ]
            },
            "params: expected parameters of the model, got shape",
        ),
        ({"model": "net"}, "model: expected a model with init and apply, got str"),
        ({"loss": None}, "loss: expected a function"),
        ({"loss": lambda z, y: z.argmax(1) != y}, "loss: expected floats"),
    ],
)
def test_what_cannot_be_evaluated_is_named(changes: Any, message: str) -> None:
    given = {"model": NET, "loss": cross_entropy, "params": NET.init(KEY), "data": FLOWERS}
    with pytest.raises((TypeError, ValueError), match=message):
        steps.evaluate(**(given | changes))
