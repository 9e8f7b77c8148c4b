"""Curves, bands over repeated runs, and what is written on them."""

from collections.abc import Mapping
from typing import Any, SupportsFloat

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from numpy.typing import ArrayLike

from course.show.arrays import number, numbers, same_length
from course.show.style import BELIEF, GROUND, SMALL, TRUTH, Role, styled

ROW, ROWS = 0.1, 3  # height of a row of event texts, as part of the axes, and how many there are
MARK = "mark"  # the group id by which `set_mark` finds what `mark` drew


@styled
def curve(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    *,
    role: Role = BELIEF,
    name: str = "",
    fill: bool = False,
) -> Axes:
    """Draws y over x as a line in the colour and style of its role.

    The line is `ax.lines[-1]`, the shade `ax.collections[-1]`; both have a `set_data`.

    Args:
      x: shape (points,).
      y: shape (points,); the line has a gap where it is infinite.
      name: for a legend.
      fill: also shade the area down to zero.
    """
    xs, ys = numbers("x", x, ndim=[1]), numbers("y", y, ndim=[1], infinite=True)
    same_length("y", ys, len(xs), "x")
    ax.plot(xs, ys, color=role, linestyle=role.line, label=name or None)
    if fill:
        ax.fill_between(xs, ys, color=role, alpha=0.2, linewidth=0)
    return ax


@styled
def mark(
    ax: Axes,
    x: SupportsFloat,
    y: SupportsFloat,
    text: str,
    *,
    role: Role = BELIEF,
    offset: tuple[float | int, float | int] = (8, 8),
) -> Axes:
    """Marks the point (x, y) and writes `text` beside it, `offset` points away.

    The point is `ax.lines[-1]`, its text `ax.texts[-1]`; `set_mark` moves both.
    """
    place, (right, up) = (number("x", x), number("y", y)), np.sign(offset)
    ax.plot(
        *place, color=role, marker=role.marker, linestyle="", markersize=9, zorder=4,
        markeredgecolor="white", gid=MARK,
    )  # fmt: skip
    ax.annotate(
        text, place, offset, textcoords="offset points", color=role, zorder=4, gid=MARK,
        ha={1: "left", 0: "center", -1: "right"}[right],
        va={1: "bottom", 0: "center", -1: "top"}[up], bbox=GROUND,
    )  # fmt: skip
    return ax


def set_mark(ax: Axes, x: SupportsFloat, y: SupportsFloat, text: str, *, index: int = -1) -> Axes:
    """Moves a point that `mark` drew and rewrites its text.

    Args:
      x: where to.
      y: where to.
      text: the new one.
      index: which of the marks, in the order in which they were drawn.

    Raises:
      IndexError: nothing was marked.
    """
    points = [line for line in ax.lines if line.get_gid() == MARK]
    notes = [note for note in ax.texts if note.get_gid() == MARK]
    point, note = points[index], notes[index]
    assert isinstance(note, Annotation)  # as `mark` made it
    note.xy = number("x", x), number("y", y)
    point.set_data([note.xy[0]], [note.xy[1]])
    note.set_text(text)
    return ax


@styled
def reference(
    ax: Axes, value: SupportsFloat, text: str, *, axis: str = "y", role: Role = TRUTH
) -> Axes:
    """Draws a line across the axes at `value` of its x or y `axis`, `text` at the end."""
    value = number("value", value)
    if axis == "y":
        ax.axhline(value, color=role, linestyle=role.line, linewidth=1.5)
        ax.annotate(
            text, (1, value), (0, 3), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", va="bottom", color=role, fontsize=SMALL,
            bbox=GROUND,
        )  # fmt: skip
    elif axis == "x":
        ax.axvline(value, color=role, linestyle=role.line, linewidth=1.5)
        ax.annotate(
            text, (value, 1), (4, 0), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="left", va="top", color=role, fontsize=SMALL,
            bbox=GROUND,
        )  # fmt: skip
    else:
        raise ValueError(f"axis: expected 'x' or 'y', got {axis!r}")
    return ax


@styled
def band(
    ax: Axes,
    x: ArrayLike,
    samples: ArrayLike,
    *,
    role: Role = BELIEF,
    name: str = "",
    coverage: SupportsFloat = 0.9,
) -> Axes:
    """Draws the mean of repeated runs over x, and shades where the middle `coverage` of them lies.

    Args:
      x: shape (points,).
      samples: shape (runs, points).
      name: for a legend.
      coverage: part of the runs in the band, from 0 to 1. Its edges are quantiles: with
        few runs they lie between two of them.
    """
    xs, runs = numbers("x", x, ndim=[1]), numbers("samples", samples, ndim=[2])
    if runs.shape[1] != len(xs):
        raise ValueError(f"samples: expected shape (runs, {len(xs)}), got {runs.shape}")
    coverage = number("coverage", coverage, low=0, high=1)
    low, high = np.quantile(runs, [(1 - coverage) / 2, (1 + coverage) / 2], axis=0)
    ax.fill_between(xs, low, high, color=role, alpha=0.2, linewidth=0)
    ax.plot(xs, runs.mean(axis=0), color=role, linestyle=role.line, label=name or None)
    return ax


@styled
def timeline(
    ax: Axes,
    times: ArrayLike,
    samples: ArrayLike,
    *,
    events: Mapping[Any, str] | None = None,
    role: Role = BELIEF,
    name: str = "",
) -> Axes:
    """Draws runs over time as `band` does, each time a point, with a labelled line at each event.

    Args:
      times: shape (times,).
      samples: shape (times,) for one run, or (runs, times).
      events: time to text.
    """
    runs = np.atleast_2d(numbers("samples", samples, ndim=[1, 2]))
    band(ax, times, runs, role=role, name=name)
    ax.lines[-1].set(marker=role.marker, markersize=5, linewidth=1.5)
    for place, (time, text) in enumerate((events or {}).items()):
        reference(ax, time, text, axis="x")
        # Neighbours stand on different rows, so that a long text does not run into the next.
        note = ax.texts[-1]
        assert isinstance(note, Annotation)  # as `reference` made it
        note.xy = (time, 1 - ROW * (place % ROWS))
    if events:
        low, high = ax.dataLim.intervaly
        above = high + (high - low) * ROW * min(len(events), ROWS)
        ax.update_datalim([(ax.dataLim.x0, above)])
        ax.autoscale_view()
    return ax


@styled
def legend(ax: Axes, *, outside: bool = True) -> Axes:
    """Names what was drawn: right of the axes, where it hides nothing, or inside."""
    if outside:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0, handlelength=2.4)
    else:
        ax.legend(handlelength=2.4)
    return ax
