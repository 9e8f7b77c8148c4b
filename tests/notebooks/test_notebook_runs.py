"""Every notebook run without a network, twice in one kernel: what comes out, what it takes.

Whether the texts are the stored ones is for `pytest --nbval` to say; it does not look at pictures.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from conftest import USAGE
from tests.support.notebook_kit import IDS, NOTEBOOKS, Run, differences, run, without_network
from tools.notebooks import read, serialise

# Binder gives 2 GiB, and JupyterLab wants its part of that.
MOST_MEMORY = 2**30


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=IDS)
def path(request: pytest.FixtureRequest) -> Path:
    notebook: Path = request.param
    return notebook


@pytest.fixture(scope="module")
def fresh(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(path, tmp_path_factory.mktemp(path.stem))


def test_runs_with_the_network_cut_off(fresh: Run) -> None:
    words, reason = without_network()
    if not words:
        if sys.platform == "linux" and os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(reason)
        pytest.skip(reason)
    assert fresh.outside == "Network is unreachable"


def test_gives_the_outputs_and_pictures_that_are_stored(path: Path, fresh: Run) -> None:
    wrong = list(differences(read(path), fresh.book))
    assert not wrong


def test_fits_into_memory(
    path: Path, fresh: Run, record_property: Callable[[str, object], None]
) -> None:
    record_property(USAGE, [path.name, fresh.seconds, fresh.peak])
    # A kernel with JAX holds more than this; less means that nothing was measured.
    assert 2**26 < fresh.peak < MOST_MEMORY


def test_a_notebook_that_runs_only_once_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "once.ipynb"
    cells = [new_code_cell("assert 'x' not in globals()"), new_code_cell("x = 1")]
    path.write_text(serialise(new_notebook(cells=cells)), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"once\.ipynb, run a second time in the same kernel"):
        run(path, tmp_path)
