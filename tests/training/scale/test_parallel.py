"""Training on several devices: the same as on one, but for rounding."""

import json
import subprocess
import sys
from typing import Any

import jax
import numpy as np
import pytest

from course.training.loop import fit
from course.training.optimizers import sgd
from course.training.scale import parallel
from tests.support.repository import ROOT
from tests.training.models import LINE, SLOPE, squares

CASES = [
    f"{optimizer} {backend} {n}"
    for optimizer in ("sgd", "adam")
    for backend in parallel.BACKENDS
    for n in (1, 2, 4, 8)
]


@pytest.fixture(scope="module")
def found() -> Any:
    """What eight simulated devices do."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.training.scale.eight_devices"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("case", CASES)
def test_several_devices_learn_what_one_learns(found: Any, case: str) -> None:
    assert found["equality"][case] <= 1e-5


def test_devices_that_do_not_average_would_be_noticed(found: Any) -> None:
    mutants = found["mutants"]
    assert mutants["sum sgd"] > 1e-2
    assert mutants["nothing sgd"] > 1e-3
    # Adam divides by the size of the gradient: it hides a sum in the place of a mean.
    assert mutants["sum adam"] < mutants["sum sgd"] / 10


def test_exchanges_between_two_are_an_average_and_the_same_for_all(found: Any) -> None:
    assert all(value == 0 for name, value in found["pairs"].items() if "apart" in name)
    assert all(value <= 1e-6 for name, value in found["pairs"].items() if "wrong" in name)


def test_what_is_random_differs_from_device_to_device(found: Any) -> None:
    """The mean of eight numbers with standard deviation 1, over 300 steps."""
    for spread in found["noise"].values():
        assert spread == pytest.approx(8**-0.5, rel=0.2)


def test_a_step_by_hand_does_the_same_too(found: Any) -> None:
    assert all(value <= 1e-5 for value in found["by_hand"].values())


def test_thousands_of_calls_that_nobody_waits_for_end(found: Any) -> None:
    assert found["unblocked"] == 5000


def test_validation_and_broken_losses_are_seen(found: Any) -> None:
    features = found["features"]
    assert features["stopped"][0] == features["stopped"][1]
    assert "no lower validation loss" in features["stopped"][0]
    assert features["validation"] <= 1e-5
    assert "no longer finite" in features["broken"]
    assert features["finite"]
    assert features["dropout learns"] < 0.8


def test_results_lie_on_one_device(found: Any) -> None:
    assert found["features"]["devices"] == 1


def test_simulated_devices_have_threads_enough(found: Any) -> None:
    assert found["features"]["threads"] >= 16


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            "more",
            "ValueError: devices: expected at most the 8 there are; to simulate 9, restart and "
            "begin with simulate_devices(9), got 9",
        ),
        ("uneven", "ValueError: batch_size: expected a multiple of 8, for 8 devices to share, got"),
        ("uneven batches", "ValueError: batches: expected a batch that 8 devices can share evenly"),
        (
            "no batch",
            "ValueError: batches: expected a batch that 8 devices can share evenly, got s",
        ),
        ("none", "ValueError: devices: expected an integer of at least 1, got 0"),
        ("twice", "ValueError: devices: expected different ones of"),
        ("backend", "ValueError: backend: expected 'pmap' or 'sharded', got 'mpi'"),
        ("again", "nothing"),
        ("late", "RuntimeError: JAX has already started, with 8 devices: restart the kernel"),
    ],
)
def test_what_cannot_be_is_refused(found: Any, case: str, message: str) -> None:
    assert found["refusals"][case].startswith(message)


def test_simulating_late_says_what_to_do() -> None:
    here = len(jax.devices())
    with pytest.raises(
        RuntimeError, match=f"with 1 device: restart .* simulate_devices.{here + 7}"
    ):
        parallel.simulate_devices(here + 7)
    parallel.simulate_devices(here)


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "two"])
def test_a_number_of_devices_is_a_positive_integer(n: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="n: expected an integer"):
        parallel.simulate_devices(n)


@pytest.mark.parametrize("devices", [1.5, True, "some", [], ["cpu"]])
def test_devices_are_a_number_or_devices(devices: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="devices: expected"):
        fit(
            SLOPE, squares, sgd(0.1), LINE, epochs=1, batch_size=8, key=jax.random.key(0),
            devices=devices,
        )  # fmt: skip


@pytest.mark.parametrize("backend", parallel.BACKENDS)
def test_one_device_is_a_team_as_well(backend: str) -> None:
    options = {"epochs": 5, "batch_size": 8, "key": jax.random.key(0), "progress": False}
    plain = fit(SLOPE, squares, sgd(0.1), LINE, **options)
    teamed = fit(SLOPE, squares, sgd(0.1), LINE, devices="all", backend=backend, **options)
    np.testing.assert_allclose(teamed.params["slope"], plain.params["slope"], rtol=1e-5)
    assert teamed.stopped == plain.stopped == "finished"
