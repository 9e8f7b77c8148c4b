"""One of the processes that `benchmarks.processes` starts.

mpirun --bind-to core -n 2 python -m benchmarks.scale_worker 2 BATCH COPIES EPOCHS RUNS
"""

import json
import time
from typing import Any

import click

from benchmarks import cases, measure, peers_course
from benchmarks.training import SAME_STEPS
from course.training.scale import processes


@click.command()
@click.argument("count", type=int)
@click.argument("batch", type=int)
@click.argument("copies", type=int)
@click.argument("epochs", type=int)
@click.argument("runs", type=int)
def main(count: int, batch: int, copies: int, epochs: int, runs: int) -> None:
    """Train digits several times, with the other processes if there are any."""
    rank = processes.join()
    if rank.count != count:
        raise click.ClickException(f"expected {count} processes, got {rank.count}")
    told = train(cases.digits(batch, epochs, copies=copies), runs, several=rank.count > 1)
    if rank.index == 0:
        click.echo(json.dumps({"processes": rank.count, **told}))


def train(case: cases.Case, runs: int, *, several: bool) -> dict[str, Any]:
    """Compile, then time some runs."""
    run = peers_course.prepare(case, **({"devices": "all"} if several else {}))
    losses = run(0)
    seconds = []
    for seed in range(1, runs + 1):
        begin = time.perf_counter()
        run(seed)
        seconds.append(time.perf_counter() - begin)
    return {
        "cores": measure.usable_cores(),
        "examples": case.epochs * case.steps * case.batch,
        "seconds": seconds,
        "losses": losses[:SAME_STEPS].tolist(),
    }


if __name__ == "__main__":
    main()
