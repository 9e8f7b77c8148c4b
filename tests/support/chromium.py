"""The Chromium that the tests of pages share: where it is found, and one browser a module."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Path of the browser: `COURSE_CHROMIUM`, else the first of `NAMES` on PATH, else None."""
    return os.environ.get("COURSE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of Chromium; without one it skips, or fails if COURSE_REQUIRE_BROWSER=1 asks for it."""
    path = find_chromium()
    if path is None or shutil.which(path) is None:
        reason = f"no Chromium ({path or 'none of ' + ', '.join(NAMES) + ' on PATH'})"
        if os.environ.get("COURSE_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{reason}, but COURSE_REQUIRE_BROWSER=1 asks for one")
        pytest.skip(f"{reason}: install one or name it in COURSE_CHROMIUM")
    return path


# One browser a module, not a session: Playwright's synchronous interface keeps an event loop
# running in this thread while it is open, and tests elsewhere start kernels with a loop of theirs.
@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """A headless Chromium; it is closed after the last test of the module."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path)
        yield browser
        browser.close()
