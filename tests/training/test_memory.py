"""Memory of long runs: what is kept is what the history needs."""

import subprocess
import sys

import pytest

from tests.support.repository import ROOT

SOURCE = """
import jax
import psutil
from course.training.loop import fit
from course.training.optimizers import sgd
from course.training.sweep import sweep
from tests.training.models import LINE, SLOPE, squares

inputs, targets = LINE
shared = {"validation": LINE, "progress": False}


def one(epochs):
    return fit(SLOPE, squares, sgd(0.01), LINE, epochs=epochs, batch_size=1,
               key=jax.random.key(0), **shared)


def many(epochs):
    rates = [sgd(rate / 100) for rate in range(1, 6)]
    return sweep(SLOPE, squares, rates, LINE, epochs=epochs, batch_size=20,
                 keys=jax.random.split(jax.random.key(0), 20), **shared)


RUN(2)
before = psutil.Process().memory_info().rss
history = RUN(EPOCHS).history
kept = sum(array.nbytes for array in history[:2])
print(kept, psutil.Process().memory_info().rss - before)
"""
MIB = 2**20


@pytest.mark.slow
@pytest.mark.parametrize(("run", "epochs"), [("one", 600), ("many", 200)])
def test_a_run_keeps_little_more_than_its_history(run: str, epochs: int) -> None:
    """Each chunk has room for many more losses than it has steps: those are not kept."""
    source = SOURCE.replace("RUN", run).replace("EPOCHS", str(epochs))
    command = [sys.executable, "-c", source]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    kept, grown = map(int, printed.split())
    assert kept < MIB
    assert grown < 300 * MIB  # what the allocator keeps; whole chunks would be 500 and more
