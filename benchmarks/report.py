"""Measurements of a run: as tables and sentences for the eye, as JSON for the plot."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from benchmarks import devices, processes
from benchmarks.measure import Comparison, middle_half
from benchmarks.processes import Scaling

COLUMNS = ("ms/epoch", "µs/step", "ratio", "middle half", "GFLOP/s", "of peak", "first, s")
SCALING_COLUMNS = ("batch", "examples/s, 1", "examples/s, n", "n", "ratio", "middle half")


@dataclass(frozen=True)
class Report:
    """Everything that a run measured."""

    machine: dict[str, Any]
    absent: dict[str, str] = field(default_factory=dict)
    """Peers that were not installed, with the package they need."""
    comparisons: list[Comparison] = field(default_factory=list)
    """Ways to do the same work on one device or on several."""
    scalings: list[Scaling] = field(default_factory=list)
    """One process against several."""
    skipped: list[str] = field(default_factory=list)
    """Sentences about measurements that were not possible."""

    def write(self, path: Path) -> None:
        """Store the report as JSON with each list of numbers on one line."""
        content = {
            **vars(self),
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "scalings": [scaling._asdict() for scaling in self.scalings],
        }
        text = json.dumps(rounded(content), indent=1)
        text = re.sub(r"\[\s+([\d.e+,\s-]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Report":
        """Return the report that was stored."""
        content = json.loads(path.read_text(encoding="utf-8"))
        comparisons = [Comparison.from_json(each) for each in content.pop("comparisons")]
        scalings = [Scaling(**each) for each in content.pop("scalings", [])]
        return cls(**content, comparisons=comparisons, scalings=scalings)

    @property
    def where(self) -> str:
        """Machine, versions and date in a line."""
        listed = ", ".join(
            f"{name} {version}" for name, version in self.machine["versions"].items()
        )
        processor, cores = self.machine["processor"], self.machine["cores"]
        return f"{processor}, {cores} cores; {listed}; {self.machine['date']}"

    @property
    def slug(self) -> str:
        """File name for the machine."""
        text = "{device} {processor} {cores} cores".format(**self.machine)
        return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def rounded(value: Any) -> Any:
    """Round numbers to five significant digits: more says nothing about a time."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def brief(number: float) -> str:
    """Return three significant digits, or all before the point.

    >>> brief(0.012345), brief(1.2), brief(12345.6)
    ('0.0123', '1.20', '12,346')
    """
    return f"{number:,.0f}" if number >= 1000 else f"{number:#.3g}".removesuffix(".")


def table(comparison: Comparison) -> Table:
    """Return a table with a row for each way."""
    title = f"{comparison.name}, {comparison.epochs} epochs of {comparison.steps:,} steps"
    shown = _empty_table(title, COLUMNS)
    for way in comparison.ways:
        seconds, _, _ = middle_half(way.seconds)
        speed = [f"{comparison.flop / seconds / 1e9:.1f}", f"{comparison.of_peak(way):.0%}"]
        shown.add_row(
            way.name,
            brief(1e3 * seconds / comparison.epochs),
            brief(1e6 * comparison.per_step(way)),
            *_spread(comparison.ratios(way)),
            *(speed if comparison.flop else ("", "")),
            f"{way.first:.2f}",
        )
    return shown


def scaling_table(scalings: list[Scaling]) -> Table:
    """Return a table with a row for each kind of scaling."""
    shown = _empty_table("digits 64-128-128-10, processes with one core each", SCALING_COLUMNS)
    for each in scalings:
        shown.add_row(
            each.name,
            " to ".join(dict.fromkeys(f"{batch:,}" for batch in each.batches)),
            f"{middle_half(each.one)[0]:,.0f}",
            f"{middle_half(each.several)[0]:,.0f}",
            str(each.processes),
            *_spread(each.ratios()),
        )
    return shown


def _empty_table(title: str, columns: tuple[str, ...]) -> Table:
    shown = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    shown.add_column("", no_wrap=True)
    for name in columns:
        shown.add_column(name, justify="right", no_wrap=True)
    return shown


def _spread(ratios: list[float]) -> tuple[str, str]:
    middle, low, high = middle_half(ratios)
    return brief(middle), f"{brief(low)} to {brief(high)}"


def verdicts(report: Report) -> list[str]:
    """Return sentences with the ratios that matter on several devices and processes."""
    lines = []
    for each in report.comparisons:
        for backend in devices.backends(each):
            ratios = devices.against_hand(each, backend)
            begin = f"{each.name}: {devices.largest(each, backend).name} takes"
            hand = f"as long as the fastest by hand ({devices.by_hand(each).name})"
            wanted = f"at most {devices.WANTED}" if backend == "pmap" else ""
            met = middle_half(ratios)[0] <= devices.WANTED
            lines.append(_verdict(begin, ratios, hand, wanted, met))
    for each in report.scalings:
        begin = f"{each.name}: {each.processes} processes learn from"
        wanted = f"at least {processes.WANTED}" if each.name.startswith("strong") else ""
        met = middle_half(each.ratios())[0] >= processes.WANTED
        lines.append(
            _verdict(begin, each.ratios(), "as many examples a second as one", wanted, met)
        )
    return lines


def _verdict(begin: str, ratios: list[float], end: str, wanted: str, met: bool) -> str:
    middle, low, high = middle_half(ratios)
    line = f"{begin} {middle:.2f} times {end}, middle half {low:.2f} to {high:.2f}"
    return f"{line}; {wanted} is wanted: {'met' if met else 'not met'}." if wanted else f"{line}."


def notes(report: Report) -> list[str]:
    """Return sentences that explain the tables."""
    lines = [
        "Medians over the rounds. Ratio: times as long as the first row in the same round, and "
        "the middle half of these. First: preparing and one run, with imports and compilation, "
        "which is counted nowhere else.",
    ]
    cores, load = report.machine["cores"], report.machine["load"]
    if report.comparisons:
        peak = middle_half([flop for each in report.comparisons for flop in each.peak])[0]
        lines.append(
            f"Peak: {peak / 1e9:.0f} GFLOP/s in float32 products of 2048 x 2048 matrices, measured "
            "in every round. FLOP: those of the matrix products that a step needs."
        )
    if any(devices.backends(each) for each in report.comparisons):
        lines.append(
            f"All devices are simulated and share the {cores} cores, and so does the row without "
            "any: more of them cannot be faster. What is shown is the price of dividing a step."
        )
    lines += [report.where, *report.skipped]
    lines += [f"Not there: {name} (needs {needs})." for name, needs in report.absent.items()]
    if load is not None and load > 0.5 * cores:
        lines.append(f"The machine was busy before the start (load {load} on {cores} cores).")
    return lines
