"""What was measured: as tables for the eye, as JSON for the plot."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.table import Table

from benchmarks.measure import Comparison, middle_half

COLUMNS = ("ms/epoch", "µs/step", "ratio", "middle half", "GFLOP/s", "of peak", "first, s")


class Report(NamedTuple):
    """All comparisons of a run."""

    machine: dict[str, Any]
    absent: dict[str, str]
    """Peers that were not installed, with the package they need."""
    comparisons: list[Comparison]

    def write(self, path: Path) -> None:
        """Store the report."""
        content = {
            "machine": self.machine,
            "absent": self.absent,
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
        }
        store(content, path)

    @classmethod
    def read(cls, path: Path) -> "Report":
        """The report that was stored."""
        content = json.loads(path.read_text(encoding="utf-8"))
        comparisons = [Comparison.from_json(each) for each in content.pop("comparisons")]
        return cls(**content, comparisons=comparisons)

    def where(self) -> str:
        """Machine, versions and date in a line."""
        return where(self.machine)


def where(machine: dict[str, Any]) -> str:
    """Machine, versions and date in a line."""
    listed = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"{machine['processor']}, {machine['cores']} cores; {listed}; {machine['date']}"


def busy(machine: dict[str, Any]) -> list[str]:
    """A sentence, if the machine had other things to do."""
    load, cores = machine["load"], machine["cores"]
    if load is None or load <= 0.5 * cores:
        return []
    return [f"The machine was busy before the start (load {load} on {cores} cores)."]


def slug(machine: dict[str, Any]) -> str:
    """A file name for a machine."""
    text = f"{machine['device']} {machine['processor']} {machine['cores']} cores"
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def store(content: dict[str, Any], path: Path) -> None:
    """Write JSON with each list of numbers on one line."""
    text = json.dumps(rounded(content), indent=1)
    text = re.sub(r"\[\s+([\d.e+,\s-]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def rounded(value: Any) -> Any:
    """Numbers to five significant digits: more says nothing about a time."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def brief(number: float) -> str:
    """Three significant digits, or all before the point.

    >>> brief(0.012345), brief(1.2), brief(12345.6)
    ('0.0123', '1.20', '12,346')
    """
    return f"{number:,.0f}" if number >= 1000 else f"{number:#.3g}".removesuffix(".")


def table(comparison: Comparison) -> Table:
    """A row for each way."""
    title = f"{comparison.name}, {comparison.epochs} epochs of {comparison.steps:,} steps"
    shown = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    shown.add_column("", no_wrap=True)
    for name in COLUMNS:
        shown.add_column(name, justify="right", no_wrap=True)
    for way in comparison.ways:
        seconds, _, _ = middle_half(way.seconds)
        ratio, low, high = middle_half(comparison.ratios(way))
        speed = [f"{comparison.flop / seconds / 1e9:.1f}", f"{comparison.of_peak(way):.0%}"]
        shown.add_row(
            way.name,
            brief(1e3 * seconds / comparison.epochs),
            brief(1e6 * comparison.per_step(way)),
            brief(ratio),
            f"{brief(low)} to {brief(high)}",
            *(speed if comparison.flop else ("", "")),
            f"{way.first:.2f}",
        )
    return shown


def notes(report: Report) -> list[str]:
    """What one must know to read the tables."""
    peak, _, _ = middle_half([flop for each in report.comparisons for flop in each.peak])
    lines = [
        "Medians over the rounds. Ratio: times as long as the first row in the same round, and "
        "the middle half of these. First: preparing and one run, with imports and compilation, "
        "which is counted nowhere else.",
        f"Peak: {peak / 1e9:.0f} GFLOP/s in float32 products of 2048 x 2048 matrices, measured in "
        "every round. FLOP: those of the matrix products that a step needs.",
        report.where(),
    ]
    lines += [f"Not there: {name} (needs {needs})." for name, needs in report.absent.items()]
    return lines + busy(report.machine)
