"""Distributions over three outcomes as points of a triangle whose corners are certainty."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from course.checks import checked, count, probabilities, refusal
from course.show.drawing import styled
from course.show.lines import finite_number, perhaps_infinite
from course.show.style import MUTED

# One row for each outcome: bottom left, bottom right, top.
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])


@checked(p=probabilities())
def to_plane(p: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 2"]:
    """Return the points of the triangle where distributions lie.

    xy = p₁ · (0, 0) + p₂ · (1, 0) + p₃ · (½, ½√3)

    Args:
        p: shape (…, 3), each summing to one.

    Returns:
        shape (…, 2).

    >>> to_plane([0.0, 1.0, 0.0]).tolist()
    [1.0, 0.0]
    """
    return np.asarray(p @ CORNERS)


@checked(resolution=count(2))
def grid(resolution: int = 220) -> Float[np.ndarray, "rows columns 3"]:
    """Return the distribution at each pixel of a picture of the triangle.

    Pixels outside hold a distribution on the edge: of no meaning, but fit to be computed with;
    `heat` hides them.

    Args:
        resolution: pixels across.

    Returns:
        shape (rows, columns, 3), each summing to one; the bottom row comes first.
    """
    height = CORNERS[2, 1]
    x, y = np.meshgrid(
        np.linspace(0, 1, resolution), np.linspace(0, height, round(resolution * height))
    )
    top = y / height
    right = x - top / 2
    p = np.clip(np.stack([1 - right - top, right, top], axis=-1), 0, 1)
    return np.asarray(p / p.sum(axis=-1, keepdims=True))


@styled
def simplex(ax: Axes, labels: Sequence[str]) -> Axes:
    """Draw the empty triangle with its corners labelled: bottom left, bottom right, top."""
    if len(labels) != 3:
        raise refusal("labels", "3, one for each corner", len(labels))
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.set_xlim(-0.06, 1.06)
    ax.set_ylim(-0.12, CORNERS[2, 1] + 0.1)
    ax.add_patch(
        Polygon(CORNERS, closed=True, fill=False, edgecolor=MUTED, linewidth=1.5, zorder=2.5)
    )
    for corner, label, below in zip(CORNERS, labels, (True, True, False), strict=True):
        note = ax.annotate(label, corner, (0, -6 if below else 6), textcoords="offset points")
        note.set(ha="center", va="top" if below else "bottom", annotation_clip=False)
    return ax


@checked(values=perhaps_infinite, low=finite_number, high=finite_number)
@styled
def heat(
    ax: Axes,
    values: Float[np.ndarray, "rows columns"],
    *,
    label: str,
    low: float | None = None,
    high: float | None = None,
) -> Axes:
    """Colour the triangle by values at the distributions of `grid`, high ones dark.

    The picture is `ax.images[-1]`; its `set_data` takes new values.

    Args:
        values: shape (rows, columns), as `grid` has them; infinite ones count as `high`.
        label: of the colour scale, with the unit.
        low: value of the lightest colour; by default the lowest there is.
        high: value of the darkest colour; by default the highest there is.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        raise refusal("values", "some finite numbers", f"only {values[0, 0]}")
    # The scale holds what is known; given limits keep it the same from picture to picture.
    lightest = known.min() if low is None else low
    darkest = max(known.max(), lightest) if high is None else high
    if darkest < lightest:
        raise refusal("high", f"a number of at least {lightest}", darkest)

    image = ax.imshow(
        np.clip(values, lightest, darkest),
        extent=(0, 1, 0, CORNERS[2, 1]),
        origin="lower",
        vmin=lightest,
        vmax=darkest,
        cmap="cividis_r",
        interpolation="bilinear",
        zorder=0,
    )
    # Pixels outside the triangle mean nothing.
    image.set_clip_path(Polygon(CORNERS, closed=True, transform=ax.transData))
    figure = ax.get_figure()
    assert figure is not None  # there is a figure wherever there are axes
    figure.colorbar(image, ax=ax, label=label, shrink=0.8)
    return ax
