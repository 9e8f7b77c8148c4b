"""The command that runs and stores notebooks, and the comparison that `pytest --nbval` makes."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.support.repository import ROOT, files
from tools.notebooks import METADATA, WIDGET_VIEW, courses_own, main, read, serialise


def written(path: Path, *sources: str) -> Path:
    """A notebook file with a title and these code cells; their ids are a, b, c, …"""
    cells = [new_markdown_cell("# Title", id="title")]
    cells += [new_code_cell(s, id=chr(97 + i)) for i, s in enumerate(sources)]
    path.write_text(serialise(new_notebook(cells=cells)), encoding="utf-8")
    return path


def code(path: Path) -> list[NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def test_what_is_stored_depends_on_the_notebook_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(
        tmp_path / "a.ipynb",
        "import os\nimport pathlib\nimport ipywidgets as widgets",
        "print('one')\nwidgets.IntSlider(3)",
        "print(os.environ['COURSE_QUIET'], os.environ['JAX_PLATFORMS'])\n"
        "print(pathlib.Path(os.environ['COURSE_PROGRESS']).exists(), pathlib.Path.cwd().name)",
    )
    # As an editor leaves it: one tag that matters, and noise.
    book = json.loads(path.read_text(encoding="utf-8"))
    book["cells"][1]["metadata"] = {"tags": ["kept"], "collapsed": True, "scrolled": False}
    path.write_text(json.dumps(book), encoding="utf-8")
    assert main([str(path)]) == 0
    first = path.read_bytes()
    assert main(["--check", str(path)]) == 0
    assert main([str(path)]) == 0
    assert path.read_bytes() == first
    said = [line.split(": ")[1] for line in capsys.readouterr().out.splitlines()]
    assert said == ["stored", "in the fixed form", "unchanged"]
    stored = read(path)
    assert stored.metadata == METADATA
    assert [cell.id for cell in stored.cells] == ["title", "a", "b", "c"]
    imports, slider, surroundings = code(path)
    assert imports.metadata == {"tags": ["kept"]}
    assert [cell.execution_count for cell in code(path)] == [1, 2, 3]
    assert [output.output_type for output in slider.outputs] == ["stream", "execute_result"]
    assert list(slider.outputs[1].data) == ["text/plain"]
    assert WIDGET_VIEW not in first.decode()
    assert surroundings.outputs[0].text == f"1 cpu\nFalse {tmp_path.name}\n"


def test_a_failing_cell_is_named_and_nothing_is_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = written(tmp_path / "bad.ipynb", "x = 1", "x / 0", "print(x)")
    dead = written(tmp_path / "dead.ipynb", "import os\nos._exit(3)")
    good = written(tmp_path / "good.ipynb", "1 + 1")
    before = bad.read_bytes(), dead.read_bytes()
    assert main([str(bad), str(dead), str(good)]) == 1
    assert (bad.read_bytes(), dead.read_bytes()) == before
    assert code(good)[0].outputs[0].data == {"text/plain": "2"}
    said = capsys.readouterr().err
    assert f"{bad}: cell 2 (id b): ZeroDivisionError: division by zero\n" in said
    assert f"{dead}: cell 1 (id a): Kernel died" in said
    assert sorted(tmp_path.iterdir()) == [bad, dead, good]


@pytest.mark.parametrize("flaw", ["no JSON", "two cells with one id", "a cell without an id"])
def test_what_is_no_notebook_is_said_in_one_line(
    flaw: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = json.loads(written(tmp_path / "a.ipynb", "1", "2").read_text(encoding="utf-8"))
    book["cells"][1]["id"] = "b"
    if flaw == "a cell without an id":
        del book["cells"][1]["id"]
    text = "{" if flaw == "no JSON" else json.dumps(book)
    path = tmp_path / "a.ipynb"
    path.write_text(text, encoding="utf-8")
    assert main([str(path), str(tmp_path / "none.ipynb")]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert "not a valid notebook" in first
    assert "No such file" in second
    assert path.read_text(encoding="utf-8") == text


def test_a_write_that_breaks_off_leaves_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.ipynb", "1 + 1")
    before = path.read_bytes()

    def ran(book: NotebookNode, *_: object, **__: object) -> NotebookNode:
        book.cells[1].execution_count = 1
        return book

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("tools.notebooks.execute", ran)
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        main([str(path)])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_check_refuses_what_the_command_would_store_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "a.ipynb", "1 + 1")
    assert main(["--check", str(path)]) == 1
    assert "not run from top to bottom" in capsys.readouterr().err
    book = read(path)
    book.cells[1].execution_count = 1
    book.metadata.widgets = {}
    nbformat.write(book, path)
    assert main(["--check", str(path)]) == 1
    assert "not as `make notebooks` stores it" in capsys.readouterr().err


@pytest.fixture
def updated(tmp_path: Path) -> Path:
    """A checkout with two notebooks, a ready .venv, and what `make update` kept of the reader's."""
    for name in ("01_a", "01_a_mine", "01_a_mine_2", "02_b", "02_b_mine"):
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        written(tmp_path / "notebooks" / f"{name}.ipynb", "1")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for name in ("requirements-test.txt", "pyproject.toml", "tools/setup", ".venv/ready"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{tmp_path.resolve()}\n")
    return tmp_path


def test_what_the_reader_kept_is_none_of_the_courses_notebooks(updated: Path) -> None:
    found = courses_own(updated / "notebooks")
    assert [path.name for path in found] == ["01_a.ipynb", "02_b.ipynb"]
    shipped = {ROOT / name for name in files() if name.match("notebooks/*.ipynb")}
    assert {*courses_own(ROOT / "notebooks")} >= shipped


@pytest.mark.skipif(os.name == "nt", reason="Windows has no make")
@pytest.mark.parametrize("target", ["compare", "portable", "notebooks"])
@pytest.mark.parametrize(
    ("number", "named"),
    [("", ["01_a", "02_b"]), ("02", ["02_b"]), ("9", ["9_*"])],
    ids=["all", "one", "one that is not there"],
)
def test_make_passes_over_what_the_reader_kept(
    target: str, number: str, named: list[str], updated: Path
) -> None:
    # The tests themselves may run under make, with an n of their own.
    environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    done = subprocess.run(
        ["make", "--dry-run", target, f"n={number}"],
        cwd=updated,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall(r"notebooks/(\S+)\.ipynb", done.stdout) == named


# A notebook that finds no progress of another, and prints what only sanitizing makes equal.
SOUND = (
    "import os, pathlib, tempfile\npath = pathlib.Path(os.environ['COURSE_PROGRESS'])\n"
    "print(path.exists())\npath.parent.mkdir(exist_ok=True)\npath.touch()",
    "print(object())\nprint(path)\nprint(tempfile.mkdtemp())",
)
SAID = (
    "False\n",
    "<object object at 0x7f0123456789>\n/tmp/notebook-a/progress.json\n/var/tmp/b\n",
)
# nbval interrupts the first cell, which swallows that; it then expects the second to fail.
STUCK = ("import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    pass", "1 / 0")


def stored(path: Path, sources: tuple[str, ...], texts: tuple[str, ...]) -> None:
    """A notebook file whose cells are said to have printed `texts`."""
    book = read(written(path, *sources))
    for count, (cell, text) in enumerate(zip(book.cells[1:], texts, strict=True), start=1):
        cell.execution_count = count
        cell.outputs = [new_output("stream", text=text)] if text else []
    path.write_text(serialise(book), encoding="utf-8")


# One worker: both sound notebooks run in the same process, and that is not the one that prints.
OPTIONS = """
    --rootdir={here} -c {root}/pyproject.toml -p no:cacheprovider -n1 -rA --tb=short
    --nbval --nbval-cell-timeout=5 --nbval-sanitize-with {root}/tests/nbval_sanitize.cfg {here}
"""


def test_the_comparison_is_strict_and_sees_through_folders_and_addresses(tmp_path: Path) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    stored(tmp_path / "first.ipynb", SOUND, SAID)
    stored(tmp_path / "second.ipynb", SOUND, SAID)
    stored(tmp_path / "stale.ipynb", ("print('one bit')", "print(1 + 1)"), ("one bit\n", "3\n"))
    stored(tmp_path / "stuck.ipynb", STUCK, ("", ""))
    options = [word.format(here=tmp_path, root=ROOT) for word in OPTIONS.split()]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = re.findall(r"^(\w+) (?:\S*/)?(\w+)\.ipynb::Cell (\d)", done.stdout, re.M)
    assert {f"{name} {cell}": result for result, name, cell in found} == {
        "first 0": "PASSED",
        "first 1": "PASSED",
        "second 0": "PASSED",
        "second 1": "PASSED",
        "stale 0": "PASSED",
        "stale 1": "FAILED",
        "stuck 0": "PASSED",
        "stuck 1": "FAILED",
    }, done.stdout
    # The table is complete, though the worker that ran them is not the process that prints it.
    table = re.findall(r"^(\w+)\.ipynb +\d+\.\d s +\d+ MiB$", done.stdout, re.M)
    assert table == ["first", "second", "stale", "stuck"], done.stdout
    assert done.returncode == 1
