"""Repainting what moved gives the picture that drawing everything gives."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course.show import figures
from course.show.blitting import BlitCanvas, encode
from course.show.drawing import styled
from tests.show.samples import SKIES

GRID = np.linspace(0, 1, 30)
# Blending still artists over moving ones rounds once more than drawing them there.
ROUNDING = 4


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"), dtype=int)


@styled
def drawn_whole(canvas: BlitCanvas) -> np.ndarray:
    """What Matplotlib draws when nothing is kept."""
    for artist in canvas.moving:
        artist.set_animated(False)
    whole = FigureCanvasAgg(canvas.figure)
    whole.draw()
    for artist in canvas.moving:
        artist.set_animated(True)
    return np.array(whole.buffer_rgba(), dtype=int)


def assert_right(canvas: BlitCanvas, png: bytes) -> None:
    assert np.abs(pixels(png) - drawn_whole(canvas)).max() <= ROUNDING


Moves = tuple[Figure, list[Any], Callable[[], object]]


def bars_under_a_line() -> Moves:
    figure, ax = figures.new()
    figures.bars(ax, [0.2, 0.3, 0.5], SKIES, top=1)
    figures.reference(ax, 0.4, "level")  # lies above the bars, though it stands still
    ax.grid(True)
    moving = [ax.patches, ax.texts[:3]]
    return figure, moving, lambda: figures.set_bars(ax, [0.9, 0.1, 0.0])


def between_others() -> Moves:
    figure, ax = figures.new()
    (line,) = ax.plot([0, 1], [0, 1], lw=20, zorder=2)
    ax.plot([0, 1], [1, 0], lw=20, zorder=3, alpha=0.5)
    (top,) = ax.plot([0, 1], [0.5, 0.5], lw=20, zorder=4)
    ax.axvspan(0.4, 0.6, color="red", zorder=1)
    ax.legend(handles=[line], labels=["line"], loc="center").set_zorder(9)
    return figure, [line, top], lambda: (line.set_ydata([1, 0.2]), top.set_ydata([0.2, 0.8]))


def area_and_title() -> Moves:
    figure, (left, right) = figures.new(columns=2)
    figures.curve(left, GRID, GRID**2, fill=True)
    figures.mark(right, 0.5, 0.5, "here")
    left.set_title("short")

    def move() -> None:
        left.collections[0].set_data(GRID, 0.5 * GRID, 0 * GRID)
        left.title.set_text("a longer title")
        figures.set_mark(right, 0.52, 0.48, "there")

    return figure, [left.collections, left.title, right.lines, right.texts], move


def two_scales() -> Moves:
    figure, ax = figures.new()
    other = ax.twinx()
    (first,), (second,) = ax.plot([0, 1], [0, 1]), other.plot([0, 1], [5, 6])
    return figure, [first, second], lambda: (first.set_ydata([1, 0]), second.set_ydata([6, 6]))


def arrows_errors_and_words() -> Moves:
    figure, ax = figures.new()
    arrows = ax.quiver([0, 1], [0, 1], [1, 1], [0, 1])
    errors = ax.errorbar([0, 1], [0, 1], [0.1, 0.1], color="red")
    words = figure.text(0.4, 0.5, "words")

    def move() -> None:
        arrows.set_UVC([0, 1], [1, -1])
        errors[0].set_ydata([0.5, 0.5])
        words.set_text("other words")

    return figure, [arrows, errors, words], move


@pytest.mark.parametrize(
    "make",
    [bars_under_a_line, between_others, area_and_title, two_scales, arrows_errors_and_words],
)
def test_a_move_repaints_what_a_whole_drawing_shows(make: Callable[[], Moves]) -> None:
    figure, moving, move = make()
    canvas = BlitCanvas(figure, moving)
    before = canvas.png()
    move()
    after = canvas.png()
    assert canvas.rebuilds == 1
    assert after != before
    assert_right(canvas, after)


STILL: dict[str, Callable[[Axes], object]] = {
    "limits": lambda ax: ax.set_xlim(0, 0.5),
    "title": lambda ax: ax.set_title("title"),
    "text of an axis label": lambda ax: ax.xaxis.label.set_text("label"),
    "ticks": lambda ax: ax.set_xticks([0, 1], ["none", "all"]),
    "legend": lambda ax: ax.get_legend().get_texts()[0].set_text("other"),
    "still line": lambda ax: ax.lines[1].set_ydata([0.3, 0.9]),
    "size": lambda ax: ax.figure.set_size_inches(5, 3),
    "new artist": lambda ax: ax.axhline(0.7),
    "look of a legend": lambda ax: ax.get_legend().get_frame().set(visible=True, facecolor="red"),
    "visibility": lambda ax: ax.set_visible(False),
    "autoscale": lambda ax: (ax.relim(), ax.autoscale(), ax.lines[0].set_ydata([-3, 3])),
}


@pytest.mark.parametrize("change", STILL)
def test_a_change_of_what_stands_still_draws_everything(change: str) -> None:
    figure, ax = figures.new()
    figures.curve(ax, [0, 1], [0, 1], name="moving")
    figures.curve(ax, [0, 1], [1, 0], name="still", role=figures.TRUTH)
    ax.text(0.5, 0.5, "text")
    ax.set_xlabel("x")
    figures.legend(ax)
    canvas = BlitCanvas(figure, [ax.lines[0]])
    canvas.png()
    before = canvas.png()
    assert canvas.rebuilds == 1
    STILL[change](ax)
    after = canvas.png()
    assert canvas.rebuilds == 2
    assert after != before
    assert np.array_equal(pixels(canvas.png()), pixels(after))
    assert canvas.rebuilds == 2
    assert_right(canvas, canvas.png())


def test_axes_do_not_jump_when_their_texts_change() -> None:
    figure, ax = figures.new()
    ax.set_title(" ")  # keeps room
    canvas = BlitCanvas(figure, [ax.title])
    canvas.png()
    place = ax.get_position().bounds
    ax.title.set_text("a title")
    ax.set_ylim(0, 25)  # narrower labels at its ticks
    canvas.png()
    assert canvas.rebuilds == 2
    assert ax.get_position().bounds == place


def test_a_fine_figure_appears_at_its_size_in_inches() -> None:
    figure, ax = figures.new(width=5, height=3)
    figure.set_dpi(200)
    canvas = BlitCanvas(figure, [ax.title])
    assert pixels(canvas.png()).shape[:2] == (600, 1000)


def test_encode_keeps_every_pixel() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 4), dtype=np.uint8)
    picture = Image.open(io.BytesIO(encode(noise)))
    assert picture.format == "PNG"
    assert np.array_equal(np.asarray(picture), noise[..., :3])


def test_artists_are_found_in_containers() -> None:
    figure, ax = figures.new()
    bars, errors = ax.bar([0, 1], [1, 2]), ax.errorbar([0, 1], [1, 2])
    canvas = BlitCanvas(figure, [bars, [errors, ax.title], ax.title])
    assert canvas.moving == [*bars, errors[0], ax.title]


@pytest.mark.parametrize("thing", ["line", 1, None, [3]])
def test_only_artists_can_move(thing: object) -> None:
    with pytest.raises(TypeError, match="moving: expected artists"):
        BlitCanvas(figures.new()[0], [thing])


@pytest.mark.parametrize(
    "choose",
    [
        lambda ax: figures.new()[1].title,  # of another figure
        lambda ax: ax.xaxis.label,  # drawn by the axis, whatever we do
        lambda ax: ax,
        lambda ax: ax.inset_axes([0, 0, 1, 1]).title,
    ],
)
def test_moving_artists_belong_to_the_axes(choose: Callable[[Axes], Artist]) -> None:
    figure, ax = figures.new()
    with pytest.raises(ValueError, match="moving: expected artists of this figure"):
        BlitCanvas(figure, [choose(ax)])


@pytest.mark.parametrize("remove", [lambda ax: ax.lines[0].remove(), lambda ax: ax.clear()])
def test_moving_artists_stay(remove: Callable[[Axes], object]) -> None:
    figure, ax = figures.new()
    canvas = BlitCanvas(figure, ax.plot([0, 1]))
    canvas.png()
    remove(ax)
    with pytest.raises(ValueError, match="moving: expected artists to stay"):
        canvas.png()


def test_figures_of_pyplot_are_refused() -> None:
    figure, ax = figures.new()
    FigureManagerBase(figure.canvas, 1)  # as pyplot makes one
    with pytest.raises(ValueError, match="figure: expected one made without pyplot"):
        BlitCanvas(figure, [ax.title])
