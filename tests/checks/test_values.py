"""Rules for the numbers in an array."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, Int

from course.checks import (
    checked,
    finite,
    labels,
    positive,
    probabilities,
    probability,
    single_precision,
    within,
)
from tests.checks.accept import HALVES, INF, NAN, NUMBERS, PLAIN, accept


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (finite, [1, NAN], "finite numbers, got nan"),
        (finite, [INF, -INF], "finite numbers, got -inf"),
        (finite, jnp.array([1, INF], jnp.bfloat16), "finite numbers, got inf"),
        (finite, 1e39, r"finite numbers, got 1e\+39"),  # too large for float32
        (positive, [1, 0], "positive numbers, got 0"),
        (positive, -2, "positive numbers, got -2"),
        (positive, 1e-40, "positive numbers, got 1e-40"),  # the hardware takes it for 0
        (positive, INF, "positive numbers, got inf"),
        (probability, 1.01, "probabilities from 0 to 1, got 1.01"),
        (probability, NAN, "probabilities from 0 to 1, got nan"),
        (within(2, 3, "a pair"), [2, 3.5], "a pair, got 3.5"),
        (probabilities(), [0.5, 0.6], "probabilities that sum to 1 along axis -1, got sum 1.1$"),
        (probabilities(), [0.5, 0.4998], "probabilities that sum to 1 along axis -1, got sum 0.99"),
        (probabilities(), [[0.5, 0.5], [0.5, 0.3]], "probabilities that sum to 1 .* got sum 0.8$"),
        (probabilities(0), [HALVES, [0.5, 0.7]], "probabilities .* axis 0, got sum 1.2$"),
        (probabilities(None), [HALVES, HALVES], "probabilities that sum to 1, got sum 2$"),
        (probabilities(), [-0.5, 1.5], "probabilities from 0 to 1, got -0.5"),
        (probabilities(), [INF, -INF], "probabilities from 0 to 1, got -inf"),
    ],
)
@pytest.mark.parametrize("annotation", [NUMBERS, PLAIN])
def test_a_wrong_value_is_a_value_error(rule, value, expected, annotation):
    with pytest.raises(ValueError, match=rf"^x: expected {expected}"):
        accept(rule, value, annotation)


def test_right_values_pass():
    assert accept(positive, 2, NUMBERS) == 2
    assert accept(probability, [0, 1], NUMBERS).tolist() == [0, 1]
    assert accept(probabilities(None), [[0.25, 0.25], [0.5, 0]], NUMBERS).shape == (2, 2)
    assert accept(within(2, 3, "a pair"), [2, 3], NUMBERS).tolist() == [2, 3]


def test_sums_may_be_off_by_what_rounding_does_to_them():
    accept(probabilities(), [0.5, 0.50009], NUMBERS)
    p = np.random.default_rng(0).dirichlet(np.ones(300), size=100)
    for dtype in (jnp.float16, jnp.bfloat16, jnp.float32):
        accept(probabilities(), p.astype(dtype), NUMBERS)


@pytest.mark.parametrize(
    ("value", "got"),
    [([0, 3], "3"), (-1, "-1"), (2**32, r"4.29\d*e\+09")],  # 0 in 32 bits
)
def test_labels_out_of_range_are_refused(value, got):
    with pytest.raises(ValueError, match=rf"^x: expected labels from 0 to 2, got {got}"):
        accept(labels(3), value, Int[Array, "..."])


def test_labels_follow_the_array_that_holds_the_classes():
    @checked(logits=finite, label=labels("logits"))
    def score(label: Int[Array, "*#rows"], logits: Float[Array, "*#rows classes"]):
        return label

    assert score(2, np.zeros((5, 3))).shape == ()
    assert score([[0], [1]], np.zeros((5, 3))).shape == (2, 1)
    with pytest.raises(ValueError, match=r"^label: expected shape \(5,\), got shape \(2,\)"):
        score([0, 1], np.zeros((5, 3)))
    with pytest.raises(ValueError, match=r"^label: expected labels from 0 to 2, got 3"):
        score(3, np.zeros((5, 3)))


@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16, jnp.float16])
def test_infinity_in_few_digits_is_infinity(dtype):
    with pytest.raises(ValueError, match=r"^x: expected finite numbers, got inf"):
        accept(finite, jnp.array([INF, 1], dtype), NUMBERS)
    with pytest.raises(ValueError, match=r"^x: expected finite numbers, got inf"):
        accept(finite, np.array([INF, 1], dtype), NUMBERS)
    # Legal numbers pass without a warning, the largest there is among them.
    largest = float(jnp.finfo(dtype).max)
    assert accept(finite, np.array([largest, 1], dtype), NUMBERS).tolist() == [largest, 1]


def test_single_precision_is_the_least_there():
    for dtype in (np.float16, jnp.bfloat16, np.float32, np.float64):
        seen = accept(single_precision(finite), np.array(HALVES).astype(dtype), NUMBERS)
        assert seen.dtype == "float32"
    assert jax.jit(lambda x: accept(single_precision(finite), x, NUMBERS))(jnp.float16(1)) == 1
