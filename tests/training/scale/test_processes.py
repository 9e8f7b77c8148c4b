"""Several processes: they learn what one learns, and when one fails, all end and say why."""

import json
import os
import shutil
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
from course.training.scale.processes import Rank, explain
from tests.support.repository import ROOT
from tests.training.scale import rank

MPIRUN = shutil.which("mpirun")
REQUIRED = os.environ.get("COURSE_REQUIRE_MPI", "") == "1"
mpi = pytest.mark.skipif(not MPIRUN and not REQUIRED, reason="there is no mpirun")
PATIENCE = 20  # seconds until all have ended after something has gone wrong
LONG = "100000"  # epochs, which nobody waits for
PROGRAM = [sys.executable, "-m", "tests.training.scale.rank"]
VARIABLES = (
    *("OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS", "SLURM_STEP_NODELIST", "PMI_SIZE"),
    *("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"),
)


def two(*arguments: str) -> list[str]:
    """Return the command of two processes under Open MPI; it must be asked to run as root."""
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    return ["mpirun", "-n", "2", *root, "--oversubscribe", "--bind-to", "none", *arguments]


def start(command: list[str], stall_seconds: int = 60) -> subprocess.Popen[str]:
    stall = {"COURSE_STALL_SECONDS": str(stall_seconds)}
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", **stall}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str], seconds: float = 240) -> tuple[int, str]:
    """Return the exit status and what was printed; end what takes longer."""
    try:
        printed, _ = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, printed


def read_outcomes(printed: str) -> list[Any]:
    """Return what process 0 prints at the end of each training."""
    lines = [line for line in printed.splitlines() if line.startswith("outcome ")]
    assert lines, printed
    return [json.loads(line.removeprefix("outcome ")) for line in lines]


def newest(folder: Path) -> int:
    """Return the step of the last complete checkpoint; 0 if there is none."""
    return max(
        (int(path.name.split("_")[-1]) for path in folder.glob("course_step_*[0-9]")), default=0
    )


def wait_for_checkpoint(folder: Path, after: int) -> None:
    end = time.monotonic() + 120
    while newest(folder) <= after and time.monotonic() < end:
        time.sleep(0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all tests: whatever has ended the run in one of them, it goes on in the next."""
    return tmp_path_factory.mktemp("checkpoints")


@mpi
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raise", "Rank 1 of 2 ends: OSError: data.csv cannot be read (rank.py, line "),
        ("stall", "Rank 0 of 2 ends: rank 1 did not come to the same step within 6 s: look at"),
    ],
)
def test_when_one_fails_all_end_and_say_why(fault: str, reason: str, folder: Path) -> None:
    # A busy machine may compile for longer than the stalled run waits.
    stall_seconds = 6 if fault == "stall" else 60
    before = newest(folder)
    process = start(two(*PROGRAM, fault, f"{LONG}:{folder}"), stall_seconds)
    wait_for_checkpoint(folder, before)
    # A few chunks of steps of some tenths of a second, and the fault has come.
    status, printed = finish(process, 10 + PATIENCE)
    assert status != 0
    assert reason in printed


@mpi
def test_a_signal_to_one_ends_all_with_a_checkpoint(folder: Path) -> None:
    before = newest(folder)
    status, printed = finish(start(two(*PROGRAM, "interrupt", f"{LONG}:{folder}")))
    assert status == 143 or "143" in printed
    (outcome,) = read_outcomes(printed)
    assert before < newest(folder) == outcome["steps"] < 6 * int(LONG)


@pytest.fixture(scope="module")
def trained(folder: Path) -> list[Any]:
    """Outcomes of two processes: of a short run, of one that was killed, and of one that was not.

    It is killed at any moment: in a step, or while a checkpoint is written.
    """
    before = newest(folder)
    process = start(two(*PROGRAM, "none", f"{LONG}:{folder}"))
    wait_for_checkpoint(folder, before)
    time.sleep(np.random.default_rng().uniform(0.0, 0.7))
    psutil.Process(process.pid).children()[-1].kill()
    status, printed = finish(process, PATIENCE)
    assert status != 0
    assert "exited on signal 9" in printed
    assert newest(folder) > before
    epochs = -(-newest(folder) // 6) + 5
    status, printed = finish(
        start(two(*PROGRAM, "exchange", "60", f"{epochs}:{folder}", f"{epochs}"))
    )
    assert status == 0, printed
    return read_outcomes(printed)


@mpi
def test_two_processes_learn_what_one_learns(trained: list[Any]) -> None:
    both, one = trained[0], rank.train(60, devices=1)
    assert both["rank"] == "rank 0 of 2"
    assert both["steps"] == one["steps"] == 360
    assert both["sum"] == pytest.approx(one["sum"], rel=1e-5)


@mpi
def test_a_run_that_was_killed_goes_on_to_the_very_same_end(trained: list[Any]) -> None:
    _, killed, through = trained
    assert killed == through


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def join(address: str, index: int, seconds: int) -> list[str]:
    """Return the command of a process that looks for another, which does not come."""
    call = f'processes.join("{address}", 2, {index}, answer_seconds={seconds})'
    return [sys.executable, "-c", f"from course.training.scale import processes; {call}"]


def test_the_first_does_not_wait_for_ever_and_lets_nobody_in_from_elsewhere() -> None:
    address = f"localhost:{free_port()}"
    process = start(join(address, 0, seconds=5))
    listening: set[str] = set()
    while not listening and process.poll() is None:
        connections = psutil.Process(process.pid).net_connections()
        listening = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
        time.sleep(0.05)
    status, printed = finish(process)
    assert listening
    assert listening <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert status == 1
    (sentence,) = filter(None, printed.splitlines())
    assert sentence.startswith(f"Rank 0 ends: the others did not come to {address} in 5 s:")
    assert sentence.endswith("a firewall close the port?")


def test_another_does_not_wait_for_ever() -> None:
    address = f"127.0.0.1:{free_port()}"
    status, printed = finish(start(join(address, 1, seconds=1)))
    assert status == 1
    (sentence,) = filter(None, printed.splitlines())
    assert sentence.startswith(f"Rank 1 ends: the others did not come to {address} in 1 s:")


def test_a_proxy_in_between_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    status, printed = finish(start(join("127.0.0.1:1", 1, seconds=1)))
    assert status == 1
    assert printed.endswith("(http_proxy is set)? Add 127.0.0.1 to no_proxy.\n")


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OMPI_COMM_WORLD_SIZE": "1"},
        {"SLURM_NTASKS": "4"},  # in an allocation, but not started by srun
        {"SLURM_NTASKS": "1", "SLURM_STEP_NODELIST": "node1"},
        {
            "JAX_COORDINATOR_ADDRESS": "node:1234",
            "JAX_NUM_PROCESSES": "1",
            "JAX_PROCESS_ID": "0",
        },
    ],
)
def test_a_process_alone_looks_for_no_others(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert processes.join() == Rank(0, 1)
    assert str(processes.join()) == "rank 0 of 1"


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"OMPI_COMM_WORLD_SIZE": "2"}, (None, None, None)),
        ({"SLURM_NTASKS": "2", "SLURM_STEP_NODELIST": "node[1-2]"}, (None, None, None)),
        (
            {
                "JAX_COORDINATOR_ADDRESS": "node:1234",
                "JAX_NUM_PROCESSES": "2",
                "JAX_PROCESS_ID": "1",
            },
            ("node:1234", 2, 1),
        ),
    ],
)
def test_what_a_launcher_sets_is_given_to_jax(
    variables: dict[str, str], address: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *args, **_: given.append(args))
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))  # set back afterwards
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    processes.join()
    assert given == [address]


def test_a_launcher_that_jax_does_not_detect_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PMI_SIZE", "2")  # MPICH: each process would train alone
    with pytest.raises(ValueError, match="cannot detect them under this kind of MPI"):
        processes.join()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("node:1234", None, None), "coordinator, count, index: expected the address of process 0"),
        ((None, 2, 1), "coordinator, count, index: expected the address of process 0"),
        (("node", 2, 1), "coordinator: expected host and port, such as node1:1234, got node"),
        (("node:port", 2, 1), "coordinator: expected host and port"),
        ((3, 2, 0), "coordinator: expected host and port, such as node1:1234, got int"),
        (("localhost:99999", 2, 0), "coordinator: expected a port from 1 to 65535, got 99999"),
        (("localhost:0", 2, 0), "coordinator: expected a port from 1 to 65535, got 0"),
        (("http://node1:1234", 2, 0), "coordinator: expected host and port"),
        (("node1 :1234", 2, 0), "coordinator: expected host and port"),
        (("::1:1234", 2, 0), "coordinator: expected host and port"),
        (("node1:١٢", 2, 0), "coordinator: expected host and port"),
        (("node1:1234", "2", 0), "count: expected an integer, got str"),
        (("node1:1234", 2, True), "index: expected an integer, got bool"),
        (("node:1234", 2, 2), "index: expected an integer of at most 1, got 2"),
        (("node:1234", 2, -1), "index: expected an integer of at least 0, got -1"),
        (("node:1234", 0, 0), "count: expected an integer of at least 1, got 0"),
    ],
)
def test_half_an_address_is_refused(given: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        processes.join(*given)


@pytest.mark.parametrize("seconds", ["soon", "-1", "0", "nan", "inf"])
@pytest.mark.parametrize("name", ["COURSE_STALL_SECONDS", "COURSE_ANSWER_SECONDS"])
def test_a_time_is_a_number_above_0(
    name: str, seconds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, seconds)
    with pytest.raises(ValueError, match=f"{name}: expected a number"):
        processes.join("node:1234", 2, 1)


@pytest.mark.parametrize("seconds", ["soon", True, [1], 0, -1.0, np.nan, np.inf, 10**400])
@pytest.mark.parametrize("name", ["answer_seconds", "stall_seconds"])
def test_seconds_that_are_given_are_a_number(name: str, seconds: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{name}: expected a number of seconds"):
        processes.join("node:1234", 2, 1, **{name: seconds})


def test_a_word_for_a_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_NUM_PROCESSES", "two")
    with pytest.raises(ValueError, match="JAX_NUM_PROCESSES: expected a number, got 'two'"):
        processes.join()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("a\n  b"), "ValueError: a b"),
        (jax.errors.JaxRuntimeError("Gloo all-reduce failed: Connection reset"), "rank 0 is gone"),
        (ValueError("UNKNOWN: Gloo AllGather failed: Timed out waiting"), "rank 0 did not come"),
        (OSError("/runs/igloo holds a checkpoint"), "OSError: /runs/igloo holds"),
        (TimeoutError("the server timed out"), "TimeoutError: the server timed out"),
    ],
)
def test_the_reason_is_one_sentence(error: Exception, reason: str) -> None:
    sentence = explain(Rank(1, 2), error)
    assert sentence.startswith(reason)
    assert "\n" not in sentence
    if "rank 0" in reason:
        assert explain(Rank(1, 3), error).startswith("another rank")


def test_the_place_of_an_error_is_named_unless_the_sentence_is_for_the_user() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("x")
    assert "(test_processes.py, line " in explain(Rank(0, 1), caught.value)
    assert explain(Rank(0, 1), caught.value, plain=True) == str(caught.value)


def test_one_process_exchanges_nothing() -> None:
    assert processes.max_over_processes([0.0, 2.0]) == [0.0, 2.0]
    assert processes.broadcast(lambda: {"a": 1}) == {"a": 1}
