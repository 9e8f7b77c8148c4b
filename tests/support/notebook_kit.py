"""Where the notebooks are, and how tests run one and compare what comes out with what is stored."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
from nbformat import NotebookNode
from PIL import Image

from tests.support.notebook_guards import pictures
from tests.support.repository import ROOT

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
IDS = [path.stem for path in NOTEBOOKS]
# A channel of a pixel that is off by more than this is another colour, not another antialiasing.
OTHER_COLOUR = 64
# A pair of pictures may differ in this share of pixels: two fonts, not two figures.
SHARE_OF_PIXELS = 0.002


def topic(path: Path) -> str:
    """`entropy` for `02_entropy.ipynb`: the name of the notebook's modules in the course."""
    return path.stem.partition("_")[2]


@dataclass(frozen=True)
class Run:
    """What one run of a notebook left.

    Attributes:
        outside: what came of an attempt to reach something outside.
        book: the notebook with its fresh outputs, in the stored form.
        seconds: from the first cell to the last.
        peak: bytes, the most that the kernel and its children held together.
    """

    outside: str
    book: NotebookNode
    seconds: float
    peak: int


def without_network() -> tuple[list[str], str]:
    """The words that start a program without a network, or none and the reason."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return [], "cutting off the network takes Linux and util-linux's unshare"
    words = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]
    trial = subprocess.run([*words, "true"], capture_output=True, text=True, timeout=60)
    if trial.returncode:
        return [], f"this machine does not permit unshare: {trial.stderr.strip()}"
    return words, ""


def run(path: Path, folder: Path) -> Run:
    """Run the notebook twice in one kernel, without a network where the machine permits that.

    Raises:
        AssertionError: a cell failed; the message holds what the run said.
    """
    words, _ = without_network()
    result = folder / "result.json"
    command = [*words, sys.executable, "-m", "tests.support.run_notebook", str(path), str(result)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{path.name} failed when run\n{done.stdout}\n{done.stderr}"
    found = json.loads(result.read_text(encoding="utf-8"))
    book = nbformat.from_dict(found.pop("book"))
    return Run(book=book, **found)


def differences(stored: NotebookNode, fresh: NotebookNode) -> Iterator[str]:
    """Where the stored outputs are not those of a fresh run, in number, in kind or as pictures.

    The texts are left to nbval, which knows what to sanitize.
    """
    for i, (old, new) in enumerate(zip(stored.cells, fresh.cells, strict=True)):
        kinds = _kinds(old), _kinds(new)
        if kinds[0] != kinds[1]:
            yield f"cell {i}: stored {kinds[0]}, but a run gives {kinds[1]}"
    for (i, old), (_, new) in zip(pictures(stored), pictures(fresh), strict=False):
        share = changed(old.data["image/png"], new.data["image/png"])
        if share > SHARE_OF_PIXELS:
            yield f"cell {i}: the stored picture is another than a fresh one in {share:.1%} of it"


def _kinds(cell: NotebookNode) -> list[list[str]]:
    """The outputs of a cell by their kinds only."""
    found = cell.get("outputs", [])
    return [sorted(o.get("data", {})) or [o.get("name", o.output_type)] for o in found]


def changed(old: str, new: str) -> float:
    """Share of pixels whose colour differs between two pictures (base64); 1 for other sizes."""
    before, after = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), dtype=np.int16)
        for png in (old, new)
    )
    if before.shape != after.shape:
        return 1.0
    return float((np.abs(before - after).max(axis=-1) > OTHER_COLOUR).mean())
