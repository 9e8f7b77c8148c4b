"""Groups of devices, four of them simulated: shares, averages, and what is refused."""

import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course.training.optimizers import adam, apply_updates
from course.training.scale import parallel
from course.training.scale.parallel import AXIS, compile_for, device_group, mean_in_pairs
from tests.training.models import X

BACKENDS = parallel.BACKENDS


def data_parallel(step: Any, devices: Any, backend: str = "pmap") -> Any:
    """Return a scan of `step(state, batch, average)` over batches that the devices share."""

    def scan(average: Any, state: Any, batches: Any) -> Any:
        return jax.lax.scan(lambda state, batch: step(state, batch, average), state, batches)

    return compile_for(device_group(devices, backend), scan, sharded_arguments=["batches"])


def descent_step(state: Any, batch: Any, average: Callable[[Any], Any]) -> Any:
    """One step of Adam on the slope of a line, as a reader would write it."""
    (w, memory), (inputs, targets) = state, batch
    loss, slope = average(jax.value_and_grad(lambda w: jnp.mean((w * inputs - targets) ** 2))(w))
    updates, memory = adam(0.01).update(slope, memory, w)
    return (apply_updates(w, updates), memory), loss


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("devices", [1, 2, 4, "all"])
def test_a_step_by_hand_does_the_same_on_several_devices(backend: str, devices: Any) -> None:
    x, y = (np.resize(part, (50, 16)) for part in (X, 3 * X))
    start = (jnp.float32(0), adam(0.01).init(jnp.float32(0)))
    (w, _), losses = jax.lax.scan(
        lambda state, batch: descent_step(state, batch, lambda tree: tree), start, (x, y)
    )
    train = data_parallel(descent_step, devices=devices, backend=backend)
    state, first = train(start, (x[:20], y[:20]))
    (mine, _), second = train(state, (x[20:], y[20:]))
    np.testing.assert_allclose(mine, w, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([first, second]), losses, atol=1e-5)


@pytest.mark.parametrize("n", [2, 4])
def test_exchanges_between_two_are_an_average_and_the_same_for_all(n: int) -> None:
    values = np.random.default_rng(n).normal(size=(n, 5)).astype(np.float32)
    average = jax.pmap(mean_in_pairs(n), axis_name=AXIS, devices=jax.devices()[:n])
    means = np.asarray(average({"a": values})["a"])
    assert (means == means[0]).all()
    np.testing.assert_allclose(means[0], values.mean(axis=0), atol=1e-6)


def test_an_average_takes_all_arrays_in_one_message() -> None:
    tree = {"a": np.arange(4.0, dtype=np.float32), "b": np.ones((4, 2, 3), np.float32)}
    average = jax.pmap(parallel.mean_over_devices, axis_name=AXIS, devices=jax.devices()[:4])
    assert np.asarray(average(tree)["a"]).tolist() == [1.5] * 4
    assert str(jax.make_jaxpr(average)(tree)).count("psum") == 1


def test_thousands_of_calls_that_nobody_waits_for_end() -> None:
    """Collectives of simulated devices deadlock when too many are in flight."""

    def step(count: Any, batch: Any, average: Callable[[Any], Any]) -> Any:
        return count + average(jnp.mean(batch)), average(jnp.sum(batch))

    train = data_parallel(step, devices=4)
    batch, count = np.ones((1, 4, 1), np.float32), jnp.float32(0)
    for _ in range(3000):
        count, _ = train(count, batch)
    assert int(count) == 3000


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_share_is_the_devices_own_columns(backend: str) -> None:
    group = device_group(4, backend)
    shares = group.shard(np.arange(24).reshape(2, 12))
    expected = np.arange(24).reshape(2, 4, 3)
    if backend == "pmap":
        assert np.array_equal(shares, expected)
    else:
        for i, shard in enumerate(shares.addressable_shards):
            assert np.array_equal(shard.data, expected[:, i])


def test_replicated_arrays_are_on_all_devices_and_a_copy_on_one() -> None:
    tree = {"w": jnp.ones(3), "key": jax.random.key(0)}
    copies = device_group(4).replicate(tree)
    assert len(copies["w"].devices()) == 4
    one = parallel.local_copy(copies)
    assert len(one["w"].devices()) == 1
    assert np.array_equal(one["w"], tree["w"])


REFUSED: dict[str, tuple[Any, str]] = {
    "more": (9, r"at most the 4 there are; to simulate 9, .* begin with simulate_devices\(9\)"),
    "none": (0, "an integer of at least 1, got 0"),
    "twice": (jax.devices()[:1] * 2, "different ones of"),
    "empty": ([], "different ones of"),
    "strangers": (["cpu"], "different ones of"),
    "word": ("some", "a number of devices or 'all'"),
    "nothing": (None, "a number of devices or 'all'.*got NoneType"),
    "yes": (True, "a number of devices or 'all'.*got bool"),
    "half": (1.5, "a number of devices or 'all'.*got float"),
    "number in text": ("2", "a number of devices or 'all'.*got '2'"),
    "long text": ("2" * 999, f"a number of devices or 'all'.*got '{'2' * 60}…'"),
    "dict": ({"cpu": 2}, "a number of devices or 'all'.*got dict"),
    "set": ({*jax.devices()}, "a number of devices or 'all'.*got set"),
    "device alone": (jax.devices()[0], "a number of devices or 'all'"),
    "nested": ([jax.devices()], "different ones of .*got .'list'."),
    "dicts": ([{}, {}], "different ones of"),
    "grid": (np.array(jax.devices()).reshape(2, 2), "different ones of"),
    "numbers": ([0, 1], "different ones of .*got .'int', 'int'."),
    "negative": (np.array(-1), "an integer of at least 1, got -1"),
    "beyond": (10**400, "an integer of at most 16777216, got an integer of 1329 bits"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_devices_are_a_number_or_different_devices(case: str) -> None:
    devices, message = REFUSED[case]
    with pytest.raises((TypeError, ValueError), match=f"devices: expected {message}"):
        device_group(devices)


def test_a_number_in_an_array_is_a_number() -> None:
    assert len(device_group(np.array(2)).devices) == len(device_group(np.int8(2)).devices) == 2


PROGRAMS: dict[str, tuple[dict[str, Any], str]] = {
    "group": ({"group": "abc"}, "group: expected a group from device_group, got str"),
    "devices": ({"group": device_group(1)._replace(devices=())}, "group.devices: expected"),
    "backend": ({"group": device_group(1)._replace(backend="x")}, "group.backend: expected"),
    "function": ({"function": None}, "function: expected a function"),
    "letters": ({"sharded_arguments": "batch"}, "sharded_arguments: expected a list of names"),
    "numbers": ({"sharded_arguments": [1]}, "sharded_arguments: expected a list of names"),
    "strangers": ({"sharded_arguments": ["x"]}, r"sharded_arguments: expected some of \['batch'\]"),
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_a_program_for_a_group_is_looked_at(case: str) -> None:
    changes, message = PROGRAMS[case]
    given = {"group": device_group(1), "function": lambda average, batch: average(batch)}
    with pytest.raises((TypeError, ValueError), match=message):
        compile_for(**({"sharded_arguments": ["batch"]} | given | changes))


def test_a_program_takes_its_own_arguments() -> None:
    program = compile_for(
        device_group(1), lambda average, batch: average(batch), sharded_arguments=["batch"]
    )
    with pytest.raises(TypeError, match="arguments: expected batch, got 2 of them"):
        program(1.0, 2.0)


@pytest.mark.parametrize("n", [257, 2**40, 2**62, True, "4", None, 2.0])
def test_a_number_of_simulated_devices_has_a_limit(n: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="n: expected an integer"):
        parallel.simulate_devices(n)


def test_other_backends_are_refused() -> None:
    with pytest.raises(ValueError, match="backend: expected 'pmap' or 'sharded', got 'mpi'"):
        device_group(1, "mpi")


@pytest.mark.parametrize("shape", [(2, 6), (8,)])
def test_a_batch_is_shared_evenly(shape: tuple[int, ...]) -> None:
    train = data_parallel(lambda state, batch, average: (state, average(batch)), devices=4)
    with pytest.raises(ValueError, match="batches: expected a batch that 4 devices can share"):
        train(0.0, np.ones(shape, np.float32))


def test_simulating_late_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"with 4 devices: restart .* simulate_devices\(11\)"):
        parallel.simulate_devices(11)
    parallel.simulate_devices(4)
    assert int(os.environ["NPROC"]) >= 8, "with fewer threads, collectives can deadlock"


def test_a_number_of_devices_is_a_positive_integer() -> None:
    with pytest.raises(ValueError, match="n: expected an integer of at least 1, got 0"):
        parallel.simulate_devices(0)
