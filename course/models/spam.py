"""Two spam filters: rules that somebody wrote, and naive Bayes that counts words.

Naive Bayes asks of each word in its vocabulary whether it is there, and believes that words are
independent of each other once it is settled whether the message is spam. Bayes' rule then gives

    p(spam | words) = p(spam) prod_w p(word w there or not | spam) / p(words)

and the odds of spam against ham need no p(words), since it divides both. The counting and the
sums are those of `course.models.naive_bayes`, for two classes; there is no `init`, because nothing
has to be guessed first.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from course.data.rules import Booleans, Counts, Kind, Text, Texts
from course.data.words import vocabulary, word_counts, words
from course.legacy_checks import Arguments, Positive, Shape, checked, refusal
from course.models import naive_bayes

__all__ = [
    "KEYWORDS", "SpamFilter", "SpamParams", "apply", "classify", "fit", "keyword_rules", "predict",
    "train", "vocabulary", "word_counts",
]  # fmt: skip

WordCounts: TypeAlias = Int[Array, "*messages words"]

KEYWORDS = ("prize", "cash", "voucher", "claim", "free", "win", "offer", "urgent")
"""The words that somebody wrote down after a morning with a full inbox."""


class SpamParams(NamedTuple):
    """What naive Bayes has learned, in nats; the row 0 is for ham and 1 for spam."""

    log_prior: Float[Array, "2"]
    """log p(class)."""
    log_present: Float[Array, "2 words"]
    """log p(word is there | class)."""
    log_absent: Float[Array, "2 words"]
    """log p(word is not there | class)."""


class SpamFilter(NamedTuple):
    """A trained filter: the words that it knows and what it believes about them."""

    vocabulary: tuple[str, ...]
    params: SpamParams


class _CountsOfItsWords(Counts):
    """Counts whose last axis runs over the words that `params` knows."""

    def check_shape(self, name: str, shape: Shape, arguments: Arguments) -> None:
        super().check_shape(name, shape, arguments)
        size = arguments["params"].log_present.shape[-1]
        if shape[-1:] != (size,):
            raise refusal(name, f"a last axis of the {size} words of params", f"shape {shape}")


@checked(text=Text())
def keyword_rules(text: str) -> bool:
    """Judge a message by rules: it is spam if it holds one of the KEYWORDS.

    Args:
        text: one message.

    Returns:
        True for spam.

    Raises:
        TypeError: if `text` is not a string.

    >>> keyword_rules("Urgent: your prize is ready"), keyword_rules("Your violin is ready")
    (True, False)

    Reference: none; the rules are the course's own.
    """
    return not set(KEYWORDS).isdisjoint(words(text))


@checked(texts=Texts(), spam=Booleans(ndim=1, numpy=True, each="texts"))
def train(texts: Sequence[str], spam: Bool[np.ndarray, " messages"]) -> SpamFilter:
    """Train a filter on labelled messages: its vocabulary and its parameters.

    Args:
        texts: the messages.
        spam: True for each that is spam.

    Returns:
        SpamFilter that knows every word of `texts`.

    Raises:
        TypeError: if `texts` are not strings or `spam` is not true or false.
        ValueError: if there are no messages, or not one label for each.

    >>> learned = train(["your prize is ready", "your coat is ready"], [True, False])
    >>> learned.vocabulary
    ('coat', 'is', 'prize', 'ready', 'your')

    Reference: see `fit`.
    """
    known = vocabulary(texts)
    return SpamFilter(known, fit(word_counts(texts, known), spam))


@checked(spam_filter=Kind(SpamFilter), texts=Texts())
def classify(spam_filter: SpamFilter, texts: Sequence[str]) -> Bool[np.ndarray, " messages"]:
    """Judge messages by a trained filter: spam if that is likelier than not.

    Args:
        spam_filter: what `train` returned.
        texts: the messages.

    Returns:
        True for each message that the filter takes for spam.

    Raises:
        TypeError: if `texts` are not strings or `spam_filter` is not a SpamFilter.
        ValueError: if there are no messages.

    >>> learned = train(["your prize is ready", "your coat is ready"], [True, False])
    >>> classify(learned, ["the prize", "the coat"]).tolist()
    [True, False]

    Reference: see `apply`.
    """
    log_odds = apply(spam_filter.params, word_counts(texts, spam_filter.vocabulary))
    return np.asarray(log_odds) > 0


@checked(counts=Counts(ndim=2), spam=Booleans(ndim=1, each="counts"), pseudo_count=Positive(ndim=0))
@jax.jit
def fit(
    counts: Int[Array, "messages words"],
    spam: Bool[Array, " messages"],
    *,
    pseudo_count: float | Float[Array, ""] = 0.5,
) -> SpamParams:
    """Learn naive Bayes by counting messages.

        p(class)              = (messages of the class + a) / (messages + 2a)
        p(word there | class) = (those of them with the word + a) / (messages of the class + 2a)

    where a is `pseudo_count`.

    Args:
        counts: how often each word occurs in each message; only whether it occurs matters.
        spam: True for each message that is spam.
        pseudo_count: messages added to each count before any was seen, above 0. It keeps a
            word that was never seen in a class from settling the question alone; a class
            without messages gets p(word there) = 1/2.

    Returns:
        SpamParams, logarithms of the probabilities above in nats.

    Raises:
        TypeError: if `counts` are not whole numbers or `spam` is not true or false.
        ValueError: if `counts` are empty or negative, there is not one label for each row, or
            `pseudo_count` is not above 0.

    >>> params = fit([[1, 0], [0, 1]], [True, False])
    >>> print(np.round(np.exp(params.log_present), 2))
    [[0.25 0.75]
     [0.75 0.25]]

    Reference: C. D. Manning, P. Raghavan and H. Schuetze, Introduction to Information Retrieval
    (2008), section 13.3: the Bernoulli model.
    """
    counted = naive_bayes.fit_bernoulli.__wrapped__(
        counts, spam.astype(int), classes=2, pseudo_count=pseudo_count
    )
    messages = jnp.stack([jnp.sum(~spam), jnp.sum(spam)])
    prior = (messages + pseudo_count) / (len(counts) + 2 * pseudo_count)
    return SpamParams(jnp.log(prior), counted.log_present, counted.log_absent)


@checked(params=Kind(SpamParams), counts=_CountsOfItsWords())
@jax.jit
def apply(params: SpamParams, counts: WordCounts) -> Float[Array, "*messages"]:
    """Return the log odds that a message is spam, by Bayes' rule.

        log p(class, words) = log p(class) + sum_w log p(word w there or not | class)
        log odds            = log p(spam, words) - log p(ham, words)

    Args:
        params: what `fit` returned.
        counts: how often each word occurs in a message; one message or any number of them.

    Returns:
        Log odds in nats, above 0 where spam is likelier than ham.

    Raises:
        TypeError: if `counts` are not whole numbers.
        ValueError: if `counts` are negative or their last axis is not the words of `params`.

    >>> params = fit([[1, 0], [0, 1]], [True, False])
    >>> print(f"{apply(params, [1, 0]):.3f} nats")
    2.197 nats

    Reference: see `fit`.
    """
    learned = naive_bayes.BernoulliParams(*params)
    log_joint: Array = naive_bayes.apply.__wrapped__(learned, counts)
    return log_joint[..., 1] - log_joint[..., 0]


@checked(params=Kind(SpamParams), counts=_CountsOfItsWords())
@jax.jit
def predict(params: SpamParams, counts: WordCounts) -> Float[Array, "*messages"]:
    """Return the probability that a message is spam.

        p(spam | words) = 1 / (1 + exp(-log odds))

    Args:
        params: what `fit` returned.
        counts: how often each word occurs in a message; one message or any number of them.

    Returns:
        Probabilities from 0 to 1.

    Raises:
        TypeError: if `counts` are not whole numbers.
        ValueError: if `counts` are negative or their last axis is not the words of `params`.

    >>> params = fit([[1, 0], [0, 1]], [True, False])
    >>> print(f"{predict(params, [1, 0]):.3f}")
    0.900

    Reference: see `fit`.
    """
    return jax.nn.sigmoid(apply.__wrapped__(params, counts))
