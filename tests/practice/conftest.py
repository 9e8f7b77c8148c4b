"""Each test has a progress file of its own, and begins with the first hint."""

import os
from pathlib import Path

import pytest

from course.practice import exercise


@pytest.fixture(autouse=True)
def progress_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A progress file that does not exist yet, in a folder that does not exist yet."""
    place = tmp_path / "data" / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(place))
    monkeypatch.setattr(os, "fsync", lambda _: None)  # disks are slow, and no power fails here
    monkeypatch.setattr(exercise, "_hints_used", {})
    return place
