"""`course`: its words, `doctor`, `progress` and `binder-url`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course import __version__
from course.cli import binder, doctor
from course.practice.board import board
from tests.support.command import assert_one_sentence, checkout, run

__all__ = ["checkout"]


@pytest.mark.parametrize("arguments", [["frobnicate"], ["lab", "--fast"], ["lab", "--port", "x"]])
def test_unknown_words_get_a_usage_line(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")


def test_version_and_help() -> None:
    assert run("--version").output.strip() == f"course, version {__version__}"
    described = run("--help").output
    assert all(name in described for name in ("lab", "doctor", "progress", "train", "binder-url"))


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


@pytest.mark.parametrize(
    ("remote", "place"),
    [
        ("https://github.com/ada/course.git", "gh/ada/course"),
        ("https://github.com/ada/course", "gh/ada/course"),
        ("https://github.com/ada/course/", "gh/ada/course"),
        ("https://GitHub.com/ada/course.git", "gh/ada/course"),
        ("https://user:secret@github.com/ada/course.git", "gh/ada/course"),
        ("ssh://git@github.com/ada/course.git", "gh/ada/course"),
        ("ssh://git@github.com:22/ada/course.git", "gh/ada/course"),
        ("git@github.com:ada/course.git", "gh/ada/course"),
        ("github.com:ada/course.name", "gh/ada/course.name"),
        ("git@gitlab.com:group/sub/course.git", "gl/group%2Fsub%2Fcourse"),
        ("https://gitlab.com/ada/course.git", "gl/ada%2Fcourse"),
    ],
)
def test_binder_link_from_any_form_of_remote(remote: str, place: str) -> None:
    link = binder.binder_link(remote, branch="a/branch", notebook="02_entropy")
    opened = "lab%2Ftree%2Fnotebooks%2F02_entropy.ipynb"
    assert link == f"https://mybinder.org/v2/{place}/a%2Fbranch?urlpath={opened}"


@pytest.mark.parametrize(
    "remote",
    [
        "/srv/course.git",
        "file:///srv/course.git",
        "https://example.org/ada/course.git",
        "https://github.com/ada",
        "git@github.com.example.org:ada/course.git",
    ],
)
def test_binder_link_refuses_other_places(remote: str) -> None:
    with pytest.raises(ValueError, match=r"needs a repository on github.com or gitlab.com"):
        binder.binder_link(remote, branch="HEAD", notebook="02_entropy")


@pytest.mark.parametrize(
    "remote",
    [
        "https://ada:s3cr3t@github.com\u2100/a/b",
        "https://ada:s3cr3t[@github.com/a/b",
        "https://s3cr3t/x@github.com/a/b",
        "https://s3cr3t?x@github.com/a/b",
        "https://s3cr3t#x@github.com/a/b",
        "https://ada:s3cr3t@example.org/a/b",
        "ada:s3cr3t@example.org:a/b",
    ],
)
def test_no_password_is_printed(remote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binder, "_origin", lambda _: remote)
    result = run("binder-url")
    assert_one_sentence(result, "`origin`")
    assert "s3cr3t" not in result.output


def test_a_project_is_quoted_and_a_branch_has_a_name(checkout: Path) -> None:
    link = binder.binder_link("https://github.com/ada/my course)", branch="HEAD", notebook="x")
    assert link.startswith("https://mybinder.org/v2/gh/ada/my%20course%29/HEAD?")
    assert_one_sentence(run("binder-url", "--branch="), "Name a branch")


@pytest.mark.skipif(os.name == "nt", reason="Windows does not delete a folder that is in use")
@pytest.mark.parametrize("command", ["lab", "binder-url"])
def test_a_deleted_folder_is_named(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert_one_sentence(run(command), "has been deleted")


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


def test_binder_url_prints_link_and_badge(checkout: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=checkout, check=True, capture_output=True)

    assert_one_sentence(run("binder-url"), "no git remote `origin`")
    git("init")
    assert_one_sentence(run("binder-url"), "no git remote `origin`")
    git("remote", "add", "origin", "https://user:secret@github.com/ada/course.git")
    result = run("binder-url")
    assert result.exit_code == 0
    link, badge = result.output.splitlines()
    assert link.startswith("https://mybinder.org/v2/gh/ada/course/HEAD?urlpath=")
    assert link.endswith("00_start_here.ipynb")
    assert badge == f"[![Open on Binder](https://mybinder.org/badge_logo.svg)]({link})"
    for notebook in ("02_entropy", "02_entropy.ipynb", "notebooks/02_entropy.ipynb"):
        other = run("binder-url", "--branch", "v1", "--notebook", notebook).output
        assert "/v1?urlpath=" in other
        assert "02_entropy.ipynb" in other
    assert_one_sentence(run("binder-url", "--notebook", "99_none"), "no notebook 99_none")
    git("remote", "set-url", "origin", "/srv/course.git")
    assert_one_sentence(run("binder-url"), "on this machine")


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
