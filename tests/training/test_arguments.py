"""Rules for what `fit` and `sweep` are given: nothing changes without a word."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tqdm import std

from course.training import arguments
from course.training.loop import fit
from course.training.optimizers import adam, sgd
from course.training.sweep import sweep
from tests.training.models import LINE, NET, SLOPE, X, cross_entropy, flowers, squares

KEY = jax.random.key(3)
INPUTS, LABELS = flowers()
MASKED = np.ma.array(INPUTS, mask=np.zeros_like(INPUTS))
HUGE = 2**31  # the first whole number beyond int32
WRONG: dict[str, tuple[Any, Any, str]] = {
    "labels wrap": (
        INPUTS,
        LABELS + 2**32,
        "targets from -2147483648 to 2147483647, got 4294967296",
    ),
    "negative": (INPUTS, LABELS - 2**31 - 1, "targets from -2147483648 to .*, got -2147483649"),
    "unsigned": (np.full((90, 4), HUGE, np.uint32), LABELS, "inputs from .*, got 2147483648"),
    "unsigned, of JAX": (
        jnp.full((90, 4), HUGE, jnp.uint32),
        LABELS,
        "inputs from .*, got 21474836",
    ),
    "64 bits": (INPUTS, np.full(90, 2**64 - 1, np.uint64), "targets from .*, got 1844674407370955"),
    "Python's": (INPUTS, [10**30, *[0] * 89], "targets from .*, got one of 100 bits"),
    "beyond float32": (
        INPUTS.astype(float) * 1e300,
        LABELS,
        "finite inputs of a size that float32",
    ),
    "targets beyond": (INPUTS, np.full(90, -1e39), "finite targets of a size that float32 holds"),
    "longdouble": (
        INPUTS.astype(np.longdouble) * 1e39,
        LABELS,
        "finite inputs of a size that float32",
    ),
    "half infinite": (np.full((90, 4), np.inf, np.float16), LABELS, "finite inputs, got inf"),
    "brain float": (jnp.full((90, 4), jnp.nan, jnp.bfloat16), LABELS, "finite inputs, got nan"),
    "mask": (MASKED, LABELS, "inputs without a mask"),
    "masked targets": (INPUTS, np.ma.array(LABELS), "targets without a mask"),
    "masked rows": ([*MASKED], LABELS, "inputs without a mask"),
    "times": (INPUTS, LABELS.astype("m8[s]"), "targets that are numbers, got timedelta64"),
    "dates": (INPUTS, LABELS.astype("M8[s]"), "targets that are numbers, got datetime64"),
    "complex": (INPUTS * 1j, LABELS, "inputs that are numbers, got complex"),
    "text": (INPUTS, LABELS.astype(str), "targets that are numbers"),
    "objects": (INPUTS, np.array([None] * 90), "targets that are numbers, got object"),
    "one number": (3.0, LABELS, "at least one example in inputs"),
    "too few": (INPUTS, LABELS[1:], "a target for each of the 90 inputs, got 89"),
    "ragged": ([[1.0], [1.0, 2.0]], [0, 1], "numbers, got an irregular list"),
}


def run(**changes: Any) -> Any:
    """Run `fit` on the flowers."""
    given = {"data": (INPUTS, LABELS), "epochs": 1, "batch_size": 16, "key": KEY, "progress": False}
    return fit(**({"model": NET, "loss": cross_entropy, "optimizer": adam(0.01)} | given | changes))


@pytest.mark.parametrize("name", ["data", "validation"])
@pytest.mark.parametrize("case", WRONG)
def test_numbers_that_would_change_are_refused(case: str, name: str) -> None:
    inputs, targets, message = WRONG[case]
    with pytest.raises((TypeError, ValueError), match=rf"^{name}: expected {message}"):
        run(**{name: (inputs, targets)})


@pytest.mark.parametrize("case", ["labels wrap", "mask", "beyond float32"])
def test_a_sweep_looks_at_validation_data_as_well(case: str) -> None:
    inputs, targets, message = WRONG[case]
    with pytest.raises((TypeError, ValueError), match=rf"^validation: expected {message}"):
        sweep(NET, cross_entropy, adam(0.1), flowers(), validation=(inputs, targets), epochs=1,
              batch_size=16, keys=KEY, progress=False)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.ones(3), "float32"),
        ([1.5, 2, 3], "float32"),
        (np.ones(3, np.longdouble), "float32"),
        (np.ones(3, np.float16), "float16"),
        (jnp.ones(3, jnp.bfloat16), "bfloat16"),
        (np.array([1, 2, 3], np.uint8), "int32"),
        (np.array([-(2**31), 0, 2**31 - 1]), "int32"),
        (np.array([0, 1, 2**31 - 1], np.uint64), "int32"),
        ([True, False, True], "int32"),
    ],
)
def test_data_have_the_dtypes_that_models_expect(given: Any, kept: str) -> None:
    inputs, targets = arguments.as_data("data", (given, [0, 1, 2]), {})
    assert (inputs.dtype.name, targets.dtype.name) == (kept, "int32")
    assert np.asarray(inputs).astype(float).tolist() == np.asarray(given).astype(float).tolist()


def test_arrays_on_the_device_are_not_copied() -> None:
    given = (jnp.asarray(INPUTS), jnp.asarray(LABELS))
    inputs, labels = arguments.as_data("data", given, {})
    assert inputs is given[0]
    assert labels is given[1]


def test_whole_numbers_in_validation_data_become_what_data_are() -> None:
    result = fit(SLOPE, squares, sgd(0.1), LINE, validation=([1, 2], [3, 6]), epochs=2,
                 batch_size=8, key=KEY, progress=False)  # fmt: skip
    expected = np.mean((float(result.params["slope"]) * np.array([1, 2]) - [3, 6]) ** 2)
    np.testing.assert_allclose(result.history.validation_loss[-1], expected, rtol=1e-4)
    with pytest.raises(
        TypeError, match="validation: expected targets that are integers as in data"
    ):
        run(validation=(INPUTS, LABELS.astype(float)))


NO_NUMBERS = [
    None,
    "0.1",
    b"0.1",
    True,
    np.True_,
    1j,
    np.complex64(1 + 2j),
    10**400,
    [0.1],
    {},
    -1,
    np.nan,
]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_a_strength_is_a_number(value: Any) -> None:
    for rule in (arguments.as_strength, arguments.known(arguments.checks.number())):
        with pytest.raises((TypeError, ValueError), match=r"^l2: expected a number"):
            rule("l2", value, {})
    if value is not None:
        with pytest.raises((TypeError, ValueError), match=r"^l2: expected a number of at least 0"):
            run(l2=value)
    with pytest.raises((TypeError, ValueError), match=r"^save_every: expected seconds"):
        run(save_every=value)


@pytest.mark.parametrize(
    ("given", "strength"), [(0, None), (0.0, None), (2, 2.0), (np.float32(0.5), 0.5)]
)
def test_no_penalty_is_left_out_of_the_program(given: Any, strength: float | None) -> None:
    assert arguments.as_strength("l2", given, {}) == strength


@pytest.mark.parametrize(
    "stop",
    [True, 1, "abc", [], np.array(3), lambda now: True, lambda: None, list, lambda: "no",
     lambda: np.array([True, False]), lambda: 0.0, lambda: (lambda: True), object()],
)  # fmt: skip
def test_stop_is_a_function_that_returns_true_or_false(stop: Any) -> None:
    with pytest.raises(
        TypeError, match=r"^stop: expected a function without arguments that returns"
    ):
        run(stop=stop)


@pytest.mark.parametrize("no", [False, np.False_, np.array(False), jnp.array(False)])
def test_stop_may_answer_with_any_boolean(no: Any) -> None:
    assert run(stop=lambda: no).stopped == "finished"


@pytest.mark.parametrize(
    "progress",
    [None, "abc", 3, 1.0, np.array([True]), len, lambda **_: None, lambda: std.tqdm, dict],
)
def test_progress_is_a_choice_or_makes_a_bar(
    progress: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COURSE_QUIET", raising=False)
    for call in (run, lambda **given: sweep(SLOPE, squares, sgd(0.1), LINE, epochs=1, batch_size=8,
                                            keys=KEY, **given)):  # fmt: skip
        with pytest.raises(TypeError, match=r"^progress: expected True, False, or a class of bars"):
            call(progress=progress)


def test_progress_may_be_a_boolean_of_numpy() -> None:
    assert run(progress=np.False_).stopped == "finished"


@pytest.mark.parametrize("epochs", [2**62, 2**40, 10**400])
def test_a_run_without_end_is_refused(epochs: int) -> None:
    with pytest.raises(ValueError, match=r"^epochs: expected"):
        run(epochs=epochs)
    with pytest.raises(ValueError, match=r"^epochs: expected"):
        sweep(SLOPE, squares, sgd(0.1), LINE, epochs=epochs, batch_size=8, keys=KEY)


def test_what_exceeds_the_memory_is_refused() -> None:
    arguments.check_memory("keys", "runs that fit", arguments.memory_bytes())
    with pytest.raises(
        ValueError, match=r"^keys: expected runs that fit in the .* GiB of memory, got"
    ):
        arguments.check_memory("keys", "runs that fit", arguments.memory_bytes() + 1)
    keys = jax.random.split(KEY, 2**20)
    with pytest.raises(ValueError, match=r"^keys: expected 2097152 runs .* that fit in the"):
        sweep(NET, cross_entropy, [sgd(0.1), sgd(0.2)], flowers(), keys=keys, epochs=1000,
              batch_size=16, progress=False)  # fmt: skip


@pytest.mark.parametrize("name", ["data", "key", "l2", "optimizer", "loss"])
def test_no_argument_is_traced(name: str) -> None:
    def inside(number: Any) -> Any:
        partial = jax.tree_util.Partial(lambda number, p, y: cross_entropy(p * number, y), number)
        changes = {
            "data": (INPUTS * number, LABELS), "key": jax.random.key(number.astype(int)),
            "l2": number, "optimizer": sgd(number), "loss": partial,
        }  # fmt: skip
        return run(**{name: changes[name]}).params

    with pytest.raises(TypeError, match=rf"^{name}: expected numbers that are known"):
        jax.jit(inside)(1.0)


def test_fit_is_not_compiled() -> None:
    with pytest.raises(TypeError, match=r"^model: expected a call outside of jax.jit"):
        jax.jit(lambda: run().params)()
    with pytest.raises(TypeError, match=r"^optimizers: expected numbers that are known"):
        jax.jit(lambda: sweep(SLOPE, squares, sgd(0.1), (X, X), epochs=1, batch_size=8, keys=KEY))()
