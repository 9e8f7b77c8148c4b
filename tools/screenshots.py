"""Take pictures of the notebooks in JupyterLab, to be looked at after a change of what they show.

    .venv/bin/python tools/screenshots.py FOLDER                every notebook
    .venv/bin/python tools/screenshots.py FOLDER --only 02      those whose name begins so
    .venv/bin/python tools/screenshots.py --demo                docs/forecast_demo.png

Each notebook is run from top to bottom, then shown at 1280 and 1920 pixels, in the light and in the
dark theme, and photographed window by window: 02_entropy-1280-dark-03.png is the third of them.
The picture of the demo is the one in the README.
"""

import argparse
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import BrowserContext, FloatRect, Page, sync_playwright

from tests.support.chromium import find_chromium
from tools.lab import Lab, OpenNotebook, serving
from tools.notebooks import courses_own

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = courses_own(ROOT / "notebooks")
WIDTHS = (1280, 1920)
HEIGHT = 1900
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
DEMO = ROOT / "docs" / "forecast_demo.png"
DEMO_NOTEBOOK = "01_distributions.ipynb"
MARGIN = 12
# A forecast near the truth: how many steps of a key each score is moved, and how long a step is.
DEMO_STEP = 0.1
DEMO_STEPS = {"sun": -12, "cloud": 5, "rain": 12}
# Every cell is laid out at once; else the notebook grows while it is scrolled.
SETTINGS = {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "scrollPastEnd": False}
}
SCROLLED = ".jp-NotebookPanel-notebook .jp-WindowedPanel-outer"


@contextmanager
def session() -> Iterator[tuple[BrowserContext, Lab]]:
    """A window of a browser, and JupyterLab with copies of all notebooks."""
    path = find_chromium()
    if path is None:
        raise SystemExit("There is no Chromium: install one or name it in COURSE_CHROMIUM.")
    with (
        tempfile.TemporaryDirectory(prefix="screenshots-") as private,
        serving(NOTEBOOKS, Path(private), SETTINGS) as lab,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path)
        yield browser.new_context(viewport={"width": WIDTHS[0], "height": HEIGHT}), lab
        browser.close()


def opened(context: BrowserContext, lab: Lab, name: str) -> OpenNotebook:
    """A notebook with every cell run."""
    notebook = OpenNotebook(context, lab, name)
    notebook.open()
    notebook.run_all()
    return notebook


def photograph(notebook: OpenNotebook, folder: Path) -> int:
    """Take all pictures of one notebook; how many."""
    page, taken = notebook.page, 0
    for theme, item in THEMES.items():
        notebook.choose("Settings", "Theme", item)
        page.locator(f"body[data-jp-theme-name='{item}']").wait_for(state="attached")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            for number, _ in enumerate(windows(page), 1):
                name = f"{Path(notebook.name).stem}-{width}-{theme}-{number:02}.png"
                page.screenshot(path=folder / name, animations="disabled")
                taken += 1
    return taken


def windows(page: Page) -> Iterator[int]:
    """Scroll the notebook from top to bottom, a window at a time; yields where it stands."""
    panel = page.locator(SCROLLED)
    top, at = 0, -1
    while True:
        now = int(panel.evaluate("(panel, top) => (panel.scrollTop = top, panel.scrollTop)", top))
        if now == at:
            return
        yield now
        at = now
        top = now + int(panel.evaluate("panel => panel.clientHeight")) - 100


def photograph_demo(notebook: OpenNotebook, path: Path) -> None:
    """Move the sliders of the first demo, show the truth, and store a picture of it."""
    demo = notebook.widgets.filter(has=notebook.page.locator("img")).first
    for name, steps in DEMO_STEPS.items():
        slider = demo.locator(".widget-slider", has_text=name).get_by_role("slider")
        for _ in range(abs(steps)):
            slider.press("ArrowRight" if steps > 0 else "ArrowLeft")
    demo.get_by_role("checkbox").check()
    demo.locator(f"img[alt*='{forecast_in_words()}'][alt*='expected cost']").wait_for()
    box, picture = demo.bounding_box(), demo.locator("img").bounding_box()
    assert box is not None
    assert picture is not None
    path.parent.mkdir(exist_ok=True)
    clip: FloatRect = {**box, "width": picture["width"]}
    notebook.page.screenshot(path=path, clip=clip, animations="disabled")
    with Image.open(path) as image:
        ImageOps.expand(image.convert("RGB"), MARGIN, "white").save(path, optimize=True)


def forecast_in_words() -> str:
    """The forecast that the sliders set, as the alt text of the demo says it."""
    weights = {sky: math.exp(steps * DEMO_STEP) for sky, steps in DEMO_STEPS.items()}
    total = sum(weights.values())
    return ", ".join(f"{sky} {weight / total:.2f}" for sky, weight in weights.items())


def main(arguments: list[str] | None = None) -> int:
    """Entry point; the exit status is 2 for wrong usage."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="where the pictures go")
    parser.add_argument("--only", default="", metavar="NN", help="notebooks that begin so")
    parser.add_argument("--demo", action="store_true", help=f"take {DEMO.relative_to(ROOT)}")
    options = parser.parse_args(arguments)
    if not options.folder and not options.demo:
        parser.error("name a folder, or ask for --demo")
    with session() as (context, lab):
        if options.demo:
            photograph_demo(opened(context, lab, DEMO_NOTEBOOK), DEMO)
            print(f"{DEMO}: {DEMO.stat().st_size / 1000:.0f} kB")
        if options.folder:
            options.folder.mkdir(parents=True, exist_ok=True)
            for path in NOTEBOOKS:
                if path.name.startswith(options.only):
                    notebook = opened(context, lab, path.name)
                    print(f"{path.name}: {photograph(notebook, options.folder)} pictures")
                    notebook.page.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
