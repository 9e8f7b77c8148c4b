"""Fixtures for tests of the command `course`."""

from pathlib import Path

import pytest


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two of the course's notebooks, which is the working folder."""
    (tmp_path / "notebooks").mkdir()
    for name in ("00_start_here", "02_entropy"):
        text = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path
