"""The course's own text: frozen, plain, and never padded."""

import hashlib
import re
from collections import Counter

import numpy as np
import pytest

from course.data import text as course_text
from course.data.text import LETTERS, letter_frequencies, load, split


def test_text_is_frozen():
    """Numbers in the notebooks were measured on these characters: they may not change."""
    digest = hashlib.sha256(load().encode("ascii")).hexdigest()
    assert digest == "99bce8e40a9f6e4e51dce9c17f37b9b467cf53dde7df526b2b33c0b86de7b162"


def test_text_is_plain():
    text = load()
    assert len(text) >= 30_000
    assert text.isascii()
    assert text.endswith("\n")
    assert "\r" not in text
    assert "  " not in text
    assert set(text) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \n,.;:?'-"
    )
    for paragraph in text.removesuffix("\n").split("\n"):
        assert 200 < len(paragraph) < 800
        assert paragraph[0].isupper()
        assert paragraph[-1] in ".?"


def test_nothing_is_said_twice():
    sentences = [s for line in load().split("\n") for s in re.split(r"(?<=[.?]) ", line) if s]
    assert len(sentences) > 400
    assert len(set(sentences)) == len(sentences)
    words = re.findall(r"[a-z']+", load().lower())
    runs = Counter(tuple(words[at : at + 6]) for at in range(len(words) - 5))
    assert [" ".join(run) for run, times in runs.items() if times > 1] == []


def test_split_is_frozen_and_between_paragraphs():
    train, test = split()
    assert train + test == load()
    assert len(train) == 36_447
    assert train.endswith("but it can no longer test.\n")
    assert test.startswith("The thermostat on the wall")
    assert 0.85 < len(train) / len(load()) < 0.95


def test_a_model_of_the_training_letters_can_spell_the_test():
    train, test = split()
    assert set(test) <= set(train)


def test_letter_frequencies_agree_with_a_plain_count():
    sample = "Aa! b\n\n c-c -- d e;\t\nF\u00e9 9"
    letters, probabilities = letter_frequencies(sample)
    assert "".join(letters) == LETTERS == "abcdefghijklmnopqrstuvwxyz "
    cleaned = "aa b cc d e f"
    expected = [cleaned.count(letter) / len(cleaned) for letter in letters]
    np.testing.assert_allclose(probabilities, expected, rtol=1e-12)


def test_letter_frequencies_of_the_text_are_those_of_english():
    letters, probabilities = letter_frequencies(load())
    assert probabilities.sum() == pytest.approx(1)
    ranked = [letters[at] for at in np.argsort(-probabilities)]
    assert ranked[:3] == [" ", "e", "t"]
    assert set(ranked[-4:]) == set("jqxz")
    entropy = -np.sum(probabilities * np.log2(probabilities))
    assert entropy == pytest.approx(4.0, abs=0.1)  # Shannon counted 4.03 bits in 1951


@pytest.mark.parametrize(
    ("sample", "error"),
    [(None, TypeError), (["a"], TypeError), ("", ValueError), ("42!", ValueError)],
)
def test_bad_input(sample, error):
    with pytest.raises(error, match=r"^text: expected"):
        letter_frequencies(sample)


def test_text_is_read_from_the_package_wherever_it_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    course_text.load.cache_clear()
    assert load().startswith("A forecast")
