"""Exercises and predictions of notebook 04."""

import math

import numpy as np

from course.maths import information
from course.maths.bayes import Beta
from course.maths.intervals import coverage
from course.practice.exercise import Exercise, Mistake
from course.practice.predict import Prediction, Revealed

NOTEBOOK = "04_bayes_updates"
TITLE = "Bayes updates"
MINUTES = 75

TEST = (0.01, 0.9, 0.09)  # prevalence, sensitivity, false alarms


def medical_tests(rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Random tests, the one of the notebook, and some that leave no doubt."""
    drawn = [(float(p), float(s), float(f)) for p, s, f in rng.uniform(0.05, 0.95, size=(5, 3))]
    rare = (float(rng.uniform(0.001, 0.01)), 0.99, 0.02)
    return [TEST, *drawn, rare, (0.0, 0.9, 0.09), (1.0, 0.9, 0.09), (0.3, 1.0, 0.0)]


def tests_of_all_kinds(rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """The same, and tests of which one result never comes."""
    return [*medical_tests(rng), (0.3, 0.0, 0.0), (0.3, 1.0, 1.0), (0.0, 0.9, 0.0)]


def p_ill(prevalence, sensitivity, false_alarms):
    """Probability that somebody with a positive test is ill."""
    ill = prevalence * sensitivity
    well = (1 - prevalence) * false_alarms
    return ill / (ill + well)


q1 = Exercise(
    name="bayes_updates.q1",
    title="Any test",
    difficulty=1,
    minutes=5,
    reference=p_ill,
    cases=medical_tests,
    tolerance=1e-4,
    least=0.01,
    mistakes=[
        Mistake(
            "sensitivity",
            lambda p, s, f: s,
            (
                "That is P(+|ill), how often the test finds the ill. P(ill|+) was asked for: of "
                "all the positives, how many are ill?"
            ),
        ),
        Mistake(
            "no prior",
            lambda p, s, f: s / (s + f),
            "You left out the priors, as if ill and well were equally common.",
        ),
        Mistake(
            "not scaled",
            lambda p, s, f: p * s,
            "This is the share of ill positives among all people. Divide by all positives.",
        ),
        Mistake(
            "all positives",
            lambda p, s, f: p * s + (1 - p) * f,
            "This is the share of positives, P(+): what you divide by.",
        ),
        Mistake(
            "well unweighted",
            lambda p, s, f: p * s / (p * s + f) if p * s + f else 0.0,
            "Only those who are well can be false alarms: weigh them with 1 - prevalence.",
        ),
        Mistake(
            "odds",
            lambda p, s, f: p * s / ((1 - p) * f) if (1 - p) * f else math.inf,
            "You divided the ill by the well positives. Divide by all positives, ill and well.",
        ),
        Mistake(
            "negative",
            lambda p, s, f: p * (1 - s) / (p * (1 - s) + (1 - p) * (1 - f)),
            "This is P(ill|-), for a negative test. The test was positive.",
        ),
        Mistake(
            "second prior",
            lambda p, s, f: p * p_ill(p, s, f),
            "The prior comes in twice. Each likelihood is weighed once.",
        ),
        Mistake(
            "prevalence",
            lambda p, s, f: p,
            "This is the prior, P(ill): it does not know of the test.",
        ),
    ],
    hints=[
        "Of all people, which share is ill and positive? Which share is well and positive?",
        "`prevalence * sensitivity` and `(1 - prevalence) * false_alarms`.",
        "Divide the first share by the sum of both.",
    ],
    praise="The rarer the illness, the more of the positives are false alarms.",
)


def entropy_after(prevalence, sensitivity, false_alarms):
    """Entropy in bits that is left after the test, on average over its two results."""
    prior = np.array([prevalence, 1 - prevalence])
    average = 0.0
    for likelihood in ([sensitivity, false_alarms], [1 - sensitivity, 1 - false_alarms]):
        weights = prior * likelihood
        how_often = weights.sum()
        if how_often > 0:
            posterior = weights / how_often
            possible = posterior[posterior > 0]
            average += how_often * np.sum(possible * np.log2(1 / possible))
    return average


def _bits(p):
    return -sum(x * math.log2(x) for x in (p, 1 - p) if x > 0)


def _outcomes(p, s, f):
    """(how often, P(ill)) of a positive and of a negative result."""
    found = []
    for ill, well in ((p * s, (1 - p) * f), (p * (1 - s), (1 - p) * (1 - f))):
        found.append((ill + well, ill / (ill + well) if ill + well else 0.0))
    return found


q2 = Exercise(
    name="bayes_updates.q2",
    title="Uncertainty left, on average",
    difficulty=2,
    minutes=8,
    reference=entropy_after,
    cases=tests_of_all_kinds,
    tolerance=1e-4,
    least=0.1,
    mistakes=[
        Mistake(
            "plain mean",
            lambda *test: sum(_bits(ill) for _, ill in _outcomes(*test)) / 2,
            "You took both results for equally likely. Weigh with how often each comes.",
        ),
        Mistake(
            "positive only",
            lambda *test: _bits(_outcomes(*test)[0][1]),
            "This is the entropy after a positive test. A negative one comes as well: average.",
        ),
        Mistake(
            "not weighted",
            lambda *test: sum(_bits(ill) for _, ill in _outcomes(*test)),
            "You added the two entropies. Weigh each with how often its result comes.",
        ),
        Mistake(
            "prior",
            lambda p, s, f: _bits(p),
            (
                "This is the entropy before the test. If you averaged the two posteriors first: "
                "their average is always the prior. Average their entropies."
            ),
        ),
        Mistake(
            "gain",
            lambda p, s, f: _bits(p) - entropy_after(p, s, f),
            "This is what the test tells you on average. Asked for is what remains.",
        ),
        Mistake(
            "nats",
            lambda *test: math.log(2) * entropy_after(*test),
            "This is in nats; bits were asked for. Use the logarithm to base 2.",
        ),
        Mistake(
            "weighted with the prior",
            lambda p, s, f: (
                p * _bits(_outcomes(p, s, f)[0][1]) + (1 - p) * _bits(_outcomes(p, s, f)[1][1])
            ),
            "You weighed with P(ill) and P(well). Weigh with P(+) and P(-).",
        ),
    ],
    hints=[
        "For a positive test: how often does it come, and what is P(ill|+)? Likewise a negative.",
        (
            "P(-|ill) is 1 - sensitivity, P(-|well) is 1 - false_alarms. The sum of the two "
            "products is how often the result comes."
        ),
        "`how_often * information.entropy(posterior)`, added over the two results.",
    ],
    praise="Never more than before the test, whatever the test is.",
)


FEW = [(1, 2), (2, 3), (5, 3), (4, 6)]  # pieces of evidence, hypotheses


def evidence(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Priors with few and with a thousand rows of likelihoods; some rule hypotheses out."""
    few = [(rng.dirichlet(np.ones(k)), rng.uniform(0.05, 0.95, (n, k))) for n, k in FEW]
    ruled_out = rng.uniform(0.1, 0.9, (3, 3))
    ruled_out[0, 1] = 0.0
    many = rng.uniform(0.1, 0.3, (1000, 1)) * rng.uniform(0.99, 1, (1000, 3))
    # Whoever multiplies one hypothesis at a time, and scales at the end, has only zeros left.
    opposed = np.tile([[0.9, 0.05], [0.05, 0.9]], (500, 1))
    long = [(np.array([0.2, 0.3, 0.5]), many), (np.array([0.3, 0.7]), opposed)]
    return [*few, (np.full(3, 1 / 3), ruled_out), *long]


def belief_after(prior, likelihoods):
    """Belief after all the evidence: a row of likelihoods for each piece."""
    belief = np.array(prior)
    for likelihood in likelihoods:
        belief = belief * likelihood
        belief = belief / belief.sum()
    return belief


def _at_the_end(prior, likelihoods):
    with np.errstate(invalid="ignore", under="ignore"):
        weights = prior * np.prod(likelihoods, axis=0)
        return weights / weights.sum()


def _prior_every_time(prior, likelihoods):
    return belief_after(np.ones(len(prior)), prior * likelihoods)


def _scaled(weights):
    return weights / weights.sum()


q3 = Exercise(
    name="bayes_updates.q3",
    title="Piece after piece",
    difficulty=2,
    minutes=6,
    reference=belief_after,
    cases=evidence,
    tolerance=1e-4,
    least=0.01,
    mistakes=[
        Mistake(
            "last only",
            lambda prior, rows: _scaled(prior * rows[-1]),
            "Only the last piece counts. Begin each update where the one before ended.",
        ),
        Mistake(
            "first only",
            lambda prior, rows: _scaled(prior * rows[0]),
            "Only the first piece counts in yours. Is the `return` inside the loop?",
        ),
        Mistake(
            "prior every time",
            _prior_every_time,
            "The prior comes in once for every piece. It belongs to the beginning alone.",
        ),
        Mistake(
            "no prior",
            lambda prior, rows: belief_after(np.ones(len(prior)) / len(prior), rows),
            "The prior is missing: you began with equal probabilities.",
        ),
        Mistake(
            "added",
            lambda prior, rows: _scaled(prior * rows.sum(axis=0)),
            "You added the likelihoods of the pieces. Independent pieces multiply.",
        ),
        Mistake(
            "underflow",
            _at_the_end,
            (
                "A product of a thousand small numbers is too small for the computer: it "
                "becomes 0 for every hypothesis, and 0 / 0 is NaN. Scale after every piece."
            ),
        ),
        Mistake(
            "not scaled",
            lambda prior, rows: prior * np.prod(rows, axis=0),
            "Your numbers do not sum to 1. Divide by their sum, after every piece.",
        ),
    ],
    hints=[
        "The posterior of one piece is the prior of the next: a loop over the rows.",
        "In the loop: `belief = belief * likelihood`, then `belief = belief / belief.sum()`.",
    ],
    praise="Yesterday's posterior is today's prior. The order of the pieces does not matter.",
)


def next_two(heads, tails):
    """Probability that the next two flips are both heads; the prior is Beta(1, 1)."""
    first = (1 + heads) / (2 + heads + tails)
    second = (2 + heads) / (3 + heads + tails)
    return first * second


def counts(rng: np.random.Generator) -> list[tuple[int, int]]:
    """Few and many flips, none at all, and all alike."""
    drawn = [(int(h), int(t)) for h, t in rng.integers(1, 9, size=(4, 2))]
    return [(0, 0), (1, 0), (0, 3), (9, 1), (1, 2), *drawn]


def _mean(h, t):
    return (1 + h) / (2 + h + t)


q4 = Exercise(
    name="bayes_updates.q4",
    title="Two heads in a row",
    difficulty=3,
    minutes=7,
    reference=next_two,
    cases=counts,
    tolerance=1e-5,
    mistakes=[
        Mistake(
            "squared",
            lambda h, t: _mean(h, t) ** 2,
            (
                "You squared the probability of one head. But once the first of them is heads, "
                "you know more about the coin: update before the second."
            ),
        ),
        Mistake(
            "one flip",
            _mean,
            "This is the probability of one head. Two in a row were asked for.",
        ),
        Mistake(
            "frequency squared",
            lambda h, t: (h / (h + t)) ** 2 if h + t else np.nan,
            "You squared the share of heads. The belief starts from Beta(1, 1): add 1 to each.",
        ),
        Mistake(
            "no prior",
            lambda h, t: (h / (h + t)) * ((h + 1) / (h + t + 1)) if h + t else np.nan,
            "You updated between the flips, but without the prior Beta(1, 1): add 1 to each count.",
        ),
        Mistake(
            "only the second",
            lambda h, t: _mean(h + 1, t),
            "This is the probability of the second head once the first has come. Multiply by both.",
        ),
        Mistake(
            "total not updated",
            lambda h, t: _mean(h, t) * (2 + h) / (2 + h + t),
            "For the second flip there is one more head, and one more flip in all as well.",
        ),
    ],
    hints=[
        "The first head has the probability (1 + heads)/(2 + heads + tails).",
        "Suppose it came. Which counts do you have now?",
        "Multiply by (2 + heads)/(3 + heads + tails).",
    ],
    praise="Flips of a coin that you do not know are not independent for you: each one teaches.",
)


def _reveal_test() -> Revealed:
    chance = p_ill(*TEST)
    nearest = min((0.9, 0.5, 0.09), key=lambda guess: abs(guess - chance))
    return Revealed(f"About {nearest:.0%}", f"it is {chance:.1%}.")


p1 = Prediction(
    name="bayes_updates.p1",
    question=(
        "Your test is positive. How probable is it that you are ill, if 1% of people are, the test "
        "finds 90% of the ill, and 9% of the others test positive as well?"
    ),
    options=("About 90%", "About 50%", "About 9%"),
    reveal=_reveal_test,
)


def _reveal_entropy() -> Revealed:
    before, after = (float(information.entropy([p, 1 - p])) for p in (TEST[0], p_ill(*TEST)))
    return Revealed(
        "It grows" if after > before + 1e-6 else "It falls",
        f"{before:.3f} bits before the test, {after:.3f} bits after it was positive.",
    )


p2 = Prediction(
    name="bayes_updates.p2",
    question=(
        "Before the test you were nearly sure to be well. It is positive. What does the entropy of "
        "your belief do?"
    ),
    options=("It falls", "It grows"),
    reveal=_reveal_entropy,
)


def _reveal_coverage() -> Revealed:
    heads = np.arange(11)
    ends = Beta(1, 1).update(heads, 10 - heads).interval(0.95)
    share = float(coverage(ends, np.array([0.02]))[0])
    return Revealed(
        "Fewer than 95%" if share < 0.93 else "About 95% or more",
        f"the interval held 0.02 in {share:.0%} of 2,000 worlds.",
    )


p3 = Prediction(
    name="bayes_updates.p3",
    question=(
        "A coin shows heads only twice in a hundred flips. In 2,000 worlds somebody flips it ten "
        "times, starts from Beta(1, 1), and writes down the interval that leaves 2.5% of the "
        "belief on each side. In how many worlds is 0.02 inside?"
    ),
    options=("About 95% or more", "Fewer than 95%"),
    reveal=_reveal_coverage,
)
