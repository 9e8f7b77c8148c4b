"""Controls of a live figure as widgets: what they must have, how they lie, what belongs to them."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import ipywidgets as widgets

from course.checks import refusal

# As wide as what stands in them; the others are as wide as the picture.
NARROW: Final = (widgets.Play, widgets.ToggleButton, widgets.ToggleButtons)


def parts_of(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """Yield a widget and all that belongs to it: layout, style, children and theirs."""
    yield widget
    own = (getattr(widget, "layout", None), getattr(widget, "style", None))
    for part in (*own, *getattr(widget, "children", ())):
        if isinstance(part, widgets.Widget):
            yield from parts_of(part)


def check_control(name: str, control: object) -> None:
    """Refuse what is no control, or one without words for a reader."""
    name = f"controls[{name!r}]"
    if not isinstance(control, widgets.Widget) or not control.has_trait("value"):
        raise refusal(name, "a widget with a value", repr(control), TypeError)
    for text in ("description", "tooltip"):
        if not getattr(control, text, None):
            raise refusal(name, f"a {text}", "none")


def lay_out(controls: Sequence[Any], *, width: int) -> None:
    """Give all labels one width that fits the longest, and controls the width of the picture."""
    # A check box has its label on the right. A zero, the unit ch, is wider than a usual letter.
    left = [c for c in controls if not isinstance(c, widgets.Checkbox)]
    label = f"{max((len(control.description) for control in left), default=0) + 1}ch"
    for control in controls:
        if "description_width" in getattr(getattr(control, "style", None), "keys", ()):
            control.style.description_width = label
        if isinstance(control, widgets.ToggleButtons):
            control.add_class("widget-inline-hbox")  # label and buttons on a line, as in the others
            control.style.button_width = control.style.button_width or "auto"
        if control.layout.width is None:
            control.layout.width = "auto" if isinstance(control, NARROW) else "100%"
        control.layout.max_width = f"{width}px"
        # A readout of two decimals, the default, would stand still at smaller steps.
        if type(control) is widgets.FloatSlider and control.readout_format == ".2f":
            decimals = math.ceil(-math.log10(control.step)) if control.step else 2
            control.readout_format = f".{max(decimals, 2)}f"
