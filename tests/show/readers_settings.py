"""What a reader may have set in matplotlib, and drawing as a notebook's cell does it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from cycler import cycler
from matplotlib import patheffects
from matplotlib.ticker import MaxNLocator

from course.show import figures

# Each changes a picture, its size, or ends in an error, where it has an influence.
SETTINGS: dict[str, Any] = {
    "agg.path.chunksize": 100,
    "axes.autolimit_mode": "round_numbers",
    "axes.axisbelow": False,
    "axes.edgecolor": "red",
    "axes.facecolor": "black",
    "axes.formatter.limits": (-1, 1),
    "axes.formatter.min_exponent": 3,
    "axes.formatter.offset_threshold": 1,
    "axes.formatter.use_mathtext": True,
    "axes.grid": True,
    "axes.grid.which": "both",
    "axes.labelpad": 20,
    "axes.labelsize": 30,
    "axes.labelweight": "bold",
    "axes.linewidth": 4,
    "axes.prop_cycle": cycler(color=["red", "lime"], lw=[8, 9]),
    "axes.spines.left": False,
    "axes.spines.top": True,
    "axes.titlecolor": "white",
    "axes.titlelocation": "left",
    "axes.titlepad": 30,
    "axes.titlesize": 30,
    "axes.unicode_minus": False,
    "axes.xmargin": 0.4,
    "boxplot.showmeans": True,
    "contour.linewidth": 5,
    "errorbar.capsize": 9,
    "figure.autolayout": True,
    "figure.constrained_layout.use": False,
    "figure.constrained_layout.w_pad": 0.5,
    "figure.dpi": 37,
    "figure.edgecolor": "red",
    "figure.facecolor": "black",
    "figure.figsize": (1, 1),
    "figure.frameon": False,
    "figure.subplot.left": 0.4,
    "figure.titlesize": 30,
    "font.family": "serif",
    "font.size": 25,
    "font.weight": "bold",
    "grid.color": "red",
    "hatch.color": "red",
    "hatch.linewidth": 5,
    "hist.bins": 3,
    "image.aspect": "auto",
    "image.cmap": "hot",
    "image.interpolation": "bicubic",
    "image.lut": 4,
    "image.origin": "lower",
    "image.resample": False,
    "legend.edgecolor": "red",
    "legend.facecolor": "black",
    "legend.fontsize": 25,
    "legend.frameon": True,
    "legend.loc": "lower center",
    "lines.antialiased": False,
    "lines.dash_capstyle": "round",
    "lines.dashed_pattern": (1, 1),
    "lines.linestyle": ":",
    "lines.linewidth": 9,
    "lines.marker": "x",
    "lines.markersize": 20,
    "lines.scale_dashes": False,
    "markers.fillstyle": "none",
    "mathtext.default": "bf",
    "mathtext.fontset": "cm",
    "patch.edgecolor": "red",
    "patch.facecolor": "red",
    "patch.force_edgecolor": True,
    "patch.linewidth": 6,
    "path.effects": [patheffects.withStroke(linewidth=9, foreground="red")],
    "path.simplify": False,
    "path.sketch": (5.0, 30.0, 2.0),
    "path.snap": False,
    "savefig.bbox": "tight",
    "savefig.dpi": 31,
    "savefig.edgecolor": "red",
    "savefig.facecolor": "black",
    "savefig.format": "pdf",
    "savefig.pad_inches": 2,
    "savefig.transparent": True,
    "scatter.marker": "x",
    "text.antialiased": False,
    "text.color": "white",
    "text.hinting": "force_autohint",
    "text.parse_math": False,
    "text.usetex": True,
    "xtick.bottom": False,
    "xtick.color": "red",
    "xtick.direction": "in",
    "xtick.labelsize": 25,
    "xtick.major.size": 20,
    "xtick.minor.visible": True,
    "xtick.top": True,
    "ytick.alignment": "top",
    "ytick.labelleft": False,
    "ytick.minor.visible": True,
    "ytick.right": True,
}  # fmt: skip
STYLES = ["dark_background", "ggplot", "fivethirtyeight"]
X = np.linspace(0, 1, 40)


def lines_and_bars(between: Callable[[], object] = lambda: None) -> Any:
    figure, (left, right) = figures.new(columns=2, width=5.6, height=2.8)
    between()
    left.plot(X, X**2, label="squares $x^2$")
    left.plot(X, 1 - X, "--", label="falling")
    left.errorbar(X[::9], X[::9], 0.1, label="errors")
    left.scatter(X[::7], X[::7] ** 3)
    left.axhline(-0.5)
    left.annotate("here", (0.5, 0.25), (0.1, 0.8), arrowprops={"arrowstyle": "->"})
    left.legend()
    left.set(xlabel="from $0$ to 1", ylabel="value", title="lines")
    right.bar(["a", "b", "c"], [1, -2, 3e6], hatch="//")
    right.text(0, 1e6, "text")
    right.grid(True, axis="x")
    right.tick_params(axis="y", labelrotation=10)
    other = right.twinx()
    other.plot([0, 1, 2], [0, 1, -1])
    other.set_ylabel("other")
    other.yaxis.set_major_locator(MaxNLocator(3))
    figure.suptitle("both")
    return figure


def maps_and_shares(between: Callable[[], object] = lambda: None) -> Any:
    figure, axes = figures.new(2, 2, width=5.6, height=4.2)
    between()
    heights = np.hypot(*np.mgrid[-1:1:20j, -1:1:20j])
    image = axes[0, 0].imshow(heights)
    figure.colorbar(image, ax=axes[0, 0], label="height")
    axes[0, 1].contourf(heights)
    axes[0, 1].clabel(axes[0, 1].contour(heights, colors="black"))
    axes[1, 0].hist(np.sin(40 * X))
    axes[1, 0].inset_axes((0.6, 0.6, 0.3, 0.3)).plot(X, X)
    axes[1, 1].boxplot([X, X**2])
    axes[1, 1].set_yscale("log")
    axes[1, 1].xaxis.grid(True)
    axes[1, 1].yaxis.get_major_ticks()
    return figure


def round_and_filled(between: Callable[[], object] = lambda: None) -> Any:
    figure, ax = figures.new(width=3.0, height=3.0, subplot_kw={"projection": "polar"})
    between()
    ax.plot(6 * X, X)
    ax.fill_between(6 * X, X / 2, alpha=0.5)
    ax.set_title("turns")
    figure.text(0.1, 0.1, "below")
    return figure


CELLS: list[Callable[..., Any]] = [lines_and_bars, maps_and_shares, round_and_filled]
