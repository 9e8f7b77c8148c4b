"""Huffman codes: the shortest there are, and as long as the entropy says they must be."""

import itertools
import math

import jax
import numpy as np
import pytest

from course.maths.coding import (
    block_probabilities,
    huffman_code,
    huffman_lengths,
    mean_code_length,
)
from course.maths.information import entropy

SKEWED = [0.95, 0.04, 0.01]


def beliefs(k, count, seed=0, concentration=0.7):
    return np.random.default_rng(seed).dirichlet(np.full(k, concentration), count)


def entropy_in_bits(p):
    p = p[p > 0]
    return float(-np.sum(p * np.log2(p)))


def shortest(p):
    """The least mean length of all whole lengths that satisfy Kraft's inequality, by trying all."""
    lengths = itertools.product(range(1, len(p)), repeat=len(p))
    return min(np.dot(p, tried) for tried in lengths if sum(2.0**-n for n in tried) <= 1)


def test_lengths_known_by_hand():
    assert huffman_lengths(SKEWED).tolist() == [1, 2, 2]
    assert huffman_lengths([0.5, 0.25, 0.125, 0.125]).tolist() == [1, 2, 3, 3]
    assert huffman_lengths([0.25] * 4).tolist() == [2, 2, 2, 2]
    assert mean_code_length(SKEWED, [1, 2, 2]) == pytest.approx(1.05)


def test_equally_likely_nodes_are_joined_oldest_first():
    # Two shortest codes exist, with longest words of 3 and of 4 bits: the first is chosen.
    assert huffman_lengths([0.4, 0.2, 0.2, 0.1, 0.1]).tolist() == [2, 2, 2, 3, 3]
    assert huffman_lengths([1 / 3] * 3).tolist() == [2, 2, 1]


def test_longer_blocks_come_closer_to_the_entropy():
    bits = []
    for length in range(1, 7):
        p = block_probabilities(SKEWED, length)
        bits.append(mean_code_length(p, huffman_lengths(p)) / length)
    assert bits[0] == pytest.approx(1.05)
    assert bits == sorted(bits, reverse=True)
    assert bits[-1] == pytest.approx(0.351, abs=5e-4)
    assert float(entropy(SKEWED)) == pytest.approx(0.322, abs=5e-4)


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_no_code_is_shorter(k):
    for p in beliefs(k, 8):
        assert mean_code_length(p, huffman_lengths(p)) == pytest.approx(shortest(p))


@pytest.mark.parametrize("k", [2, 3, 10, 100])
def test_lengths_lie_within_a_bit_of_the_entropy_and_waste_no_word(k):
    for p in beliefs(k, 20):
        lengths = huffman_lengths(p)
        assert entropy_in_bits(p) - 1e-9 <= mean_code_length(p, lengths) < entropy_in_bits(p) + 1
        assert np.sum(2.0 ** -lengths[p > 0]) == pytest.approx(1, abs=1e-12)


def test_dyadic_probabilities_need_exactly_the_entropy():
    p = np.array([2.0**-n for n in (1, 2, 3, 4, 4)])
    assert mean_code_length(p, huffman_lengths(p)) == entropy_in_bits(p)


@pytest.mark.parametrize("k", [2, 3, 10, 100])
def test_words_have_the_lengths_and_none_begins_another(k):
    for p in beliefs(k, 5):
        words = huffman_code(p)
        assert [len(word) for word in words] == huffman_lengths(p).tolist()
        ordered = sorted(word for word, share in zip(words, p, strict=True) if share > 0)
        # Sorted, a word that begins another stands right before one that it begins.
        assert not any(b.startswith(a) for a, b in itertools.pairwise(ordered))


def test_words_are_canonical():
    assert huffman_code([0.125, 0.5, 0.25, 0.125]) == ["110", "0", "10", "111"]
    assert huffman_code([0.2, 0.5, 0.3]) == ["10", "0", "11"]


def test_a_message_is_read_back():
    p = beliefs(12, 1)[0]
    words = huffman_code(p)
    message = np.random.default_rng(1).choice(12, size=200, p=p).tolist()
    symbol_of = {word: symbol for symbol, word in enumerate(words) if word}
    read, word = [], ""
    for bit in "".join(words[symbol] for symbol in message):
        word += bit
        if word in symbol_of:
            read.append(symbol_of[word])
            word = ""
    assert read == message
    assert word == ""


def test_symbols_that_never_occur_need_no_word():
    assert huffman_lengths([0.5, 0, 0.5]).tolist() == [1, 0, 1]
    assert huffman_code([0.5, 0, 0.5]) == ["0", "", "1"]
    assert mean_code_length([0.5, 0, 0.5], [1, 0, 1]) == 1


@pytest.mark.parametrize("p", [[1], [0, 1, 0]])
def test_what_is_certain_needs_no_bits(p):
    assert not huffman_lengths(p).any()
    assert huffman_code(p) == [""] * len(p)
    assert mean_code_length(p, huffman_lengths(p)) == 0


def test_blocks_are_products_in_lexicographic_order():
    p = np.array([0.7, 0.2, 0.1])
    expected = [math.prod(block) for block in itertools.product(p, repeat=3)]
    np.testing.assert_allclose(block_probabilities(p, 3), expected)
    assert block_probabilities(p, 1).tolist() == p.tolist()
    assert block_probabilities([1.0], 65).tolist() == [1.0]


def test_ideal_lengths_reach_the_entropy():
    p = beliefs(20, 1)[0]
    assert mean_code_length(p, -np.log2(p)) == pytest.approx(entropy_in_bits(p))


def test_what_a_huffman_tree_of_many_symbols_takes_is_bounded():
    lengths = huffman_lengths(np.full(2**15, 2.0**-15))
    assert set(lengths.tolist()) == {15}
    halves = np.append(0.5 ** np.arange(1, 900), 0.5**899)
    assert huffman_lengths(halves)[:3].tolist() == [1, 2, 3]  # a tree of 899 levels


@pytest.mark.parametrize("wrong", [[0.5, 0.6], [[0.5, 0.5]]])
def test_wrong_beliefs_are_refused(wrong):
    for function, *others in [
        (huffman_lengths,),
        (huffman_code,),
        (block_probabilities, 2),
        (mean_code_length, [1, 1]),
    ]:
        with pytest.raises(ValueError, match=r"^p: expected "):
            function(wrong, *others)


def test_wrong_block_lengths_are_refused():
    with pytest.raises(ValueError, match=r"^length: expected an integer of at least 1, got"):
        block_probabilities(SKEWED, 0)
    with pytest.raises(ValueError, match=r"^length: expected at most 1048576 blocks, got 3\*\*13"):
        block_probabilities(SKEWED, 13)
    with pytest.raises(ValueError, match=r"^length: expected an integer of at most 1048576, got"):
        block_probabilities([1.0], 10**9)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([1, 2], r"shape \(3,\), got shape \(2,\)"),
        ([1, 2, -2], "lengths of at least 0, got -2"),
        ([1, 1, 2], "lengths of a prefix code, .* got 1.25"),
    ],
)
def test_wrong_lengths_are_refused(wrong, message):
    with pytest.raises(ValueError, match=rf"^lengths: expected {message}"):
        mean_code_length(SKEWED, wrong)


def test_traced_arrays_are_refused():
    with pytest.raises(TypeError, match=r"^p: expected numbers that are known, got .*Tracer"):
        jax.jit(huffman_lengths)(np.array(SKEWED))
