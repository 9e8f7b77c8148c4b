"""A picture of a stored report: what dividing a step costs, and what a second process brings.

    python -m benchmarks.plot_scale benchmarks/results/scale-NAME.json docs/scale.png

It is drawn in the course's style, from the numbers in the file alone.
"""

import textwrap
from pathlib import Path

import click
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks import devices
from benchmarks.measure import Comparison, middle_half
from benchmarks.processes import Scaling
from benchmarks.report import brief, where
from benchmarks.scale_report import ScaleReport
from course.show.style import BELIEF, DATA, GROUND, MUTED, SMALL, TRUTH, styled

WIDTH, HEIGHT = 10.0, 4.6  # inches
LETTERS = 120  # in a line of the note below
ROLES = {"pmap": BELIEF, "sharded": DATA}


@styled
def draw(report: ScaleReport) -> Figure:
    """A panel for each batch on simulated devices, and one for processes."""
    figure = Figure(figsize=(WIDTH, HEIGHT))
    note = textwrap.fill(where(report.machine), LETTERS)
    figure.supxlabel(note, color=MUTED, fontsize=0.85 * SMALL)
    panels = [*report.comparisons, *([report.scalings] if report.scalings else [])]
    axes = list(figure.subplots(1, max(len(panels), 1), squeeze=False)[0])
    for place, each in zip(axes, report.comparisons, strict=False):
        curves(place, each)
    if report.comparisons:
        axes[0].set_ylabel("time of a step, one device = 1×")
        axes[0].legend(loc="upper left", handlelength=2.5)
        share_limits(axes[: len(report.comparisons)])
    if report.scalings:
        bars(axes[-1], report.scalings)
    return figure


def curves(axes: Axes, comparison: Comparison) -> None:
    """The median ratio for each size of the team, with its middle half, and the fastest by hand."""
    counts: list[int] = []
    for backend, role in ROLES.items():
        ratios = devices.relative(comparison, backend)
        counts = list(ratios)
        middle, low, high = zip(*map(middle_half, ratios.values()), strict=True)
        axes.fill_between(counts, low, high, color=role, alpha=0.2, linewidth=0)
        label = f"fit, {backend}"
        axes.plot(counts, middle, color=role, linestyle=role.line, marker=role.marker, label=label)
    hand = devices.by_hand(comparison)
    middle = middle_half(comparison.ratios(hand))[0]
    style = {"color": TRUTH, "linestyle": "none", "markersize": 9}
    axes.plot(counts[-1:], [middle], marker="x", markeredgewidth=2, label="best by hand", **style)
    axes.axhline(1, color=MUTED, linewidth=1, linestyle="-", zorder=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.set_xlabel("simulated devices")
    microseconds = brief(1e6 * comparison.per_step(comparison.ways[0]))
    batch = comparison.name.partition(", ")[2]
    axes.set_title(f"digits, {batch}\n1× = {microseconds} µs a step", fontsize=SMALL)


def share_limits(panels: list[Axes]) -> None:
    """One scale from zero for all, so that heights can be compared."""
    top = max(axes.get_ylim()[1] for axes in panels)
    for axes in panels:
        axes.set_ylim(0, 1.05 * top)


def bars(axes: Axes, scalings: list[Scaling]) -> None:
    """Thousands of examples a second of one process and of several, and their ratio."""
    rates = [(middle_half(each.one), middle_half(each.several)) for each in scalings]
    for side, role, n in ((0, TRUTH, 1), (1, BELIEF, scalings[0].processes)):
        heights = [pair[side][0] / 1e3 for pair in rates]
        places = [number + 0.4 * side - 0.2 for number in range(len(rates))]
        label = "1 process" if n == 1 else f"{n} processes"
        fill = {"facecolor": "white", "edgecolor": role, "linewidth": 1.5, "hatch": role.hatch}
        axes.bar(places, heights, width=0.36, label=label, **fill)
        for x, pair in zip(places, rates, strict=True):
            _, low, high = pair[side]
            axes.plot([x, x], [low / 1e3, high / 1e3], color=MUTED, linestyle="-", linewidth=2)
    for number, (each, (_, (_, _, high))) in enumerate(zip(scalings, rates, strict=True)):
        text = f"{middle_half(each.ratios())[0]:.2f}×"
        place = {"xytext": (0, 4), "textcoords": "offset points", "ha": "center", "bbox": GROUND}
        axes.annotate(text, (number + 0.2, high / 1e3), fontsize=SMALL, **place)
    axes.set_ylim(0, 1.4 * max(high for pair in rates for _, _, high in pair) / 1e3)
    axes.set_xticks(range(len(scalings)), [kind(each) for each in scalings])
    axes.set_ylabel("thousand examples a second")
    axes.set_title("processes,\na core each", fontsize=SMALL)
    axes.legend(loc="upper left")


def kind(scaling: Scaling) -> str:
    """What the batches are."""
    small, large = scaling.batches
    return f"{small:,}\nshared" if small == large else f"{small:,}\neach"


@click.command()
@click.argument("results", type=click.Path(exists=True, path_type=Path))
@click.argument("picture", type=click.Path(path_type=Path))
def main(results: Path, picture: Path) -> None:
    """Draw the report in the file RESULTS into the file PICTURE."""
    draw(ScaleReport.read(results)).savefig(picture)


if __name__ == "__main__":
    main()
