"""One process against two, each on a core of its own, in examples a second.

Each measurement is a job of its own under `mpirun`: processes start, find each other, compile, and
then train several times. Jobs with one process and with two take turns. The jobs run this module:

    mpirun --bind-to core -n 2 python -m benchmarks.processes 2 BATCH COPIES EPOCHS RUNS
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import click
import numpy as np

from benchmarks import cases, peers_course
from benchmarks.measure import usable_cores
from benchmarks.training import SAME_STEPS
from course.training.scale.processes import join

ROOT = Path(__file__).parents[1]
BATCH, EPOCHS, RUNS, COPIES, PROCESSES = 4096, 60, 3, 10, 2
WANTED = 1.4  # times as many examples a second that two processes should learn from, at one batch
SECONDS = 300  # in which a job must be done


class Job(NamedTuple):
    """Training that a few processes do together."""

    processes: int
    batch: int
    """Examples in a step, of all processes together."""
    copies: int
    """Of the digits: as many steps in an epoch for each batch."""
    epochs: int = EPOCHS
    runs: int = RUNS


SMALL = Job(1, BATCH, COPIES)


class Scaling(NamedTuple):
    """Examples a second, in each round."""

    name: str
    processes: int
    batches: list[int]
    """Examples in a step: of one process, and of several together."""
    one: list[float]
    several: list[float]

    def ratios(self) -> list[float]:
        """Return the examples of several as a multiple of those of one, in each round."""
        return [b / a for a, b in zip(self.one, self.several, strict=True)]


def missing() -> str | None:
    """Return the reason why this cannot be measured here, if there is one."""
    if not shutil.which("mpirun"):
        return "mpirun is not installed (Debian: apt install openmpi-bin)"
    if usable_cores() < PROCESSES:
        return f"{PROCESSES} processes need as many cores"
    return None


def launch(job: Job) -> dict[str, Any]:
    """Run a job and return what its process 0 prints."""
    command = ["mpirun", *(["--allow-run-as-root"] if os.geteuid() == 0 else [])]
    # Bound to a core, a process has it to itself, and one process has no use of the other cores.
    command += ["--bind-to", "core", "-n", str(job.processes), "--timeout", str(SECONDS)]
    command += [sys.executable, "-m", "benchmarks.processes", *map(str, job)]
    # Not the threads of simulated devices, should this process have any.
    environment = {name: value for name, value in os.environ.items() if name != "NPROC"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**environment, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=SECONDS + 30,  # mpirun ends all of its processes before
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{job} ended with status {done.returncode}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if (told["processes"], told["cores"]) != (job.processes, 1):
        raise RuntimeError(f"expected {job.processes} processes with a core each, got {told}")
    return told


def measure(
    rounds: int,
    *,
    small: Job = SMALL,
    processes: int = PROCESSES,
    start: Callable[[Job], dict[str, Any]] = launch,
) -> list[Scaling]:
    """Measure strong scaling (one batch is shared) and weak (each process has its own).

    The data grow with the batch, so an epoch has the same number of steps.
    """
    shared = small._replace(processes=processes)
    larger = shared._replace(batch=processes * small.batch, copies=processes * small.copies)
    jobs, random = [small, shared, larger], Random(0)
    told: dict[Job, list[dict[str, Any]]] = {job: [] for job in jobs}
    for _ in range(rounds):
        for job in random.sample(jobs, len(jobs)):
            told[job].append(start(job))
    check(told[small], told[shared])
    one, together, wide = ([speed(each) for each in told[job]] for job in jobs)
    return [
        Scaling("strong scaling", processes, [small.batch, shared.batch], one, together),
        Scaling("weak scaling", processes, [small.batch, larger.batch], one, wide),
    ]


def speed(told: dict[str, Any]) -> float:
    """Return the examples a second in the middle one of a job's runs."""
    return float(told["examples"] / statistics.median(told["seconds"]))


def check(one: list[dict[str, Any]], several: list[dict[str, Any]]) -> None:
    """Raise unless several processes have taken the same steps as one."""
    for a, b in zip(one, several, strict=True):
        if a["examples"] != b["examples"] or not np.allclose(a["losses"], b["losses"], rtol=1e-3):
            raise RuntimeError("several processes have other losses than one")


@click.command()
@click.argument("count", type=int)
@click.argument("settings", type=int, nargs=4)
def main(count: int, settings: tuple[int, int, int, int]) -> None:
    """Train digits several times, with the other processes if there are any."""
    rank = join()
    if rank.count != count:
        raise click.ClickException(f"expected {count} processes, got {rank.count}")
    told = train(Job(count, *settings))
    if rank.index == 0:
        click.echo(json.dumps({"processes": rank.count, **told}))


def train(job: Job) -> dict[str, Any]:
    """Compile, then time some runs."""
    case = cases.digits(job.batch, job.epochs, copies=job.copies)
    run = peers_course.prepare(case, **({"devices": "all"} if job.processes > 1 else {}))
    losses = run(0)
    seconds = []
    for seed in range(1, job.runs + 1):
        begin = time.perf_counter()
        run(seed)
        seconds.append(time.perf_counter() - begin)
    return {
        "cores": usable_cores(),
        "examples": case.epochs * case.steps * case.batch,
        "seconds": seconds,
        "losses": losses[:SAME_STEPS].tolist(),
    }


if __name__ == "__main__":
    main()
