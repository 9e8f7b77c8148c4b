"""Training from the command line: what is learned, printed and kept, and how it goes on."""

import re
import sys
from pathlib import Path

import jax.numpy as jnp
import pytest

from course.cli.run_training import fingerprint
from tests.support.command import assert_one_sentence, run

# The same network everywhere, which is compiled once.
QUICK = ("digits", "--epochs", "3")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_QUIET", "1")


def learned(output: str) -> str:
    """The digits that only the very same parameters have."""
    found = re.search(r"^parameters ([0-9a-f]{16})$", output, re.MULTILINE)
    assert found, output
    return found[1]


def test_it_learns_and_says_how_well() -> None:
    result = run("train", "digits", "--epochs", "8")
    assert result.exit_code == 0, result.output
    assert "64-128-128-10: 176 steps of 64 examples on 4 devices\n" in result.output
    accuracy = re.search(r"([\d.]+)% of images never seen before", result.output)
    assert accuracy
    assert float(accuracy[1]) > 90
    other = run("train", "digits", "--epochs", "8", "--seed", "1")
    assert learned(other.output) != learned(result.output)


def test_it_goes_on_from_a_checkpoint_only_when_asked(tmp_path: Path) -> None:
    kept = ("--checkpoint", str(tmp_path / "run"))
    first = run("train", *QUICK, *kept, "--resume")
    assert first.exit_code == 0, first.output
    assert "No checkpoint: from the start." in first.output
    assert_one_sentence(
        run("train", *QUICK, *kept), r"checkpoint of step 66: add --resume to go on"
    )
    more = run("train", "digits", "--epochs", "6", *kept, "--resume")
    assert "Going on from step 66." in more.output
    assert learned(more.output) == learned(run("train", "digits", "--epochs", "6").output)
    other = run("train", "mlp-17-128", *kept, "--resume")
    assert_one_sentence(other, r"checkpoint: expected \.params\[0\]\['b'\] of shape \(17,\)")


def test_without_orbax_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("orbax", "orbax.checkpoint"):
        monkeypatch.setitem(sys.modules, name, None)
    result = run("train", *QUICK, "--checkpoint", str(tmp_path))
    assert_one_sentence(result, "pip install orbax-checkpoint")


def test_only_the_very_same_parameters_have_the_same_fingerprint() -> None:
    params = {"w": jnp.ones(3), "b": jnp.zeros(2)}
    assert fingerprint(params) == fingerprint({"b": jnp.zeros(2), "w": jnp.ones(3)})
    assert fingerprint(params) != fingerprint(params | {"b": jnp.array([0, 1e-30])})
