"""Distributions lie where they belong in the triangle, which is coloured and nothing else."""

from collections.abc import Callable

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes

from course.show import figures
from tests.show import samples


def test_the_triangle_has_equal_sides_and_its_middle_in_the_middle() -> None:
    corners = figures.to_plane(np.eye(3))
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    assert sides == pytest.approx(np.ones(3))
    assert figures.to_plane([1 / 3] * 3) == pytest.approx(corners.mean(axis=0))


def test_grid_holds_the_distribution_of_every_pixel() -> None:
    p = figures.grid(101)
    assert p.shape[2] == 3
    assert p.sum(axis=-1) == pytest.approx(np.ones(p.shape[:2]))
    assert p.min() >= 0
    assert p[0, 0].tolist() == [1, 0, 0]
    assert p[0, -1].tolist() == [0, 1, 0]
    assert p[-1, 50] == pytest.approx([0, 0, 1])
    inside = p[30, 50]
    height = 30 / (len(p) - 1) * np.sqrt(3) / 2
    assert figures.to_plane(inside) == pytest.approx([0.5, height])


def test_heat_colours_the_triangle_and_nothing_else() -> None:
    ax = figures.simplex(figures.new()[1], samples.SKIES)
    values = np.where(figures.grid()[..., 0] > 0, 1.0, np.inf)
    figures.heat(ax, values, label="nothing", low=0.0, high=1.0)
    figure = samples.figure_of(ax)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())

    def seen(x: float, y: float) -> list[int]:
        column, row = ax.transData.transform((x, y))
        return pixels[len(pixels) - int(row), int(column), :3].tolist()

    darkest = [255 * part for part in matplotlib.colormaps["cividis_r"](1.0)[:3]]
    assert seen(0.5, 0.3) == pytest.approx(darkest, abs=1.5)
    assert seen(0.05, 0.5) == [255, 255, 255]
    assert ax.images[0].get_array().max() == 1.0  # where the value was infinite


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ax: figures.simplex(ax, ["a", "b"]), "labels: expected 3"),
        (lambda ax: figures.heat(ax, [[np.inf]], label="x"), "values: expected some finite"),
        (lambda ax: figures.heat(ax, [[1]], label="x", low=2, high=1), "high: expected a number"),
        (lambda _: figures.to_plane([0.5, 0.5]), r"p: expected shape \(..., 3\), got shape \(2,\)"),
        (lambda _: figures.to_plane([0.5, 0.5, 0.5]), "p: expected probabilities"),
        (lambda _: figures.grid(1), "resolution: expected an integer of at least 2, got 1"),
    ],
)
def test_bad_values_are_named(call: Callable[[Axes], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(figures.new()[1])
