"""From messages to numbers: words, a vocabulary, and how often each of its words occurs.

A word is what stands between spaces, in lower case and without the punctuation around it; what
stands inside ("don't", "pr1ze") stays.
"""

import re
from collections.abc import Iterable

import numpy as np
from jaxtyping import Int

from course.checks import check_size, checked, refusal, strings, text

_WORD = re.compile(r"\w(?:\S*\w)?")


@checked(text=text)
def words(text: str) -> list[str]:
    """Return the words of a message in their order.

    Args:
        text: one message.

    Returns:
        The words, none for a message of punctuation and spaces.

    >>> words("Don't wait: the FREE pr1ze is yours!")
    ["don't", 'wait', 'the', 'free', 'pr1ze', 'is', 'yours']

    Reference: C. D. Manning, P. Raghavan and H. Schuetze, Introduction to Information Retrieval
    (2008), section 2.2.
    """
    return _WORD.findall(text.lower())


@checked(texts=strings)
def vocabulary(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the different words of some messages in alphabetical order.

    Args:
        texts: the messages.

    Returns:
        The words.

    Raises:
        ValueError: if there are no words in the messages.

    >>> vocabulary(["Free lunch!", "lunch at noon"])
    ('at', 'free', 'lunch', 'noon')

    Reference: Introduction to Information Retrieval (see `words`), section 2.2.
    """
    found = tuple(sorted({word for text in texts for word in _WORD.findall(text.lower())}))
    if not found:
        raise refusal("texts", "at least one word", "none")
    return found


@checked(texts=strings, vocabulary=strings)
def word_counts(
    texts: Iterable[str], vocabulary: Iterable[str]
) -> Int[np.ndarray, "messages words"]:
    """Count the occurrences of each word of a vocabulary in each message.

    Args:
        texts: the messages.
        vocabulary: different words as `words` makes them; any other in a message is left out.

    Returns:
        Counts with a row for each message and a column for each word.

    Raises:
        ValueError: if `vocabulary` repeats a word, or has an entry that `words` would never make,
            such as one with a capital letter.

    >>> word_counts(["Free lunch! Free!", "lunch at noon"], ["free", "lunch"]).tolist()
    [[2, 1], [0, 1]]

    Reference: Introduction to Information Retrieval (see `words`), section 6.2.
    """
    column: dict[str, int] = {}
    for entry in vocabulary:
        if _WORD.findall(entry.lower()) != [entry]:
            raise refusal("vocabulary", "words in lower case", repr(entry[:40]))
        if entry in column:
            raise refusal("vocabulary", "different strings", f"{entry[:40]!r} twice")
        column[entry] = len(column)
    messages = list(texts)
    check_size("vocabulary", "counts", len(messages), len(column))
    counts = np.zeros((len(messages), len(column)), dtype=np.int32)
    for row, message in zip(counts, messages, strict=True):
        for word in _WORD.findall(message.lower()):  # `words`, without a check of every message
            if word in column:
                row[column[word]] += 1
    return counts
