"""From messages to numbers: words, a vocabulary, and how often each of its words occurs.

A word is what stands between spaces, in lower case and without the punctuation around it; what
stands inside ("don't", "pr1ze") stays.
"""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Int

from course.checks import Arguments, checked, refusal, text


def texts(name: str, value: Any, _arguments: Arguments) -> tuple[str, ...]:
    """Return at least one string, in a list or the like, as a tuple: a rule for `checked`.

    Args:
        name: parameter, for the message.
        value: strings.

    Returns:
        The strings.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise refusal(name, "a list of strings", type(value).__name__, TypeError)
    strings = tuple(value)
    wrong = [type(string).__name__ for string in strings if not isinstance(string, str)]
    if wrong:
        raise refusal(name, "a list of strings", f"a {wrong[0]} in it", TypeError)
    if not strings:
        raise refusal(name, "at least one string", "none")
    return strings


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
    return re.findall(r"\w(?:\S*\w)?", text.lower())


@checked(texts=texts)
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
    found = tuple(sorted({word for text in texts for word in words(text)}))
    if not found:
        raise refusal("texts", "at least one word", "none")
    return found


@checked(texts=texts, vocabulary=texts)
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
        if words(entry) != [entry]:
            raise refusal("vocabulary", "words in lower case", repr(entry))
        if entry in column:
            raise refusal("vocabulary", "different strings", f"{entry!r} twice")
        column[entry] = len(column)
    messages = list(texts)
    counts = np.zeros((len(messages), len(column)), dtype=np.int32)
    for row, message in zip(counts, messages, strict=True):
        for word in words(message):
            if word in column:
                row[column[word]] += 1
    return counts
