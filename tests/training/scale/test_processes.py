"""Several processes: they learn what one learns, and when one fails, all end and say why."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import psutil
import pytest

from course.training.scale import processes
from course.training.scale.faults import Rank, Stop, reason
from tests.support.repository import ROOT

MPIRUN = shutil.which("mpirun")
REQUIRED = os.environ.get("COURSE_REQUIRE_MPI", "") == "1"
mpi = pytest.mark.skipif(not MPIRUN and not REQUIRED, reason="there is no mpirun")
# So long may it take until all have ended after something has gone wrong.
PATIENCE = 20
LONG = "100000"  # epochs, which nobody waits for
RANK = ["-m", "tests.training.scale.rank"]


def command(*arguments: str, count: int = 2) -> list[str]:
    """The processes of a training under Open MPI; it must be asked to run as root."""
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    options = ["-n", str(count), *root, "--oversubscribe", "--bind-to", "none"]
    return ["mpirun", *options, sys.executable, *arguments]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "JAX_PLATFORMS": "cpu", "COURSE_STALL_SECONDS": "4", **more}


def run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=ROOT, env=environment(**more), capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip
    done.stdout += done.stderr
    return done


def told(done: subprocess.CompletedProcess[str]) -> Any:
    """What rank 0 tells at the end."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("told ")]
    assert lines, done.stdout
    return json.loads(lines[-1].removeprefix("told "))


@pytest.fixture(scope="module")
def whole() -> Any:
    """A run of two processes that nothing has disturbed."""
    done = run(*command(*RANK, "none", "60"))
    assert done.returncode == 0, done.stdout
    return told(done)


@mpi
def test_two_processes_learn_what_one_learns(whole: Any) -> None:
    one = told(run(sys.executable, *RANK, "none", "60"))
    assert (whole["rank"], one["rank"]) == ("rank 0 of 2", "rank 0 of 1")
    assert whole["steps"] == one["steps"] == 360
    assert whole["sum"] == pytest.approx(one["sum"], rel=1e-5)


@mpi
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raise", "Rank 1 of 2 ends: OSError: data.csv cannot be read (rank.py, line "),
        ("kill", "exited on signal 9"),
        ("stall", "Rank 0 of 2 ends: rank 1 did not come to the same step within 4 s: look at"),
        ("stop", "Rank 0 of 2 ends: rank 1 did not come to the same step within 4 s: look at"),
    ],
)
def test_when_one_fails_all_end_and_say_why(fault: str, said: str, tmp_path: Path) -> None:
    with (tmp_path / "said").open("w+") as output:
        process = subprocess.Popen(
            command(*RANK, fault, LONG, str(tmp_path / "kept")), cwd=ROOT, env=environment(),
            stdout=output, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            folder = tmp_path / "kept"
            begin = time.monotonic()
            while not folder.is_dir() and time.monotonic() - begin < 120:
                time.sleep(0.1)
            # Three parts of at most some tenths of a second, and the fault has come.
            process.wait(timeout=30 + PATIENCE)
        finally:
            process.kill()
        output.seek(0)
        text = output.read()
    assert process.returncode not in (0, None)
    assert said in text


@mpi
def test_what_was_killed_goes_on_to_the_very_same_end(whole: Any, tmp_path: Path) -> None:
    """Killed at a moment that differs from run to run."""
    folder = tmp_path / "kept"
    for moment in np.random.default_rng().uniform(0.0, 0.7, 1):
        with subprocess.Popen(
            command(*RANK, "none", LONG, str(folder)), cwd=ROOT, env=environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as process:  # fmt: skip
            begin = time.monotonic()
            before = newest(folder)
            while newest(folder) == before and time.monotonic() - begin < 120:
                time.sleep(0.05)
            time.sleep(moment)
            kill_a_rank(process.pid)
            text, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode != 0
        assert "signal 9" in text
    steps = newest(folder)
    epochs = str(-(-steps // 6) + 5)
    through = told(run(*command(*RANK, "none", epochs)))
    resumed = told(run(*command(*RANK, "none", epochs, str(folder))))
    assert resumed == through


def newest(folder: Path) -> int:
    """The last checkpoint that is complete."""
    found = [
        int(path.name)
        for path in (folder.iterdir() if folder.is_dir() else [])
        if path.name.isdecimal() and (path / "commit_success.txt").exists()
    ]
    return max(found, default=0)


def kill_a_rank(launcher: int) -> None:
    """Kill the last of a launcher's children."""
    psutil.Process(launcher).children()[-1].kill()


@mpi
def test_a_signal_to_one_ends_all_with_a_checkpoint(tmp_path: Path) -> None:
    done = run(*command(*RANK, "interrupt", LONG, str(tmp_path / "kept")))
    assert done.returncode == 143 or "143" in done.stdout
    assert told(done)["stopped"].startswith("interrupted after")
    assert newest(tmp_path / "kept") == told(done)["steps"]


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ("1", "Rank 1 ends: process 0 at 127.0.0.1:{port} did not answer within 2 s: does it run,"),
        ("0", "Rank 0 ends: not all other processes came to process 0 at 127.0.0.1:{port} within"),
    ],
)
def test_nobody_waits_for_ever_for_the_others(index: str, said: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = f"""
from course.training.scale import processes
processes.join("127.0.0.1:{port}", 2, {index}, answer_seconds=2)
"""
    done = run(sys.executable, "-c", source)
    assert done.returncode == 1
    assert said.format(port=port) in done.stdout
    assert len([line for line in done.stdout.splitlines() if line]) == 1


def test_nobody_else_is_looked_for_without_need(monkeypatch: pytest.MonkeyPatch) -> None:
    for count, index in processes.LAUNCHERS:
        monkeypatch.delenv(count, raising=False)
        monkeypatch.delenv(index, raising=False)
    assert not processes.launched()
    assert processes.join() == Rank(0, 1)
    monkeypatch.setenv("SLURM_NTASKS", "4")  # in an allocation, but not started by srun
    assert not processes.launched()
    monkeypatch.setenv("SLURM_STEP_NODELIST", "node[1-4]")
    assert processes.launched()
    monkeypatch.setenv("SLURM_NTASKS", "1")
    assert processes.join() == Rank(0, 1)
    monkeypatch.delenv("SLURM_NTASKS")
    assert processes.join("node:1234", 1, 0) == Rank(0, 1)
    monkeypatch.setenv("PMI_SIZE", "2")  # MPICH, which JAX does not know: each would train alone
    with pytest.raises(ValueError, match="what JAX cannot find out under this kind of MPI"):
        processes.join()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("node:1234", None, None), "coordinator, count, index: expected the address of process 0"),
        ((None, 2, 1), "coordinator, count, index: expected the address of process 0"),
        (("node", 2, 1), "coordinator: expected host and port, such as node1:1234, got node"),
        (("node:port", 2, 1), "coordinator: expected host and port"),
        (("node:1234", 2, 2), "index: expected an integer of at most 1, got 2"),
        (("node:1234", 2, -1), "index: expected an integer of at least 0, got -1"),
        (("node:1234", 0, 0), "count: expected an integer of at least 1, got 0"),
    ],
)
def test_half_an_address_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        processes.join(*given)


@pytest.mark.parametrize("seconds", ["soon", "-1", "0", "nan", "inf"])
@pytest.mark.parametrize("name", ["COURSE_STALL_SECONDS", "COURSE_ANSWER_SECONDS"])
def test_a_time_is_a_number(name: str, seconds: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, seconds)
    with pytest.raises(ValueError, match=f"{name}: expected a number of seconds above 0"):
        processes.join("node:1234", 2, 1)


def test_a_word_for_a_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_NUM_PROCESSES", "two")
    with pytest.raises(ValueError, match="JAX_NUM_PROCESSES: expected a number, got 'two'"):
        processes.join()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("a\n  b"), "ValueError: a b"),
        (
            jax.errors.JaxRuntimeError("Gloo all-reduce failed: Connection reset by peer"),
            "rank 0 is",
        ),
        (jax.errors.JaxRuntimeError("Gloo AllReduce: Timed out waiting"), "rank 0 did not come"),
        (ValueError("UNKNOWN: Gloo AllGather failed: Timed out waiting"), "rank 0 did not come"),
        (OSError("/runs/igloo holds a checkpoint"), "OSError: /runs/igloo holds"),
        (TimeoutError("the server timed out"), "TimeoutError: the server timed out"),
    ],
)
def test_the_reason_is_one_sentence(error: Exception, said: str) -> None:
    sentence = reason(Rank(1, 2), error)
    assert sentence.startswith(said)
    assert "\n" not in sentence
    if "rank 0" in said:
        assert reason(Rank(1, 3), error).startswith("another rank")


def test_the_place_of_an_error_is_named() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("x")
    assert "(test_processes.py, line " in reason(Rank(0, 1), caught.value)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_is_noted_and_the_second_is_not_held_up(number: Any, status: int) -> None:
    heard = []
    before = signal.signal(number, lambda *_: heard.append(number))
    try:
        with Stop() as stop:
            assert not stop()
            assert stop.status == 0
            signal.raise_signal(number)
            assert stop()
            assert stop.status == status
            assert heard == []
            signal.raise_signal(number)
            assert heard == [number]
        signal.raise_signal(number)
        assert heard == [number, number]
    finally:
        signal.signal(number, before)


def test_one_process_agrees_with_itself() -> None:
    assert processes.agree([0.0, 2.0]) == [0.0, 2.0]
    assert processes.from_first(lambda: {"a": 1}) == {"a": 1}
