"""Every notebook in JupyterLab, in a real browser, used as a reader would use it.

`course lab` serves copies of the notebooks. For each of them one page is opened, everything is run,
and then the tests below go on in that page, from the first to the last. What there is to use is
found in the notebook and in the page.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, ViewportSize, expect

from course.practice.exercise import Exercise
from course.practice.exercises import load
from tests.browser.controls import alt_text, operate
from tests.support.notebook_exercises import called, checks, filled
from tests.support.notebook_guards import alt_text as stored_alt_text
from tests.support.notebook_guards import pictures
from tests.support.notebook_kit import IDS, NOTEBOOKS, topic
from tools.lab import LONGEST_STEP, NO_WIDGET, POLL, Lab, OpenNotebook, serving

pytestmark = pytest.mark.browser
expect.set_options(timeout=LONGEST_STEP)
WINDOW: ViewportSize = {"width": 1280, "height": 900}
FINE = """demo => {
    const picture = demo.querySelector('img');
    return picture?.naturalWidth === 2 * Number(picture?.getAttribute('width'));
}"""
MEAN = re.compile(r"Your mean over \d+: \S+ bits?")


@pytest.fixture(scope="module")
def lab(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with serving(NOTEBOOKS, tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """One window of the browser, so that it loads JupyterLab's own files once."""
    window = chromium.new_context(viewport=WINDOW)
    yield window
    window.close()


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=IDS)
def notebook(
    request: pytest.FixtureRequest, context: BrowserContext, lab: Lab
) -> Iterator[OpenNotebook]:
    """A notebook in a page, with every cell run."""
    opened = OpenNotebook(context, lab, request.param.name)
    try:
        opened.open()
        opened.run_all()
    except Exception as error:
        error.add_note(opened.save_evidence("opening"))
        raise
    yield opened
    opened.page.close()


def demos(notebook: OpenNotebook) -> Locator:
    """The live figures: the widgets with a picture."""
    return notebook.widgets.filter(has=notebook.page.locator("img"))


def questions(notebook: OpenNotebook) -> Locator:
    """The predictions: the widgets without one."""
    return notebook.widgets.filter(has_not=notebook.page.locator("img"))


def test_every_cell_runs(notebook: OpenNotebook) -> None:
    assert notebook.complaints == []
    assert notebook.prompts == [f"[{i + 1}]:" for i in range(len(notebook.prompts))]


def test_every_picture_and_every_widget_appears(notebook: OpenNotebook) -> None:
    stored = [stored_alt_text(output) for _, output in pictures(notebook.book)]
    asked = [function for _, function, _ in called(notebook.book) if function == "practice.predict"]
    expect(questions(notebook)).to_have_count(len(asked))
    expect(notebook.page.get_by_text(NO_WIDGET)).to_have_count(0)
    assert len(notebook.pictures) == len(stored)
    assert all(width > 0 for _, width in notebook.pictures)
    assert {alt_text(demo) for demo in demos(notebook).all()} <= set(stored)


def test_nothing_pops_up(notebook: OpenNotebook) -> None:
    assert notebook.page.locator(".jp-toast, .Toastify__toast, .jp-Dialog").all_inner_texts() == []


def test_every_control_changes_the_picture(notebook: OpenNotebook) -> None:
    for demo in demos(notebook).all():
        assert operate(demo), f"nothing to operate: {alt_text(demo)}"
        # At rest, two pixels along each edge for every one of the page.
        notebook.page.wait_for_function(FINE, arg=demo.element_handle(), polling=POLL)


def test_an_exercise_says_what_is_wrong_and_what_is_right(notebook: OpenNotebook) -> None:
    (name, check), *_ = checks(notebook.book)
    assert check.blank is not None
    exercise: Exercise = getattr(load(topic(Path(notebook.name))), name.partition(".")[2])
    mistake = exercise.mistakes[0]
    blank = notebook.book.cells[check.blank].source
    verdict = notebook.cell(check.place).locator(".jp-OutputArea-output")
    expect(verdict).to_contain_text("Not attempted")

    notebook.write(check.blank, f"{check.answer} = practice.{name}.mistakes[0].wrong")
    notebook.run(check.blank)
    notebook.run(check.place)
    expect(verdict).to_contain_text("Not yet")
    expect(verdict).to_contain_text(mistake.message.replace("`", ""))

    notebook.write(check.blank, filled(blank, check.answer, exercise.solution_code()))
    notebook.run(check.blank)
    notebook.run(check.place)
    expect(verdict).to_contain_text("Correct")
    expect(verdict).to_contain_text(exercise.praise.replace("`", ""))


def test_a_prediction_is_locked_in_and_revealed(notebook: OpenNotebook) -> None:
    question = questions(notebook).first
    lock = question.get_by_role("button")
    lock.press("Enter")
    expect(question).to_contain_text("Choose an answer first.")

    option = question.locator(".widget-radio-box label").last
    option.locator("input").press("Space")
    slider = question.get_by_role("slider")
    # One key: while one value is on its way the page keeps the next ones back, and the button,
    # which does not wait, would overtake them.
    slider.press("PageUp")
    expect(slider).not_to_have_attribute("aria-valuetext", "50")
    sure = slider.get_attribute("aria-valuetext")
    lock.press("Enter")
    said = f"“{option.inner_text().strip()}”, {sure} % sure."
    expect(question).to_contain_text(f"You say {said}")
    expect(question).to_contain_text("to being right")
    expect(question).to_contain_text(MEAN)
    expect(lock).to_be_disabled()

    place = next(i for i, function, _ in called(notebook.book) if function == "practice.predict")
    notebook.run(place)
    expect(notebook.cell(place)).to_contain_text(f"You said {said}")


def test_the_page_had_nothing_to_complain_of(notebook: OpenNotebook) -> None:
    assert notebook.trouble == []


# The last one: the page is loaded anew and its kernel shut down.
def test_every_picture_is_there_without_a_kernel(notebook: OpenNotebook) -> None:
    notebook.save()
    notebook.reload()
    notebook.shut_kernel_down()
    expect(notebook.page.get_by_text(NO_WIDGET)).to_have_count(0)
    expect(notebook.widgets).to_have_count(0)
    assert len(notebook.pictures) == len(pictures(notebook.book))
    assert all(width > 0 for _, width in notebook.pictures)
