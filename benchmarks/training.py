"""Which peers train a case, and the proof that all of them do the same work."""

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.cases import Case
from benchmarks.measure import Run, Work

SAME_STEPS = 20
"""How many first steps must have the same loss where orders are the same."""


class Peer(NamedTuple):
    """A way to train."""

    name: str
    prepare: str
    """MODULE.FUNCTION of this package, imported when its turn has come."""
    options: Mapping[str, Any] = {}
    needs: str = "jax"
    """A package that must be installed."""
    own_orders: bool = False
    """Whether it shuffles by itself: then its losses are only like those of the others."""


COURSE = "course.training.loop.fit"
PEERS = (
    Peer(COURSE, "peers_course.prepare", own_orders=True),
    Peer("the same with optax's Adam", "peers_course.prepare", {"optax": True}, "optax", True),
    Peer("JAX by hand: one scan", "peers_jax.prepare_scan"),
    Peer("JAX by hand: one scan, flat Adam", "peers_jax.prepare_scan", {"flat": True, "unroll": 1}),
    Peer("JAX: jit step in a loop", "peers_jax.prepare_steps"),
    Peer("JAX: jit step, loss read", "peers_jax.prepare_steps", {"read": True}),
    Peer("Equinox: jit step", "peers_libraries.prepare_equinox", needs="equinox"),
    Peer("Flax nnx: jit step", "peers_libraries.prepare_nnx", needs="flax"),
    Peer("Flax nnx: cached_partial", "peers_libraries.prepare_nnx", {"cached": True}, "flax"),
    Peer("NumPy by hand", "peers_numpy.prepare"),
    Peer("PyTorch", "peers_torch.prepare", needs="torch"),
    Peer("PyTorch: fused Adam", "peers_torch.prepare", {"fused": True}, "torch"),
    Peer("PyTorch: DataLoader", "peers_torch.prepare", {"loader": True}, "torch", True),
)


def installed(peer: Peer) -> bool:
    """Whether a peer can take part."""
    return importlib.util.find_spec(peer.needs) is not None


def absent() -> dict[str, str]:
    """The peers that cannot take part, each with the package it needs."""
    return {peer.name: peer.needs for peer in PEERS if not installed(peer)}


def work(case: Case, peers: Sequence[Peer] = PEERS) -> Work:
    """The case, trained by every peer that is installed."""

    def prepare(peer: Peer) -> Run:
        module, function = peer.prepare.split(".")
        made: Run = getattr(importlib.import_module(f"benchmarks.{module}"), function)(
            case, **peer.options
        )
        return made

    ways = {peer.name: partial(prepare, peer) for peer in peers if installed(peer)}
    check = partial(check_alike, case, peers=peers)
    return Work(case.name, case.epochs, case.steps, case.flop, ways, check)


def check_alike(
    case: Case, losses: Mapping[str, np.ndarray], *, peers: Sequence[Peer] = PEERS
) -> None:
    """Raise if a peer has not learned, or has learned otherwise than the others.

    Those that take the examples in the same order must have the same losses at first (later, the
    rounding of sums leads apart); all must end alike.
    """
    total = case.epochs * case.steps
    last = slice(-min(case.steps, total // 2), None)
    same = [losses[peer.name] for peer in peers if peer.name in losses and not peer.own_orders]
    ends = {name: float(np.mean(loss[last])) for name, loss in losses.items()}
    middle = float(np.median(list(ends.values())))
    for peer in peers:
        if peer.name not in losses:
            continue
        loss, end = losses[peer.name], ends[peer.name]
        if loss.shape != (total,):
            raise RuntimeError(f"{peer.name}: expected {total} losses, got {loss.shape}")
        if not end < 0.98 * loss[0]:
            raise RuntimeError(f"{peer.name} has not learned: {loss[0]:.3g}, then {end:.3g}")
        if not middle / 1.5 < end < middle * 1.5:
            raise RuntimeError(f"{peer.name} ends at {end:.3g}, the others at {middle:.3g}")
        first = slice(SAME_STEPS)
        if not peer.own_orders and not np.allclose(loss[first], same[0][first], rtol=1e-3):
            raise RuntimeError(f"{peer.name} has other losses on the same examples")
