"""Figures of notebook 03: bills of beliefs, two candidates, walks to the truth, two humps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.data.weather import CONDITIONAL, SKIES
from course.maths import information
from course.show import figures
from course.show.live import LiveFigure, slider

TRUTH = CONDITIONAL[0]  # after a falling barometer
ADA, BEN = np.array([0.01, 0.09, 0.90]), np.array([0.15, 0.45, 0.40])
# The second candidate: a belief too, paler, so that it stands apart from the reader's.
RIVAL = figures.Role("#6FB1DC", line=figures.BELIEF.line, hatch="..")
HIGHEST = 2.6  # bits that the picture of a cost shows

OUTCOMES = np.arange(41)


def two_humps() -> Float[np.ndarray, "41"]:
    """Truth over the whole numbers 0 to 40 with a hump at 11, of probability 0.6, and one at 30."""
    return np.asarray(0.6 * bell(11, 2.5) + 0.4 * bell(30, 2.5))


def bell(centre: float, width: float) -> Float[np.ndarray, "41"]:
    """Belief over the whole numbers 0 to 40 shaped as one bell."""
    weights = np.exp(-0.5 * ((OUTCOMES - centre) / width) ** 2)
    return np.asarray(weights / weights.sum())


def all_bells() -> Float[np.ndarray, "bells 41"]:
    """Bells with each whole number as centre and each half one from 1.5 to 15 as width."""
    widths = np.arange(1.5, 15.1, 0.5)
    return np.array([bell(centre, width) for centre in range(41) for width in widths.tolist()])


def costs(q: Float[np.ndarray, "3"]) -> tuple[float, float]:
    """Entropy of the falling barometer's truth, and what the belief q costs more, in bits."""
    entropy = TRUTH @ np.log2(1 / TRUTH)
    return float(entropy), max(float(TRUTH @ np.log2(TRUTH / q)), 0.0)


def candidates() -> LiveFigure:
    """Costs of two candidate beliefs as stacked bars, while the reader shapes one of them."""
    figure, (left, right) = figures.new(columns=2, width=8, height=4.2, width_ratios=[1.5, 1])
    names, roles = ("truth", "your model", "Ben"), (figures.TRUTH, figures.BELIEF, RIVAL)
    figures.bars(left, np.array([TRUTH, ADA, BEN]), SKIES, role=roles, top=1.1)
    for drawn, name in zip(left.containers, names, strict=True):
        drawn.set_label(name)
    left.legend(loc="upper left", handlelength=1.5)
    left.set(ylabel="probability", yticks=np.arange(0, 1.1, 0.2))

    entropy, rest = costs(BEN)
    extra, notes = _stacks(right)

    def draw(**weights: int) -> str:
        q = np.array([weights[sky] for sky in SKIES], float)
        q /= q.sum()
        figures.set_bars(left, q, group=1)
        yours = _set_cost(extra[0], notes[0], q)
        cheaper = "Your model" if yours < rest else "Ben"
        alike = abs(yours - rest) <= 5e-4
        right.title.set_text("equally good" if alike else f"{cheaper} fits better")
        listed = ", ".join(f"{sky} {chance:.2f}" for sky, chance in zip(SKIES, q, strict=True))
        return (
            f"Your model says {listed}. Its cost of {entropy + yours:.2f} bits a day is stacked "
            f"from the entropy, {entropy:.2f}, and a KL of {yours:.3f}; Ben's, {entropy + rest:.2f}"
            f" bits, from the same entropy and a KL of {rest:.3f}."
        )

    controls = {
        sky: slider(
            sky.capitalize(),
            weight,
            1,
            100,
            tip=f"Weight that your model gives to {sky}, to be divided by the sum",
        )
        for sky, weight in zip(SKIES, (1, 9, 90), strict=True)
    }
    group = [note for note in left.texts if note.get_gid() == "bars 1"]
    moving = [left.containers[1], group, extra[0], notes[0], right.title]
    return LiveFigure(figure, draw, controls, moving=moving)


def _stacks(ax: Axes) -> tuple[Any, list[Any]]:
    """Stack the costs of both candidates, and return their upper parts with the words above."""
    entropy, rest = costs(BEN)
    # The lower part of each bar is what no model changes.
    ax.bar([0, 1], entropy, 0.6, color=figures.TRUTH)
    both = [entropy] * 2
    extra = ax.bar([0, 1], [rest] * 2, 0.6, both, color=figures.COST, edgecolor="white")
    for x in (0, 1):
        ax.text(x, entropy / 2, f"H {entropy:.2f}", color="white", ha="center", va="center")
    figures.reference(ax, entropy, "")
    ax.set_xticks([0, 1], ["your model", "Ben"])
    ax.set(xlim=(-0.5, 1.5), ylim=(0, HIGHEST), ylabel="bits a day", title=" ")
    notes = [ax.text(x, 0, "", ha="center", va="bottom", linespacing=1.3) for x in (0, 1)]
    _set_cost(extra[1], notes[1], BEN)
    return extra, notes


def _set_cost(bar: Any, note: Any, q: Float[np.ndarray, "3"]) -> float:
    """Stack the KL of q upon the entropy, write the sum above it, and return the KL in bits."""
    entropy, rest = costs(q)
    shown = min(rest, HIGHEST - entropy - 0.5)  # above it, two lines find room
    bar.set_height(shown)
    note.set_position((note.get_position()[0], entropy + shown + 0.03))
    beyond = " ↑" if shown < rest else ""
    note.set_text(f"CE {entropy + rest:.2f}{beyond}\nKL {rest:.2f}")
    return rest


def humps() -> LiveFigure:
    """One bell for a truth with two humps, with its divergences in both directions."""
    figure, (left, right) = figures.new(columns=2, width=8, height=3.8, width_ratios=[2, 1])
    p = two_humps()
    every = all_bells()
    best = [float(kl(p, every).min()), float(kl(every, p).min())]
    left.bar(OUTCOMES, p, 0.9, color=figures.TRUTH, alpha=0.75)
    # The best bell of each direction is there all the time, pale.
    for q in (every[kl(p, every).argmin()], every[kl(every, p).argmin()]):
        left.plot(OUTCOMES, q, "-", color=figures.BELIEF, linewidth=2, alpha=0.3)
    (line,) = left.plot(OUTCOMES, p, color=figures.BELIEF, linewidth=2.5)
    left.set(xlabel="outcome", ylabel="probability", ylim=(0, 0.2), title=" ")
    bars = right.bar([0, 1], [0, 0], 0.6, color=figures.COST)
    notes = [right.text(x, 0, "", ha="center", va="bottom") for x in (0, 1)]
    for x, least in enumerate(best):
        right.plot([x - 0.4, x + 0.4], [least, least], "-", color=figures.TRUTH, linewidth=2)
    right.set_xticks([0, 1], ["KL(p‖q)", "KL(q‖p)"])
    right.set(xlim=(-0.5, 1.5), ylim=(0, 5.6), ylabel="bits", title="line: least possible")

    def draw(centre: int, width: int) -> str:
        q = bell(centre, width)
        line.set_ydata(q)
        both = float(kl(p, q)), float(kl(q, p))
        for bar, note, bits in zip(bars, notes, both, strict=True):
            shown = min(bits, 5.0)
            bar.set_height(shown)
            note.set_position((note.get_position()[0], shown + 0.05))
            note.set_text(f"{bits:.2f}" + (" ↑" if shown < bits else ""))
        left.title.set_text(f"one bell at {centre}, width {width}")
        return (
            f"A truth with humps at 11 and 30, and over it one bell at {centre} of width {width}. "
            f"KL(p‖q) is {both[0]:.2f} bits, at least {best[0]:.2f} for any bell; KL(q‖p) is "
            f"{both[1]:.2f} bits, at least {best[1]:.2f}."
        )

    controls = {
        "centre": slider("Centre", 18, 0, 40, tip="Outcome at which the bell is highest"),
        "width": slider("Width", 12, 2, 15, tip="Standard deviation of the bell"),
    }
    return LiveFigure(figure, draw, controls, moving=[line, bars, notes, left.title])


def kl(
    p: Float[np.ndarray, "*#beliefs outcomes"], q: Float[np.ndarray, "*#beliefs outcomes"]
) -> Float[np.ndarray, "..."]:
    """KL divergence in bits of beliefs without zeros."""
    return np.asarray((p * np.log2(p / q)).sum(axis=-1))


def bill(
    ax: Axes, p: Float[np.ndarray, " outcomes"], q: Float[np.ndarray, " outcomes"], name: str
) -> None:
    """Draw the cross-entropy H(p, q) as areas, and over each what q loses or wins against p.

    Each outcome is as wide as p and as high as its surprise under q. The dark steps are the
    surprises under p; what lies above them is lost, what is missing below them is won.
    """
    ends = np.cumsum(p)
    paid, least = np.log2(1 / q), np.log2(1 / p)
    at: dict[str, Any] = {"width": p, "align": "edge"}
    ax.bar(ends - p, np.minimum(paid, least), color=figures.COST, alpha=0.35, **at)
    ax.bar(ends - p, np.maximum(paid - least, 0), bottom=least, color=figures.COST, **at)
    ax.stairs(least, np.append(0, ends), color=figures.TRUTH, baseline=None, linewidth=2.5)
    # The words stand over the higher of the two; the first outcome may be too narrow for them.
    for i, sky in enumerate(SKIES):
        words, x = f"{sky}\n{p[i] * (paid[i] - least[i]):+.2f}", float(ends[i] - p[i] / 2)
        narrow = p[i] < 0.1
        ax.annotate(
            words.replace("-", "−"),
            (0 if narrow else x, max(paid[i], least[i])),
            (2 if narrow else 0, 3),
            textcoords="offset points",
            ha="left" if narrow else "center",
            va="bottom",
        )
    ax.set_title(f"{name} pays {p @ paid:.2f}, a true belief {p @ least:.2f}")
    ax.set(xlim=(0, 1), ylim=(0, 8.4), xlabel="true probability", ylabel="surprise (bits)")


def walks(paths: Sequence[Float[np.ndarray, "steps 3"]]) -> Figure:
    """Draw walks to the truth over the triangle of beliefs, and the cost at each step."""
    figure, (left, right) = figures.new(columns=2, width=8, height=3.8, width_ratios=[1.3, 1])
    figures.simplex(left, SKIES)
    everywhere = np.asarray(information.kl_divergence(TRUTH, figures.grid()))
    figures.heat(left, everywhere, label="KL (bits)", low=0, high=4)
    entropy = costs(TRUTH)[0]
    for path in paths:
        left.plot(*figures.to_plane(path).T, ".-", color=figures.BELIEF, linewidth=1, zorder=4)
        cost = [entropy + costs(q)[1] for q in path]
        right.plot(range(len(path)), cost, ".-", color=figures.COST)
    left.plot(*figures.to_plane(TRUTH), "s", color=figures.TRUTH, mec="white", ms=9, zorder=5)
    figures.reference(right, entropy, "entropy")
    right.set(xlabel="step", ylabel="cross-entropy (bits)", ylim=(0, None))
    return figure


def covers_and_picks(covers: Float[np.ndarray, "41"], picks: Float[np.ndarray, "41"]) -> Figure:
    """Draw the best bell of each direction of KL over the truth with two humps."""
    figure, axes = figures.new(columns=2, width=8, height=3.2, sharey=True)
    titles = ("least KL(p‖q): covers both", "least KL(q‖p): picks one")
    for ax, q, title in zip(axes, (covers, picks), titles, strict=True):
        ax.axvspan(17.5, 23.5, color=figures.MUTED, alpha=0.15, linewidth=0)
        ax.text(20.5, 0.14, "valley", ha="center", color=figures.MUTED)
        ax.bar(OUTCOMES, two_humps(), width=0.9, color=figures.TRUTH, alpha=0.75)
        ax.plot(OUTCOMES, q, color=figures.BELIEF, linewidth=2.5)
        ax.set(title=title, xlabel="outcome", ylim=(0, 0.18))
    axes[0].set_ylabel("probability")
    return figure
