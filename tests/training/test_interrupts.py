"""Signals end a run between two steps: none is lost, and none leaves a wrong result behind."""

import gc
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from course.training import batching, interrupts, steps
from course.training.batching import BatchOrder
from course.training.interrupts import StopSignal
from course.training.loop import fit
from course.training.optimizers import adam, sgd
from course.training.results import Stopped
from course.training.sweep import sweep
from tests.support.repository import ROOT
from tests.training.models import LINE, SLOPE, squares

KEY = jax.random.key(3)
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
MAIN = threading.main_thread().ident


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Handlers are what they were before."""
    before = {number: signal.getsignal(number) for number, _ in SIGNALS}
    yield
    found = {number: signal.getsignal(number) for number, _ in SIGNALS}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert found == before


@pytest.fixture
def heard(request: pytest.FixtureRequest) -> Iterator[list[int]]:
    """Signals that a handler of the caller's own has heard of."""
    found: list[int] = []
    before = {number: signal.getsignal(number) for number, _ in SIGNALS}
    for number in before:
        signal.signal(number, lambda number, _: found.append(number))
    yield found
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_the_first_signal_is_noted_and_the_second_has_its_effect(
    number: Any, status: int, heard: list[int]
) -> None:
    with StopSignal() as stop:
        assert not stop()
        assert stop.status == 0
        signal.raise_signal(number)
        assert stop()
        assert stop.status == status
        assert heard == [number], "a handler of the caller's own hears of it, too"
        signal.raise_signal(number)
        assert heard == [number, number]
        signal.raise_signal(number)
    signal.raise_signal(number)
    assert heard == [number] * 4


def test_python_raises_an_interrupt_at_the_second_signal() -> None:
    with StopSignal() as stop:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        stop.note_next()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_signal_ends_all_that_are_within_each_other() -> None:
    with StopSignal() as outer, StopSignal() as inner:
        signal.raise_signal(signal.SIGINT)
        assert outer()
        assert inner()
        inner.note_next()
        signal.raise_signal(signal.SIGINT)  # only noted: the outer one has heard of the first
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_what_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopSignal() as stop:
            signal.raise_signal(signal.SIGINT)
            assert not stop()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_that_is_installed_meanwhile_stays(heard: list[int]) -> None:
    with StopSignal() as stop:
        newer = signal.signal(signal.SIGINT, lambda *_: heard.append(-1))
        signal.raise_signal(signal.SIGINT)
        assert heard == [-1]
        assert not stop()
    signal.raise_signal(signal.SIGINT)
    assert heard == [-1, -1]
    # Whoever puts the former one back loses nothing: it hands signals on.
    signal.signal(signal.SIGINT, newer)
    signal.raise_signal(signal.SIGINT)
    assert heard == [-1, -1, signal.SIGINT]


def test_a_thread_notes_nothing_and_changes_nothing() -> None:
    found = []

    def inside() -> None:
        with StopSignal() as stop:
            found.append((stop(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert found == [(False, signal.getsignal(signal.SIGINT))]


def test_a_signal_where_exceptions_are_ignored_ends_the_run() -> None:
    """In a finaliser, say, or in a callback of the garbage collector."""
    calls = []

    def press(phase: str, _: object) -> None:
        calls.append(phase)
        signal.raise_signal(signal.SIGINT)
        gc.callbacks.remove(press)

    def stop() -> bool:
        if not calls:
            gc.callbacks.append(press)
            gc.collect()
        return False

    with pytest.warns(RuntimeWarning, match="interrupted after 0 steps"):
        result = fit(SLOPE, squares, sgd(0.1), LINE, epochs=10**6, batch_size=8, key=KEY, stop=stop)
    assert calls
    assert result.stopped is Stopped.INTERRUPTED


class Bar:
    """A bar that presses Ctrl-C at its first update."""

    def __init__(self, **_: Any) -> None:
        self.press = iter([signal.SIGINT])

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None: ...

    def set_postfix(self, *_: Any, **__: Any) -> None: ...

    def update(self, _: int) -> None:
        for number in self.press:
            signal.raise_signal(number)


@pytest.mark.parametrize("epochs", [1, 10**6])
def test_a_signal_in_a_callback_is_noted_even_in_the_last_chunk(
    epochs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COURSE_QUIET", raising=False)
    shared = {"epochs": epochs, "batch_size": 8, "progress": Bar}
    with pytest.warns(RuntimeWarning, match="interrupted after"):
        result = fit(SLOPE, squares, sgd(0.1), LINE, key=KEY, **shared)
    assert result.stopped is Stopped.INTERRUPTED
    assert len(result.history.loss) == (8 if epochs > 1 else 5)
    with pytest.warns(RuntimeWarning, match="interrupted after"):
        result = sweep(SLOPE, squares, sgd(0.1), LINE, keys=KEY, **shared)
    assert result.stopped is Stopped.INTERRUPTED


class Failing(Bar):
    """A bar that breaks at its first update."""

    def update(self, _: int) -> None:
        raise OSError("no terminal")


class Store:
    """A store that cannot write."""

    def __init__(self) -> None:
        self.saved: list[int] = []
        self.closed = 0

    def restore(self) -> None: ...

    def save(self, step: int, _: Any) -> bool:
        self.saved.append(step)
        raise RuntimeError("no disk")

    def close(self) -> None:
        self.closed += 1


def test_an_exception_of_a_callback_carries_what_was_learned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COURSE_QUIET", raising=False)
    asked = iter([1, 1, 0])
    store = Store()
    learn = partial(fit, SLOPE, squares, adam(0.01), LINE, epochs=40, batch_size=8, key=KEY)
    cases = [
        (OSError, "no terminal", {"progress": Failing}, 8),
        (ZeroDivisionError, "division", {"stop": lambda: 1 / next(asked) < 0}, None),
        (RuntimeError, "no disk", {"checkpoint": store, "save_every": 0.0}, 8),
    ]
    whole = learn(progress=False)
    for kind, message, given, done in cases:
        with pytest.raises(kind, match=message) as caught:
            learn(**({"progress": False} | given))
        result = caught.value.result  # type: ignore[attr-defined]
        assert result.stopped is Stopped.INTERRUPTED
        count = len(result.history.loss)
        assert count == (done or count) > 0
        assert np.array_equal(result.history.loss, whole.history.loss[:count])
        assert f"what was learned in {count} steps is kept" in caught.value.__notes__[0]
    assert store.closed == 1
    with pytest.raises(OSError, match="no terminal") as failed:
        sweep(SLOPE, squares, sgd(0.1), LINE, keys=KEY, epochs=9, batch_size=8, progress=Failing)
    assert failed.value.result.history.loss.shape == (1, 1, 8)  # type: ignore[attr-defined]


STEPS = 60


def by_two() -> dict[int, Any]:
    """The parameter of a run after each even number of steps, from one that nothing disturbs."""
    begin, step_key = jax.random.split(KEY)
    state = steps.init_train_state(SLOPE, adam(0.01), begin)
    objective = steps.Objective(Partial(squares), adam(0.01), None, step_key)
    data, order = tuple(map(jnp.asarray, LINE)), BatchOrder(KEY, 40, 8)
    found = {0: state}
    for done in range(0, STEPS, 2):
        state = steps.train(SLOPE, objective, state, data, order.take(2), done, 2).state
        found[done + 2] = state
    return found


class Sender:
    """Sends signals to the main thread at random moments of what it does."""

    def __init__(self, seed: int, longest: float) -> None:
        self.random = np.random.default_rng(seed)
        self.longest = longest
        self.armed, self.sent = threading.Event(), threading.Event()
        self.count = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while True:
            self.armed.wait()
            self.armed.clear()
            for _ in range(1 + (self.random.random() < 0.3)):
                time.sleep(self.random.uniform(0, self.longest))
                assert MAIN
                signal.pthread_kill(MAIN, signal.SIGINT)
                self.count += 1
            self.sent.set()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a signal to a thread is another thing there")
# A second interrupt is raised at once, perhaps where exceptions are ignored: the first has ended
# the run by then.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:interrupted after:RuntimeWarning")
def test_hundreds_of_signals_at_random_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ends the run or is raised after it, and what was learned is what it was by then."""
    monkeypatch.setattr(batching, "CHUNK_SECONDS", 1e-9)  # chunks of two steps
    expected = by_two()
    shared = {"epochs": STEPS // 5, "batch_size": 8, "progress": False}
    learn = {
        "fit": partial(fit, SLOPE, squares, adam(0.01), LINE, key=KEY, **shared),
        "sweep": partial(sweep, SLOPE, squares, [adam(0.01)], LINE, keys=KEY, **shared),
    }
    for run in learn.values():
        run()
    begin = time.perf_counter()
    learn["fit"]()
    sender = Sender(0, 1.2 * (time.perf_counter() - begin))
    ended = {"noted": 0, "raised": 0}
    while sender.count < 200:
        name = "fit" if sender.count % 4 else "sweep"
        result = None
        sender.sent.clear()
        raised = 0
        sender.armed.set()
        while not sender.sent.is_set() or result is None:
            try:
                result = result or learn[name]()
                sender.sent.wait()
            except KeyboardInterrupt:
                raised += 1
                result = result or False
        noted = result and result.stopped is Stopped.INTERRUPTED
        assert noted or raised, "a signal was lost"
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ended["noted" if noted else "raised"] += 1
        if result and name == "fit":
            done = result.history.loss.shape[-1]
            assert np.array_equal(result.params["slope"], expected[done].params["slope"])
            assert int(result.state.count) == done
    assert ended["noted"] > 40


COMPILE = """
import sys
import jax
import jax.numpy as jnp
from course.training.interrupts import StopSignal, answered_at_once

def long(x):
    for i in range(6000):  # some seconds of compilation, for any version of JAX
        x = jnp.sin(x @ x + i)
    return x

with StopSignal() as stop, answered_at_once(stop, lambda words: print(words, flush=True)):
    lowered = jax.jit(long).lower(jnp.ones((4, 4)))
    print("compiling", flush=True)
    lowered.compile()
    print("compiled", stop.signal, flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_long_compilation_is_no_silence(number: signal.Signals, status: int) -> None:
    command = [sys.executable, "-c", COMPILE]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "compiling\n"
        process.send_signal(number)
        assert process.stdout.readline() == f"{interrupts.STOPPING}\n"
        process.send_signal(number)
        rest = process.stdout.read()
        # SIGTERM kills at once, where JAX lets Python handle it in the middle of a compilation.
        assert rest in (f"{interrupts.ENDED}\n", "")
        assert process.wait() in (status, -number)
        assert rest or number == signal.SIGTERM
