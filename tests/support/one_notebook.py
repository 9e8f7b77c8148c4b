"""A plugin: `--notebook 03` leaves the tests of one notebook, and of the modules that it uses.

What a notebook uses is what its cells import from the course, its demo and its exercises. A test
belongs to it if it is of one of these modules, or if its name bears the notebook's or its topic's.
"""

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.notebook_kit import NOTEBOOKS, topic
from tests.support.repository import ROOT
from tools.notebooks import read


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--notebook", metavar="NN", help="run the tests of this notebook alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect every test that has nothing to do with the notebook asked for."""
    number = config.getoption("--notebook")
    if number is None:
        return
    path = numbered(number)
    files = {file for module in modules(path) for file in (module, mirror_of(module))}
    kept = [item for item in items if item.path in files or topic(path) in item.nodeid]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def numbered(number: str) -> Path:
    """Return the notebook with this number, two digits.

    Raises:
        pytest.UsageError: there is none, or several.
    """
    found = [path for path in NOTEBOOKS if path.stem.partition("_")[0] == number]
    if len(found) != 1:
        raise pytest.UsageError(f"notebook: expected the number of one, got {number!r}")
    return found[0]


@cache
def modules(path: Path) -> frozenset[Path]:
    """Return the files of the course that the notebook imports, and those of its own topic."""
    cells = [cell.source for cell in read(path).cells if cell.cell_type == "code"]
    names = {name for source in cells for name in _imported(ast.parse(source))}
    names |= {f"course.show.demos.{topic(path)}", f"course.practice.exercises.{topic(path)}"}
    found = [find_spec(name) for name in names if _is_module(name)]
    return frozenset(Path(spec.origin) for spec in found if spec and spec.origin)


def _imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names that may be modules of the course."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("course."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course"):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_module(name: str) -> bool:
    """Return whether the name is a module: `course.maths.coding`, not a function in it."""
    stem = ROOT.joinpath(*name.split("."))
    return stem.with_suffix(".py").exists()


def mirror_of(module: Path) -> Path:
    """Return where the tests of a module are: they mirror the course."""
    inside = module.relative_to(ROOT / "course")
    return ROOT / "tests" / inside.with_name(f"test_{inside.name}")
