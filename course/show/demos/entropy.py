"""Live figures of notebook 02: a coin, three outcomes, a belief to shape, codes for blocks."""

from functools import cache

import numpy as np
from jaxtyping import Float

from course.data.weather import CONDITIONAL, SKIES
from course.maths import coding, information
from course.show import figures
from course.show.live import LiveFigure, slider, toggle_buttons

OUTCOMES = np.arange(41)
CENTRE = 20  # of the outcomes
LONGEST_BLOCK = 6  # days


def coin() -> LiveFigure:
    """Entropy of a coin, as a point on the curve of all coins."""
    figure, (left, right) = figures.new(columns=2, width=7.2, height=3.4)
    p = np.linspace(0, 1, 201)
    right.plot(p, information.entropy(np.stack([p, 1 - p], axis=1)), color=figures.MUTED)
    (point,) = right.plot([0.5], [1.0], "o", ms=11, color=figures.BELIEF)
    right.set(xlabel="probability of heads", ylabel="entropy (bits)", title=" ")
    bars = left.bar(["heads", "tails"], [0.5, 0.5], color=figures.BELIEF)
    left.set_ylim(0, 1.05)
    left.set(ylabel="probability", title=" ")

    def draw(heads: float) -> str:
        bits = float(information.entropy([heads, 1 - heads]))
        for bar, height in zip(bars, (heads, 1 - heads), strict=True):
            bar.set_height(height)
        point.set_data([heads], [bits])
        left.title.set_text(f"heads {heads:.2f}, tails {1 - heads:.2f}")
        right.title.set_text(f"H = {bits:.3f} bits")
        return (
            f"A coin with heads at {heads:.2f} and tails at {1 - heads:.2f}. On the curve of all "
            f"coins, an arch from 0 to 1 bit and back, it stands at {bits:.3f} bits."
        )

    tip = "Probability that the coin shows heads"
    heads = slider("Heads", 0.5, 0, 1, step=0.01, tip=tip)
    return LiveFigure(figure, draw, {"heads": heads}, moving=[bars, point, left.title, right.title])


def three() -> LiveFigure:
    """Entropy of a belief over three outcomes, as bars and as a point among all such beliefs."""
    figure, (triangle, right) = figures.new(columns=2, width=8, height=4.0, width_ratios=[1.3, 1])
    figures.simplex(triangle, SKIES)
    everywhere = np.asarray(information.entropy(figures.grid()))
    figures.heat(triangle, everywhere, label="entropy (bits)", low=0, high=float(np.log2(3)))
    (point,) = triangle.plot([], [], "o", ms=13, color=figures.BELIEF, mec="white", mew=2, zorder=5)
    figures.bars(right, np.full(3, 1 / 3), SKIES, top=1)
    right.set(ylabel="probability", title=" ")

    def draw(**weights: int) -> str:
        heights = np.array([weights[sky] for sky in SKIES], float)
        # Three sliders at 0 prefer nothing.
        p = heights / heights.sum() if heights.any() else np.full(3, 1 / 3)
        bits = float(information.entropy(p))
        point.set_data(*np.split(figures.to_plane(p), 2))
        figures.set_bars(right, p)
        right.title.set_text(f"H = {bits:.3f} bits")
        listed = ", ".join(f"{sky} {chance:.2f}" for sky, chance in zip(SKIES, p, strict=True))
        return (
            f"A belief with {listed}: an entropy of {bits:.3f} bits. The triangle of all beliefs "
            "over three outcomes is darkest in the middle, where the three are equal, 1.585 bits, "
            "and pale in the corners, where one is certain."
        )

    controls = {
        sky: slider(
            sky.capitalize(), weight, 0, 100, tip=f"Weight of {sky}, to be divided by the sum"
        )
        for sky, weight in zip(SKIES, (5, 30, 65), strict=True)
    }
    moving = [point, right.containers[0], right.texts, right.title]
    return LiveFigure(figure, draw, controls, moving=moving)


def ruled_bell(sigma: float, step: float) -> tuple[Float[np.ndarray, " marks"], ...]:
    """Marks of a ruler, and the probability that a Gaussian bell around 0 is read as each.

        P(reading is m) = Phi((m + step/2) / sigma) - Phi((m - step/2) / sigma)

    Args:
        sigma: standard deviation of the bell.
        step: distance of the marks, in the same unit.
    """
    from scipy.stats import norm  # here, because it takes a second

    most = np.ceil(8 * sigma / step)
    marks = step * np.arange(-most, most + 1)
    upto = norm.cdf(np.append(marks - step / 2, marks[-1] + step / 2) / sigma)
    return marks, np.diff(upto) / (upto[-1] - upto[0])


def belief(shape: str, width: int) -> Float[np.ndarray, "41"]:
    """Belief over the whole numbers 0 to 40: a bell, or two spikes, of the given width."""
    if shape == "bell":
        weights = np.exp(-0.5 * ((OUTCOMES - CENTRE) / width) ** 2)
        return np.asarray(weights / weights.sum())
    p = np.zeros(len(OUTCOMES))
    p[[CENTRE - width // 2, CENTRE - width // 2 + width]] = 0.5
    return p


def spread(p: Float[np.ndarray, "41"]) -> float:
    """Standard deviation of an outcome drawn from the belief p over `OUTCOMES`."""
    return float(np.sqrt(p @ (OUTCOMES - p @ OUTCOMES) ** 2))


def shape() -> LiveFigure:
    """Entropy and spread side by side, while the reader shapes a belief."""
    figure, (left, right) = figures.new(columns=2, width=7.2, height=3.4, width_ratios=[3, 1.4])
    steps = left.stairs(
        np.zeros(len(OUTCOMES)), np.arange(len(OUTCOMES) + 1) - 0.5, fill=True, color=figures.BELIEF
    )
    # Two spikes are as high as 0.5; a bell of width 1 stays below.
    left.set(xlim=(-1, 41), ylim=(0, 0.55))
    left.set(xlabel="outcome", ylabel="probability", title=" ")
    # Bits and numbers share an axis as parts of the largest that either can be.
    most = np.log2(len(OUTCOMES))
    bars = right.bar(["entropy", "spread"], [0, 0], color=[figures.COST, figures.MUTED])
    right.set(ylim=(0, 1.05), yticks=[0, 0.5, 1])
    right.set(ylabel="part of the largest possible", title=" ")

    def draw(shape: str, width: int) -> str:
        p = belief(shape, width)
        bits, deviation = float(information.entropy(p)), spread(p)
        steps.set_data(p)
        for bar, height in zip(bars, (bits / most, deviation / CENTRE), strict=True):
            bar.set_height(height)
        left.title.set_text(f"{shape}, width {width}")
        right.title.set_text(f"{bits:.2f} bits, spread {deviation:.1f}")
        return (
            f"A belief over the numbers 0 to 40, shaped as {shape} of width {width}. "
            f"Its entropy is {bits:.2f} bits, its spread {deviation:.1f}."
        )

    shapes, tip = ["bell", "two spikes"], "One bell, or two equally likely outcomes"
    controls = {
        "shape": toggle_buttons("Shape", shapes[0], shapes, tip=tip),
        "width": slider("Width", 6, 1, 40, tip="Width of the bell, or distance of the spikes"),
    }
    return LiveFigure(figure, draw, controls, moving=[steps, bars, left.title, right.title])


@cache
def block_code(days: int) -> tuple[float, tuple[tuple[str, float, str], ...]]:
    """Questions a day if days are coded in blocks (rising barometer), and the likeliest blocks."""
    p = coding.block_probabilities(CONDITIONAL[2], days)
    words = coding.huffman_code(p)
    questions = float(coding.mean_code_length(p, np.array([len(word) for word in words]))) / days
    names = [sky[0] for sky in SKIES]
    blocks = np.stack(np.unravel_index(np.arange(len(p)), (len(SKIES),) * days), axis=1)
    likeliest = np.argsort(-np.asarray(p), kind="stable")[:5]
    return questions, tuple(
        ("".join(names[s] for s in blocks[i]), float(p[i]), words[i]) for i in likeliest
    )


def blocks() -> LiveFigure:
    """Questions a day as blocks of days are coded together, after a rising barometer."""
    figure, (left, right) = figures.new(columns=2, width=7.6, height=3.6, width_ratios=[1.5, 1])
    lengths = np.arange(1, LONGEST_BLOCK + 1)
    questions = [block_code(int(days))[0] for days in lengths]
    entropy = float(information.entropy(CONDITIONAL[2]))
    # What a block wastes is less than one question, shared by its days.
    left.plot(lengths, entropy + 1 / lengths, ":", color=figures.MUTED, label="entropy + 1/n")
    figures.reference(left, entropy, "entropy")
    left.texts[-1].set(va="top", position=(0, -3))  # above the line are the last points
    left.plot(lengths, questions, "o-", color=figures.COST, alpha=0.35, label="Huffman's code")
    (now,) = left.plot([], [], "o", color=figures.COST, ms=12)
    left.set(xlim=(0.7, 6.3), ylim=(0, 1.45), xticks=lengths)
    figures.legend(left, outside=False)
    left.set(xlabel="days in a block, n", ylabel="questions a day", title=" ")
    right.set_axis_off()
    listing = right.text(0, 0.95, "", family="monospace", va="top", transform=right.transAxes)

    def draw(days: int) -> str:
        now.set_data([days], [questions[days - 1]])
        left.title.set_text(f"{questions[days - 1]:.2f} questions a day, entropy {entropy:.3f}")
        rows = [f"{block:7s} {p:6.1%}  {word}" for block, p, word in block_code(days)[1]]
        listing.set_text("\n".join(["block     p    code", *rows, "", "s sun, c cloud, r rain"]))
        return _blocks_in_words(days, entropy)

    days = slider(
        "Days in a block", 2, 1, LONGEST_BLOCK, tip="How many days are asked about together"
    )
    return LiveFigure(figure, draw, {"days": days}, moving=[now, left.title, listing])


def _blocks_in_words(days: int, entropy: float) -> str:
    """Picture of the code for blocks of so many days."""
    questions, likeliest = block_code(days)
    return (
        "The price of a day falls with the days in a block, from 1.05 to 0.35 questions. For "
        f"{days} {'day' if days == 1 else 'days'} it is {questions:.2f}. The entropy, a level line "
        f"below, is {entropy:.3f} bits; the likeliest block has the code word {likeliest[0][2]}."
    )
