"""The helpers draw what they are given, in colours that can be told apart, and refuse nonsense."""

import ast
import base64
import copy
import io
import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

import course
from course.show import figures
from course.show.style import MUTED, ROLES, SMALL, STYLE
from tests.show import samples

FOLDER = Path(course.__file__).parent

# Machado, Oliveira and Fernandes (2009): what an eye without one kind of cone sees, in linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(colour: str) -> np.ndarray:
    """Linear RGB of an sRGB colour."""
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB, where a distance of about 2 is just visible."""
    t = XYZ @ np.clip(rgb, 0, 1) / XYZ.sum(axis=1)
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("colour", [*ROLES.values(), MUTED])
def test_colours_stand_out_from_white(colour: str) -> None:
    assert 1.05 / (XYZ[1] @ linear(colour) + 0.05) >= 3.0


@pytest.mark.parametrize("vision", VISION)
def test_roles_differ_for_every_eye(vision: str) -> None:
    seen = {name: lab(np.array(VISION[vision]) @ linear(role)) for name, role in ROLES.items()}
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 20, (one, other)


@pytest.mark.parametrize("sign", ["line", "marker", "hatch"])
def test_roles_differ_without_colour(sign: str) -> None:
    assert len({getattr(role, sign) for role in ROLES.values()}) == len(ROLES)


@pytest.mark.parametrize("name", ROLES)
def test_roles_survive_copying(name: str) -> None:
    copied = copy.deepcopy(ROLES[name])
    assert copied == ROLES[name]
    assert vars(copied) == vars(ROLES[name])


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
def test_a_picture_is_readable(sample: Callable[[], Axes], monkeypatch: pytest.MonkeyPatch) -> None:
    """At 100 %: no small text, none cut off, none over another."""
    drawn: list[Text] = []  # an axis also has texts that it does not draw, outside its limits
    draw_text = RendererAgg.draw_text

    def spy(*args: Any, mtext: Text, **kwargs: Any) -> None:
        drawn.append(mtext)
        draw_text(*args, mtext=mtext, **kwargs)

    monkeypatch.setattr(RendererAgg, "draw_text", spy)
    figure = samples.figure_of(sample())
    figure.canvas.draw()
    assert len(drawn) > 4
    boxes = [(text.get_text(), text.get_window_extent()) for text in drawn]
    for text, box in boxes:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, text
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        both = Bbox.intersection(first, second)
        # Boxes are a little larger than their letters.
        assert both is None or min(both.size) < 1.5, (one, other)
    assert min(text.get_fontsize() for text in drawn) >= SMALL


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
    assert picture.getpixel((0, 0))[:3] == (255, 255, 255)
    assert "Software" not in picture.info


@pytest.mark.parametrize("alt", ["", "   ", "a figure", "Bars."])
def test_show_wants_a_description(shown: list[Any], alt: str) -> None:
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


def heights(ax: Axes, group: int = 0) -> list[float]:
    return [bar.get_height() for bar in ax.containers[group]]


@pytest.mark.parametrize("p", [[0.2, 0.8], np.float32([0.2, 0.8]), jnp.array([0.2, 0.8])])
def test_bars_show_heights_and_values(p: Any) -> None:
    ax = figures.bars(figures.new()[1], p, ["no", "yes"], digits=1)
    assert heights(ax) == pytest.approx([0.2, 0.8])
    assert [text.get_text() for text in ax.texts] == ["0.2", "0.8"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["no", "yes"]


def test_bars_side_by_side_are_named_and_hatched() -> None:
    ax = samples.two_beliefs()
    assert heights(ax, 1) == pytest.approx(samples.P)
    assert ax.containers[0][0].get_x() < ax.containers[1][0].get_x()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["truth", "belief"]
    assert ax.patches[0].get_hatch() != ax.patches[-1].get_hatch()


def test_an_infinite_bar_is_highest_and_says_so() -> None:
    ax = samples.endless_cost()
    assert heights(ax, 1)[1:] == [max(heights(ax, 1))] * 2
    assert max(heights(ax, 0)) < heights(ax, 1)[1] < ax.get_ylim()[1]
    assert [text.get_text() for text in ax.texts[-2:]] == ["∞", "∞"]


def test_set_bars_moves_one_group_only() -> None:
    ax = samples.two_beliefs()
    before = heights(ax, 0)
    figures.set_bars(ax, [0.1, 0.2, 0.7], group=1)
    assert heights(ax, 0) == before
    assert heights(ax, 1) == [0.1, 0.2, 0.7]
    assert [text.get_text() for text in ax.texts[3:]] == ["0.10", "0.20", "0.70"]
    assert [text.xy[1] for text in ax.texts[3:]] == [0.1, 0.2, pytest.approx(0.65)]  # at the top


def test_curve_follows_its_role_and_leaves_gaps_at_infinity() -> None:
    ax = figures.curve(figures.new()[1], [0, 1, 2], [np.inf, 1, 0], role=figures.COST, name="cost")
    (line,) = ax.lines
    assert line.get_color() == figures.COST
    assert line.get_linestyle() == figures.COST.line
    assert line.get_ydata().tolist() == [np.inf, 1, 0]
    assert line.get_label() == "cost"


def test_set_mark_moves_point_and_text() -> None:
    ax = figures.new()[1]
    figures.mark(ax, 0, 0, "first")
    figures.mark(ax, 1, 1, "second")
    figures.set_mark(ax, 0.5, 0.25, "here", index=0)
    assert ax.lines[0].get_xydata().tolist() == [[0.5, 0.25]]
    assert (ax.texts[0].xy, ax.texts[0].get_text()) == ((0.5, 0.25), "here")
    assert ax.lines[1].get_xydata().tolist() == [[1, 1]]
    with pytest.raises(IndexError):
        figures.set_mark(figures.new()[1], 0, 0, "nothing was marked")


def test_band_holds_the_middle_of_the_runs() -> None:
    runs = np.arange(101.0)[:, None] * [1.0, 2.0]
    ax = figures.band(figures.new()[1], [0, 1], runs, coverage=0.8)
    assert ax.lines[0].get_ydata().tolist() == [50.0, 100.0]
    area = ax.collections[0].get_paths()[0].get_extents()
    assert (area.y0, area.y1) == (pytest.approx(10.0), pytest.approx(180.0))


def test_timeline_writes_events_above_the_data() -> None:
    ax = samples.weeks()
    samples.figure_of(ax).canvas.draw()
    assert [text.get_text() for text in ax.texts] == ["tactics change", "retrained"]
    highest = ax.transData.transform((0, ax.lines[0].get_ydata().max()))[1]
    assert all(text.get_window_extent().y0 > highest for text in ax.texts)
    assert {line.get_xdata()[0] for line in ax.lines[1:3]} == {12.5, 20.5}


def test_stacked_bars_add_up() -> None:
    ax = samples.totals()
    lower, upper = ax.containers[:2]
    for below, above, total in zip(lower, upper, [1.16, 1.64, 2.34], strict=True):
        assert above.get_y() == pytest.approx(below.get_height())
        assert above.get_y() + above.get_height() == pytest.approx(total)
    said = [text.get_text() for text in ax.texts]
    assert said[-3:] == ["1.16", "1.64", "2.34"]
    assert "0.02" not in said


def test_the_triangle_has_equal_sides_and_its_middle_in_the_middle() -> None:
    corners = figures.to_plane(np.eye(3))
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    assert sides == pytest.approx(np.ones(3))
    assert figures.to_plane([1 / 3] * 3) == pytest.approx(corners.mean(axis=0))


def test_grid_holds_the_distribution_of_every_pixel() -> None:
    p = figures.grid(101)
    assert p.shape[2] == 3
    assert p.sum(axis=-1) == pytest.approx(np.ones(p.shape[:2]))
    assert p.min() >= 0
    assert p[0, 0].tolist() == [1, 0, 0]
    assert p[0, -1].tolist() == [0, 1, 0]
    assert p[-1, 50] == pytest.approx([0, 0, 1])
    inside = p[30, 50]
    height = 30 / (len(p) - 1) * np.sqrt(3) / 2
    assert figures.to_plane(inside) == pytest.approx([0.5, height])


def test_heat_colours_the_triangle_and_nothing_else() -> None:
    ax = figures.simplex(figures.new()[1], samples.SKIES)
    values = np.where(figures.grid()[..., 0] > 0, 1.0, np.inf)
    figures.heat(ax, values, label="nothing", low=0.0, high=1.0)
    figure = samples.figure_of(ax)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())

    def seen(x: float, y: float) -> list[int]:
        column, row = ax.transData.transform((x, y))
        return pixels[len(pixels) - int(row), int(column), :3].tolist()

    darkest = [255 * part for part in matplotlib.colormaps["cividis_r"](1.0)[:3]]
    assert seen(0.5, 0.3) == pytest.approx(darkest, abs=1.5)
    assert seen(0.05, 0.5) == [255, 255, 255]
    assert ax.images[0].get_array().max() == 1.0  # where the value was infinite


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ax: figures.bars(ax, [], []), "p: expected"),
        (lambda ax: figures.bars(ax, [[[1.0]]], ["a"]), "p: expected"),
        (
            lambda ax: figures.bars(ax, [0.5, np.nan], ["a", "b"]),
            "p: expected values of at least 0, got nan",
        ),
        (lambda ax: figures.bars(ax, [0.5, -0.5], ["a", "b"]), "p: expected values of at least 0"),
        (lambda ax: figures.bars(ax, [0.5, 0.5], ["a"]), "labels: expected 2"),
        (lambda ax: figures.bars(ax, np.eye(2), ["a", "b"], names=["x"]), "names: expected 2"),
        (
            lambda ax: figures.bars(ax, np.eye(2), ["a", "b"], role=[figures.DATA]),
            "role: expected 2",
        ),
        (
            lambda ax: figures.set_bars(figures.bars(ax, [1.0], ["a"]), [0.5, 0.5]),
            "p: expected 1",
        ),
        (lambda ax: figures.curve(ax, [0, 1], [0, 1, 2]), r"y: expected shape \(2,\)"),
        (lambda ax: figures.curve(ax, [0, np.inf], [0, 1]), "x: expected finite"),
        (lambda ax: figures.reference(ax, 1.0, "line", axis="z"), "axis: expected 'x' or 'y'"),
        (lambda ax: figures.band(ax, [0, 1], [[1, 2, 3]]), r"samples: expected shape \(1, 2\)"),
        (lambda ax: figures.band(ax, [0], [[1]], coverage=1.5), "coverage: expected"),
        (lambda ax: figures.timeline(ax, [0, 1], [[[1.0]]]), "samples: expected shape"),
        (lambda ax: figures.mark(ax, np.nan, 0, "x"), "x: expected a finite number"),
        (
            lambda ax: figures.set_mark(figures.mark(ax, 0, 0, "a"), 0, np.inf, "a"),
            "y: expected a fin",
        ),
        (lambda ax: figures.bars(ax, [1.0], ["a"], top=-1), "top: expected"),
        (lambda _: figures.new(height=0), "height: expected"),
        (
            lambda ax: figures.stacked(ax, [[-1]], ["a"], names=["x"]),
            "parts: expected finite values of at",
        ),
        (lambda ax: figures.stacked(ax, [[1]], ["a"], names=["x"]), "role: expected 1"),
        (lambda ax: figures.stacked(ax, [[1], [1]], ["a"], names=["x"]), "names: expected 2"),
        (lambda ax: figures.stacked(ax, [[1], [1]], [], names=["x", "y"]), "labels: expected 1"),
        (lambda ax: figures.simplex(ax, ["a", "b"]), "labels: expected 3"),
        (lambda ax: figures.heat(ax, [1.0], label="x"), "values: expected shape"),
        (lambda ax: figures.heat(ax, [[np.inf]], label="x"), "values: expected some finite"),
        (
            lambda ax: figures.heat(ax, [[1]], label="x", low=2, high=1),
            "high: expected a number of at",
        ),
        (lambda _: figures.to_plane([0.5, 0.5]), r"p: expected shape \(3,\)"),
        (lambda _: figures.to_plane([0.5, 0.6, -0.1]), "p: expected probabilities"),
        (lambda _: figures.to_plane([0.5, 0.5, 0.5]), "p: expected probabilities"),
        (lambda _: figures.grid(1), "resolution: expected an integer of at least 2"),
    ],
)
def test_bad_values_are_named(call: Callable[[Axes], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(figures.new()[1])


@pytest.mark.parametrize("p", [["a", "b"], [True, False], [None, 1.0], [1j, 2.0]])
def test_bad_types_are_named(p: Any) -> None:
    with pytest.raises(TypeError, match="p: expected numbers"):
        figures.bars(figures.new()[1], p, ["a", "b"])
