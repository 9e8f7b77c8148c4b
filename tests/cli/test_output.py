"""Every command prints something in every encoding."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course.cli.output import NEAREST, allow_every_encoding

ENCODINGS = ["ascii", "latin-1", "cp1252", "cp437", "koi8-r", "utf-8", "utf-16"]
# Each command starts a process in these: one that Click takes for a mistake, and a usual one.
SEEN = ["ascii", "cp1252"]
COMMANDS = {
    "progress": ["progress"],
    "doctor": ["doctor"],
    "help": ["--help"],
    "help of train": ["train", "--help"],
    "a refusal": ["train", "→∞", "--epochs", "1"],
    "a refused path": ["train", "mlp-2", "--checkpoint", "s3://→∞"],
    "training": ["train", "mlp-2", "--epochs", "1", "--checkpoint", "→∞"],
}


def output(encoding: str, arguments: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    """What a command writes where its output goes to files in an encoding."""
    record = {"guess": "→", "sure": 100, "right": False, "at": ""}  # costs ∞
    content = {"schema": 1, "exercises": {}, "predictions": {"entropy.p1": record}}
    (folder / "progress.json").write_text(json.dumps(content))
    return subprocess.run(
        [sys.executable, "-m", "course.cli", *arguments],
        cwd=folder,
        env=os.environ
        | {"PYTHONIOENCODING": encoding, "COURSE_PROGRESS": str(folder / "progress.json")},
        capture_output=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_prints_in_every_encoding(command: str, tmp_path: Path) -> None:
    seen = set()
    for number, encoding in enumerate(SEEN):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = output(encoding, COMMANDS[command], folder)
        assert b"Traceback" not in done.stderr, (encoding, done.stderr.decode(encoding))
        assert done.stdout + done.stderr
        # Click takes a stream in ASCII for one that was set up badly, and writes UTF-8 into it.
        (done.stdout + done.stderr).decode("utf-8" if encoding == "ascii" else encoding)
        seen.add(done.returncode)
    assert len(seen) == 1, seen


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
