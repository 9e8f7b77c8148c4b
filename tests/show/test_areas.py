"""Averages as areas: widths, heights, words, and what cannot be drawn."""

import numpy as np
import pytest

from course.show import figures

P, VALUES = [0.05, 0.30, 0.65], np.log2(1 / np.array([0.05, 0.30, 0.65]))


def test_areas_add_up_to_the_average() -> None:
    ax = figures.areas(figures.new()[1], P, VALUES, ["sun", "cloud", "rain"])
    sizes = [bar.get_width() * bar.get_height() for bar in ax.patches]
    assert sizes == pytest.approx(P * VALUES)
    assert [bar.get_x() for bar in ax.patches] == pytest.approx([0, 0.05, 0.35])
    said = [text.get_text() for text in ax.texts]
    assert said == [" sun\n 0.216 ", "cloud 0.521", "rain 0.404", "average 1.141"]
    assert ax.lines[0].get_ydata() == pytest.approx([1.141] * 2, abs=1e-3)
    assert ax.get_ylim()[1] > VALUES.max()


def test_an_impossible_outcome_has_no_width() -> None:
    ax = figures.areas(figures.new()[1], [1, 0], [0, 9], ["sure", "never"])
    assert [bar.get_width() for bar in ax.patches] == [1, 0]


@pytest.mark.parametrize(
    ("p", "values", "labels", "message"),
    [
        ([0.5, 0.5], [1], ["a", "b"], "values: expected shape"),
        ([0.5, 0.5], [1, 1], ["a"], "labels: expected 2"),
        ([0.5, 0.5], [1, np.inf], ["a", "b"], "values: expected finite"),
        ([0.5, 0.5], [1, -1], ["a", "b"], "values: expected"),
        ([0.5, 0.6], [1, 1], ["a", "b"], "p: expected"),
    ],
)
def test_what_has_no_area_is_refused(p, values, labels, message) -> None:
    with pytest.raises(ValueError, match=message):
        figures.areas(figures.new()[1], p, values, labels)
