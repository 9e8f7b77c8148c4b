"""Figures for the notebooks: arrays and axes in, axes out.

Colour means the same everywhere: truth dark, belief blue, data orange, cost vermillion, gradient
green. A notebook finds all it needs here; the helpers live in `areas`, `bars`,
`code_tree`, `lines`, `simplex`, `style`.

>>> figure, ax = new(height=3.0)
>>> ax = bars(ax, [0.65, 0.30, 0.05], ["rain", "cloud", "sun"], role=BELIEF)
>>> [text.get_text() for text in ax.texts]
['0.65', '0.30', '0.05']
"""

from typing import Any

from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from course.checks import checked, number, refusal
from course.show.areas import areas
from course.show.bars import bars, set_bars, stacked
from course.show.code_tree import code_tree
from course.show.drawing import adopt, drawing, keep_for_cell, styled
from course.show.lines import band, curve, legend, mark, reference, set_mark, timeline
from course.show.picture import Picture, fine_pixels, small_png
from course.show.simplex import grid, heat, simplex, to_plane
from course.show.style import (
    BELIEF,
    COST,
    DATA,
    GRADIENT,
    MUTED,
    PIXELS_PER_INCH,
    TRUTH,
    Role,
)

__all__ = [
    "BELIEF", "COST", "DATA", "GRADIENT", "MUTED", "TRUTH", "Role", "areas", "band", "bars",
    "code_tree", "curve", "grid", "heat", "legend", "mark", "new", "reference", "set_bars",
    "set_mark", "show", "simplex", "stacked", "timeline", "to_plane",
]  # fmt: skip

FEWEST_WORDS = 4  # of an alt text that describes anything
inches = number("inches, at least 1", low=1)


@checked(width=inches, height=inches)
def new(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = 6.4,
    height: float = 3.6,
    **subplots: Any,
) -> tuple[Figure, Any]:
    """Return a figure in the course's style, unknown to pyplot, and its axes.

    In a notebook all that the cell draws afterwards is in this style too.

    Args:
        rows: of axes.
        columns: of axes. More than one gives an array of axes, as `Figure.subplots` does.
        width: in inches; one inch appears as 100 CSS pixels.
        height: in inches.
        subplots: handed to `Figure.subplots`, such as `sharey=True`.
    """
    keep_for_cell()
    with drawing():
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, **subplots)
        adopt(figure)
    return figure, axes


@styled
def show(figure: object, *, alt: object) -> None:
    """Display a figure once, twice as fine as it appears, with words for who cannot see it.

    The same code gives the same picture whatever the reader's settings of matplotlib.

    Args:
        figure: a Figure, or one of its Axes.
        alt: text, what the picture shows in words; also the plain-text form of the output.
    """
    whole = figure.get_figure(root=True) if isinstance(figure, Axes) else figure
    if not isinstance(whole, Figure):
        raise refusal("figure", "a Figure or Axes", type(figure).__name__, TypeError)
    if not isinstance(alt, str) or len(alt.split()) < FEWEST_WORDS:
        raise refusal("alt", "a sentence that describes the picture", repr(alt))
    width, height = (round(size * PIXELS_PER_INCH) for size in whole.get_size_inches())
    data, metadata = Picture(small_png(fine_pixels(whole)), alt, width, height).bundle()
    display(data, metadata=metadata, raw=True)
