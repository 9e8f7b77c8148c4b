"""Bars: distributions side by side, and totals stacked from parts."""

from collections.abc import Sequence
from typing import SupportsFloat

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.text import Annotation
from numpy.typing import ArrayLike

from course.show.arrays import number, numbers, same_length
from course.show.lines import legend
from course.show.style import BELIEF, COST, GROUND, SMALL, TRUTH, Role, styled

HEADROOM = 1.12  # the axes end this much above the highest bar, so that its value fits in


@styled
def bars(
    ax: Axes,
    p: ArrayLike,
    labels: Sequence[str],
    *,
    role: Role | Sequence[Role] = BELIEF,
    names: Sequence[str] = (),
    digits: int = 2,
    top: SupportsFloat | None = None,
) -> Axes:
    """Draws one distribution as bars, or several side by side, each bar with its value above.

    The bars are `ax.patches`, their values `ax.texts`; `set_bars` changes both.

    Args:
      p: shape (outcomes,) or (distributions, outcomes), at least 0. Infinite values
        get the highest bars.
      labels: of the outcomes.
      role: one, or one for each distribution.
      names: of the distributions, for a legend.
      digits: after the point, in the values.
      top: the highest value that the axes show; by default the highest there is.
    """
    table = np.atleast_2d(numbers("p", p, ndim=[1, 2], infinite=True))
    groups, outcomes = table.shape
    same_length("labels", labels, outcomes, "outcome")
    roles = [role] * groups if isinstance(role, Role) else list(role)
    same_length("role", roles, groups, "distribution")
    if names:
        same_length("names", names, groups, "distribution")
    if top is None:
        top = table[np.isfinite(table)].max(initial=0.0) * (1.2 if np.isinf(table).any() else 1.0)
    ax.set_ylim(0, HEADROOM * (number("top", top, low=0) or 1.0))
    width = 0.8 / groups
    for group, (row, its_role) in enumerate(zip(table, roles, strict=True)):
        x = np.arange(outcomes) + (group - (groups - 1) / 2) * width
        ax.bar(
            x, np.zeros(outcomes), width * 0.94, color=its_role, edgecolor="white", linewidth=0,
            hatch=its_role.hatch if groups > 1 else "", label=names[group] if names else None,
        )  # fmt: skip
        for middle in x:
            ax.annotate(
                "", (middle, 0), (0, 2), textcoords="offset points", ha="center", va="bottom",
                fontsize=SMALL, gid=_gid(ax, -1), annotation_clip=False,
            )  # fmt: skip
        set_bars(ax, row, group=-1, digits=digits)
    ax.set_xticks(range(outcomes), labels)
    ax.tick_params(axis="x", length=0)
    return legend(ax) if names else ax


def set_bars(ax: Axes, p: ArrayLike, *, group: int = 0, digits: int = 2) -> Axes:
    """Gives bars that `bars` drew new heights and values.

    Args:
      p: shape (outcomes,), at least 0.
      group: which of the distributions drawn side by side.
      digits: after the point, in the values.
    """
    heights = numbers("p", p, ndim=[1], infinite=True)
    if (heights < 0).any():
        raise ValueError(f"p: expected values of at least 0, got {heights}")
    notes = [note for note in ax.texts if note.get_gid() == _gid(ax, group)]
    same_length("p", heights, len(notes), "bar")
    top = ax.get_ylim()[1]
    for bar, note, height in zip(ax.containers[group], notes, heights, strict=True):
        assert isinstance(note, Annotation)  # as `bars` made it
        # A bar of infinite height cannot be drawn: the end of the axes stands for it.
        shown = min(height, top / HEADROOM)
        bar.set_height(height if np.isfinite(height) else shown)
        note.xy = (note.xy[0], shown)
        note.set_text(value_text(height, digits))
    return ax


def _gid(ax: Axes, group: int) -> str:
    return f"bars {range(len(ax.containers))[group]}"


def value_text(value: SupportsFloat, digits: int) -> str:
    """A number as figures write it.

    >>> value_text(0.3, 2), value_text(float("inf"), 2)
    ('0.30', '∞')
    """
    return "∞" if np.isinf(float(value)) else f"{float(value):.{digits}f}"


@styled
def stacked(
    ax: Axes,
    parts: ArrayLike,
    labels: Sequence[str],
    *,
    names: Sequence[str],
    role: Sequence[Role] = (TRUTH, COST),
    digits: int = 2,
) -> Axes:
    """Draws totals as bars stacked from parts, such as a cost from what is inevitable and the rest.

    Args:
      parts: shape (parts, bars), at least 0 and finite; the first part is the lowest.
      labels: of the bars.
      names: of the parts.
      role: of the parts.
      digits: after the point, in the values.
    """
    table = numbers("parts", parts, ndim=[2])
    if (table < 0).any():
        raise ValueError(f"parts: expected values of at least 0, got {table.min()}")
    same_length("labels", labels, table.shape[1], "bar")
    same_length("names", names, len(table), "part")
    same_length("role", role, len(table), "part")
    total, x = table.sum(axis=0), np.arange(table.shape[1])
    ax.set_ylim(0, HEADROOM * (total.max() or 1.0))
    for row, end, name, part in zip(table, np.cumsum(table, axis=0), names, role, strict=True):
        drawn: BarContainer = ax.bar(
            x, row, 0.6, end - row, color=part, edgecolor="white", hatch=part.hatch, label=name
        )
        # A part too thin for its number goes without: the total stands above.
        inside = [value_text(v, digits) if v > 0.08 * total.max() else "" for v in row]
        ax.bar_label(drawn, inside, label_type="center", fontsize=SMALL, bbox=GROUND)
    for place, height in zip(x, total, strict=True):
        ax.annotate(
            value_text(height, digits), (place, height), (0, 2), textcoords="offset points",
            ha="center", va="bottom", fontsize=SMALL, fontweight="bold",
        )  # fmt: skip
    ax.set_xticks(x, labels)
    ax.tick_params(axis="x", length=0)
    return legend(ax)
