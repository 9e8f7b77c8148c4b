"""Settings of libraries outlive no check."""

from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from tests.practice.examples import entropy_bits, my_entropy

SETTINGS = {
    "jax_disable_jit": True,
    "jax_enable_x64": True,
    "jax_debug_nans": True,
    "jax_debug_infs": True,
    "jax_default_matmul_precision": "float32",
    "jax_numpy_dtype_promotion": "strict",
    "jax_numpy_rank_promotion": "raise",
    "jax_default_prng_impl": "rbg",
    "jax_log_compiles": True,
    "jax_traceback_filtering": "off",
    "jax_threefry_partitionable": not jax.config.jax_threefry_partitionable,
    "jax_check_tracer_leaks": True,
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_of_jax_is_put_back(name: str) -> None:
    before = jax.config.values

    def answer(p):
        jax.config.update(name, SETTINGS[name])
        assert jax.config.values != before
        return my_entropy(p)

    verdict = entropy_bits.check(answer)
    assert jax.config.values == before
    assert verdict.outcome == "correct", verdict


@pytest.mark.parametrize(
    "context",
    [
        jax.disable_jit,
        lambda: jax.default_matmul_precision("float32"),
        lambda: jax.debug_nans(True),
        lambda: jax.numpy_rank_promotion("raise"),
    ],
)
def test_a_context_of_jax_that_was_left_open_is_closed(context: Any) -> None:
    before = jax.config.values

    def answer(p):
        context().__enter__()
        return my_entropy(p)

    assert entropy_bits.check(answer).outcome == "correct"
    assert jax.config.values == before
    assert jnp.isnan(jnp.zeros(1) / jnp.zeros(1)).all()


def test_a_context_around_the_check_stays_open() -> None:
    with jax.disable_jit():
        inside = jax.config.values
        assert entropy_bits.check(lambda p: jax.config.update("jax_disable_jit", False) or 0.0)
        assert jax.config.values == inside
    assert not jax.config.jax_disable_jit


def test_an_answer_may_use_settings_of_jax() -> None:
    def answer(p):
        jax.config.update("jax_enable_x64", True)
        x = jnp.asarray(p)
        assert x.dtype == jnp.float64
        return -jnp.sum(jnp.where(x > 0, x * jnp.log2(jnp.where(x > 0, x, 1)), 0))

    assert entropy_bits.check(answer).outcome == "correct"
    assert jnp.ones(1).dtype == jnp.float32


def test_the_backend_of_matplotlib_is_put_back() -> None:
    plt.figure()
    plt.close()
    before = mpl.get_backend(), plt.get_backend()

    def answer(p):
        plt.switch_backend("svg")
        mpl.rcParams["axes.grid"] = True
        plt.ion()
        return my_entropy(p)

    settings = dict(mpl.rcParams)
    assert entropy_bits.check(answer).outcome == "correct"
    assert (mpl.get_backend(), plt.get_backend()) == before
    assert dict(mpl.rcParams) == settings
    figure = plt.figure()
    assert type(figure.canvas).__module__.endswith(before[0].lower().rpartition(".")[2])
    plt.close(figure)
