"""A clone takes the newest version, and nothing that its reader wrote is lost."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.repository import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
ONE, TWO = "notebooks/01_distributions.ipynb", "notebooks/02_entropy.ipynb"


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git knows a name, and nothing of the settings or the repository around it."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    settings = tmp_path / "settings"
    settings.write_text(
        "[user]\nname = Reader\nemail = reader@example.org\n"
        "[init]\ndefaultBranch = main\n[commit]\ngpgSign = false\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


class Folder:
    """A folder with the course in it, under git or not."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=self.place, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        (self.place / name).parent.mkdir(parents=True, exist_ok=True)
        (self.place / name).write_text(text)

    def read(self, name: str) -> str:
        return (self.place / name).read_text()

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a version")

    def update(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "tools/update.py"],
            cwd=self.place,
            capture_output=True,
            text=True,
            check=False,
        )

    def updated(self) -> str:
        """What it prints; it succeeds, leaves nothing half done, and a second time does nothing."""
        done = self.update()
        assert done.returncode == 0, done.stderr
        state = self.state()
        assert self.update().stdout == "You have the newest version.\n"
        assert self.state() == state
        assert self.git("stash", "list") == ""
        return done.stdout

    def refused(self) -> str:
        """The sentence with which it refuses; nothing is changed."""
        before = self.state()
        done = self.update()
        assert done.returncode == 1, done.stdout
        (line,) = done.stderr.splitlines()
        assert line.endswith(". Nothing was changed.")
        assert self.state() == before
        return line

    def state(self) -> object:
        """All that the reader has: every file, and what git knows."""
        files = {
            path.relative_to(self.place): path.read_bytes()
            for path in self.place.rglob("*")
            if path.is_file() and ".git" not in path.parts
        }
        if not (self.place / ".git").exists():
            return files
        status = self.git("status", "--porcelain", "--untracked-files=all")
        return files, status, self.git("rev-parse", "HEAD"), self.git("stash", "list")


@pytest.fixture
def origin(tmp_path: Path) -> Folder:
    """Where the course is kept."""
    folder = Folder(tmp_path / "origin")
    folder.write(ONE, "one, old")
    folder.write(TWO, "two, old")
    folder.write("course/core.py", "old")
    folder.write(".gitignore", (ROOT / ".gitignore").read_text())
    folder.write("tools/update.py", (ROOT / "tools" / "update.py").read_text())
    folder.git("init", "--quiet")
    folder.commit()
    return folder


@pytest.fixture
def clone(origin: Folder, tmp_path: Path) -> Folder:
    """A reader's clone, behind its origin, which has two new notebooks and new code."""
    place = tmp_path / "a clone"
    origin.git("clone", "--quiet", str(origin.place), str(place))
    origin.write(TWO, "two, new")
    origin.write("notebooks/03_new.ipynb", "three, new")
    origin.write("course/core.py", "new")
    origin.commit()
    return Folder(place)


def assert_new(clone: Folder) -> None:
    assert clone.read(TWO) == "two, new"
    assert clone.read("notebooks/03_new.ipynb") == "three, new"
    assert clone.read("course/core.py") == "new"


def test_a_clone_without_changes_is_updated(clone: Folder) -> None:
    said = clone.updated()
    assert said.startswith("This is now the newest version (")
    assert_new(clone)
    assert len(said.splitlines()) == 1


def test_answers_stay_beside_the_new_notebook(clone: Folder) -> None:
    clone.write(ONE, "one, mine")
    clone.write(TWO, "two, mine")
    clone.write("notebooks/03_new.ipynb", "three, mine")
    clone.write("notebooks/scratch.ipynb", "scratch")
    said = clone.updated()
    assert_new(clone)
    assert clone.read(ONE) == "one, mine"  # of which there is no new one
    assert clone.read("notebooks/02_entropy_mine.ipynb") == "two, mine"
    assert clone.read("notebooks/03_new_mine.ipynb") == "three, mine"
    assert clone.read("notebooks/scratch.ipynb") == "scratch"
    assert "Your own is kept as notebooks/02_entropy_mine.ipynb." in said
    assert len(list((clone.place / "notebooks").iterdir())) == 6
    assert clone.git("status", "--porcelain").split() == ["M", ONE, "??", "notebooks/scratch.ipynb"]


def test_a_name_that_is_taken_stays(clone: Folder, origin: Folder) -> None:
    clone.write("notebooks/02_entropy_mine.ipynb", "older")
    clone.write(TWO, "two, mine")
    clone.updated()
    assert clone.read("notebooks/02_entropy_mine.ipynb") == "older"
    assert clone.read("notebooks/02_entropy_mine_2.ipynb") == "two, mine"
    clone.write(TWO, "two, mine again")
    origin.write(TWO, "two, newest")
    origin.commit()
    clone.updated()
    assert clone.read(TWO) == "two, newest"
    assert clone.read("notebooks/02_entropy_mine_3.ipynb") == "two, mine again"


def test_what_is_staged_is_kept_too(clone: Folder) -> None:
    clone.write(TWO, "two, staged")
    clone.write("notebooks/03_new.ipynb", "three, staged")
    clone.write(ONE, "one, staged")
    clone.git("add", "--all")
    clone.write(TWO, "two, mine")
    clone.updated()
    assert_new(clone)
    assert clone.read("notebooks/02_entropy_mine.ipynb") == "two, mine"
    assert clone.read("notebooks/02_entropy_mine_2.ipynb") == "two, staged"
    assert clone.read("notebooks/03_new_mine.ipynb") == "three, staged"
    assert clone.git("status", "--porcelain").split() == ["M", ONE]


def test_a_notebook_that_was_removed_comes_back_new(clone: Folder, origin: Folder) -> None:
    (clone.place / TWO).unlink()
    clone.updated()
    assert_new(clone)
    (origin.place / ONE).unlink()
    origin.commit()
    clone.write(ONE, "one, mine")
    clone.updated()
    assert not (clone.place / ONE).exists()
    assert clone.read("notebooks/01_distributions_mine.ipynb") == "one, mine"


def test_commits_of_the_readers_own_stay(clone: Folder) -> None:
    clone.write(TWO, "two, mine")
    clone.write(ONE, "one, mine")
    clone.write("notes.txt", "mine")
    clone.commit()
    own = clone.git("rev-parse", "HEAD")
    clone.updated()
    assert_new(clone)
    assert clone.read(ONE) == "one, mine"
    assert clone.read("notes.txt") == "mine"
    assert clone.read("notebooks/02_entropy_mine.ipynb") == "two, mine"
    clone.git("merge-base", "--is-ancestor", own, "HEAD")
    assert clone.git("status", "--porcelain") == ""


def test_commits_and_changes_at_once(clone: Folder) -> None:
    clone.write(TWO, "two, committed")
    clone.commit()
    clone.write(TWO, "two, mine")
    clone.updated()
    assert_new(clone)
    assert clone.read("notebooks/02_entropy_mine.ipynb") == "two, mine"
    assert "two, committed" in clone.git("log", "--patch")


@pytest.mark.parametrize("where", ["a tag", "a branch of the reader's own"])
def test_a_clone_that_is_on_no_branch_of_the_origin(where: str, clone: Folder) -> None:
    if where == "a tag":
        clone.git("checkout", "--quiet", "--detach")
    else:
        clone.git("switch", "--quiet", "--create", "answers")
    clone.write(TWO, "two, mine")
    clone.updated()
    assert_new(clone)
    assert clone.read("notebooks/02_entropy_mine.ipynb") == "two, mine"


def code_changed(clone: Folder) -> None:
    clone.write("course/core.py", "mine")


def code_committed(clone: Folder) -> None:
    code_changed(clone)
    clone.commit()
    clone.write(TWO, "two, mine")


def code_staged(clone: Folder) -> None:
    code_changed(clone)
    clone.git("add", "--all")
    clone.write("course/core.py", "old")


def file_in_the_way(clone: Folder) -> None:
    clone.write(TWO, "two, mine")
    (clone.place / "notebooks" / "03_new.ipynb").mkdir()
    clone.write("notebooks/03_new.ipynb/data.csv", "1,2")


def no_network(clone: Folder) -> None:
    clone.git("remote", "set-url", "origin", "https://localhost:1/nowhere.git")
    clone.write(TWO, "two, mine")


def origin_moved(clone: Folder) -> None:
    clone.git("remote", "set-url", "origin", str(clone.place.parent / "nowhere"))


def no_remote(clone: Folder) -> None:
    clone.git("remote", "remove", "origin")


def in_a_merge(clone: Folder) -> None:
    clone.git("switch", "--quiet", "--create", "other")
    clone.write(TWO, "two, other")
    clone.commit()
    clone.git("switch", "--quiet", "main")
    clone.write(TWO, "two, mine")
    clone.commit()
    subprocess.run(["git", "merge", "other"], cwd=clone.place, capture_output=True, check=False)


def no_clone(clone: Folder) -> None:
    shutil.rmtree(clone.place / ".git")


def in_another_repository(clone: Folder) -> None:
    no_clone(clone)
    subprocess.run(["git", "init", "--quiet", str(clone.place.parent)], check=True)


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (code_changed, r"Move or undo your changes of course/core.py"),
        (code_staged, r"Move or undo your changes of course/core.py"),
        (code_committed, r"Your commits and the new ones change the same: course/core.py"),
        (file_in_the_way, r"`git merge` failed: "),
        (no_network, r"The newest version cannot be reached: "),
        (origin_moved, r"The newest version cannot be reached: "),
        (no_remote, r"knows no place to fetch"),
        (in_a_merge, r"Git is in the middle of a merge"),
        (no_clone, r"was not made by `git clone` and cannot be updated"),
        (in_another_repository, r"was not made by `git clone` and cannot be updated"),
    ],
)
def test_what_is_in_the_way_is_said_and_nothing_is_changed(
    prepare: Callable[[Folder], None], sentence: str, clone: Folder
) -> None:
    prepare(clone)
    assert sentence in clone.refused()


def test_signs_that_the_terminal_has_not(clone: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    clone.git("remote", "set-url", "origin", str(clone.place.parent / "nowhere-ü-学"))
    assert "cannot be reached" in clone.refused()


def test_without_git_it_says_so(clone: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(clone.place / "notebooks"))
    done = clone.update()
    assert done.returncode == 1
    assert done.stderr.startswith("Git cannot be started (")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("step", ["fetch", "stash", "merge"])
def test_an_interrupt_changes_nothing_or_comes_too_late(
    step: str, clone: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is changed it ends the update; later all is done to the end."""
    real = shutil.which("git")
    script = f'#!/bin/sh\n[ "$1" != {step} ] || kill -INT $PPID\nexec {real} "$@"\n'
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(script)
    program.chmod(0o755)
    clone.write(TWO, "mine")
    state = clone.state()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(program.parent), prepend=os.pathsep)
        done = clone.update()
    if step == "fetch":
        assert (done.returncode, done.stderr) == (130, "Interrupted. Nothing was changed.\n")
        assert clone.state() == state
    else:
        assert done.returncode == 0, done.stderr
        assert clone.read(TWO.replace(".ipynb", "_mine.ipynb")) == "mine"
        assert clone.git("stash", "list") == ""
