"""A figure cut into what stands still and what moves, so that a new picture costs milliseconds.

Drawing a whole figure lays out ticks, labels and legends again although nobody touched them.
`BlitCanvas` draws them once, keeps the pixels, and afterwards paints only the moving artists. The
picture is the one that matplotlib itself would draw: what lies above a moving one stays above it.
(Where axes overlap each other, one is painted wholly before the next.)
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from course.show.style import PIXELS_PER_INCH, styled


def flatten(artists: Iterable[object]) -> Iterator[Artist]:
    """Yields the artists in nested sequences, such as the bars in what `Axes.bar` returns.

    Raises:
      TypeError: something in there is no artist.

    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> bars = axes.bar(["sun", "rain"], [0.3, 0.7])
    >>> len(list(flatten([bars, axes.title])))
    3
    """
    for item in artists:
        if isinstance(item, Artist):
            yield item
        elif isinstance(item, Sequence) and not isinstance(item, str):
            # Containers of error bars hold None where a part was not asked for.
            yield from flatten(part for part in item if part is not None)
        else:
            raise TypeError(f"moving: expected artists, got {item!r}")


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """Returns a picture as PNG, at the lowest compression that is one: the reader waits for it.

    Args:
      pixels: shape (height, width, 4): red, green, blue, opacity. The opacity is left out, since a
        figure's ground has no holes and three channels are written a fifth faster than four.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(file, "png", compress_level=1)
    return file.getvalue()


class Overlay(NamedTuple):
    """Pixels of still artists that lie above a moving one, ready to be blended over it."""

    places: NDArray[np.intp]  # (pixels,) into the flattened picture
    colour: NDArray[np.uint16]  # (pixels, 3) times opacity: 0 to 255 squared
    clear: NDArray[np.uint16]  # (pixels, 1) 255 less opacity

    def blend_over(self, pixels: NDArray[np.uint8]) -> None:
        """Blends the cover over `pixels`, of shape (pixels of the picture, 4), in place."""
        below = pixels[self.places, :3]
        pixels[self.places, :3] = (self.colour + below * self.clear + 127) // 255


class BlitCanvas:
    """Draws a figure as PNG, again and again, repainting only its moving artists.

    Matplotlib marks a figure as stale when anything changes in it that is not animated. Moving
    artists are marked animated, so a stale figure means that something changed which should stand
    still (limits, ticks, a title, a legend): then all is drawn afresh, slower and just as right.

    The layout is fitted by the first picture and then kept, or axes would jump at every step; it
    is fitted again only when something that stands still would otherwise be cut off.

    Args:
      figure: made without pyplot.
      moving: artists of the figure's axes, or of the figure, or containers of artists.

    Raises:
      TypeError: something in `moving` is no artist.
      ValueError: an artist is not in this figure, or the figure is pyplot's.
    """

    def __init__(self, figure: Figure, moving: Iterable[object]) -> None:
        if figure.canvas.manager is not None:
            raise ValueError("figure: expected one made without pyplot, got one of pyplot's")
        self.figure = figure
        self.moving = list(dict.fromkeys(flatten(moving)))
        self.rebuilds = 0  # how often everything was drawn
        self._canvas = FigureCanvasAgg(figure)
        self._layout = figure.get_layout_engine()
        for artist in self.moving:
            axes = artist.axes
            owner = figure if axes is None else axes if axes in figure.axes else None
            if owner is None or artist not in owner.get_children():
                raise ValueError(f"moving: expected artists of this figure, got {artist!r}")
            artist.set_animated(True)

    @property
    def css_size(self) -> tuple[int, int]:
        """Width and height in CSS pixels, whatever the figure's resolution."""
        width, height = self.figure.get_size_inches() * PIXELS_PER_INCH
        return round(width), round(height)

    def count(self) -> int:
        """How many artists the axes hold: grows when a drawing function adds to them."""
        return sum(len(axes.get_children()) for axes in self.figure.axes)

    @styled
    def png(self) -> bytes:
        """Returns the picture of the figure as it is now.

        Raises:
          ValueError: a moving artist was removed from the figure.
        """
        for artist in self.moving:
            if artist.get_figure() is None:
                raise ValueError(f"moving: expected artists to stay in the figure, lost {artist!r}")
        for axes in self.figure.axes:
            axes.get_xlim()  # carries out an autoscale that still waits, which makes them stale
        if self.figure.stale or any(text.stale for text in self._quiet_texts()):
            self._build()
        np.copyto(self._pixels, self._ground)
        renderer = self._canvas.get_renderer()
        for layer in self._order:
            if isinstance(layer, Overlay):
                layer.blend_over(self._pixels.reshape(-1, 4))
            else:
                layer.draw(renderer)
        return encode(self._pixels)

    def _quiet_texts(self) -> list[Text]:
        """Still texts of which a figure does not notice when they become stale."""
        texts = [axis.label for axes in self.figure.axes for axis in (axes.xaxis, axes.yaxis)]
        for legend in (*(axes.get_legend() for axes in self.figure.axes), *self.figure.legends):
            if legend is not None and not legend.get_animated():
                texts += legend.get_texts()
        return texts

    @styled
    def _build(self) -> None:
        """Draws what stands still, and puts the rest into painting order."""
        order = [run for axes in sorted(self.figure.axes, key=attrgetter("zorder"))
                 for run in self._runs(axes)]  # fmt: skip
        above = [artist for moves, run in order for artist in run if not moves]
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
        self._pixels = np.asarray(self._canvas.buffer_rgba())
        self._ground = self._pixels.copy()
        self._order: list[Artist | Overlay] = []
        for moves, run in order:
            self._order += run if moves else self._cover(run)
        self._order += [artist for artist in self.moving if artist.axes is None]
        for artist in (self.figure, *self._quiet_texts()):
            artist.stale = False
        self.rebuilds += 1

    def _cut_off(self) -> bool:
        """Whether anything lies outside the picture, by more than a pixel's rounding."""
        inside, used = self.figure.bbox_inches.padded(0.02), self.figure.get_tightbbox()
        return not (inside.contains(*used.min) and inside.contains(*used.max))

    def _runs(self, axes: Axes) -> list[tuple[bool, list[Artist]]]:
        """The artists of `axes` from the lowest moving one up: runs of moving and of still ones."""
        if not axes.get_visible():
            return []
        hidden: set[Artist] = {axes.patch}
        if not (axes.axison and axes.get_frame_on()):
            hidden.update(axes.spines.values())
        if not axes.axison:
            hidden.update((axes.xaxis, axes.yaxis))
        shown = sorted(
            (a for a in axes.get_children() if a not in hidden), key=attrgetter("zorder")
        )
        moving = set(self.moving)
        runs = [(moves, list(run)) for moves, run in groupby(shown, key=moving.__contains__)]
        return runs if not runs or runs[0][0] else runs[1:]

    def _cover(self, artists: list[Artist]) -> list[Overlay]:
        """The pixels of `artists`; none where there is nothing to see, such as an empty title."""
        height, width, _ = self._pixels.shape
        renderer = RendererAgg(width, height, self.figure.dpi)
        for artist in artists:
            artist.draw(renderer)
        pixels = np.asarray(renderer.buffer_rgba()).reshape(-1, 4)
        places = np.flatnonzero(pixels[:, 3])
        opacity = pixels[places, 3:].astype(np.uint16)
        cover = Overlay(places, pixels[places, :3] * opacity, 255 - opacity)
        return [cover] if len(places) else []
