"""Exercises and predictions of notebook 03."""

import numpy as np

from course.data.weather import CONDITIONAL
from course.maths import information
from course.practice.exercise import Exercise, Mistake
from course.practice.predict import Prediction, Revealed

NOTEBOOK = "03_cross_entropy_and_kl"
TITLE = "Cross-entropy and KL"
MINUTES = 75

FALLING = CONDITIONAL[0]
ADA, BEN = np.array([0.01, 0.09, 0.90]), np.array([0.15, 0.45, 0.40])
IN_BITS = float(np.log2(np.e))
PAID, WRONG_LABELS = 0.90, 0.1


def pairs(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Truths and beliefs of several sizes; truths with zeros, and one that is the belief."""
    drawn = [tuple(rng.dirichlet(np.ones(size), size=2)) for size in (2, 3, 5, 9)]
    never = [
        (np.append(rng.dirichlet(np.ones(3)), 0.0), rng.dirichlet(np.ones(4))),
        (np.insert(rng.dirichlet(np.ones(3)), 1, 0.0), rng.dirichlet(np.ones(4))),
        (np.array([0.0, 1.0, 0.0]), rng.dirichlet(np.ones(3))),
    ]
    rare = [
        (np.array([0.5, 0.5]), np.array([1 - 1e-9, 1e-9])),
        (np.append(np.full(20, 5e-4), 0.99), np.full(21, 1 / 21)),
    ]
    return [*drawn, *never, *rare, (drawn[1][0], drawn[1][0].copy())]


def my_kl(p, q):
    """KL(p||q) in bits, for two one-dimensional arrays of probabilities; q has no zeros."""
    possible = p > 0
    return np.sum(p[possible] * np.log2(p[possible] / q[possible]))


def _expected(weights, value):
    return sum(w * value(i) for i, w in enumerate(weights) if w > 0)


q1 = Exercise(
    name="cross_entropy_and_kl.q1",
    title="KL by hand",
    difficulty=2,
    minutes=8,
    reference=my_kl,
    cases=pairs,
    mistakes=[
        Mistake(
            "swapped",
            lambda p, q: _expected(q, lambda i: np.log2(q[i] / p[i]) if p[i] else np.inf),
            (
                "The arguments are swapped: this is KL(q‖p). The truth p says how often each "
                "outcome comes, so p weighs the terms, and p stands above q."
            ),
        ),
        Mistake(
            "cross-entropy",
            lambda p, q: _expected(p, lambda i: -np.log2(q[i])),
            (
                "This is the cross-entropy H(p, q), all that the belief costs. KL is only what it "
                "costs more than the entropy."
            ),
        ),
        Mistake(
            "nats",
            lambda p, q: _expected(p, lambda i: np.log(p[i] / q[i])),
            "This is KL in nats; bits were asked for. Use the logarithm to base 2.",
        ),
        Mistake(
            "sign",
            lambda p, q: _expected(p, lambda i: np.log2(q[i] / p[i])),
            "The sign is wrong: the fraction is upside down. A wrong belief costs more, not less.",
        ),
        Mistake(
            "weighed by q",
            lambda p, q: sum(qi * np.log2(pi / qi) for pi, qi in zip(p, q, strict=True) if pi > 0),
            "You weigh with q. Outcomes come as often as the truth p says.",
        ),
        Mistake(
            "absolute terms",
            lambda p, q: _expected(p, lambda i: abs(np.log2(p[i] / q[i]))),
            (
                "You take absolute values. Where q exceeds p the belief saves bits, and these "
                "savings count."
            ),
        ),
        Mistake(
            "not weighted",
            lambda p, q: sum(np.log2(a / b) for a, b in zip(p, q, strict=True) if a > 0),
            "You added up the differences in surprise. Weigh each with its probability p.",
        ),
        Mistake(
            "zero times infinity",
            lambda p, q: np.nan if 0 in p else _expected(p, lambda i: np.log2(p[i] / q[i])),
            "An outcome with p = 0 never comes, so it costs nothing: leave its term out.",
        ),
    ],
    hints=[
        "KL is an average over the days as they come: what does each outcome cost more under q?",
        "Outcome i costs log2(1/q_i) instead of log2(1/p_i): that is log2(p_i / q_i) more.",
        "Keep the outcomes with `p > 0`, and add up `p * np.log2(p / q)` over them.",
    ],
    praise="What each outcome costs more, weighed with how often it truly comes.",
)


def scores(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Truths with scores; one truth certain, one pair equal, some scores large."""
    drawn = [(rng.dirichlet(np.ones(k)), rng.normal(0, 2, size=k)) for k in (2, 3, 6)]
    return [
        *drawn,
        (np.array([0.0, 1.0, 0.0]), rng.normal(size=3)),
        (drawn[1][0], np.log(drawn[1][0])),
        (drawn[2][0], drawn[2][1] + 7.0),
    ]


def my_gradient(p, z):
    """Slopes in bits of the cross-entropy H(p, softmax(z)) along each of the scores z."""
    powers = np.exp(z - np.max(z))
    return np.log2(np.e) * (powers / np.sum(powers) - p)


def _softmax(z):
    return np.exp(z - z.max()) / np.exp(z - z.max()).sum()


q2 = Exercise(
    name="cross_entropy_and_kl.q2",
    title="The way downhill",
    difficulty=2,
    minutes=6,
    reference=my_gradient,
    cases=scores,
    mistakes=[
        Mistake(
            "nats",
            lambda p, z: _softmax(z) - p,
            (
                "This is the gradient in nats, q − p. In bits every slope is 1.4427 times as "
                "steep, which is log2(e)."
            ),
        ),
        Mistake(
            "sign",
            lambda p, z: IN_BITS * (p - _softmax(z)),
            (
                "This points downhill. The gradient points uphill: where q is too large, a higher "
                "score costs more."
            ),
        ),
        Mistake(
            "sign, nats",
            lambda p, z: p - _softmax(z),
            "This points downhill, and it is in nats: the gradient in bits is 1.4427 (q − p).",
        ),
        Mistake(
            "scores for probabilities",
            lambda p, z: IN_BITS * (z - p),
            "You subtract p from the scores. First make probabilities of them, with softmax.",
        ),
        Mistake(
            "divided",
            lambda p, z: (_softmax(z) - p) / IN_BITS,
            "You divide by 1.4427 where you should multiply: a bit is smaller than a nat.",
        ),
        Mistake(
            "slope along q",
            lambda p, z: -IN_BITS * p / _softmax(z),
            (
                "These are the slopes along the probabilities q. The scores z were asked for: a "
                "higher score raises one q and lowers all others."
            ),
        ),
        Mistake(
            "one number",
            lambda p, z: IN_BITS * np.sum(_softmax(z) - p),
            "One slope for each score is asked for: an array as long as z.",
        ),
    ],
    hints=[
        "First the belief: `q`, the softmax of the scores.",
        "In nats the gradient is q − p. How many bits is a nat?",
        "`np.log2(np.e) * (q - p)`.",
    ],
    praise="Each score is pulled by the difference between what the model says and what happens.",
)


def still_to_save(bits):
    """Return None if so many bits can still be saved at those labels, else what is wrong."""
    given = float(bits)
    floor = float(information.entropy([WRONG_LABELS, 1 - WRONG_LABELS]))
    if abs(given - (PAID - floor)) <= 0.005:
        return None
    if abs(given - PAID) <= 0.005:
        return (
            "That is all the model pays, its cross-entropy. Even a perfect model pays the entropy "
            "of the labels."
        )
    if abs(given - floor) <= 0.005:
        return "That is the entropy of the labels, the part that no training can save."
    if abs(given - (floor - PAID)) <= 0.005:
        return "The other way round: what it pays, less what even a perfect model pays."
    if given < 0:
        return "No model pays less than the entropy, so what can be saved is not negative."
    if abs(given - (PAID - WRONG_LABELS)) <= 0.005:
        return "You took the share of wrong labels for their entropy: first compute H(0.1, 0.9)."
    return (
        f"Not {given:g}: subtract from the {PAID} bits that the model pays what a perfect model "
        "would still pay, H(0.1, 0.9)."
    )


q3 = Exercise(
    name="cross_entropy_and_kl.q3",
    title="What training can save",
    difficulty=1,
    minutes=4,
    reference=0.431,
    blank="bits_to_save",
    judge=still_to_save,
    mistakes=[
        Mistake(
            "all of it",
            0.90,
            (
                "That is all the model pays, its cross-entropy. Even a perfect model pays the "
                "entropy of the labels."
            ),
        ),
        Mistake(
            "the floor",
            0.469,
            "That is the entropy of the labels, the part that no training can save.",
        ),
        Mistake(
            "the share of wrong labels",
            0.80,
            "You took the share of wrong labels for their entropy: first compute H(0.1, 0.9).",
        ),
    ],
    hints=[
        "CE = H + KL. You know CE; which of the other two can training change?",
        "`information.entropy([0.1, 0.9])` is the part that stays.",
    ],
    praise="That is KL, the only part of a loss that a better model saves.",
)


def tables(rng: np.random.Generator) -> list[tuple[np.ndarray]]:
    """Tables of joint probabilities: random, with zeros, independent, and one fixed by the row."""
    drawn = [rng.dirichlet(np.ones(r * c)).reshape(r, c) for r, c in ((2, 2), (3, 4), (4, 2))]
    sparse = rng.dirichlet(np.ones(6)) * np.array([1, 0, 1, 1, 1, 0])
    independent = np.outer(rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(2)))
    fixed = np.diag(rng.dirichlet(np.ones(3)))
    return [
        (table,) for table in (*drawn, (sparse / sparse.sum()).reshape(2, 3), independent, fixed)
    ]


def my_mutual_information(joint):
    """Bits that rows and columns tell about each other; joint is a table that sums to 1."""
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    possible = joint > 0
    return np.sum(joint[possible] * np.log2(joint[possible] / apart[possible]))


def _bits(p):
    p = np.ravel(p)
    return -np.sum(p[p > 0] * np.log2(p[p > 0]))


def _apart(joint):
    return np.outer(joint.sum(axis=1), joint.sum(axis=0))


q4 = Exercise(
    name="cross_entropy_and_kl.q4",
    title="What two things tell about each other",
    difficulty=3,
    minutes=8,
    reference=my_mutual_information,
    cases=tables,
    mistakes=[
        Mistake(
            "swapped",
            lambda joint: (
                np.inf
                if (joint == 0).any()
                else np.sum(_apart(joint) * np.log2(_apart(joint) / joint))
            ),
            (
                "The arguments are swapped: the truth is the table, and independence is the wrong "
                "belief. KL(table ‖ product) is asked for."
            ),
        ),
        Mistake(
            "nats",
            lambda joint: my_mutual_information(joint) * np.log(2),
            "This is in nats; bits were asked for. Use the logarithm to base 2.",
        ),
        Mistake(
            "entropy of the table",
            _bits,
            "This is the entropy of the whole table, not what rows and columns share.",
        ),
        Mistake(
            "what remains",
            lambda joint: _bits(joint) - _bits(joint.sum(axis=1)),
            (
                "This is what you still do not know of the column once you know the row. Subtract "
                "it from the entropy of the columns."
            ),
        ),
        Mistake(
            "sum of the entropies",
            lambda joint: _bits(joint.sum(axis=0)) + _bits(joint.sum(axis=1)),
            "This adds two entropies. What they share is how much less the whole table holds.",
        ),
        Mistake(
            "sign",
            lambda joint: -my_mutual_information(joint),
            "The sign is wrong: the table stands above the product in the fraction.",
        ),
        Mistake(
            "zero times infinity",
            lambda joint: np.nan if (joint == 0).any() else my_mutual_information(joint),
            "What has probability 0 never comes, so it adds nothing: leave its term out.",
        ),
    ],
    hints=[
        "If rows and columns were independent, which probability would stand in each cell?",
        "`np.outer(joint.sum(axis=1), joint.sum(axis=0))` is that table.",
        "Then KL(joint ‖ product), as in exercise 1, over all cells with `joint > 0`.",
    ],
    praise="The price of believing in independence is what the two tell about each other.",
)


def _reveal_bet() -> Revealed:
    ada, ben = (float(information.cross_entropy(FALLING, q)) for q in (ADA, BEN))
    return Revealed(
        "Ada" if ada < ben else "Ben",
        f"in the long run Ada pays {ada:.2f} bits a day, Ben {ben:.2f}.",
    )


p1 = Prediction(
    name="cross_entropy_and_kl.p1",
    question=(
        "The truth is sun 0.05, cloud 0.30, rain 0.65. Ada says 0.01, 0.09, 0.90; Ben says 0.15, "
        "0.45, 0.40. Who pays less in the long run?"
    ),
    options=("Ada", "Ben"),
    reveal=_reveal_bet,
)


def _reveal_humps() -> Revealed:
    x = np.arange(41)

    def bell(centre, width):
        weights = np.exp(-0.5 * ((x - centre) / width) ** 2)
        return weights / weights.sum()

    p = 0.6 * bell(11, 2.5) + 0.4 * bell(30, 2.5)
    bells = np.array([bell(centre, width) for centre in x for width in np.arange(1.5, 15.1, 0.5)])
    best = bells[(p * np.log2(p / bells)).sum(axis=1).argmin()]
    ours, true = best[18:24].sum(), p[18:24].sum()
    return Revealed(
        "Across both humps" if ours > 0.1 else "On the higher hump",
        f"the best bell gives {ours:.3f} to the outcomes 18 to 23, the truth {true:.3f}.",
    )


p2 = Prediction(
    name="cross_entropy_and_kl.p2",
    question=(
        "The truth p has two humps, far apart; your model q may only be one bell. Where does the "
        "bell with the least KL(p‖q) stand?"
    ),
    options=("On the higher hump", "Across both humps"),
    reveal=_reveal_humps,
)
