"""The training loop: what it computes, what it refuses, how it ends."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.tree_util import Partial

from course.models.layers import Model
from course.models.mlp import mlp
from course.training import loop, steps
from course.training.batching import BatchOrder, Chunk
from course.training.interrupts import StopSignal
from course.training.loop import FitResult, fit
from course.training.optimizers import adam, sgd
from course.training.results import Stopped
from course.training.schedules import cosine
from course.training.sweep import sweep
from tests.support.compilations import compilations
from tests.training.models import (
    LINE,
    NET,
    SLOPE,
    X,
    cross_entropy,
    flowers,
    slope_apply,
    slope_init,
    squares,
)

KEY = jax.random.key(3)


def run(model: Any = NET, loss: Any = cross_entropy, optimizer: Any = None, **changes: Any) -> Any:
    """`fit` with arguments that most tests share."""
    data = changes.pop("data", flowers())
    given = {"epochs": 5, "batch_size": 16, "key": KEY, "progress": False} | changes
    return fit(model, loss, adam(0.01) if optimizer is None else optimizer, data, **given)


def same(one: Any, other: Any) -> bool:
    return all(
        np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True)
    )


def by_hand(
    epochs: int, batch_size: int, rate: float, l2: float = 0.0
) -> tuple[dict[str, np.ndarray], list[float]]:
    """The same run of the one-parameter model in NumPy, from the same start in the same order."""
    start = slope_init(jax.random.split(KEY)[0])
    w, losses = np.float64(start["slope"]), []
    order = BatchOrder(KEY, len(X), batch_size)
    for _ in range(epochs):
        for batch in order.epoch():
            x, y = LINE[0][batch].astype(np.float64), LINE[1][batch].astype(np.float64)
            losses.append(float(np.mean((w * x - y) ** 2)))
            w = w - rate * (np.mean(2 * (w * x - y) * x) + l2 * w)
    return w, losses


@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_it_is_gradient_descent(l2: float) -> None:
    result = run(SLOPE, squares, sgd(0.2), data=LINE, epochs=7, batch_size=8, l2=l2)
    w, losses = by_hand(7, 8, 0.2, l2)
    np.testing.assert_allclose(result.params["slope"], w, rtol=1e-5)
    np.testing.assert_allclose(result.history.loss, losses, rtol=1e-4, atol=1e-7)
    assert result.stopped == "finished"
    assert result.history.steps_per_epoch == 5
    epochs = np.mean(np.reshape(losses, (7, 5)), axis=1)
    np.testing.assert_allclose(result.history.epoch_loss, epochs, rtol=1e-4, atol=1e-7)


def test_each_epoch_visits_each_example_once_but_for_the_rest() -> None:
    """40 examples in batches of 12: four are left out, others in each epoch."""
    order = BatchOrder(KEY, 40, 12)
    visits = [order.take(3)[:3].ravel() for _ in range(20)]
    assert all(len(set(epoch.tolist())) == 36 for epoch in visits)
    assert len(set(np.concatenate(visits).tolist())) == 40
    result = run(SLOPE, squares, sgd(0.2), data=LINE, epochs=2, batch_size=12)
    assert len(result.history.loss) == 2 * 3
    np.testing.assert_allclose(result.params["slope"], by_hand(2, 12, 0.2)[0], rtol=1e-5)


def test_a_run_can_be_divided_in_any_way(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run()
    for pieces in ([1] * 25, [24, 1], [3, 7, 15]):

        def cut(*_: Any, pieces: list[int] = pieces, **__: Any) -> Iterator[Chunk]:
            first = 0
            for count in pieces:
                yield Chunk(first, count, ends_epoch=False)
                first += count

        monkeypatch.setattr(loop, "chunks", cut)
        divided = run()
        assert same(divided.params, whole.params)
        assert np.array_equal(divided.history.loss, whole.history.loss)


def test_the_same_key_gives_the_same_run_and_another_another() -> None:
    assert same(run(), run())
    assert not same(run().params, run(key=jax.random.key(4)).params)
    old = jax.random.PRNGKey(1)
    one, other = (run(SLOPE, squares, sgd(0.1), data=LINE, key=old) for _ in range(2))
    assert same(one.params, other.params)


def tempered(temperature: Any, logits: Any, labels: Any) -> Any:
    return cross_entropy(logits / temperature, labels)


def test_other_numbers_compile_nothing() -> None:
    data, validation = flowers(), flowers(30, seed=1)

    def go(rate: float, l2: float, temperature: float, epochs: int, key: int) -> Any:
        return fit(
            mlp((4, 8, 3)),
            Partial(tempered, temperature),
            adam(cosine(rate, 100)),
            data,
            epochs=epochs,
            batch_size=16,
            key=jax.random.key(key),
            validation=validation,
            patience=50,
            l2=l2,
            progress=False,
        )

    first = go(0.01, 1e-3, 1.0, 3, 0)
    with compilations() as made:
        second = go(0.002, 1e-2, 2.0, 8, 1)
    assert made == []
    assert not same(first.params, second.params)
    with compilations() as made:
        run(SLOPE, squares, sgd(0.1), data=LINE, batch_size=13)
    assert made, "the counter must see a program that is new"


def test_any_transformation_of_optax_takes_the_place_of_ours() -> None:
    chain = optax.chain(optax.scale_by_adam(), optax.scale_by_learning_rate(0.01))
    ours, theirs = run(optimizer=adam(0.01)), run(optimizer=chain)
    for a, b in zip(*map(jax.tree.leaves, (ours.params, theirs.params)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    lion = run(SLOPE, squares, optax.lion(1e-2), data=LINE, epochs=20)
    assert lion.history.epoch_loss[-1] < lion.history.epoch_loss[0]


def test_validation_is_measured_after_each_epoch_and_does_not_change_the_run() -> None:
    validation = flowers(31, seed=1)
    with_it, without = run(validation=validation), run()
    assert same(with_it.params, without.params)
    assert with_it.history.validation_loss.shape == (5,)
    logits = NET.apply(with_it.params, validation[0])
    np.testing.assert_allclose(
        with_it.history.validation_loss[-1],
        np.mean(cross_entropy(logits, validation[1])),
        rtol=1e-5,
    )
    right = np.mean(np.argmax(logits, axis=1) == validation[1])
    np.testing.assert_allclose(with_it.history.validation_accuracy[-1], right, rtol=1e-6)
    assert without.history.validation_loss is None
    line = run(SLOPE, squares, sgd(0.2), data=LINE, batch_size=8, validation=LINE)
    assert line.history.validation_loss.shape == (5,)
    assert line.history.validation_accuracy is None


def test_early_stopping_returns_the_best_epoch() -> None:
    train, validation = flowers(30), flowers(60, seed=5)
    long = run(data=train, validation=validation, epochs=60, batch_size=10, optimizer=adam(0.1))
    best = int(np.argmin(long.history.validation_loss))
    assert best + 4 < 60, "it must overfit for this test to say anything"
    stopped = run(data=train, validation=validation, epochs=60, batch_size=10,
                  optimizer=adam(0.1), patience=4)  # fmt: skip
    epochs = len(stopped.history.validation_loss)
    found = int(np.argmin(stopped.history.validation_loss))
    assert epochs == found + 1 + 4
    assert stopped.stopped is Stopped.PATIENCE
    again = run(data=train, epochs=found + 1, batch_size=10, optimizer=adam(0.1))
    assert same(stopped.params, again.params)
    assert same(stopped.state, again.state)


def test_early_stopping_that_never_comes_still_returns_the_best_epoch() -> None:
    train, validation = flowers(30), flowers(60, seed=5)
    result = run(data=train, validation=validation, epochs=60, batch_size=10,
                 optimizer=adam(0.1), patience=60)  # fmt: skip
    best = int(np.argmin(result.history.validation_loss))
    again = run(data=train, epochs=best + 1, batch_size=10, optimizer=adam(0.1))
    assert result.stopped == "finished"
    assert same(result.params, again.params)


@pytest.mark.parametrize("rate", [5.0, 30.0, 1e4])
def test_a_loss_that_overflows_ends_the_run_and_keeps_the_last_finite_state(rate: float) -> None:
    """Squared error under far too large a rate: w leaves for infinity, by a factor each step."""
    with pytest.warns(RuntimeWarning, match="no longer finite at step"):
        result = run(SLOPE, squares, sgd(rate), data=LINE, epochs=400, batch_size=8)
    assert result.stopped is Stopped.NOT_FINITE
    assert np.isfinite(result.history.loss[:-1]).all()
    assert np.isinf(result.history.loss[-1])
    assert np.isfinite(result.params["slope"])
    # The state between two chunks, of which the first has eight steps: not far from the break.
    broke = len(result.history.loss) - 1
    kept = [n for n in range(broke + 1) if same(result.params, first_steps(n, rate))]
    assert kept == [0] if broke < 8 else kept[0] >= 8


def first_steps(count: int, rate: float) -> Any:
    """The parameters of that run after some steps."""
    begin, step_key = jax.random.split(KEY)
    state = steps.init_train_state(SLOPE, sgd(rate), begin)
    if count == 0:
        return state.params
    objective = steps.Objective(Partial(squares), sgd(rate), None, step_key)
    data = (jnp.asarray(LINE[0]), jnp.asarray(LINE[1]))
    batches = BatchOrder(KEY, len(X), 8).take(count)
    return steps.train(SLOPE, objective, state, data, batches, 0, count).state.params


def test_a_loss_that_is_nan_from_the_start_keeps_the_initial_parameters() -> None:
    def undefined(predictions: Any, targets: Any) -> Any:
        return predictions * targets * jnp.nan

    with pytest.warns(RuntimeWarning, match="at step 0"):
        result = run(SLOPE, undefined, sgd(0.1), data=LINE)
    assert same(result.params, slope_init(jax.random.split(KEY)[0]))
    assert np.isnan(result.history.loss).tolist() == [True]


def test_the_update_of_the_last_step_counts_too() -> None:
    """One step, whose loss is finite and whose update is not."""
    with pytest.warns(RuntimeWarning, match="at step 1;"):
        result = run(SLOPE, squares, sgd(1e30), data=LINE, epochs=1, batch_size=40)
    assert same(result.params, slope_init(jax.random.split(KEY)[0]))
    assert np.isfinite(result.history.loss).tolist() == [True]


@contextmanager
def interrupt_after(seconds: float) -> Iterator[None]:
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(seconds, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.join()


def test_an_interrupt_keeps_what_was_learned() -> None:
    run(epochs=1)  # so that the time goes into steps
    with pytest.warns(RuntimeWarning, match="interrupted after"), interrupt_after(1.0):
        result = run(epochs=10**7)
    done = len(result.history.loss)
    assert result.stopped is Stopped.INTERRUPTED
    assert 0 < done < 5 * 10**7
    assert int(result.state.count if hasattr(result.state, "count") else result.state[0]) == done
    assert result.history.loss[-5:].mean() < result.history.loss[:5].mean()


@pytest.mark.parametrize("many", [False, True])
def test_an_interrupt_after_the_last_step_is_told(
    many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = StopSignal.__exit__

    def leave(self: StopSignal, *error: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        real(self, *error)

    monkeypatch.setattr(StopSignal, "__exit__", leave)
    given = {"epochs": 2, "batch_size": 16, "progress": False, "keys" if many else "key": KEY}
    train: Any = sweep if many else fit
    with pytest.warns(RuntimeWarning, match="interrupted after"):
        result = train(SLOPE, squares, sgd(0.1), LINE, **given)
    assert result.stopped is Stopped.INTERRUPTED


def test_an_interrupt_during_a_chunk_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = steps.train, []

    def train(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(loop.steps, "train", train)
    with pytest.warns(RuntimeWarning, match="interrupted"):
        result = run(epochs=500)
    done = sum(args[-1] for args in calls[:2])
    assert len(result.history.loss) == done
    assert result.stopped is Stopped.INTERRUPTED
    assert done < 500 * 5


class Bar:
    """What a bar is asked to do."""

    disable = False

    def __init__(self, **settings: Any) -> None:
        self.settings, self.count, self.said = settings, 0, []
        self.disable = settings["disable"]
        Bar.last = self

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def set_postfix(self, figures: Any = None, *, refresh: bool, **more: Any) -> None:
        self.said.append((figures or {}) | more)

    def update(self, count: int) -> None:
        self.count += count


def test_the_bar_shows_loss_and_accuracy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_QUIET", raising=False)
    result = run(progress=Bar)
    assert Bar.last.settings["total"] == Bar.last.count == 25
    assert Bar.last.closed
    assert Bar.last.said[-1].keys() == {"loss", "accuracy"}
    logits = NET.apply(result.params, flowers()[0])
    assert Bar.last.said[-1]["accuracy"] == f"{np.mean(logits.argmax(1) == flowers()[1]):.1%}"
    run(SLOPE, squares, sgd(0.1), data=LINE, progress=Bar)
    assert Bar.last.said[-1].keys() == {"loss"}


def noisy_apply(params: Any, inputs: Any, *, key: Any = None) -> Any:
    noise = 0.0 if key is None else jax.random.normal(key)
    return params["slope"] * inputs + noise


def test_a_model_that_takes_a_key_gets_another_one_in_every_step() -> None:
    noisy = Model(slope_init, noisy_apply)
    result = run(noisy, squares, sgd(1e-30), data=LINE, epochs=10, batch_size=40)
    assert len({f"{loss:.4f}" for loss in result.history.loss}) == 10
    assert same(result.params, slope_init(jax.random.split(KEY)[0])), "the rate is next to none"
    quiet = run(noisy, squares, sgd(1e-30), data=LINE, batch_size=40, validation=LINE)
    expected = np.mean(squares(slope_apply(quiet.params, X), LINE[1]))
    np.testing.assert_allclose(quiet.history.validation_loss, expected, rtol=1e-5)


def test_dropout_is_for_training_alone() -> None:
    net = mlp((4, 32, 3), dropout=0.5)
    result = run(net, epochs=60, validation=flowers())
    assert result.history.epoch_loss[-1] > result.history.validation_loss[-1]


def test_integer_inputs_stay_integers() -> None:
    def init(key: Any) -> Any:
        return {"table": jax.random.normal(key, (5, 3))}

    def apply(params: Any, inputs: Any) -> Any:
        assert jnp.issubdtype(inputs.dtype, jnp.integer)
        return params["table"][inputs]

    tokens = np.arange(40) % 5
    result = run(Model(init, apply), optimizer=adam(0.1), data=(tokens, tokens % 3), epochs=50,
                 batch_size=10)  # fmt: skip
    assert result.history.epoch_loss[-1] < 0.05


def test_binary_labels_and_booleans() -> None:
    def logistic(logits: Any, labels: Any) -> Any:
        return jnp.logaddexp(0.0, logits) - labels * logits

    data = (X, X > 0)
    result = run(SLOPE, logistic, sgd(1.0), data=data, epochs=50, batch_size=20, validation=data)
    assert result.history.validation_accuracy[-1] >= 39 / 40


class Unhashable:
    """A pair of functions that cannot be told from another."""

    __hash__ = None  # type: ignore[assignment]  # which is what makes it so
    init, apply = staticmethod(slope_init), staticmethod(slope_apply)


BAD = {
    "empty data": ({"data": (np.zeros((0, 4)), np.zeros(0, int))}, "data: expected at least one"),
    "lengths": ({"data": (np.zeros((5, 4)), np.zeros(4, int))}, "data: expected a target for each"),
    "nan": (
        {"data": (np.full((20, 4), np.nan), np.zeros(20, int))},
        "data: expected finite inputs",
    ),
    "inf target": ({"data": (np.zeros(20), np.full(20, np.inf))}, "data: expected finite targets"),
    "no pair": ({"data": np.zeros((5, 4))}, "data: expected a pair"),
    "three": ({"data": (X, X, X)}, "data: expected a pair"),
    "words": ({"data": (["a", "b"], [0, 1])}, "data: expected inputs that are numbers"),
    "ragged": (
        {"data": ([[1.0], [1.0, 2.0]], [0, 1])},
        "data: expected numbers, got an irregular list",
    ),
    "number": ({"data": (1.0, 2.0)}, "data: expected at least one"),
    "large batch": ({"batch_size": 91}, "batch_size: expected at most the 90 examples"),
    "batch": ({"batch_size": 0}, "batch_size: expected an integer of at least 1, got 0"),
    "batch kind": ({"batch_size": 2.5}, "batch_size: expected an integer, got float"),
    "epochs": ({"epochs": 0}, "epochs: expected an integer of at least 1, got 0"),
    "epochs kind": ({"epochs": "3"}, "epochs: expected an integer, got str"),
    "key": ({"key": 3}, "key: expected a key like"),
    "validation": ({"validation": flowers()[0]}, "validation: expected a pair"),
    "validation shape": (
        {"validation": (np.zeros((5, 3)), np.zeros(5, int))},
        r"validation: expected inputs of shape \(examples, 4\) as in data, got \(5, 3\)",
    ),
    "patience": ({"patience": 3}, "patience: expected validation data"),
    "patience count": ({"patience": 0, "validation": flowers()}, "patience: expected an integer"),
    "l2": ({"l2": -1.0}, "l2: expected a number of at least 0, got -1"),
    "l2 nan": ({"l2": np.nan}, "l2: expected a number of at least 0, got nan"),
    "l2 kind": ({"l2": "much"}, "l2: expected a number of at least 0, got str"),
    "loss": ({"loss": 3}, "loss: expected a function"),
    "mean loss": (
        {"loss": lambda z, y: cross_entropy(z, y).mean()},
        r"loss: expected one for each example, shape \(16,\), got shape \(\)",
    ),
    "wide loss": ({"loss": lambda z, y: z}, r"loss: expected one .* got shape \(16, 3\)"),
    "model": ({"model": 3}, "model: expected a model with init and apply"),
    "unhashable": ({"model": Unhashable()}, "model: expected a hashable model, got Unhashable"),
    "optimizer": ({"optimizer": 0.1}, "optimizer: expected"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_named(name: str) -> None:
    changes, message = BAD[name]
    with pytest.raises((TypeError, ValueError), match=message):
        run(**changes)


@pytest.mark.parametrize("rate", [0.0, -0.1, np.nan, np.inf])
def test_bad_rates_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate: expected"):
        run(optimizer=sgd(rate))


def test_a_label_out_of_range_is_found_before_training() -> None:
    from course.maths.losses import softmax_cross_entropy_with_integer_labels

    inputs, labels = flowers()
    with pytest.raises(ValueError, match="labels: expected labels from 0 to 2, got 3"):
        run(loss=softmax_cross_entropy_with_integer_labels, data=(inputs, labels + 1))


@pytest.mark.parametrize("seconds", [None, -1.0, np.nan, "often"])
def test_a_time_between_checkpoints_is_a_number(seconds: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="save_every: expected"):
        run(save_every=seconds)


def test_the_result_is_a_plain_tuple() -> None:
    result = run()
    assert isinstance(result, FitResult)
    *_, history, stopped = result
    assert stopped == "finished"
    assert history.loss.dtype == np.float32
