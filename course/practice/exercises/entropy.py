"""Exercises and predictions of notebook 02."""

import math
from itertools import combinations

import numpy as np

from course.maths import coding, information
from course.practice.exercise import Exercise, Mistake
from course.practice.predict import Prediction, Revealed

NOTEBOOK = "02_entropy"
TITLE = "Entropy"
MINUTES = 75

HALVES = (1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16)
NEVER_SURPRISED = (
    "An outcome with probability 0 never comes, so it adds nothing: leave its term out of the sum."
)


def beliefs(rng: np.random.Generator) -> list[tuple[np.ndarray]]:
    """Random distributions of several sizes, one also relabelled, some with zeros or certain."""
    drawn = [rng.dirichlet(np.ones(size)) for size in (2, 3, 5, 8)]
    with_zeros = [
        rng.permutation(np.append(rng.dirichlet(np.ones(3)), [0.0, 0.0])) for _ in range(2)
    ]
    amid = np.insert(rng.dirichlet(np.ones(3)), [1, 1, 2], 0.0)
    fixed = [np.array([0.0, 1.0, 0.0]), np.array([0.9994, 0.0003, 0.0003]), amid]
    relabelled = np.sort(drawn[-1])
    return [(p,) for p in (*drawn, relabelled, *with_zeros, *fixed)]


def my_entropy(p):
    """Entropy in bits of the probabilities p, a one-dimensional array that sums to 1."""
    possible = p[p > 0]
    return np.sum(possible * np.log2(1 / possible))


def _sum(p, term):
    return sum(term(x) for x in p if x > 0)


def _spread(p):
    outcomes = np.arange(len(p))
    return np.sqrt(p @ (outcomes - p @ outcomes) ** 2)


q1 = Exercise(
    name="entropy.q1",
    title="Entropy by hand",
    difficulty=2,
    minutes=8,
    reference=my_entropy,
    cases=beliefs,
    mistakes=[
        Mistake(
            "nats",
            lambda p: _sum(p, lambda x: -x * math.log(x)),
            "This is the entropy in nats; bits were asked for. Use the logarithm to base 2.",
        ),
        Mistake(
            "base ten",
            lambda p: _sum(p, lambda x: -x * math.log10(x)),
            "This uses the logarithm to base 10; bits need base 2.",
        ),
        Mistake(
            "sign",
            lambda p: _sum(p, lambda x: x * math.log2(x)),
            "The sign is wrong: the logarithm of a probability is negative, surprise is not.",
        ),
        Mistake(
            "not weighted",
            lambda p: _sum(p, lambda x: -math.log2(x)),
            (
                "You added up the surprises. Entropy is their average: weigh each with its "
                "probability."
            ),
        ),
        Mistake(
            "plain mean",
            lambda p: _sum(p, lambda x: -math.log2(x)) / len(p),
            (
                "You averaged the surprises as if all outcomes were equally likely. Weigh each "
                "with its probability."
            ),
        ),
        Mistake(
            "mean of the terms",
            lambda p: _sum(p, lambda x: -x * math.log2(x)) / len(p),
            "The terms carry their weights already: add them up, without dividing by their number.",
        ),
        Mistake(
            "likeliest only",
            lambda p: -math.log2(max(p)),
            (
                "This is the surprise of the likeliest outcome alone. Entropy averages over all "
                "of them."
            ),
        ),
        Mistake(
            "uniform",
            lambda p: math.log2(len(p)),
            (
                "This is the entropy if all outcomes were equally likely. Use the probabilities "
                "you were given."
            ),
        ),
        Mistake(
            "spread",
            _spread,
            (
                "Relabelling the outcomes changed your entropy: this is the standard deviation "
                "of their positions. Entropy does not know where outcomes lie."
            ),
        ),
        Mistake(
            "variance",
            lambda p: _spread(p) ** 2,
            "Relabelling the outcomes changed your entropy: this is a variance.",
        ),
        Mistake(
            "stops at a zero",
            lambda p: _sum(p[: [*p, 0.0].index(0.0)], lambda x: -x * math.log2(x)),
            "You stop at the first zero. Leave out its term alone, and go on with the others.",
        ),
        Mistake(
            "zero times infinity",
            lambda p: np.nan if 0 in p else _sum(p, lambda x: -x * math.log2(x)),
            NEVER_SURPRISED,
        ),
    ],
    hints=[
        "Entropy is an average: each outcome's surprise, weighed with how often it comes.",
        (
            "The surprise of an outcome with probability x is -np.log2(x). Which outcomes should "
            "the sum leave out?"
        ),
        "Keep the positive ones, `q = p[p > 0]`, and add up `q * -np.log2(q)`.",
    ],
    praise="Probability times surprise, summed over the outcomes; impossible ones add nothing.",
)


def half_a_bit(heads):
    """Return None if a coin with this chance of heads holds half a bit, else what is wrong."""
    chance = float(heads)
    if not 0 <= chance <= 1:
        return f"A probability lies between 0 and 1; {chance:g} does not."
    bits = float(information.entropy([chance, 1 - chance]))
    if abs(bits - 0.5) <= 0.005:
        return None
    fault = "too even" if bits > 0.5 else "too sure"
    return f"A coin with heads at {chance:g} holds {bits:.3f} bits: {fault}."


q2 = Exercise(
    name="entropy.q2",
    title="Half a bit",
    difficulty=1,
    minutes=4,
    reference=0.11,
    blank="heads",
    judge=half_a_bit,
    mistakes=[
        Mistake(
            "half of fair",
            0.25,
            (
                "Half of the fair coin's 0.5 does not give half its bit: the curve is no "
                "straight line."
            ),
        ),
        Mistake(
            "the entropy itself",
            0.5,
            "That is the fair coin, which holds a whole bit. Half a bit needs a more lopsided one.",
        ),
    ],
    hints=[
        "The curve in the demo reaches 0.5 bits twice.",
        "Try values between 0.05 and 0.2, or mirror them between 0.8 and 0.95.",
    ],
    praise="That is one of two answers: heads and tails may change places.",
)


def cheapest_code(words):
    """Return None if these are the words of a perfect code for `HALVES`, else what is wrong."""
    for word in words:
        if not isinstance(word, str) or not word or set(word) - {"0", "1"}:
            return (
                f"Each code word is a string of 0 and 1, with at least one of them; {word!r} is "
                "not."
            )
    for first, second in combinations(words, 2):
        if first == second:
            return f"Two outcomes share the word {first!r}."
        short, long = sorted((first, second), key=len)
        if long.startswith(short):
            return (
                f"{short!r} begins {long!r}: after hearing it you would not know whether to "
                "stop. Make it prefix-free."
            )
    questions = sum(p * len(word) for p, word in zip(HALVES, words, strict=True))
    best = float(information.entropy(HALVES))
    if questions > best + 1e-3:  # costs differ by at least 1/16; best is rounded
        return (
            f"This works, and needs {questions:g} questions on average. {best:g} are enough: "
            "give likely outcomes shorter words."
        )
    return None


def five_words(words):
    """Return the same as `cheapest_code`, or that the words are too many or too few."""
    if len(words) != len(HALVES):
        return (
            f"There are {len(HALVES)} outcomes, so there must be {len(HALVES)} code words, not "
            f"{len(words)}."
        )
    return cheapest_code(list(words))


q3 = Exercise(
    name="entropy.q3",
    title="The perfect code",
    difficulty=2,
    minutes=6,
    reference=["0", "10", "110", "1110", "1111"],
    blank="my_code",
    judge=five_words,
    mistakes=[
        Mistake(
            "equal lengths",
            ["000", "001", "010", "011", "100"],
            (
                "All words are equally long, though the outcomes are not equally likely. Give "
                "likely outcomes shorter words."
            ),
        ),
        Mistake(
            "counting",
            ["0", "1", "10", "11", "100"],
            (
                "These are the numbers 0 to 4 in base 2. But '1' begins '10': after a 1 you "
                "would not know whether to stop."
            ),
        ),
        Mistake(
            "wasted last digit",
            ["0", "10", "110", "1110", "11110"],
            (
                "Nearly: after 1111 only one outcome is left, so the last digit asks what you "
                "know already."
            ),
        ),
    ],
    hints=[
        "How long should each word be? An outcome with probability 1/8 has a surprise of 3 bits.",
        "Give the first outcome one digit. All other words must then begin with the other digit.",
    ],
    praise=(
        "Each word is as long as its outcome is surprising: 1.875 questions, exactly the entropy."
    ),
)


def in_centimetres(bits):
    """Differential entropy, in bits, after changing the unit from metres to centimetres."""
    return bits + np.log2(100)


q4 = Exercise(
    name="entropy.q4",
    title="Change the unit",
    difficulty=2,
    minutes=5,
    reference=in_centimetres,
    # At -6.5 the result is nearly 0, so that every digit of the constant counts; at -20 it is
    # negative.
    cases=lambda rng: [(float(bits),) for bits in [*rng.normal(0, 5, size=4), 0, -6.5, -20]],
    tolerance=1e-6,  # "exactly": 6.644 is refused, the last digits of float32 are not
    mistakes=[
        Mistake(
            "unchanged",
            lambda bits: bits,
            "Unchanged? It depends on the unit: section 6 prints three values for one bell.",
        ),
        Mistake(
            "times a hundred",
            lambda bits: 100 * bits,
            "σ grows a hundredfold, its logarithm does not: a factor becomes a summand.",
        ),
        Mistake(
            "wrong direction",
            lambda bits: bits - np.log2(100),
            "Wrong direction: in centimetres the bell is wider, so the entropy grows.",
        ),
        Mistake(
            "nats",
            lambda bits: bits + np.log(100),
            "You added the natural logarithm of 100; bits need base 2.",
        ),
        Mistake(
            "half",
            lambda bits: bits + np.log2(100) / 2,
            "Half of what is needed: 100 centimetres make a metre, and ½ log2 100² is log2 100.",
        ),
        Mistake(
            "squared",
            lambda bits: bits + np.log2(100**2),
            "Twice too much: the formula squares σ and then takes half.",
        ),
    ],
    hints=[
        (
            "In centimetres σ is a hundred times as large. What does that do to the formula for "
            "the Gaussian?"
        ),
        "log2(100 σ) = log2(100) + log2(σ).",
    ],
    praise="A change of unit adds a constant. That is why only differences mean something.",
)


def _spikes(distance: int) -> float:
    p = np.zeros(41)
    p[[20 - distance // 2, 20 + distance // 2]] = 0.5
    return float(information.entropy(p))


def _reveal_spikes() -> Revealed:
    near, far = _spikes(2), _spikes(40)
    right = "It grows" if far > near + 1e-6 else "It stays"
    return Revealed(
        right, f"{near:.2f} bits when they are 2 apart, {far:.2f} bits when they are 40 apart."
    )


p1 = Prediction(
    name="entropy.p1",
    question=(
        "A belief has two equally likely outcomes, at 19 and 21. Move them to 0 and 40. What "
        "does its entropy do?"
    ),
    options=("It grows", "It stays"),
    reveal=_reveal_spikes,
)


def _reveal_blocks() -> Revealed:
    day = np.array([0.95, 0.04, 0.01])
    block = coding.block_probabilities(day, 6)
    questions = float(coding.mean_code_length(block, coding.huffman_lengths(block))) / 6
    return Revealed(
        "Yes" if questions < 0.5 else "No",
        f"six days at a time cost {questions:.2f} questions a day.",
    )


p2 = Prediction(
    name="entropy.p2",
    question=(
        "After a rising barometer the sky is sun 0.95, cloud 0.04, rain 0.01. You must know "
        "the sky of every such day, but may wait, and ask yes/no questions in any way you like. "
        "Can less than half a question a day be enough, on average?"
    ),
    options=("Yes", "No"),
    reveal=_reveal_blocks,
)


def _reveal_units() -> Revealed:
    metres, centimetres = (float(information.gaussian_entropy(scale)) for scale in (1.5, 150.0))
    changed = abs(metres - centimetres) > 1e-6
    return Revealed(
        "It changes" if changed else "It stays",
        f"{metres:.2f} bits in metres, {centimetres:.2f} in centimetres.",
    )


p3 = Prediction(
    name="entropy.p3",
    question=(
        "A belief about a height is a bell with a standard deviation of 1.5 metres. Write the "
        "same belief in centimetres. What does its differential entropy do?"
    ),
    options=("It stays", "It changes"),
    reveal=_reveal_units,
)
