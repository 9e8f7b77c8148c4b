"""Words, vocabularies and counts."""

import numpy as np
import pytest

from course.data.words import vocabulary, word_counts, words


def test_words():
    assert words("  Hello, HELLO\tagain!\n(pr1ze)  e-mail, don't -- ") == [
        "hello", "hello", "again", "pr1ze", "e-mail", "don't",
    ]  # fmt: skip
    assert words("... !") == []


def test_vocabulary_is_sorted_and_complete():
    assert vocabulary(("b a", "C! b", "")) == ("a", "b", "c")


def test_word_counts_agree_with_a_plain_count():
    texts = ["to be or not to be", "be quick", "nothing known"]
    known = ("be", "or", "to", "unseen")
    counts = word_counts(texts, known)
    assert counts.tolist() == [[text.split().count(word) for word in known] for text in texts]
    assert np.issubdtype(counts.dtype, np.integer)


def test_a_generator_of_texts_is_read_once():
    known = vocabulary(text for text in ["b a", "c"])
    assert word_counts((text for text in ["a b", "b"]), known).tolist() == [[1, 1, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("call", "name", "error"),
    [
        (lambda: words(None), "text", TypeError),
        (lambda: vocabulary("one text"), "texts", TypeError),
        (lambda: vocabulary(["fine", 3]), "texts", TypeError),
        (lambda: vocabulary([]), "texts", ValueError),
        (lambda: vocabulary(["!"]), "texts", ValueError),
        (lambda: word_counts("one text", ["one"]), "texts", TypeError),
        (lambda: word_counts(["one"], "one"), "vocabulary", TypeError),
        (lambda: word_counts(["one"], ["one", "two", "one"]), "vocabulary", ValueError),
        (lambda: word_counts(["one"], ["One"]), "vocabulary", ValueError),
        (lambda: word_counts(["one"], ["one two"]), "vocabulary", ValueError),
    ],
)
def test_bad_input(call, name, error):
    with pytest.raises(error, match=rf"^{name}: expected"):
        call()


def test_endless_messages_are_refused():
    with pytest.raises(TypeError, match=r"^texts: expected a list of strings, got a int in it"):
        vocabulary([*["a"] * 3, 1])
    for wrong in (np.array("a"), {"a"}, {"a": 1}):
        with pytest.raises(TypeError, match=r"^texts: expected a list of strings, got "):
            vocabulary(wrong)
