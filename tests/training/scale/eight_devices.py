"""What `test_parallel.py` looks at, worked out on eight simulated devices in a process of its own.

    python -m tests.training.scale.eight_devices

Prints one JSON object. JAX makes its devices once in a process, so no test that shares its process
with others can ask for eight.
"""

import itertools
import json
import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from course.models.layers import Model
from course.models.mlp import mlp
from course.training.loop import fit
from course.training.optimizers import Optimizer, adam, apply_updates, sgd
from course.training.scale import parallel
from course.training.scale.averages import AXIS, mean_in_pairs
from tests.training.models import LINE, NET, SLOPE, cross_entropy, flowers, squares

SEED = 3
OPTIMIZERS = {"sgd": sgd(0.1), "adam": adam(0.01)}
STEPS = 200


def run(optimizer: Optimizer, **options: Any) -> Any:
    """Two hundred and some steps on data that hardly fit."""
    return fit(
        NET, cross_entropy, optimizer, flowers(96), epochs=34, batch_size=16,
        key=jax.random.key(SEED), progress=False, **options,
    )  # fmt: skip


def difference(one: Any, other: Any) -> float:
    """The largest, between the parameters of two runs."""
    pairs = zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True)
    return max(float(np.max(np.abs(np.asarray(a) - np.asarray(b)))) for a, b in pairs)


def equality() -> dict[str, float]:
    """How far several devices end from one."""
    found = {}
    for name, optimizer in OPTIMIZERS.items():
        one = run(optimizer)
        for backend, n in itertools.product(parallel.BACKENDS, (1, 2, 4, 8)):
            several = run(optimizer, devices=n, backend=backend)
            found[f"{name} {backend} {n}"] = difference(one, several)
    return found


def mutants() -> dict[str, float]:
    """How far eight devices end from one when they do something else than average."""
    right = parallel.mean_of_devices
    found = {}
    for name, wrong in {
        "sum": lambda tree: jax.tree.map(lambda leaf: jax.lax.psum(leaf, AXIS), tree),
        "nothing": lambda tree: tree,
    }.items():
        parallel.mean_of_devices = wrong
        for optimizer in OPTIMIZERS:
            one = run(OPTIMIZERS[optimizer])
            # Devices that no other run has in this order: nothing is compiled for them yet.
            devices = jax.devices()[::-1] if name == "sum" else jax.devices()[::2]
            found[f"{name} {optimizer}"] = difference(
                one, run(OPTIMIZERS[optimizer], devices=devices)
            )
    parallel.mean_of_devices = right
    return found


def pairs() -> dict[str, float]:
    """How far an average by exchanges between two is from the usual one; all must have the same."""
    found = {}
    for n in (2, 4, 8):
        values = np.random.default_rng(n).normal(size=(n, 5)).astype(np.float32)
        average = jax.pmap(mean_in_pairs(n), axis_name=AXIS, devices=jax.devices()[:n])
        means = np.asarray(average({"a": values})["a"])
        found[f"{n} apart"] = float(np.abs(means - means[0]).max())
        found[f"{n} wrong"] = float(np.abs(means[0] - values.mean(axis=0)).max())
    return found


def noise() -> dict[str, float]:
    """The spread of a loss that is one random number for each example, eight in a batch."""
    model = Model(
        lambda key: jnp.zeros(()),
        lambda params, x, key=None: (
            params + (jnp.zeros(len(x)) if key is None else jax.random.normal(key, (len(x),)))
        ),
    )
    found = {}
    for backend in parallel.BACKENDS:
        result = fit(
            model, lambda p, y: p + 0 * y, sgd(1e-9), LINE, epochs=60, batch_size=8,
            key=jax.random.key(SEED), devices=8, backend=backend, progress=False,
        )  # fmt: skip
        found[backend] = float(result.history.loss.std())
    return found


def by_hand() -> dict[str, float]:
    """`data_parallel` with a step of one's own, against a plain loop."""
    x, y = (np.resize(part, (50, 16)) for part in LINE)

    def step(state: Any, batch: Any, average: Callable[[Any], Any]) -> Any:
        (w, memory), (inputs, targets) = state, batch
        loss, slope = average(
            jax.value_and_grad(lambda w: jnp.mean((w * inputs - targets) ** 2))(w)
        )
        updates, memory = OPTIMIZERS["adam"].update(slope, memory, w)
        return (apply_updates(w, updates), memory), loss

    start = (jnp.float32(0), OPTIMIZERS["adam"].init(jnp.float32(0)))
    (w, _), losses = jax.lax.scan(lambda had, batch: step(had, batch, lambda t: t), start, (x, y))
    found = {}
    for backend in parallel.BACKENDS:
        train = parallel.data_parallel(step, devices=8, backend=backend)
        state, first = train(start, (x[:20], y[:20]))
        (mine, _), second = train(state, (x[20:], y[20:]))
        got = np.concatenate([first, second])
        found[f"{backend} parameter"] = abs(float(mine) - float(w))
        found[f"{backend} losses"] = float(np.abs(got - np.asarray(losses)).max())
    return found


def unblocked(calls: int) -> int:
    """Take many steps, one a call, without ever looking at a result; return how many were taken."""

    def step(count: Any, batch: Any, average: Callable[[Any], Any]) -> Any:
        return count + average(jnp.mean(batch)), average(jnp.sum(batch))

    train = parallel.data_parallel(step, devices=8)
    batch = np.ones((1, 8, 1), np.float32)
    count = jnp.float32(0)
    for _ in range(calls):
        count, _ = train(count, batch)
    return int(count)


def refusals() -> dict[str, str]:
    """What is said to those who ask for what cannot be."""

    def message(act: Callable[[], Any]) -> str:
        try:
            act()
        except (RuntimeError, TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        return "nothing"

    line = {"epochs": 1, "key": jax.random.key(SEED), "progress": False}
    fitted = lambda **options: fit(SLOPE, squares, sgd(0.1), LINE, **line | options)  # noqa: E731
    train = parallel.data_parallel(lambda s, b, average: (s, average(b)), devices=8)
    return {
        "more": message(lambda: fitted(batch_size=8, devices=9)),
        "uneven": message(lambda: fitted(batch_size=12, devices=8)),
        "uneven batches": message(lambda: train(0.0, np.ones((2, 12)))),
        "no batch": message(lambda: train(0.0, np.ones(8))),
        "none": message(lambda: fitted(batch_size=8, devices=0)),
        "twice": message(lambda: fitted(batch_size=8, devices=jax.devices()[:1] * 2)),
        "backend": message(lambda: fitted(batch_size=8, devices=8, backend="mpi")),
        "again": message(lambda: parallel.simulate_devices(8)),
        "late": message(lambda: parallel.simulate_devices(4)),
    }


def features() -> dict[str, Any]:
    """Validation, early stopping, a loss that breaks, and where the results lie."""
    result = run(OPTIMIZERS["adam"], devices=8, validation=flowers(30, seed=1), patience=2)
    alone = run(OPTIMIZERS["adam"], validation=flowers(30, seed=1), patience=2)
    broken = fit(
        SLOPE, lambda p, y: jnp.exp(40 * (p - y) ** 2), sgd(1.0), LINE, epochs=9, batch_size=8,
        key=jax.random.key(SEED), devices=8, progress=False,
    )  # fmt: skip
    dropped = fit(
        mlp((4, 64, 3), dropout=0.5), cross_entropy, adam(0.01), flowers(96), epochs=10,
        batch_size=16, key=jax.random.key(SEED), devices=8, progress=False,
    )  # fmt: skip
    devices = {d for leaf in jax.tree.leaves(result.params) for d in leaf.devices()}
    return {
        "stopped": [result.stopped, alone.stopped],
        "validation": float(
            np.abs(result.history.validation_loss - alone.history.validation_loss).max()
        ),
        "broken": broken.stopped,
        "finite": bool(np.isfinite(broken.params["slope"])),
        "devices": len(devices),
        "dropout learns": float(dropped.history.epoch_loss[-1] / dropped.history.epoch_loss[0]),
        "threads": int(os.environ["NPROC"]),
    }


if __name__ == "__main__":
    parallel.simulate_devices(8)
    parts = (equality, mutants, pairs, noise, by_hand, refusals, features)
    print(json.dumps({part.__name__: part() for part in parts} | {"unblocked": unblocked(5000)}))
