"""How the code is written: docstrings, lengths, comments, and nothing of one machine."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT, files
from tests.support.source import Function, body, docstrings, functions, lines, sources, tree

# In lines of code: docstrings, comments and blank lines count nothing, nor does a signature.
LONGEST_MODULE = {"course": 200, "tools": 220, "benchmarks": 200, "tests": 420}
LONGEST_CATALOGUE = 350  # one typical mistake after the other, with its words
LONGEST_FUNCTION = 40
# Longer than that today; the lists only shrink.
LONG_MODULES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()
# From how many lines on a function says why it does what it does, and how often in 100 lines.
LONG, COMMENTS = 25, 8
OPENING = re.compile(r"\s*(What|Whether|Who|How|When)\b")
# Ada is the reader in examples; a name that is longer belongs to someone.
MACHINES = re.compile(
    r"(?<![\w.~$}/-])/(?:home|Users|root|work|mnt)/(?!ada\b|a\b)\w|[A-Z]:\\Users\\"
)
COURSE = sources("course")


def catalogue(path: Path) -> bool:
    """Return whether a module lists exercises, with answers as learners write them."""
    return path.parent.name == "exercises"


@pytest.mark.parametrize("folder", LONGEST_MODULE)
def test_modules_are_short(folder: str) -> None:
    long = set()
    for path in sources(folder):
        most = LONGEST_CATALOGUE if catalogue(path) else LONGEST_MODULE[folder]
        if len(lines(path)[0]) > most:
            long.add(path.as_posix())
    assert long == {name for name in LONG_MODULES if name.startswith(f"{folder}/")}


def test_functions_are_short() -> None:
    long = {
        f"{path.as_posix()}: {name}"
        for path in [*COURSE, *sources("tools"), *sources("benchmarks")]
        if not catalogue(path)
        for name, function in functions(path)
        if len(lines(path)[0] & {*body(function)}) > LONGEST_FUNCTION
    }
    assert long == LONG_FUNCTIONS


def test_long_functions_say_why() -> None:
    code = comments = 0
    for path in COURSE:
        for _, function in functions(path) if not catalogue(path) else ():
            within = {*body(function)}
            length = len(lines(path)[0] & within)
            if length >= LONG:
                code += length
                comments += len(lines(path)[1] & within)
    assert comments >= COMMENTS / 100 * code


@pytest.mark.parametrize("path", COURSE, ids=str)
def test_docstrings_open_with_a_verb_or_a_noun(path: Path) -> None:
    found = [f"{d.lineno}: {d.value[:60]}" for d in docstrings(path) if OPENING.match(d.value)]
    assert found == []


@pytest.mark.parametrize("path", COURSE, ids=str)
def test_everything_public_is_documented(path: Path) -> None:
    assert ast.get_docstring(tree(path)), "the module"
    for node in tree(path).body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        text = ast.get_docstring(node)
        assert text, node.name
        if path.parts[1] in ("maths", "models", "data") and isinstance(node, Function):
            missing = sections(node) - {*re.findall(r"^(Args|Returns):$", text, flags=re.M)}
            assert not missing, node.name


def sections(function: Function) -> set[str]:
    """Return the sections that the docstring of a function of the core must have."""
    given = function.args
    takes = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    gives = not (isinstance(function.returns, ast.Constant) and function.returns.value is None)
    return ({"Args"} if takes else set()) | ({"Returns"} if gives else set())


def test_no_file_names_a_folder_of_one_machine() -> None:
    found = []
    for name in files():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{name}: {match[0]}" for match in MACHINES.finditer(text)]
    assert found == []
