"""The generator of messages: what it promises about ham, spam and tactics."""

import re

import jax
import numpy as np
import pytest
from scipy import stats

from course.data.messages import CLOSINGS, CORES, OPENINGS, Messages, generate, giveaways

COUNT = 4096
TACTICS = 41


def words_of(tactic):
    lures, urges = giveaways(tactic)
    return {*lures, *urges}


def holds(messages, wanted):
    return np.array([not wanted.isdisjoint(text.split()) for text in messages.text])


@pytest.fixture(scope="module")
def messages():
    return generate(jax.random.key(5), COUNT)


def test_messages_of_a_key_never_change():
    drawn = generate(jax.random.key(1), 4, tactic=1)
    assert drawn.text == (
        "hi everyone the ladder is yours pick up at the theatre",
        "dear neighbour the pr1ze is yours r3deem it here",
        "good morning your cake is waiting fetch it here",
        "news a voucher for the teacher mend it here",
    )
    assert drawn.spam.tolist() == [False, True, False, False]


def test_a_larger_count_begins_with_a_smaller_one():
    few, many = (generate(jax.random.key(3), count) for count in (7, 2100))
    assert len(many.text) == 2100
    assert many.text[:7] == few.text
    np.testing.assert_array_equal(many.spam[:7], few.spam)


def test_a_message_is_a_few_plain_words(messages):
    assert isinstance(messages, Messages)
    assert len(messages.text) == len(messages.spam) == COUNT
    assert messages.spam.dtype == np.bool_
    for text in (*messages.text, *generate(jax.random.key(6), 2000, tactic=13).text):
        assert re.fullmatch(r"[a-z0-9]+( [a-z0-9]+){3,14}", text), text


@pytest.mark.parametrize("part", [OPENINGS, CORES, CLOSINGS])
def test_shares_of_a_part_sum_to_one(part):
    assert sum(phrases.ham for phrases in part) == pytest.approx(1, abs=1e-9)
    assert sum(phrases.spam for phrases in part) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.75])
def test_share_of_spam(share):
    spam = generate(jax.random.key(8), COUNT, spam_share=share).spam.sum()
    assert stats.binomtest(int(spam), COUNT, share).pvalue > 1e-3


def test_nothing_but_spam_and_nothing_but_ham():
    assert generate(jax.random.key(0), 50, spam_share=1).spam.all()
    assert not generate(jax.random.key(0), 50, spam_share=0).spam.any()


def test_most_spam_gives_itself_away(messages):
    given_away = holds(messages, words_of(0))
    no_lure, no_urge = 1 - CORES[1].spam, 1 - CLOSINGS[3].spam
    expected = 1 - no_lure * no_urge
    seen = given_away[messages.spam]
    assert stats.binomtest(int(seen.sum()), len(seen), expected).pvalue > 1e-3
    assert 0.01 < given_away[~messages.spam].mean() < 0.05  # ham with a tempting word


@pytest.mark.parametrize("part", [OPENINGS, CORES, CLOSINGS])
def test_the_same_words_can_be_ham_and_spam(part):
    """Each part has phrases that both classes use, so no filter can be right every time."""
    assert any(phrases.ham > 0 and phrases.spam > 0 for phrases in part)


def test_parts_are_independent_given_the_class(messages):
    """Pushy openings, tempting cores and pushy closings do not seek each other's company."""
    openings = OPENINGS[1].templates
    closings = ("reply now", "click here", "only today", "reply before midnight", "no fee")
    pushy = np.array([text.startswith(openings) for text in messages.text])
    hurried = np.array([text.endswith(closings) for text in messages.text])
    lured = holds(messages, set(giveaways(0).lures))
    for spam in (False, True):
        chosen = messages.spam == spam
        assert 0.1 < pushy[chosen].mean() < 0.4
        assert 0.1 < hurried[chosen].mean() < 0.3
        for one, other in ((pushy, hurried), (pushy, lured), (lured, hurried)):
            table = np.zeros((2, 2))
            np.add.at(table, (one[chosen].astype(int), other[chosen].astype(int)), 1)
            assert stats.chi2_contingency(table).pvalue > 1e-3


def test_a_tactic_changes_the_giveaways_and_nothing_else():
    old, new = (generate(jax.random.key(9), 2000, tactic=tactic) for tactic in (0, 4))
    np.testing.assert_array_equal(old.spam, new.spam)
    changed = np.array([a != b for a, b in zip(old.text, new.text, strict=True)])
    assert not changed[~old.spam].any()
    np.testing.assert_array_equal(changed[old.spam], holds(old, words_of(0))[old.spam])
    assert not holds(new, words_of(0))[new.spam].any()


def test_no_two_tactics_share_a_giveaway():
    lexicon = [word for tactic in range(TACTICS) for word in words_of(tactic)]
    assert len(lexicon) == len(set(lexicon)) == 7 * TACTICS


def test_giveaways_of_new_tactics_are_never_ham(messages):
    ham_words = {
        word for text, spam in zip(*messages, strict=True) if not spam for word in text.split()
    }
    assert ham_words & words_of(0)
    for tactic in range(1, TACTICS):
        assert ham_words.isdisjoint(words_of(tactic))


def test_disguises():
    assert giveaways(1).lures == ("pr1ze", "v0ucher", "j4ckpot", "c4sh", "b0nus")
    assert giveaways(23).urges == ("s3ttle3", "c0nfirm3")


@pytest.mark.parametrize(
    ("name", "value"),
    [("key", 0), ("count", 0), ("tactic", -1), ("spam_share", -0.1), ("spam_share", 1.2)],
)
def test_bad_input(name, value):
    with pytest.raises((TypeError, ValueError), match=rf"^{name}: expected"):
        generate(**{"key": jax.random.key(0), "count": 5} | {name: value})


def test_bad_tactic():
    with pytest.raises(ValueError, match=r"^tactic: expected"):
        giveaways(-1)


def test_what_is_drawn_by_numpy_needs_a_known_key():
    with pytest.raises(TypeError, match=r"^key: expected a key that is not traced, got"):
        jax.jit(lambda key: generate(key, 4).spam)(jax.random.key(0))


@pytest.mark.parametrize("count", [2**18 + 1, 2**31, 2**62])
def test_more_messages_than_one_waits_for_are_refused(count):
    with pytest.raises(ValueError, match=r"^count: expected an integer of at most 262144"):
        generate(jax.random.key(0), count)
