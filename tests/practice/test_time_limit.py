"""The time limit itself, by the alarm and by the watchdog thread of systems without one."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from course.practice.time_limit import PAUSE, Ended, Stop, limited

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="Windows delivers signals only between steps of the main thread"
)
both_ways = pytest.mark.parametrize("alarm", [True, False], ids=["alarm", "watchdog"])


def busy() -> None:
    while True:
        pass


def swallows() -> None:
    count = 0
    while True:
        try:
            while True:
                try:
                    count += 1
                except BaseException:
                    continue
        except BaseException:
            continue


def returns_late() -> int:
    try:
        busy()
    except BaseException:
        return 1
    return 0


@both_ways
def test_what_finishes_gives_its_value(alarm: bool) -> None:
    ended = limited(lambda: 42, 60, alarm=alarm)
    assert (ended.how, ended.value) == ("finished", 42)


@both_ways
@pytest.mark.parametrize("work", [busy, swallows, returns_late])
def test_what_never_ends_is_stopped(work: Callable[[], Any], alarm: bool) -> None:
    assert limited(work, 0.1, alarm=alarm).how == "out of time"


@both_ways
@pytest.mark.parametrize("error", [ValueError, SystemExit, GeneratorExit, Stop, MemoryError])
def test_what_raises_does_not_get_out(error: type[BaseException], alarm: bool) -> None:
    def work() -> None:
        raise error

    ended = limited(work, 60, alarm=alarm)
    assert (ended.how, ended.error) == ("raised", error)


@both_ways
def test_the_readers_interrupt_is_told_apart(alarm: bool) -> None:
    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        swallows()

    assert limited(work, 60, alarm=alarm).how == "interrupted"


@both_ways
def test_signals_during_tidying_up_do_not_get_out(alarm: bool) -> None:
    steps = []

    def tidy() -> None:
        for number in (signal.SIGINT, signal.SIGINT):
            signal.raise_signal(number)
        steps.append("tidy")

    ended = limited(busy, 0.05, prepare=lambda: tidy, alarm=alarm)
    assert (ended.how, steps) == ("out of time", ["tidy"])


@both_ways
def test_an_interrupt_while_preparing_keeps_the_work_from_beginning(alarm: bool) -> None:
    steps = []

    def prepare() -> Callable[[], None]:
        signal.raise_signal(signal.SIGINT)
        return lambda: steps.append("tidy")

    ended = limited(lambda: steps.append("work"), 60, prepare=prepare, alarm=alarm)
    assert (ended.how, steps) == ("interrupted", ["tidy"])


@both_ways
def test_handlers_and_threads_are_put_back(alarm: bool) -> None:
    def work() -> None:
        for number in (signal.SIGINT, signal.SIGALRM, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    threads = threading.active_count()
    assert limited(work, 60, alarm=alarm).how == "finished"
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before
    assert threading.active_count() == threads


class Meta(type):
    """A class of exceptions with neither a truth nor a name."""

    def __bool__(cls) -> bool:
        raise SystemExit


@both_ways
def test_an_exception_class_without_truth_is_reported(alarm: bool) -> None:
    error = Meta("Own", (Exception,), {})

    def work() -> None:
        raise error

    before = signal.getsignal(signal.SIGINT)
    assert limited(work, 60, alarm=alarm).error is error
    assert signal.getsignal(signal.SIGINT) is before


@both_ways
@pytest.mark.parametrize("where", ["prepare", "tidy", "finish"])
def test_handlers_are_put_back_whatever_fails(where: str, alarm: bool) -> None:
    hows = []

    def fail(_: Any = None) -> Any:
        raise OSError("mine")

    def finish(ended: Ended) -> None:
        hows.append((ended.how, ended.error))
        if where == "finish":
            fail()

    prepare = fail if where == "prepare" else lambda: fail if where == "tidy" else lambda: None
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    threads = threading.active_count()
    with pytest.raises(OSError, match="mine"):
        limited(lambda: 1, 60, prepare=prepare, finish=finish, alarm=alarm)
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before
    assert threading.active_count() == threads
    expected = {"prepare": [("raised", None)], "tidy": [], "finish": [("finished", None)]}
    assert hows == expected[where]


@both_ways
def test_the_signal_mask_is_put_back_and_what_it_held_back_does_no_harm(alarm: bool) -> None:
    def work() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGINT, signal.SIGTERM])
        signal.raise_signal(signal.SIGALRM if alarm else signal.SIGINT)

    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    ended = limited(work, 60, alarm=alarm)
    assert ended.how == ("finished" if alarm else "interrupted")
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_no_alarm_rings_afterwards() -> None:
    kept: list[BaseException] = []

    def keeps_the_exception() -> None:
        try:
            busy()
        except BaseException as error:
            kept.append(error)

    before = signal.getsignal(signal.SIGALRM)
    rung: list[int] = []
    signal.signal(signal.SIGALRM, lambda number, _: rung.append(number))
    timer = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        assert limited(keeps_the_exception, 0.05).how == "out of time"
        kept.clear()  # its tripwire must not go off any more
        time.sleep(3 * PAUSE)
        assert rung == []
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def test_another_programs_alarm_is_wound_up_again() -> None:
    before = signal.getsignal(signal.SIGALRM)
    rung: list[int] = []
    signal.signal(signal.SIGALRM, lambda number, _: rung.append(number))
    timer = signal.setitimer(signal.ITIMER_REAL, 3600)
    try:
        assert limited(busy, 0.05).how == "out of time"
        assert 3000 < signal.getitimer(signal.ITIMER_REAL)[0] <= 3600
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        while not rung:
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def test_outside_the_main_thread_there_is_no_limit_and_nothing_gets_out() -> None:
    found: list[Any] = []

    def run() -> None:
        tidied: list[int] = []
        slow = limited(lambda: time.sleep(0.05), 0.001, prepare=lambda: lambda: tidied.append(1))
        fails = limited(lambda: [][0], 60, prepare=lambda: lambda: tidied.append(2))
        found.extend([slow.how, fails.how, tidied])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == ["finished", "raised", [1, 2]]
