"""Run the comparisons, print a table for each, and store what was measured.

    make bench                                       the training loop beside other libraries
    make bench args="--only digits-64 --rounds 5"
    make bench-scale                                 several simulated devices, two processes
    make bench-scale args="--only devices --rounds 3"

Each takes some minutes.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import click
from rich.console import Console

from benchmarks import devices, line, measure, processes, report, sweep, training
from benchmarks.cases import digits, tiny
from benchmarks.measure import Work
from course.paths import file_path, write_fault
from course.training.scale.parallel import simulate_devices

WIDTH = 120  # characters, below which the tables would be cut
RESULTS = Path(__file__).parent / "results"
WORK: Mapping[str, tuple[Callable[[], Work], ...]] = {
    "digits-64": (lambda: training.work(digits(64, 40)),),
    "digits-512": (lambda: training.work(digits(512, 100)),),
    "digits-4096": (lambda: training.work(digits(4096, 20, copies=10)),),
    "tiny": (lambda: training.work(tiny(200)),),
    "line": (lambda: line.work(10),),
    "sweep-softmax": (lambda: sweep.work((64, 10), 5),),
    "sweep-small": (lambda: sweep.work((64, 32, 10), 5),),
    "sweep-digits": (lambda: sweep.work((64, 128, 128, 10), 2),),
}
# Processes are jobs of their own, not ways to be timed in this one.
PROCESSES = "processes"
SCALE: Mapping[str, tuple[Callable[[], Work], ...]] = {
    PROCESSES: (),
    "devices": (
        lambda: devices.work(digits(64, 20)),
        lambda: devices.work(digits(4096, 20, copies=10)),
    ),
}


def read_output(_: click.Context, __: click.Parameter, value: str | None) -> Path | None:
    """The file for the numbers, looked at before minutes are spent on them."""
    try:
        path = file_path("--output", value) if value is not None else None
    except ValueError as error:
        raise click.ClickException(f"{error}.") from error
    if path and (fault := write_fault(path.parent)):
        raise click.ClickException(f"--output: {fault}.")
    return path


@click.command()
@click.option("--scale", is_flag=True, help="Several devices and processes, not other libraries.")
@click.option("--only", multiple=True, type=click.Choice([*WORK, *SCALE]), help="Some of them.")
@click.option("--rounds", type=click.IntRange(min=1), help="11, or 7 with --scale.")
@click.option(
    "--output",
    callback=read_output,
    metavar="FILE",
    help="Where to store the numbers; otherwise those of all comparisons go to benchmarks/results.",
)
def main(scale: bool, only: tuple[str, ...], rounds: int | None, output: Path | None) -> None:
    """Time the course's training loop beside other ways to do the same work."""
    known = SCALE if scale else WORK
    if others := set(only) - set(known):
        raise click.UsageError(f"{', '.join(sorted(others))}: only with{'out' * scale} --scale")
    if scale:
        simulate_devices(max(devices.COUNTS))
    made = run({name: known[name] for name in only or known}, rounds or (7 if scale else 11))
    name = f"{'scale-' * scale}{made.slug}.json"
    path = output or (None if only else RESULTS / name)
    if path:
        made.write(path)
        click.echo(f"Stored in {path}")


def run(
    chosen: Mapping[str, Iterable[Callable[[], Work]]],
    rounds: int,
    *,
    console: Console | None = None,
    pause: float = measure.PAUSE,
) -> report.Report:
    """Measure and print."""
    console = console or Console(width=max(WIDTH, Console().width))
    absent = training.absent() if WORK.keys() & chosen else {}
    made = report.Report(measure.machine(), absent)
    if PROCESSES in chosen:
        time_processes(made, rounds, console)
    for name, works in chosen.items():
        for work in works:
            with console.status(f"{name}: preparing, then {rounds} rounds"):
                made.comparisons.append(measure.measure(work(), rounds, pause=pause))
            console.print(report.table(made.comparisons[-1]))
    for sentence in [*report.verdicts(made), *report.notes(made)]:
        console.print(sentence, highlight=False)
    return made


def time_processes(made: report.Report, rounds: int, console: Console) -> None:
    """Add one process against several to the report, or the reason why it cannot be measured."""
    if reason := processes.missing():
        made.skipped.append(f"Processes were not measured: {reason}.")
        return
    with console.status(f"{PROCESSES}: {rounds} rounds"):
        made.scalings.extend(processes.measure(rounds))
    console.print(report.scaling_table(made.scalings))


if __name__ == "__main__":
    main()
