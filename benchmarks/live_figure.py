"""What a slider's move costs: a live figure against the ways a notebook usually redraws.

    python benchmarks/live_figure.py

Times the same picture at the same size, in turn, so that a busy machine slows all alike:

live      LiveFigure: restore the cached ground, draw what moved, encode, hand over to the widget
redraw    the figure kept and updated, then printed as the inline backend prints: tight box, PNG
fresh     a new figure each time, printed the same way, as `interact` with a plotting function does

Prints milliseconds and ratios, and by how much a thousand updates grow the process.
"""

import gc
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
import psutil
from IPython.core.pylabtools import print_figure
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.show import figures
from course.show.live import LiveFigure

OUTCOMES = ["sun", "cloud", "rain"]
GRID = np.linspace(0.0, 1.0, 201)
ROUNDS, UPDATES_A_ROUND, GROWTH_UPDATES = 30, 10, 1000


def entropy(p: np.ndarray) -> np.ndarray:
    """Entropy in bits over the last axis, plain NumPy: here drawing is timed, not JAX."""
    return -np.sum(p * np.log2(np.where(p > 0, p, 1)), axis=-1)


class Picture(NamedTuple):
    """A usual demo: bars with values, a curve with a point that says where it is, a title."""

    figure: Figure
    left: Axes
    right: Axes

    @classmethod
    def new(cls, p: float) -> "Picture":
        figure, (left, right) = figures.new(columns=2, width=6.4, height=4.0)
        figures.bars(left, belief(p), OUTCOMES, top=1.0)
        left.set(ylabel="probability", title=" ")
        figures.curve(right, GRID, curve(p), role=figures.COST)
        figures.reference(right, np.log2(3), "three equal outcomes")
        figures.mark(right, 0.5, 1.0, "")
        right.set(xlabel="P(sun)", ylabel="entropy (bits)", ylim=(0, 1.8))
        picture = cls(figure, left, right)
        picture.move(p)
        return picture

    @property
    def moving(self) -> list[object]:
        return [*self.left.patches, *self.left.texts, self.left.title, self.right.lines[0],
                self.right.lines[-1], self.right.texts[-1]]  # fmt: skip

    def move(self, p: float) -> str:
        bits = float(entropy(belief(p)))
        figures.set_bars(self.left, belief(p))
        self.left.title.set_text(f"P(sun) = {p:.2f}")
        self.right.lines[0].set_ydata(curve(p))
        figures.set_mark(self.right, p, bits, f"{bits:.2f} bits")
        return f"Sun has probability {p:.2f}; the belief has {bits:.2f} bits of entropy."


def belief(p: float) -> np.ndarray:
    """Sun with probability p; the other outcomes share the rest unevenly."""
    return np.array([p, *((1 - p) * np.array([0.7, 0.3]))])


def curve(p: float) -> np.ndarray:
    """Entropy for each chance of sun, while the other outcomes become more even with p."""
    rest = np.array([0.7, 0.3]) * (1 - p) + p / 2
    return entropy(np.concatenate([GRID[:, None], (1 - GRID)[:, None] * rest], axis=1))


def timed(act: Callable[[float], object], times: int, p: np.random.Generator) -> list[float]:
    """Milliseconds of each of `times` calls."""
    spent = []
    for value in p.uniform(0.01, 0.99, times):
        start = time.perf_counter()
        act(float(value))
        spent.append(1e3 * (time.perf_counter() - start))
    return spent


def resident() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / 2**20


def main() -> None:
    """Runs the comparison and prints it."""
    slider = widgets.FloatSlider(
        0.5, min=0, max=1, step=1e-9, description="P(sun)", tooltip="Chance of sun"
    )
    picture = Picture.new(0.5)
    live = LiveFigure(picture.figure, picture.move, {"p": slider}, moving=picture.moving)
    kept = Picture.new(0.5)

    def update(p: float) -> None:
        slider.value = p

    def redraw(p: float) -> None:
        kept.move(p)
        print_figure(kept.figure, fmt="png", bbox_inches="tight", base64=True)

    def fresh(p: float) -> None:
        print_figure(Picture.new(p).figure, fmt="png", bbox_inches="tight", base64=True)

    ways = {"live": (update, UPDATES_A_ROUND), "redraw": (redraw, 1), "fresh": (fresh, 1)}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    p = np.random.default_rng(0)
    for number in range(ROUNDS + 3):
        for name, (act, times) in ways.items():
            measured = timed(act, times, p)
            if number >= 3:  # the first rounds warm caches
                spent[name] += measured
    middle = {name: statistics.median(times) for name, times in spent.items()}
    print(f"{'':8}{'median':>10}{'95 %':>10}{'ratio':>9}   (milliseconds; 640 by 400 pixels)")
    for name, times in spent.items():
        high = statistics.quantiles(times, n=20)[-1]
        ratio = middle[name] / middle["live"]
        print(f"{name:8}{middle[name]:10.1f}{high:10.1f}{ratio:8.1f}x")

    before = resident()
    timed(update, GROWTH_UPDATES, p)
    print(f"{GROWTH_UPDATES} updates grew the process by {resident() - before:.1f} MB")
    print(f"the whole figure was drawn {live.rebuilds} time(s) for the live figure")


if __name__ == "__main__":
    main()
