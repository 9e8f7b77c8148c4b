"""Bars: distributions side by side, and totals stacked from parts."""

from collections.abc import Sequence, Sized
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.text import Annotation

from course.checks import HUGE, checked, describe_shape, number, refusal, within
from course.show.drawing import styled
from course.show.lines import legend
from course.show.style import BELIEF, COST, GROUND, SMALL, TRUTH, Role

heights = within(0, np.inf, "values of at least 0")
HEADROOM: Final = 1.12  # the axes end this much above the highest bar, so that its value fits in
# How a value is written above its bar.
ABOVE: Final = dict[str, Any](
    xytext=(0, 2), textcoords="offset points", ha="center", va="bottom", fontsize=SMALL
)


def _check_length(name: str, given: Sized, expected: int, what: str) -> None:
    """Refuse a list that does not hold one item for each of something."""
    if len(given) != expected:
        raise refusal(name, f"{expected}, one for each {what}", len(given))


@checked(p=heights, top=number("a number of at least 0", low=0))
@styled
def bars(
    ax: Axes,
    p: Float[np.ndarray, "*distributions outcomes"],
    labels: Sequence[str],
    *,
    role: Role | Sequence[Role] = BELIEF,
    names: Sequence[str] = (),
    digits: int = 2,
    top: float | None = None,
) -> Axes:
    """Draw one distribution as bars, or several side by side, each bar with its value above.

    The bars are `ax.patches`, their values `ax.texts`; `set_bars` changes both.

    Args:
        p: shape (outcomes,) or (distributions, outcomes), at least 0. Infinite values get the
            highest bars.
        labels: of the outcomes.
        role: one, or one for each distribution.
        names: of the distributions, for a legend.
        digits: after the point, in the values.
        top: the highest value that the axes show; by default the highest there is.
    """
    if p.ndim > 2:
        wanted = "shape (outcomes,) or (distributions, outcomes)"
        raise refusal("p", wanted, describe_shape(p.shape))
    table = np.atleast_2d(p)
    groups, outcomes = table.shape
    roles = [role] * groups if isinstance(role, Role) else list(role)
    _check_length("labels", labels, outcomes, "outcome")
    _check_length("role", roles, groups, "distribution")
    if names:
        _check_length("names", names, groups, "distribution")

    if top is None:
        # An infinite bar, which ends where the axes do, stays higher than all others.
        top = table[np.isfinite(table)].max(initial=0.0) * (1.2 if np.isinf(table).any() else 1.0)
    ax.set_ylim(0, HEADROOM * (top or 1.0))

    width = 0.8 / groups
    for group, (row, its_role) in enumerate(zip(table, roles, strict=True)):
        # The groups share the width around each tick.
        x = np.arange(outcomes) + (group - (groups - 1) / 2) * width
        drawn = ax.bar(x, np.zeros(outcomes), width * 0.94, color=its_role, edgecolor="white")
        for bar in drawn:
            bar.set(linewidth=0, hatch=its_role.hatch if groups > 1 else "")
        if names:
            drawn.set_label(names[group])
        # Heights and values come in by the same way as later ones.
        for middle in x:
            ax.annotate("", (middle, 0), gid=_gid(ax, -1), annotation_clip=False, **ABOVE)
        set_bars(ax, row, group=-1, digits=digits)
    ax.set_xticks(range(outcomes), labels)
    ax.tick_params(axis="x", length=0)
    return legend(ax) if names else ax


@checked(p=heights)
def set_bars(
    ax: Axes, p: Float[np.ndarray, " outcomes"], *, group: int = 0, digits: int = 2
) -> Axes:
    """Give bars that `bars` drew new heights and values.

    Args:
        p: shape (outcomes,), at least 0.
        group: number of the distribution, from the left.
        digits: after the point, in the values.
    """
    notes = [note for note in ax.texts if note.get_gid() == _gid(ax, group)]
    _check_length("p", p, len(notes), "bar")
    top = ax.get_ylim()[1]
    for bar, note, height in zip(ax.containers[group], notes, p, strict=True):
        assert isinstance(note, Annotation)  # as `bars` made it
        # A bar of infinite height cannot be drawn: the end of the axes stands for it.
        shown = min(height, top / HEADROOM)
        bar.set_height(height if np.isfinite(height) else shown)
        note.xy = (note.xy[0], shown)
        note.set_text(value_text(height, digits))
    return ax


def _gid(ax: Axes, group: int) -> str:
    """Return the group id of the values above a group of bars."""
    return f"bars {range(len(ax.containers))[group]}"


def value_text(value: float, digits: int) -> str:
    """Number as figures write it.

    >>> value_text(0.3, 2), value_text(float("inf"), 2)
    ('0.30', '∞')
    """
    return "∞" if np.isinf(value) else f"{value:.{digits}f}"


@checked(parts=within(0, HUGE, "finite values of at least 0"))
@styled
def stacked(
    ax: Axes,
    parts: Float[np.ndarray, "parts bars"],
    labels: Sequence[str],
    *,
    names: Sequence[str],
    role: Sequence[Role] = (TRUTH, COST),
    digits: int = 2,
) -> Axes:
    """Draw totals as bars stacked from parts, such as a cost from what is inevitable and the rest.

    Args:
        parts: shape (parts, bars), at least 0 and finite; the first part is the lowest.
        labels: of the bars.
        names: of the parts.
        role: of the parts.
        digits: after the point, in the values.
    """
    _check_length("labels", labels, parts.shape[1], "bar")
    _check_length("names", names, len(parts), "part")
    _check_length("role", role, len(parts), "part")

    # The limits come first: what is inside a bar is measured against the whole.
    total = parts.sum(axis=0)
    x = np.arange(parts.shape[1])
    ax.set_ylim(0, HEADROOM * (total.max() or 1.0))
    for row, end, name, part in zip(parts, np.cumsum(parts, axis=0), names, role, strict=True):
        drawn: BarContainer = ax.bar(
            x, row, 0.6, end - row, color=part, edgecolor="white", hatch=part.hatch, label=name
        )
        # A part too thin for its number goes without: the total stands above.
        inside = [value_text(v, digits) if v > 0.08 * total.max() else "" for v in row]
        ax.bar_label(drawn, inside, label_type="center", fontsize=SMALL, bbox=GROUND)

    # Totals stand out from the parts by their weight.
    for place, height in zip(x, total, strict=True):
        ax.annotate(value_text(height, digits), (place, height), fontweight="bold", **ABOVE)
    ax.set_xticks(x, labels)
    ax.tick_params(axis="x", length=0)
    return legend(ax)
