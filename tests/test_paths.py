"""Paths as people type them are expanded, or refused in one sentence, and nothing is made."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from course.paths import file_path, folder_path, write_fault

posix = pytest.mark.skipif(os.name == "nt", reason="Windows names its files in another way")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, which is not the working folder."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("RUNS", "runs")
    monkeypatch.setenv("NOTHING", "")
    monkeypatch.delenv("UNKNOWN", raising=False)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


@pytest.mark.parametrize("read", [file_path, folder_path])
def test_paths_are_expanded(read: Any, home: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    for typed, meant in [
        ("~/a", home / "a"),
        ("$HOME/a", home / "a"),
        ("${HOME}/$RUNS/a", home / "runs" / "a"),
        ("a", work / "a"),
        ("./a", work / "a"),
        (Path("a"), work / "a"),
        (tmp_path / "a b" / "ü", tmp_path / "a b" / "ü"),
        ("C:a" if os.name != "nt" else "a", work / ("C:a" if os.name != "nt" else "a")),
    ]:
        assert read("here", typed) == meant
    assert read("here", "a", base=home / "data") == home / "data" / "a"
    assert read("here", "~/a", base=home / "data") == home / "a"
    assert read("here", "a", base=Path("data")) == home / "data" / "a"
    assert sorted(tmp_path.rglob("*")) == [home, work]


@pytest.mark.parametrize("read", [file_path, folder_path])
@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "got ''"),
        ("  ", "got '  '"),
        ("\n", r"got '\\n'"),
        ("-", "stands for no file"),
        ("a\0b", r"got 'a\\x00b'"),
        ("a\ud800", "whose characters no file's name can hold"),
        ("gs://bucket/run", "the address 'gs://bucket/run': mount it"),
        ("s3://bucket/run", "mount it"),
        ("https://host/run", "mount it"),
        ("HDFS://host/run", "mount it"),
        ("dbfs:/run", "mount it"),
        (Path("gs://bucket/run"), "mount it"),
        ("file:///run", "leave file:// out"),
        ("$UNKNOWN/run", r"no variable \$UNKNOWN"),
        ("a/${UNKNOWN}/run", r"no variable \$\{UNKNOWN\}"),
        ("$NOTHING", "are empty"),
        ("~nobody-of-this-name/run", "could not determine home"),
        pytest.param("a" * 300, "too long", marks=posix),
        pytest.param("a/" * 5000 + "a", "too long", marks=posix),
    ],
)
def test_what_can_be_no_path_is_refused(read: Any, typed: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^here: expected .*{reason}") as caught:
        read("here", typed)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert len(list(tmp_path.rglob("*"))) == 2


@pytest.mark.parametrize("read", [file_path, folder_path])
@pytest.mark.parametrize("typed", [None, 3, b"a", True, ["a"], 1.5])
def test_what_is_no_path_at_all_is_refused(read: Any, typed: Any) -> None:
    with pytest.raises(TypeError, match=r"^here: expected the path of a "):
        read("here", typed)


def test_files_and_folders_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for typed in (".", "/", "..", "new/", tmp_path):
        with pytest.raises(ValueError, match="which is not a file but a folder"):
            file_path("here", typed)
    with pytest.raises(ValueError, match="which is a file"):
        folder_path("here", tmp_path / "file")
    for read in (file_path, folder_path):
        with pytest.raises(ValueError, match="on the way to it is a file"):
            read("here", tmp_path / "file" / "below")
    assert folder_path("here", "new/") == tmp_path / "work" / "new"


@posix
def test_what_no_file_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    os.mkfifo(tmp_path / "pipe")
    for read in (file_path, folder_path):
        with pytest.raises(ValueError, match="links lead in a circle"):
            read("here", tmp_path / "ring")
    for typed in ("/dev/null", tmp_path / "pipe"):
        with pytest.raises(ValueError, match="not a file but a device or a pipe"):
            file_path("here", typed)
        with pytest.raises(ValueError, match=re.escape("expected a folder")):
            folder_path("here", typed)


def test_the_fault_of_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert write_fault(tmp_path / "new" / "deep") == ""

    def refuse(**_: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    fault = write_fault(tmp_path / "new" / "deep")
    assert fault == f"cannot write to {tmp_path} (Read-only file system)"
