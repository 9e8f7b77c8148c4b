"""The time limit, by a timer and by the watchdog thread of systems without one."""

import _thread
import builtins
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course.practice import time_limit
from course.practice.check import Mistake, Question, check
from course.practice.time_limit import PAUSE, TimeLimit, TimeUp
from tests.practice.examples import entropy_bits, my_entropy

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="Windows delivers signals only between steps of the main thread"
)
SHORT = 0.2  # seconds
builtins_sum = builtins.sum


@pytest.fixture(params=[True, False], ids=["timer", "watchdog"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "HAS_TIMER", request.param)


both_ways = pytest.mark.usefixtures("_both_ways")


def state() -> list[Any]:
    """State that a limit must leave as it is."""
    handlers = [signal.getsignal(number) for number in sorted(signal.valid_signals())]
    return [handlers, signal.getitimer(signal.ITIMER_REAL)[1], threading.active_count()]


def ended(work: Callable[[], Any], seconds: float) -> type[BaseException] | None:
    """Run the work under a limit; return the class of what came out, after a look around."""
    before = state()
    found = None
    try:
        with TimeLimit(seconds) as limit:
            limit.run(work, timed=True)
    except BaseException as error:
        found = type(error)
    assert state() == before
    return found


def busy(*_: Any) -> None:
    while True:
        pass


def late(*_: Any) -> Any:
    try:
        busy()
    except BaseException:
        return 1


def interrupted(*_: Any) -> None:
    _thread.interrupt_main()
    busy()


@both_ways
def test_what_ends_in_time_is_left_alone() -> None:
    assert ended(lambda: 42, 60) is None
    assert ended(lambda: [][0], 60) is IndexError
    assert ended(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN), 60) is None


@both_ways
@pytest.mark.parametrize("work", [busy, late])
def test_what_takes_too_long_is_stopped(work: Callable[[], Any]) -> None:
    assert ended(work, 0.05) is TimeUp


@both_ways
def test_the_readers_interrupt_is_told_apart() -> None:
    assert ended(interrupted, 60) is KeyboardInterrupt


def test_no_signal_comes_afterwards() -> None:
    for _ in range(20):
        assert ended(busy, 0.001) is TimeUp
    time.sleep(3 * PAUSE)


def test_another_programs_timer_goes_on() -> None:
    timer = signal.setitimer(signal.ITIMER_REAL, 3600)
    try:
        assert ended(busy, 0.05) is TimeUp
        assert 3000 < signal.getitimer(signal.ITIMER_REAL)[0] <= 3600
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)


def test_outside_the_main_thread_there_is_no_limit() -> None:
    found: list[Any] = []

    def run() -> None:
        with TimeLimit(0.001) as limit:
            found.append(limit.run(lambda: time.sleep(0.05) or "ended", timed=True))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == ["ended"]


def sleeps(p):
    while True:
        time.sleep(10)


def tries(p):
    total = 0.0
    while True:
        try:
            total += np.log(p).sum() / 0
        except Exception:
            continue


def swallows(p):
    while True:
        try:
            time.sleep(10)
        except:  # noqa: E722
            continue


def swallows_twice(p):
    while True:
        try:
            swallows(p)
        except BaseException:
            continue


def prints_for_ever(p):
    while True:
        print("again")


def waits_for_a_lock(p):
    lock = threading.Lock()
    with lock:
        lock.acquire()


def eager_jax(p):
    x = jnp.asarray(p)
    while True:
        x = jnp.sin(x) + 1


def steps_for_ever(p):
    return max(0 for _ in iter(int, 1))


@jax.jit
def jax_entropy(p):
    return jnp.sum(jax.scipy.special.entr(p)) / jnp.log(2)


@pytest.mark.parametrize(
    "answer",
    [
        *(busy, late, sleeps, tries, swallows, swallows_twice, prints_for_ever),
        *(waits_for_a_lock, eager_jax, steps_for_ever),
    ],
)
def test_endless_answers_are_stopped(answer: Any) -> None:
    # Compiled before: what JAX is compiling when it is stopped can end the process later.
    (jnp.sin(jnp.ones(2)) + 1).block_until_ready()
    before = state()
    verdict = entropy_bits.check(answer, seconds=SHORT)
    assert state() == before
    assert verdict.outcome == "not yet"
    assert verdict.message.startswith("Your code was still running after 0.2 seconds")
    assert len(verdict.printed) < 1000
    assert entropy_bits.check(jax_entropy).outcome == "correct"


def test_a_limit_at_any_moment_leaves_nothing_behind() -> None:
    before = state()
    outcomes = []
    for step in range(50):
        verdict = entropy_bits.check(my_entropy, seconds=3e-5 * (step + 1))
        outcomes.append(verdict.outcome)
        if verdict.outcome == "not yet":
            assert verdict.message.startswith("Your code was still running after")
        assert state() == before
    assert entropy_bits.check(busy, seconds=1e-6).outcome == "not yet"
    assert entropy_bits.check(my_entropy).outcome == "correct"


def test_only_what_is_timed_counts() -> None:
    with TimeLimit(0.001) as limit:
        limit.run(lambda: [time.thread_time() for _ in range(10**6)])
        assert limit.run(lambda: "prepared") == "prepared"
        with pytest.raises(TimeUp):
            limit.run(busy, timed=True)


def test_the_time_that_others_take_on_a_busy_machine_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the clock two limits are over, of which the answer has had a fifth."""
    start = time.thread_time()
    clock = lambda: 5 * (time.thread_time() - start)  # noqa: E731
    monkeypatch.setattr(time_limit, "monotonic", clock)

    def slow() -> str:
        while clock() < 2 * 0.1:
            pass
        return "right"

    with TimeLimit(0.1) as limit:
        assert limit.run(slow, timed=True) == "right"
    monkeypatch.setattr(time_limit, "monotonic", time.thread_time)
    monkeypatch.setattr(time_limit, "thread_time", lambda: time.thread_time() / 5)
    with TimeLimit(0.1) as limit, pytest.raises(TimeUp):
        limit.run(busy, timed=True)
    assert not limit.waited


def test_what_only_waits_is_stopped_by_the_clock() -> None:
    with TimeLimit(0.1) as limit, pytest.raises(TimeUp):
        limit.run(sleeps, None, timed=True)
    assert limit.waited


def test_an_interrupt_outside_of_a_call_is_noted_for_the_next() -> None:
    reached: list[str] = []
    with TimeLimit(60) as limit:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        reached.append("after the signals")
        with pytest.raises(KeyboardInterrupt):
            limit.run(reached.append, "inside the call")
    assert reached == ["after the signals"]


def test_what_does_not_answer_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Semaphore(0)
    monkeypatch.setattr(time_limit, "PATIENCE", 2)

    def blocked() -> None:
        """Stand in for a call into C that lets other threads run, but looks at no signal."""
        old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        assert told.acquire(timeout=60)
        assert not told.acquire(timeout=10 * PAUSE)
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
        busy()

    with TimeLimit(0.05, told.release) as limit, pytest.raises(TimeUp):
        limit.run(blocked, timed=True)
    with TimeLimit(0.05, told.release) as limit, pytest.raises(TimeUp):
        limit.run(busy, timed=True)
    assert not told.acquire(blocking=False)


def loops_in_c(p):
    return sum(range(10**10)) + max(iter(int, 1)) + any(itertools.repeat(0))


def test_a_built_in_that_loops_for_ever_is_stopped() -> None:
    verdict = entropy_bits.check(loops_in_c, seconds=SHORT)
    assert verdict.message.startswith("Your code was still running after 0.2 seconds")
    assert sum is builtins_sum


def slow_double(x):
    time.sleep(0.3)
    return 2 * x


def test_the_courses_own_time_does_not_count() -> None:
    def slow_cases(rng: np.random.Generator) -> list[tuple[float]]:
        for _ in range(10**6):
            pass
        return [(rng.normal(),), (rng.normal(),)]

    mistake = Mistake("slow", lambda x: slow_double(x) + 1, "One too many.")
    question = Question(reference=slow_double, cases=slow_cases, mistakes=[mistake])
    assert check(question, lambda x: x + x, seconds=0.01).outcome == "correct"
    assert check(question, lambda x: x + x + 1, seconds=0.01).message == "One too many."


def test_compiling_is_no_loop_without_end() -> None:
    space: dict[str, Any] = {}
    code = "def compiling(*_):\n    while True:\n        pass"
    exec(compile(code, jax._src.compiler.__file__, "exec"), space)
    message = entropy_bits.check(space["compiling"], seconds=SHORT).message
    assert "was stopped while JAX was compiling" in message
    assert "loop without end" not in message
    assert "On a slow or busy computer, `check(…, seconds=1.2)` waits longer." in message
