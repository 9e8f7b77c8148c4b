"""A notebook that nbconvert runs and exports shows its live pictures, without any network."""

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbconvert.nbconvertapp import NbConvertApp

from course.cli.saving import MARK, WIDGET_VIEW
from tools.notebooks import kernel_environment

DEMO = "from course.show.demos import entropy\nentropy.coin()"
# The same for Jupyter as a demo, without the time that a figure takes.
SHOWN = (
    "import ipywidgets\nbundle = ipywidgets.IntSlider()._repr_mimebundle_()\n"
    f"bundle[{WIDGET_VIEW!r}][{MARK!r}] = True\n"
    "display(bundle | {'image/png': 'AAAA'}, raw=True)"
)
QUESTION = "from course import practice\npractice.predict(practice.entropy.p1)"
OWN = "import ipywidgets\nipywidgets.IntSlider(description='mine')"
# A name space of its own has no network, not even a loopback that is up: kernels need that.
OFFLINE = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]


def offline() -> list[str]:
    """Words in front of a command that cut off its network, where this machine has such words."""
    if shutil.which("unshare") and shutil.which("ip"):
        done = subprocess.run([*OFFLINE, "true"], capture_output=True, check=False)
        if done.returncode == 0:
            return OFFLINE
    return []


def written(folder: Path, **books: list[str]) -> list[str]:
    """Write notebooks with these cells; the names of the files."""
    for name, sources in books.items():
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")
    return [f"{name}.ipynb" for name in books]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Notebooks that nbconvert ran, as pages: a demo, and what a reader's own widget is beside."""
    folder = tmp_path_factory.mktemp("pages")
    names = written(folder, course=[DEMO, QUESTION], reader=[SHOWN, OWN])
    options = ["--execute", "--to", "html", "--output-dir", "made"]
    done = subprocess.run(
        [*offline(), sys.executable, "-m", "nbconvert", *options, *names],
        cwd=folder,
        env=os.environ | kernel_environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("made/*.html")}


class Page(HTMLParser):
    """The pictures in the outputs of a page, and what the page asks for elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pictures: list[dict[str, str | None]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "img":
            self.pictures.append(found)
        if tag == "script":
            self.scripts.append(found.get("src") or found.get("type") or "")


def asked_for_widgets(text: str) -> list[str]:
    """Addresses from which the page would fetch what draws widgets."""
    return re.findall(r"https?://[^\s\"']*(?:unpkg|require|html-manager)[^\s\"']*", text)


@pytest.mark.slow
def test_an_exported_page_shows_the_picture_and_asks_nobody_for_widgets(
    pages: dict[str, str],
) -> None:
    text = pages["course"]
    page = Page(text)
    (picture,) = page.pictures
    assert str(picture["src"]).startswith("data:image/png;base64,")
    assert WIDGET_VIEW not in text
    assert "Predict:" in text
    assert asked_for_widgets(text) == []
    # MathJax, for the formulas of a page, is all that is left.
    assert [one for one in page.scripts if "://" in one and "mathjax" not in one.lower()] == []


@pytest.mark.slow
def test_widgets_of_the_readers_own_are_exported_as_before(pages: dict[str, str]) -> None:
    text = pages["reader"]
    assert len(Page(text).pictures) == 1
    assert text.count(f'type="{WIDGET_VIEW}"') >= 1
    assert asked_for_widgets(text)


@pytest.mark.slow
def test_a_notebook_that_nbconvert_ran_holds_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, shown=[SHOWN])
    monkeypatch.chdir(tmp_path)
    for name, value in kernel_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    # In this process; as the command, it must be the one application that the settings ask for.
    app = NbConvertApp.instance(log_level="ERROR")
    try:
        app.initialize(["--execute", "--to", "notebook", "--output-dir", "made", "shown.ipynb"])
        app.start()
    finally:
        NbConvertApp.clear_instance()
    made = json.loads((tmp_path / "made" / "shown.ipynb").read_text(encoding="utf-8"))
    (output,) = made["cells"][0]["outputs"]
    assert "image/png" in output["data"]
    assert WIDGET_VIEW not in output["data"]
    assert "widgets" not in made["metadata"]


def test_nbconvert_works_where_the_course_is_not_installed(tmp_path: Path) -> None:
    """Pythons that share a folder of settings are not bound to have the course."""
    settings = Path(sys.prefix, "etc", "jupyter", "jupyter_nbconvert_config.py")
    code = (
        "import sys; sys.modules['course'] = None\n"
        "from traitlets.config.loader import PyFileConfigLoader as Loader\n"
        "print(dict(Loader(sys.argv[1]).load_config()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(settings)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "course" not in done.stdout
