"""Live figures: named controls, and below them one picture that follows in milliseconds."""

import base64
import html
import inspect
import math
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from course.show.blitting import BlitCanvas

NARROW = (widgets.Play, widgets.ToggleButton, widgets.ToggleButtons)


class LiveFigure(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no type hints
    """A picture that follows its controls.

    Moving a control calls `draw` with the values of all controls; it changes the data of the moving
    artists and says in words what the picture shows now. Only the moving artists are painted anew.
    If `draw` changes anything else (limits, a title, a legend), the whole figure is drawn, which
    takes several times as long: what changes at every step, such as `axes.title`, is among the
    moving.

    The words become the alt text of the picture. There is no `aria-live`: a region that reads
    itself out at every step of a drag would never fall silent, while a slider announces its own
    value, and the alt text is current whenever a reader turns to the picture. Only an error
    announces itself.

    Args:
      figure: a `matplotlib.figure.Figure`, never one of pyplot's, with everything drawn on it.
      draw: takes the values by their names in `controls`, updates the moving artists, and returns
        the alt text. It adds no artists, except in place of still ones that it removes. When it
        sets a control itself, that does not draw again.
      controls: name to widget with a `value`, a `description` and a `tooltip`.
      moving: the artists that `draw` changes; containers (of bars, say) count as their parts.
      actions: label to function. A press of the button calls it, then draws once. The first line of
        its docstring becomes the button's tooltip.

    Raises:
      TypeError: a control is no widget with a value, or something in `moving` is no artist.
      ValueError: a control lacks description or tooltip, `figure` is pyplot's, `moving` is not all
        in it, or `draw` adds artists or returns no words. What `draw` raises at the first picture
        is not caught; later it is shown below the picture and kept in `error`.

    >>> from matplotlib.figure import Figure
    >>> figure = Figure(figsize=(6.4, 4.0))
    >>> bars = figure.subplots().bar(["heads", "tails"], [0.5, 0.5])
    >>> def draw(p):
    ...     for bar, height in zip(bars, (p, 1 - p)):
    ...         bar.set_height(height)
    ...     return f"Heads {p:.0%}, tails {1 - p:.0%}."
    >>> slider = widgets.FloatSlider(0.5, max=1.0, description="Heads", tooltip="Chance of heads")
    >>> live = LiveFigure(figure, draw, {"p": slider}, moving=[bars])
    >>> live.set(p=0.75)
    >>> live.alt
    'Heads 75%, tails 25%.'
    """

    def __init__(
        self,
        figure: Figure,
        draw: Callable[..., str],
        controls: Mapping[str, Any],
        *,
        moving: Sequence[object],
        actions: Mapping[str, Callable[[], object]] | None = None,
    ) -> None:
        for name, control in controls.items():
            _check_control(name, control)
        self.controls = dict(controls)
        self.alt = ""
        self.png = b""
        self.error: str | None = None
        self._draw = draw
        self._layers = BlitCanvas(figure, moving)
        self._held = self._due = False
        self._redraw()

        _lay_out(list(self.controls.values()), width=self._layers.css_size[0])
        self._picture = widgets.HTML(self._html())
        buttons = [self._button(label, act) for label, act in (actions or {}).items()]
        row = [widgets.HBox(buttons, layout={"flex_flow": "row wrap"})] if buttons else []
        super().__init__([*self.controls.values(), *row, self._picture])
        for control in self.controls.values():
            control.observe(self._update, names="value")

    @property
    def values(self) -> dict[str, Any]:
        """The value of each control, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> None:
        """Sets several controls and draws once.

        Raises:
          KeyError: there is no control of that name.
        """
        if unknown := values.keys() - self.controls.keys():
            raise KeyError(
                f"set: expected names among {list(self.controls)}, got {sorted(unknown)}"
            )
        try:
            with self._hold():
                for name, value in values.items():
                    self.controls[name].value = value
        finally:
            if self._due:
                self._update()

    def close(self) -> None:
        """Closes the figure with all its controls, so that nothing keeps it in memory."""
        if self.comm is None:  # closed before
            return
        for control in self.controls.values():
            control.unobserve(self._update, names="value")
        for widget in reversed(list(_tree(self))):
            for part in (widget.layout, getattr(widget, "style", None)):
                if isinstance(part, widgets.Widget):
                    part.close()
            if widget is not self:
                widget.close()
        super().close()

    def __repr__(self) -> str:
        return f"LiveFigure({self.alt!r})"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget for a reader with a kernel, the picture for one without, and its words."""
        bundle = super()._repr_mimebundle_() or {}
        bundle |= {"image/png": base64.b64encode(self.png).decode(), "text/plain": self.alt}
        width, height = self._layers.css_size
        return bundle, {"image/png": {"alt": self.alt, "width": width, "height": height}}

    @contextmanager
    def _hold(self) -> Iterator[None]:
        """Lets changes of controls wait instead of drawing at each."""
        held, self._held = self._held, True
        try:
            yield
        finally:
            self._held = held

    def _button(self, label: str, act: Callable[[], object]) -> widgets.Button:
        tooltip = (inspect.getdoc(act) or label).splitlines()[0]
        button = widgets.Button(description=label, tooltip=tooltip, layout={"width": "auto"})

        def press(_: widgets.Button) -> None:
            failure = ""
            with self._hold():
                failure = self._attempt(act, f"the button “{label}” failed")
            self._update(failure=failure)

        button.on_click(press)
        return button

    def _update(self, _: object = None, *, failure: str = "") -> None:
        """Draws for the values there are now, unless that has to wait."""
        if self._held:
            self._due = True
            return
        if not failure:
            self.error = None
        settings = ", ".join(
            f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}"
            for name, value in self.values.items()
        )
        failure += self._attempt(self._redraw, f"there is no picture for {settings or 'this'}")
        self._picture.value = self._html(failure)

    def _attempt(self, act: Callable[[], object], what: str) -> str:
        """Calls `act`. If it raises, keeps that in `error` and returns it in words, as HTML."""
        try:
            act()
        except Exception as raised:
            self.error = f"{what[0].upper()}{what[1:]} ({type(raised).__name__}: {raised})."
            sentence = html.escape(f"{self.error} You see the last one that worked.")
            trace = html.escape("".join(traceback.format_exception(raised)))
            return (
                f'<p role="alert"><strong>{sentence}</strong></p>'
                f"<details><summary>Where it happened</summary><pre>{trace}</pre></details>"
            )
        return ""

    def _redraw(self) -> None:
        artists = self._layers.count()
        with self._hold():
            alt = self._draw(**self.values)
        self._due = False
        if not isinstance(alt, str) or not alt.strip():
            raise ValueError(f"draw: expected it to return the picture in words, got {alt!r}")
        if (added := self._layers.count() - artists) > 0:
            raise ValueError(f"draw: expected it to update artists, got {added} new in the axes")
        self.png = self._layers.png()
        self.alt = alt

    def _html(self, message: str = "") -> str:
        width, height = self._layers.css_size
        source = base64.b64encode(self.png).decode()
        return (
            f'<img alt="{html.escape(self.alt)}" width="{width}" height="{height}" '
            f'style="max-width:100%;height:auto" src="data:image/png;base64,{source}">{message}'
        )


def _tree(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _tree(child)


def _check_control(name: str, control: object) -> None:
    if not isinstance(control, widgets.Widget) or not control.has_trait("value"):
        raise TypeError(f"controls[{name!r}]: expected a widget with a value, got {control!r}")
    for text in ("description", "tooltip"):
        if not getattr(control, text, None):
            raise ValueError(f"controls[{name!r}]: expected a {text}, got none")


def _lay_out(controls: Sequence[Any], *, width: int) -> None:
    """Gives all labels one width that fits the longest, and controls the width of the picture."""
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
