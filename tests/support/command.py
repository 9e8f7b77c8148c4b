"""Helpers for tests of the command `course`."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from course.cli import main as cli


def run(*arguments: str) -> Result:
    """`course` with these arguments, in this process."""
    return CliRunner().invoke(cli.main, arguments)


def assert_one_sentence(result: Result, pattern: str) -> None:
    """The command failed with one line, as it should: no traceback, exit status 1."""
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    (line,) = result.stderr.splitlines()
    assert re.search(pattern, line), line
    assert line.endswith(".")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two of the course's notebooks, which is the working folder."""
    (tmp_path / "notebooks").mkdir()
    for name in ("00_start_here", "02_entropy"):
        text = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path
