"""Two spam filters: rules written by hand, and naive Bayes that counts words.

Naive Bayes looks which words of its vocabulary are present, and takes them to be independent of
each other among spam and among ham. Bayes' rule then gives

    p(spam | words) = p(spam) prod_w p(word w present or absent | spam) / p(words)

and the odds of spam against ham need no p(words), since it divides both. The counting and the
sums are those of `course.models.naive_bayes`, for two classes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Shaped

from course.checks import (
    Arguments,
    ArraySpec,
    check_range,
    checked,
    fields,
    instance,
    labels,
    refusal,
    strings,
    text,
)
from course.data.words import vocabulary, word_counts, words
from course.models import naive_bayes
from course.models.inputs import PSEUDO_COUNT, features_of
from course.models.naive_bayes import BernoulliParams

# Words that somebody wrote down after a morning with a full inbox.
KEYWORDS = ("prize", "cash", "voucher", "claim", "free", "win", "offer", "urgent")

# Tables of words have a multiple of so many columns.
COLUMNS = 128


class SpamFilter(NamedTuple):
    """Trained filter."""

    vocabulary: tuple[str, ...]
    """Words of the messages that it learned from, in alphabetical order."""
    params: BernoulliParams
    """Row 0 for ham, row 1 for spam, and a column for each word."""


def _counts(name: str, value: Any, _arguments: Arguments) -> Any:
    """Rule for integers that count words; int32 holds no larger ones."""
    check_range(name, value, 0, 2**31 - 1, "counts from 0")
    return value


def _spam(name: str, value: Any, _arguments: Arguments) -> Any:
    """Rule for truth values, one for each message."""
    spec = ArraySpec(numpy=True, kind="bool", axes=("messages",))
    return spec.convert(spec.read(name, value, {}))


def _params(name: str, value: Any, arguments: Arguments) -> Any:
    """Rule for parameters of the two classes ham and spam."""
    params = fields(BernoulliParams)(name, value, arguments)
    if params.log_prior.shape != (2,):
        raise refusal(name, "two classes, ham and spam", len(params.log_prior))
    return params


def _whole_filter(name: str, value: Any, arguments: Arguments) -> SpamFilter:
    """Rule for what `train` returned: a vocabulary, and parameters with a column for each word."""
    known: SpamFilter = instance(SpamFilter)(name, value, arguments)
    vocabulary = strings(name, known.vocabulary, arguments)
    params = _params(name, known.params, arguments)
    if params.log_present.shape[1] != len(vocabulary):
        columns = params.log_present.shape[1]
        raise refusal(name, f"a column for each of the {len(vocabulary)} words", columns)
    return SpamFilter(vocabulary, params)


@checked(text=text)
def keyword_rules(text: str) -> bool:
    """Classify a message by rules: it is spam if it holds one of the KEYWORDS.

    Args:
        text: one message.

    Returns:
        True for spam.

    >>> keyword_rules("Urgent: your prize is ready"), keyword_rules("Your violin is ready")
    (True, False)
    """
    return not set(KEYWORDS).isdisjoint(words(text))


@checked(texts=strings, spam=_spam)
def train(texts: Sequence[str], spam: Sequence[bool] | Bool[np.ndarray, " messages"]) -> SpamFilter:
    """Train a filter on labelled messages: its vocabulary and its parameters.

    Args:
        texts: the messages.
        spam: True for each that is spam.

    Returns:
        SpamFilter that knows every word of `texts`.

    >>> learned = train(["your prize is ready", "your coat is ready"], [True, False])
    >>> learned.vocabulary
    ('coat', 'is', 'prize', 'ready', 'your')
    """
    known = vocabulary(texts)
    log_prior, *tables = fit(_widened(word_counts(texts, known)), spam)
    log_present, log_absent = (jnp.array(np.array(table)[:, : len(known)]) for table in tables)
    return SpamFilter(known, BernoulliParams(log_prior, log_present, log_absent))


@checked(spam_filter=_whole_filter, texts=strings)
def classify(spam_filter: SpamFilter, texts: Sequence[str]) -> Bool[np.ndarray, " messages"]:
    """Classify messages by a trained filter: spam if that is likelier than not.

    Args:
        spam_filter: what `train` returned.
        texts: the messages.

    Returns:
        True for each message that the filter takes for spam.

    >>> learned = train(["your prize is ready", "your coat is ready"], [True, False])
    >>> classify(learned, ["the prize", "the coat"]).tolist()
    [True, False]
    """
    log_prior, log_present, log_absent = spam_filter.params
    # What is added says nothing: such a word is absent from every message, of either class.
    tables = (jnp.array(_widened(table)) for table in (log_present, log_absent))
    counts = _widened(word_counts(texts, spam_filter.vocabulary))
    log_odds = apply(BernoulliParams(log_prior, *tables), counts)
    return np.asarray(log_odds) > 0


def _widened(table: ArrayLike) -> Shaped[np.ndarray, "rows columns"]:
    """Add columns of zeros: `jit` compiles for each shape, and every vocabulary has its own size.

    Compiling takes many times as long as the training itself.
    """
    return np.pad(table, ((0, 0), (0, -np.shape(table)[1] % COLUMNS)))


@checked(counts=_counts, spam=labels(2), pseudo_count=PSEUDO_COUNT)
@jax.jit
def fit(
    counts: Int[Array, "messages words"],
    spam: Bool[Array, " messages"],
    *,
    pseudo_count: float | Float[Array, ""] = 0.5,
) -> BernoulliParams:
    """Learn naive Bayes by counting messages.

        p(class)                = (messages of the class + a) / (messages + 2a)
        p(word present | class) = (those of them with the word + a) / (messages of the class + 2a)

    where a is `pseudo_count`.

    Args:
        counts: how often each word occurs in each message; only whether it occurs matters.
        spam: True for each message that is spam.
        pseudo_count: messages added to each count, above 0. Without it a word that was never
            seen in a class would decide alone; a class without messages gets p(word present) = 1/2.

    Returns:
        BernoulliParams, logarithms of the probabilities above in nats; row 0 is for ham, row 1 for
        spam.

    >>> params = fit([[1, 0], [0, 1]], [True, False])
    >>> print(np.round(np.exp(params.log_present), 2))
    [[0.25 0.75]
     [0.75 0.25]]

    Reference: C. D. Manning, P. Raghavan and H. Schuetze, Introduction to Information Retrieval
    (2008), section 13.3: the Bernoulli model.
    """
    counted = naive_bayes.fit_bernoulli(
        counts, spam.astype(int), classes=2, pseudo_count=pseudo_count
    )
    # Not its prior: a class without messages would be impossible.
    messages = jnp.stack([jnp.sum(~spam), jnp.sum(spam)]).astype(float)
    prior = (messages + pseudo_count) / (len(counts) + 2 * pseudo_count)
    return counted._replace(log_prior=jnp.log(prior))


@checked(
    params=_params,
    counts=features_of(lambda params: params.log_present.shape[-1], values=_counts),
)
@jax.jit
def apply(
    params: BernoulliParams, counts: Int[Array, "*messages words"]
) -> Float[Array, "*messages"]:
    """Return the log odds that a message is spam, by Bayes' rule.

        log p(class, words) = log p(class) + sum_w log p(word w present or absent | class)
        log odds            = log p(spam, words) - log p(ham, words)

    Args:
        params: what `fit` returned.
        counts: how often each word occurs in a message; one message or any number of them.

    Returns:
        Log odds in nats, above 0 where spam is likelier than ham.

    >>> params = fit([[1, 0], [0, 1]], [True, False])
    >>> print(f"{apply(params, [1, 0]):.3f} nats")
    2.197 nats
    """
    log_joint = naive_bayes.apply(params, counts)
    return log_joint[..., 1] - log_joint[..., 0]
