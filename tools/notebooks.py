"""Run notebooks from top to bottom in a fresh kernel and store their outputs in one fixed form.

    python tools/notebooks.py notebooks/*.ipynb            run each, then store it
    python tools/notebooks.py --check notebooks/*.ipynb    run nothing: is each in the fixed form?

What is stored depends on the notebook alone: no timing, no widget state, no version of Python, no
choice of the editor. So a second run changes no byte, and a difference in git is one that matters.
A notebook that fails is left as it was; the exit status is then 1.
"""

import argparse
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
# A cell of the course runs for seconds; one that runs for minutes is stuck.
SECONDS_PER_CELL = 300
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def courses_own(folder: Path) -> list[Path]:
    """The course's notebooks in a folder; not what `make update` has kept there of the reader's."""
    return sorted(path for path in folder.glob("*.ipynb") if "_mine" not in path.stem)


class NotebookError(Exception):
    """A notebook that cannot be read, run or stored; the message names notebook and cell."""


def kernel_environment(folder: Path) -> dict[str, str]:
    """Variables for a kernel that keeps away from the reader's own files and from accelerators.

    Args:
        folder: an empty folder; the progress file (which does not exist yet) and IPython's profile
            go there, so that no earlier answer, start-up file or history has an influence.
    """
    return {
        "COURSE_QUIET": "1",
        "COURSE_PROGRESS": str(folder / "progress.json"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JAX_PLATFORMS": "cpu",
    }


def read(path: Path) -> NotebookNode:
    """The notebook at `path`, valid to the letter: what nbformat would repair is an error here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            book: NotebookNode = nbformat.read(path, as_version=4)
            nbformat.validate(book)
    except (OSError, ValueError, nbformat.ValidationError, Warning) as error:
        reason = str(error).strip().split("\n")[0]
        raise NotebookError(f"{path}: not a valid notebook: {reason}") from error
    return book


@contextmanager
def started(book: NotebookNode, folder: Path) -> Iterator[NotebookClient]:
    """A client for `book` with a fresh kernel whose working folder is `folder`."""
    with tempfile.TemporaryDirectory(prefix="notebook-") as private:
        client = NotebookClient(
            book,
            kernel_name="python3",
            timeout=SECONDS_PER_CELL,
            record_timing=False,
            coalesce_streams=True,
            force_raise_errors=True,
            resources={"metadata": {"path": str(folder)}},
            # The connection is this machine's own: no word about encryption on the terminal.
            extra_arguments=["--log-level=ERROR"],
        )
        with client.setup_kernel(env={**os.environ, **kernel_environment(Path(private))}):
            yield client


def run(client: NotebookClient, index: int, name: str) -> NotebookNode:
    """Run the cell `index` of the client's notebook; its outputs and count are stored in it.

    Raises:
        NotebookError: the cell raised, took too long, or the kernel died.
    """
    cell = client.nb.cells[index]
    place = f"{name}: cell {index} (id {cell.get('id')})"
    try:
        return client.execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
    except CellExecutionError as error:
        trace = ANSI.sub("", error.traceback)
        reason = f"{error.ename}: {ANSI.sub('', error.evalue)}"
        raise NotebookError(f"{place}: {reason}\n{trace}") from error
    except (CellTimeoutError, DeadKernelError) as error:
        reason = str(error).strip().split("\n")[0]
        raise NotebookError(f"{place}: {reason}") from error


def execute(book: NotebookNode, folder: Path, *, name: str = "notebook") -> NotebookNode:
    """Run every cell of `book` (in place) from top to bottom in a fresh kernel.

    Raises:
        NotebookError: see `run`.
    """
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.update(execution_count=None, outputs=[])
    with started(book, folder) as client:
        for index in range(len(book.cells)):
            run(client, index, name)
    return book


def normalise(book: NotebookNode) -> NotebookNode:
    """Bring `book` (in place) into the fixed form: only what a reader sees, and the cells' tags."""
    book.metadata = nbformat.from_dict(METADATA)
    for cell in book.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        # An attachment is a picture without a source, which the course has no use for.
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs = [kept for kept in map(_without_widget, cell.outputs) if kept is not None]
    return book


def _without_widget(output: NotebookNode) -> NotebookNode | None:
    """The output less its widget view, which without a kernel shows "Loading widget" for ever."""
    data = output.get("data", {})
    if WIDGET_VIEW not in data:
        return output
    del data[WIDGET_VIEW]
    output.metadata.pop(WIDGET_VIEW, None)
    return output if data else None


def serialise(book: NotebookNode) -> str:
    """The text of a notebook file: sorted keys, one trailing newline, and valid to the letter."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nbformat.validate(book)
        return str(nbformat.writes(book, version=4)).rstrip("\n") + "\n"


def store(path: Path, text: str) -> bool:
    """Replace the file at once or not at all; False if it already held this text."""
    if path.read_text(encoding="utf-8") == text:
        return False
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return True


def refresh(path: Path) -> str:
    """Run and store one notebook; returns one line that says what happened."""
    book = read(path)
    text = serialise(normalise(execute(book, path.resolve().parent, name=str(path))))
    return f"{path}: " + ("stored" if store(path, text) else "unchanged")


def check(path: Path) -> str:
    """One line if the notebook is in the fixed form with every cell run in order.

    Raises:
        NotebookError: it is not.
    """
    book = read(path)
    runnable = [cell for cell in book.cells if cell.cell_type == "code" and cell.source.strip()]
    if [cell.execution_count for cell in runnable] != list(range(1, len(runnable) + 1)):
        raise NotebookError(f"{path}: not run from top to bottom; run `make notebooks`")
    if serialise(normalise(book)) != path.read_text(encoding="utf-8"):
        raise NotebookError(f"{path}: not as `make notebooks` stores it; run `make notebooks`")
    return f"{path}: in the fixed form"


def each(action: Callable[[Path], str], paths: Iterable[Path]) -> int:
    """Do `action` for every path, say what came of it; the number of those that failed."""
    failed = 0
    for path in paths:
        try:
            print(action(path), flush=True)
        except NotebookError as error:
            failed += 1
            print(error, file=sys.stderr, flush=True)
    return failed


def main(arguments: list[str] | None = None) -> int:
    """Entry point; the exit status is 1 when a notebook failed, 2 for wrong usage."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="run nothing, only look at the form")
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    options = parser.parse_args(arguments)
    return 1 if each(check if options.check else refresh, options.notebooks) else 0


if __name__ == "__main__":
    sys.exit(main())
