"""The session is what it was, whatever an answer changes in it."""

import decimal
import gc
import importlib
import locale
import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import jax
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from course.practice.session import Printed, _umask, session_kept
from tests.practice.examples import entropy_bits, my_entropy

VIRTUAL = getattr(signal, "ITIMER_VIRTUAL", None)
PROFILING = getattr(signal, "ITIMER_PROF", None)
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no timer, and keeps folders")


def session() -> dict[str, Any]:
    """State that a check must leave as it is."""
    return {
        "streams": (sys.stdout, sys.stderr),
        "filters": list(warnings.filters),
        "numpy": (np.geterr(), np.get_printoptions()),
        "jax": (jax.config.jax_enable_x64, jax.config.jax_debug_nans),
        "random": random.getstate(),
        "numpy random": [str(part) for part in np.random.get_state()],  # noqa: NPY002
        "limit": sys.getrecursionlimit(),
        "folder": os.getcwd(),
        "environment": (dict(os.environ), time.tzname),
        "matplotlib": dict(mpl.rcParams),
        "figures": plt.get_fignums(),
        "collector": (gc.isenabled(), gc.get_threshold(), list(gc.callbacks), gc.get_debug()),
        "timers": [signal.getitimer(timer) for timer in (VIRTUAL, PROFILING) if timer is not None],
        "handlers": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "paths": (list(sys.path), list(sys.meta_path), list(sys.argv)),
        "permissions": _umask(),
        "hooks": (sys.excepthook, threading.excepthook, sys.displayhook, sys.gettrace()),
        "decimals": decimal.getcontext().prec,
        "locale": locale.setlocale(locale.LC_ALL),
        "digits": (sys.get_int_max_str_digits(), sys.getswitchinterval()),
        "logging": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
    }


def changes_everything(p):
    print("out")
    print("err", file=sys.stderr)
    p[:] = 0
    warnings.simplefilter("error")
    np.seterr(all="raise")
    np.set_printoptions(precision=1, suppress=True)
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_debug_nans", True)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    sys.setrecursionlimit(20_000)
    os.chdir("/")
    os.environ["COURSE_PROGRESS"] = "/"
    os.environ.pop("PATH", None)
    os.environ["TZ"] = "Asia/Tokyo"
    if hasattr(time, "tzset"):
        time.tzset()
    mpl.rcParams["figure.figsize"] = (1, 1)
    plt.figure()
    gc.disable()
    gc.set_threshold(1, 1, 1)
    gc.callbacks.append(print)
    for timer in (VIRTUAL, PROFILING):
        if timer is not None:
            signal.setitimer(timer, 100)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.path.insert(0, "/nowhere")
    sys.argv.append("--help")
    os.umask(0o777)
    sys.meta_path.clear()
    sys.excepthook = threading.excepthook = sys.displayhook = print
    decimal.getcontext().prec = 2
    locale.setlocale(locale.LC_ALL, "C")
    sys.set_int_max_str_digits(1000)
    sys.setswitchinterval(0.001)
    logging.disable(logging.CRITICAL)
    logging.root.setLevel(1)
    logging.root.addHandler(logging.NullHandler())
    return 0.0


def changes_and_raises(p):
    raise SystemExit(changes_everything(p))


def changes_and_never_ends(p):
    changes_everything(p)
    while True:
        pass


@pytest.mark.parametrize(
    "answer",
    [
        changes_everything,
        changes_and_raises,
        pytest.param(changes_and_never_ends, marks=posix),
    ],
)
def test_the_session_is_what_it_was(
    answer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLOUR", "blue")
    plt.figure(num=7)
    before = session()
    verdict = entropy_bits.check(answer, seconds=0.5)
    after = session()
    plt.close(7)
    assert verdict.outcome == "not yet"
    assert verdict.printed.startswith("out\nerr")
    assert {key for key in before if before[key] != after[key]} == set()
    assert capsys.readouterr() == ("", "")
    assert entropy_bits.check(my_entropy).outcome == "correct"


def test_an_interrupt_while_things_are_put_back_leaves_none_of_them_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(state: Any) -> None:
        raise KeyboardInterrupt

    before = session()
    with monkeypatch.context() as patch:
        patch.setattr(random, "setstate", interrupted)
        with pytest.raises(KeyboardInterrupt), session_kept(Printed()):
            changes_everything(np.ones(1))
    after = session()
    assert {key for key in before if before[key] != after[key]} == {"random"}


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


def test_printed_output_is_shown_and_cut(capsys: pytest.CaptureFixture[str]) -> None:
    def chatty(p):
        print("<b>loud</b>" * 1000)
        return my_entropy(p)

    verdict = entropy_bits.check(chatty)
    assert capsys.readouterr() == ("", "")
    assert verdict.outcome == "correct"
    assert verdict.printed.startswith("<b>loud</b>")
    assert len(verdict.printed) < 700
    assert verdict.printed.endswith("…")
    assert "<b>" not in verdict._repr_html_()


def test_figures_are_closed_also_if_the_answer_loads_pyplot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(p):
        importlib.import_module("matplotlib.pyplot").figure()
        return my_entropy(p)

    monkeypatch.delitem(sys.modules, "matplotlib.pyplot")
    assert entropy_bits.check(answer).outcome == "correct"
    assert plt.get_fignums() == []
