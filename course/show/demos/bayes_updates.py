"""Figures of notebook 04: people whom a test sorts, and a belief about a coin."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes

from course.show import figures
from course.show.live import LiveFigure, slider

ROWS = 25  # of people
BIAS = 0.7  # of the demo's coin
FLIPS = 100
STRENGTHS = (0, 10, 100)  # of the priors that are drawn pale
GRID = np.linspace(0.0025, 0.9975, 200)  # biases; at 0 and 1 logarithms are infinite
WELL = "#D9D9D9"


def thousand() -> tuple[Bool[np.ndarray, " people"], Bool[np.ndarray, " people"]]:
    """Return who of a typical thousand is ill, and who tests positive: 10, and 9 of them and 89.

    Each number is the expected one, rounded, for a prevalence of 1 %, a sensitivity of 90 % and
    9 % of false alarms.
    """
    order = np.random.default_rng(3).permutation(1000)
    return order < 10, (order < 9) | ((order >= 10) & (order < 99))


def people(
    ax: Axes,
    ill: Bool[np.ndarray, " people"],
    here: Bool[np.ndarray, " people"] | None = None,
) -> Axes:
    """Draw a crowd as dots, column by column: the ill in orange, the others grey.

    Args:
        ax: axes, which lose their frame.
        ill: True for each who is ill.
        here: True for each who is left; the others are drawn as faint outlines. All by default.
    """
    left = np.ones(len(ill), dtype=bool) if here is None else np.asarray(here)
    x, y = np.divmod(np.arange(len(ill)), ROWS)
    fill = np.where(ill, str(figures.DATA), WELL if here is None else str(figures.MUTED))
    ax.scatter(x[~left], -y[~left], 16, facecolors="none", edgecolors="#E4E4E4", linewidths=0.6)
    ax.scatter(x[left], -y[left], np.where(ill, 34, 16)[left], c=fill[left], linewidths=0)
    ax.set(aspect="equal", xlim=(-1, x.max() + 1), ylim=(-ROWS, 1))
    ax.set_axis_off()
    return ax


def seen_heads() -> Int[np.ndarray, " flips_and_none"]:
    """Heads among the first 0, 1, ... flips of the demo's coin."""
    flips = np.random.default_rng(248).random(FLIPS) < BIAS
    return np.append(0, np.cumsum(flips))


def _height(heads: float, tails: float) -> Float[np.ndarray, " biases"]:
    """Return x^heads (1 - x)^tails over `GRID`, scaled so that the highest is 1."""
    logs = heads * np.log(GRID) + tails * np.log1p(-GRID)
    return np.asarray(np.exp(logs - logs.max()))


def _means(strength: float) -> Float[np.ndarray, " flips_and_none"]:
    """Return the belief's probability of heads after 0, 1, ... flips."""
    heads = seen_heads()
    return np.asarray((1 + strength / 2 + heads) / (2 + strength + np.arange(FLIPS + 1)))


def coin() -> LiveFigure:
    """Belief about a coin: prior times likelihood, with the strength of the prior to choose."""
    figure, (left, right) = figures.new(columns=2, width=8.4, height=4.0, width_ratios=[1.15, 1])
    names = ["prior", "likelihood", "posterior"]
    colours = [figures.MUTED, figures.DATA, figures.BELIEF]
    lines = [
        left.plot(GRID, GRID, style, color=colour, label=name, lw=width)[0]
        for name, colour, style, width in zip(
            names, colours, ["--", ":", "-"], [2, 2, 3], strict=True
        )
    ]
    left.axvline(BIAS, color=figures.TRUTH, linestyle=figures.TRUTH.line, lw=1.2, label="truth")
    left.set(xlim=(0, 1), ylim=(0, 1.06), yticks=[], xlabel="bias of the coin", title=" ")
    left.set_ylabel("scaled to the same height")
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.1), ncols=4, columnspacing=1.0)

    # Right: beliefs of several strengths over the same flips, the chosen one on top.
    flips = np.arange(FLIPS + 1)
    for strength, style in zip(STRENGTHS, ["-", "--", ":"], strict=True):
        label = f"prior worth {strength} flips"
        right.plot(flips, _means(strength), style, color=figures.BELIEF, alpha=0.45, label=label)
    right.axhline(BIAS, color=figures.TRUTH, linestyle=figures.TRUTH.line, lw=1.2)
    (path,) = right.plot([], [], color=figures.BELIEF, lw=3)
    (now,) = right.plot([], [], "o", ms=11, color=figures.BELIEF, mec="white", zorder=5)
    right.set(xlim=(-2, FLIPS + 2), ylim=(0.25, 0.95), xlabel="flips seen", title=" ")
    right.set_ylabel("belief that heads comes next")
    right.legend(loc="lower right")
    total = seen_heads()

    def draw(strength: int, flips: int) -> str:
        heads = int(total[flips])
        tails = flips - heads
        half = strength / 2
        for line, counts in zip(
            lines, [(half, half), (heads, tails), (half + heads, half + tails)], strict=True
        ):
            line.set_ydata(_height(*counts))
        means = _means(strength)
        path.set_data(np.arange(flips + 1), means[: flips + 1])
        now.set_data([flips], [means[flips]])
        left.title.set_text(f"{heads} heads, {tails} tails seen")
        right.title.set_text(f"belief in heads {means[flips]:.2f}, truth {BIAS:.2f}")
        return (
            f"Left: prior worth {strength} flips of a fair coin, likelihood of {heads} heads and "
            f"{tails} tails, and their product, the posterior, between the two. Right: the belief "
            f"in heads moves from 0.50 to {means[flips]:.2f} in {flips} flips; a strong prior "
            "moves slowly towards the truth, 0.70, a weak one quickly and unsteadily."
        )

    tip = "Flips of a fair coin that the prior is worth"
    controls = {
        "strength": slider("Prior strength", 10, 0, 100, tip=tip),
        "flips": slider("Flips seen", 20, 0, FLIPS, tip="How many flips of the coin you have seen"),
    }
    moving: list[Any] = [*lines, path, now, left.title, right.title]
    return LiveFigure(figure, draw, controls, moving=moving)
