"""Cost of dividing each step among devices, in the course's loop and by hand."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from benchmarks import training
from benchmarks.cases import Case
from benchmarks.measure import Comparison, Timed, Work
from benchmarks.training import COURSE, SAME_STEPS, Peer
from course.training.scale.parallel import BACKENDS, count_devices

COUNTS = (1, 2, 4, 8)
WANTED = 1.25  # times as long as the fastest by hand that `fit` may take, on as many devices
HAND = "by hand: "


def peers(counts: Sequence[int] = COUNTS) -> tuple[Peer, ...]:
    """Return `fit` on one device and on several, and on the most of them the same by hand."""
    course, most = "peers_course.prepare", {"devices": max(counts)}
    size = count_devices(max(counts))
    return (
        Peer(COURSE, course, own_orders=True),
        *(
            Peer(
                f"fit, {backend}, {count_devices(n)}",
                course,
                {"devices": n, "backend": backend},
                own_orders=True,
            )
            for backend in BACKENDS
            for n in counts
        ),
        Peer(f"{HAND}pmap, {size}", "peers_devices.prepare_pmap", most),
        Peer(f"{HAND}shard_map, {size}", "peers_devices.prepare_shard_map", most),
        Peer(f"{HAND}sharded jit, {size}", "peers_devices.prepare_sharded", most),
    )


def work(case: Case, counts: Sequence[int] = COUNTS) -> Work:
    """Return the case, to be trained by all of them."""
    return training.work(case, peers(counts))._replace(check=partial(check, case, tuple(counts)))


def check(case: Case, counts: Sequence[int], losses: Mapping[str, np.ndarray]) -> None:
    """Raise unless all do the same, and several devices take the same steps as one."""
    training.check_alike(case, losses, peers=peers(counts))
    for name, loss in losses.items():
        mine, one = loss[:SAME_STEPS], losses[COURSE][:SAME_STEPS]
        if not name.startswith(HAND) and not np.allclose(mine, one, rtol=1e-3):
            raise RuntimeError(f"{name} has other losses than one device")


def backends(comparison: Comparison) -> list[str]:
    """Return the backends of `fit` on several devices; none for other comparisons."""
    names = [way.name for way in comparison.ways]
    return [one for one in BACKENDS if any(name.startswith(f"fit, {one}, ") for name in names)]


def by_hand(comparison: Comparison) -> Timed:
    """Return the fastest way that was written by hand."""
    ways = [way for way in comparison.ways if way.name.startswith(HAND)]
    return min(ways, key=comparison.per_step)


def largest(comparison: Comparison, backend: str) -> Timed:
    """Return `fit` on the most devices."""
    return [way for way in comparison.ways if way.name.startswith(f"fit, {backend}, ")][-1]


def against_hand(comparison: Comparison, backend: str) -> list[float]:
    """Return the time of `fit` as a multiple of the fastest by hand, in each round."""
    fit, hand = largest(comparison, backend), by_hand(comparison)
    return [a / b for a, b in zip(fit.seconds, hand.seconds, strict=True)]


def relative(comparison: Comparison, backend: str) -> dict[int, list[float]]:
    """Return the time of a step as a multiple of one device's, for each number of devices."""
    begin = f"fit, {backend}, "
    return {
        int(way.name.removeprefix(begin).split()[0]): comparison.ratios(way)
        for way in comparison.ways
        if way.name.startswith(begin)
    }
