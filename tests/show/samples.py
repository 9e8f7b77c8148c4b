"""One picture of each helper, which the tests of this folder look at from several sides."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.show import figures

SKIES = ["rain", "cloud", "sun"]
P = np.array([0.65, 0.30, 0.05])
GRID = np.linspace(0.0, 1.0, 101)


def one_belief() -> Axes:
    ax = figures.new()[1]
    ax.set(ylabel="probability", title="Tomorrow")
    return figures.bars(ax, P, SKIES)


def two_beliefs() -> Axes:
    roles = [figures.TRUTH, figures.BELIEF]
    ax = figures.bars(figures.new()[1], [P[::-1], P], SKIES, role=roles, names=["truth", "belief"])
    ax.set_ylabel("probability")
    return ax


def endless_cost() -> Axes:
    costs = [[0.62, 1.74, 4.32], [0.0, np.inf, np.inf]]
    roles = [figures.BELIEF, figures.COST]
    ax = figures.new()[1]
    return figures.bars(ax, costs, SKIES, role=roles, names=["forecast", "point answer"])


def arch() -> Axes:
    ax = figures.new()[1]
    figures.curve(ax, GRID, 4 * GRID * (1 - GRID), fill=True, name="arch")
    figures.mark(ax, 0.9, 0.36, "p = 0.90", offset=(-10, -8))
    figures.reference(ax, 1.0, "one bit")
    figures.reference(ax, 0.25, "a quarter", axis="x")
    ax.set(xlabel="p", ylabel="height", ylim=(0, 1.2))
    return ax


def weeks() -> Axes:
    times = np.arange(1, 31)
    caught = 0.95 - 0.3 * ((times > 12) & (times < 20)) + np.linspace(-0.02, 0.02, 12)[:, None]
    ax = figures.new()[1]
    events = {12.5: "tactics change", 20.5: "retrained"}
    figures.timeline(ax, times, caught, events=events, name="learned filter")
    figures.band(ax, times, caught - 0.3, role=figures.TRUTH, name="rules")
    ax.set(xlabel="week", ylabel="spam caught")
    return figures.legend(ax)


def totals() -> Axes:
    parts = [[1.14, 1.14, 1.14], [0.02, 0.5, 1.2]]
    ax = figures.new()[1]
    ax.set_ylabel("bits")
    return figures.stacked(ax, parts, ["good", "fair", "poor"], names=["entropy", "wrong belief"])


def triangle() -> Axes:
    ax = figures.simplex(figures.new(height=4.0)[1], SKIES)
    figures.heat(ax, -np.log2(np.maximum(figures.grid(), 0.01)) @ P, label="cost (bits)")
    figures.mark(ax, *figures.to_plane(P), "truth", role=figures.TRUTH)
    return figures.mark(ax, *figures.to_plane([0.2, 0.4, 0.4]), "forecast")


ALL: list[Callable[[], Axes]] = [
    one_belief, two_beliefs, endless_cost, arch, weeks, totals, triangle
]  # fmt: skip


def figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure
