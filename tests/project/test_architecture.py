"""Rules for the whole tree: layers, imports without effects, sizes, docstrings, addresses."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT, files

CORE = ("course.checks", "course.data", "course.maths", "course.models", "course.training")
# Spelled in parts, so that this file names none of them.
REGISTRIES = re.compile(
    r"pypi\s?\.org|python"
    r"hosted\.org|npm"
    r"js\.(?:org|com)|conda\.ana"
    r"conda\.org|deb\.deb"
    r"ian\.org|docker\.io/"
)
# Ada is the reader in examples; a name that is longer belongs to someone.
MACHINES = re.compile(
    r"(?<![\w.~$}/-])/(?:home|Users|root|work|mnt)/(?!ada\b|a\b)\w|[A-Z]:\\Users\\"
)


def modules() -> list[str]:
    """The dotted name of every module of the course."""
    paths = (name for name in files() if name.parts[0] == "course" and name.suffix == ".py")
    return sorted(".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths)


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


def test_the_core_loads_neither_pictures_nor_widgets() -> None:
    core = [name for name in modules() if name.startswith(CORE)]
    assert len(core) > len(CORE)
    code = f"""
import importlib, json, sys
for name in {core}:
    importlib.import_module(name)
print(json.dumps(sorted({{"IPython", "ipywidgets", "matplotlib"}} & set(sys.modules))))
"""
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    assert json.loads(printed) == []


def test_importing_has_no_effect() -> None:
    """No module prints, starts a device, or changes a setting of Python or of a library."""
    code = f"""
import importlib, json, os, random, signal, sys, warnings
import jax, matplotlib, numpy
from jax._src.xla_bridge import backends_are_initialized

def state():
    return [
        dict(jax.config.values), backends_are_initialized(), dict(matplotlib.rcParams),
        matplotlib.get_backend(auto_select=False), numpy.get_printoptions(), numpy.geterr(),
        list(warnings.filters), signal.getsignal(signal.SIGINT), dict(os.environ),
        random.getstate(), repr(numpy.random.get_state()), os.getcwd(), sys.excepthook,
    ]

changed, before = [], state()
for name in {modules()}:
    importlib.import_module(name)
    after = state()
    if after != before:
        changed.append(name)
        before = after
os.write(2, json.dumps(changed).encode())
"""
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert json.loads(result.stderr) == []


LONGEST = {"course": 300, "tools": 300, "benchmarks": 300, "tests": 600}
CATALOGUE = Path("course/practice/exercises")  # one typical mistake after the other, with its words


@pytest.mark.parametrize("folder", LONGEST)
def test_modules_are_short(folder: str) -> None:
    lengths = {
        name: len((ROOT / name).read_text(encoding="utf-8").splitlines())
        for name in files()
        if name.parts[0] == folder and name.suffix == ".py"
    }
    most = {name: 400 if CATALOGUE in name.parents else LONGEST[folder] for name in lengths}
    assert {name: lines for name, lines in lengths.items() if lines > most[name]} == {}


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The functions and classes that a module offers."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node


@pytest.mark.parametrize("name", [one for one in modules() if one.startswith("course")])
def test_everything_public_is_documented(name: str) -> None:
    path = ROOT / Path(*name.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module"
    for node in public(tree):
        text = ast.get_docstring(node)
        assert text, node.name
        if name.startswith(("course.maths.", "course.models.", "course.data.")):
            assert isinstance(node, ast.ClassDef) or sections(node) <= set(
                re.findall(r"^(Args|Returns):$", text, flags=re.M)
            ), f"{node.name} needs {sections(node)}"


def sections(function: ast.FunctionDef) -> set[str]:
    """The sections that the docstring of a function of the core must have."""
    given = function.args
    takes = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    gives = not (isinstance(function.returns, ast.Constant) and function.returns.value is None)
    return ({"Args"} if takes else set()) | ({"Returns"} if gives else set())


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = []
    for name in files():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        for rule in (REGISTRIES, MACHINES):
            found += [f"{name}: {match[0]}" for match in rule.finditer(text)]
    assert found == []


def test_one_file_names_pmap() -> None:
    """The course outlives it: what is said with `pmap` there can also be said otherwise."""
    modules = [path for path in (ROOT / "course").rglob("*.py") if "jax.pmap" in path.read_text()]
    assert [path.name for path in modules] == ["parallel.py"]
