"""Distributions over three outcomes as points of a triangle whose corners are certainty."""

from collections.abc import Sequence
from typing import SupportsFloat

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from numpy.typing import ArrayLike, NDArray

from course.show.arrays import number, numbers, same_length
from course.show.style import MUTED, styled

# One row for each outcome: bottom left, bottom right, top.
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])


def to_plane(p: ArrayLike) -> NDArray[np.float64]:
    """Returns where distributions lie in the triangle.

    xy = p₁ · (0, 0) + p₂ · (1, 0) + p₃ · (½, ½√3)

    Args:
      p: shape (…, 3), each summing to one.

    Returns:
      shape (…, 2).

    >>> to_plane([0.0, 1.0, 0.0]).tolist()
    [1.0, 0.0]
    """
    point = numbers("p", p, ndim=[1, 2, 3])
    if point.shape[-1] != 3:
        raise ValueError(f"p: expected three outcomes on the last axis, got shape {point.shape}")
    if (point < 0).any() or not np.allclose(point.sum(axis=-1), 1, atol=1e-5):
        raise ValueError(
            "p: expected distributions, at least 0 and summing to 1, got other numbers"
        )
    return np.asarray(point @ CORNERS)


def grid(resolution: int = 220) -> NDArray[np.float64]:
    """Returns the distribution at each pixel of a picture of the triangle.

    Pixels outside hold a distribution on the edge: of no meaning, but fit to be computed with;
    `heat` hides them.

    Args:
      resolution: pixels across.

    Returns:
      shape (rows, columns, 3), each summing to one; the bottom row comes first.
    """
    if resolution < 2:
        raise ValueError(f"resolution: expected at least 2, got {resolution}")
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
    """Draws the empty triangle with its corners labelled: bottom left, bottom right, top."""
    same_length("labels", labels, 3, "corner")
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.set_xlim(-0.06, 1.06)
    ax.set_ylim(-0.12, CORNERS[2, 1] + 0.1)
    ax.add_patch(
        Polygon(CORNERS, closed=True, fill=False, edgecolor=MUTED, linewidth=1.5, zorder=2.5)
    )
    for (x, y), label, below in zip(CORNERS, labels, (True, True, False), strict=True):
        ax.annotate(
            label,
            (x, y),
            (0, -6 if below else 6),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
            annotation_clip=False,
        )
    return ax


@styled
def heat(
    ax: Axes,
    values: ArrayLike,
    *,
    label: str,
    low: SupportsFloat | None = None,
    high: SupportsFloat | None = None,
) -> Axes:
    """Colours the triangle by values at the distributions of `grid`, high ones dark.

    The picture is `ax.images[-1]`; its `set_data` takes new values.

    Args:
      values: shape (rows, columns), as `grid` has them; infinite ones count as `high`.
      label: of the colour scale, with the unit.
      low: value of the lightest colour; by default the lowest there is.
      high: value of the darkest colour; by default the highest there is.
    """
    table = numbers("values", values, ndim=[2], infinite=True)
    finite = table[np.isfinite(table)]
    if not finite.size:
        raise ValueError(f"values: expected some finite numbers, got only {table[0, 0]}")
    low = finite.min() if low is None else number("low", low)
    high = max(finite.max(), low) if high is None else number("high", high, low=low)
    image = ax.imshow(
        np.clip(table, low, high), extent=(0, 1, 0, CORNERS[2, 1]), origin="lower", vmin=low,
        vmax=high, cmap="cividis_r", interpolation="bilinear", zorder=0,
    )  # fmt: skip
    image.set_clip_path(Polygon(CORNERS, closed=True, transform=ax.transData))
    figure = ax.get_figure()
    assert figure is not None  # there is a figure wherever there are axes
    figure.colorbar(image, ax=ax, label=label, shrink=0.8)
    return ax
