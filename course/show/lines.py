"""Curves, bands over repeated runs, and what is written on them."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from course.checks import HUGE, checked, finite, number, one_of, within
from course.show.drawing import styled
from course.show.style import BELIEF, GROUND, SMALL, TRUTH, Role

ROW: Final = 0.1  # height of a row of event texts, as part of the axes
ROWS: Final = 3  # of event texts
MARK: Final = "mark"  # the group id by which `set_mark` finds what `mark` drew
# How a text is written beside what it belongs to.
BESIDE: Final[dict[str, Any]] = {"textcoords": "offset points", "bbox": GROUND}

finite_number = number("a finite number", low=-HUGE)
perhaps_infinite = within(-np.inf, np.inf, "numbers, finite or not")


@checked(x=finite, y=perhaps_infinite)
@styled
def curve(
    ax: Axes,
    x: Float[np.ndarray, " points"],
    y: Float[np.ndarray, " points"],
    *,
    role: Role = BELIEF,
    name: str = "",
    fill: bool = False,
) -> Axes:
    """Draw y over x as a line in the colour and style of its role.

    The line is `ax.lines[-1]`, the shade `ax.collections[-1]`; both have a `set_data`.

    Args:
        x: shape (points,).
        y: shape (points,); the line has a gap where it is infinite.
        name: for a legend.
        fill: also shade the area down to zero.
    """
    ax.plot(x, y, color=role, linestyle=role.line, label=name or None)
    if fill:
        ax.fill_between(x, y, color=role, alpha=0.2, linewidth=0)
    return ax


@checked(x=finite_number, y=finite_number)
@styled
def mark(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    *,
    role: Role = BELIEF,
    offset: tuple[float | int, float | int] = (8, 8),
) -> Axes:
    """Mark the point (x, y) and write `text` beside it, `offset` points away.

    The point is `ax.lines[-1]`, its text `ax.texts[-1]`; `set_mark` moves both.
    """
    style: dict[str, Any] = {"color": role, "zorder": 4, "gid": MARK}
    ax.plot(x, y, marker=role.marker, linestyle="", markersize=9, markeredgecolor="white", **style)
    # The text lies on the side that the offset leads to.
    right, up = np.sign(offset)
    across = {1: "left", 0: "center", -1: "right"}[right]
    along = {1: "bottom", 0: "center", -1: "top"}[up]
    ax.annotate(text, (x, y), offset, ha=across, va=along, **style, **BESIDE)
    return ax


@checked(x=finite_number, y=finite_number)
def set_mark(ax: Axes, x: float, y: float, text: str, *, index: int = -1) -> Axes:
    """Move a point that `mark` drew and rewrite its text.

    Args:
        index: number of the mark, in the order in which they were drawn.

    Raises:
        IndexError: nothing was marked.
    """
    point = [line for line in ax.lines if line.get_gid() == MARK][index]
    note = [note for note in ax.texts if note.get_gid() == MARK][index]
    assert isinstance(note, Annotation)  # as `mark` made it
    note.xy = (x, y)
    point.set_data([x], [y])
    note.set_text(text)
    return ax


@checked(value=finite_number, axis=one_of("x", "y"))
@styled
def reference(ax: Axes, value: float, text: str, *, axis: str = "y", role: Role = TRUTH) -> Axes:
    """Draw a line across the axes at `value` of its x or y `axis`, `text` at the end."""
    line: dict[str, Any] = {"color": role, "linestyle": role.line, "linewidth": 1.5}
    note: dict[str, Any] = {"color": role, "fontsize": SMALL} | BESIDE
    if axis == "y":
        ax.axhline(value, **line)
        note |= {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom"}
        ax.annotate(text, (1, value), (0, 3), **note)
    else:
        ax.axvline(value, **line)
        note |= {"xycoords": ("data", "axes fraction"), "ha": "left", "va": "top"}
        ax.annotate(text, (value, 1), (4, 0), **note)
    return ax


@checked(x=finite, samples=finite, coverage=number("a number from 0 to 1", low=0, high=1))
@styled
def band(
    ax: Axes,
    x: Float[np.ndarray, " points"],
    samples: Float[np.ndarray, "runs points"],
    *,
    role: Role = BELIEF,
    name: str = "",
    coverage: float = 0.9,
) -> Axes:
    """Draw the mean of repeated runs over x, and shade where the middle `coverage` of them lies.

    Args:
        x: shape (points,).
        samples: shape (runs, points).
        name: for a legend.
        coverage: part of the runs in the band, from 0 to 1. Its edges are quantiles: with few runs
            they lie between two of them.
    """
    low, high = np.quantile(samples, [(1 - coverage) / 2, (1 + coverage) / 2], axis=0)
    ax.fill_between(x, low, high, color=role, alpha=0.2, linewidth=0)
    ax.plot(x, samples.mean(axis=0), color=role, linestyle=role.line, label=name or None)
    return ax


@checked(times=finite, samples=finite)
@styled
def timeline(
    ax: Axes,
    times: Float[np.ndarray, " times"],
    samples: Float[np.ndarray, "*runs times"],
    *,
    events: Mapping[Any, str] | None = None,
    role: Role = BELIEF,
    name: str = "",
) -> Axes:
    """Draw runs over time as `band` does, each time a point, with a labelled line at each event.

    Args:
        times: shape (times,).
        samples: shape (times,) for one run, or (runs, times).
        events: time to text.
        name: for a legend.
    """
    band(ax, times, np.atleast_2d(samples), role=role, name=name)
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
    """Name what was drawn: right of the axes, where it hides nothing, or inside."""
    if outside:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0, handlelength=2.4)
    else:
        ax.legend(handlelength=2.4)
    return ax
