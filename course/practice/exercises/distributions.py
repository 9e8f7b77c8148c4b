"""Exercises and predictions of notebook 01."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from course.data.weather import CONDITIONAL
from course.maths import information
from course.practice.exercise import Exercise, Mistake
from course.practice.predict import Prediction, Revealed

NOTEBOOK = "01_distributions"
TITLE = "Distributions as beliefs"
MINUTES = 75

FALLING, RISING = CONDITIONAL[0], CONDITIONAL[2]
CLOSE_ENOUGH = 0.02  # bits above the least possible cost that `q3` allows


def columns(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of truth columns: exclusive, independent, nested, and one that never holds."""
    skies = rng.integers(0, 3, size=200)
    a, b = rng.random((2, 150)) < rng.uniform(0.2, 0.8, size=(2, 1))
    return [(skies == 0, skies == 2), (a, b), (a & b, a), (np.zeros(50, dtype=bool), b[:50])]


def both(a, b):
    """(observed share of days with a and b, share expected under independence)."""
    return np.mean(a & b), np.mean(a) * np.mean(b)


q1 = Exercise(
    name="distributions.q1",
    title="Exclusive or independent?",
    difficulty=1,
    minutes=6,
    reference=both,
    cases=columns,
    mistakes=[
        Mistake(
            "swapped",
            lambda a, b: both(a, b)[::-1],
            "Both numbers are right, in the other order: first what is observed.",
        ),
        Mistake(
            "either",
            lambda a, b: (np.mean(a | b), np.mean(a) * np.mean(b)),
            (
                "Your first number counts days with at least one of the two. Both are asked for: "
                "`a & b`."
            ),
        ),
        Mistake(
            "added",
            lambda a, b: (np.mean(a & b), np.mean(a) + np.mean(b)),
            "You added the two shares. For independent events the shares multiply.",
        ),
        Mistake(
            "counts",
            lambda a, b: (np.sum(a & b), np.mean(a) * np.mean(b)),
            "Your first number counts days. A share is asked for: divide by the number of days.",
        ),
        Mistake(
            "counts in both",
            lambda a, b: (np.sum(a & b), np.sum(a) * np.sum(b)),
            "These are counts. Shares are asked for: divide by the number of days.",
        ),
        Mistake(
            "assumed independent",
            lambda a, b: (np.mean(a) * np.mean(b),) * 2,
            "Your first number assumes independence, too. Count the days on which both are true.",
        ),
    ],
    hints=[
        (
            "`a & b` is True on the days on which both are true; `np.mean` of it is the share of "
            "such days."
        ),
        "Under independence the shares multiply: `np.mean(a) * np.mean(b)`.",
    ],
    praise=(
        "Where the two differ by more than luck explains (here about 0.03), knowing one event "
        "tells you something about the other."
    ),
)


def my_log_score(forecast, outcome):
    """Bits that the forecast pays when the outcome with this index happens."""
    with np.errstate(divide="ignore"):  # what was called impossible costs ∞
        return -np.log2(forecast[outcome])


def forecasts(rng: np.random.Generator) -> list[tuple[np.ndarray, int]]:
    """Random forecasts and one of the outcomes; some of them unlikely, one called impossible."""
    drawn = [rng.dirichlet(np.ones(size)) for size in (2, 3, 3, 4, 6)]
    common = [(p, int(rng.integers(len(p)))) for p in drawn]
    rare = []
    for tiny in (10 ** -rng.uniform(2, 6), 1e-30, 0.0):
        place = int(rng.integers(3))
        rare.append((np.insert(rng.dirichlet(np.ones(2)) * (1 - tiny), place, tiny), place))
    return [*common, (drawn[-1], int(drawn[-1].argmin())), *rare]


q2 = Exercise(
    name="distributions.q2",
    title="The log score",
    difficulty=1,
    minutes=5,
    reference=my_log_score,
    cases=forecasts,
    mistakes=[
        Mistake(
            "nats",
            lambda p, y: math.log(2) * my_log_score(p, y),
            "This is the log score in nats; bits were asked for. Use the logarithm to base 2.",
        ),
        Mistake(
            "sign",
            lambda p, y: -my_log_score(p, y),
            "The sign is wrong: a payment is positive, and log2 of a probability is not.",
        ),
        Mistake(
            "no logarithm",
            lambda p, y: 1 / p[y] if p[y] > 0 else math.inf,
            "The logarithm is missing: this is one over the probability.",
        ),
        Mistake(
            "linear",
            lambda p, y: 1 - p[y],
            "This charges what is missing to 1. The log score charges log2(1/p).",
        ),
        Mistake(
            "hit or miss",
            lambda p, y: float(np.argmax(p) != y),
            (
                "This only asks whether the favourite came. The log score asks how probable you "
                "called what came."
            ),
        ),
        Mistake(
            "expected",
            lambda p, y: float(information.entropy(p)),
            "This averages over all outcomes. Only the one that happened is paid for.",
        ),
        Mistake(
            "cut off",
            lambda p, y: -math.log2(max(p[y], 1e-3)),
            (
                "You cut small probabilities off, so that no surprise costs more than 10 bits. "
                "What hardly anybody expected must cost all of its bits."
            ),
        ),
        Mistake(
            "nothing for the impossible",
            lambda p, y: -math.log2(p[y]) if p[y] > 0 else 0.0,
            (
                "You charge nothing for an outcome that the forecast called impossible. It costs "
                "∞: `np.inf`."
            ),
        ),
        Mistake(
            "favourite",
            lambda p, y: -math.log2(max(p)),
            "You scored the favourite. What counts is the outcome that happened.",
        ),
    ],
    hints=[
        "Pick the probability given to what happened: `forecast[outcome]`.",
        "NumPy's `np.log2` is the logarithm to base 2; one half should cost 1 bit.",
    ],
    praise="Only the probability of what happened counts.",
)


def fair_forecast(forecast):
    """Return None if a forecast for a rising barometer is nearly the cheapest, else why not."""
    p = np.asarray(forecast, dtype=float)
    if p.shape != (3,):
        return "A forecast has three probabilities here: sun, cloud and rain."
    if (p < 0).any():
        return "A probability cannot be negative."
    if abs(p.sum() - 100) < 1:
        return "These are percentages. Probabilities sum to 1, not to 100."
    if abs(p.sum() - 1) > 1e-3:
        return f"The probabilities of a forecast sum to 1; yours sum to {p.sum():g}."
    if (p <= 0).any():
        sky = ("sunny", "cloudy", "rainy")[int(np.argmin(p))]
        return f"One {sky} day costs you ∞ bits. Call nothing impossible that can happen."
    cost = float(-RISING @ np.log2(p))
    best = float(-RISING @ np.log2(RISING))
    if cost <= best + CLOSE_ENOUGH:
        return None
    return (
        f"Your forecast costs {cost:.3f} bits on average, {cost - best:.3f} more than need be; up "
        f"to {CLOSE_ENOUGH} are fine. "
        "Compare it with the record of such days."
    )


q3 = Exercise(
    name="distributions.q3",
    title="Your forecast",
    difficulty=1,
    minutes=4,
    reference=[0.95, 0.04, 0.01],
    blank="my_forecast",
    judge=fair_forecast,
    tolerance=1e-9,  # what is nearly one of the mistakes below costs something else
    mistakes=[
        Mistake(
            "the mode",
            [1, 0, 0],
            "One cloudy day costs you ∞ bits: the single answer leaves no room for any other sky.",
        ),
        Mistake(
            "one third each",
            [1 / 3, 1 / 3, 1 / 3],
            "One third each ignores the barometer. The record says more than that.",
        ),
        Mistake(
            "order",
            [0.01, 0.04, 0.95],
            "You have sun and rain the wrong way round: the order is sun, cloud, rain.",
        ),
        Mistake(
            "percent", [95, 4, 1], "These are percentages. Probabilities sum to 1, not to 100."
        ),
    ],
    hints=[
        "Section 1 counts the days after a falling barometer. In `days.barometer`, rising is 2.",
        "`np.bincount(days.sky[days.barometer == 2], minlength=3)` counts sun, cloud and rain.",
    ],
    praise="And small errors would cost almost nothing: near the truth the cost hardly changes.",
)


def my_softmax(scores):
    """Probabilities proportional to exp(scores), for a one-dimensional array of scores."""
    weights = np.exp(scores - np.max(scores))
    return weights / np.sum(weights)


def score_lists(rng: np.random.Generator) -> list[tuple[np.ndarray]]:
    """Random scores of moderate size, then huge ones, and a largest one in each place."""
    moderate = [rng.normal(0, 2, size=size) for size in (1, 2, 3, 5)]
    # So far apart that long floats overflow as well.
    apart = [20_000 * np.eye(4)[place] for place in range(4)]
    return [(scores,) for scores in (*moderate, moderate[-1] + 1000, moderate[-1] - 1000, *apart)]


def _naive_softmax(scores):
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        weights = np.exp(scores)
        return weights / weights.sum()


def _shifted_by_the_last(scores):
    return _naive_softmax(scores - scores[-1])


q4 = Exercise(
    name="distributions.q4",
    title="Softmax that does not break",
    difficulty=2,
    minutes=8,
    reference=my_softmax,
    cases=score_lists,
    mistakes=[
        Mistake(
            "overflow",
            _naive_softmax,
            (
                "Right for moderate scores, but exp(1000) is larger than any number that NumPy's "
                "floats can hold. Subtract the largest score first: only differences count."
            ),
        ),
        Mistake(
            "shifted by the last",
            _shifted_by_the_last,
            (
                "You subtract the last score. That helps only where it is the largest: subtract "
                "the largest one, wherever it stands."
            ),
        ),
        Mistake(
            "no exponential",
            lambda z: z / z.sum(),
            "You divided the scores by their sum. First make them positive with exp.",
        ),
        Mistake(
            "not normalised",
            lambda z: np.exp(z - z.max()),
            "These are positive but do not sum to 1: divide by their sum.",
        ),
        Mistake(
            "base two",
            lambda z: np.exp2(z - z.max()) / np.exp2(z - z.max()).sum(),
            "This uses powers of 2. Softmax uses e: `np.exp`.",
        ),
        Mistake(
            "logarithm",
            lambda z: z - z.max() - np.log(np.exp(z - z.max()).sum()),
            "These are the logarithms of the probabilities. One exp is missing at the end.",
        ),
        Mistake(
            "one by one",
            lambda z: 0.5 * (1 + np.tanh(z / 2)),
            (
                "You squashed each score on its own (a sigmoid). Softmax shares one unit among "
                "all of them."
            ),
        ),
    ],
    hints=[
        "First exp of each score, then divide by the sum of all.",
        (
            "Adding a number to all scores changes nothing. Which number makes the largest exp "
            "equal to 1?"
        ),
        "`np.exp(scores - scores.max())`, divided by its sum.",
    ],
    praise="Shifting all scores changes nothing, so shift them to where exp is safe.",
)


RUIN = ("Rain, certainly", "One third each")


def _reveal_ruin() -> Revealed:
    skies = jax.random.categorical(
        jax.random.key(7), jnp.log(jnp.asarray(FALLING)), shape=(1000, 60)
    )
    stubborn = np.asarray(information.surprisal(jnp.array([0.0, 0.0, 1.0]))[skies].sum(axis=1))
    ignorant = 60 * math.log2(3)
    cheaper = float(np.mean(stubborn < ignorant))
    right = RUIN[0] if cheaper > 0.5 else RUIN[1]
    return Revealed(
        right,
        f"“rain, certainly” paid less in {round(1000 * cheaper):,} of 1,000 worlds: a single day "
        "without rain costs it ∞.",
    )


p1 = Prediction(
    name="distributions.p1",
    question="Over sixty evenings with a falling barometer, which forecaster pays less?",
    options=RUIN,
    reveal=_reveal_ruin,
)


def _cost_of_rain(rain: float) -> float:
    others = FALLING[:2] / FALLING[:2].sum()
    return float(-FALLING @ np.log2([*((1 - rain) * others), rain]))


def _reveal_bold() -> Revealed:
    bold, shy = _cost_of_rain(0.90), _cost_of_rain(0.40)
    right = "Too bold, 0.90" if bold > shy else "Too shy, 0.40"
    return Revealed(right, f"0.90 costs {bold:.2f} bits a day, 0.40 costs {shy:.2f}.")


p2 = Prediction(
    name="distributions.p2",
    question=(
        "Rain comes with probability 0.65. One forecaster says 0.90, another 0.40. Who pays more "
        "on average?"
    ),
    options=("Too bold, 0.90", "Too shy, 0.40"),
    reveal=_reveal_bold,
)
