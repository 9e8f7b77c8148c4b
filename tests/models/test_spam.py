"""The spam filters: naive Bayes is Bayes' rule, and learns what the notebooks say it learns."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from course.data.messages import generate
from course.data.words import vocabulary, word_counts
from course.models import spam
from course.models.naive_bayes import BernoulliParams

SEEDS = 10
COUNTS = [[1, 0, 2], [0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 3, 1]]
LABELS = [True, False, True, False, False]


def rules(texts):
    return np.array([spam.keyword_rules(text) for text in texts])


@pytest.mark.parametrize("pseudo_count", [0.1, 0.5, 2.0])
def test_probability_is_bayes_rule_written_out(pseudo_count):
    """p(spam | words) from products of shares in float64, for every message of three words."""
    present, labels = np.array(COUNTS) > 0, np.array(LABELS)
    params = spam.fit(COUNTS, LABELS, pseudo_count=pseudo_count)
    for message in itertools.product([0, 1], repeat=3):
        joint = []
        for label in (False, True):
            mine = present[labels == label]
            there = (mine.sum(axis=0) + pseudo_count) / (len(mine) + 2 * pseudo_count)
            likelihood = np.prod(np.where(message, there, 1 - there))
            prior = (len(mine) + pseudo_count) / (len(labels) + 2 * pseudo_count)
            joint.append(prior * likelihood)
        expected = joint[1] / sum(joint)
        odds = float(spam.apply(params, message))
        assert special.expit(odds) == pytest.approx(expected, rel=1e-5)
        assert odds == pytest.approx(np.log(joint[1] / joint[0]), rel=1e-4, abs=1e-5)


def test_a_class_without_messages_is_unlikely_but_harmless():
    params = spam.fit([[1, 0], [1, 1]], [False, False])
    np.testing.assert_allclose(np.exp(params.log_present[1]), 0.5, rtol=1e-6)
    assert np.isfinite(spam.apply(params, [[0, 0], [1, 1]])).all()
    assert spam.apply(params, [1, 0]) < 0


def test_long_messages_neither_overflow_nor_vanish():
    words = 5000
    params = spam.fit(np.eye(2, dtype=int).repeat(words, axis=1), [True, False])
    odds = spam.apply(params, np.repeat([1, 0], words))
    assert odds == pytest.approx(2 * words * np.log(3), rel=1e-3)


def test_jit_and_vmap_change_nothing():
    """Many resamples of one training set, fitted at once."""
    counts, labels = np.array(COUNTS), np.array(LABELS)
    rows = np.random.default_rng(0).integers(0, 5, (4, 5))
    together = jax.jit(jax.vmap(spam.fit))(counts[rows], labels[rows])
    odds = np.asarray(jax.jit(jax.vmap(spam.apply, in_axes=(0, None)))(together, counts))
    assert odds.shape == (4, 5)
    for at, chosen in enumerate(rows):
        alone = spam.apply(spam.fit(counts[chosen], labels[chosen]), counts)
        np.testing.assert_allclose(odds[at], alone, rtol=1e-5, atol=1e-6)


def test_a_filter_is_its_parts():
    old, new = generate(jax.random.key(0), 80), generate(jax.random.key(1), 30)
    learned = spam.train(*old)
    assert learned.vocabulary == vocabulary(old.text)
    odds = spam.apply(learned.params, word_counts(new.text, learned.vocabulary))
    np.testing.assert_array_equal(spam.classify(learned, new.text), odds > 0)


def test_unknown_words_are_no_evidence():
    learned = spam.train(["your prize is ready", "your coat is ready"], [True, False])
    known = spam.classify(learned, ["prize", "coat"])
    unknown = spam.classify(learned, ["prize xylophone", "zebra coat"])
    assert known.tolist() == unknown.tolist() == [True, False]


def test_rules_look_for_words_not_for_letters():
    assert spam.keyword_rules("Claim it NOW!")
    assert spam.keyword_rules("lunch is free today")  # the rules' mistake
    assert not spam.keyword_rules("freedom in winter")
    assert not spam.keyword_rules("your pr1ze is ready")
    assert not spam.keyword_rules("")


@pytest.fixture(scope="module")
def measured():
    """Figures that ten readers with ten seeds would see, an array for each."""
    rows = []
    for seed in range(SEEDS):
        keys = jax.random.split(jax.random.key(seed), 5)
        few, many, fresh = (
            generate(key, count) for key, count in zip(keys, (60, 1000, 500), strict=False)
        )
        changed, labelled = (
            generate(key, count, tactic=1) for key, count in zip(keys[3:], (500, 200), strict=True)
        )
        small, large = spam.train(*few), spam.train(*many)
        retrained = spam.train(many.text + labelled.text, np.append(many.spam, labelled.spam))
        # One call for all that a filter judges: every new length is compiled anew.
        few_own, few_fresh = np.split(spam.classify(small, few.text + fresh.text), [60])
        own, new, other = np.split(
            spam.classify(large, many.text + fresh.text + changed.text), [1000, 1500]
        )
        again = spam.classify(retrained, changed.text)
        rows.append({
            "few, own": np.mean(few_own == few.spam),
            "few, fresh": np.mean(few_fresh == fresh.spam),
            "many, own": np.mean(own == many.spam),
            "many, fresh": np.mean(new == fresh.spam),
            "rules, fresh": np.mean(rules(fresh.text) == fresh.spam),
            "caught": new[fresh.spam].mean(),
            "caught, changed": other[changed.spam].mean(),
            "caught, retrained": again[changed.spam].mean(),
            "rules caught, changed": rules(changed.text)[changed.spam].mean(),
            "false alarms": new[~fresh.spam].mean(),
        })  # fmt: skip
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("few, own", 0.90, 1.00),
        ("few, fresh", 0.70, 0.90),
        ("many, own", 0.95, 0.99),
        ("many, fresh", 0.93, 0.99),
        ("rules, fresh", 0.77, 0.86),
        ("caught", 0.85, 0.98),
        ("caught, changed", 0.35, 0.68),
        ("caught, retrained", 0.83, 0.98),
        ("rules caught, changed", 0.03, 0.15),
        ("false alarms", 0.0, 0.03),
    ],
)
def test_promised_figures(measured, name, low, high):
    assert low <= measured[name].min()
    assert measured[name].max() <= high


def test_promised_order(measured):
    """In every one of the ten runs, not only on average."""
    assert np.all(measured["few, own"] > measured["few, fresh"] + 0.05)
    assert np.all(measured["many, fresh"] > measured["few, fresh"] + 0.05)
    assert np.all(measured["many, fresh"] > measured["rules, fresh"] + 0.08)
    assert np.all(measured["caught, changed"] < measured["caught"] - 0.2)
    assert np.all(measured["caught, retrained"] > measured["caught, changed"] + 0.2)
    assert np.all(np.abs(measured["many, own"] - measured["many, fresh"]) < 0.04)


PARAMS = BernoulliParams(jnp.log(jnp.full(2, 0.5)), *(jnp.log(jnp.full((2, 3), 0.5)),) * 2)
FILTER = spam.SpamFilter(("a", "b", "c"), PARAMS)


@pytest.mark.parametrize(
    ("call", "name", "error"),
    [
        (lambda: spam.keyword_rules(["free"]), "text", TypeError),
        (lambda: spam.train("free lunch", [True]), "texts", TypeError),
        (lambda: spam.train([], []), "texts", ValueError),
        (lambda: spam.train(["free", "lunch"], [True]), "spam", ValueError),
        (lambda: spam.classify(PARAMS, ["free"]), "spam_filter", TypeError),
        (lambda: spam.classify(FILTER, "free"), "texts", TypeError),
        (lambda: spam.fit([[-1, 1]], [True]), "counts", ValueError),
        (lambda: spam.fit([1, 1], [True]), "counts", ValueError),
        (lambda: spam.fit([[1], [2]], [True]), "spam", ValueError),
        (lambda: spam.fit(COUNTS, LABELS, pseudo_count=0), "pseudo_count", ValueError),
        (lambda: spam.apply(FILTER, [1, 0, 0]), "params", TypeError),
        (lambda: spam.apply(PARAMS, [1, 0]), "counts", ValueError),
        (lambda: spam.apply(PARAMS, [1, 0, -1]), "counts", ValueError),
    ],
)
def test_bad_input(call, name, error):
    with pytest.raises(error, match=rf"^{name}: expected"):
        call()


def test_a_filter_has_a_column_for_each_word():
    learned = spam.train(["your prize is ready", "your coat is ready"], [True, False])
    with pytest.raises(
        ValueError, match=r"^spam_filter: expected a column for each of the 1 words"
    ):
        spam.classify(learned._replace(vocabulary=("coat",)), ["coat"])
    with pytest.raises(ValueError, match=r"^spam_filter: expected at least one string, got none"):
        spam.classify(learned._replace(vocabulary=()), ["coat"])


def test_messages_may_come_one_by_one():
    learned = spam.train(iter(["your prize", "your coat"]), [True, False])
    assert learned.vocabulary == ("coat", "prize", "your")
