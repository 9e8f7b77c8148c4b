"""What was measured of several devices and processes: as tables, sentences and JSON."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.table import Table

from benchmarks import devices, processes
from benchmarks.measure import Comparison, middle_half
from benchmarks.processes import Scaling
from benchmarks.report import brief, busy, store, where


class ScaleReport(NamedTuple):
    """All of a run."""

    machine: dict[str, Any]
    comparisons: list[Comparison]
    """Of devices."""
    scalings: list[Scaling]
    """Of processes."""
    skipped: list[str]
    """What could not be measured, in sentences."""

    def write(self, path: Path) -> None:
        """Store the report."""
        content = {
            **self._asdict(),
            "comparisons": [each.to_json() for each in self.comparisons],
            "scalings": [each._asdict() for each in self.scalings],
        }
        store(content, path)

    @classmethod
    def read(cls, path: Path) -> "ScaleReport":
        """The report that was stored."""
        content = json.loads(path.read_text(encoding="utf-8"))
        comparisons = [Comparison.from_json(each) for each in content.pop("comparisons")]
        scalings = [Scaling(**each) for each in content.pop("scalings")]
        return cls(**content, comparisons=comparisons, scalings=scalings)


def table(scalings: list[Scaling]) -> Table:
    """A row for each kind of scaling."""
    shown = Table(
        title="digits 64-128-128-10, processes with one core each",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
    )
    shown.add_column("", no_wrap=True)
    for name in ("batch", "examples/s, 1", "examples/s, n", "n", "ratio", "middle half"):
        shown.add_column(name, justify="right", no_wrap=True)
    for each in scalings:
        ratio, low, high = middle_half(each.ratios())
        shown.add_row(
            each.name,
            " to ".join(dict.fromkeys(f"{batch:,}" for batch in each.batches)),
            f"{middle_half(each.one)[0]:,.0f}",
            f"{middle_half(each.several)[0]:,.0f}",
            str(each.processes),
            brief(ratio),
            f"{brief(low)} to {brief(high)}",
        )
    return shown


def verdicts(report: ScaleReport) -> list[str]:
    """The ratios that matter, and whether they are what is wanted."""
    said = []
    for each in report.comparisons:
        for backend in devices.BACKENDS:
            middle, low, high = middle_half(devices.against_hand(each, backend))
            line = (
                f"{each.name}: {devices.largest(each, backend).name} takes {middle:.2f} times as "
                f"long as the fastest by hand ({devices.by_hand(each).name}), middle half "
                f"{low:.2f} to {high:.2f}"
            )
            goal = f"; at most {devices.WANTED} is wanted: {met(middle <= devices.WANTED)}"
            said.append(line + (goal if backend == "pmap" else "") + ".")
    for each in report.scalings:
        middle, low, high = middle_half(each.ratios())
        line = (
            f"{each.name}: {each.processes} processes learn from {middle:.2f} times as many "
            f"examples a second as one, middle half {low:.2f} to {high:.2f}"
        )
        goal = f"; at least {processes.WANTED} is wanted: {met(middle >= processes.WANTED)}"
        said.append(line + (goal if each.name.startswith("strong") else "") + ".")
    return said


def met(good: bool) -> str:
    """In words."""
    return "met" if good else "not met"


def notes(report: ScaleReport) -> list[str]:
    """What one must know to read the tables."""
    cores = report.machine["cores"]
    lines = [
        "Medians over the rounds. Ratio: of the same round, and the middle half of these. First: "
        "preparing and one run, with compilation, which is counted nowhere else.",
    ]
    if report.comparisons:
        lines.append(
            f"All devices are simulated and share the {cores} cores, and so does the row without "
            "any: more of them cannot be faster. What is shown is the price of dividing a step."
        )
    return [*lines, where(report.machine), *report.skipped, *busy(report.machine)]
