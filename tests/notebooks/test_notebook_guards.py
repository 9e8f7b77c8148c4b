"""Each rule for notebooks lets a sound notebook pass and refuses one that is broken in its way."""

from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.support import notebook_guards as guards
from tests.support import notebook_prose as prose
from tests.support.notebook_guards import GUARDS, Guard
from tests.support.notebook_kit import changed, differences
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


def output(kind: str, **content: object) -> NotebookNode:
    made: NotebookNode = new_output(kind, **content)
    return made


def picture(alt: str = ALT, png: str = PIXEL) -> NotebookNode:
    data = {"image/png": png, "text/plain": alt}
    return output("display_data", data=data, metadata={"image/png": {"alt": alt}})


def sound() -> NotebookNode:
    """A small notebook with nothing wrong; its cells are known by their places."""
    cells = [
        new_markdown_cell(TITLE),
        new_code_cell("from course.show import figures\nfrom course.show.demos import entropy"),
        new_markdown_cell("## A claim\n\nWith $p_{1}$ heads cost $$-\\log p$$ and `$` nothing."),
        new_code_cell("print('1 bit')", outputs=[output("stream", text="1 bit\n")]),
        new_code_cell("entropy.coin()", outputs=[picture()]),
        new_markdown_cell("### What you saw\n\nBoth bars are level."),
    ]
    book: NotebookNode = new_notebook(cells=cells)
    for count, (_, cell) in enumerate(guards.code_cells(book), start=1):
        cell.execution_count = count
    return book


Break = Callable[[NotebookNode], object]
PRINTS, DRAWS = 3, 4


def html(text: str) -> Break:
    made = output("display_data", data={"text/html": text, "text/plain": "x"})
    return lambda book: book.cells[PRINTS].outputs.append(made)


def stream(text: str, name: str = "stdout") -> Break:
    made = output("stream", text=text, name=name)
    return lambda book: book.cells[PRINTS].outputs.append(made)


def source(place: int, text: str) -> Break:
    return lambda book: book.cells[place].update(source=text)


def tag(place: int, *tags: str) -> Break:
    return lambda book: book.cells[place].metadata.update(tags=list(tags))


def outputs(place: int, *found: NotebookNode) -> Break:
    return lambda book: book.cells[place].update(outputs=list(found))


def ignored(times: int) -> Break:
    """As many cells that print and are not compared, after enough that are."""

    def change(book: NotebookNode) -> None:
        spoken = output("stream", text="1 bit\n")
        book.cells += [new_code_cell("print()", outputs=[spoken]) for _ in range(30)]
        for cell in book.cells[-times:]:
            cell.metadata.tags = ["nbval-ignore-output"]

    return change


error = output("error", ename="ValueError", evalue="p: expected", traceback=[])
view = output("display_data", data={WIDGET_VIEW: {"model_id": "a"}, "text/plain": "Slider()"})
BROKEN: list[tuple[Guard, Break, str]] = [
    (guards.ran_in_order, lambda b: b.cells[PRINTS].update(execution_count=None), "None"),
    (guards.ran_in_order, lambda b: b.cells[PRINTS].update(execution_count=3), "1, 3, 3"),
    (guards.shows_something, outputs(PRINTS), "calls print"),
    (guards.shows_something, lambda b: b.update(cells=b.cells[:3]), "no cell has an output"),
    (guards.no_errors, outputs(PRINTS, error), "ValueError"),
    (guards.no_errors, stream("No GPU found\n", "stderr"), "stderr: No GPU"),
    (guards.nothing_looks_away, tag(PRINTS, "nbval-skip"), "nbval-skip"),
    (guards.nothing_looks_away, tag(PRINTS, "raises-exception"), "raises-exception"),
    (guards.nothing_looks_away, tag(PRINTS, "skip-execution"), "skip-execution"),
    (guards.nothing_looks_away, source(PRINTS, "# NBVAL_SKIP\nprint('1 bit')"), "NBVAL_SKIP"),
    (guards.enough_compared, tag(PRINTS, "nbval-ignore-output"), "1 of 2"),
    (guards.enough_compared, ignored(4), "4 cells are tagged"),
    (guards.pictures_in_words, outputs(DRAWS, picture("")), "no full sentence"),
    (guards.pictures_in_words, outputs(DRAWS, picture("Two bars.")), "no full sentence"),
    (guards.pictures_in_words, outputs(DRAWS, picture(ALT[:-1])), "no full sentence"),
    (guards.pictures_in_words, outputs(DRAWS, picture(), picture()), "the same alt"),
    (
        guards.pictures_in_words,
        lambda b: b.cells[DRAWS].outputs[0].data.update({"text/plain": "<Figure>"}),
        "text/plain",
    ),
    (guards.said_below, lambda b: b.cells.pop(), "no text below"),
    (guards.said_below, lambda b: b.cells.insert(DRAWS + 1, new_code_cell("1")), "no text below"),
    (guards.drawn, outputs(DRAWS), "course.show.demos.entropy.coin"),
    (guards.drawn, source(PRINTS, "figures.show(figure, alt='x')"), "figures.show"),
    (guards.no_widget_state, outputs(PRINTS, view), "widget view"),
    (guards.no_widget_state, lambda b: b.metadata.update(widgets={}), "metadata.widgets"),
    (guards.no_trace_of_the_machine, stream("<Value at 0x7f3a5c0d11e0>"), "0x7f3a5c0d11e0"),
    (guards.no_trace_of_the_machine, stream("kept in /home/ada/notes.json"), "/home/"),
    (guards.no_trace_of_the_machine, html("<p>kept in /tmp/x/progress.json</p>"), "/tmp/"),
    (guards.loads_nothing, html('<img src="https://example.org/a.png">'), "loads something"),
    (guards.loads_nothing, html("<style>b{background:url(//example.org)}</style>"), "loads"),
    (guards.loads_nothing, html("<script>fetch('x')</script>"), "loads something"),
    (prose.titled, source(0, TITLE.replace("# ", "")), "title"),
    (prose.titled, source(0, TITLE.replace("will be able", "learn")), "you will be able to"),
    (prose.titled, source(0, TITLE.replace("minutes", "pages")), "minutes"),
    (prose.headed, source(5, "# Another title"), "2 headings"),
    (prose.headed, source(2, "Nothing"), "jumps from level 1 to 3"),
    (prose.one_import_cell, source(PRINTS, "import math\nprint(math.pi)"), "imports something"),
    (prose.one_import_cell, source(1, "x = 1"), "imports nothing"),
    (prose.balanced_maths, source(5, "It costs $5."), "without its partner"),
    (prose.balanced_maths, source(5, "One $a\n\nb$ two."), "without its partner"),
    (prose.balanced_maths, source(5, "One $$a two."), "without its partner"),
    (prose.balanced_maths, source(5, r"One $\frac{a}{b$ two."), "braces"),
    (prose.fetches_nothing, source(5, "![map](https://example.org/map.png)"), "from elsewhere"),
    (prose.fetches_nothing, source(5, "<iframe title='x'></iframe>"), "<iframe"),
    (prose.fetches_nothing, source(PRINTS, "%pip install jax"), "installs"),
    (prose.fetches_nothing, source(PRINTS, "!ls"), "installs"),
]


@pytest.mark.parametrize("guard", [*GUARDS, *PROSE_GUARDS], ids=lambda guard: guard.__name__)
def test_a_sound_notebook_passes(guard: Guard) -> None:
    assert list(guard(sound())) == []


@pytest.mark.parametrize(("guard", "change", "said"), BROKEN)
def test_a_broken_notebook_is_refused(guard: Guard, change: Break, said: str) -> None:
    book = sound()
    change(book)
    assert any(said in sentence for sentence in guard(book)), list(guard(book))


def test_every_guard_is_seen_to_refuse_something() -> None:
    assert {guard for guard, _, _ in BROKEN} == {*GUARDS, *PROSE_GUARDS}


@pytest.mark.parametrize("name", prose.LIMITS)
def test_a_figure_outside_its_limits_is_named(name: str) -> None:
    low, high = prose.LIMITS[name]
    middle = {limit: sum(bounds) / 2 for limit, bounds in prose.LIMITS.items()}
    assert not list(prose.outside_limits(middle))
    assert [s for s in prose.outside_limits(middle | {name: high + 1}) if s.startswith(name)]
    assert low == 0 or list(prose.outside_limits(middle | {name: low - 0.5}))


def test_the_figures_of_a_notebook_are_counted() -> None:
    figures = prose.shape(sound(), 2000)
    assert figures["cells"] == 6
    assert figures["markdown cells per code cell"] == 1
    assert figures["code cells in a row"] == 2
    assert figures["lines of the longest code cell"] == 2
    # The formulas and what stands between backticks are no words.
    assert figures["words of prose"] == 28
    assert figures["words of prose per line of code"] == 28 / 4
    assert (figures["pictures"], figures["size in kB"]) == (1, 2)
    assert (figures["exercises"], figures["predictions"]) == (0, 0)


def test_links_are_followed_to_files_and_headings(tmp_path: Path) -> None:
    here, there = tmp_path / "00_a.ipynb", tmp_path / "01_b.ipynb"
    here.touch()
    there.touch()
    (tmp_path / "code.py").touch()
    book = sound()
    others = {here.resolve(): book, there.resolve(): sound()}
    good = (
        "[a](01_b.ipynb) [b](01_b.ipynb#What-you-saw) [c](#A-claim) [d](code.py) "
        "[e](https://example.org/page) `[f](gone.py)`"
    )
    book.cells[0].source = good
    assert not list(prose.dead_links(book, here, others))
    for bad, said in {
        "[a](02_c.ipynb)": "links to 02_c.ipynb",
        "[a](01_b.ipynb#Elsewhere)": "no such heading",
        "[a](#Elsewhere)": "no such heading",
        "![a](gone.png)": "links to gone.png",
    }.items():
        book.cells[0].source = bad
        (sentence,) = prose.dead_links(book, here, others)
        assert said in sentence


def test_a_notebook_links_to_those_beside_it(tmp_path: Path) -> None:
    order = [tmp_path / name for name in ("00_a.ipynb", "01_b.ipynb", "02_c.ipynb")]
    book = new_notebook(cells=[new_markdown_cell("[back](00_a.ipynb)")])
    assert list(prose.unlinked_neighbours(book, order[0], order)) != []
    assert "02_c.ipynb" in next(prose.unlinked_neighbours(book, order[1], order))
    book.cells[0].source += " [on](02_c.ipynb)"
    assert not list(prose.unlinked_neighbours(book, order[1], order))


def test_a_run_that_gives_something_else_is_noticed() -> None:
    assert not list(differences(sound(), sound()))
    for change in (
        outputs(PRINTS),
        outputs(PRINTS, picture()),
        stream("warning", "stderr"),
        outputs(DRAWS, picture(png=OTHER)),
    ):
        book = sound()
        change(book)
        assert len(list(differences(book, sound()))) == 1


def test_pictures_are_compared_by_what_is_seen() -> None:
    assert changed(PIXEL, PIXEL) == 0
    assert changed(PIXEL, OTHER) == 1
