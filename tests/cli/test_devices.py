"""JAX starts, or one sentence says why not."""

import os
import socket
import subprocess
import sys

import jax
import pytest

from course.cli import devices, doctor
from tests.support.command import assert_one_sentence, run


def test_the_devices_are_those_of_jax() -> None:
    assert devices.start() == jax.devices()


@pytest.mark.parametrize(
    ("error", "named", "sentence"),
    [
        (AssertionError(), "cuda", "JAX finds no device for JAX_PLATFORMS=cuda: set "),
        (RuntimeError("Unable to initialize\nlong story"), "tpu", "for JAX_PLATFORMS=tpu: set "),
        (RuntimeError("No driver.\nlong story"), "", r"JAX cannot start \(No driver\)"),
        (AssertionError(), "", r"JAX cannot start \(AssertionError\)"),
    ],
)
def test_no_device_is_one_sentence_of_both_commands(
    error: Exception, named: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> list[object]:
        raise error

    monkeypatch.setattr(jax, "devices", fail)
    monkeypatch.setenv("JAX_PLATFORMS", named)
    assert_one_sentence(run("train", "mlp-2", "--epochs", "1"), sentence)
    found = next(one for one in doctor.diagnose() if one.name == "Gradients on the device")
    assert not found.ok
    assert "JAX" in found.detail
    assert "JAX_PLATFORMS=cpu" in found.mend


@pytest.mark.slow
@pytest.mark.parametrize("joins", [False, True])
def test_a_processor_that_is_not_there(joins: bool) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"localhost:{free.getsockname()[1]}"
    others = ["--coordinator", address, "--processes", "1", "--process-id", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "course.cli", "train", "mlp-2", *(others if joins else [])],
        env=os.environ | {"JAX_PLATFORMS": "cuda"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "JAX finds no device for JAX_PLATFORMS=cuda" in done.stderr.splitlines()[-1]
