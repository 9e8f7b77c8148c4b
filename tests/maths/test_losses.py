"""Losses against scipy, scikit-learn and optax, values and slopes, and what they refuse."""

import functools
import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special, stats

from course.maths.losses import (
    absolute_error,
    gaussian_nll,
    laplace_nll,
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels,
    squared_error,
    sum_outputs,
)

SIZES = [0.0, 1.0, 30.0, 1e4]  # of the logits
ELEMENTWISE = [sigmoid_binary_cross_entropy, squared_error, absolute_error]
WITH_SCALE = [gaussian_nll, laplace_nll]


def numbers(size, shape=(40, 7), seed=0):
    return (size * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def beliefs(shape=(40, 7), seed=1):
    return np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), shape[0]).astype(np.float32)


def slopes(loss, argument, *arguments):
    """The gradient of the sum of the losses by one argument."""
    return compiled_slopes(loss, argument)(*map(jnp.array, arguments))


@functools.cache
def compiled_slopes(loss, argument):
    return jax.jit(jax.grad(lambda *given: loss(*given).sum(), argnums=argument))


def close(result, exact, rtol=1e-5, atol=1e-36):
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, exact, rtol=rtol, atol=atol)


# Values and slopes.


@pytest.mark.parametrize("size", SIZES)
def test_binary_cross_entropy_equals_scipy(size):
    z, y = numbers(size), np.random.default_rng(1).integers(0, 2, (40, 7))
    z64 = z.astype(np.float64)
    close(sigmoid_binary_cross_entropy(z, y), -special.log_expit(np.where(y, z64, -z64)))
    sign = np.where(y, -1.0, 1.0)
    close(
        slopes(sigmoid_binary_cross_entropy, 0, z, np.float32(y)), sign * special.expit(sign * z64)
    )
    share = beliefs()
    exact = -share * special.log_expit(z64) - (1 - np.float64(share)) * special.log_expit(-z64)
    close(sigmoid_binary_cross_entropy(z, share), exact)


@pytest.mark.parametrize("size", SIZES)
def test_cross_entropies_equal_scipy(size):
    z, labels, shares = numbers(size), np.arange(40) % 7, beliefs()
    z64, hot = z.astype(np.float64), np.eye(7)[labels]
    log_q, q = special.log_softmax(z64, axis=-1), special.softmax(z64, axis=-1)
    label_loss = softmax_cross_entropy_with_integer_labels(z, labels)
    close(label_loss, -(hot * log_q).sum(-1), atol=1e-6)
    close(softmax_cross_entropy(z, hot), -(hot * log_q).sum(-1), atol=1e-6)
    close(softmax_cross_entropy(z, shares), -(np.float64(shares) * log_q).sum(-1))
    one_hot_slopes = slopes(softmax_cross_entropy, 0, z, np.float32(hot))
    close(one_hot_slopes, q - hot, atol=2e-7)
    close(slopes(softmax_cross_entropy, 0, z, shares), q - shares, atol=2e-6)
    label_slopes = slopes(softmax_cross_entropy_with_integer_labels, 0, z, labels)
    close(label_slopes, q - hot, atol=2e-7)


@pytest.mark.parametrize("gap", [1.0, 10.0, 17.0, 20.0, 80.0])
def test_the_cost_of_a_confident_right_belief(gap):
    exact = math.log1p(math.exp(-gap))
    close(sigmoid_binary_cross_entropy(gap, 1), exact)
    close(sigmoid_binary_cross_entropy(-gap, 0), exact)
    close(softmax_cross_entropy_with_integer_labels([gap, 0.0], 0), exact, atol=1e-6)
    close(softmax_cross_entropy([gap, 0.0], [1, 0]), exact, atol=1e-6)


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_several_largest_logits(shift):
    z = np.float32(shift) + np.array([0.0, 0.0, 0.0, -1.0], np.float32)
    exact = math.log(3 + math.exp(-1))
    close(softmax_cross_entropy_with_integer_labels(z, 1), exact)
    close(softmax_cross_entropy_with_integer_labels(np.full(1000, shift), 5), math.log(1000))


@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_errors_equal_numpy_and_likelihoods_scipy(scale):
    predictions, targets = numbers(1.0), numbers(scale, seed=2)
    widths = np.exp(numbers(1.0, seed=3))
    off = predictions.astype(np.float64) - targets
    close(squared_error(predictions, targets), off**2)
    close(slopes(squared_error, 0, predictions, targets), 2 * off)
    close(slopes(squared_error, 1, predictions, targets), -2 * off)
    close(absolute_error(predictions, targets), abs(off))
    close(slopes(absolute_error, 0, predictions, targets), np.sign(off))
    given = np.float64(targets), np.float64(predictions), np.float64(widths)
    close(gaussian_nll(predictions, targets, widths), -stats.norm.logpdf(*given), atol=1e-6)
    z = off / given[2]
    laplace = laplace_nll(predictions, targets, widths)
    close(laplace, abs(z) + np.log(2 * given[2]), atol=1e-6)
    if scale <= 1:  # where scipy's density does not underflow
        close(laplace, -stats.laplace.logpdf(*given), atol=1e-6)
    arguments = predictions, targets, widths
    close(slopes(gaussian_nll, 0, *arguments), z / widths)
    close(slopes(gaussian_nll, 1, *arguments), -z / widths)
    close(slopes(gaussian_nll, 2, *arguments), (1 - z**2) / widths, atol=1e-5)
    close(slopes(laplace_nll, 0, *arguments), np.sign(z) / widths)
    close(slopes(laplace_nll, 2, *arguments), (1 - abs(z)) / widths, atol=1e-5)


def test_losses_equal_those_of_optax():
    z, y, labels, shares = numbers(3.0), np.float32(numbers(1.0) > 0), np.arange(40) % 7, beliefs()
    for ours, theirs, arguments in [
        (sigmoid_binary_cross_entropy, optax.sigmoid_binary_cross_entropy, (z, y)),
        (softmax_cross_entropy, optax.softmax_cross_entropy, (z, shares)),
        (squared_error, optax.squared_error, (z, shares)),
    ]:
        close(ours(*arguments), jax.jit(theirs)(*arguments), atol=1e-6)
        close(slopes(ours, 0, *arguments), slopes(theirs, 0, *arguments), atol=1e-6)
    theirs = jax.jit(optax.softmax_cross_entropy_with_integer_labels)
    close(softmax_cross_entropy_with_integer_labels(z, labels), theirs(z, labels), atol=1e-6)


def test_double_precision_keeps_its_own_digits():
    with jax.enable_x64(True):
        z, labels = np.random.default_rng(0).normal(size=(40, 7)) * 10, np.arange(40) % 7
        result = softmax_cross_entropy_with_integer_labels(z, labels)
        exact = -special.log_softmax(z, axis=-1)[np.arange(40), labels]
        assert result.dtype == np.float64
        np.testing.assert_allclose(result, exact, rtol=1e-12)
        result = sigmoid_binary_cross_entropy(z, 1)
        np.testing.assert_allclose(result, -special.log_expit(z), rtol=1e-12)
        result = gaussian_nll(z, 0.0, 2.0)
        np.testing.assert_allclose(result, -stats.norm.logpdf(z, scale=2.0), rtol=1e-12)


# What the notebooks say of them.


def test_a_fixed_scale_leaves_the_squared_and_the_absolute_error():
    predictions, targets = numbers(1.0), numbers(1.0, seed=2)
    half = gaussian_nll(predictions, targets, 1.0) - math.log(2 * math.pi) / 2
    close(squared_error(predictions, targets), 2 * half, atol=1e-6)
    distance = laplace_nll(predictions, targets, 1.0) - math.log(2)
    close(absolute_error(predictions, targets), distance, atol=1e-6)


def test_two_classes_are_the_binary_case():
    z, y = numbers(3.0, 50), np.arange(50) % 2
    two = np.stack([np.zeros_like(z), z], axis=-1)
    binary = sigmoid_binary_cross_entropy(z, y)
    close(softmax_cross_entropy_with_integer_labels(two, y), binary, atol=1e-6)


def test_naive_binary_cross_entropy_saturates_at_logit_17():
    def naive(z):
        return -jnp.log(1 - 1 / (1 + jnp.exp(-z)))

    naively = [float(naive(jnp.float32(z))) for z in (16, 17)]
    assert math.isfinite(naively[0])
    assert naively[1] == math.inf
    close(sigmoid_binary_cross_entropy([16.0, 17.0], [0, 0]), [16.0 + 1.1e-7, 17.0 + 4e-8])


def test_naive_softmax_overflows_between_88_and_89():
    def naive(z):
        return -jnp.log(jnp.exp(z)[0] / jnp.exp(z).sum())

    assert math.isfinite(naive(jnp.array([88.0, 87.0])))
    assert math.isnan(naive(jnp.array([89.0, 88.0])))
    close(softmax_cross_entropy_with_integer_labels([89.0, 88.0], 0), math.log1p(math.exp(-1)))


# At the edges.


def extreme_numbers():
    return np.array([0, 1e-38, -1e-38, 1, -1, 88, -89, 1e4, -1e4, 1e37, -1e37], "f4")


def test_no_slope_is_nan_for_any_logit():
    z, y = (grid.ravel() for grid in np.meshgrid(extreme_numbers(), np.float32([0, 0.3, 1])))
    assert np.isfinite(sigmoid_binary_cross_entropy(z, y)).all()
    for argument in (0, 1):
        assert np.isfinite(slopes(sigmoid_binary_cross_entropy, argument, z, y)).all()
    curvature = jax.jit(jax.vmap(jax.hessian(sigmoid_binary_cross_entropy)))
    assert np.isfinite(curvature(z, y)).all()


def test_no_slope_is_nan_for_any_logits():
    a, b, y = (
        grid.ravel()
        for grid in np.meshgrid(extreme_numbers(), extreme_numbers(), np.float32([0, 0.3, 1]))
    )
    z, labels = np.stack([a, b], axis=-1), np.stack([y, 1 - y], axis=-1)
    assert np.isfinite(softmax_cross_entropy(z, labels)).all()
    for argument in (0, 1):
        assert np.isfinite(slopes(softmax_cross_entropy, argument, z, labels)).all()
    label = (y > 0.5).astype(int)
    assert np.isfinite(softmax_cross_entropy_with_integer_labels(z, label)).all()
    assert np.isfinite(slopes(softmax_cross_entropy_with_integer_labels, 0, z, label)).all()


@pytest.mark.parametrize("loss", WITH_SCALE)
@pytest.mark.parametrize("scale", [1e-15, 1e-10, 1.0, 1e10, 1e15])
def test_no_slope_is_nan_for_any_scale(loss, scale):
    targets = np.float32(scale) * np.array([0, 1e-4, 1, -1, 100, -1e4], "f4")
    means, scales = np.zeros_like(targets), np.full_like(targets, scale)
    assert np.isfinite(loss(means, targets, scales)).all()
    for argument in range(3):
        assert np.isfinite(slopes(loss, argument, means, targets, scales)).all()


def test_slopes_at_a_hit():
    assert float(slopes(absolute_error, 0, 2.0, 2.0)) == 0
    assert float(slopes(laplace_nll, 0, 2.0, 2.0, 1e-10)) == 0
    assert float(slopes(gaussian_nll, 0, 2.0, 2.0, 1e-10)) == 0
    assert float(slopes(gaussian_nll, 2, 2.0, 2.0, 0.5)) == 2
    assert float(gaussian_nll(0.0, 1.0, 1e-30)) == math.inf


def test_perfect_beliefs_cost_nothing_with_a_plain_sign():
    for loss in (
        sigmoid_binary_cross_entropy([1e4, -1e4], [1, 0]),
        softmax_cross_entropy([[1e4, -1e4]] * 2, [[1, 0]] * 2),
        softmax_cross_entropy_with_integer_labels([[1e4, -1e4], [-1e4, 1e4]], [0, 1]),
        softmax_cross_entropy_with_integer_labels([[3.0]] * 2, [0, 0]),
    ):
        assert loss.tolist() == [0, 0]
        assert not np.signbit(loss).any()


def test_what_traced_values_give_that_cannot_be_checked():
    traced = jax.jit(softmax_cross_entropy_with_integer_labels)
    cost = traced(jnp.zeros((4, 3)), jnp.array([0, 3, -1, 2]))
    close(cost, [math.log(3), math.inf, math.inf, math.log(3)])
    spoiled = jnp.array([math.nan, 0.0, 1.0])
    assert np.isnan(jax.jit(softmax_cross_entropy)(spoiled, jnp.array([0.0, 0.0, 1.0])))
    assert np.isnan(traced(spoiled, 1))
    assert np.isnan(jax.jit(sigmoid_binary_cross_entropy)(spoiled, 1.0)).tolist() == [
        True,
        False,
        False,
    ]
    assert np.isnan(jax.jit(squared_error)(spoiled, 0.0)).any()


# Shapes.


@pytest.mark.parametrize("loss", [*ELEMENTWISE, *WITH_SCALE])
@pytest.mark.parametrize("shape", [(), (2, 3, 1)])
def test_one_loss_for_each_prediction(loss, shape):
    predictions, targets = numbers(1.0, shape), np.float32(numbers(1.0, shape, seed=1) > 0)
    scale = [0.5] if loss in WITH_SCALE else []
    assert loss(predictions, targets, *scale).shape == shape
    # One number against all is the only other way to pair.
    for number in (1.0, np.ones(())):
        against_all = loss(predictions, np.full(shape, number), *scale)
        close(loss(predictions, number, *scale), against_all, rtol=1e-6)
        all_against = loss(np.full(shape, number), targets, *scale)
        close(loss(number, targets, *scale), all_against, rtol=1e-6)


@pytest.mark.parametrize("rows", [(), (2, 5)])
def test_one_loss_for_each_row_of_logits(rows):
    z = numbers(1.0, (*rows, 3))
    labels = np.zeros(rows, int)
    result = softmax_cross_entropy_with_integer_labels(z, labels)
    assert result.shape == rows
    close(softmax_cross_entropy(z, np.eye(3)[labels]), result, rtol=1e-6)
    close(softmax_cross_entropy_with_integer_labels(z, 0), result, rtol=1e-6)
    close(softmax_cross_entropy(z, [1, 0, 0]), result, rtol=1e-6)
    assert softmax_cross_entropy_with_integer_labels(z[..., :1], labels).shape == rows


@pytest.mark.parametrize("loss", [*ELEMENTWISE, *WITH_SCALE])
@pytest.mark.parametrize(
    ("shape", "other"), [((5, 1), (5,)), ((5,), (5, 1)), ((5,), (4,)), ((5,), (1,)), ((5, 3), (3,))]
)
def test_nothing_else_broadcasts(loss, shape, other):
    name = "labels" if loss is sigmoid_binary_cross_entropy else "targets"
    to = {sigmoid_binary_cross_entropy: "logits", gaussian_nll: "mean", laplace_nll: "mean"}
    scale = [1.0] if loss in WITH_SCALE else []
    for call in (loss, jax.jit(loss)):
        with pytest.raises(ValueError, match=rf"^{name}: expected shape ") as refused:
            call(np.ones(shape), np.ones(other), *scale)
        together = f"{shape} to go with {to.get(loss, 'predictions')}, got shape {other}"
        assert str(refused.value).endswith((together, f"{shape}, got shape {other}"))


def test_scales_pair_up_as_well():
    for loss in WITH_SCALE:
        assert loss(np.zeros(4), np.zeros(4), np.ones(4)).shape == (4,)
        for mean in (np.zeros(4), 0.0):
            with pytest.raises(ValueError, match=r"^scale: expected shape \(4,\) to go with "):
                loss(mean, np.zeros(4), np.ones((4, 1)))


def test_labels_pair_up_with_rows():
    expected = r"^labels: expected shape \(5,\) to go with logits, got shape \(5, 1\)"
    with pytest.raises(ValueError, match=expected):
        softmax_cross_entropy_with_integer_labels(np.zeros((5, 3)), np.zeros((5, 1), int))
    for wrong in (np.full((5, 1, 3), 1 / 3), np.full((4, 3), 1 / 3), np.full((5, 4), 0.25)):
        with pytest.raises(ValueError, match=r"^labels: expected "):
            softmax_cross_entropy(np.zeros((5, 3)), wrong)


def test_losses_map_and_compile_like_the_batch():
    z, labels, shares = numbers(2.0), np.arange(40) % 7, beliefs()
    for loss, arguments in [
        (sigmoid_binary_cross_entropy, (z, shares)),
        (softmax_cross_entropy, (z, shares)),
        (softmax_cross_entropy_with_integer_labels, (z, labels)),
        (squared_error, (z, shares)),
        (absolute_error, (z, shares)),
        (gaussian_nll, (z, shares, np.exp(z))),
        (laplace_nll, (z, shares, np.exp(z))),
    ]:
        exact = loss(*arguments)
        mapped = jax.jit(jax.vmap(loss))(*arguments)
        np.testing.assert_allclose(mapped, exact, rtol=1e-6, atol=1e-6)


def test_outputs_of_an_example_are_summed():
    predictions, targets = numbers(1.0, (5, 2, 3)), numbers(1.0, (5, 2, 3), seed=1)
    total = sum_outputs(squared_error)
    exact = (np.float64(predictions) - targets) ** 2
    close(total(predictions, targets), exact.sum(axis=(1, 2)))
    close(total(predictions[:, 0, :1], targets[:, 0, :1]), exact[:, 0, 0])
    close(total(predictions[:, 0, 0], targets[:, 0, 0]), exact[:, 0, 0])
    with pytest.raises(ValueError, match=r"^targets: expected shape \(5, 1\) "):
        total(np.ones((5, 1)), np.ones(5))


def test_the_same_loss_is_summed_by_the_same_function():
    assert sum_outputs(squared_error) is sum_outputs(squared_error)
    assert sum_outputs(squared_error) is not sum_outputs(absolute_error)


# Bad input.


@pytest.mark.parametrize("loss", [*ELEMENTWISE, *WITH_SCALE])
def test_what_is_no_finite_number_is_refused(loss):
    names = list(inspect.signature(loss).parameters)
    for place, name in enumerate(names):
        arguments = [0.0, 0.0, 1.0][: len(names)]
        arguments[place] = math.nan
        with pytest.raises(ValueError, match=f"^{name}: expected "):
            loss(*arguments)


@pytest.mark.parametrize("loss", [softmax_cross_entropy, softmax_cross_entropy_with_integer_labels])
def test_logits_that_are_no_finite_numbers_are_refused(loss):
    with pytest.raises(ValueError, match=r"^logits: expected finite numbers, got nan"):
        loss([0.0, math.nan], 0)


@pytest.mark.parametrize("loss", WITH_SCALE)
@pytest.mark.parametrize("wrong", [0.0, 1e-40])
def test_scales_that_are_not_above_0_are_refused(loss, wrong):
    with pytest.raises(ValueError, match=r"^scale: expected positive numbers, got "):
        loss([0.0, 0.0], [0.0, 0.0], wrong)


def test_labels_outside_the_classes_are_refused():
    with pytest.raises(ValueError, match=r"^labels: expected labels from 0 to 1, got "):
        softmax_cross_entropy_with_integer_labels(np.zeros((2, 2)), 2)
    with pytest.raises(ValueError, match=r"^labels: expected probabilities from 0 to 1, got 2"):
        sigmoid_binary_cross_entropy([0.0, 0.0], [2, 0])
    with pytest.raises(ValueError, match=r"^labels: expected probabilities that sum to 1"):
        softmax_cross_entropy([0.0, 0.0], [1, 1])


def test_what_cannot_be_called_is_no_loss():
    with pytest.raises(
        TypeError, match=r"^loss: expected a function \(predictions, targets\), got"
    ):
        sum_outputs("squared_error")


@pytest.mark.parametrize(
    "loss",
    [
        lambda p, t: None,
        lambda p, t: "a",
        lambda p, t: 0.5,
        lambda p, t: [1, 2],
        lambda p, t: jnp.ones((3, 2)),
        lambda p, t: jnp.array([[1j]]),
        lambda p, t: jnp.argmax(jnp.asarray(p), axis=-1),
    ],
)
def test_a_loss_gives_one_float_for_each_output(loss):
    with pytest.raises(TypeError, match=r"^loss: expected one float for each output, got"):
        sum_outputs(loss)([[1.0, 2.0]], [[1.0, 1.0]])


def test_a_loss_takes_predictions_and_targets():
    with pytest.raises(
        TypeError, match=r"^loss: expected a function \(predictions, targets\), got one"
    ):
        sum_outputs(lambda p: p)
