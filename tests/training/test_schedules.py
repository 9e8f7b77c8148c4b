"""Schedules against optax's, their edges, and what they refuse."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.tree_util import Partial

from course.training.optimizers import sgd
from course.training.schedules import Step, constant, cosine, step_decay, warmup_cosine

Theirs = Callable[[Any], Any]

PAIRS: dict[str, tuple[Partial, Theirs]] = {
    "constant": (constant(0.3), optax.constant_schedule(0.3)),
    "step_decay": (step_decay(0.3, 7, 0.4), optax.exponential_decay(0.3, 7, 0.4, staircase=True)),
    "step_decay, piecewise": (
        step_decay(0.3, 50, 0.1),
        optax.piecewise_constant_schedule(0.3, {50: 0.1, 100: 0.1}),
    ),
    "cosine": (cosine(0.3, 90), optax.cosine_decay_schedule(0.3, 90)),
    "cosine of one step": (cosine(2, 1), optax.cosine_decay_schedule(2.0, 1)),
    "warmup_cosine": (
        warmup_cosine(0.3, 20, 90),
        optax.warmup_cosine_decay_schedule(0.0, 0.3, 20, 90),
    ),
    "no warm-up": (
        warmup_cosine(0.3, 0, 90),
        optax.warmup_cosine_decay_schedule(0.3, 0.3, 0, 90),
    ),
}
SCHEDULES = {
    "constant": (constant, (0.1,), (0.2,)),
    "step_decay": (step_decay, (0.1, 10, 0.5), (0.2, 20, 0.1)),
    "cosine": (cosine, (0.1, 10), (1, 20)),
    "warmup_cosine": (warmup_cosine, (0.1, 0, 10), (np.float32(0.2), 5, np.int64(20))),
}
STEPS = np.arange(130)


@pytest.mark.parametrize("name", PAIRS)
def test_schedules_equal_those_of_optax(name: str) -> None:
    """To 1e-6 of the highest rate: closer to 0, optax itself rounds otherwise under `jit`."""
    ours, theirs = PAIRS[name]
    expected = np.array([theirs(int(step)) for step in STEPS])
    ways = {
        "integers": np.array([ours(int(step)) for step in STEPS]),
        "at once": np.asarray(ours(STEPS)),
        "under jit": np.asarray(jax.jit(jax.vmap(ours))(STEPS)),
    }
    for way, rates in ways.items():
        assert rates.shape == STEPS.shape, way
        np.testing.assert_allclose(
            rates, expected, rtol=1e-6, atol=1e-6 * expected.max(), err_msg=way
        )


def test_known_rates() -> None:
    drops = step_decay(1.0, every=3, factor=0.5)(STEPS[:7])
    assert drops.tolist() == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    wave = np.asarray(cosine(1.0, steps=4)(STEPS[:6]))
    np.testing.assert_allclose(wave, [1, 0.853553, 0.5, 0.146447, 0, 0], atol=1e-6)
    both = np.asarray(warmup_cosine(1.0, warmup=2, steps=4)(STEPS[:6]))
    np.testing.assert_allclose(both, [0, 0.5, 1, 0.5, 0, 0], atol=1e-6)


def test_a_warmup_as_long_as_the_run_is_allowed() -> None:
    np.testing.assert_allclose(warmup_cosine(1.0, 4, 4)(STEPS[:6]), [0, 0.25, 0.5, 0.75, 1, 0])


def test_drops_come_at_the_exact_step_far_out() -> None:
    drops = step_decay(1.0, every=1000, factor=0.5)(np.array([2_999_999, 3_000_000]) - 2_990_000)
    assert drops.tolist() == [2.0**-9, 2.0**-10]


@pytest.mark.parametrize("name", SCHEDULES)
def test_other_numbers_compile_nothing(name: str) -> None:
    make, first, second = SCHEDULES[name]
    traces: list[str] = []

    @jax.jit
    def rate(schedule: Partial, step: Step) -> jax.Array:
        traces.append("once more")
        return schedule(step)

    rates = [float(rate(make(*numbers), 4)) for numbers in (first, second)]
    assert rates[0] != rates[1]
    assert len(traces) == 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_many_schedules_run_at_once(name: str) -> None:
    make, first, second = SCHEDULES[name]
    singles = [make(*numbers) for numbers in (first, second)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(as_arrays, singles))
    rates = jax.vmap(lambda schedule: schedule(jnp.int32(4)))(stacked)
    np.testing.assert_allclose(rates, [single(4) for single in singles], rtol=1e-6)
    made = jax.vmap(make)(*map(jnp.array, zip(first, second, strict=True)))
    np.testing.assert_allclose(jax.vmap(lambda schedule: schedule(4))(made), rates, rtol=1e-6)


def as_arrays(tree: Any) -> Any:
    return jax.tree.map(jnp.asarray, tree)


def test_rates_can_be_differentiated() -> None:
    slope = jax.grad(lambda rate: cosine(rate, 10)(5))(0.3)
    assert float(slope) == pytest.approx(0.5, rel=1e-6)


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "rate 0": (constant, {"rate": 0}, "a learning rate above 0, got 0"),
    "negative rate": (cosine, {"rate": -0.1}, "a learning rate above 0, got -0.1"),
    "rate NaN": (step_decay, {"rate": np.nan}, "a learning rate .* got nan"),
    "rate inf": (warmup_cosine, {"rate": np.inf}, "a learning rate .* got inf"),
    "every 0": (step_decay, {"every": 0}, "an integer of at least 1, got 0"),
    "factor 0": (step_decay, {"factor": 0.0}, "a factor above 0, at most 1, got 0"),
    "factor 10": (step_decay, {"factor": 10}, "a factor above 0, at most 1, got 10"),
    "no steps": (cosine, {"steps": 0}, "an integer of at least 1, got 0"),
    "too many": (cosine, {"steps": 2**31}, "an integer of at most"),
    "warm-up": (warmup_cosine, {"warmup": 11}, "at most the 10 steps, got 11"),
    "below 0": (warmup_cosine, {"warmup": -1}, "an integer of at least 0, got -1"),
}
GOOD = {"rate": 0.1, "every": 10, "factor": 0.5, "steps": 10, "warmup": 5}


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case: str) -> None:
    make, bad, message = BAD[case]
    given = {name: GOOD[name] for name in inspect.signature(make).parameters} | bad
    with pytest.raises((TypeError, ValueError), match=f"{next(iter(bad))}: expected {message}"):
        make(**given)


def test_a_traced_number_of_steps_is_one_integer() -> None:
    for steps in (jnp.ones(2), jnp.ones((2, 1), int)):
        with pytest.raises(TypeError, match="steps: expected an integer, got"):
            jax.vmap(lambda n: cosine(0.1, n))(steps)


MADE = (constant(0.1), step_decay(0.1, 2, 0.5), cosine(0.1, 10), warmup_cosine(0.1, 2, 10))


@pytest.mark.parametrize("schedule", MADE, ids=lambda schedule: schedule.func.__name__)
def test_a_schedule_is_asked_for_numbers_of_steps(schedule: Partial) -> None:
    for wrong in (
        "a",
        None,
        True,
        float("nan"),
        -1,
        [0, -1],
        2**31,
        10**5000,
        1j,
        {1},
        [[1], [1, 2]],
    ):
        with pytest.raises((TypeError, ValueError), match=r"^t: expected "):
            schedule(wrong)
    for right in ([1, 2], np.array([1, 2], ">i4"), range(1, 3), np.array([1, 2], np.longdouble)):
        assert schedule(right).tolist() == schedule(np.array([1, 2])).tolist()


@pytest.mark.parametrize(
    "function",
    [
        len, int, lambda: 0.1, lambda t: None, lambda t: "a", lambda t: 1j, lambda t: -1.0,
        lambda t: float("nan"), lambda t: True, lambda t: 1 / 0, lambda t, s: t, max,
    ],
)  # fmt: skip
def test_what_gives_no_rate_is_no_schedule(function: Callable[..., Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^rate: expected .*, got ") as error:
        sgd(function)
    assert len(str(error.value)) < 400


def test_a_schedule_may_ask_which_step_it_is() -> None:
    optimizer = sgd(lambda t: 0.1 if t < 5 else 0.01)
    updates, _ = optimizer.update(jnp.ones(1), optimizer.init(jnp.ones(1)))
    assert updates.tolist() == [np.float32(-0.1)]
