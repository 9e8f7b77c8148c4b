"""Many runs at once are the runs that `fit` makes one after the other."""

from typing import Any

import jax
import numpy as np
import pytest

from course.models.mlp import mlp
from course.training import sweep as module
from course.training.loop import fit
from course.training.optimizers import adam, sgd
from course.training.sweep import sweep
from tests.training.models import LINE, NET, SLOPE, cross_entropy, flowers, squares

KEYS = jax.random.split(jax.random.key(5), 3)
RATES = [0.003, 0.03]
SHARED = {"epochs": 4, "batch_size": 16, "progress": False}


def test_each_run_is_the_one_that_fit_makes() -> None:
    net, data, validation = mlp((4, 3)), flowers(), flowers(30, seed=1)
    every = sweep(net, cross_entropy, [adam(rate) for rate in RATES], data, keys=KEYS,
                  validation=validation, l2=0.01, **SHARED)  # fmt: skip
    assert every.history.loss.shape == (2, 3, 20)
    assert every.history.epoch_loss.shape == (2, 3, 4)
    assert every.history.validation_accuracy.shape == (2, 3, 4)
    for i, rate in enumerate(RATES):
        for j, key in enumerate(KEYS):
            one = fit(net, cross_entropy, adam(rate), data, key=key, validation=validation,
                      l2=0.01, **SHARED)  # fmt: skip
            expected = jax.tree.leaves((one.params, one.state, one.history.validation_loss))
            got = jax.tree.leaves((every.params, every.state, every.history.validation_loss))
            for a, b in zip(got, expected, strict=True):
                np.testing.assert_allclose(a[i, j], b, rtol=1e-3, atol=1e-4)


def test_one_optimizer_and_one_key_have_axes_too() -> None:
    result = sweep(SLOPE, squares, sgd(0.2), LINE, keys=KEYS[0], **SHARED)
    one = fit(SLOPE, squares, sgd(0.2), LINE, key=KEYS[0], **SHARED)
    assert result.params["slope"].shape == (1, 1)
    np.testing.assert_allclose(result.params["slope"][0, 0], one.params["slope"], rtol=1e-5)


def test_a_run_that_diverges_does_not_spoil_the_others() -> None:
    result = sweep(SLOPE, squares, [sgd(0.2), sgd(1e5)], LINE, keys=KEYS, epochs=40,
                   batch_size=8, progress=False)  # fmt: skip
    assert np.isfinite(result.history.loss[0]).all()
    assert not np.isfinite(result.history.loss[1, :, -1]).any()
    np.testing.assert_allclose(result.params["slope"][0], 3.0, rtol=1e-3)
    assert result.stopped == "finished"


def test_runs_that_all_diverge_are_shown_and_not_warned_about() -> None:
    result = sweep(SLOPE, squares, [sgd(1e5), sgd(1e6)], LINE, keys=KEYS, epochs=40,
                   batch_size=8, progress=False)  # fmt: skip
    assert not np.isfinite(result.history.loss[..., -1]).any()


def test_an_interrupt_keeps_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = module.train, []

    def train(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(module, "train", train)
    with pytest.warns(RuntimeWarning, match="interrupted after 8 steps"):
        result = sweep(SLOPE, squares, sgd(0.2), LINE, keys=KEYS, **(SHARED | {"epochs": 400}))
    assert result.history.loss.shape == (1, 3, 8)


def test_other_rates_compile_nothing() -> None:
    before = []
    for rates in (RATES, [0.5, 0.1]):
        sweep(SLOPE, squares, [adam(rate) for rate in rates], LINE, keys=KEYS, **SHARED)
        before.append(module.train._cache_size())
    assert before[0] == before[1] > 0


BAD = {
    "kinds": ({"optimizers": [sgd(0.1), adam(0.1)]}, "optimizers: expected optimizers of one kind"),
    "none": ({"optimizers": []}, "optimizers: expected at least one"),
    "keys": ({"keys": 3}, "keys: expected a key"),
    "no keys": ({"keys": KEYS[:0]}, "keys: expected at least one key"),
    "batch": ({"batch_size": 1000}, "batch_size: expected at most the 90 examples"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_named(name: str) -> None:
    changes, message = BAD[name]
    given: dict[str, Any] = {"optimizers": [adam(0.1)], "keys": KEYS} | SHARED | changes
    with pytest.raises((TypeError, ValueError), match=message):
        sweep(NET, cross_entropy, data=flowers(), **given)
