"""The learning-rate demo says what happens, where it turns, and compiles nothing while dragged."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from course.data.surfaces import RAVINE, SURFACES, Surface
from course.show.demos import gradient_descent
from course.show.demos.gradient_descent import BATCHES, directions, walk
from course.show.live import LiveFigure
from tests.support.compilations import compilations


@pytest.fixture(scope="module")
def live() -> Iterator[LiveFigure]:
    made = gradient_descent.learning_rate()
    yield made
    made.close()


def test_no_slider_compiles_anything(live: LiveFigure) -> None:
    rates, steps = live.controls["rate"], live.controls["steps"]
    for surface in SURFACES:
        live.set(surface=surface)
        with compilations() as made:
            for power in np.linspace(rates.min, rates.max, 7):
                live.set(rate=10**power)
            for size in BATCHES:
                live.set(batch=size)
            for count in (steps.min, 17, steps.max):
                live.set(steps=count)
        assert made == [], surface
        assert live.error is None


def test_dragging_repaints_only_what_moves(live: LiveFigure) -> None:
    live.set(surface="ravine", rate=0.01, batch=64, steps=30)
    before = live.rebuilds
    for rate, size, count in [(0.5, 64, 30), (1e-4, 1, 100), (10.0, 4, 1), (0.07, 32, 50)]:
        live.set(rate=rate, batch=size, steps=count)
    assert live.rebuilds == before


@pytest.mark.parametrize("surface", [SURFACES["bowl"], RAVINE], ids=["bowl", "ravine"])
@pytest.mark.parametrize("index", [0, 1], ids=["steep", "flat"])
def test_the_words_fit_the_path(surface: Surface, index: int) -> None:
    """Along each direction the distance does at every rate what the demo says in a word."""
    direction = directions(surface)[index]
    axis = 1 - index  # of these two surfaces: the steep direction is w1, the flat one w0
    for share in (0.3, 0.98, 1.02, 1.5, 1.98, 2.02, 3.0):
        rate = share / direction.curvature
        distance = walk(surface, rate, BATCHES[-1]).points[:, axis]
        ratios = distance[1:4] / distance[:3]
        np.testing.assert_allclose(ratios, direction.multiplier(rate), rtol=1e-3, atol=1e-4)
        word = direction.behaviour(rate)
        grows, flips = np.all(abs(ratios) > 1), np.all(ratios < 0)
        assert word == ("diverges" if grows else "oscillates" if flips else "crawls")


def test_the_borders_are_drawn_where_they_are(live: LiveFigure) -> None:
    for surface in SURFACES.values():
        live.set(surface=surface.name)
        axes = {ax.get_ylabel(): ax for ax in live.figure.axes}
        for direction in directions(surface):
            label = f"{direction.label}\n|1 − αλ|".replace("-", "−")
            zones = [zone.get_extents() for zone in axes[label].patches if zone.get_visible()]
            edges = sorted({end for zone in zones for end in _ends(axes[label], zone)})
            low, high = axes[label].get_xlim()
            inside = [
                border for border in (direction.oscillate, direction.diverge) if low < border < high
            ]
            np.testing.assert_allclose(edges, [low, *inside, high], rtol=0.01)


def _ends(ax, box) -> list[float]:
    """Left and right end of a box on the screen, as learning rates of the axes, to three digits."""
    ends = ax.transData.inverted().transform(box.get_points())[:, 0]
    return [float(f"{end:.3g}") for end in ends]


def test_the_words_tell_of_divergence(live: LiveFigure) -> None:
    live.set(surface="Rosenbrock", rate=1.0, batch=64, steps=100)
    assert "the cost is beyond all bounds" in live.alt
    live.set(surface="ravine", rate=0.07, steps=30)
    assert "multiplies by -0.75, oscillates" in live.alt
    assert "multiplies by 0.93, crawls" in live.alt


def test_the_whole_batch_is_without_noise_and_a_small_one_is_not() -> None:
    exact = walk(RAVINE, 0.07, BATCHES[-1])
    np.testing.assert_allclose(exact.points[:, 0], -1.8 * 0.93 ** np.arange(101), rtol=1e-3)
    sizes = [
        abs(walk(RAVINE, 0.07, size).points[50:] - exact.points[50:]).mean() for size in BATCHES
    ]
    assert all(first > second for first, second in itertools.pairwise(sizes[::2]))


def test_the_first_picture_is_the_one_that_a_browser_shows() -> None:
    """A browser moves a slider to its nearest step, and the stored picture would be another."""
    live = gradient_descent.learning_rate()
    slider = live.controls["rate"]
    steps = (np.log10(slider.value) - slider.min) / slider.step
    assert steps == pytest.approx(round(steps), abs=1e-9)
    live.close()


def test_rosenbrock_is_told_of_where_it_holds(live: LiveFigure) -> None:
    live.set(surface="Rosenbrock", rate=0.003, batch=64, steps=30)
    assert "on the Rosenbrock surface with" in live.alt
    assert "Near the star, along two directions: steep" in live.alt
    titles = [ax.get_title() for ax in live.figure.axes]
    assert sum(title.startswith("near the star × ") for title in titles) == 2
    live.set(surface="ravine")
    assert "on the ravine with" in live.alt
    assert not any("star" in ax.get_title() for ax in live.figure.axes)


@pytest.mark.parametrize("surface", ["bowl", "ravine", "Rosenbrock"])
def test_the_borders_themselves_have_words(live: LiveFigure, surface: str) -> None:
    for direction in directions(SURFACES[surface]):
        live.set(surface=surface, rate=direction.oscillate, batch=64, steps=30)
        assert f"{direction.label}: each step multiplies by 0, arrives at once" in live.alt
        live.set(rate=direction.diverge)
        assert f"{direction.label}: each step multiplies by -1, jumps for ever" in live.alt


def test_a_saddle_runs_away_however_small_the_rate(live: LiveFigure) -> None:
    assert directions(SURFACES["saddle"])[1].diverge == np.inf
    live.set(surface="saddle", rate=1e-4, batch=64, steps=30)
    assert "multiplies by 0.9999, crawls" in live.alt
    assert "multiplies by 1.0001, runs away" in live.alt


def test_nothing_is_drawn_after_the_numbers_end(live: LiveFigure) -> None:
    (ax,) = [ax for ax in live.figure.axes if ax.get_ylabel() == "cost J"]
    for surface in ("ravine", "Rosenbrock", "saddle"):
        live.set(surface=surface, rate=10.0, batch=64, steps=100)
        costs = walk(SURFACES[surface], 10.0, 64).costs
        drawn = [line for line in ax.lines if line.get_visible()][-1].get_xydata()
        assert len(drawn) == np.flatnonzero(~np.isfinite(costs))[0] + 1
        assert np.isfinite(drawn).all()
