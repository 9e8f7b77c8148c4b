"""Every stored notebook against the rules of the course; nothing is run here.

The rules themselves are tested in tests/notebooks/test_notebook_guards.py.
"""

from functools import cache
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.support.notebook_guards import GUARDS, Guard
from tests.support.notebook_kit import FOLDER, IDS, NOTEBOOKS
from tests.support.notebook_prose import (
    PROSE_GUARDS,
    dead_links,
    outside_limits,
    shape,
    unlinked_neighbours,
)
from tools.notebooks import check, read

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)


@cache
def opened(path: Path) -> NotebookNode:
    return read(path)


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS, f"no notebook in {FOLDER}: every test of the notebooks would be empty"
    numbers = [path.stem.partition("_")[0] for path in NOTEBOOKS]
    assert all(len(number) == 2 and number.isdigit() for number in numbers)
    assert len(set(numbers)) == len(numbers), "two notebooks have the same number"


@every_notebook
@pytest.mark.parametrize("guard", [*GUARDS, *PROSE_GUARDS], ids=lambda guard: guard.__name__)
def test_guard(path: Path, guard: Guard) -> None:
    wrong = list(guard(opened(path)))
    assert not wrong


@every_notebook
def test_is_stored_as_the_tool_stores_it(path: Path) -> None:
    assert check(path).endswith("in the fixed form")


@every_notebook
def test_has_the_shape_of_the_design(path: Path) -> None:
    wrong = list(outside_limits(shape(opened(path), path.stat().st_size)))
    assert not wrong


@every_notebook
def test_links_lead_somewhere(path: Path) -> None:
    others = {other.resolve(): opened(other) for other in NOTEBOOKS}
    wrong = list(dead_links(opened(path), path, others))
    assert not wrong


@every_notebook
def test_links_to_its_neighbours(path: Path) -> None:
    wrong = list(unlinked_neighbours(opened(path), path, NOTEBOOKS))
    assert not wrong
