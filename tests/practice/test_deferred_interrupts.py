"""Interrupts are noted where nothing may be cut in two, and change nothing at whatever moment."""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from course.practice import exercise
from course.practice.deferred_interrupts import InterruptsNoted
from course.practice.progress_file import read
from tests.practice.examples import entropy_bits, my_entropy

SIGNALS = 100


def test_an_interrupt_is_delivered_afterwards() -> None:
    reached = []
    before = signal.getsignal(signal.SIGINT)

    def interrupted_twice() -> None:
        with InterruptsNoted():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        interrupted_twice()
    assert reached == ["the end"]
    assert signal.getsignal(signal.SIGINT) == before


def test_the_outer_one_delivers_what_comes_in_the_inner_one() -> None:
    reached = []

    def interrupted_inside() -> None:
        with InterruptsNoted():
            with InterruptsNoted():
                signal.raise_signal(signal.SIGINT)
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        interrupted_inside()
    assert reached == ["the end"]


def test_outside_the_main_thread_nothing_is_done() -> None:
    found = []

    def run() -> None:
        with InterruptsNoted():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]


def state() -> list[Any]:
    """State that an interrupted check must leave as it is."""
    return [
        (sys.stdout, sys.stderr, sum),
        [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        signal.getitimer(signal.ITIMER_REAL)[1],
        (os.getcwd(), dict(os.environ), sys.getrecursionlimit(), np.geterr()),
        random.getstate(),
        exercise._one_at_a_time.locked(),
        threading.active_count(),
    ]


@contextmanager
def interrupting(longest: float) -> Iterator[dict[str, int]]:
    """Send an interrupt after random pauses, as long as it is armed; count them."""
    shots, over = {"armed": 0, "sent": 0}, threading.Event()
    moments = random.Random(0)

    def send() -> None:
        while not over.wait(longest * moments.random()):
            if shots["armed"]:
                shots["sent"] += 1
                os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield shots
    finally:
        over.set()
        thread.join()


@pytest.mark.skipif(os.name == "nt", reason="there os.kill ends the process")
def test_an_interrupt_at_any_moment_leaves_nothing_behind() -> None:
    entropy_bits.check(my_entropy)
    start = time.monotonic()
    entropy_bits.check(my_entropy)
    verdicts, escaped = [], 0
    with interrupting(longest=3 * (time.monotonic() - start)) as shots:
        before = state()
        while shots["sent"] < SIGNALS:
            try:
                shots["armed"] = 1
                verdicts.append(entropy_bits.check(my_entropy))
                shots["armed"] = 0
            except KeyboardInterrupt:
                escaped += 1
            finished = False
            while not finished:  # one that was under way may still come
                try:
                    shots["armed"] = 0
                    time.sleep(0.001)
                    assert state() == before
                    finished = True
                except KeyboardInterrupt:
                    escaped += 1
    right = [verdict for verdict in verdicts if verdict.outcome == "correct"]
    stopped = [verdict for verdict in verdicts if "You stopped the check" in verdict.message]
    assert len(right) + len(stopped) == len(verdicts)
    assert right
    assert stopped
    # An escaped one may have come when the attempt was recorded and the check was over.
    recorded = read().exercises["examples.entropy_bits"].attempts - 2
    assert 0 <= recorded - len(right) <= escaped
    assert read().note == ""
    assert entropy_bits.check(my_entropy).outcome == "correct"
