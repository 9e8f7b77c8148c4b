"""Controls have words, and lie below each other with room for them."""

from typing import Any

import ipywidgets as widgets
import pytest

from course.show import figures
from course.show.live import LiveFigure
from tests.show.test_live import share


@pytest.mark.parametrize(
    ("control", "kind", "message"),
    [
        (3, TypeError, "expected a widget with a value"),
        (widgets.HBox(), TypeError, "expected a widget with a value"),
        (widgets.FloatSlider(tooltip="t"), ValueError, "expected a description"),
        (widgets.FloatSlider(description="d"), ValueError, "expected a tooltip"),
    ],
)
def test_controls_without_words_are_refused(
    control: Any, kind: type[Exception], message: str
) -> None:
    figure, ax = figures.new()
    with pytest.raises(kind, match=rf"controls\['size'\]: {message}"):
        LiveFigure(figure, lambda size: f"{size}", {"size": control}, moving=[ax.title])


def test_labels_fit_and_readouts_show_every_step() -> None:
    figure, ax = figures.new()
    long = "The share of spam among messages"
    controls = {
        "a": share(step=0.001),
        "b": share(step=0.25),
        "c": share(step=0.001, readout_format=".1%"),
        "d": widgets.Dropdown(options=[1, 2], description=long, tooltip="Share"),
        "e": widgets.Checkbox(description=2 * long, tooltip="Its label is on the right"),
        "f": widgets.ToggleButtons(options=["x", "y"], description="Kind", tooltip="Kind"),
        "g": share(layout={"width": "12em"}),
    }
    live = LiveFigure(figure, lambda **_: "An empty picture.", controls, moving=[ax.title])
    controls = live.controls
    assert [controls[name].readout_format for name in "abc"] == [".3f", ".2f", ".1%"]
    assert {c.style.description_width for c in controls.values()} == {f"{len(long) + 1}ch"}
    assert {c.layout.max_width for c in controls.values()} == {"640px"}
    widths = ["100%"] * 5 + ["auto", "12em"]
    assert [c.layout.width for c in controls.values()] == widths
    assert controls["f"].style.button_width == "auto"
    assert "widget-inline-hbox" in controls["f"]._dom_classes
    # A tooltip breaks the view of anything but a control.
    for child in live.children:
        assert bool(child.tooltip) == (child in controls.values())
