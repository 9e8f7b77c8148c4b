"""Every picture is readable and shown with words, whatever the settings of matplotlib."""

import ast
import base64
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib.axes import Axes
from PIL import Image

import course
from course.show import figures
from course.show.style import SMALL, STYLE
from tests.show import samples
from tests.show.legible import drawn_texts, overlaps

FOLDER = Path(course.__file__).parent


def test_nothing_of_the_course_imports_pyplot() -> None:
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [getattr(node, "module", None) or "", *(a.name for a in node.names)]
                assert not any("pyplot" in name or name == "pylab" for name in names), path
    code = """
import sys
from course.show import figures, live
ax = figures.bars(figures.new()[1], [0.5, 0.5], ["a", "b"])
figures.show(ax, alt="Two bars of equal height.")
sys.exit("matplotlib.pyplot" in sys.modules)
"""
    command = [sys.executable, "-W", "error", "-c", code]
    subprocess.run(command, check=True, cwd=FOLDER.parent, capture_output=True)


@pytest.mark.parametrize("sample", samples.ALL)
def test_a_picture_is_readable(sample: Callable[[], Axes]) -> None:
    """At 100 %: no small text, none cut off, none over another or a point."""
    figure = samples.figure_of(sample())
    boxes = drawn_texts(figure)
    assert len(boxes) > 4
    for text, box in boxes:
        said = text.get_text()
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, said
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, said
    assert list(overlaps(figure)) == []
    assert min(text.get_fontsize() for text, _ in boxes) >= SMALL


@pytest.mark.parametrize("sample", samples.ALL)
def test_helpers_leave_the_settings_of_matplotlib_alone(sample: Callable[[], Axes]) -> None:
    before = dict(matplotlib.rcParams)
    sample()
    assert dict(matplotlib.rcParams) == before


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What `figures.show` hands to the notebook: data and metadata."""
    outputs: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def display(data: dict[str, Any], *, metadata: dict[str, Any], raw: bool) -> None:
        assert raw
        outputs.append((data, metadata))

    monkeypatch.setattr(figures, "display", display)
    return outputs


@pytest.mark.parametrize("whole", [True, False])
def test_show_displays_once_with_words(shown: list[Any], whole: bool) -> None:
    ax = samples.one_belief()
    alt = "Rain is likeliest, then cloud, then sun."
    figures.show(samples.figure_of(ax) if whole else ax, alt=alt)
    ((data, metadata),) = shown
    assert data["text/plain"] == alt
    assert metadata == {"image/png": {"alt": alt, "width": 640, "height": 360}}
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.size == (1280, 720)
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert picture.info == {}  # nothing that changes with the version of a library


@pytest.mark.parametrize(
    "alt",
    ["", "   ", "a figure", "Bars.", None, 3, b"Two bars of one height.", ["a", "b", "c", "d"]],
)
def test_show_wants_a_description(shown: list[Any], alt: Any) -> None:
    with pytest.raises(ValueError, match="alt: expected a sentence"):
        figures.show(samples.one_belief(), alt=alt)
    assert shown == []


def test_show_wants_a_figure(shown: list[Any]) -> None:
    with pytest.raises(TypeError, match="figure: expected"):
        figures.show([1, 2], alt="These are numbers, not a picture.")
    assert shown == []


def test_new_gives_as_many_axes_as_asked_for() -> None:
    figure, axes = figures.new(2, 3, width=8.0, height=5.0, sharey=True)
    assert axes.shape == (2, 3)
    assert figure.get_size_inches().tolist() == [8.0, 5.0]
    assert figure.dpi == STYLE["figure.dpi"]


def test_a_figure_has_a_size() -> None:
    with pytest.raises(ValueError, match="height: expected inches, at least 1, got 0"):
        figures.new(height=0)
