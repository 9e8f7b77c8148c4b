"""Redraw of a figure in milliseconds: what stands still is drawn once, what moves at every step.

Drawing a whole figure lays out ticks, labels and legends again although nobody touched them.
`BlitCanvas` keeps their pixels and draws only the moving artists, as matplotlib's blitting does.
Still artists above a moving one (the spines over a bar, a legend over a curve) stay above it.
(Where axes overlap each other, one is painted wholly before the next.)
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple, no_type_check

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.container import Container
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from course.checks import refusal
from course.show.drawing import styled
from course.show.picture import fine_pixels


class Overlay(NamedTuple):
    """Pixels of still artists above a moving one, drawn over it like an artist."""

    left: int
    bottom: int
    """Corner in the picture, in pixels."""
    pixels: NDArray[np.uint8]
    """Red, green, blue and opacity; shape (height, width, 4), the lowest row first."""

    def draw(self, renderer: RendererAgg) -> None:
        """Blend the pixels over the picture."""
        renderer.draw_image(renderer.new_gc(), *self)


class BlitCanvas:
    """PNG of a figure, again and again, with only its moving artists drawn anew.

    Matplotlib marks a figure as stale when anything changes in it that is not animated. Moving
    artists are marked animated, so a stale figure means that something changed which should stand
    still (limits, ticks, a title, a legend): then all is drawn afresh, slower and just as right.

    The layout is fitted by the first picture and then kept, or axes would jump at every step; it
    is fitted again only when something that stands still would otherwise be cut off.

    Args:
        figure: made without pyplot.
        moving: artists of the figure's axes, or of the figure, or containers of artists.
    """

    def __init__(self, figure: Figure, moving: Iterable[object]) -> None:
        if figure.canvas.manager is not None:
            raise refusal("figure", "one made without pyplot", "one of pyplot's")
        self.figure = figure
        self.moving = list(dict.fromkeys(_flatten(moving)))
        self.rebuilds = 0  # how often everything was drawn
        self._ground: Any = None  # pixels of what lies below the moving; none while they are drawn
        self._canvas = FigureCanvasAgg(figure)
        self._layout = figure.get_layout_engine()
        for artist in self.moving:
            owner = artist.axes if artist.axes in figure.axes else figure
            if artist not in owner.get_children():
                raise refusal("moving", "artists of this figure", repr(artist))
            artist.set_animated(True)

    @styled
    def png(self) -> bytes:
        """Return the picture of the figure as it is now."""
        for artist in self.moving:
            if artist.get_figure() is None:
                raise refusal("moving", "artists to stay in the figure", f"{artist!r} removed")
        for axes in self.figure.axes:
            axes.get_xlim()  # carries out an autoscale that still waits, which makes them stale
        if self.figure.stale or self._ground is None:
            self._build()
        self._canvas.restore_region(self._ground)
        for artist_or_overlay in self._order:
            artist_or_overlay.draw(self._canvas.get_renderer())
        return encode(np.asarray(self._canvas.buffer_rgba()))

    @styled
    def fine_pixels(self) -> NDArray[np.uint8]:
        """Return the pixels of the last picture, twice as fine, as `picture.fine_pixels` does.

        All is drawn for it, which takes several times as long as a picture does.
        """
        for artist in self.moving:
            artist.set_animated(False)
        try:
            pixels = fine_pixels(self.figure)
        except BaseException:
            self.forget()
            raise
        finally:
            for artist in self.moving:
                artist.set_animated(True)
        self.figure.stale = False  # nothing that stands still has changed since the last picture
        return pixels

    def forget(self) -> None:
        """Draw everything next time: some artist may have changed and not said so."""
        self._ground = None

    def _build(self) -> None:
        """Draw what stands still, and put the rest into painting order."""
        # A figure that fails to be drawn counts as drawn for matplotlib: not so here.
        self.forget()
        # A figure does not notice by itself that the text of an axis or a legend changes.
        for text in self.figure.findobj(Text):
            if text.stale_callback is None:
                text.stale_callback = _mark_figure

        groups = [
            group
            for axes in sorted(self.figure.axes, key=attrgetter("zorder"))
            for group in self._groups(axes)
        ]
        # Animated artists are left out: the still ones above a moving one come as an overlay.
        above = [artist for moves, group in groups for artist in group if not moves]
        for artist in above:
            artist.set_animated(True)
        try:
            self._canvas.draw()
            if self._layout and self._cut_off():
                self.figure.set_layout_engine(self._layout)
                self._canvas.draw()
        finally:
            for artist in above:
                artist.set_animated(False)
        self.figure.set_layout_engine("none")

        ground = self._canvas.copy_from_bbox(self.figure.bbox)
        self._order: list[Artist | Overlay] = []
        for moves, group in groups:
            self._order += group if moves else self._overlay(group)
        self._order += [artist for artist in self.moving if artist.axes is None]
        self.figure.stale = False
        self._ground = ground
        self.rebuilds += 1

    def _cut_off(self) -> bool:
        """Return whether anything lies outside the picture, by more than a pixel's rounding."""
        inside, used = self.figure.bbox_inches.padded(0.02), self.figure.get_tightbbox()
        return not (inside.contains(*used.min) and inside.contains(*used.max))

    def _groups(self, axes: Axes) -> list[tuple[bool, list[Artist]]]:
        """Return groups of moving and of still artists, from the lowest moving one of `axes` up."""
        if not axes.get_visible():
            return []
        # As `Axes.draw` has it.
        hidden: set[Artist] = {axes.patch}
        if not (axes.axison and axes.get_frame_on()):
            hidden.update(axes.spines.values())
        if not axes.axison:
            hidden.update((axes.xaxis, axes.yaxis))
        shown = [artist for artist in axes.get_children() if artist not in hidden]
        shown.sort(key=attrgetter("zorder"))
        moving = set(self.moving)
        groups = [(moves, list(group)) for moves, group in groupby(shown, moving.__contains__)]
        return groups if not groups or groups[0][0] else groups[1:]

    def _overlay(self, artists: list[Artist]) -> list[Overlay]:
        """Return the pixels of still artists; none where there is nothing to see."""
        width, height = self._canvas.get_width_height(physical=True)
        renderer = RendererAgg(width, height, self.figure.dpi)
        for artist in artists:
            artist.draw(renderer)
        pixels = np.asarray(renderer.buffer_rgba())[::-1]
        rows, columns = np.nonzero(pixels[..., 3])
        if not len(rows):
            return []
        part = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        return [Overlay(int(columns.min()), int(rows.min()), pixels[part])]


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """Return a picture as PNG, at the lowest compression that is one: the reader waits for it.

    Args:
        pixels: red, green, blue, opacity; shape (height, width, 4). The opacity is left out, since
            a figure's ground has no holes and three channels are written a fifth faster than four.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(file, "png", compress_level=1)
    return file.getvalue()


def _flatten(artists: Iterable[object]) -> Iterator[Artist]:
    """Yield the artists in nested sequences, such as the bars in what `Axes.bar` returns."""
    for item in artists:
        if isinstance(item, Artist):
            yield item
        elif isinstance(item, Container):  # without the parts of error bars that are None
            yield from item.get_children()
        elif isinstance(item, Sequence) and not isinstance(item, str):
            yield from _flatten(item)
        else:
            raise refusal("moving", "artists", repr(item), TypeError)


@no_type_check  # ten thousand times a picture
def _mark_figure(text: Artist, stale: bool) -> None:
    """Mark the figure of a text that has changed as stale."""
    figure = text.get_figure(root=True)
    if stale and figure is not None:
        figure.stale = True
