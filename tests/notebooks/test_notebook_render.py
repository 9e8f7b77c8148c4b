"""Every notebook as a page without a kernel: what a reader sees who only opens the stored file."""

from pathlib import Path

import numpy as np
import pytest
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from playwright.sync_api import Browser

from course.show.picture import Picture, small_png
from tests.support.notebook_guards import alt_text, pictures
from tests.support.notebook_kit import IDS, NOTEBOOKS
from tools.notebooks import read

PAGE = "<!doctype html><html lang=en><meta charset=utf-8><title>A notebook</title><body>{}</body>"
# For each picture on the page: its alt text, and its width once it is decoded (0: it is broken).
LOOK = """async () => {
    const pictures = [...document.images];
    await Promise.allSettled(pictures.map(picture => picture.decode()));
    return pictures.map(picture => [picture.alt, picture.naturalWidth]);
}"""


def rendered(book: NotebookNode) -> str:
    """The notebook by nbconvert's basic template, with nothing but a page around it."""
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(book)
    return PAGE.format(body)


def seen(browser: Browser, page_text: str) -> tuple[list[tuple[str, int]], list[str]]:
    """Alt text and width of every picture of a page, and whatever it asked for or complained of."""
    trouble: list[str] = []
    context = browser.new_context()
    page = context.new_page()
    page.on("request", lambda request: _noted(request.url, trouble))
    page.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    context.route("**/*", lambda route: route.abort())
    page.set_content(page_text, wait_until="load")
    found = [(alt, width) for alt, width in page.evaluate(LOOK)]
    context.close()
    return found, trouble


def _noted(url: str, trouble: list[str]) -> None:
    if not url.startswith(("data:", "about:")):
        trouble.append(f"asked for {url}")


@pytest.mark.browser
@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_every_picture_is_there_without_a_kernel(path: Path, chromium: Browser) -> None:
    book = read(path)
    found, trouble = seen(chromium, rendered(book))
    assert trouble == []
    assert [alt for alt, _ in found] == [alt_text(output) for _, output in pictures(book)]
    assert all(width > 0 for _, width in found)


@pytest.mark.browser
def test_a_tap_shows_a_picture_at_its_own_width(chromium: Browser) -> None:
    """On a phone, without scripts; the page itself becomes no wider. A second tap takes it back."""
    alt = "Two bars of equal height."
    png = small_png(np.full((40, 1600, 4), 255, np.uint8))
    width = 390
    phone = {"width": width, "height": 800}
    context = chromium.new_context(
        viewport=phone, is_mobile=True, has_touch=True, java_script_enabled=False
    )
    page = context.new_page()
    head = "<meta name=viewport content='width=device-width'>"
    page.set_content(head + PAGE.format(Picture(png, alt, 800, 20).html()))
    picture = page.get_by_role("img", name=alt)
    widths = []
    for _ in range(3):
        box, whole = picture.bounding_box(), page.locator("html").bounding_box()
        assert box is not None
        assert whole is not None
        assert whole["width"] <= width
        widths.append(box["width"])
        picture.tap()
    assert widths[0] == widths[2] < width
    assert widths[1] == 800
    context.close()


@pytest.mark.browser
def test_a_page_that_asks_for_something_is_noticed(chromium: Browser) -> None:
    broken = "data:image/png;base64,AAAA"
    text = f"<img alt=a src='{broken}'><img alt=b src='https://example.org/b.png'>"
    found, trouble = seen(chromium, PAGE.format(text + "<script>nothing()</script>"))
    assert found == [("a", 0), ("b", 0)]
    assert any("asked for https://example.org/b.png" in said for said in trouble)
    assert any("nothing is not defined" in said for said in trouble)
