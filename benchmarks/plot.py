"""A picture of a stored report: how many times as long the other ways take.

    python -m benchmarks.plot benchmarks/results/NAME.json docs/benchmarks.png

It is drawn in the course's style, from the numbers in the file alone.
"""

from pathlib import Path

import click
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.measure import Comparison, Timed, middle_half
from benchmarks.report import Report, brief
from benchmarks.training import COURSE
from course.show.style import BELIEF, MUTED, SMALL, TRUTH, styled

WIDTH, ROW, REST = 10.0, 0.27, 1.0  # inches
ROOM = 4.0  # times the largest ratio, for its label

Row = tuple[str, Comparison, Timed]
"""A label, and whose ratio to the first way is shown."""


@styled
def draw(report: Report) -> Figure:
    """A panel for each training, with a row for each peer; below, a row for each other work."""
    trainings = [each for each in report.comparisons if each.ways[0].name == COURSE]
    others = [each for each in report.comparisons if each.ways[0].name != COURSE]
    above = max((len(each.ways) for each in trainings), default=0)
    heights = [ROW * rows + REST for rows in (above, len(others)) if rows]
    figure = Figure(figsize=(WIDTH, sum(heights)))
    figure.supxlabel(report.where(), color=MUTED, fontsize=0.75 * SMALL)
    parts = list(figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    if trainings:
        panels = parts.pop(0).subplots(1, len(trainings), sharex=True, squeeze=False)[0]
        for axes, each in zip(panels, trainings, strict=True):
            dots(axes, [(way.name, each, way) for way in each.ways])
            microseconds = brief(1e6 * each.per_step(each.ways[0]))
            first, _, second = each.name.partition(", ")
            axes.set_title(f"{first}\n{second}\n1× = {microseconds} µs a step", fontsize=SMALL)
            axes.tick_params(labelleft=axes is panels[0])
    if others:
        axes = parts.pop(0).subplots()
        dots(
            axes, [(f"{one.name}: {way.name}", one, way) for one in others for way in one.ways[1:]]
        )
        axes.set_title("Times as long as the course's one compiled program", fontsize=SMALL)
    return figure


def dots(axes: Axes, rows: list[Row]) -> None:
    """The median ratio of each row as a dot, its middle half as a bar, on a logarithmic axis."""
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
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, 0.7), max(right, ROOM * largest))
    axes.xaxis.set_major_locator(LogLocator(base=10))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color=MUTED, linewidth=1, linestyle="-", zorder=0)
    axes.set_yticks(range(len(rows)), [label for label, _, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)


@click.command()
@click.argument("results", type=click.Path(exists=True, path_type=Path))
@click.argument("picture", type=click.Path(path_type=Path))
def main(results: Path, picture: Path) -> None:
    """Draw the report in the file RESULTS into the file PICTURE."""
    draw(Report.read(results)).savefig(picture)


if __name__ == "__main__":
    main()
