"""Many learning rates: one program for all of them against one run after the other."""

from collections.abc import Mapping

import jax
import numpy as np

from benchmarks.cases import digits
from benchmarks.measure import Run, Work
from course.maths.losses import softmax_cross_entropy_with_integer_labels
from course.models.mlp import mlp
from course.training.loop import fit
from course.training.optimizers import sgd
from course.training.sweep import sweep

BATCH = 64


def work(sizes: tuple[int, ...], epochs: int, *, rates: int = 64) -> Work:
    """A network on the digits, with learning rates from 0.001 to 1."""
    case = digits(BATCH, epochs)
    data, model = (case.inputs, case.targets), mlp(sizes)
    optimizers = [sgd(rate) for rate in np.geomspace(1e-3, 1.0, rates).tolist()]
    loss = softmax_cross_entropy_with_integer_labels
    settings = {"epochs": epochs, "batch_size": BATCH, "progress": False}

    def together() -> Run:
        def run(seed: int) -> np.ndarray:
            keys = jax.random.key(seed)
            result = sweep(model, loss, optimizers, data, keys=keys, **settings)
            return result.history.loss[:, 0]

        return run

    def one_by_one() -> Run:
        def run(seed: int) -> np.ndarray:
            key = jax.random.key(seed)
            results = [fit(model, loss, each, data, key=key, **settings) for each in optimizers]
            return np.stack([result.history.loss for result in results])

        return run

    name = f"{rates} learning rates, digits {'-'.join(map(str, sizes))}"
    flop = case._replace(sizes=sizes).flop * rates
    ways = {"course.training.sweep.sweep": together, "fit, one after the other": one_by_one}
    return Work(name, epochs, case.steps, flop, ways, check_runs)


def check_runs(losses: Mapping[str, np.ndarray]) -> None:
    """Raise unless every run is the same in both ways and most of them learn."""
    together, one_by_one = losses.values()
    if not np.allclose(together[:, :20], one_by_one[:, :20], rtol=1e-2):
        raise RuntimeError("the sweep's runs are not those of fit")
    if not np.median(together[:, -1] / together[:, 0]) < 1:
        raise RuntimeError("the runs of the sweep have not learned")
