"""One process against two, each on a core of its own: how many examples they learn from a second.

Each measurement is a job of its own under `mpirun`: processes start, find each other, compile, and
then train several times. Jobs with one process and with two take turns.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measure import usable_cores

ROOT = Path(__file__).parents[1]
BATCH, EPOCHS, RUNS, COPIES, PROCESSES = 4096, 60, 3, 10, 2
WANTED = 1.4
"""How many times as many examples a second two processes should learn from as one, at one batch."""
SECONDS = 300  # in which a job must be done


class Job(NamedTuple):
    """What a few processes do together."""

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
        """How many times as many several learn from as one, in each round."""
        return [b / a for a, b in zip(self.one, self.several, strict=True)]


def missing() -> str | None:
    """Why this cannot be measured here."""
    if not shutil.which("mpirun"):
        return "mpirun is not installed (Debian: apt install openmpi-bin)"
    if usable_cores() < PROCESSES:
        return f"{PROCESSES} processes need as many cores"
    return None


def launch(job: Job) -> dict[str, Any]:
    """Run a job and return what its first process tells."""
    command = ["mpirun", *(["--allow-run-as-root"] if os.geteuid() == 0 else [])]
    # Bound to a core, a process has it to itself, and one process has no use of the other cores.
    command += ["--bind-to", "core", "-n", str(job.processes), "--timeout", str(SECONDS)]
    command += [sys.executable, "-m", "benchmarks.scale_worker", *map(str, job)]
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
    """Strong scaling, where the batch is shared, and weak, where each process has one of its own.

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
    """Examples a second, in the middle one of a job's runs."""
    return float(told["examples"] / statistics.median(told["seconds"]))


def check(one: list[dict[str, Any]], several: list[dict[str, Any]]) -> None:
    """Raise unless several processes have taken the same steps as one."""
    for a, b in zip(one, several, strict=True):
        if a["examples"] != b["examples"] or not np.allclose(a["losses"], b["losses"], rtol=1e-3):
            raise RuntimeError("several processes have other losses than one")
