"""Averages as areas: each outcome is as wide as it is probable and as high as its value."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from course.checks import checked, probabilities, refusal
from course.show.bars import heights
from course.show.drawing import styled
from course.show.lines import DIGITS, axes, role_of_one, texts
from course.show.style import COST, GROUND, SMALL, TRUTH, Role

HEADROOM: Final = 1.22  # the axes end this much above the highest area, whose words stand there
WIDE: Final = 0.25  # of the axes: such an area holds its words
NEAR: Final = 0.1  # of the axes, to an edge
WORDS: Final = dict[str, Any](fontsize=SMALL)


@checked(ax=axes, p=probabilities(), values=heights, labels=texts, role=role_of_one, digits=DIGITS)
@styled
def areas(
    ax: Axes,
    p: Float[np.ndarray, " outcomes"],
    values: Float[np.ndarray, " outcomes"],
    labels: Sequence[str],
    *,
    role: Role = COST,
    digits: int = 3,
) -> Axes:
    """Draw an average as the area of rectangles side by side, and as a line at its height.

        area_i = p_i values_i,    average = sum_i area_i = 1 * average

    The rectangles are `ax.patches`. In each, or over it, stands its label with its area.

    Args:
        p: probability of each outcome, the widths.
        values: what is averaged, such as the surprises, at least 0: the heights.
        labels: of the outcomes.
        role: of the areas.
        digits: after the point, in the areas and the average.
    """
    for name, given in (("values", values), ("labels", labels)):
        if len(given) != len(p):
            raise refusal(name, f"{len(p)}, one for each probability", len(given))
    if not np.isfinite(values).all():
        raise refusal("values", "finite values, as an area has to be", "∞")
    ends = np.cumsum(p)
    ax.bar(ends - p, values, p, align="edge", color=role, edgecolor="white")
    for label, begin, end, value, width in zip(labels, ends - p, ends, values, p, strict=True):
        area = f"{width * value:.{digits}f}"
        if width > WIDE:
            middle = ((begin + end) / 2, value / 2)
            ax.text(*middle, f"{label} {area}", color="white", ha="center", va="center", **WORDS)
            continue
        # Words over a narrow area at an edge would leave the axes.
        side = "left" if begin < NEAR else "right" if end > 1 - NEAR else "center"
        place = {"left": begin, "right": end, "center": (begin + end) / 2}[side]
        ax.text(place, value, f" {label}\n {area} ", ha=side, va="bottom", **WORDS)
    average = float(p @ values)
    ax.axhline(average, color=TRUTH, linestyle=TRUTH.line, linewidth=1.5)
    ax.annotate(
        f"average {average:.{digits}f}",
        (1, average),
        (-2, 3),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=SMALL,
        color=TRUTH,
        bbox=GROUND,
    )
    ax.set(xlim=(0, 1), ylim=(0, HEADROOM * max(float(values.max(initial=0.0)), 1e-9)))
    ax.set_xlabel("probability")
    return ax
