"""A picture of a stored report, in the course's style, from the numbers in the file alone.

    python -m benchmarks.plot benchmarks/results/NAME.json docs/benchmarks.png
    python -m benchmarks.plot benchmarks/results/scale-NAME.json docs/scale.png

The first shows the time of other ways as a multiple of `fit`'s, the second the cost of dividing a
step among devices and the gain of a second process.
"""

import textwrap
from pathlib import Path

import click
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from benchmarks import devices
from benchmarks.measure import Comparison, Timed, middle_half
from benchmarks.processes import Scaling
from benchmarks.report import Report, brief
from benchmarks.training import COURSE
from course.show.drawing import styled
from course.show.style import BELIEF, DATA, GROUND, MUTED, SMALL, TRUTH

WIDTH, ROW, REST, HEIGHT = 10.0, 0.27, 1.0, 4.6  # inches
ROOM = 4.0  # times the largest ratio, for its label
LETTERS = 120  # in a line of the note below
ROLES = {"pmap": BELIEF, "sharded": DATA}
TIMES = FuncFormatter(lambda value, _: f"{value:g}×")

Row = tuple[str, Comparison, Timed]  # a label, and whose ratio to the first way is shown


@styled
def draw(report: Report) -> Figure:
    """Draw the picture that fits the report."""
    scale = report.scalings or any(devices.backends(each) for each in report.comparisons)
    figure = draw_scale(report) if scale else draw_peers(report)
    figure.supxlabel(textwrap.fill(report.where, LETTERS), color=MUTED, fontsize=0.8 * SMALL)
    return figure


def draw_peers(report: Report) -> Figure:
    """Draw a panel for each training, with a row for each peer, and one for all other work."""
    trainings = [each for each in report.comparisons if each.ways[0].name == COURSE]
    others = [each for each in report.comparisons if each.ways[0].name != COURSE]
    above = max((len(each.ways) for each in trainings), default=0)
    heights = [ROW * rows + REST for rows in (above, len(others)) if rows]
    figure = Figure(figsize=(WIDTH, sum(heights)))
    parts = list(figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    if trainings:
        panels = parts.pop(0).subplots(1, len(trainings), sharex=True, squeeze=False)[0]
        for axes, each in zip(panels, trainings, strict=True):
            dots(axes, [(way.name, each, way) for way in each.ways])
            axes.set_title(heading(each), fontsize=SMALL)
            axes.tick_params(labelleft=axes is panels[0])
    if others:
        axes = parts.pop(0).subplots()
        rows = [(f"{one.name}: {way.name}", one, way) for one in others for way in one.ways[1:]]
        dots(axes, rows)
        axes.set_title("Times as long as the course's one compiled program", fontsize=SMALL)
    return figure


def heading(comparison: Comparison) -> str:
    """Return the name over two lines, and the time that is 1× below."""
    first, _, second = comparison.name.partition(", ")
    microseconds = brief(1e6 * comparison.per_step(comparison.ways[0]))
    return f"{first}\n{second}\n1× = {microseconds} µs a step"


def dots(axes: Axes, rows: list[Row]) -> None:
    """Draw each row's median ratio as a dot, its middle half as a bar, on a logarithmic axis."""
    axes.set_xscale("log")
    largest = 1.0
    for number, (_, comparison, way) in enumerate(rows):
        middle, low, high = middle_half(comparison.ratios(way))
        largest = max(largest, high)
        colour = BELIEF if way is comparison.ways[0] else TRUTH
        axes.plot([low, high], [number, number], color=MUTED, linestyle="-", linewidth=2)
        axes.plot([middle], [number], color=colour, marker="o", markersize=6)
        text = f"{middle:.2f}×" if middle < 10 else f"{middle:.0f}×"
        place = {"xytext": (7, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(text, (high, number), fontsize=0.85 * SMALL, **place)
    # Labels stand to the right of their bars: the axis leaves room for the longest bar's.
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, 0.7), max(right, ROOM * largest))
    axes.xaxis.set_major_locator(LogLocator(base=10))
    axes.xaxis.set_major_formatter(TIMES)
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color=MUTED, linewidth=1, linestyle="-", zorder=0)
    axes.set_yticks(range(len(rows)), [label for label, _, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)


def draw_scale(report: Report) -> Figure:
    """Draw a panel for each batch on simulated devices, and one for processes."""
    figure = Figure(figsize=(WIDTH, HEIGHT))
    count = len(report.comparisons) + bool(report.scalings)
    axes = list(figure.subplots(1, count, squeeze=False)[0])
    panels = axes[: len(report.comparisons)]
    for panel, each in zip(panels, report.comparisons, strict=True):
        curves(panel, each)
    if panels:
        panels[0].set_ylabel("time of a step, one device = 1×")
        panels[0].legend(loc="upper left", handlelength=2.5)
        # One scale from zero for all, so that heights can be compared.
        top = max(panel.get_ylim()[1] for panel in panels)
        for panel in panels:
            panel.set_ylim(0, 1.05 * top)
    if report.scalings:
        bars(axes[-1], report.scalings)
    return figure


def curves(axes: Axes, comparison: Comparison) -> None:
    """Draw the median ratio for each number of devices, and the fastest by hand."""
    counts: list[int] = []
    for backend in devices.backends(comparison):
        role = ROLES[backend]
        ratios = devices.relative(comparison, backend)
        counts = list(ratios)
        middle, low, high = zip(*map(middle_half, ratios.values()), strict=True)
        axes.fill_between(counts, low, high, color=role, alpha=0.2, linewidth=0)
        style = {"color": role, "linestyle": role.line, "marker": role.marker}
        axes.plot(counts, middle, label=f"fit, {backend}", **style)
    # By hand it was timed on the largest number of devices alone.
    middle = middle_half(comparison.ratios(devices.by_hand(comparison)))[0]
    style = {"color": TRUTH, "linestyle": "none", "markersize": 9}
    axes.plot(counts[-1:], [middle], marker="x", markeredgewidth=2, label="best by hand", **style)
    axes.axhline(1, color=MUTED, linewidth=1, linestyle="-", zorder=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(TIMES)
    axes.set_xlabel("simulated devices")
    axes.set_title(heading(comparison), fontsize=SMALL)


def bars(axes: Axes, scalings: list[Scaling]) -> None:
    """Draw thousands of examples a second of one process and of several, and their ratio."""
    highest = 0.0
    for number, each in enumerate(scalings):
        for side, role, rates in ((-0.2, TRUTH, each.one), (0.2, BELIEF, each.several)):
            middle, low, high = (rate / 1e3 for rate in middle_half(rates))
            highest = max(highest, high)
            label = f"{each.processes} processes" if role is BELIEF else "1 process"
            fill = {"facecolor": "white", "edgecolor": role, "linewidth": 1.5, "hatch": role.hatch}
            axes.bar(number + side, middle, 0.36, label="" if number else label, **fill)
            ends = [number + side, number + side]
            axes.plot(ends, [low, high], color=MUTED, linestyle="-", linewidth=2)
        # Above the bar of several processes, which the loop came to last.
        text = f"{middle_half(each.ratios())[0]:.2f}×"
        place = {"xytext": (0, 4), "textcoords": "offset points", "ha": "center", "bbox": GROUND}
        axes.annotate(text, (number + 0.2, high), fontsize=SMALL, **place)
    axes.set_ylim(0, 1.4 * highest)
    kinds = ["each" if len(set(each.batches)) > 1 else "shared" for each in scalings]
    labels = [f"{each.batches[0]:,}\n{kind}" for each, kind in zip(scalings, kinds, strict=True)]
    axes.set_xticks(range(len(scalings)), labels)
    axes.set_ylabel("thousand examples a second")
    axes.set_title("processes,\na core each", fontsize=SMALL)
    axes.legend(loc="upper left")


@click.command()
@click.argument("results", type=click.Path(exists=True, path_type=Path))
@click.argument("picture", type=click.Path(path_type=Path))
def main(results: Path, picture: Path) -> None:
    """Draw the report in the file RESULTS into the file PICTURE."""
    draw(Report.read(results)).savefig(picture)


if __name__ == "__main__":
    main()
