"""The course's own text: plain English about weather, tides, maps, letters, bread and bridges.

It was written for this course, so it may be studied, cut up and learned by heart by a model
without asking anybody. It is ASCII, one paragraph a line, each line ended by a newline, and
nothing in it is a list or a heading. It does not change, and neither does the place where it is
split: a number that was measured on it can be compared with one that is measured next year.
"""

from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from course import checks
from course.checks import checked, refusal

LETTERS = "abcdefghijklmnopqrstuvwxyz "  # the symbols of `letter_frequencies`
SPLIT_AT = 36_447  # position of the first character of the test part, a beginning of a paragraph


class Split(NamedTuple):
    """Training part and test part of the text."""

    train: str
    """Text that a model is trained on."""
    test: str
    """Text that it is tested on, and never trained on."""


class LetterFrequencies(NamedTuple):
    """Relative frequency of each symbol in a text."""

    letters: tuple[str, ...]
    """Symbols: a to z and the space."""
    probabilities: Float[np.ndarray, " letters"]
    """Shares of the text, which sum to 1; 0 for a symbol that does not occur."""


@cache
def load() -> str:
    """Return the whole text.

    Returns:
        About forty thousand ASCII characters; every paragraph is one line that ends in a newline.

    >>> load()[:46]
    'A forecast that says rain is easy to understan'
    """
    return resources.files("course.data").joinpath("text.txt").read_text(encoding="ascii")


def split() -> Split:
    """Split the text into a training part and a test part.

        train = text[:SPLIT_AT],    test = text[SPLIT_AT:]

    The split is frozen and lies between two paragraphs: numbers measured on `test` stay comparable.

    Returns:
        Split: about nine tenths for training, the rest for the test.

    >>> train, test = split()
    >>> train + test == load()
    True
    """
    text = load()
    return Split(text[:SPLIT_AT], text[SPLIT_AT:])


@checked(text=checks.text)
def letter_frequencies(text: str) -> LetterFrequencies:
    """Count the letters and spaces of a text and return their relative frequencies.

        p(letter) = (occurrences of the letter) / (occurrences of all 27 symbols)

    Capitals count as small letters; spaces and line ends side by side count as one space, those at
    the two ends of the text as none; everything else is left out.

    Args:
        text: any text with at least one letter from a to z.

    Returns:
        LetterFrequencies: the 27 symbols and their probabilities.

    Raises:
        ValueError: if `text` has no letter from a to z.

    >>> letters, probabilities = letter_frequencies("To be, or not to be")
    >>> print(f"{probabilities[letters.index('o')]:.3f}")
    0.222
    >>> letters[int(probabilities.argmax())]
    ' '

    Reference: C. E. Shannon, Prediction and Entropy of Printed English, Bell System Technical
    Journal 30 (1951), 50-64: the 27 symbols.
    """
    kept = "".join(symbol for symbol in text.lower() if symbol.isspace() or symbol in LETTERS)
    spaced = " ".join(kept.split())
    counts = np.array([spaced.count(letter) for letter in LETTERS])
    if not counts[:-1].any():
        raise refusal("text", "at least one letter from a to z", repr(text[:40]))
    return LetterFrequencies(tuple(LETTERS), counts / counts.sum())
