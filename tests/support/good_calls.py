"""One good call of every public function that checks its arguments, for tests that spoil it."""

import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from course.data import images, line, messages, splits, surfaces, toys, weather, words
from course.data import text as texts
from course.maths import (
    autodiff,
    bayes,
    calibration,
    coding,
    distributions,
    information,
    intervals,
    losses,
)
from course.models import (
    discriminant,
    layers,
    linear,
    logistic,
    mlp,
    naive_bayes,
    spam,
    weather_table,
)
from course.show import areas, bars, code_tree, figures, lines, simplex
from course.training import descent, optimizers, schedules, sgd_by_hand
from tests.support.repository import ROOT

PACKAGES = ("maths", "models", "data", "show", "training")
# Modules whose functions are tested elsewhere: they take what is no array, or draw a whole picture.
ELSEWHERE = (
    "loop", "steps", "batching", "results", "sweep", "optimizer_base", "inputs", "tables",
    "graph_layout", "graph_steps", "figures", "style", "live", "blitting", "cells", "control_panel",
    "drawing", "picture", "arguments", "interrupts", "monitor", "trial",
)  # fmt: skip
# Rules of `checked`, and functions without a rule for each argument.
NO_CALLS = {
    "axis_of", "perhaps_infinite", "texts", "heights", "rate_or_schedule", "rate_at",
    "as_schedule", "load", "split", "legend",
}  # fmt: skip


class Call(NamedTuple):
    """Function with good arguments by name."""

    function: Callable[..., Any]
    arguments: dict[str, Any]


P, Q = [0.2, 0.3, 0.5], [0.5, 0.25, 0.25]
X = np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 2.0], [3.0, 5.0], [4.0, 1.0], [5.0, 0.0]])
Y, T = np.array([0, 1, 0, 1, 0, 1]), np.array([1.0, 2.0, 3.0, 4.0, 5.0, 7.0])
COUNTS = np.array([[1, 0], [0, 1], [2, 1], [0, 3], [1, 1], [0, 0]])
SPAM = [True, False, True, False, True, False]
MESSAGES = ["your prize is ready", "your coat is ready", "hello"]
IMAGES = np.arange(32.0).reshape(2, 4, 4)
ROWS = [[0.0, 1.0], [1.0, 0.0]]


def half_square(w: jax.Array) -> jax.Array:
    """Return half the square of the length of w."""
    return w @ w / 2


def good_calls() -> list[Call]:
    """Return the calls."""
    key = jax.random.key(0)
    found: list[Call] = []

    def add(*functions: Callable[..., Any], **arguments: Any) -> None:
        found.extend(Call(function, arguments) for function in functions)

    add(information.surprisal, p=P, unit="bits")
    add(information.entropy, p=P, axis=-1, unit="bits")
    pair = {"p": P, "q": Q, "axis": -1, "unit": "bits"}
    add(information.cross_entropy, information.kl_divergence, information.js_divergence, **pair)
    add(information.mutual_information, joint=[[0.25, 0.25], [0.25, 0.25]], unit="bits")
    add(information.gaussian_entropy, scale=[1.0, 2.0], unit="nats")
    add(distributions.softmax, distributions.log_softmax, logits=[0.0, 1.0], axis=-1)
    add(distributions.log_score, forecast=P, outcome=1, unit="bits")
    add(distributions.categorical_log_prob, label=[1, 0], logits=ROWS)
    add(distributions.bernoulli_log_prob, y=[0, 1], logit=[0.0, 1.0])
    density = {"y": [0.0, 1.0], "mean": [0.0, 0.0], "scale": [1.0, 2.0]}
    add(distributions.normal_log_prob, distributions.laplace_log_prob, **density)
    add(bayes.update, prior=P, likelihood=[0.1, 0.2, 0.9])
    add(bayes.update_sequence, prior=P, likelihoods=[[0.1, 0.2, 0.9]] * 2)
    add(bayes.Beta, alpha=2.0, beta=[1.0, 3.0])
    add(bayes.Beta(2, 3).update, heads=1, tails=2)
    add(bayes.Beta(2, 3).log_prob, x=[0.5, 0.1])
    add(bayes.Beta(2, 3).interval, mass=0.95)
    add(intervals.confidence_interval, heads=[1, 2], tails=[3, 1], mass=0.9)
    add(intervals.coverage, ends=[[0.0, 0.1], [0.9, 1.0]], biases=[0.3], worlds=10, seed=1)
    add(losses.sigmoid_binary_cross_entropy, logits=[0.0, 1.0], labels=[0, 1])
    add(losses.softmax_cross_entropy, logits=ROWS, labels=ROWS)
    add(losses.softmax_cross_entropy_with_integer_labels, logits=ROWS, labels=[1, 0])
    add(losses.squared_error, losses.absolute_error, predictions=[0.0, 1.0], targets=[1.0, 2.0])
    belief = {"mean": [0.0, 1.0], "targets": [1.0, 2.0], "scale": [1.0, 2.0]}
    add(losses.gaussian_nll, losses.laplace_nll, **belief)
    add(losses.sum_outputs, loss=losses.squared_error)
    binned = (
        calibration.reliability, calibration.expected_calibration_error, calibration.brier_parts,
    )  # fmt: skip
    add(*binned, probs=[0.2, 0.8, 0.9], labels=[0, 1, 1], bins=10)
    add(calibration.brier_score, probs=[P, Q], labels=[0, 1])
    add(calibration.fit_temperature, logits=[4.0, 4.0, -4.0, 4.0, -4.0], labels=[1, 1, 0, 0, 0])
    add(coding.huffman_lengths, coding.huffman_code, p=P)
    add(coding.block_probabilities, p=[0.5, 0.5], length=2)
    add(coding.mean_code_length, p=P, lengths=[2, 2, 1])
    add(autodiff.Value, data=ROWS, name="x")
    add(autodiff.Value(ROWS).sum, autodiff.Value(ROWS).mean, axis=0, keepdims=False)
    add(lambda shape: autodiff.Value(ROWS).reshape(shape), shape=4)

    net = mlp.mlp((2, 3, 2))
    dense = layers.dense_init(key, 2, 3)
    add(layers.dense_init, key=key, inputs=2, outputs=3, activation="relu", scale=1.0)
    add(layers.dense_apply, params=dense, x=X)
    add(layers.dropout, x=X, rate=0.5, key=key)
    add(mlp.mlp, sizes=(2, 3, 2), activation="relu", dropout=0.5, init_scale=1.0)
    add(net.init, key=key)
    add(net.apply, params=net.init(key), inputs=X, key=key)
    add(linear.fit, inputs=X, targets=T, l2=1.0)
    add(linear.singular_values, inputs=X)
    add(linear.apply, params=linear.fit(X, T), inputs=X)
    add(logistic.fit, inputs=X, labels=Y, classes=2, l2=1.0)
    normal = discriminant.fit(X, Y)
    add(discriminant.fit, inputs=X, labels=Y, classes=2, shrinkage=0.1)
    add(discriminant.apply, discriminant.log_joint, params=normal, inputs=X)
    add(discriminant.sample, key=key, params=normal, labels=Y)
    counted, measured = naive_bayes.fit_bernoulli(COUNTS, Y), naive_bayes.fit_gaussian(X, Y)
    add(naive_bayes.fit_bernoulli, counts=COUNTS, labels=Y, classes=2, pseudo_count=0.5)
    add(naive_bayes.fit_gaussian, inputs=X, labels=Y, classes=2, smoothing=1e-9)
    for params, inputs in ((counted, COUNTS), (measured, X)):
        add(naive_bayes.apply, naive_bayes.log_likelihood, params=params, inputs=inputs)
        add(naive_bayes.sample, key=key, params=params, labels=Y)
    add(spam.keyword_rules, words.words, texts.letter_frequencies, text="a prize")
    add(spam.train, texts=MESSAGES, spam=SPAM[:3])
    add(spam.classify, spam_filter=spam.train(MESSAGES, SPAM[:3]), texts=MESSAGES)
    add(spam.fit, counts=COUNTS, spam=SPAM, pseudo_count=0.5)
    add(spam.apply, params=spam.fit(COUNTS, SPAM), counts=COUNTS)
    add(weather_table.fit, barometer=[0, 1], sky=[0, 1], pseudo_count=1.0)
    add(weather_table.apply, table=weather.CONDITIONAL, barometer=[0, 1])

    add(images.shift, images=IMAGES, down=1, right=-1)
    add(images.random_shifts, key=key, images=IMAGES, most=1)
    add(line.simulate, key=key, points=5)
    add(messages.generate, key=key, count=3, tactic=1, spam_share=0.4)
    add(messages.giveaways, tactic=3)
    add(splits.random_split, data=(X, Y), fractions=(0.5, 0.5), seed=0)
    add(surfaces.eigenvalues, surface=surfaces.BOWL, w=[1.0, 2.0])
    add(surfaces.tilts, examples=8, scale=1.0, seed=0)
    add(*toys.TOYS.values(), examples=4, noise=0.1, seed=0)
    add(weather.simulate, key=key, days=4)
    add(words.vocabulary, texts=MESSAGES)
    add(words.word_counts, texts=MESSAGES, vocabulary=["coat", "prize"])

    add(optimizers.sgd, rate=0.1, momentum=0.5, nesterov=True)
    add(optimizers.adagrad, rate=0.1, initial_accumulator_value=0.1, eps=1e-7)
    add(optimizers.rmsprop, rate=0.1, decay=0.9, eps=1e-8)
    add(optimizers.adam, rate=0.1, b1=0.9, b2=0.99, eps=1e-8)
    add(optimizers.adamw, rate=0.1, b1=0.9, b2=0.99, eps=1e-8, weight_decay=0.1)
    add(schedules.constant, rate=0.1)
    add(schedules.step_decay, rate=0.1, every=2, factor=0.5)
    add(schedules.cosine, rate=0.1, steps=10)
    add(schedules.warmup_cosine, rate=0.1, warmup=2, steps=10)
    add(lambda t: schedules.cosine(0.1, 10)(t), t=3)
    walk = {"cost": half_square, "start": [1.0, 2.0], "optimizer": optimizers.sgd(0.1)}
    add(descent.descend, **walk, steps=3)
    noise = {"tilts": [[1.0, 0.0], [-1.0, 0.0]], "batch_size": 1, "key": key}
    add(descent.descend_on_batches, **walk, **noise, steps=3)
    add(descent.multipliers, rate=[0.1, 0.2], curvatures=[1.0, 2.0])
    add(descent.borders, curvatures=[1.0, 4.0])
    add(sgd_by_hand.fit_line, x=[0.0, 1.0], y=[1.0, 3.0], rate=0.05, epochs=2, key=key)

    ax = figures.new()[1]
    one = {"ax": ax, "role": figures.BELIEF}
    named = {"labels": list("abc"), "names": ["u", "v"], "digits": 2}
    roles = (figures.TRUTH, figures.COST)
    add(bars.bars, ax=ax, p=[P, Q], role=roles, top=1.0, **named)
    add(bars.set_bars, ax=ax, p=P, group=0, digits=2)
    add(areas.areas, p=P, values=Q, labels=list("abc"), digits=2, **one)
    add(code_tree.code_tree, ax=ax, p=P, words=["0", "10", "11"], labels=list("abc"))
    add(bars.stacked, ax=ax, parts=[P, Q], role=roles, **named)
    add(lines.curve, x=[0.0, 1.0], y=[1.0, 2.0], name="n", fill=True, **one)
    add(lines.mark, x=0.5, y=0.5, text="t", offset=(8, 8), **one)
    add(lines.set_mark, ax=ax, x=0.5, y=0.5, text="t", index=0)
    add(lines.reference, value=0.5, text="t", axis="y", **one)
    add(lines.band, x=[0.0, 1.0], samples=ROWS, name="n", coverage=0.9, **one)
    add(lines.timeline, times=[0.0, 1.0], samples=ROWS, events={0.5: "e"}, name="n", **one)
    add(simplex.to_plane, p=P)
    add(simplex.grid, resolution=5)
    add(simplex.simplex, ax=ax, labels=list("abc"))
    add(simplex.heat, ax=ax, values=np.ones((3, 3)), label="l", low=0.0, high=1.0)
    return found


def public_functions() -> Iterator[Callable[..., Any]]:
    """Yield the public functions that must have a call here."""
    for package in PACKAGES:
        for path in sorted((ROOT / "course" / package).glob("*.py")):
            if path.stem in ("__init__", "graph", *ELSEWHERE):
                continue
            module = importlib.import_module(f"course.{package}.{path.stem}")
            for name, thing in vars(module).items():
                own = inspect.isfunction(thing) and thing.__module__ == module.__name__
                if own and not name.startswith("_") and name not in NO_CALLS:
                    yield thing
