"""Live figure of notebook 01: a forecast placed in the triangle of all beliefs."""

from functools import cache
from typing import Any

import jax
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.data.weather import BAROMETERS, SKIES
from course.maths import information
from course.maths.distributions import softmax
from course.show import figures
from course.show.live import LiveFigure, checkbox, slider, toggle_buttons

# p(sky | barometer) at another place than the notebook's, so that its reader does not know it.
CLIMATE = np.array([[0.10, 0.25, 0.65], [0.55, 0.35, 0.10], [0.75, 0.20, 0.05]])
RECORD_SEED = 5
EVENINGS = 12  # on record, for each barometer
HIGHEST_COST = 4.0  # bits: costs grow without limit towards the edges, the colour scale ends here


@cache
def costs() -> list[Float[np.ndarray, "rows columns"]]:
    """Expected cost, in bits, of every forecast in the triangle, for each barometer."""
    surprise = np.asarray(information.surprisal(figures.grid()))
    # Nothing has probability 0 in CLIMATE, so no term of the product is 0 times infinity.
    return [np.minimum(surprise @ row, HIGHEST_COST) for row in CLIMATE]


@cache
def record() -> Float[np.ndarray, "barometers skies"]:
    """Share of each sky in the evenings on record."""
    shape = (len(BAROMETERS), EVENINGS)
    key = jax.random.key(RECORD_SEED)
    skies = np.asarray(jax.random.categorical(key, np.log(CLIMATE)[:, None], shape=shape))
    return np.stack([np.bincount(row, minlength=len(SKIES)) / EVENINGS for row in skies])


def forecast() -> LiveFigure:
    """Forecast set by three scores; the expected cost of all others, once the reader asks."""
    figure, triangle, right = _picture()
    point = triangle.lines[-1]
    scene: tuple[int, bool] | None = None

    def draw(barometer: str, show_truth: bool, **scores: float) -> str:
        nonlocal scene
        row = BAROMETERS.index(barometer)
        # The bowl takes long to draw: it is part of the still background until the scene changes.
        if (row, show_truth) != scene:
            _set_scene(triangle, right, row, show_truth)
            scene = (row, show_truth)  # afterwards: an interrupt leaves it to be set again
        p = np.asarray(softmax([scores[sky] for sky in SKIES]), dtype=float)
        point.set_data(*np.split(figures.to_plane(p / p.sum()), 2))
        figures.set_bars(right, p, group=1)
        title, words = _title_and_alt_text(p, CLIMATE[row] if show_truth else None)
        triangle.title.set_text(title)
        return f"The triangle of all forecasts after a {barometer} barometer, {words}"

    moving = [point, right.containers[1], right.texts[3:], triangle.title]
    return LiveFigure(figure, draw, _controls(), moving=moving)


def _picture() -> tuple[Figure, Axes, Axes]:
    """Draw the triangle on the left and bars of record and forecast on the right."""
    # Two numbers side by side need bars as wide as they are.
    figure, (triangle, right) = figures.new(columns=2, width=8, height=4.2, width_ratios=[1.15, 1])
    figures.simplex(triangle, SKIES)
    figures.heat(triangle, costs()[0], label="expected cost (bits)", low=0, high=HIGHEST_COST)
    triangle.plot([], [], "s", ms=10, color=figures.TRUTH, mec="white", zorder=4)
    triangle.plot([], [], "o", ms=12, color=figures.BELIEF, mec="white", zorder=5)
    roles, names = [figures.DATA, figures.BELIEF], ["record", "forecast"]
    figures.bars(right, np.full((2, 3), 1 / 3), SKIES, role=roles, names=names, top=1)
    right.set_ylabel("share, probability")
    # Above the bars instead of beside them, where the picture would become too wide.
    legend = right.get_legend()
    assert legend is not None
    legend.set_loc("lower center")
    legend.set_bbox_to_anchor((0.5, 1.0))
    return figure, triangle, right


def _set_scene(triangle: Axes, right: Axes, row: int, show_truth: bool) -> None:
    """Show the record of another barometer, and its truth or not."""
    truth, bowl = triangle.lines[0], triangle.images[0]
    truth.set_data(*np.split(figures.to_plane(CLIMATE[row]), 2))
    bowl.set_data(costs()[row])
    for artist in (truth, bowl):
        artist.set_visible(show_truth)
    figures.set_bars(right, record()[row], group=0)


def _title_and_alt_text(
    p: Float[np.ndarray, " skies"], truth: Float[np.ndarray, " skies"] | None
) -> tuple[str, str]:
    """Return the triangle's title, and the point in words; with costs where truth is shown."""
    listed = ", ".join(f"{sky} {chance:.2f}" for sky, chance in zip(SKIES, p, strict=True))
    if truth is None:
        return f"{EVENINGS} evenings on record", f"with a point at {listed}."
    cost = float(np.asarray(information.surprisal(p)) @ truth)
    least = float(information.entropy(truth))
    return (
        f"expected cost {cost:.2f} bits, best possible {least:.2f}",
        f"with a point at {listed}. Its expected cost is {cost:.2f} bits; the truth, marked, "
        f"costs {least:.2f}.",
    )


def _controls() -> dict[str, Any]:
    """Barometer, a score for each sky, and whether the truth is shown."""
    tip = "What the barometer did in the evening"
    controls = {"barometer": toggle_buttons("Barometer", BAROMETERS[0], BAROMETERS, tip=tip)}
    for sky in SKIES:
        tip = f"The score that softmax turns into p({sky})"
        controls[sky] = slider(f"Score of {sky}", 0, -4, 4, step=0.1, tip=tip)
    tip = "Shows the true distribution and what every forecast costs"
    controls["show_truth"] = checkbox("Show the truth", False, tip=tip)
    return controls
