"""Figures of notebook 04: people whom a test sorts, and a belief about a coin."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from course.data.weather import SKIES
from course.maths import information
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


def _three_curves(ax: Axes) -> list[Line2D]:
    """Draw prior, likelihood and posterior over the bias, for `coin` to shape."""
    names = ["prior", "likelihood", "posterior"]
    colours = [figures.MUTED, figures.DATA, figures.BELIEF]
    lines = [
        ax.plot(GRID, GRID, style, color=colour, label=name, lw=width)[0]
        for name, colour, style, width in zip(
            names, colours, ["--", ":", "-"], [2, 2, 3], strict=True
        )
    ]
    ax.axvline(BIAS, color=figures.TRUTH, linestyle=figures.TRUTH.line, lw=1.2, label="truth")
    ax.set(xlim=(0, 1), ylim=(0, 1.06), yticks=[], xlabel="bias of the coin", title=" ")
    ax.set_ylabel("scaled to the same height")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.1), ncols=4, columnspacing=1.0)
    return lines


def _paths(ax: Axes) -> tuple[Line2D, Line2D]:
    """Draw the paths of beliefs of several strengths; return the chosen one and its end."""
    flips = np.arange(FLIPS + 1)
    for strength, style in zip(STRENGTHS, ["-", "--", ":"], strict=True):
        label = f"prior worth {strength} flips"
        ax.plot(flips, _means(strength), style, color=figures.BELIEF, alpha=0.45, label=label)
    ax.axhline(BIAS, color=figures.TRUTH, linestyle=figures.TRUTH.line, lw=1.2)
    (path,) = ax.plot([], [], color=figures.BELIEF, lw=3)
    (now,) = ax.plot([], [], "o", ms=11, color=figures.BELIEF, mec="white", zorder=5)
    ax.set(xlim=(-2, FLIPS + 2), ylim=(0.25, 0.95), xlabel="flips seen", title=" ")
    ax.set_ylabel("belief that heads comes next")
    ax.legend(loc="lower right")
    return path, now


def coin() -> LiveFigure:
    """Belief about a coin: prior times likelihood, with the strength of the prior to choose."""
    figure, (left, right) = figures.new(columns=2, width=8.4, height=4.0, width_ratios=[1.15, 1])
    lines = _three_curves(left)
    path, now = _paths(right)
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


def filtered(ill: Bool[np.ndarray, " people"], positive: Bool[np.ndarray, " people"]) -> Figure:
    """Draw a crowd, then only those with a positive test, then these sorted."""
    figure, axes = figures.new(columns=3, width=8.6, height=3.1, width_ratios=[41, 41, 7])
    people(axes[0], ill)
    people(axes[1], ill, positive)
    left = np.sort(ill[positive])[::-1]
    people(axes[2], left, np.ones(len(left), dtype=bool))
    for ax, title in zip(axes, ["1,000 people", "only the positive stay", "sorted"], strict=True):
        ax.set_title(title)
    return figure


def products(prior: Float[np.ndarray, " k"], likelihood: Float[np.ndarray, " k"]) -> Figure:
    """Draw prior, likelihood, their product and the posterior of ill and well as bars."""
    figure, axes = figures.new(columns=4, width=8.6, height=2.9)
    product = prior * likelihood
    bars = {
        "prior": (prior, figures.BELIEF),
        "× likelihood": (likelihood, figures.DATA),
        "= product": (product, figures.MUTED),
        "scaled: posterior": (product / product.sum(), figures.BELIEF),
    }
    for ax, (title, (p, colour)) in zip(axes, bars.items(), strict=True):
        ax.bar(["ill", "well"], p, color=colour)
        ax.bar_label(ax.containers[0], [f"{x:.3f}" for x in p], padding=2)
        ax.set(title=title, ylim=(0, 1.15), yticks=[0, 0.5, 1])
    return figure


def chord(prior: float, negative: float, positive: float) -> Figure:
    """Draw the entropy of P(ill) as a curve, and its average after a test on a straight line.

    Args:
        prior: P(ill) before the test.
        negative: P(ill) after a negative test.
        positive: P(ill) after a positive test.
    """
    figure, ax = figures.new(height=3.6)
    p = np.append(np.linspace(0, 0.12, 200), [prior, negative, positive])
    bits = np.asarray(information.entropy(np.stack([p, 1 - p], axis=1)))
    before, low, high = (float(value) for value in bits[-3:])
    average = low + (prior - negative) / (positive - negative) * (high - low)
    ax.plot(p[:-3], bits[:-3], color=figures.MUTED)
    ax.plot([negative, positive], [low, high], "--", color=figures.BELIEF)
    figures.mark(ax, negative, low, "", role=figures.DATA)
    figures.mark(
        ax, positive, high, f"after a positive {high:.3f}", role=figures.DATA, offset=(-10, 10)
    )
    figures.mark(ax, prior, before, f"before {before:.3f}", offset=(0, 36))
    figures.mark(ax, prior, average, f"average after {average:.3f}", offset=(14, -8))
    note = f"after a negative {low:.3f}"
    ax.annotate(note, (negative, low), (30, -26), textcoords="offset points", color=figures.DATA)
    ax.set(xlabel="P(ill)", ylabel="entropy (bits)", xlim=(-0.005, 0.12), ylim=(-0.08, 0.58))
    return figure


def hills(beliefs: Float[np.ndarray, "steps biases"], flips: Bool[np.ndarray, " n"]) -> Figure:
    """Draw beliefs about a bias after 0, 1, 10 and 100 of the flips, each at its own height."""
    figure, axes = figures.new(columns=4, width=8.6, height=2.8)
    for ax, n in zip(axes, [0, 1, 10, 100], strict=True):
        bias = np.linspace(0, 1, beliefs.shape[1])
        ax.fill_between(bias, beliefs[n], color=figures.BELIEF, alpha=0.6, linewidth=0)
        ax.axvline(BIAS, color=figures.TRUTH, linestyle="--", linewidth=1.2)
        unit = "flip" if n == 1 else "flips"
        ax.set(title=f"{n} {unit}, {flips[:n].sum()} heads", xlim=(0, 1), ylim=(0, None), yticks=[])
        ax.set_xlabel("bias")
    return figure


def crowds(runs: Mapping[str, Float[np.ndarray, "runs steps"]]) -> Figure:
    """Draw the belief in heads of many people over the flips they saw, a panel for each prior."""
    figure, axes = figures.new(columns=len(runs), width=8.6, height=3, sharey=True)
    for ax, (name, beliefs) in zip(axes, runs.items(), strict=True):
        figures.band(ax, np.arange(beliefs.shape[1]), beliefs)
        ax.axhline(BIAS, color=figures.TRUTH, linestyle="--", linewidth=1.5)
        ax.set(title=name, xlabel="flips seen")
    axes[0].set_ylabel("belief in heads next")
    axes[1].text(50, BIAS + 0.02, "truth", ha="center", color=figures.TRUTH)
    return figure


def covered(truths: Float[np.ndarray, " n"], held: Mapping[str, Float[np.ndarray, " n"]]) -> Figure:
    """Draw how often the credible and the confidence interval hold each true bias."""
    figure, axes = figures.new(columns=2, width=8.6, height=3.2, sharey=True)
    for ax, (name, share), role in zip(
        axes, held.items(), [figures.BELIEF, figures.DATA], strict=True
    ):
        ax.plot(truths, share, color=role, linewidth=1.5)
        ax.axhline(0.95, color=figures.TRUTH, linestyle="--", linewidth=1.2)
        ax.set(title=f"{name} interval", xlabel="true bias", xlim=(0, 1), ylim=(0.75, 1.01))
        ax.set_yticks([0.75, 0.8, 0.85, 0.9, 0.95, 1], ["75%", "80%", "85%", "90%", "95%", "100%"])
    axes[0].set_ylabel("worlds in which it holds the bias")
    return figure


def skies(beliefs: Float[np.ndarray, "steps skies"], titles: Sequence[str]) -> Figure:
    """Draw beliefs about tomorrow's sky side by side, one after each piece of evidence."""
    figure, axes = figures.new(columns=len(titles), width=8.4, height=3, sharey=True)
    for ax, belief, title in zip(axes, beliefs, titles, strict=True):
        figures.bars(ax, belief, SKIES, top=1)
        ax.set_title(title)
    axes[0].set_ylabel("probability")
    return figure
