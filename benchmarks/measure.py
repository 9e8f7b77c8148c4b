"""Timing several ways to do the same work, in turn, so that a busy machine slows all alike."""

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Run = Callable[[int], np.ndarray]
"""From a seed to what the work gave, when it is done."""

# Threads of a BLAS or of OpenMP that have nothing to do spin for some time before they sleep, and
# would do so in the time of whoever comes next.
PAUSE = 0.1
SIDE, PRODUCTS = 2048, 2
PACKAGES = ("jax", "jaxlib", "numpy", "optax", "equinox", "flax", "torch")


class Work(NamedTuple):
    """Something to do, and the ways to do it; the first is what the others are compared with."""

    name: str
    epochs: int
    steps: int
    """In an epoch."""
    flop: float
    """Floating-point operations of matrix products in a run; 0 where there are none to speak of."""
    ways: Mapping[str, Callable[[], Run]]
    """What each way needs before its first run is made in the call; nobody's time is taken."""
    check: Callable[[Mapping[str, np.ndarray]], None]
    """Raises if the results, by way, show that somebody did other work."""


class Timed(NamedTuple):
    """One way."""

    name: str
    seconds: list[float]
    """Of each round."""
    first: float
    """Seconds of preparations and the first run, with imports and compilation."""


class Comparison(NamedTuple):
    """What was measured."""

    name: str
    epochs: int
    steps: int
    flop: float
    peak: list[float]
    """FLOP/s of large matrix products, in each round."""
    ways: list[Timed]

    def ratios(self, way: Timed) -> list[float]:
        """How many times as long as the first way, in each round."""
        return [a / b for a, b in zip(way.seconds, self.ways[0].seconds, strict=True)]

    def per_step(self, way: Timed) -> float:
        """Seconds for a step."""
        return statistics.median(way.seconds) / (self.epochs * self.steps)

    def of_peak(self, way: Timed) -> float:
        """The share of the machine's speed at matrix products in the same round."""
        shares = [self.flop / s / p for s, p in zip(way.seconds, self.peak, strict=True)]
        return statistics.median(shares)

    def to_json(self) -> dict[str, Any]:
        """The comparison in lists and dictionaries."""
        return {**self._asdict(), "ways": [way._asdict() for way in self.ways]}

    @classmethod
    def from_json(cls, read: dict[str, Any]) -> "Comparison":
        """The inverse of `to_json`."""
        return cls(**{**read, "ways": [Timed(**way) for way in read["ways"]]})


def middle_half(values: list[float]) -> tuple[float, float, float]:
    """Median and quartiles.

    >>> middle_half([4.0, 1.0, 3.0, 2.0, 5.0])
    (3.0, 2.0, 4.0)
    """
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return middle, low, high


def measure(work: Work, rounds: int, *, pause: float = PAUSE) -> Comparison:
    """Prepare all ways, check that they do the same, and time them in turn."""
    runs, firsts, results = {}, {}, {}
    for name, prepare in work.ways.items():
        begin = time.perf_counter()
        runs[name] = prepare()
        results[name] = runs[name](0)
        firsts[name] = time.perf_counter() - begin
    work.check(results)
    runs[""] = matrix_products()
    seconds = interleave(runs, rounds, pause=pause)
    peak = [2 * SIDE**3 * PRODUCTS / s for s in seconds[""]]
    ways = [Timed(name, seconds[name], firsts[name]) for name in work.ways]
    return Comparison(work.name, work.epochs, work.steps, work.flop, peak, ways)


def interleave(
    runs: Mapping[str, Callable[[int], object]], rounds: int, *, pause: float
) -> dict[str, list[float]]:
    """Seconds of each run in each round; the round's number is its seed.

    Each round has its own order, so that none always follows the same neighbour.
    """
    names, random = list(runs), Random(0)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    frozen_before = gc.get_freeze_count() > 0
    gc.freeze()  # what the libraries hold need not be looked through again
    for number in range(1, rounds + 1):
        for name in random.sample(names, len(names)):
            gc.collect()
            time.sleep(pause)
            begin = time.perf_counter()
            runs[name](number)
            seconds[name].append(time.perf_counter() - begin)
    if not frozen_before:
        gc.unfreeze()
    return seconds


def matrix_products() -> Run:
    """The machine's speed: a product of two large float32 matrices, a few times."""
    matrix = jnp.ones((SIDE, SIDE), jnp.float32)
    product = jax.jit(jnp.matmul)
    product(matrix, matrix).block_until_ready()

    def run(_seed: int) -> np.ndarray:
        for _ in range(PRODUCTS):
            product(matrix, matrix).block_until_ready()
        return np.zeros(0)

    return run


def machine() -> dict[str, Any]:
    """When and where: date, processor, versions, and how busy it was."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "cores": usable_cores(),
        "device": jax.devices()[0].device_kind,
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "versions": {"python": platform.python_version()} | versions(),
    }


def versions() -> dict[str, str]:
    """The version of each package that is installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's name as the system gives it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
