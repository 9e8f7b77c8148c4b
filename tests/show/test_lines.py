"""Curves, marks and bands lie where their numbers say, and refuse nonsense."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes

from course.show import figures
from tests.show import samples


def test_curve_follows_its_role_and_leaves_gaps_at_infinity() -> None:
    ax = figures.curve(figures.new()[1], [0, 1, 2], [np.inf, 1, 0], role=figures.COST, name="cost")
    (line,) = ax.lines
    assert line.get_color() == figures.COST
    assert line.get_linestyle() == figures.COST.line
    assert line.get_ydata().tolist() == [np.inf, 1, 0]
    assert line.get_label() == "cost"


def test_set_mark_moves_point_and_text() -> None:
    ax = figures.new()[1]
    figures.mark(ax, 0, 0, "first")
    figures.mark(ax, 1, 1, "second")
    figures.set_mark(ax, 0.5, 0.25, "here", index=0)
    assert ax.lines[0].get_xydata().tolist() == [[0.5, 0.25]]
    assert (ax.texts[0].xy, ax.texts[0].get_text()) == ((0.5, 0.25), "here")
    assert ax.lines[1].get_xydata().tolist() == [[1, 1]]
    with pytest.raises(ValueError, match="index: expected one of the 0 marks of these axes"):
        figures.set_mark(figures.new()[1], 0, 0, "nothing was marked")


def test_band_holds_the_middle_of_the_runs() -> None:
    runs = np.arange(101.0)[:, None] * [1.0, 2.0]
    ax = figures.band(figures.new()[1], [0, 1], runs, coverage=0.8)
    assert ax.lines[0].get_ydata().tolist() == [50.0, 100.0]
    area = ax.collections[0].get_paths()[0].get_extents()
    assert (area.y0, area.y1) == (pytest.approx(10.0), pytest.approx(180.0))


def test_timeline_writes_events_above_the_data() -> None:
    ax = samples.weeks()
    samples.figure_of(ax).canvas.draw()
    assert [text.get_text() for text in ax.texts] == ["tactics change", "retrained"]
    highest = ax.transData.transform((0, ax.lines[0].get_ydata().max()))[1]
    assert all(text.get_window_extent().y0 > highest for text in ax.texts)
    assert {line.get_xdata()[0] for line in ax.lines[1:3]} == {12.5, 20.5}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ax: figures.curve(ax, [0, 1], [0, np.nan]), "y: expected numbers, finite or not"),
        (lambda ax: figures.reference(ax, 1.0, "line", axis="z"), "axis: expected 'x' or 'y'"),
        (lambda ax: figures.band(ax, [0], [[1]], coverage=1.5), "coverage: expected a number from"),
        (lambda ax: figures.mark(ax, np.nan, 0, "x"), "x: expected a finite number, got nan"),
        (lambda ax: figures.set_mark(ax, 0, np.inf, "a"), "y: expected a finite number, got inf"),
    ],
)
def test_bad_values_are_named(call: Callable[[Axes], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(figures.new()[1])
