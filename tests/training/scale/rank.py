"""One of several processes that train together, and that goes wrong when it is told to.

    mpirun -n 2 python -m tests.training.scale.rank FAULT EPOCHS [FOLDER]

The fault (see FAULTS; "none" for none) befalls the last rank in the midst of the training. Rank 0
prints how it went.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from course.cli.train import fingerprint
from course.training.loop import fit
from course.training.optimizers import adam
from course.training.scale import faults, processes
from course.training.scale.checkpoint import Checkpoints
from tests.training.models import NET, cross_entropy, flowers


def fail() -> None:
    raise OSError("data.csv cannot be read")


FAULTS: dict[str, Callable[[], Any]] = {
    "raise": fail,
    "stall": lambda: time.sleep(600),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "interrupt": lambda: os.kill(os.getpid(), signal.SIGTERM),
}


def main(fault: str, epochs: str, folder: str | None = None) -> None:
    """Join, train, and tell."""
    rank = processes.join()
    import jax

    with faults.Stop() as stop:
        asked = iter(range(1_000_000))

        def ask() -> bool:
            if fault != "none" and rank.index == rank.count - 1 and next(asked) == 2:
                FAULTS[fault]()
            return stop()

        result = fit(
            NET, cross_entropy, adam(0.01), flowers(96), epochs=int(epochs), batch_size=16,
            key=jax.random.key(3), devices="all", stop=ask, progress=False, save_every=0.0,
            checkpoint=Checkpoints(folder) if folder else None,
        )  # fmt: skip
    if rank.index == 0:
        told = {
            "rank": str(rank),
            "steps": len(result.history.loss),
            "stopped": result.stopped,
            "params": fingerprint(result.params),
            "sum": float(sum(abs(leaf).sum() for leaf in jax.tree.leaves(result.params))),
        }
        print("told", json.dumps(told), flush=True)
    sys.exit(stop.status)


if __name__ == "__main__":
    main(*sys.argv[1:])
