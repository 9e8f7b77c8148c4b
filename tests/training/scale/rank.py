"""One of several processes that train together, and that fails when it is told to.

    mpirun -n 2 python -m tests.training.scale.rank FAULT EPOCHS[:FOLDER]...

One training follows another, each from its start or from the checkpoint in its folder. The fault
(see FAULTS) happens to the last process while it trains. Any other word is no fault; "exchange"
checks first what the processes tell each other. Process 0 prints the outcome of each training.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from course.cli.run_training import fingerprint
from course.models.mlp import mlp
from course.training import interrupts
from course.training.loop import fit
from course.training.optimizers import adam
from course.training.scale import processes
from course.training.scale.checkpoint import OrbaxStore
from tests.training.models import cross_entropy, flowers


def fail() -> None:
    raise OSError("data.csv cannot be read")


FAULTS: dict[str, Callable[[], Any]] = {
    "raise": fail,
    "stall": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "interrupt": lambda: os.kill(os.getpid(), signal.SIGTERM),
}


def exchange(rank: processes.Rank) -> None:
    """Check what the processes tell each other, before they train."""
    processes.MESSAGE_BYTES = 1000  # so that there are several messages
    assert processes.max_over_processes([rank.index, 5 - rank.index]).tolist() == [1, 5]
    for value in (None, [3, "four"], {}):
        assert processes.broadcast(lambda value=value: value) == value
    arrays = {
        "bfloat16": np.arange(3).astype(jax.numpy.bfloat16),
        "int64": np.array(2**40),
        "large": np.random.default_rng(0).normal(size=(20, 50)),
        "empty": np.zeros((0, 2)),
    }
    # Only process 0 makes anything.
    found = processes.broadcast(lambda: arrays if rank.index == 0 else fail())
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    with pytest.raises(OSError if rank.index == 0 else RuntimeError, match="cannot be read"):
        processes.broadcast(fail)


def train(epochs: int, folder: str = "", **given: Any) -> dict[str, Any]:
    """Train on all devices, and return the outcome."""
    given = {"devices": "all", "save_every": 0.0} | given
    result = fit(
        mlp((4, 3)), cross_entropy, adam(0.01), flowers(96), epochs=epochs, batch_size=16,
        key=jax.random.key(3), progress=False,
        checkpoint=OrbaxStore(folder) if folder else None, **given,
    )  # fmt: skip
    return {
        "steps": len(result.history.loss),
        "params": fingerprint(result.params),
        "sum": float(sum(abs(leaf).sum() for leaf in jax.tree.leaves(result.params))),
    }


def main(fault: str, *trainings: str) -> None:
    """Join, train, and print the outcomes."""
    rank = processes.join()
    if fault == "exchange":
        exchange(rank)
    with interrupts.StopSignal() as stop:
        calls = iter(range(1_000_000))

        def stop_requested() -> bool:
            if fault in FAULTS and rank.index == rank.count - 1 and next(calls) == 2:
                FAULTS[fault]()
            return stop()

        for training in trainings:
            epochs, _, folder = training.partition(":")
            outcome = {"rank": str(rank)} | train(int(epochs), folder, stop=stop_requested)
            if rank.index == 0:
                print("outcome", json.dumps(outcome), flush=True)
    sys.exit(stop.status)


if __name__ == "__main__":
    main(*sys.argv[1:])
