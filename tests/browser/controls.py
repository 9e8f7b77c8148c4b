"""Operating the controls of a demo as a reader does, one after the other, whatever they are."""

from collections.abc import Callable
from functools import partial

from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as NothingHappenedError

from tools.lab import LONGEST_STEP, POLL

# What the reader can touch, by kind; everything in a demo must be one of these.
KINDS = {
    "slider": "[role=slider]",
    "checkbox": "input[type=checkbox]",
    "radio button": "input[type=radio]",
    "list": "select",
    "toggle": ".widget-toggle-button",
    "button": ".widget-button",
}
ANY = "[role=slider], input, select, textarea, button, .widget-play"
# Of several toggles one is always down, and pressing that one changes nothing.
CHOSEN = "one => one.closest('.widget-toggle-buttons') && one.classList.contains('mod-active')"
# Picture and words are new, or an error is there instead.
CHANGED = """([demo, alt, source]) => {
    const picture = demo.querySelector('.widget-html img');
    return (picture.alt !== alt && picture.src !== source)
        || demo.querySelector('[role=alert]') !== null;
}"""


def alt_text(demo: Locator) -> str:
    """What the picture of a demo shows now, in words."""
    return demo.locator(".widget-html img").get_attribute("alt") or ""


def operate(demo: Locator) -> list[str]:
    """Use every control once, or to each of its values; each time the picture must change.

    Returns:
        What was done, one entry for each change.

    Raises:
        AssertionError: the picture or its alt text stayed, an error came instead, or there is a
            control of an unknown kind.
    """
    found = {kind: demo.locator(selector) for kind, selector in KINDS.items()}
    known = sum(controls.count() for controls in found.values())
    assert demo.locator(ANY).count() == known, "there is a control that nobody knows how to use"
    done: list[str] = []

    def change(what: str, act: Callable[[], object]) -> None:
        _change(demo, what, act)
        done.append(what)

    for slider in found["slider"].all():
        change(f"{_label(slider)} moved by a key", partial(_step, slider))
    for box in found["checkbox"].all():
        change("checkbox", partial(box.press, "Space"))
    for radio in found["radio button"].all():
        if not radio.is_checked():
            change("radio button", radio.check)
    for choice in found["list"].all():
        chosen = int(choice.evaluate("list => list.selectedIndex"))
        for i in range(choice.locator("option").count()):
            if i != chosen:
                change(f"option {i}", partial(choice.select_option, index=i))
    for toggle in found["toggle"].all():
        if not toggle.evaluate(CHOSEN):
            change(f"toggle {toggle.inner_text()}", toggle.click)
    for button in found["button"].all():
        change(f"button {button.inner_text()}", button.click)
    return done


def _step(slider: Locator) -> None:
    """One step with an arrow key, away from the end where the slider may stand."""
    at_end = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
    slider.press("ArrowLeft" if at_end else "ArrowRight")


def _label(slider: Locator) -> str:
    box = slider.locator("xpath=ancestor::*[contains(@class, 'widget-slider')]")
    return box.locator(".widget-label").inner_text()


def _change(demo: Locator, what: str, act: Callable[[], object]) -> None:
    source = demo.locator(".widget-html img").get_attribute("src")
    before = [demo.element_handle(), alt_text(demo), source]
    act()
    try:
        demo.page.wait_for_function(CHANGED, arg=before, timeout=LONGEST_STEP, polling=POLL)
    except NothingHappenedError:
        raise AssertionError(f"{what}: picture or alt text stayed: {before[1]}") from None
    assert not demo.locator("[role=alert]").all_inner_texts(), what
