"""Live figure of notebook 01: a forecast placed in the triangle of all beliefs."""

import ipywidgets as widgets
import jax
import numpy as np

from course.data import weather
from course.maths import information
from course.maths.distributions import softmax
from course.show import figures
from course.show.live import LiveFigure

CLIMATE = np.array([[0.10, 0.25, 0.65], [0.55, 0.35, 0.10], [0.75, 0.20, 0.05]])
"""p(sky | barometer) at another place than the notebook's, so that its reader does not know it."""
RECORD_SEED, EVENINGS = 5, 12
"""A record of so many evenings for each barometer."""
HIGHEST_COST = 4.0
"""Where the colour scale ends, in bits: costs grow without limit towards the edges."""


def forecast() -> LiveFigure:
    """A forecast set by three scores; the expected cost of all others, once the reader asks."""
    figure, (triangle, right) = figures.new(columns=2, width=7.6, height=4.2, width_ratios=[1.5, 1])
    all_forecasts = figures.grid()
    surprise = np.asarray(information.surprisal(all_forecasts))
    # Nothing has probability 0 in CLIMATE, so no term of the product is 0 times infinity.
    costs = [np.minimum(surprise @ row, HIGHEST_COST) for row in CLIMATE]
    figures.simplex(triangle, weather.SKIES)
    figures.heat(triangle, costs[0], label="expected cost (bits)", low=0, high=HIGHEST_COST)
    bowl = triangle.images[-1]
    (truth,) = triangle.plot([], [], "s", ms=10, color=figures.TRUTH, mec="white", zorder=4)
    (point,) = triangle.plot([], [], "o", ms=12, color=figures.BELIEF, mec="white", zorder=5)
    record = np.asarray(
        jax.random.categorical(
            jax.random.key(RECORD_SEED), np.log(CLIMATE)[:, None], shape=(3, EVENINGS)
        )
    )
    figures.bars(
        right,
        np.full((2, 3), 1 / 3),
        weather.SKIES,
        role=[figures.DATA, figures.BELIEF],
        names=["record", "forecast"],
        top=1,
    )
    right.set_ylabel("share, probability")
    legend = right.get_legend()
    assert legend is not None
    legend.set_loc("lower center")
    legend.set_bbox_to_anchor((0.5, 1.0))

    def set_scene(row: int, show_truth: bool) -> None:
        truth.set_data(*np.split(figures.to_plane(CLIMATE[row]), 2))
        bowl.set_data(costs[row])
        for artist in (truth, bowl):
            artist.set_visible(show_truth)
        figures.set_bars(right, np.bincount(record[row], minlength=3) / EVENINGS, group=0)

    scene: list[tuple[int, bool]] = []

    def draw(barometer: str, show_truth: bool, **scores: float) -> str:
        row = weather.BAROMETERS.index(barometer)
        # The bowl takes long to draw: it is part of the still background until the scene changes.
        if [(row, show_truth)] != scene:
            scene[:] = [(row, show_truth)]
            set_scene(row, show_truth)
        p = np.asarray(softmax([scores[sky] for sky in weather.SKIES]), dtype=float)
        point.set_data(*np.split(figures.to_plane(p / p.sum()), 2))
        figures.set_bars(right, p, group=1)
        title, words = f"{EVENINGS} evenings on record", ""
        if show_truth:
            cost = float(np.asarray(information.surprisal(p)) @ CLIMATE[row])
            least = float(information.entropy(CLIMATE[row]))
            title = f"expected cost {cost:.2f} bits, best possible {least:.2f}"
            words = f" Its expected cost is {cost:.2f} bits; the truth, marked, costs {least:.2f}."
        triangle.title.set_text(title)
        listed = ", ".join(
            f"{sky} {chance:.2f}" for sky, chance in zip(weather.SKIES, p, strict=True)
        )
        return (
            f"The triangle of all forecasts after a {barometer} barometer, with a point at "
            f"{listed}.{words}"
        )

    controls: dict[str, widgets.Widget] = {
        "barometer": widgets.ToggleButtons(
            options=weather.BAROMETERS,
            description="Barometer",
            tooltip="What the barometer did in the evening",
        )
    }
    for sky in weather.SKIES:
        controls[sky] = widgets.FloatSlider(
            0,
            min=-4,
            max=4,
            step=0.1,
            description=f"Score of {sky}",
            tooltip=f"The score that softmax turns into p({sky})",
        )
    controls["show_truth"] = widgets.Checkbox(
        False,
        description="Show the truth",
        tooltip="Shows the true distribution and what every forecast costs",
    )
    moving = [point, right.containers[1], right.texts[3:], triangle.title]
    return LiveFigure(figure, draw, controls, moving=moving)
