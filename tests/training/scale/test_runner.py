"""Runners: `fit` learns the same on several devices as on one, but for rounding."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course.models.layers import Model
from course.models.mlp import mlp
from course.training.loop import fit
from course.training.optimizers import Optimizer, adam, sgd
from course.training.results import Stopped
from course.training.scale import parallel, runner
from tests.training.models import LINE, NET, SLOPE, cross_entropy, flowers, squares

KEY = jax.random.key(3)
OPTIMIZERS = {"sgd": sgd(0.1), "adam": adam(0.01)}


def run(optimizer: Optimizer, **options: Any) -> Any:
    """Train for two hundred and some steps, on data that hardly fit."""
    return fit(
        NET, cross_entropy, optimizer, flowers(96), epochs=34, batch_size=16, key=KEY,
        progress=False, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def on_one() -> dict[str, Any]:
    return {name: run(optimizer) for name, optimizer in OPTIMIZERS.items()}


def difference(one: Any, other: Any) -> float:
    """Largest difference between the parameters of two runs."""
    pairs = zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True)
    return max(float(np.max(np.abs(np.asarray(a) - np.asarray(b)))) for a, b in pairs)


# Adam hides a sum in the place of a mean, and plain descent has no state that could be divided
# wrongly: both backends need both.
@pytest.mark.parametrize(
    ("name", "backend", "n"),
    [
        *(("sgd", "pmap", 2), ("adam", "pmap", 4), ("adam", "pmap", 1)),
        *(("sgd", "sharded", 4), ("adam", "sharded", 2), ("sgd", "sharded", 1)),
    ],
)
def test_several_devices_learn_what_one_learns(
    on_one: dict[str, Any], name: str, backend: str, n: int
) -> None:
    several = run(OPTIMIZERS[name], devices=n, backend=backend)
    assert difference(on_one[name], several) <= 1e-5
    devices = {device for leaf in jax.tree.leaves(several.params) for device in leaf.devices()}
    assert len(devices) == 1, "results lie on one device"


@pytest.mark.parametrize(
    ("wrong", "least", "names"),
    [
        (
            lambda tree: jax.tree.map(lambda leaf: jax.lax.psum(leaf, parallel.AXIS), tree),
            *(1e-2, ["sgd", "adam"]),
        ),
        (lambda tree: tree, 1e-3, ["sgd"]),
    ],
    ids=["sum", "nothing"],
)
def test_devices_that_do_not_average_would_be_noticed(
    on_one: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    wrong: Any,
    least: float,
    names: list[str],
) -> None:
    """Adam divides by the size of the gradient: it hides a sum in the place of a mean."""
    monkeypatch.setattr(parallel, "mean_over_devices", wrong)
    monkeypatch.setattr(runner, "compile_steps", runner.compile_steps.__wrapped__)  # anew
    off = {name: difference(on_one[name], run(OPTIMIZERS[name], devices=4)) for name in names}
    assert off["sgd"] > least
    if "adam" in off:
        assert off["adam"] < off["sgd"] / 10


@pytest.mark.parametrize("backend", parallel.BACKENDS)
def test_what_is_random_differs_from_device_to_device(backend: str) -> None:
    """The mean of eight numbers with standard deviation 1, over 300 steps."""

    def apply(params: Any, x: Any, key: Any = None) -> Any:
        return params + (jnp.zeros(len(x)) if key is None else jax.random.normal(key, (len(x),)))

    model = Model(lambda key: jnp.zeros(()), apply)
    result = fit(
        model, lambda p, y: p + 0 * y, sgd(1e-9), LINE, epochs=60, batch_size=8, key=KEY,
        devices=4, backend=backend, progress=False,
    )  # fmt: skip
    assert result.history.loss.std() == pytest.approx(8**-0.5, rel=0.2)


def test_validation_and_patience_are_as_on_one() -> None:
    held_out = {"validation": flowers(30, seed=1), "patience": 2}
    one, four = run(OPTIMIZERS["adam"], **held_out), run(OPTIMIZERS["adam"], devices=4, **held_out)
    assert one.stopped is four.stopped is Stopped.PATIENCE
    np.testing.assert_allclose(four.history.validation_loss, one.history.validation_loss, atol=1e-5)


def test_a_loss_that_breaks_ends_the_run_of_all() -> None:
    with pytest.warns(RuntimeWarning, match="no longer finite"):
        broken = fit(
            SLOPE, lambda p, y: jnp.exp(40 * (p - y) ** 2), sgd(1.0), LINE, epochs=9,
            batch_size=8, key=KEY, devices=4, progress=False,
        )  # fmt: skip
    assert broken.stopped is Stopped.NOT_FINITE
    assert np.isfinite(broken.params["slope"])


def test_dropout_learns_on_several_devices() -> None:
    dropped = fit(
        mlp((4, 64, 3), dropout=0.5), cross_entropy, adam(0.01), flowers(96), epochs=10,
        batch_size=16, key=KEY, devices=4, progress=False,
    )  # fmt: skip
    assert dropped.history.epoch_loss[-1] < 0.8 * dropped.history.epoch_loss[0]


def test_a_batch_size_is_a_multiple_of_the_devices() -> None:
    with pytest.raises(ValueError, match="batch_size: expected a multiple of 4, for 4 devices"):
        fit(SLOPE, squares, sgd(0.1), LINE, epochs=1, batch_size=10, key=KEY, devices=4)


def test_a_runner_of_one_device_moves_nothing() -> None:
    one = runner.make_runner(SLOPE, None, "pmap", 8)
    tree = {"w": jnp.ones(3)}
    for move in (one.replicate, one.local_copy, one.to_local_device):
        assert move(tree) is tree
    assert one.max_over_processes([1, 2]) == [1, 2]
    assert one.broadcast(lambda: "made") == "made"
    assert (one.is_main, one.multi_process) == (True, False)
