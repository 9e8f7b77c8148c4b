"""Snapshots: a run that goes on from one ends as if it had never been stopped."""

from typing import Any
from unittest.mock import MagicMock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from course.models.layers import Model
from course.models.mlp import mlp
from course.training import steps
from course.training.loop import fit
from course.training.optimizers import adam, sgd
from course.training.results import Best, RunFingerprint, RunState, from_arrays, to_arrays
from course.training.scale.checkpoint import Saver
from course.training.scale.runner import Runner
from course.training.steps import Metrics
from tests.training.models import LINE, NET, SLOPE, cross_entropy, flowers, squares

KEY = jax.random.key(3)
DATA = jax.tree.map(jnp.asarray, flowers())
VALIDATION = jax.tree.map(jnp.asarray, flowers(30, seed=1))


class Memory:
    """Store that keeps the last arrays, and writes only as often as it is told to."""

    def __init__(self, works: Any = True) -> None:
        self.saved: dict[int, Any] = {}
        self.works = works
        self.tries = 0

    def save(self, step: int, arrays: Any) -> bool:
        self.tries += 1
        if self.works:
            self.saved[step] = arrays
        return bool(self.works)

    def restore(self) -> Any:
        return self.saved[max(self.saved)] if self.saved else None


def run(store: Any = None, **changes: Any) -> Any:
    """Run with everything: minibatches, momentum, validation."""
    given = {"epochs": 12, "batch_size": 16, "key": KEY, "save_every": 0.0} | changes
    optimizer, validation = given.pop("optimizer", adam(0.01)), given.pop("validation", VALIDATION)
    return fit(
        given.pop("model", NET), cross_entropy, optimizer, DATA,
        validation=validation, checkpoint=store, progress=False, **given,
    )  # fmt: skip


def stop_at(calls: int) -> Any:
    """Return a function that asks a run to stop when it is called for the n-th time."""
    asked = iter(range(1, 10_000))
    return lambda: next(asked) >= calls


def same(one: Any, other: Any) -> bool:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)


def begin(model: Model = NET, optimizer: Any = None) -> RunState:
    """Return a run before its first step."""
    state = steps.init_train_state(model, optimizer or adam(0.01), KEY)
    return RunState(state, [], [], Best(state))


def fingerprint(**changes: Any) -> RunFingerprint:
    arguments = {"key": KEY, "data": DATA, "batch_size": 16, "validation": None}
    return RunFingerprint.of(**{**arguments, "patience": 3, **changes})


def test_a_run_becomes_arrays_and_comes_back() -> None:
    early = begin()
    late = steps.init_train_state(NET, adam(0.01), jax.random.key(4))
    metrics = [
        Metrics(jnp.float32(0.5), jnp.float32(0.25)),
        Metrics(jnp.float32(2), jnp.float32(jnp.nan)),
    ]
    losses = [np.array([3, 2], np.float32), np.array([1], np.float32)]
    whole = RunState(late, losses, metrics, Best(early.state, 0.5, 1))
    arrays = to_arrays(fingerprint(), whole)
    assert all(isinstance(array, np.ndarray) and array.size for array in arrays.values())
    found = from_arrays(fingerprint(), begin(), arrays)
    assert same(found.state, whole.state)
    assert same(found.best.state, early.state)
    assert found.best[1:] == whole.best[1:]
    assert np.concatenate(found.losses).tolist() == [3, 2, 1]
    np.testing.assert_array_equal(np.array(found.metrics), np.array(metrics))


def test_empty_arrays_and_random_keys_come_back() -> None:
    def init(key: jax.Array) -> Any:
        return {"none": jnp.zeros((0, 2)), "key": key, "slope": jax.random.normal(key)}

    state = steps.TrainState(init(KEY), None)
    arrays = to_arrays(fingerprint(patience=None), RunState(state, [], [], Best(state)))
    other = steps.TrainState(init(jax.random.key(4)), None)
    like = RunState(other, [], [], Best(other))
    found = from_arrays(fingerprint(patience=None), like, arrays).state.params
    assert found["none"].shape == (0, 2)
    assert found["key"] == KEY
    assert found["slope"] == state.params["slope"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            lambda: begin(mlp((4, 9, 3))),
            r"\.params\[0\]\['b'\] of shape \(9,\) and float32.*got shape \(8,\) and float32",
        ),
        (lambda: begin(mlp((4, 8, 8, 3))), r"\.params\[1\]\['b'\] of shape \(8,\)"),
        (
            lambda: begin(optimizer=sgd(0.1, 0.9)),
            r"\.opt_state\.memory\['trace'\].*got none of that name",
        ),
        (
            lambda: begin(optimizer=sgd(0.1)),
            r"only arrays that the model .* got \.opt_state\.memory\['mu'\]",
        ),
        ({"batch_size": 8}, "batch_size 8, as in the call, got 16"),
        ({"validation": VALIDATION}, "validation True, as in the call, got False"),
        ({"patience": None}, "patience False, as in the call, got True"),
        ({"key": jax.random.key(4)}, r"key \[0, 4\], as in the call, got \[0, 3\]"),
        ({"data": (DATA[0], DATA[1][::-1])}, r"data \d+, as in the call, got \d+"),
    ],
)
def test_the_first_difference_of_another_run_is_named(other: Any, message: str) -> None:
    saved = to_arrays(fingerprint(), begin())
    changes, like = (other, begin()) if isinstance(other, dict) else ({}, other())
    with pytest.raises(ValueError, match=f"^checkpoint: expected {message}"):
        from_arrays(fingerprint(**changes), like, saved)


@pytest.mark.parametrize("missing", [".params[1]['w']", "key", "best.loss", "best.params[0]['b']"])
def test_a_missing_array_is_named(missing: str) -> None:
    saved = to_arrays(fingerprint(), begin())
    del saved[missing]
    with pytest.raises(ValueError, match=r"^checkpoint: expected .*got none of that name") as error:
        from_arrays(fingerprint(), begin(), saved)
    assert f"expected {missing} " in str(error.value)


@pytest.mark.parametrize(("calls", "patience"), [(2, None), (3, 3), (6, 3)])
def test_a_run_goes_on_as_if_it_had_never_ended(calls: int, patience: int | None) -> None:
    store = Memory()
    whole = run(patience=patience)
    with pytest.warns(RuntimeWarning, match="interrupted after"):
        part = run(store, patience=patience, stop=stop_at(calls))
    assert 0 < len(part.history.loss) < len(whole.history.loss)
    for _ in range(2):  # the second time nothing is left to be done
        rest = run(store, patience=patience)
        assert same(rest.params, whole.params)
        assert same(rest.state, whole.state)
        assert same(rest.history[:3], whole.history[:3])
        assert rest.stopped == whole.stopped


def test_a_run_goes_on_in_the_middle_of_an_epoch() -> None:
    store = Memory()
    whole = run(validation=None)
    with pytest.warns(RuntimeWarning, match="interrupted after 8 steps"):
        run(store, validation=None, stop=stop_at(2))
    rest = run(store, validation=None)
    assert same(rest.params, whole.params)
    assert np.array_equal(rest.history.loss, whole.history.loss)


def test_a_longer_run_goes_on_from_the_end() -> None:
    store = Memory()
    run(store, epochs=5)
    assert same(run(store).params, run().params)


def test_the_state_of_another_library_comes_back() -> None:
    noisy = optax.chain(optax.add_noise(0.01, 0.5, jax.random.key(1)), optax.adam(0.01))
    store = Memory()
    given = {"model": mlp((4, 3)), "optimizer": noisy}
    with pytest.warns(RuntimeWarning, match="interrupted"):
        run(store, stop=stop_at(3), **given)
    assert same(run(store, **given).params, run(**given).params)


@pytest.mark.parametrize("save_every", [0.0, 1000.0])
def test_an_interrupt_is_saved(save_every: float) -> None:
    """One that breaks off a chunk, as a second Ctrl-C does."""
    asked = iter([False])

    def press() -> bool:
        if next(asked, True):
            raise KeyboardInterrupt
        return False

    store = Memory()
    with pytest.warns(RuntimeWarning, match="interrupted after 5 steps"):
        result = run(store, stop=press, save_every=save_every)
    assert [*store.saved] == [5]
    assert np.array_equal(store.saved[5]["losses"], result.history.loss)


def test_warnings_as_errors_do_not_cost_what_was_learned() -> None:
    store = Memory()
    with pytest.raises(RuntimeWarning, match="interrupted"):
        run(store, stop=stop_at(2))
    assert store.saved


def test_a_broken_loss_is_not_saved() -> None:
    store = Memory()
    options = {"epochs": 50, "batch_size": 8, "key": KEY, "progress": False, "save_every": 0.0}
    with pytest.warns(RuntimeWarning, match="no longer finite"):
        fit(SLOPE, squares, sgd(100.0), LINE, checkpoint=store, **options)
    assert store.saved
    assert all(np.isfinite(arrays["losses"]).all() for arrays in store.saved.values())


@pytest.mark.parametrize("wrong", [3, Memory, "folder", object()])
def test_a_store_must_save_and_restore(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"^checkpoint: expected an object with save and restore"):
        run(wrong)


@pytest.mark.parametrize("found", [5, [], "arrays", {"loss": 3}, {3: np.zeros(2)}])
def test_what_is_restored_must_be_arrays(found: Any) -> None:
    store = MagicMock(Memory, restore=lambda: found)
    with pytest.raises(
        TypeError, match="checkpoint: expected a store that restores arrays by name"
    ):
        run(store)
    store.save.assert_not_called()


def saver(store: Memory | None, *, is_main: bool = True) -> Saver:
    runner = MagicMock(Runner, is_main=is_main, broadcast=lambda make: make())
    return Saver(store, runner, fingerprint)


def after(number: int) -> RunState:
    """Return a run after so many steps."""
    return begin()._replace(losses=[np.ones(number, np.float32)])


def test_a_write_that_failed_is_tried_again() -> None:
    store = Memory(works=False)
    one = saver(store)
    for tries in (1, 2):
        one.save(after(2))
        assert store.tries == tries
    store.works = True
    one.save(after(2))
    one.save(after(2))  # it has not gone on since
    assert (store.tries, [*store.saved]) == (3, [2])


def test_what_was_restored_is_not_saved_again() -> None:
    store = Memory()
    saver(store).save(after(4))
    one = saver(store)
    assert one.restore(begin()).steps == 4
    one.save(after(4))
    assert store.tries == 1
    one.save(after(6))
    assert [*store.saved] == [4, 6]


def test_only_process_0_writes_and_closes() -> None:
    for is_main in (True, False):
        store: Any = Memory()
        closed = []
        store.close = lambda closed=closed: closed.append(True)
        one = saver(store, is_main=is_main)
        one.close(after(2))
        assert store.tries == len(closed) == int(is_main)


def test_a_save_is_due_when_the_seconds_have_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    store = Memory()
    one = saver(store)
    one.save_if_due(after(2), 10.0)
    assert store.tries == 0
    now = 110.0
    one.save_if_due(after(4), 10.0)
    one.save_if_due(after(6), 10.0)
    assert store.tries == 1


def test_an_exception_leaves_the_store_closed() -> None:
    store: Any = Memory()
    closed = []
    store.close = lambda: closed.append(True)

    def stop() -> bool:
        raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="the caller's own"):
        run(store, stop=stop)
    run(store)
    with pytest.raises(ValueError, match="batch_size"):
        run(store, batch_size=15)
    assert len(closed) == 3


def test_without_a_store_nothing_happens() -> None:
    one = saver(None)
    early = begin()
    assert one.restore(early) is early
    one.save_if_due(after(2), 0.0)
    one.close(after(4))
