"""Bars have the heights that they are given, say them, and refuse nonsense."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.axes import Axes

from course.show import figures
from tests.show import samples


def heights(ax: Axes, group: int = 0) -> list[float]:
    return [bar.get_height() for bar in ax.containers[group]]


def test_bars_show_heights_and_values() -> None:
    ax = figures.bars(figures.new()[1], jnp.array([0.2, 0.8]), ["no", "yes"], digits=1)
    assert heights(ax) == pytest.approx([0.2, 0.8])
    assert [text.get_text() for text in ax.texts] == ["0.2", "0.8"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["no", "yes"]


def test_bars_side_by_side_are_named_and_hatched() -> None:
    ax = samples.two_beliefs()
    assert heights(ax, 1) == pytest.approx(samples.P)
    assert ax.containers[0][0].get_x() < ax.containers[1][0].get_x()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["truth", "belief"]
    assert ax.patches[0].get_hatch() != ax.patches[-1].get_hatch()


def test_an_infinite_bar_is_highest_and_says_so() -> None:
    ax = samples.endless_cost()
    assert heights(ax, 1)[1:] == [max(heights(ax, 1))] * 2
    assert max(heights(ax, 0)) < heights(ax, 1)[1] < ax.get_ylim()[1]
    assert [text.get_text() for text in ax.texts[-2:]] == ["∞", "∞"]


def test_set_bars_moves_one_group_only() -> None:
    ax = samples.two_beliefs()
    before = heights(ax, 0)
    figures.set_bars(ax, [0.1, 0.2, 0.7], group=1)
    assert heights(ax, 0) == before
    assert heights(ax, 1) == [0.1, 0.2, 0.7]
    assert [text.get_text() for text in ax.texts[3:]] == ["0.10", "0.20", "0.70"]
    assert [text.xy[1] for text in ax.texts[3:]] == [0.1, 0.2, pytest.approx(0.65)]  # at the top


def test_stacked_bars_add_up() -> None:
    ax = samples.totals()
    lower, upper = ax.containers[:2]
    for below, above, total in zip(lower, upper, [1.16, 1.64, 2.34], strict=True):
        assert above.get_y() == pytest.approx(below.get_height())
        assert above.get_y() + above.get_height() == pytest.approx(total)
    said = [text.get_text() for text in ax.texts]
    assert said[-3:] == ["1.16", "1.64", "2.34"]
    assert "0.02" not in said


@pytest.mark.parametrize(
    ("p", "labels", "settings", "message"),
    [
        ([[[1.0]]], ["a"], {}, r"p: expected shape \(outcomes,\) or"),
        ([0.5, -0.5], ["a", "b"], {}, "p: expected values of at least 0, got -0.5"),
        ([0.5, 0.5], ["a"], {}, "labels: expected 2, one for each outcome, got 1"),
        (np.eye(2), ["a", "b"], {"names": ["x"]}, "names: expected 2"),
        (np.eye(2), ["a", "b"], {"role": [figures.DATA]}, "role: expected 2"),
        ([1.0], ["a"], {"top": -1}, "top: expected a number of at least 0, got -1"),
    ],
)
def test_bad_bars_are_refused(
    p: Any, labels: list[str], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        figures.bars(figures.new()[1], p, labels, **settings)


@pytest.mark.parametrize(
    ("parts", "labels", "names", "message"),
    [
        ([[np.inf]], ["a"], ["x"], "parts: expected finite values of at least 0, got inf"),
        ([[1]], ["a"], ["x"], "role: expected 1, one for each part, got 2"),
        ([[1], [1]], ["a"], ["x"], "names: expected 2"),
        ([[1], [1]], [], ["x", "y"], "labels: expected 1"),
    ],
)
def test_bad_parts_are_refused(parts: Any, labels: Any, names: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        figures.stacked(figures.new()[1], parts, labels, names=names)


def test_bad_new_heights_are_refused() -> None:
    ax = figures.bars(figures.new()[1], [1.0], ["a"])
    with pytest.raises(ValueError, match="p: expected 1, one for each bar, got 2"):
        figures.set_bars(ax, [0.5, 0.5])
