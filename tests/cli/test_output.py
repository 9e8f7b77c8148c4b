"""Every command prints something in every encoding."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from course.cli.main import main
from course.cli.output import NEAREST, allow_every_encoding

ENCODINGS = ["ascii", "latin-1", "cp1252", "cp437", "koi8-r", "utf-8", "utf-16"]
# Each command writes in these: one that Click takes for a mistake, and a usual one.
SEEN = ["ascii", "cp1252"]
COMMANDS = {
    "progress": ["progress"],
    "doctor": ["doctor"],
    "help": ["--help"],
    "help of train": ["train", "--help"],
    "a refusal": ["train", "→∞", "--epochs", "1"],
    "a refused path": ["train", "mlp-2", "--checkpoint", "s3://→∞"],
    "training": ["train", "mlp-2", "--epochs", "1", "--devices", "1", "--checkpoint", "→∞"],
}
QUICK = [name for name in COMMANDS if name != "training"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a progress file that makes `course progress` print signs."""
    record = {"guess": "→", "sure": 100, "right": False, "at": ""}  # costs ∞
    content = {"schema": 1, "exercises": {}, "predictions": {"entropy.p1": record}}
    (tmp_path / "progress.json").write_text(json.dumps(content))
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", [*QUICK, pytest.param("training", marks=pytest.mark.slow)])
def test_every_command_prints_in_every_encoding(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    for encoding in SEEN:
        (folder / encoding).mkdir()
        monkeypatch.chdir(folder / encoding)
        done = CliRunner(charset=encoding).invoke(main, COMMANDS[command])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert done.output_bytes
        # Click takes a stream in ASCII for one that was set up badly, and writes UTF-8 into it.
        done.output_bytes.decode("utf-8" if encoding == "ascii" else encoding)
        seen.add(done.exit_code)
    assert len(seen) == 1, seen


def test_a_process_prints_into_a_file_in_another_encoding(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "course.cli", "progress"],
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "inf" in done.stdout.decode("cp1252")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_encoding_stops_a_stream(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding))
    allow_every_encoding()
    for stream in (sys.stdout, sys.stderr):
        print("".join(NEAREST), "学 🙂 \ud800", file=stream, flush=True)
        assert stream.buffer.getvalue().decode(encoding).endswith("\n")


def test_what_ascii_stands_for_is_ascii() -> None:
    assert all(text.isascii() and not sign.isascii() for sign, text in NEAREST.items())
