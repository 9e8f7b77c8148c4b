"""Worked examples of what a module in course/practice/exercises/ holds; the tests judge with them.

`entropy_bits` asks for a function, `fair_die` for a value, `confident_forecast` for anything with a
property, `prefix_code` for a set of words. `rises` is a prediction.
"""

import math

import numpy as np

from course.practice.exercise import Exercise, Mistake
from course.practice.predict import Prediction, Revealed

NOTEBOOK = "99_example"
TITLE = "Example"
MINUTES = 30


def my_entropy(p):
    """The average of -log2 p, with 0 · log 0 = 0."""
    p = np.asarray(p)
    safe = np.where(p > 0, p, 1.0)
    return -np.sum(p * np.log2(safe))


def _forecasts(rng):
    """Two edge cases, then forecasts over 3 and over 5 outcomes."""
    random = [(rng.dirichlet(np.ones(size)),) for size in (3, 5)]
    return [(np.array([0.5, 0.5]),), (np.array([1.0, 0.0]),), *random]


entropy_bits = Exercise(
    name="examples.entropy_bits",
    title="Entropy of a forecast",
    difficulty=2,
    minutes=5,
    reference=my_entropy,
    cases=_forecasts,
    mistakes=[
        Mistake(
            "nats",
            lambda p: my_entropy(p) * math.log(2),
            "This is the entropy in nats; bits were asked for: use log2.",
        ),
        Mistake(
            "sign",
            lambda p: -my_entropy(p),
            "The sign is wrong: surprise is *minus* the logarithm.",
        ),
        Mistake("spread", np.std, "Relabelling the outcomes would change this: it is a spread."),
    ],
    hints=["Average the surprise of each outcome.", "Leave out the outcomes with p = 0."],
    praise="Entropy is average surprise, and it does not care how the outcomes are called.",
)


def _die_bits():
    """Six equally likely sides."""
    return math.log2(6)


fair_die = Exercise(
    name="examples.fair_die",
    title="One throw of a die",
    difficulty=1,
    minutes=1,
    reference=_die_bits,
    blank="my_bits",
    tolerance=1e-3,
    mistakes=[Mistake("nats", math.log(6), "That is in nats; bits were asked for.")],
    hints=["How many yes/no questions?"],
)

TRUTH = np.array([0.65, 0.30, 0.05])


def _scores_below_two_bits(forecast):
    """None for a forecast that costs less than 2 bits on average, a sentence for any other."""
    if abs(forecast.sum() - 1) > 1e-6 or (forecast < 0).any():
        return "A forecast has no negative entries and sums to 1."
    with np.errstate(divide="ignore"):
        cost = -np.sum(TRUTH * np.log2(forecast))
    return (
        None
        if cost < 2
        else f"This forecast costs {cost:.2f} bits a day; fewer than 2 were asked for."
    )


confident_forecast = Exercise(
    name="examples.confident_forecast",
    title="A forecast that pays",
    difficulty=2,
    minutes=3,
    reference=[0.6, 0.3, 0.1],
    blank="my_forecast",
    judge=_scores_below_two_bits,
    mistakes=[Mistake("mode", [1, 0, 0], "One cloudy day costs you ∞ bits.")],
    hints=["Spread it a little."],
)


def _is_prefix_code(words):
    """None for three words of 0 and 1 of which none begins another."""
    if len(words) != 3 or any(set(word) - {"0", "1"} or not word for word in words):
        return "Three different words of 0 and 1 were asked for."
    for first in words:
        for second in words:
            if first != second and second.startswith(first):
                return (
                    f"`{second}` begins with `{first}`, so a reader cannot tell where a word ends."
                )
    return None


prefix_code = Exercise(
    name="examples.prefix_code",
    title="Words that need no comma",
    difficulty=3,
    minutes=4,
    reference={"0", "10", "11"},
    blank="my_words",
    judge=_is_prefix_code,
    hints=["Begin with one short word."],
)


def _rises() -> Revealed:
    """Compute what happens: the entropy of a coin that becomes fairer."""
    before, after = my_entropy([0.9, 0.1]), my_entropy([0.6, 0.4])
    sentence = f"it goes from {before:.2f} to {after:.2f} bits."
    return Revealed("rises" if after > before else "falls", sentence)


rises = Prediction(
    name="examples.rises",
    question="A coin with heads at 0.9 becomes one with heads at 0.6. What does its entropy do?",
    options=("rises", "falls", "stays the same"),
    reveal=_rises,
)
