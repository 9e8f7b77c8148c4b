"""Exercises and predictions of notebook 00."""

import jax
import numpy as np

from course.data import messages
from course.models import spam
from course.practice.exercise import Exercise, Mistake
from course.practice.predict import Prediction, Revealed
from course.practice.promises import learners, promise_kept, promises_kept
from course.practice.uniformity import SAME, unevenness

NOTEBOOK = "00_start_here"
TITLE = "Start here"
MINUTES = 60

SMALL = 50  # examples of the splits that `q2` compares with chance
GOOD_ENOUGH = 0.70  # share of messages that a rule of `q1` must judge rightly


class Inbox(list[str]):
    """Texts that remember which of them are spam, for the judge: answers get a plain list."""

    def __init__(self, mail: messages.Messages) -> None:
        super().__init__(mail.text)
        self.spam = np.asarray(mail.spam)


def inboxes(rng: np.random.Generator) -> list[tuple[Inbox]]:
    """Five hundred messages nobody has seen yet."""
    return [(Inbox(messages.generate(jax.random.key(int(rng.integers(2**31))), 500)),)]


def my_rules(texts):
    """True for each message that looks like spam, False for the others."""
    words = ("prize", "voucher", "cash", "jackpot", "claim", "urgent", "last chance")
    return [any(word in text for word in words) for text in texts]


def rules_work(said, texts):
    """Return None if the verdicts on an `Inbox` are right often enough, else what is wrong."""
    verdicts = np.asarray(said)
    if verdicts.shape != (len(texts),):
        return (
            f"There are {len(texts)} messages, so there must be {len(texts)} verdicts, in the "
            "same order."
        )
    if not np.isin(verdicts, (0, 1)).all():
        return "A verdict is True or False; turn scores into one, for example with score > 0.5."
    verdicts = verdicts.astype(bool)
    right = float(np.mean(verdicts == texts.spam))
    if verdicts.all() or not verdicts.any():
        same = "spam" if verdicts.all() else "no spam"
        return f"You call every message {same}. That is right on {right:.0%} and filters nothing."
    if right >= GOOD_ENOUGH:
        return None
    if 1 - right >= GOOD_ENOUGH:
        return f"Right on {right:.0%}: you have it the wrong way round. True means spam."
    return (
        f"Right on {right:.0%} of 500 fresh messages; {GOOD_ENOUGH:.0%} are asked for. Which "
        "words do the spam messages above share?"
    )


q1 = Exercise(
    name="start_here.q1",
    title="Rules of your own",
    difficulty=1,
    minutes=6,
    reference=my_rules,
    cases=inboxes,
    judge=rules_work,
    mistakes=[
        Mistake(
            "never spam",
            lambda texts: [False] * len(texts),
            (
                "You call every message no spam. That filters nothing: look for words that spam "
                "messages share."
            ),
        ),
        Mistake(
            "always spam",
            lambda texts: [True] * len(texts),
            (
                "You call every message spam, and so you lose all your mail. Look for words that "
                "spam messages share."
            ),
        ),
        Mistake(
            "the wrong way round",
            lambda texts: [not said for said in my_rules(texts)],
            "You have it the wrong way round. True means spam.",
        ),
    ],
    hints=[
        (
            "Print twenty spam messages: `[text for text, s in zip(inbox.text, inbox.spam) if "
            "s][:20]`."
        ),
        'Test for a word with `"prize" in text`; combine tests with `or`.',
        'Start with `[("prize" in text or "claim" in text) for text in texts]` and add words '
        "until it passes.",
    ],
    praise="It works, and somebody had to find every word.",
)


def split(count, rng):
    """Row numbers for training and for testing; rng is a numpy.random.Generator."""
    rows = rng.permutation(count)
    tested = count // 5
    return rows[tested:], rows[:tested]


TOGETHER = "Your test rows stand together. Choose them at random: the examples may be sorted."


def fair_split(parts, count, rng):
    """Return None if this is a random split of four fifths and one fifth, else what is wrong."""
    if len(parts) != 2:
        return f"Two arrays are asked for, training and testing rows; you returned {len(parts)}."
    train, test = (
        np.asarray(sorted(part) if isinstance(part, set) else part).reshape(-1) for part in parts
    )
    if any(
        part.size and (part.dtype.kind not in "iuf" or (part != np.round(part)).any())
        for part in (train, test)
    ):
        return "Row numbers are whole numbers from 0."
    if not train.size or not test.size:
        return "One of the two parts is empty."
    together = np.concatenate([train, test])
    if together.min() < 0 or together.max() >= count:
        return (
            f"Row numbers run from 0 to {count - 1}; yours run from {together.min():g} to "
            f"{together.max():g}."
        )
    if np.intersect1d(train, test).size:
        return "Some rows are in both parts: you would test on what you trained on."
    if len(np.unique(together)) < len(together):
        return (
            "Some rows come twice: draw without putting back, for example with `rng.permutation`."
        )
    if len(together) < count:
        return (
            f"{count - len(together)} of {count} rows are in neither part. Nobody gave you "
            "examples to throw away."
        )
    if abs(len(test) - count / 5) > 1:
        return (
            f"One fifth is to be kept for testing; of {count} you keep {len(test)}. Shuffle all "
            "rows and cut once, so that chance does not also decide how many there are."
        )
    if count == SMALL:  # so few rows may well stand together or in a rhythm by chance
        return None
    blocks = 1 + np.count_nonzero(np.diff(np.sort(test)) > 1)
    if blocks < count / 20:
        return TOGETHER
    if len(np.unique(test % 10)) < 5:
        return (
            "Your test rows come at equal steps. Choose them at random: the examples may repeat "
            "in a rhythm."
        )
    return None


def counts_and_generators(rng: np.random.Generator) -> list[tuple[int, np.random.Generator]]:
    """Counts of several sizes, and a small one many times over, which shows how rows are chosen."""
    counts = [100, 250, 500, 1000, 1500] + [SMALL] * 200
    return [(count, np.random.default_rng(rng.integers(2**31))) for count in counts]


def split_by_chance(parts, arguments):
    """Return None if all rows had the same chance in the many small splits, else what is wrong."""
    tested = [
        np.isin(np.arange(SMALL), np.ravel(list(test)))
        for (_, test), (count, _) in zip(parts, arguments, strict=True)
        if count == SMALL
    ]
    if len({int(test.sum()) for test in tested}) > 1:
        return "You keep sometimes more rows for testing and sometimes fewer. Cut at one place."
    fault = unevenness(np.array(tested))
    if fault is None:
        return None
    if fault == SAME:
        return (
            "You test on the same rows again and again. Chance has to come from `rng`, which is "
            "another one in each call: `rng.permutation(count)`."
        )
    return (
        f"Over many calls you draw {fault} for testing. Shuffle all rows together, so that each "
        "has the same chance whatever becomes of the others: `rng.permutation(count)`."
    )


q2 = Exercise(
    name="start_here.q2",
    title="Split the examples",
    difficulty=2,
    minutes=8,
    reference=split,
    cases=counts_and_generators,
    judge=fair_split,
    judge_all=split_by_chance,
    shape_matters=False,
    mistakes=[
        Mistake(
            "everything in both",
            lambda count, rng: (np.arange(count), np.arange(count)),
            "Some rows are in both parts: you would test on what you trained on.",
        ),
        Mistake(
            "not shuffled",
            lambda count, rng: (
                np.arange(count - count // 5),
                np.arange(count - count // 5, count),
            ),
            (
                "Your test rows all stand together, at one end. Choose them at random: the "
                "examples may be sorted."
            ),
        ),
        Mistake(
            "swapped",
            lambda count, rng: split(count, rng)[::-1],
            (
                "One fifth is for testing and four fifths for training; you have them the other "
                "way round."
            ),
        ),
    ],
    hints=[
        "Shuffle all row numbers first: `rng.permutation(count)`.",
        (
            "Cut the shuffled numbers once: the first `count // 5` for testing, the others for "
            "training."
        ),
    ],
    praise="Every row in exactly one part, and chance decides in which.",
)


def honest_score(examples, train, accuracy):
    """An accuracy that you can promise for examples nobody has seen yet."""
    tested = len(examples) // 5
    return accuracy(train(examples[tested:]), examples[:tested])


q3 = Exercise(
    name="start_here.q3",
    title="An honest score",
    difficulty=2,
    minutes=8,
    reference=honest_score,
    cases=learners,
    judge=promise_kept,
    judge_all=promises_kept,
    mistakes=[
        Mistake(
            "tested on the training examples",
            lambda examples, train, accuracy: accuracy(train(examples), examples),
            (
                "You tested on what you trained on. A model that only memorises gets full marks "
                "from you, and fails tomorrow."
            ),
        ),
        Mistake(
            "half and half of everything",
            lambda examples, train, accuracy: (
                0.5 * accuracy(train(examples), examples)
                + 0.5 * honest_score(examples, train, accuracy)
            ),
            (
                "Half of your score comes from examples that the model was trained on. Only "
                "unseen ones tell you about tomorrow."
            ),
        ),
        Mistake(
            "trained on too little",
            lambda examples, train, accuracy: accuracy(train(examples[:10]), examples[10:]),
            (
                "Honest, but you trained on so few examples that the model could not learn what "
                "there was to learn."
            ),
        ),
        Mistake(
            "the best of many",
            lambda examples, train, accuracy: max(
                accuracy(train(examples[:i] + examples[i + 5 :]), examples[i : i + 5])
                for i in range(0, 95, 5)
            ),
            "Do not choose the best of several scores: what is chosen is luck.",
        ),
        Mistake(
            "a single test",
            lambda examples, train, accuracy: accuracy(train(examples[1:]), examples[:1]),
            "Your score rests on very few examples, so it is mostly luck.",
        ),
    ],
    hints=[
        "Do not show the model the examples that you will count on.",
        "`examples[:20]` are the first twenty, `examples[20:]` all others.",
    ],
    praise=(
        "A model that only memorises gets nothing from you, and one that has understood gets "
        "full marks."
    ),
)


def _own_and_fresh(seed: int, count: int) -> tuple[float, float]:
    keys = jax.random.split(jax.random.key(seed))
    past, new = (
        messages.generate(key, size) for key, size in zip(keys, (count, 1000), strict=True)
    )
    trained = spam.train(past.text, past.spam)
    own, fresh = (
        float(np.mean(spam.classify(trained, mail.text) == mail.spam)) for mail in (past, new)
    )
    return own, fresh


def _reveal_own() -> Revealed:
    own, fresh = np.mean([_own_and_fresh(seed, 60) for seed in range(6)], axis=0)
    higher = own - fresh > 0.05
    return Revealed(
        "Clearly higher" if higher else "About the same",
        (
            f"on its own sixty messages it is right on {own:.0%}, on fresh ones on {fresh:.0%} "
            "(mean of six worlds)."
        ),
    )


p1 = Prediction(
    name="start_here.p1",
    question=(
        "Is the accuracy on the sixty training messages higher than on fresh messages, by more "
        "than 5 points?"
    ),
    options=("Clearly higher", "About the same"),
    reveal=_reveal_own,
)


def _reveal_change() -> Revealed:
    keys = jax.random.split(jax.random.key(11))
    old = messages.generate(keys[0], 500, tactic=0)
    new = messages.generate(keys[1], 500, tactic=1)
    by_model = spam.classify(spam.train(old.text, old.spam), new.text)[new.spam].mean()
    by_rules = np.mean(
        [spam.keyword_rules(text) for text, bad in zip(new.text, new.spam, strict=True) if bad]
    )
    return Revealed(
        "The trained filter" if by_model > by_rules else "The rules by hand",
        (
            f"of the spam in new words the rules catch {by_rules:.0%}, the trained filter "
            f"{by_model:.0%}: it had also learned how wanted mail looks, and this looks different."
        ),
    )


p2 = Prediction(
    name="start_here.p2",
    question=(
        "The spammers replace their telltale words. Nobody mends a filter. Which one now catches "
        "more of the spam?"
    ),
    options=("The rules by hand", "The trained filter"),
    reveal=_reveal_change,
)
