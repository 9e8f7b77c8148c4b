"""Where the notebooks are, and how what a run gives is compared with what is stored."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from nbformat import NotebookNode
from PIL import Image

from tests.support.repository import ROOT
from tools.notebooks import courses_own

FOLDER = ROOT / "notebooks"
NOTEBOOKS = courses_own(FOLDER)
IDS = [path.stem for path in NOTEBOOKS]
# A channel of a pixel that is off by more than this is another colour, not another antialiasing.
OTHER_COLOUR = 64
# A pair of pictures may differ in this share of pixels: two fonts, not two figures.
SHARE_OF_PIXELS = 0.002


def topic(path: Path) -> str:
    """`entropy` for `02_entropy.ipynb`: the name of the notebook's modules in the course."""
    return path.stem.partition("_")[2]


def differences(stored: NotebookNode, fresh: NotebookNode) -> Iterator[str]:
    """Where a stored cell has not the outputs of a fresh run, in number, in kind or as pictures.

    The texts are left to nbval, which knows what to sanitize.
    """
    kinds = [_kinds(cell) for cell in (stored, fresh)]
    if kinds[0] != kinds[1]:
        yield f"stored are {kinds[0]}, but a run gives {kinds[1]}"
    for old, new in zip(_pictures(stored), _pictures(fresh), strict=False):
        share = changed(old, new)
        if share > SHARE_OF_PIXELS:
            yield f"the stored picture is another than a fresh one in {share:.1%} of it"


def _kinds(cell: NotebookNode) -> list[list[str]]:
    """The outputs of a cell by their kinds only."""
    found = cell.get("outputs", [])
    return [sorted(o.get("data", {})) or [o.get("name", o.output_type)] for o in found]


def _pictures(cell: NotebookNode) -> list[str]:
    """The pictures among the outputs of a cell, base64."""
    kinds = (output.get("data", {}) for output in cell.get("outputs", []))
    return [data["image/png"] for data in kinds if "image/png" in data]


def changed(old: str, new: str) -> float:
    """Share of pixels whose colour differs between two pictures (base64); 1 for other sizes."""
    before, after = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), dtype=np.int16)
        for png in (old, new)
    )
    if before.shape != after.shape:
        return 1.0
    return float((np.abs(before - after).max(axis=-1) > OTHER_COLOUR).mean())
