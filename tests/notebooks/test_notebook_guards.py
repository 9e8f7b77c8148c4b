"""Each rule for notebooks lets a sound notebook pass and refuses one that is broken in its way."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course.show.picture import Picture
from tests.support import notebook_guards as guards
from tests.support import notebook_prose as prose
from tests.support.notebook_guards import GUARDS, Guard
from tests.support.notebook_kit import differences
from tests.support.notebook_prose import PROSE_GUARDS
from tools.notebooks import WIDGET_VIEW

ALT = "Two bars of the same height: heads and tails at one half each."
TITLE = "# Coins\n\nYou will be able to read a bar. About 5 minutes. [On](01_on.ipynb)"
# The smallest PNG: one pixel, black or white.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
OTHER = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEANl9ngAAAAABJRU5ErkJggg=="
)


def picture(alt: str = ALT, png: str = PIXEL, **other: str) -> NotebookNode:
    data, metadata = Picture(base64.b64decode(png), alt, 1, 1).bundle()
    names = {"plain": "text/plain", "html": "text/html", "svg": "image/svg+xml"}
    data |= {names[name]: value for name, value in other.items()}
    return new_output("display_data", data=data, metadata=metadata)


def sound() -> NotebookNode:
    """A small notebook with nothing wrong; its cells are known by their places."""
    cells = [
        new_markdown_cell(TITLE),
        new_code_cell("from course.show import figures\nfrom course.show.demos import entropy"),
        new_markdown_cell("## A claim\n\nWith $p_{1}$ heads cost $$-\\log p$$ and `$` nothing."),
        new_code_cell("print('1 bit')", outputs=[new_output("stream", text="1 bit\n")]),
        new_code_cell("entropy.coin()", outputs=[picture()]),
        new_markdown_cell("### What you saw\n\nBoth bars are level."),
    ]
    book: NotebookNode = new_notebook(cells=cells)
    for count, (_, cell) in enumerate(guards.code_cells(book), start=1):
        cell.execution_count = count
    return book


def image(alt: str, png: str = PIXEL) -> str:
    return Picture(base64.b64decode(png), alt, 1, 1).html()


Break = Callable[[NotebookNode], object]
PRINTS, DRAWS = 3, 4


def added(kind: str = "display_data", **content: object) -> Break:
    """One more output of the cell that prints."""
    return lambda book: book.cells[PRINTS].outputs.append(new_output(kind, **content))


def html(text: str) -> Break:
    return added(data={"text/html": text, "text/plain": "x"})


def source(place: int, text: str) -> Break:
    return lambda book: book.cells[place].update(source=text)


def outputs(place: int, *found: NotebookNode) -> Break:
    return lambda book: book.cells[place].update(outputs=list(found))


def tag(name: str) -> Break:
    return lambda book: book.cells[PRINTS].metadata.update(tags=[name])


error = added("error", ename="ValueError", evalue="p: expected", traceback=[])
view = added(data={WIDGET_VIEW: {"model_id": "a"}, "text/plain": "Slider()"})
# For each guard, what it refuses and a part of what it says.
BROKEN: list[tuple[Guard, Break, str]] = [
    (guards.ran_in_order, lambda b: b.cells[PRINTS].update(execution_count=3), "1, 3, 3"),
    (guards.shows_something, outputs(PRINTS), "calls print"),
    (guards.shows_something, lambda b: b.update(cells=b.cells[:3]), "no cell has an output"),
    (guards.no_errors, error, "ValueError"),
    (guards.no_errors, added("stream", text="No GPU\n", name="stderr"), "stderr: No GPU"),
    (guards.nothing_looks_away, tag("nbval-skip"), "nbval-skip"),
    (guards.nothing_looks_away, tag("raises-exception"), "raises-exception"),
    (guards.nothing_looks_away, source(PRINTS, "# NBVAL_SKIP\nprint('1 bit')"), "NBVAL_SKIP"),
    (guards.enough_compared, tag("nbval-ignore-output"), "1 of 2"),
    (guards.pictures_in_words, outputs(DRAWS, picture("Two bars.")), "no full sentence"),
    (guards.pictures_in_words, outputs(DRAWS, picture(), picture()), "the same alt"),
    (guards.pictures_in_words, outputs(DRAWS, picture(plain=f"{ALT} Now.")), "text/plain is not"),
    (guards.pictures_in_words, outputs(DRAWS, picture(html="<b>Two</b>")), "not one <img>"),
    (guards.pictures_in_words, outputs(DRAWS, picture(html=image("One bar."))), "not one <img>"),
    (guards.pictures_in_words, outputs(DRAWS, picture(html=2 * image(ALT))), "not one <img>"),
    (guards.pictures_in_words, outputs(DRAWS, picture(html=image(ALT, OTHER))), "is another"),
    (guards.every_image_in_words, html("<p><img src='data:image/png;base64,AA=='></p>"), "no alt"),
    (guards.every_image_in_words, outputs(DRAWS, picture(svg="<svg/>")), "image/svg+xml has no"),
    (guards.tables_headed, html("<table><tr><th> </th><th>n</th></tr></table>"), "empty header"),
    (guards.said_below, lambda b: b.cells.pop(), "no text below"),
    (guards.drawn, outputs(DRAWS), "course.show.demos.entropy.coin"),
    (guards.drawn, source(PRINTS, "figures.show(figure, alt='x')"), "figures.show"),
    (guards.no_widget_state, view, "widget view"),
    (guards.no_widget_state, lambda b: b.metadata.update(widgets={}), "metadata.widgets"),
    (guards.no_trace_of_the_machine, html("<Value at 0x7f3a5c0d11e0>"), "0x7f3a5c0d11e0"),
    (guards.no_trace_of_the_machine, html("<p>kept in /tmp/x/progress.json</p>"), "/tmp/"),
    (guards.loads_nothing, html('<img src="https://example.org/a.png">'), "loads something"),
    (prose.titled, source(0, TITLE.replace("# ", "")), "title"),
    (prose.titled, source(0, TITLE.replace("minutes", "pages")), "minutes"),
    (prose.headed, source(5, "# Another title"), "2 headings"),
    (prose.headed, source(2, "Nothing"), "jumps from level 1 to 3"),
    (prose.one_import_cell, source(PRINTS, "import math\nprint(math.pi)"), "imports something"),
    (prose.balanced_maths, source(5, "It costs $5."), "without its partner"),
    (prose.balanced_maths, source(5, r"One $\frac{a}{b$ two."), "braces"),
    (prose.fetches_nothing, source(5, "![map](https://example.org/map.png)"), "from elsewhere"),
    (prose.tables_have_headers, source(5, "| |a|\n|---|:-:|\n|1|2|"), "empty header"),
    (prose.tables_have_headers, source(5, "|n|$J(w)$|\n|-|-|\n|1|2|"), "empty header"),
    (prose.tables_have_headers, source(5, "a | \n--- | ---\n1 | 2"), "empty header"),
    (prose.tables_have_headers, source(5, "<table><tr><th></th></tr></table>"), "empty header"),
    (prose.fetches_nothing, source(PRINTS, "%pip install jax"), "installs"),
]


@pytest.mark.parametrize("guard", [*GUARDS, *PROSE_GUARDS], ids=lambda guard: guard.__name__)
def test_every_guard_passes_a_sound_notebook_and_refuses_a_broken_one(guard: Guard) -> None:
    assert list(guard(sound())) == []
    cases = [(change, said) for this, change, said in BROKEN if this is guard]
    assert cases
    for change, said in cases:
        book = sound()
        change(book)
        assert any(said in sentence for sentence in guard(book)), list(guard(book))


def test_the_figures_of_a_notebook_are_counted_and_bounded() -> None:
    figures = prose.shape(sound(), 2000)
    assert figures["cells"] == 6
    assert figures["markdown cells per code cell"] == 1
    # The formulas and what stands between backticks are no words.
    assert figures["words of prose"] == 28
    assert (figures["pictures"], figures["size in kB"]) == (1, 2)
    middle = {limit: sum(bounds) / 2 for limit, bounds in prose.LIMITS.items()}
    assert not list(prose.outside_limits(middle))
    for name, (_, high) in prose.LIMITS.items():
        (sentence,) = prose.outside_limits(middle | {name: high + 1})
        assert sentence.startswith(name)


def test_links_are_followed_to_files_headings_and_neighbours(tmp_path: Path) -> None:
    here, there = tmp_path / "00_a.ipynb", tmp_path / "01_b.ipynb"
    here.touch()
    there.touch()
    book = sound()
    others = {here.resolve(): book, there.resolve(): sound()}
    book.cells[0].source = "[a](01_b.ipynb#What-you-saw) [b](#A-claim) [c](https://x.org) `[d](e)`"
    assert not list(prose.dead_links(book, here, others))
    assert "01_b.ipynb" in next(prose.unlinked_neighbours(book, here, [here, there]))
    for bad, said in {
        "[a](02_c.ipynb)": "links to 02_c.ipynb",
        "[a](01_b.ipynb#Elsewhere)": "no such heading",
        "![a](gone.png)": "links to gone.png",
    }.items():
        book.cells[0].source = bad
        (sentence,) = prose.dead_links(book, here, others)
        assert said in sentence


def test_a_run_that_gives_something_else_is_noticed() -> None:
    assert not list(differences(sound(), sound()))
    for change in (outputs(PRINTS), outputs(PRINTS, picture()), outputs(DRAWS, picture(png=OTHER))):
        book = sound()
        change(book)
        assert len(list(differences(book, sound()))) == 1
