"""The notebooks run in the Python that has the course, whichever kernels others have installed."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from course.cli import doctor, kernels

# Where a kernel of another Python may lie, from the first that Jupyter looks at to the last.
PLACES = ["JUPYTER_PATH", "the user's folder", "the environment"]
# What it may be; `other` is a Python that has no course.
KINDS: dict[str, Callable[[str], str]] = {
    "another Python": lambda other: json.dumps(spec(other)),
    "a Python that has gone": lambda other: json.dumps(spec("/nowhere/bin/python")),
    "a name that is not on the path": lambda other: json.dumps(spec("python2.7-of-old")),
    "damaged": lambda other: "{",
    "empty": lambda other: "",
    "not a kernel": lambda other: "[1]",
    "without a command": lambda other: json.dumps(spec() | {"argv": []}),
}


def spec(*command: str) -> dict[str, Any]:
    """A kernel that starts a command."""
    argv = [*command, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return {"argv": argv, "display_name": "Python 3", "language": "python"}


@pytest.fixture
def other(tmp_path: Path) -> str:
    """A Python without the course."""
    program = tmp_path / "other" / "python"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    return str(program)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file for a kernel `python3`; the folders of Jupyter are private."""
    import jupyter_core.paths

    folder = tmp_path / "share" / "jupyter"
    (tmp_path / "none").mkdir()
    for name in ("JUPYTER_PATH", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    if request.param == "the environment":
        monkeypatch.setattr(jupyter_core.paths, "ENV_JUPYTER_PATH", [str(folder)])
    else:
        name = "JUPYTER_PATH" if request.param == "JUPYTER_PATH" else "JUPYTER_DATA_DIR"
        monkeypatch.setenv(name, str(folder))
        # As where the environment belongs to somebody else.
        monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    found = folder / "kernels" / "python3" / "kernel.json"
    found.parent.mkdir(parents=True)
    return found


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for a Python is a shell script")
@pytest.mark.parametrize("kind", KINDS)
def test_the_lab_takes_its_own_python_and_doctor_names_the_other(
    kind: str, place: Path, other: str
) -> None:
    place.write_text(KINDS[kind](other))
    assert KernelSpecManager().find_kernel_specs()["python3"] == str(place.parent)

    manager = kernels.OwnKernel()
    assert manager.get_kernel_spec("python3").argv[0] == sys.executable
    assert manager.get_all_specs()["python3"]["spec"]["argv"][0] == sys.executable

    found = next(one for one in doctor.diagnose() if one.name == "Jupyter's kernel")
    assert not found.ok
    assert str(place.parent) in found.detail
    assert "\n" not in found.detail
    assert "`course lab`" in found.mend


def test_kernels_of_other_names_are_found_as_usual(place: Path) -> None:
    another = place.parents[1] / "another" / "kernel.json"
    another.parent.mkdir()
    another.write_text(json.dumps(spec("other")))
    assert kernels.OwnKernel().get_kernel_spec("another").argv[0] == "other"
    with pytest.raises(NoSuchKernel):
        kernels.OwnKernel().get_kernel_spec("none")


def test_the_same_python_by_another_name_is_fine(place: Path) -> None:
    for program in (sys.executable, "python", "python3"):
        place.write_text(json.dumps(spec(program)))
        assert kernels.native_kernel() == (sys.executable, "")
    # The Python that an environment was made from is another one, though it is the same file.
    place.write_text(json.dumps(spec(os.path.join(sys.base_prefix, "bin", "python3"))))
    _, fault = kernels.native_kernel()
    assert sys.prefix == sys.base_prefix or "another Python" in fault
