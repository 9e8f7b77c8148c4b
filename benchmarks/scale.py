"""Times training on several simulated devices, and in one process against two.

    make bench-scale
    make bench-scale args="--only devices --rounds 3"

All of it takes some minutes.
"""

from pathlib import Path

import click
from rich.console import Console

from benchmarks import cases, devices, measure, processes, report, scale_report
from benchmarks.__main__ import RESULTS
from benchmarks.scale_report import ScaleReport
from course.training.scale.parallel import simulate_devices

WIDTH = 120  # characters, below which the tables would be cut
PARTS = ("devices", "processes")
CASES = {
    "batch 64": lambda: cases.digits(64, 20),
    "batch 4096": lambda: cases.digits(4096, 20, copies=10),
}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="One part alone.")
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Where to store the numbers; otherwise those of both parts go to benchmarks/results.",
)
def main(only: tuple[str, ...], rounds: int, output: Path | None) -> None:
    """Time training on several devices and in several processes."""
    simulate_devices(max(devices.COUNTS))
    made = run(only or PARTS, rounds)
    path = output or (None if only else RESULTS / f"scale-{report.slug(made.machine)}.json")
    if path:
        made.write(path)
        click.echo(f"Stored in {path}")


def run(
    parts: tuple[str, ...],
    rounds: int,
    *,
    console: Console | None = None,
    pause: float = measure.PAUSE,
) -> ScaleReport:
    """Measure and print."""
    console = console or Console(width=max(WIDTH, Console().width))
    made = ScaleReport(measure.machine(), [], [], [])
    if "processes" in parts:
        with console.status(f"processes: {rounds} rounds"):
            time_processes(made, rounds)
        if made.scalings:
            console.print(scale_report.table(made.scalings))
    for name, case in CASES.items() if "devices" in parts else ():
        with console.status(f"devices, {name}: preparing, then {rounds} rounds"):
            made.comparisons.append(measure.measure(devices.work(case()), rounds, pause=pause))
        console.print(report.table(made.comparisons[-1]))
    for line in [*scale_report.verdicts(made), *scale_report.notes(made)]:
        console.print(line, highlight=False)
    return made


def time_processes(made: ScaleReport, rounds: int) -> None:
    """Add what several processes do, or why it cannot be measured."""
    if reason := processes.missing():
        made.skipped.append(f"Processes were not measured: {reason}.")
    else:
        made.scalings.extend(processes.measure(rounds))


if __name__ == "__main__":
    main()
