"""Nothing a reader writes gets out of `check`, hangs it, or changes the session."""

import builtins
import gc
import itertools
import math
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from course.practice import exercise as engine
from course.practice import progress
from course.practice.verdict import Verdict
from tests.practice.examples import entropy_bits, fair_die, my_entropy, prefix_code

SHORT = 0.2


@pytest.fixture(autouse=True)
def _no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of checks, none of them about the file."""
    monkeypatch.setattr(progress, "record_attempt", lambda *_: "")


posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no alarm that ends a sleep")


class OwnBaseError(BaseException):
    """An exception that `except Exception` does not catch."""


def fails(*_: Any, **__: Any) -> Any:
    raise OwnBaseError("`<b>mine</b>`")


def leaves(*_: Any, **__: Any) -> Any:
    sys.exit(3)


def loops(*_: Any, **__: Any) -> Any:
    while True:
        pass


METHODS = (
    *("__repr__", "__str__", "__eq__", "__ne__", "__lt__", "__hash__", "__bool__", "__len__"),
    *("__iter__", "__next__", "__getitem__", "__contains__", "__getattr__", "__getattribute__"),
    *("__array__", "__jax_array__", "__array_ufunc__", "__array_function__", "__float__"),
    *("__int__", "__index__", "__complex__", "__call__", "__format__", "__reduce_ex__"),
    *("__deepcopy__", "__instancecheck__", "__add__", "__sub__", "__await__", "__enter__"),
)
PROPERTIES = (
    *("__class__", "__dict__", "__name__", "__code__", "__signature__", "__wrapped__"),
    *("__array_interface__", "__array_struct__", "shape", "dtype", "size", "ndim", "item"),
)


def hostile(name: str, action: Callable[..., Any], base: type = object) -> Any:
    """An object of which one method or property misbehaves."""
    kind = type("Hostile", (base,), {name: property(action) if name in PROPERTIES else action})
    return np.ones(3).view(kind) if base is np.ndarray else kind()


def checked(answer: Any) -> list[Verdict]:
    """Check the answer as a value, as a function, and as what a function returns."""
    verdicts = [
        fair_die.check(answer, seconds=SHORT),
        entropy_bits.check(answer, seconds=SHORT),
        entropy_bits.check(lambda p: answer, seconds=SHORT),
    ]
    for verdict in verdicts:
        assert type(verdict.message) is str
        assert repr(verdict)
        assert "<b>" not in verdict._repr_html_()
    return verdicts


@pytest.mark.parametrize("name", [*METHODS, *PROPERTIES])
def test_objects_that_raise(name: str) -> None:
    for base in (object, float, str, list, dict, np.ndarray):
        try:
            answer = hostile(name, fails if base is not object else leaves, base)
        except BaseException:
            continue  # NumPy looks at some of them when such an array is made
        assert {verdict.outcome for verdict in checked(answer)} == {"not yet"}


@pytest.mark.parametrize("name", [*METHODS, *PROPERTIES])
def test_objects_that_never_answer(name: str) -> None:
    assert {verdict.outcome for verdict in checked(hostile(name, loops))} == {"not yet"}


class Meta(type):
    """A class of classes of which nothing can be learned."""

    def __getattribute__(cls, name: str) -> Any:
        raise OwnBaseError(name)

    def __repr__(cls) -> str:
        raise OwnBaseError

    __instancecheck__ = __subclasscheck__ = __hash__ = fails


def test_classes_that_raise() -> None:
    unknown = Meta("Unknown", (), {})
    answers = [unknown, type.__call__(unknown)]
    for answer in answers:
        assert {verdict.outcome for verdict in checked(answer)} == {"not yet"}


class Unnamed(type):
    """A class of classes that has neither a truth nor a name."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise OwnBaseError

    def __bool__(cls) -> bool:
        raise OwnBaseError


def long_name(p):
    raise type("X" * 10**6, (Exception,), {})


def raises_unnamed(p):
    raise Unnamed("Unknown", (Exception,), {})


def own_message() -> BaseException:
    return type("OwnError", (ValueError,), {"__str__": fails, "__repr__": fails})()


def deep(p):
    return deep(p)


def nested(p):
    result: list[Any] = []
    result.append(result)
    return result


def checks_itself(p):
    return entropy_bits.check(checks_itself)


def raising(error: Any) -> Callable[[Any], Any]:
    def answer(p):
        raise error

    return answer


def leaves_exploding_remains(p):
    hostile("__del__", fails)
    return hostile("__del__", fails)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (raising(SystemExit(1)), "raised SystemExit: 1"),
        (raising(GeneratorExit), "raised GeneratorExit"),
        (raising(OwnBaseError("`<b>mine</b>`")), "raised OwnBaseError: `<b>mine</b>`"),
        (raising(StopIteration), "raised StopIteration"),
        (raising(MemoryError), "raised MemoryError"),
        (raising(ExceptionGroup("two", [ValueError("one")])), "raised ExceptionGroup: two"),
        (raising(own_message()), "raised OwnError"),
        (raising(ValueError("x" * 10**6)), "raised ValueError: xxx"),
        (raising(ValueError("a\ud800b\x00")), "raised ValueError: a\ufffdb\ufffd"),
        (raising(KeyboardInterrupt), "You stopped the check"),
        (long_name, "raised XXX"),
        (raises_unnamed, "raised Unknown"),
        (lambda p: Unnamed("Unknown", (), {})(), "gave a Unknown"),
        (lambda p: type("X" * 10**6, (), {})(), "gave a XXX"),
        (lambda p: exit(), "raised SystemExit"),
        (deep, "raised RecursionError"),
        (nested, "lists nested without end"),
        (checks_itself, "gave a Verdict"),
        (leaves_exploding_remains, "gave a Hostile"),
        (lambda p: itertools.count(), "gave a count"),
        (lambda p: itertools.repeat(0.5), "gave a repeat"),
        (lambda p: np.broadcast_to(0.5, (10**6, 10**6)), "1,000,000,000,000 values"),
        (lambda p: b"x" * 10**7, "gave a bytes"),
        (lambda p: "x" * 10**7, "gave 'xxx"),
        (lambda p: 7 ** (10**5), "an integer of 84,510 digits"),
        (lambda p: np.array(["a", 1, None], dtype=object), "a single number was expected"),
        (lambda p: np.ma.masked, "but"),
        (lambda p: np.datetime64("2026-01-01"), "but"),
        (lambda p: Verdict, "gave a type"),
        (lambda p: threading.Lock(), "gave a lock"),
        (lambda p: {(1, 2): {3: [4]}}, "a dictionary"),
        (lambda p: {1, "a", None, 2.0}, "gave {"),
        (lambda p: exec("raise ValueError('inner')"), "raised ValueError: inner"),
        (lambda p: exec("def f(:"), "raised SyntaxError"),
    ],
)
def test_functions_that_raise_or_return_nonsense(answer: Any, said: str) -> None:
    verdict = entropy_bits.check(answer)
    assert verdict.outcome == "not yet"
    assert said in verdict.message
    assert len(verdict.message) < 1000
    repr(verdict).encode()
    assert "<b>" not in verdict._repr_html_()


def test_a_judge_that_quotes_a_huge_answer_is_cut() -> None:
    huge = prefix_code.check(["0" * 10**6, "0" * 10**6 + "1", "1"])
    assert huge.outcome == "not yet"
    assert 1000 < len(huge.message) < 2100
    assert len(fair_die.check(type("X" * 10**6, (), {})()).message) < 1000


def busy(p):
    while True:
        pass


def sleeps(p):
    while True:
        time.sleep(10)


def swallows(p):
    while True:
        try:
            time.sleep(10)
        except BaseException:
            continue


def swallows_three_times(p):
    while True:
        try:
            while True:
                try:
                    swallows(p)
                except BaseException:
                    continue
        except BaseException:
            continue


def swallows_quickly(p):
    count = 0
    while True:
        try:
            count += 1
        except BaseException as error:
            last = error
            count += len(str(last))


def prints_for_ever(p):
    while True:
        print("again")


def swallows_once(p):
    try:
        time.sleep(10)
    except BaseException:
        return my_entropy(p)


def waits_for_a_lock(p):
    lock = threading.Lock()
    with lock:
        lock.acquire()


def steps_for_ever(p):
    yield from ()
    while True:
        yield 0


def sums_for_ever(p):
    return sum(x for _ in itertools.count() for x in p)


class Stubborn:
    def __exit__(self, *_: Any) -> bool:
        return True

    def __enter__(self) -> None:
        pass


def suppresses(p):
    while True:
        with Stubborn():
            time.sleep(10)


def long_list(p):
    numbers = []
    while True:
        numbers[:] = [1.0]


@posix
@pytest.mark.parametrize(
    "answer",
    [
        *(busy, sleeps, swallows, swallows_three_times, swallows_quickly),
        *(prints_for_ever, swallows_once, waits_for_a_lock, sums_for_ever, suppresses, long_list),
        lambda p: list(steps_for_ever(p))[-1],
    ],
)
def test_endless_functions_are_stopped(answer: Any) -> None:
    verdict = entropy_bits.check(answer, seconds=SHORT)
    assert verdict.outcome == "not yet"
    assert verdict.message.startswith("Your code was still running after 0.2 seconds")
    assert len(verdict.printed) < 1000
    assert entropy_bits.check(my_entropy).outcome == "correct"


@posix
def test_the_interrupt_button_stops_a_check_calmly() -> None:
    def interrupted(p):
        os.kill(os.getpid(), signal.SIGINT)
        swallows(p)

    verdict = entropy_bits.check(interrupted, seconds=60)
    assert verdict.outcome == "not yet"
    assert verdict.message == "You stopped the check, so there is no judgement."


def test_outside_the_main_thread_a_check_works_without_a_limit() -> None:
    found: list[Verdict] = []
    for answer in (my_entropy, raising(SystemExit)):
        thread = threading.Thread(
            target=lambda answer=answer: found.append(entropy_bits.check(answer))
        )
        thread.start()
        thread.join()
    assert [verdict.outcome for verdict in found] == ["correct", "not yet"]


def test_two_checks_at_once_are_refused_in_words() -> None:
    with engine._one_at_a_time:
        assert "one at a time" in entropy_bits.check(my_entropy).message
    assert entropy_bits.check(my_entropy).outcome == "correct"


def session() -> dict[str, Any]:
    """What a check must leave as it is."""
    return {
        "builtins": dict(vars(builtins)),
        "math": dict(vars(math)),
        "stdout": (sys.stdout, sys.stderr, sys.stdin, sys.unraisablehook, sys.excepthook),
        "modules": sys.modules["numpy"],
        "filters": list(warnings.filters),
        "showwarning": warnings.showwarning,
        "numpy": (np.geterr(), np.geterrcall(), np.get_printoptions()),
        "jax": (jax.config.values["jax_enable_x64"], jax.config.values["jax_debug_nans"]),
        "collector": gc.isenabled(),
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()) if os.name != "nt" else None,
        "random": random.getstate(),
        "numpy random": [str(part) for part in np.random.mtrand._rand.get_state()],
        "limit": sys.getrecursionlimit(),
        "traces": (sys.gettrace(), sys.getprofile()),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "matplotlib": dict(mpl.rcParams),
        "figures": plt.get_fignums(),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "timer": signal.getitimer(signal.ITIMER_REAL)[1],
    }


def changes_everything(p):
    print("out")
    print("err", file=sys.stderr)
    warnings.simplefilter("error")
    warnings.showwarning = fails
    np.seterr(all="raise")
    np.seterrcall(fails)
    np.set_printoptions(precision=1, suppress=True)
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_debug_nans", True)
    gc.disable()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    sys.setrecursionlimit(20_000)
    sys.settrace(lambda *_: None)
    sys.setprofile(lambda *_: None)
    os.chdir("/")
    os.environ["COURSE_PROGRESS"] = "/"
    os.environ.pop("PATH", None)
    mpl.rcParams["figure.figsize"] = (1, 1)
    plt.figure()
    sys.stdout = sys.stderr = None
    sys.excepthook = fails
    signal.signal(signal.SIGTERM, fails)
    signal.signal(signal.SIGINT, fails)
    signal.signal(signal.SIGALRM, fails)
    math.log2 = fails
    np.isclose = np.allclose = np.asarray = fails
    builtins.len = builtins.isinstance = builtins.print = fails
    signal.signal = signal.setitimer = fails
    time.monotonic = fails
    sys.modules["numpy"] = None
    return 0.0


@posix
@pytest.mark.parametrize("ending", ["returns", "raises", "never ends"])
def test_the_session_is_what_it_was(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLOUR", "blue")
    plt.figure(num=7)
    before = session()

    def answer(p):
        result = changes_everything(p)
        if ending == "raises":
            raise OwnBaseError
        return result

    def endless(p):
        math.log2 = None
        random.seed(2)
        sys.stdout = None
        os.chdir("/")
        swallows(p)

    verdict = entropy_bits.check(endless if ending == "never ends" else answer, seconds=SHORT)
    after = session()
    plt.close(7)
    assert verdict.outcome == "not yet"
    assert {key for key in before if before[key] != after[key]} == set()
    assert capsys.readouterr() == ("", "")
    assert entropy_bits.check(my_entropy).outcome == "correct"


@posix
def test_a_folder_that_was_deleted_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert entropy_bits.check(my_entropy).outcome == "correct"


def test_warnings_do_not_decide(recwarn: pytest.WarningsRecorder) -> None:
    def warns(p):
        warnings.warn("mine", stacklevel=1)
        np.log(0 * p)
        return my_entropy(p)

    warnings.simplefilter("error")
    with np.errstate(all="raise"):
        assert entropy_bits.check(warns).outcome == "correct"
    assert not recwarn.list


@posix
def test_an_alarm_at_any_moment_leaves_nothing_behind() -> None:
    before = session()
    outcomes = []
    for step in range(150):
        verdict = entropy_bits.check(my_entropy, seconds=1e-5 * (step + 1))
        outcomes.append(verdict.outcome)
        if verdict.outcome == "not yet":
            assert verdict.message.startswith("Your code was still running after")
    after = session()
    assert {key for key in before if before[key] != after[key]} == set()
    assert "not yet" in outcomes
    assert entropy_bits.check(my_entropy).outcome == "correct"
