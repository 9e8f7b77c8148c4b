"""A seeded generator of short messages, wanted ("ham") and unwanted ("spam").

A message has three parts, drawn independently of each other once it is settled whether it is spam:

    opening   "good morning"           or pushy: "last chance"
    core      "your violin is ready"   or bait: "win a bicycle"   or a lure: "your prize is ready"
    closing   "see you at the farm"    or pushy: "reply now"      or an urge: "claim it now"

Spam is pushy more often than ham, and most of it holds a *giveaway*: a lure ("prize") or an urge
("claim"). The giveaways belong to a *tactic*. When the tactic changes, all of them are new words
and everything else stays as it was. Ham is not innocent of tempting words ("lunch is free today",
"bring cash for the raffle prize"), and some spam gives nothing away: the same words ("your tent is
ready no fee") come now as ham and now as spam, so no filter can be right every time.

Real mail differs: its language is endless, its parts depend on each other, senders and links
matter, tactics drift and mix where these change all at once, and people disagree about what spam
is.
"""

from itertools import accumulate
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, PRNGKeyArray

from course.checks import checked, count, known_key, number


class Messages(NamedTuple):
    """Short messages, and for each whether it is spam."""

    text: tuple[str, ...]
    """Lower-case words with single spaces between them and no punctuation."""
    spam: Bool[np.ndarray, " messages"]
    """True for spam."""


class Giveaways(NamedTuple):
    """Words that only the spam of one tactic contains."""

    lures: tuple[str, ...]
    """Nouns of the promise, as in "your prize is ready"."""
    urges: tuple[str, ...]
    """Verbs of the call to act, as in "claim it now"."""


class Phrases(NamedTuple):
    """Phrases of one kind for a part of a message."""

    ham: float
    """Share of ham whose part is of this kind."""
    spam: float
    """Share of spam whose part is of this kind."""
    templates: tuple[str, ...]


# Subjects of spam; a tactic takes one of them in one spelling.
THEMES = (
    Giveaways(("prize", "voucher", "jackpot", "cash", "bonus"), ("claim", "redeem")),
    Giveaways(("refund", "rebate", "payout", "invoice", "surplus"), ("settle", "confirm")),
    Giveaways(("parcel", "delivery", "shipment", "package", "pallet"), ("track", "release")),
    Giveaways(("crypto", "token", "wallet", "profit", "stake"), ("double", "unlock")),
    Giveaways(("loan", "mortgage", "pension", "cheque", "credit"), ("borrow", "accept")),
)
# Frames in which ham puts everyday things and spam its lures.
FRAMES = (
    "your {} is waiting",
    "your {} is ready",
    "news about your {}",
    "a question about your {}",
    "the {} is yours",
)
OPENINGS = (
    Phrases(
        ham=0.80,
        spam=0.70,
        templates=(
            "hello", "good morning", "reminder", "hi everyone", "news", "dear neighbour",
            "short note",
        ),
    ),
    Phrases(
        ham=0.20,
        spam=0.30,
        templates=("urgent", "last chance", "congratulations", "act fast", "important"),
    ),
)  # fmt: skip
CORES = (
    Phrases(ham=0.88, spam=0.02, templates=tuple(frame.format("{thing}") for frame in FRAMES)),
    Phrases(ham=0.00, spam=0.92, templates=tuple(frame.format("{lure}") for frame in FRAMES)),
    Phrases(
        ham=0.04,
        spam=0.06,
        templates=(
            "free {thing} for you", "win a {thing}", "best offer for your {thing}",
            "save money on your {thing}", "special deal on your {thing}", "cheap {thing} for sale",
        ),
    ),
    Phrases(
        ham=0.08,
        spam=0.00,
        templates=(
            "lunch is free today", "we can win the match", "free seats for the concert",
            "bring cash for the raffle prize", "claim your travel costs",
            "a voucher for the teacher", "money for the school trip", "free parking near the hall",
            "who will win the quiz", "the best offer for the old car",
        ),
    ),
)  # fmt: skip
CLOSINGS = (
    Phrases(
        ham=0.40,
        spam=0.20,
        templates=(
            "see you at the {place}", "thanks from the {place}", "meet me at the {place}",
            "leave it at the {place}", "no hurry", "tell the others", "call me later",
        ),
    ),
    Phrases(
        ham=0.20,
        spam=0.20,
        templates=(
            "reply now", "click here", "only today", "reply before midnight", "no fee",
            "call now from the {place}", "pick up at the {place}",
        ),
    ),
    Phrases(
        ham=0.40, spam=0.00, templates=("{chore} it now", "{chore} it today", "{chore} it here")
    ),
    Phrases(ham=0.00, spam=0.60, templates=("{urge} it now", "{urge} it today", "{urge} it here")),
)  # fmt: skip
THINGS = (
    "bicycle", "lesson", "book", "cake", "racket", "photo", "basket", "coat", "tent", "cottage",
    "lamp", "chair", "guitar", "kettle", "boat", "puzzle", "printer", "report", "costume", "bench",
    "ladder", "violin", "jacket", "camera",
)  # fmt: skip
PLACES = (
    "library", "station", "market", "school", "harbour", "museum", "bakery", "theatre", "cinema",
    "workshop", "playground", "farm",
)  # fmt: skip
CHORES = ("bring", "fetch", "paint", "water", "mend")

# The disguise of odd tactics: the first of these letters, after the initial, becomes its digit.
DIGITS = {"a": "4", "e": "3", "i": "1", "o": "0", "s": "5"}

CHOICES = 10  # random numbers for a message
ROWS = 1024  # messages in a block of random numbers
MOST_MESSAGES = 2**18  # some seconds

TACTIC = count(0, 2**31 - 1)


@checked(
    key=known_key,
    count=count(1, MOST_MESSAGES),
    tactic=TACTIC,
    spam_share=number("a probability from 0 to 1", 0.0, 1.0),
)
def generate(
    key: PRNGKeyArray, count: int, *, tactic: int = 0, spam_share: float = 0.4
) -> Messages:
    """Generate short messages from a key.

        spam ~ Bernoulli(spam_share),    opening, core, closing ~ p(part | spam), independently

    Args:
        key: a JAX random key.
        count: number of messages, from 1 to 2^18.
        tactic: number of the set of giveaways, from 0. No two tactics share a word.
        spam_share: probability that a message is spam, from 0 to 1.

    Returns:
        Messages with `count` texts and labels. The same key gives the same ham whatever the tactic,
        and a larger count begins with the messages of a smaller one.

    >>> messages = generate(jax.random.key(0), 3)
    >>> for text, spam in zip(messages.text, messages.spam):
    ...     print("spam:" if spam else "ham: ", text)
    ham:  last chance news about your printer meet me at the market
    ham:  news the report is yours paint it here
    spam: congratulations news about your cash claim it here

    Reference: T. M. Mitchell, Machine Learning (1997), section 6.10, learns to classify such texts.
    """
    # Whole blocks of rows: JAX compiles a program for each shape, and one serves most counts. As a
    # table the same numbers would take four times as long to compile.
    rows = -(-count // ROWS) * ROWS
    drawn = jax.random.uniform(key, (rows * CHOICES,), dtype=np.float32)
    uniform = np.asarray(drawn, dtype=np.float64).reshape(rows, CHOICES)[:count]
    spam = uniform[:, 0] < spam_share
    return Messages(_texts(spam, uniform[:, 1:], giveaways(tactic)), spam)


@checked(tactic=TACTIC)
def giveaways(tactic: int) -> Giveaways:
    """Return the words that occur only in the spam of a tactic (and, for tactic 0, in some ham).

    Tactics 0, 2, 4, 6, 8 take the themes in turn; 1, 3, 5, 7, 9 are the same themes disguised by
    digits; from 10 on these ten come again, with a number at the end of each word.

    Args:
        tactic: an integer from 0.

    Returns:
        Giveaways: lures and urges. No word belongs to two tactics.

    >>> giveaways(0).urges, giveaways(1).urges, giveaways(2).urges, giveaways(10).urges
    (('claim', 'redeem'), ('cl4im', 'r3deem'), ('settle', 'confirm'), ('claim2', 'redeem2'))
    """
    turn, place = divmod(tactic, 2 * len(THEMES))
    theme = THEMES[place // 2]
    ending = str(turn + 1) if turn else ""

    def spell(word: str) -> str:
        return (_disguise(word) if place % 2 else word) + ending

    return Giveaways(tuple(map(spell, theme.lures)), tuple(map(spell, theme.urges)))


def _disguise(word: str) -> str:
    """Return a word with one letter replaced by a digit."""
    position = next(at for at, letter in enumerate(word) if at > 0 and letter in DIGITS)
    return word[:position] + DIGITS[word[position]] + word[position + 1 :]


def _texts(
    spam: Bool[np.ndarray, " messages"],
    uniform: Float[np.ndarray, "messages choices"],
    words: Giveaways,
) -> tuple[str, ...]:
    """Return the messages; each choice of one is made by a uniform number in its row."""
    *phrasing, about, urging, where = uniform.T
    opening, core, closing = (
        _phrases(part, spam, phrasing[2 * at], phrasing[2 * at + 1])
        for at, part in enumerate((OPENINGS, CORES, CLOSINGS))
    )
    words_of = {
        "thing": _picks(THINGS, about),
        "lure": _picks(words.lures, about),
        "chore": _picks(CHORES, urging),
        "urge": _picks(words.urges, urging),
        "place": _picks(PLACES, where),
    }
    chosen = zip(*words_of.values(), strict=True)
    return tuple(
        " ".join(parts).format(**dict(zip(words_of, one, strict=True)))
        for parts, one in zip(zip(opening, core, closing, strict=True), chosen, strict=True)
    )


def _phrases(
    part: tuple[Phrases, ...],
    spam: Bool[np.ndarray, " messages"],
    kind: Float[np.ndarray, " messages"],
    which: Float[np.ndarray, " messages"],
) -> list[str]:
    """Return a template of a part for each message; `kind` chooses among kinds by their shares."""
    shares = [phrases.ham for phrases in part], [phrases.spam for phrases in part]
    for_ham, for_spam = (np.searchsorted([*accumulate(own)], kind, side="right") for own in shares)
    templates = [part[place].templates for place in np.where(spam, for_spam, for_ham).tolist()]
    return [own[int(number * len(own))] for own, number in zip(templates, which, strict=True)]


def _picks(options: tuple[str, ...], uniform: Float[np.ndarray, " messages"]) -> list[str]:
    """Return for each number one of several equally likely options."""
    return [options[place] for place in (uniform * len(options)).astype(int).tolist()]
