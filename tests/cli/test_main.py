"""`course`: its words, `doctor` and `progress`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course import __version__
from course.cli import doctor
from course.practice.board import board
from tests.support.command import assert_one_sentence, run


@pytest.mark.parametrize("arguments", [["frobnicate"], ["lab", "--fast"], ["lab", "--port", "x"]])
def test_unknown_words_get_a_usage_line(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")


def test_version_and_help() -> None:
    assert run("--version").output.strip() == f"course, version {__version__}"
    described = run("--help").output
    assert all(name in described for name in ("lab", "doctor", "progress", "train"))


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "course.cli", "--version"]
    assert __version__ in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_progress_is_the_board_as_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(place))
    monkeypatch.setenv("COLUMNS", "200")
    result = run("progress")
    assert result.exit_code == 0
    for row in board().rows:
        (line,) = [line for line in result.output.splitlines() if row.notebook in line]
        assert all(cell in line for cell in row.cells)
    assert "No predictions yet." in result.output
    assert not place.exists()


def test_progress_says_that_its_file_was_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "progress.json").write_text("{")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setenv("COLUMNS", "500")
    result = run("progress")
    assert result.exit_code == 0
    assert "damaged" in result.output


@pytest.mark.skipif(os.name == "nt", reason="Windows does not delete a folder that is in use")
def test_a_deleted_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert_one_sentence(run("lab"), "has been deleted")


@pytest.mark.parametrize("columns", ["0", "1", "20"])
def test_progress_in_a_tiny_terminal(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    result = run("progress")
    assert result.exit_code == 0
    assert "No predictions yet." in result.output


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
@pytest.mark.parametrize("argument", ["progress", "--version"])
def test_a_full_disk_is_one_sentence(argument: str, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "course.cli", argument],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"COURSE_PROGRESS": str(tmp_path / "progress.json")},
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "No space left" in line


@pytest.mark.parametrize("ok", [True, False])
def test_doctor_prints_a_line_each_and_its_exit_status(
    ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    jax = doctor.Finding("JAX", ok, "0.10.2" if ok else "missing", "" if ok else "Install it.")
    monkeypatch.setattr(doctor, "diagnose", lambda: [doctor.Finding("Python", True, "3.11.7"), jax])
    result = run("doctor")
    assert result.exit_code == (0 if ok else 1)
    first, second = result.output.splitlines()
    assert first.split() == ["ok", "Python", "3.11.7"]
    assert second.split()[0] == ("ok" if ok else "wrong")
    assert second.endswith("0.10.2" if ok else "missing. Install it.")
