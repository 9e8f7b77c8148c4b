"""Layers, imports without circles or effects, and the names of files."""

import ast
import json
import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from tests.support.source import module_name, sources, tree

CORE = ("course.checks", "course.data", "course.maths", "course.models", "course.training")


def modules() -> list[str]:
    """Return the dotted name of every module of the course."""
    return [module_name(path) for path in sources("course")]


def test_imports_point_one_way() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    result = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


# Imports all modules, the core first, each with a look at what it has changed.
IMPORTS = """
import importlib, json, os, random, signal, sys, warnings
import jax, numpy
from jax._src.xla_bridge import backends_are_initialized

def state():
    drawing = []
    if matplotlib := sys.modules.get("matplotlib"):
        drawing = [dict(matplotlib.rcParams), matplotlib.get_backend(auto_select=False)]
    return [
        dict(jax.config.values), backends_are_initialized(), drawing,
        numpy.get_printoptions(), numpy.geterr(),
        list(warnings.filters), signal.getsignal(signal.SIGINT), dict(os.environ),
        random.getstate(), repr(numpy.random.get_state()), os.getcwd(), sys.excepthook,
    ]

def changing(names):
    changed, before = [], state()
    for name in names:
        importlib.import_module(name)
        after = state()
        if after != before:
            changed.append(name)
            before = after
    return changed

core, rest = json.load(sys.stdin)
changed = changing(core)
pictures = sorted({"IPython", "ipywidgets", "matplotlib"} & set(sys.modules))
import matplotlib
changed += changing(rest)
os.write(2, json.dumps({"pictures": pictures, "changed": changed}).encode())
"""


@pytest.fixture(scope="module")
def imports() -> dict[str, list[str]]:
    """What a process finds that imports everything: who loads pictures, who changes something."""
    core = [name for name in modules() if name.startswith(CORE)]
    assert len(core) > len(CORE)
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORTS],
        cwd=ROOT,
        input=json.dumps([core, [name for name in modules() if name not in core]]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    return dict(json.loads(result.stderr))


def test_the_core_loads_neither_pictures_nor_widgets(imports: dict[str, list[str]]) -> None:
    assert imports["pictures"] == []


def test_importing_has_no_effect(imports: dict[str, list[str]]) -> None:
    """No module prints, starts a device, or changes a setting of Python or of a library."""
    assert imports["changed"] == []


def imported(path: Path, known: set[str]) -> set[str]:
    """Return the modules of the course that a module imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # `from package import name` may mean a module or what a module holds.
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & known or {str(node.module)}
    return found & known


def test_no_imports_run_in_a_circle() -> None:
    known = {module_name(path): path for path in sources("course")}
    graph = {name: imported(path, {*known}) for name, path in known.items()}
    assert graph["course.training.loop"] & graph.keys(), "the course imports nothing of itself"
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_one_file_names_pmap() -> None:
    """The course outlives it: what is said with `pmap` there can also be said otherwise."""
    named = [path for path in sources("course") if "jax.pmap" in (ROOT / path).read_text("utf-8")]
    assert named == [Path("course/training/scale/parallel.py")]


def named_by_topic(path: Path) -> bool:
    """Return whether a module belongs to a notebook and bears its topic as a name."""
    return path.parent.name in ("demos", "exercises")


def test_no_file_name_stands_twice() -> None:
    names = Counter(path.name for path in sources("course") if not named_by_topic(path))
    assert [name for name, times in names.items() if times > 1 and name != "__init__.py"] == []


def test_every_module_has_a_test_file_under_its_name() -> None:
    """Notebooks' demos and exercises are tested together: each kind has the same contract."""
    tests = {*sources("tests")}
    untested = [
        str(path)
        for path in sources("course")
        if path.stem not in ("__init__", "__main__")
        and not named_by_topic(path)
        and Path("tests", *path.parts[1:-1], f"test_{path.name}") not in tests
    ]
    assert untested == []
