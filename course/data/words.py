"""From messages to numbers: words, a vocabulary, and how often each of its words occurs.

A word is what stands between spaces, in lower case and without the punctuation around it; what
stands inside ("don't", "pr1ze") stays.
"""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from course.data.rules import Text, Texts
from course.legacy_checks import checked, refusal


@checked(text=Text())
def words(text: str) -> list[str]:
    """Return the words of a message in their order.

    Args:
        text: one message.

    Returns:
        The words, none for a message of punctuation and spaces.

    Raises:
        TypeError: if `text` is not a string.

    >>> words("Don't wait: the FREE pr1ze is yours!")
    ["don't", 'wait', 'the', 'free', 'pr1ze', 'is', 'yours']

    Reference: C. D. Manning, P. Raghavan and H. Schuetze, Introduction to Information Retrieval
    (2008), section 2.2.
    """
    return re.findall(r"\w(?:\S*\w)?", text.lower())


@checked(texts=Texts())
def vocabulary(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the different words of some messages in alphabetical order.

    Args:
        texts: the messages.

    Returns:
        The words.

    Raises:
        TypeError: if `texts` are not strings.
        ValueError: if there are no messages, or no words in them.

    >>> vocabulary(["Free lunch!", "lunch at noon"])
    ('at', 'free', 'lunch', 'noon')

    Reference: Introduction to Information Retrieval (see `words`), section 2.2.
    """
    found = tuple(sorted({word for text in texts for word in words(text)}))
    if not found:
        raise refusal("texts", "at least one word", "none")
    return found


@checked(texts=Texts(), vocabulary=Texts(distinct=True))
def word_counts(
    texts: Sequence[str], vocabulary: Sequence[str]
) -> Int[np.ndarray, "messages words"]:
    """Count how often each word of a vocabulary occurs in each message.

    Args:
        texts: the messages.
        vocabulary: different words as `words` makes them; any other in a message is left out.

    Returns:
        Counts with a row for each message and a column for each word.

    Raises:
        TypeError: if `texts` or `vocabulary` are not strings.
        ValueError: if one of them is empty, `vocabulary` repeats a word or has something in it that
            `words` would never make, such as a capital letter.

    >>> word_counts(["Free lunch! Free!", "lunch at noon"], ["free", "lunch"]).tolist()
    [[2, 1], [0, 1]]

    Reference: Introduction to Information Retrieval (see `words`), section 6.2.
    """
    for entry in vocabulary:
        if words(entry) != [entry]:
            raise refusal("vocabulary", "words in lower case", repr(entry))
    column = {word: at for at, word in enumerate(vocabulary)}
    counts = np.zeros((len(texts), len(vocabulary)), dtype=np.int32)
    for row, text in zip(counts, texts, strict=True):
        for word in words(text):
            if word in column:
                row[column[word]] += 1
    return counts
