"""What must hold for the text and the shape of a notebook; each rule yields what is wrong."""

import ast
import re
import statistics
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from nbformat import NotebookNode

from tests.support.notebook_guards import Guard, Markup, code_cells, pictures

# The figures of the design: lowest and highest that a notebook may have.
LIMITS: Mapping[str, tuple[float, float]] = {
    "cells": (25, 70),
    "markdown cells per code cell": (0.9, 1.6),
    "code cells in a row": (0, 2),
    "median lines of a code cell": (1, 7),
    "lines of the longest tenth of the code cells": (1, 12),
    "lines of the longest code cell": (1, 25),
    "words of prose": (1200, 4000),
    "words of prose per line of code": (7, 20),
    "pictures": (3, 12),
    "exercises": (2, 5),
    "predictions": (1, 6),
    "size in kB": (0, 1500),
}
# Text in which neither a dollar nor a hash nor a bracket means anything.
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.M | re.S)
MATHS = re.compile(r"\$\$.*?\$\$|\$[^$]*\$", re.S)
LINK = re.compile(r"(!?)\[[^\]]*\]\(\s*<?([^)\s>]*)")
HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$", re.M)
# Markup that makes the page fetch something when it is read.
FETCHES = re.compile(
    r"<(?:script|iframe|link|object|embed|video|audio)\b|<img\b[^>]*\bsrc=.https?:", re.I
)
# The line between a table's header and its rows.
TABLE_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*$")
INSTALLS = re.compile(r"^\s*(?:!|%{1,2}(?:pip|conda|mamba|bash|sh|script)\b)|\bpip install\b", re.M)


def prose(cell: NotebookNode) -> str:
    """The text of a Markdown cell without its code."""
    return CODE.sub(" ", cell.source)


def texts(book: NotebookNode) -> list[tuple[int, str]]:
    """The Markdown cells without code in them, each with its place."""
    return [(i, prose(cell)) for i, cell in enumerate(book.cells) if cell.cell_type == "markdown"]


def headings(book: NotebookNode) -> list[tuple[int, str]]:
    """Level and text of every heading, from top to bottom."""
    found = [heading for _, text in texts(book) for heading in HEADING.findall(text)]
    return [(len(marks), title) for marks, title in found]


def shape(book: NotebookNode, size: int) -> dict[str, float]:
    """The figures that `LIMITS` bounds, for a notebook of `size` bytes."""
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    lines = sorted(sum(1 for line in cell.source.splitlines() if line.strip()) for cell in code)
    kinds = "".join("c" if cell.cell_type == "code" else "m" for cell in book.cells)
    written = " ".join(text for _, text in texts(book))
    written = re.sub(r"https?://\S+|<[^>]+>", " ", MATHS.sub(" ", written))
    words = len(re.findall(r"[A-Za-z][A-Za-z'\u2019-]*", written))
    source = "\n".join(cell.source for cell in code)
    return {
        "cells": len(book.cells),
        "markdown cells per code cell": kinds.count("m") / max(1, len(code)),
        "code cells in a row": max(map(len, re.findall("c+", kinds)), default=0),
        "median lines of a code cell": statistics.median(lines) if lines else 0,
        "lines of the longest tenth of the code cells": lines[int(0.9 * len(lines))]
        if lines
        else 0,
        "lines of the longest code cell": max(lines, default=0),
        "words of prose": words,
        "words of prose per line of code": words / max(1, sum(lines)),
        "pictures": len(pictures(book)),
        "exercises": source.count(".check("),
        "predictions": source.count("predict("),
        "size in kB": size / 1000,
    }


def outside_limits(figures: Mapping[str, float]) -> Iterator[str]:
    for name, (low, high) in LIMITS.items():
        if not low <= figures[name] <= high:
            yield f"{name}: {figures[name]:.4g} is not within {low:g} to {high:g}"


def titled(book: NotebookNode) -> Iterator[str]:
    """The first cell holds the title, what one will be able to do, the minutes and a link on."""
    first = book.cells[0].source if book.cells and book.cells[0].cell_type == "markdown" else ""
    if not re.match(r"# \S", first):
        yield "the first cell does not begin with the title"
    for wanted in ("you will be able to", "minutes"):
        if wanted not in first.lower():
            yield f"the first cell does not say {wanted!r}"


def headed(book: NotebookNode) -> Iterator[str]:
    levels = [level for level, _ in headings(book)]
    if levels.count(1) != 1:
        yield f"{levels.count(1)} headings of the first level, not one"
    for before, (level, title) in zip(levels, headings(book)[1:], strict=False):
        if level > before + 1:
            yield f"the heading {title!r} jumps from level {before} to {level}"


def one_import_cell(book: NotebookNode) -> Iterator[str]:
    for place, (i, cell) in enumerate(code_cells(book)):
        imports = [
            n for n in ast.parse(cell.source).body if isinstance(n, ast.Import | ast.ImportFrom)
        ]
        if place == 0 and not imports:
            yield f"cell {i}: the first code cell imports nothing"
        if place > 0 and imports:
            yield f"cell {i}: imports something; the first code cell is the place for it"


def balanced_maths(book: NotebookNode) -> Iterator[str]:
    for i, text in texts(book):
        text = text.replace(r"\$", "")
        left = re.sub(r"\$\$.*?\$\$", " ", text, flags=re.S)
        # Maths within a line may be wrapped, but never runs across an empty line.
        if "$$" in left or any(part.count("$") % 2 for part in re.split(r"\n\s*\n", left)):
            yield f"cell {i}: a dollar sign is without its partner"
        for formula in MATHS.findall(text):
            bare = re.sub(r"\\[{}]", "", formula)
            if bare.count("{") != bare.count("}"):
                yield f"cell {i}: the braces of {formula} do not match"


def fetches_nothing(book: NotebookNode) -> Iterator[str]:
    for i, text in texts(book):
        for mark, target in LINK.findall(text):
            if mark and "//" in target:
                yield f"cell {i}: the picture {target} is loaded from elsewhere"
        if found := FETCHES.search(text):
            yield f"cell {i}: {found[0]} loads something when the page is read"
    for i, cell in code_cells(book):
        if INSTALLS.search(cell.source):
            yield f"cell {i}: installs something or starts another program"


def tables_have_headers(book: NotebookNode) -> Iterator[str]:
    """Every column of a table has a name, in Markdown and in HTML."""
    for i, text in texts(book):
        for row, below in pairwise(text.splitlines()):
            if TABLE_RULE.match(below) and "|" in row and not TABLE_RULE.match(row):
                named, columns = (_table_cells(line) for line in (row, below))
                if len(list(filter(None, named))) < len(columns):
                    yield f"cell {i}: the table {row.strip()!r} has an empty header cell"
        if not all(header.strip() for header in Markup(text).headers):
            yield f"cell {i}: a table has an empty header cell"


def _table_cells(line: str) -> list[str]:
    """Words in the cells of a line of a table; a formula alone is drawn, and not read out."""
    line = MATHS.sub("", line)
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def anchors(book: NotebookNode) -> set[str]:
    """What a link into the notebook may name: JupyterLab makes an anchor of every heading."""
    written = "\n".join(text for _, text in texts(book))
    plain = {re.sub(r"[*_]{1,2}|<[^>]+>", "", title) for _, title in headings(book)}
    return {title.replace(" ", "-") for title in plain} | set(
        re.findall(r'\bid="([^"]+)"', written)
    )


def dead_links(
    book: NotebookNode, path: Path, others: Mapping[Path, NotebookNode]
) -> Iterator[str]:
    """Every link to a file or an anchor that is not there.

    Args:
        book: the notebook that links.
        path: where it is; links are relative to its folder.
        others: all notebooks by their resolved paths, to look anchors up in.
    """
    for i, text in texts(book):
        for _, target in LINK.findall(text):
            if re.match(r"(?:https?|mailto|attachment):", target):
                continue
            file, _, anchor = target.partition("#")
            there = (path.parent / file).resolve() if file else path.resolve()
            if not there.exists():
                yield f"cell {i}: links to {file}, which is not there"
            elif (
                anchor
                and there.suffix == ".ipynb"
                and anchor not in anchors(others.get(there, book))
            ):
                yield f"cell {i}: links to {target}, but that has no such heading"


def unlinked_neighbours(book: NotebookNode, path: Path, order: list[Path]) -> Iterator[str]:
    """The notebooks before and after in `order` that the first cell does not link to."""
    place = order.index(path)
    targets = [target for _, target in LINK.findall(book.cells[0].source)]
    for neighbour in order[max(0, place - 1) : place] + order[place + 1 : place + 2]:
        if neighbour.name not in targets:
            yield f"the first cell has no link to {neighbour.name}"


PROSE_GUARDS: tuple[Guard, ...] = (
    titled,
    headed,
    one_import_cell,
    balanced_maths,
    fetches_nothing,
    tables_have_headers,
)
