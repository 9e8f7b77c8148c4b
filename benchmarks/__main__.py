"""Runs the comparisons, prints a table for each, and stores what was measured.

    make bench
    make bench args="--only digits-64 --rounds 5"

All of them take some minutes.
"""

from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from benchmarks import cases, line, measure, report, sweep, training
from benchmarks.measure import Work

WIDTH = 110  # characters, below which the tables would be cut
RESULTS = Path(__file__).parent / "results"
WORK: dict[str, Callable[[], Work]] = {
    "digits-64": lambda: training.work(cases.digits(64, 40)),
    "digits-512": lambda: training.work(cases.digits(512, 100)),
    "digits-4096": lambda: training.work(cases.digits(4096, 20, copies=10)),
    "tiny": lambda: training.work(cases.tiny(200)),
    "line": lambda: line.work(10),
    "sweep-softmax": lambda: sweep.work((64, 10), 5),
    "sweep-small": lambda: sweep.work((64, 32, 10), 5),
    "sweep-digits": lambda: sweep.work((64, 128, 128, 10), 2),
}


@click.command()
@click.option("--only", multiple=True, type=click.Choice([*WORK]), help="Some of them alone.")
@click.option("--rounds", default=11, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Where to store the numbers; otherwise those of all comparisons go to benchmarks/results.",
)
def main(only: tuple[str, ...], rounds: int, output: Path | None) -> None:
    """Time the course's training loop beside other libraries."""
    made = run({name: WORK[name] for name in only or WORK}, rounds)
    path = output or (None if only else RESULTS / f"{report.slug(made.machine)}.json")
    if path:
        made.write(path)
        click.echo(f"Stored in {path}")


def run(
    chosen: dict[str, Callable[[], Work]],
    rounds: int,
    *,
    console: Console | None = None,
    pause: float = measure.PAUSE,
) -> report.Report:
    """Measure and print."""
    console = console or Console(width=max(WIDTH, Console().width))
    made = report.Report(measure.machine(), training.absent(), [])
    for name, work in chosen.items():
        with console.status(f"{name}: preparing, then {rounds} rounds"):
            made.comparisons.append(measure.measure(work(), rounds, pause=pause))
        console.print(report.table(made.comparisons[-1]))
    for note in report.notes(made):
        console.print(note, highlight=False)
    return made


if __name__ == "__main__":
    main()
