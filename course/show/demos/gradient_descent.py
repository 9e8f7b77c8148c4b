"""Live figure of notebook 10: gradient descent on four surfaces, while the reader sets the rate."""

from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.data.surfaces import EXAMPLES, SURFACES, Surface, eigenvalues, tilts
from course.show import figures
from course.show.drawing import styled
from course.show.live import LiveFigure, log_slider, selection_slider, slider, toggle_buttons
from course.training import descent
from course.training.optimizers import sgd

MOST_STEPS = 100
BATCHES = (1, 2, 4, 8, 16, 32, EXAMPLES)
SLOWEST, FASTEST = -4.0, 1.0  # powers of ten: the learning rates that can be set
FIRST = 10**-1.15  # the learning rate at first
RATES = np.logspace(SLOWEST, FASTEST, 400)
HIGHEST = 2.2  # of the multipliers that are shown
COSTS = (1e-6, 1e4)  # that are shown, if none is negative
ASPECT = 1.83  # width of the map, measured in its heights
SHADES = {"crawl": "#ffffff", "oscillate": "#e6e6e6", "diverge": "#c8c8c8"}
TINY = 1e-6  # a multiplier this close to 0, 1 or -1 is meant to be just that
SIDES = ("steep", "flat")  # the axes of both directions
FAR = 1e3  # a descent that is this far away is no longer drawn


class Walk(NamedTuple):
    """Descent of `MOST_STEPS` steps, in NumPy's numbers."""

    points: Float[np.ndarray, "times 2"]
    """Parameters before each step and after the last."""
    costs: Float[np.ndarray, " times"]
    """At the points."""


class Eigendirection(NamedTuple):
    """Eigendirection of a surface, and the rates at which steps along it change their ways."""

    name: str
    """Such as "steep"; "" where both are alike."""
    curvature: float
    """λ, the eigenvalue."""
    oscillate: float
    """Learning rate above which steps overshoot."""
    diverge: float
    """Learning rate above which they lead away."""

    def multiplier(self, rate: float) -> float:
        """Return the factor by which a step multiplies the distance along it."""
        return float(descent.multipliers(jnp.asarray(rate), jnp.asarray(self.curvature)))

    @property
    def label(self) -> str:
        """Name and curvature, as "steep, λ = 25"."""
        return ", ".join(filter(None, [self.name, f"λ = {self.curvature:.4g}"]))

    def behaviour(self, rate: float) -> str:
        """Return in a word or two how steps along it go."""
        if self.curvature <= 0:
            return "runs away"
        multiplier = self.multiplier(rate)
        size = abs(multiplier)
        if min(size, abs(size - 1)) < TINY:
            return "arrives at once" if size < TINY else "jumps for ever"
        return "diverges" if size > 1 else "oscillates" if multiplier < 0 else "crawls"


@cache
def directions(surface: Surface) -> tuple[Eigendirection, Eigendirection]:
    """Steep and flat direction of a surface, as it bends where its gradient is zero."""
    bent = np.asarray(eigenvalues(surface, surface.minimum).values, dtype=float)[::-1]
    oscillate, diverge = descent.borders(jnp.asarray(bent))
    names = ("up", "down") if bent[1] < 0 else ("steep", "flat") if bent[0] > bent[1] else ("", "")
    steep, flat = zip(names, bent.tolist(), oscillate.tolist(), diverge.tolist(), strict=True)
    return Eigendirection(*steep), Eigendirection(*flat)


def walk(surface: Surface, rate: float, batch: int) -> Walk:
    """Descent from the surface's start; a batch of all examples is without noise."""
    start = jnp.asarray(surface.start)
    noise = jnp.asarray(tilts(scale=surface.noise))
    fixed: dict[str, Any] = {"key": jax.random.key(1), "steps": MOST_STEPS}
    path = descent.descend_on_batches(
        surface.cost, start, sgd(rate), tilts=noise, batch_size=batch, **fixed
    )
    return Walk(*(np.array(part, dtype=float) for part in path))


def in_digits(multiplier: float) -> str:
    """Three digits of a multiplier, or as many as tell it from 1 and -1.

    >>> in_digits(-0.7512), in_digits(0.99996), in_digits(1.0001), in_digits(-1.0), in_digits(-1e-8)
    ('-0.751', '0.99996', '1.0001', '-1', '0')
    """
    number = round(multiplier, 6) + 0.0  # which turns -0 into 0
    few = 3
    while abs(number) != 1 and abs(float(f"{number:.{few}g}")) == 1:
        few += 1
    return f"{number:.{few}g}"


def _shown(points: Float[np.ndarray, "times 2"]) -> Float[np.ndarray, "times 2"]:
    """Path as it is drawn: to the first point that is far away, and no farther."""
    shown = np.where(np.isinf(points), np.copysign(1e30, points), points)
    size = np.abs(shown).max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shown = np.where(size < FAR, shown, shown / size * FAR)
    left = np.flatnonzero(~(size[:, 0] < FAR))
    shown[left[0] + 1 if len(left) else len(shown) :] = np.nan
    return shown


def _frame(surface: Surface) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of both axes that hold the surface's own and let a circle appear as one."""
    centres = [sum(limits) / 2 for limits in surface.limits]
    across, up = (limits[1] - limits[0] for limits in surface.limits)
    half = max(up, across / ASPECT) / 2
    (x, y), wide = centres, half * ASPECT
    return (x - wide, x + wide), (y - half, y + half)


def _map(ax: Axes, surface: Surface) -> list[Any]:
    """Draw the contours of a surface, its start and where its gradient is zero."""
    sides = [np.linspace(*limits, 181) for limits in _frame(surface)]
    places = jnp.stack(jnp.meshgrid(*sides), axis=-1)
    heights = np.asarray(jax.vmap(jax.vmap(surface.cost))(places))
    low = heights.min()
    # Levels whose distances grow with the height, so that a valley's floor has some as well.
    levels = low + (heights.max() - low) * np.linspace(0, 1, 16) ** (3 if low >= 0 else 1)
    fill = ax.contourf(*sides, heights, levels, cmap="Greys", vmax=low + 3 * (heights.max() - low))
    lines = ax.contour(*sides, heights, levels, colors="#8c8c8c", linewidths=0.7, linestyles="-")
    marks = [
        *ax.plot(*surface.start, "s", color=figures.TRUTH, ms=8),
        *ax.plot(*surface.minimum, "*", color=figures.TRUTH, ms=14),
    ]
    return [fill, lines, *marks]


def _zones(ax: Axes, direction: Eigendirection) -> list[Any]:
    """Shade where steps along a direction crawl, oscillate and diverge; draw |1 - rate λ|."""
    ends = [RATES[0], direction.oscillate, direction.diverge, RATES[-1]]
    ends = np.clip(ends, RATES[0], RATES[-1]).tolist()
    words = list(SHADES) if direction.curvature > 0 else ["", "", "away at every rate"]
    if direction.curvature <= 0:
        ends = [RATES[0], RATES[0], RATES[0], RATES[-1]]
    drawn: list[Any] = []
    for word, shade, left, right in zip(words, SHADES.values(), ends[:-1], ends[1:], strict=True):
        if left < right:
            drawn.append(ax.axvspan(left, right, color=shade, lw=0))
            # In a narrow zone the word stands upright, in a very narrow one there is no room.
            width = np.log10(right / left)
            text = ax.text(np.sqrt(left * right), HIGHEST - 0.1, word if width > 0.25 else "")
            text.set(ha="center", va="top", size=9.5, rotation=0 if width > 0.8 else 90)
            drawn.append(text)
    size = np.abs(1 - RATES * direction.curvature)
    drawn += ax.plot(RATES, size, color=figures.GRADIENT, ls="-")
    return drawn


@styled
def _axes() -> tuple[Figure, dict[str, Axes]]:
    """Map and cost on the left, the multipliers of both directions on the right."""
    figure, grid = figures.new(2, 2, width=8, height=4.6, height_ratios=[1.4, 1])
    axes = dict(zip(("map", "steep", "cost", "flat"), grid.flat, strict=True))
    axes["map"].set(xlabel="$w_0$", ylabel="$w_1$")
    axes["cost"].set(xlim=(0, MOST_STEPS), xlabel="step", ylabel="cost J", title=" ")
    for name in SIDES:
        ax = axes[name]
        ax.axhline(1, color=figures.MUTED, lw=1)
        ax.set(xscale="log", xlim=(RATES[0], RATES[-1]), ylim=(0, HIGHEST))
        ax.set(xlabel="learning rate α", ylabel="\n|1 − αλ|", title=" ")
    return figure, axes


def _still(axes: dict[str, Axes], surface: Surface) -> list[Any]:
    """Draw what stands still as long as the surface is the same."""
    drawn = _map(axes["map"], surface)
    for name, direction in zip(SIDES, directions(surface), strict=True):
        drawn += _zones(axes[name], direction)
    return drawn


def _change(axes: dict[str, Axes], still: dict[str, list[Any]], surface: Surface) -> None:
    """Show another surface and hide the others."""
    for name, artists in still.items():
        for artist in artists:
            artist.set_visible(name == surface.name)
    axes["map"].set(**dict(zip(("xlim", "ylim"), _frame(surface), strict=True)))
    for name, direction in zip(SIDES, directions(surface), strict=True):
        axes[name].set_ylabel(f"{direction.label}\n|1 − αλ|".replace("-", "−"))
    if surface.name == "saddle":
        axes["cost"].set(yscale="linear", ylim=(-2.1, 1.5))
    else:
        axes["cost"].set(yscale="log", ylim=COSTS)


@styled
def learning_rate() -> LiveFigure:
    """Path, cost and |1 - rate λ| of gradient descent; surface, rate, batch and steps are free."""
    figure, axes = _axes()
    still = {name: _still(axes, surface) for name, surface in SURFACES.items()}
    (path,) = axes["map"].plot([], [], ".-", color=figures.BELIEF, lw=1.4, ms=6)
    (end,) = axes["map"].plot([], [], "o", color=figures.BELIEF, ms=10, mec="white")
    (cost,) = axes["cost"].plot([], [], "-", color=figures.COST)
    dot: dict[str, Any] = {"color": figures.GRADIENT, "ms": 10, "mec": "white"}
    dots = [axes[name].plot([], [], "o", **dot)[0] for name in SIDES]
    shown = ""

    def draw(surface: str, rate: float, batch: int, steps: int) -> str:
        nonlocal shown
        chosen = SURFACES[surface]
        if surface != shown:  # then everything is drawn afresh
            _change(axes, still, chosen)
            shown = surface
        points, costs = (part[: steps + 1] for part in walk(chosen, rate, batch))
        drawn = _shown(points)
        path.set_data(*drawn.T)
        end.set_data(*drawn[-1:].T)
        cost.set_data(*_cost_line(costs, surface))
        height = f"{costs[-1]:.3g}" if np.isfinite(costs[-1]) else "beyond all bounds"
        axes["cost"].title.set_text(f"J = {height}".replace("-", "−"))
        # Both directions tell the same in the picture and in words.
        sentences = []
        for point, name, direction in zip(dots, SIDES, directions(chosen), strict=True):
            multiplier, behaviour = direction.multiplier(rate), direction.behaviour(rate)
            # One that is beyond stays between title and word.
            point.set_data([rate], [min(abs(multiplier), HIGHEST - 0.02)])
            factor = in_digits(multiplier)
            # The other surfaces have the same curvatures everywhere.
            where = "near the star " if surface == "Rosenbrock" else ""
            title = f"{where}× {factor}: {behaviour}"
            axes[name].title.set_text(title.replace("-", "−"))
            sentences.append(f"{direction.label}: each step multiplies by {factor}, {behaviour}")
        return _alt_text(surface, rate, batch, steps, height, sentences)

    titles = [axes[name].title for name in ("cost", *SIDES)]
    return LiveFigure(figure, draw, _controls(), moving=[path, end, cost, *dots, *titles])


def _cost_line(costs: Float[np.ndarray, " times"], surface: str) -> tuple[Any, Any]:
    """Steps and costs as they are drawn: up to the first cost that is no number."""
    beyond = np.flatnonzero(~np.isfinite(costs))
    last = beyond[0] + 1 if len(beyond) else len(costs)
    floor = -1e9 if surface == "saddle" else COSTS[0]  # what is below lies on the axis
    return np.arange(last), np.clip(costs[:last], floor, 1e9)


def _alt_text(
    surface: str, rate: float, batch: int, steps: int, height: str, sentences: list[str]
) -> str:
    """Return the picture at these settings in words."""
    name = f"{surface} surface" if surface == "Rosenbrock" else surface
    return (
        f"Gradient descent on the {name} with learning rate {rate:.3g} and batches of {batch} of "
        f"{EXAMPLES} examples. After {steps} steps the cost is {height}. "
        f"Near the star, along two directions: {sentences[0]}; {sentences[1]}."
    )


def _controls() -> dict[str, Any]:
    """Return controls for surface, learning rate, batch size and number of steps."""
    surfaces = list(SURFACES)
    rate_tip = "The factor α between gradient and step"
    batch_tip = f"How many of the {EXAMPLES} examples each step sees; all of them: no noise"
    steps_tip = "How many steps of the descent are shown"
    return {
        "surface": toggle_buttons("Surface", "ravine", surfaces, tip="The cost to walk down"),
        "rate": log_slider("Learning rate", FIRST, SLOWEST, FASTEST, tip=rate_tip),
        "batch": selection_slider("Batch size", EXAMPLES, BATCHES, tip=batch_tip),
        "steps": slider("Steps", 30, 1, MOST_STEPS, tip=steps_tip),
    }
