"""Texts of a figure as they are drawn, and what lies over what."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

SLACK = 1.5  # pixels: boxes are a little larger than their letters


def drawn_texts(figure: Figure) -> list[tuple[Text, Bbox]]:
    """Every text that is drawn, with its box in pixels; an axis has others, outside its limits."""
    drawn: list[Text] = []
    draw = Text.draw

    def spy(text: Text, renderer: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            drawn.append(text)
        draw(text, renderer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", spy)
        # What is animated is saved as well; to make it still would have everything drawn anew.
        patch.setattr(figure.canvas, "is_saving", lambda: True)
        figure.draw_without_rendering()
    return [(text, text.get_window_extent()) for text in dict.fromkeys(drawn)]


def points(figure: Figure) -> Iterator[tuple[str, Bbox]]:
    """Every marker that can be seen, with its box in pixels."""
    for line in figure.findobj(Line2D):
        axes = line.axes
        lonely = line.get_marker() in ("None", "none", "", " ", None, "|", "_", 0, 1, 2, 3)
        if lonely or axes is None or line not in axes.lines or not line.get_visible():
            continue
        half = line.get_markersize() * figure.dpi / 72 / 2
        for x, y in line.get_transform().transform(line.get_xydata()):
            if np.isfinite([x, y]).all() and axes.bbox.padded(1).contains(x, y):
                yield (
                    f"a point of {line.get_label()}",
                    Bbox([[x - half, y - half], [x + half, y + half]]),
                )


def overlaps(figure: Figure) -> Iterator[str]:
    """Each text that lies over another, and each that lies over a point."""
    texts = [(text.get_text(), box) for text, box in drawn_texts(figure)]
    pairs = [*itertools.combinations(texts, 2), *itertools.product(texts, points(figure))]
    for (one, first), (other, second) in pairs:
        both = Bbox.intersection(first, second)
        if both is not None and min(both.size) >= SLACK:
            yield f"{one!r} and {other!r} lie over each other"
