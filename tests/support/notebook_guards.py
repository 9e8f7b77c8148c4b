"""What must hold for the outputs of a stored notebook.

Each guard takes a notebook and yields one sentence for everything that is wrong with it.
`GUARDS` lists them; `tests/support/notebook_prose.py` holds those for text and shape.
"""

import ast
import importlib
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

from nbformat import NotebookNode

from course.show import figures
from course.show.live import LiveFigure
from tools.notebooks import WIDGET_VIEW

Guard = Callable[[NotebookNode], Iterator[str]]

IGNORE = "nbval-ignore-output"
MOST_IGNORED = 3
LEAST_COMPARED = 0.8
SHORTEST_ALT = 40
# Whatever of these stands in a tag or a comment makes nbval or nbclient look away.
LOOKS_AWAY = re.compile(r"nbval|raises.exception|skip.execution|xfail", re.I)
# Text that is another on the next machine: temporary and home folders, addresses in memory.
OF_ONE_MACHINE = re.compile(r"/tmp/|/var/folders/|/home/|/root/|/Users/|[A-Z]:\\|\b0x[0-9a-f]{6,}")
# Calls that always say something.
SPEAKS = {"print", "display", "check", "hint", "solution", "predict", "board"}
LOADS = re.compile(
    r"""(?:src|srcset|poster|data)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?(?:http|//)|<link|<script"""
)


# A picture as text; by chance there may be anything in it.
PICTURE_AS_TEXT = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]*")


class Markup(HTMLParser):
    """Start tags of a piece of HTML, and the texts in its header cells.

    Attributes:
        tags: name and attributes of each, in order.
        headers: text of each `<th>`.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.headers: list[str] = []
        self._in_header = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "th":
            self.headers.append("")
        if tag in ("th", "td", "tr", "table"):
            self._in_header = tag == "th"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "tr", "table"):
            self._in_header = False

    def handle_data(self, data: str) -> None:
        if self._in_header:
            self.headers[-1] += data

    @property
    def images(self) -> list[dict[str, str]]:
        """Attributes of every `<img>`."""
        return [attributes for tag, attributes in self.tags if tag == "img"]


def code_cells(book: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """The code cells that hold code, each with its place in the notebook."""
    cells = enumerate(book.cells)
    return [(i, cell) for i, cell in cells if cell.cell_type == "code" and cell.source.strip()]


def outputs(book: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """All outputs, each with the place of its cell."""
    return [(i, output) for i, cell in code_cells(book) for output in cell.outputs]


def pictures(book: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """The outputs that are pictures, each with the place of its cell."""
    return [(i, output) for i, output in outputs(book) if "image/png" in output.get("data", {})]


def alt_text(output: NotebookNode) -> str:
    """The alt text stored with a picture, or an empty string."""
    return str(output.metadata.get("image/png", {}).get("alt") or "")


def text_of(output: NotebookNode) -> str:
    """Everything in an output that a reader can read."""
    shown = [value for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
    return PICTURE_AS_TEXT.sub("", "\n".join([output.get("text", ""), *shown]))


def ran_in_order(book: NotebookNode) -> Iterator[str]:
    counts = [cell.execution_count for _, cell in code_cells(book)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"the execution counts are {counts}, not 1 to {len(counts)} in order"


def shows_something(book: NotebookNode) -> Iterator[str]:
    """A first look without running; the run of the notebook compares cell by cell."""
    if not outputs(book):
        yield "no cell has an output: a comparison would compare nothing"
    for i, cell in code_cells(book):
        calls = [node.value for node in ast.parse(cell.source).body if isinstance(node, ast.Expr)]
        names = [dotted(call.func) for call in calls if isinstance(call, ast.Call)]
        speaks = [name for name in names if name.rpartition(".")[2] in SPEAKS]
        if speaks and not cell.outputs:
            yield f"cell {i}: calls {speaks[0]}, but no output is stored"


def no_errors(book: NotebookNode) -> Iterator[str]:
    for i, output in outputs(book):
        if output.output_type == "error":
            yield f"cell {i}: the stored output is an error, {output.ename}"
        if output.get("name") == "stderr":
            yield f"cell {i}: writes to stderr: {output.text.strip()[:80]}"


def nothing_looks_away(book: NotebookNode) -> Iterator[str]:
    for i, cell in code_cells(book):
        for tag in cell.metadata.get("tags", []):
            if tag != IGNORE and LOOKS_AWAY.search(tag):
                yield f"cell {i}: the tag {tag} keeps the cell from being compared"
        for line in cell.source.splitlines():
            if line.lstrip().startswith("#") and LOOKS_AWAY.search(line.replace("_", "-")):
                yield f"cell {i}: the comment {line.strip()!r} keeps it from being compared"


def enough_compared(book: NotebookNode) -> Iterator[str]:
    speaking = [cell for _, cell in code_cells(book) if cell.outputs]
    ignored = [cell for cell in speaking if IGNORE in cell.metadata.get("tags", [])]
    tagged = sum(IGNORE in cell.metadata.get("tags", []) for _, cell in code_cells(book))
    if tagged > MOST_IGNORED:
        yield f"{tagged} cells are tagged {IGNORE}, more than {MOST_IGNORED}"
    if speaking and 1 - len(ignored) / len(speaking) < LEAST_COMPARED:
        yield f"{len(ignored)} of {len(speaking)} cells with output are not compared"


def pictures_in_words(book: NotebookNode) -> Iterator[str]:
    for i, output in pictures(book):
        alt = alt_text(output)
        if len(alt) < SHORTEST_ALT or not alt.endswith("."):
            yield f"cell {i}: the alt text is no full sentence: {alt!r}"
        if output.data.get("text/plain") != alt:
            yield f"cell {i}: text/plain is not the alt text"
        images = Markup(output.data.get("text/html", "")).images
        if [image.get("alt") for image in images] != [alt]:
            yield f"cell {i}: text/html is not one <img> with the alt text"
        elif images[0].get("src") != f"data:image/png;base64,{output.data['image/png'].strip()}":
            yield f"cell {i}: the picture in text/html is another than in image/png"
    for alt, times in Counter(alt_text(output) for _, output in pictures(book)).items():
        if times > 1:
            yield f"{times} pictures have the same alt text: {alt!r}"


def said_below(book: NotebookNode) -> Iterator[str]:
    for i in sorted({i for i, _ in pictures(book)}):
        below = book.cells[i + 1] if i + 1 < len(book.cells) else None
        if below is None or below.cell_type != "markdown":
            yield f"cell {i}: no text below the picture says what to see"


def drawn(book: NotebookNode) -> Iterator[str]:
    """Every call that draws has its picture beside it."""
    names: dict[str, str] = {}
    have = Counter(i for i, _ in pictures(book))
    for i, cell in code_cells(book):
        tree = ast.parse(cell.source)
        names.update(_imported(tree))
        calls = [dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
        full = [names.get(head, head) + dot + rest for head, dot, rest in _parted(calls)]
        draws = [name for name in full if draws_something(name)]
        if draws and not have[i]:
            yield f"cell {i}: calls {draws[0]}, but no picture is stored"


def draws_something(name: str) -> bool:
    """Is this the helper that shows a figure, or a function of a demo that gives a live one?"""
    module, _, function = name.rpartition(".")
    if not module.startswith("course.show"):
        return False
    found = getattr(importlib.import_module(module), function)
    return found is figures.show or inspect.signature(found).return_annotation is LiveFigure


def _imported(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for, in full."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update({a.asname: a.name for a in node.names if a.asname})
        elif isinstance(node, ast.ImportFrom):
            names.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
    return names


def dotted(node: ast.expr) -> str:
    """`a.b.c` as it is written, or an empty string for anything else."""
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return node.id if isinstance(node, ast.Name) else ""


def _parted(names: list[str]) -> list[tuple[str, str, str]]:
    return [name.partition(".") for name in names]


def every_image_in_words(book: NotebookNode) -> Iterator[str]:
    """Also those that are in no output with a PNG."""
    for i, output in outputs(book):
        for image in Markup(output.get("data", {}).get("text/html", "")).images:
            if not image.get("alt", "").strip():
                yield f"cell {i}: an <img> has no alt text"
        for kind in output.get("data", {}):
            if kind.startswith("image/") and kind != "image/png":
                yield f"cell {i}: {kind} has no alt text that is read"


def tables_headed(book: NotebookNode) -> Iterator[str]:
    """A header cell without words names nothing; an empty corner is a `<td>`."""
    for i, output in outputs(book):
        headers = Markup(output.get("data", {}).get("text/html", "")).headers
        if not all(header.strip() for header in headers):
            yield f"cell {i}: a table has an empty header cell"


def no_widget_state(book: NotebookNode) -> Iterator[str]:
    if "widgets" in book.metadata:
        yield "metadata.widgets holds the state of widgets"
    for i, output in outputs(book):
        if WIDGET_VIEW in output.get("data", {}):
            yield f"cell {i}: a widget view is stored"


def no_trace_of_the_machine(book: NotebookNode) -> Iterator[str]:
    for i, output in outputs(book):
        if found := OF_ONE_MACHINE.search(text_of(output)):
            yield f"cell {i}: the output holds {found[0]!r}, another on the next machine"


def loads_nothing(book: NotebookNode) -> Iterator[str]:
    for i, output in outputs(book):
        if LOADS.search(text_of(output)):
            yield f"cell {i}: the output loads something from elsewhere"


GUARDS: tuple[Guard, ...] = (
    ran_in_order,
    shows_something,
    no_errors,
    nothing_looks_away,
    enough_compared,
    pictures_in_words,
    every_image_in_words,
    tables_headed,
    said_below,
    drawn,
    no_widget_state,
    no_trace_of_the_machine,
    loads_nothing,
)
