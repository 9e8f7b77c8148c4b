"""What `make compare` looks at beside the texts: pictures, memory, and that nothing is fetched.

Small notebooks, run as the command runs the real ones, each broken in one way.
"""

import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from tests.support.notebook_runs import MOST_MEMORY
from tests.support.repository import ROOT
from tools import offline
from tools.notebooks import serialise

DRAWS = """
from PIL import Image
display(Image.new("L", (20, 10), 255), include=["image/png", "text/plain"])
"""
WORDS = {"text/plain": "<PIL.Image.Image image mode=L size=20x10>"}
HOLDS = f"""
held = bytearray({MOST_MEMORY})
held[::4096] = bytes(len(held[::4096]))
"""
FETCHES = """
import urllib.request
urllib.request.urlopen("http://192.0.2.1/data.csv", timeout=5)
"""


def png(shade: int) -> str:
    """Base64 of a picture of one shade."""
    file = io.BytesIO()
    Image.new("L", (20, 10), shade).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def drawn(shade: int) -> NotebookNode:
    return new_output("display_data", data={"image/png": png(shade), **WORDS})


# Each notebook has one cell: its source, and what is stored as its outputs.
BOOKS: dict[str, tuple[str, list[NotebookNode]]] = {
    "sound": (DRAWS, [drawn(255)]),
    "another_picture": (DRAWS, [drawn(0)]),
    "no_picture": (DRAWS, [new_output("display_data", data=WORDS)]),
    "memory": (HOLDS, []),
    "fetches": (FETCHES, []),
}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `pytest --nbval` says, offline, of all these notebooks in one run."""
    folder = tmp_path_factory.mktemp("notebooks")
    for name, (source, outputs) in BOOKS.items():
        cell = new_code_cell(source.strip(), outputs=outputs, execution_count=1)
        text = serialise(new_notebook(cells=[cell]))
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")
    pytest_nbval = ["-m", "pytest", "-p", "tests.support.notebook_runs", "--nbval", "-rA"]
    command = [sys.executable, "tools/offline.py", sys.executable, *pytest_nbval, str(folder)]
    environment = {**os.environ, "CI": "false"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1, done.stdout
    return done.stdout


def failure(said: str, name: str) -> str:
    """What is said of the cell of a notebook that failed."""
    (part,) = re.findall(
        rf"^_+ \S*{name}\.ipynb::Cell 0 _+$(.*?)(?=^_{{5}}|^={{5}})", said, re.M | re.S
    )
    return str(part)


def test_a_notebook_that_gives_what_is_stored_passes_and_its_memory_is_told(compared: str) -> None:
    passed = re.findall(r"^PASSED \S*?(\w+)\.ipynb::Cell 0$", compared, re.M)
    assert passed == ["sound"], compared
    (row,) = [line for line in compared.splitlines() if line.startswith("sound.ipynb  ")]
    memory = float(row.split()[-2])
    # Every kernel holds more than the one, and this notebook loads next to nothing.
    assert 20 < memory < 500


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("another_picture", "another than a fresh one in 100.0% of it"),
        ("no_picture", "but a run gives [['image/png'"),
        ("memory", "at most 1024 are fine"),
    ],
)
def test_what_is_wrong_fails(name: str, said: str, compared: str) -> None:
    assert said in failure(compared, name)


def test_a_notebook_that_fetches_something_fails(compared: str) -> None:
    words, reason = offline.unshare()
    if not words:
        pytest.skip(reason)
    assert "network: cut off" in compared
    assert "Network is unreachable" in failure(compared, "fetches")


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_where_the_network_cannot_be_cut_off_that_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho unshare: Operation not permitted >&2\nexit 1\n")
    refusing.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CI", "false")
    tells = f"import os; print(os.environ['{offline.OFFLINE}'])"
    assert offline.main([sys.executable, "-c", tells]) == 0
    out, err = capfd.readouterr()
    assert "Operation not permitted" in out
    assert "The network is not cut off" in err
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert offline.main([sys.executable, "-c", tells]) == 1
    assert capfd.readouterr().out == ""
