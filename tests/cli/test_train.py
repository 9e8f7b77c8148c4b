"""`course train`: its options, and its exit status when something is wrong or a signal comes."""

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from course.cli.run_training import Settings
from course.cli.train import read_network, train
from course.training.interrupts import StopSignal
from course.training.results import Stopped
from course.training.scale.checkpoint import OrbaxStore
from course.training.scale.processes import Rank
from tests.support.command import assert_one_sentence, run

QUICK = ("mlp-16", "--epochs", "3")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_QUIET", "1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["iris"], "'iris' is neither digits nor such as mlp-128-128"),
        (["mlp-0"], "'mlp-0' is neither digits nor such as mlp-128-128"),
        (["mlp-8-"], "'mlp-8-' is neither digits nor such as mlp-128-128"),
        (["mlp" + "-2" * 65], "65 hidden layers are too many: 64 at most"),
        (["mlp" + "-2" * 5000], "5000 hidden layers are too many: 64 at most"),
        (["digits", "--coordinator", "localhost:99999"], "'localhost:99999' is not in 1 to 65535"),
        (["digits", "--coordinator", "localhost:0"], "'localhost:0' is not in 1 to 65535"),
        (["digits", "--devices", "some"], "'some' is not a valid integer"),
        (["digits", "--devices", "0"], "0 is not in the range"),
        (["digits", "--epochs", "0"], "0 is not in the range"),
        (["digits", "--resume"], "--resume needs --checkpoint: where is the run kept?"),
    ],
)
def test_what_it_does_not_understand_gets_a_usage_line(arguments: list[str], message: str) -> None:
    result = run("train", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["--devices", "7"], r"devices: expected at most the 4 there are; to simulate 7"),
        (["--batch-size", "5000"], r"batch_size: expected at most the 1438 examples"),
        (["--rate", "-1"], r"rate: expected a learning rate above 0"),
        (["--rate", "nan"], r"rate: expected a learning rate above 0"),
        (["--simulate", "7"], r"JAX has already started, with 4 devices: restart"),
        (["--coordinator", "node1", "--processes", "2", "--process-id", "1"], "host and port"),
        (["--processes", "2"], r"coordinator, count, index: expected the address of process 0"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments: list[str], pattern: str) -> None:
    assert_one_sentence(run("train", *QUICK, *arguments), pattern)


@pytest.mark.parametrize(
    "folder",
    ["", " ", "-", "gs://bucket/run", "s3://bucket/run", "file:///run", "$UNKNOWN/run", "file",
     "file/run", "x" * 300, "~nobody-of-this-name/run"],
)  # fmt: skip
def test_a_folder_that_cannot_be_is_refused_before_any_work(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNKNOWN", raising=False)
    monkeypatch.setattr("course.cli.train.run", lambda *_: pytest.fail("work was done"))
    (tmp_path / "file").write_text("mine")
    for more in ([], ["--resume"]):
        result = run("train", *QUICK, "--checkpoint", folder, *more)
        assert_one_sentence(result, "^Error: --checkpoint: expected ")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_network_of_a_name_can_be_spelt_out() -> None:
    context, option = click.Context(train), train.params[0]
    sizes = {read_network(context, option, name) for name in ("digits", "mlp-128-128")}
    assert sizes == {(128, 128)}


def test_a_folder_in_the_home_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    kept: list[Path | None] = []

    def trained(settings: Settings, *_: object) -> Stopped:
        kept.append(settings.checkpoint)
        return Stopped.FINISHED

    monkeypatch.setattr("course.cli.train.run", trained)
    for folder in ("~/runs", "$HOME/more"):
        result = run("train", "mlp-2", "--epochs", "1", "--checkpoint", folder)
        assert result.exit_code == 0, result.output
    assert kept == [tmp_path / "runs", tmp_path / "more"]


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("course.cli.train.write_fault", lambda folder: f"cannot write to {folder}")
    result = run("train", *QUICK, "--checkpoint", str(tmp_path / "new"))
    assert_one_sentence(result, "--checkpoint: cannot write to .*new: choose another folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_what_only_looks_like_a_checkpoint_is_named(resume: list[str], tmp_path: Path) -> None:
    (tmp_path / "course_step_30").mkdir()
    (tmp_path / "course_step_30" / "notes.txt").write_text("mine")
    result = run("train", *QUICK, "--checkpoint", str(tmp_path), *resume)
    assert_one_sentence(result, "course_step_30 is no checkpoint of the course: move it, or choose")
    assert len(list(tmp_path.rglob("*"))) == 2


def test_a_loss_that_breaks_is_a_failure() -> None:
    result = run("train", *QUICK, "--devices", "1", "--optimizer", "sgd", "--rate", "1e30")
    assert result.exit_code == 1
    assert "no longer finite at step" in result.stderr
    assert "try a smaller --rate." in result.stderr


@contextmanager
def safe_from(number: int) -> Iterator[None]:
    """Let a signal that the command leaves alone raise an error, wherever the tests were started.

    Without the command's own handler it would end the tests, or would be ignored.
    """
    before = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_keeps_what_was_learned(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    over = threading.Event()

    def press_ctrl_c() -> None:
        while not over.wait(0.05):
            if OrbaxStore(folder).steps:
                os.kill(os.getpid(), signal.SIGINT)
                return

    finger = threading.Thread(target=press_ctrl_c)
    with safe_from(signal.SIGINT):
        finger.start()
        kept = ("--checkpoint", str(folder), "--save-every", "0")
        result = run("train", "mlp-16", "--devices", "1", "--epochs", "100000", *kept)
        over.set()
        finger.join()
    assert result.exit_code == 130, result.output
    assert "Interrupted after" in result.stderr
    found = re.search(r": (\d+) steps of", result.stdout)
    assert found
    assert OrbaxStore(folder).steps[-1] == int(found[1])


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_exit_status_names_the_signal(
    number: signal.Signals, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_settings: Settings, _rank: Rank, stop: StopSignal) -> Stopped:
        signal.raise_signal(number)
        assert stop()
        return Stopped.INTERRUPTED

    monkeypatch.setattr("course.cli.train.run", interrupted)
    with safe_from(number):
        assert run("train", *QUICK).exit_code == status
