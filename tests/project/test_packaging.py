"""The locks, the environment files, the Makefile and the workflows fit each other."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections import defaultdict
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import course
from tests.support.repository import ROOT, files
from tools import environment

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.txt", "requirements-test.txt", "requirements-bench.txt")
# Each Python that the workflows test, and each system.
PLACES = [
    {"python_version": version, "python_full_version": f"{version}.1", **system}
    for version in ("3.11", "3.13")
    for system in (
        {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
        {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
        {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
    )
]
# What goes into the environment, for Jupyter to find.
SETTINGS = [name for name in files() if name.parts[0] == "settings"]
needs_make = pytest.mark.skipif(os.name == "nt", reason="Windows has neither make nor sh")


def lock(name: str) -> list[Requirement]:
    """The requirements in a lock file."""
    return [Requirement(pin) for pin in environment.pins((ROOT / name).read_text(encoding="utf-8"))]


def chosen(requirements: list[Requirement], place: dict[str, str]) -> dict[str, str]:
    """The version of each package that a place gets."""
    versions: dict[str, list[str]] = defaultdict(list)
    surroundings: dict[str, Any] = {**default_environment(), **place}
    for requirement in requirements:
        if requirement.marker is None or requirement.marker.evaluate(surroundings):
            (pin,) = requirement.specifier
            assert pin.operator == "==", requirement
            versions[canonicalize_name(requirement.name)].append(pin.version)
    assert all(len(found) == 1 for found in versions.values()), versions
    return {name: found[0] for name, found in versions.items()}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join([*place.values()][::2]))
def test_locks_fit_the_ranges_in_pyproject(place: dict[str, str]) -> None:
    runtime = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
    groups = PROJECT["dependency-groups"]
    for name, group in zip(LOCKS, ([], groups["test"], groups["benchmarks"]), strict=True):
        versions = chosen(lock(name), place)
        for requirement in [*runtime, *map(Requirement, group)]:
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{name}: {requirement} != {version}"


# The last version of each with a published weakness that concerns the course's users.
WEAK = {"filelock": "3.20.2", "jupyterlab": "4.4.7", "nbconvert": "7.16.6", "notebook": "7.2.1",
        "pillow": "12.1.0", "scikit-learn": "1.4.2", "tqdm": "4.66.2"}  # fmt: skip


@pytest.mark.parametrize("name", WEAK)
def test_no_range_allows_a_version_with_a_known_weakness(name: str) -> None:
    texts = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["test"]]
    found = [Requirement(text) for text in texts if Requirement(text).name == name]
    assert found
    assert not any(requirement.specifier.contains(WEAK[name]) for requirement in found)


@pytest.mark.parametrize("name", LOCKS[1:])
def test_the_other_locks_hold_the_runtime_lock(name: str) -> None:
    missing = set(map(str, lock("requirements.txt"))) - set(map(str, lock(name)))
    assert not missing


def test_the_benchmarks_lock_leaves_pytorch_to_the_machine() -> None:
    """Its usual wheel for Linux would bring gigabytes of CUDA."""
    names = {canonicalize_name(requirement.name) for requirement in lock(LOCKS[2])}
    assert {"equinox", "flax", "optax"} <= names
    assert not {name for name in names if name == "torch" or "nvidia" in name}


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    for entry in entries:
        head, *rest = re.split(r" \\\n    ", entry)
        assert rest, head
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in rest), head
    assert len(entries) == len(lock(name))
    assert "://" not in text
    assert "index-url" not in text


def test_environment_files_are_what_the_lock_gives() -> None:
    text = environment.environment((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    for name in environment.TARGETS:
        assert (ROOT / name).read_text(encoding="utf-8") == text, f"{name}: run `make lock`"


def test_environment_is_one_that_conda_and_binder_read() -> None:
    read = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert list(read) == ["name", "channels", "dependencies"]
    assert read["name"] == PROJECT["project"]["name"]
    assert read["channels"] == ["conda-forge"]
    python, pip, listed = read["dependencies"]
    assert (python, pip, list(listed)) == ("python=3.11", "pip", ["pip"])
    assert [str(Requirement(pin)) for pin in listed["pip"]] == list(map(str, lock(LOCKS[0])))
    assert {"jupyterlab", "notebook"} <= {Requirement(pin).name for pin in listed["pip"]}


def test_the_wheel_holds_the_course_and_its_licence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--offline"]
    subprocess.run(
        [*command, "--no-build-isolation", "--out-dir", str(tmp_path), str(ROOT)],
        check=True,
        env={**os.environ, "VIRTUAL_ENV": sys.prefix},
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        information = f"why_models_learn-{course.__version__}.dist-info"
        settings = f"why_models_learn-{course.__version__}.data"
        assert {name.split("/")[0] for name in names} == {"course", information, settings}
        jupyter = {f"{settings}/data/{path.relative_to('settings')}" for path in SETTINGS}
        assert {name for name in names if name.startswith(settings)} == jupyter
        assert len(jupyter) == 2
        assert {f"{information}/licenses/LICENSE", "course/lab_settings/overrides.json"} <= {*names}
        commands = ConfigParser()
        commands.read_string(archive.read(f"{information}/entry_points.txt").decode())
        assert dict(commands["console_scripts"]) == {"course": "course.cli.main:main"}


def test_version_is_the_same_everywhere() -> None:
    assert PROJECT["project"]["version"] == course.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {course.__version__}" in changes


def makefile_targets() -> set[str]:
    """The targets that `make help` lists."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):.*## ", makefile, flags=re.M))


def in_code(text: str) -> str:
    """What stands in code blocks and between backquotes."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.S))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_documents_name_commands_that_exist(name: str) -> None:
    from course.cli.main import main

    code = in_code((ROOT / name).read_text(encoding="utf-8"))
    targets = set(re.findall(r"\bmake ([a-z]+)\b", code))
    assert targets, "no make target is named at all"
    assert targets <= makefile_targets()
    assert set(re.findall(r"(?<![/.\w-])course ([a-z][a-z-]+)", code)) <= set(main.commands)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_documents_name_files_that_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


@pytest.mark.parametrize("name", ["binder/postBuild", ".ci/run", "tools/setup"])
def test_programs_may_be_executed(name: str) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--stage", name], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    mode = listed.split()[0] if listed else oct((ROOT / name).stat().st_mode)
    assert mode.endswith("755"), mode


@needs_make
@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        ("exit 1", "Python 3.11 or newer is needed: install it"),
        ('case "$2" in *ensurepip*) exit 1 ;; esac', "cannot make virtual environments: install"),
    ],
    ids=["too old", "no venv"],
)
def test_setup_says_in_one_sentence_what_to_install(
    python: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "tools").mkdir()
    setup = tmp_path / "tools" / "setup"
    setup.write_bytes((ROOT / "tools" / "setup").read_bytes())
    interpreter = tmp_path / "python3"
    interpreter.write_text(f"#!/bin/sh\n{python}\n")
    interpreter.chmod(0o755)
    result = subprocess.run(
        ["sh", str(setup)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHON": str(interpreter)},
    )
    assert result.returncode != 0
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / ".venv" / "ready").exists()


@needs_make
def test_a_second_make_sets_nothing_up_again(tmp_path: Path) -> None:
    """With a ready .venv nothing runs; moved, without its Python, or with a new lock it does."""
    place = tmp_path / "a checkout"
    (place / ".venv" / "bin").mkdir(parents=True)
    (place / "tools").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements-test.txt"):
        (place / name).write_bytes((ROOT / name).read_bytes())
        os.utime(place / name, (1, 1))
    (place / "tools" / "setup").write_text("#!/bin/sh\nexit 1\n")
    os.utime(place / "tools" / "setup", (1, 1))
    (place / ".venv" / "bin" / "python").symlink_to(sys.executable)
    ready = place / ".venv" / "ready"

    def up_to_date(where: Path) -> bool:
        command = ["make", "--question", "--no-print-directory", ".venv/ready"]
        return subprocess.run(command, cwd=where, check=False, capture_output=True).returncode == 0

    ready.write_text(f"{place.resolve()}\n")
    assert up_to_date(place)
    os.utime(place / "requirements-test.txt")
    os.utime(ready, (2, 2))
    assert not up_to_date(place)
    os.utime(place / "requirements-test.txt", (1, 1))
    assert up_to_date(place)
    moved = place.rename(tmp_path / "moved")
    assert not up_to_date(moved)
    (moved / ".venv" / "ready").write_text(f"{moved.resolve()}\n")
    assert up_to_date(moved)
    (moved / ".venv" / "bin" / "python").unlink()
    assert not up_to_date(moved)


def workflows() -> list[Path]:
    """The workflow files."""
    return [ROOT / name for name in files() if name.match(".github/workflows/*.yml")]


def test_workflows_are_careful() -> None:
    """They may only read, stop their predecessors, and pin what they use to a commit.

    A tag can be moved to another commit by whoever takes an action over.
    """
    assert {path.name for path in workflows()} == {"test.yml", "newest.yml"}
    for path in workflows():
        text = path.read_text(encoding="utf-8")
        for action in re.findall(r"\buses: *(.*)", text):
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {"contents": "read"}
        assert workflow["concurrency"]["cancel-in-progress"] is True
        for job in workflow["jobs"].values():
            assert job["timeout-minutes"] <= 60
            for step in job["steps"]:
                if step.get("uses", "").startswith("actions/checkout@"):
                    assert step["with"]["persist-credentials"] is False
