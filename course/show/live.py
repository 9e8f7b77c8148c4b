"""Live figures: named controls, and below them one picture that follows in milliseconds."""

import html
import io
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from course.checks import refusal
from course.show import cells
from course.show.blitting import BlitCanvas, encode
from course.show.control_panel import check_control, lay_out, parts_of
from course.show.drawing import drawing
from course.show.picture import Picture, small_png
from course.show.rest import AtRest
from course.show.style import PIXELS_PER_INCH

CLOSED = "This live figure is closed. Run the cell that makes it once more, and it lives again."


# Controls. Each has a description, which labels it, and a tip, which says what it changes.


def slider(
    description: str, value: float, low: float, high: float, *, step: float = 1, tip: str
) -> Any:
    """Return a slider of whole numbers, or of floats if `step` is one."""
    kind = widgets.IntSlider if isinstance(step, int) else widgets.FloatSlider
    return kind(value, min=low, max=high, step=step, description=description, tooltip=tip)


def log_slider(
    description: str, value: float, low: float, high: float, *, step: float = 0.01, tip: str
) -> Any:
    """Return a slider whose steps multiply; bounds and step are powers of ten, the value is not.

    A browser would move a value between two steps to the nearest one.
    """
    kind = widgets.FloatLogSlider
    return kind(value, min=low, max=high, step=step, description=description, tooltip=tip)


def selection_slider(description: str, value: Any, options: Sequence[Any], *, tip: str) -> Any:
    """Return a slider over a few values."""
    kind = widgets.SelectionSlider
    return kind(options=options, value=value, description=description, tooltip=tip)


def toggle_buttons(description: str, value: Any, options: Sequence[Any], *, tip: str) -> Any:
    """Return a row of buttons, one of which is pressed."""
    kind = widgets.ToggleButtons
    return kind(options=options, value=value, description=description, tooltip=tip)


def checkbox(description: str, value: bool, *, tip: str) -> Any:
    """Return a box to tick."""
    return widgets.Checkbox(value, description=description, tooltip=tip)


class LiveFigure(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no type hints
    """Picture that follows its controls.

    Moving a control calls `draw` with the values of all controls; it changes the data of the moving
    artists and says in words what the picture shows now. Only the moving artists are painted anew.
    As soon as the controls rest, the picture becomes twice as fine.

    If `draw` changes anything else (limits, a title, a legend), the whole figure is drawn, which
    takes several times as long: what changes at every step, such as `axes.title`, is among the
    moving.

    The words become the alt text of the picture. There is no `aria-live`: a region that reads
    itself out at every step of a drag would never fall silent, while a slider announces its own
    value, and the alt text is current whenever a reader turns to the picture. Only an error
    announces itself.

    Args:
        figure: a `matplotlib.figure.Figure`, never one of pyplot's, with everything drawn on it.
        draw: takes the values by their names in `controls`, updates the moving artists, and
            returns the alt text. It adds no artists, except in place of still ones that it removes.
            When it sets a control itself, that does not draw again.
        controls: name to widget with a `value`, a `description` and a `tooltip`.
        moving: the artists that `draw` changes; containers (of bars, say) count as their parts.
        actions: label to a function and the tooltip of its button. A press of the button calls the
            function, then draws once.

    What `draw` raises at the first picture is not caught, later it is shown and kept in `error`.

    In a notebook the figure is closed when the cells that made or showed it run again without it.
    Then it shows its last picture and says so.

    >>> from matplotlib.figure import Figure
    >>> figure = Figure(figsize=(6.4, 4.0))
    >>> bars = figure.subplots().bar(["heads", "tails"], [0.5, 0.5])
    >>> def draw(p):
    ...     for bar, height in zip(bars, (p, 1 - p)):
    ...         bar.set_height(height)
    ...     return f"Heads {p:.0%}, tails {1 - p:.0%}."
    >>> heads = slider("Heads", 0.5, 0, 1, step=0.01, tip="Chance of heads")
    >>> live = LiveFigure(figure, draw, {"p": heads}, moving=[bars])
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
        actions: Mapping[str, tuple[Callable[[], object], str]] | None = None,
    ) -> None:
        for name, control in controls.items():
            check_control(name, control)
        self.controls = dict(controls)
        self.alt = ""
        self.png = b""
        self.error: str | None = None
        self._draw: Callable[..., str] | None = draw
        self._canvas: BlitCanvas | None = BlitCanvas(figure, moving)
        width, height = (round(size) for size in figure.get_size_inches() * PIXELS_PER_INCH)
        self._css_size = width, height  # whatever the figure's resolution
        self._held = False  # while changes of controls wait
        self._drawn: dict[str, Any] | None = None  # values in the picture; none if it is not right
        self._message = ""  # below the picture, as HTML
        self._at_rest = AtRest(self._refine)
        self._redraw()

        # The widgets come after the picture, which may fail, and whose width they take.
        lay_out(list(self.controls.values()), width=width)
        self._picture = widgets.HTML()
        self._refine()
        buttons = [self._button(label, *action) for label, action in (actions or {}).items()]
        row = [widgets.HBox(buttons, layout={"flex_flow": "row wrap"})] if buttons else []
        super().__init__([*self.controls.values(), *row, self._picture])
        # Last, so that nothing draws before all is there.
        for control in self.controls.values():
            control.observe(self._update, names="value")
        cells.note(self)

    @property
    def canvas(self) -> BlitCanvas:
        """Canvas of the figure."""
        if self._canvas is None:
            raise refusal("live", "a figure that is open", f"a closed one. {CLOSED}")
        return self._canvas

    @property
    def figure(self) -> Figure:
        """Matplotlib's figure."""
        return self.canvas.figure

    @property
    def rebuilds(self) -> int:
        """Number of times that the whole figure was drawn."""
        return self.canvas.rebuilds

    @property
    def values(self) -> dict[str, Any]:
        """Value of each control, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> None:
        """Set several controls and draw once."""
        unknown = sorted(values.keys() - self.controls.keys())
        if unknown:
            raise refusal("set", f"names among {list(self.controls)}", unknown, KeyError)
        _ = self.canvas  # a closed one has none
        with drawing():
            with self._hold():
                for name, value in values.items():
                    self.controls[name].value = value
            if self.values != self._drawn:
                self._update()

    def close(self) -> None:
        """Close the figure with all its controls, so that nothing keeps it in memory."""
        if self.comm is None:  # closed before, or refused while it was made
            return
        for control in self.controls.values():
            control.unobserve(self._update, names="value")
        for part in list(parts_of(self))[1:]:
            part.close()
        super().close()
        del self._repr_mimebundle_  # ipywidgets put nothing in its place, to be shown
        cells.forget(self)
        self._at_rest.cancel()
        # A notebook keeps the results of its cells, but not this one's figure.
        self._canvas = self._draw = None

    def __repr__(self) -> str:
        return f"LiveFigure({self.alt!r})"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the widget for a reader with a kernel, else the picture, and its words."""
        data, metadata = Picture(small_png(self._pixels()), self.alt, *self._css_size).bundle()
        if self._canvas is None:
            return data | {"text/html": f"{data['text/html']}<p>{CLOSED}</p>"}, metadata
        cells.note(self)
        bundle = super()._repr_mimebundle_() or {}
        for view in bundle.values():
            if isinstance(view, dict):  # saved without the widget (course/cli/saving.py)
                view["why_models_learn"] = True
        return bundle | data, metadata

    @contextmanager
    def _hold(self) -> Iterator[None]:
        """Let changes of controls wait instead of drawing at each."""
        held, self._held = self._held, True
        try:
            yield
        finally:
            self._held = held

    def _button(self, label: str, act: Callable[[], object], tip: str) -> widgets.Button:
        """Return a button that acts, then draws."""
        button = widgets.Button(description=label, tooltip=tip, layout={"width": "auto"})

        def press(_: widgets.Button) -> None:
            with drawing() as now:
                with self._hold(), now.outside():
                    failure = self._attempt(act, f"the button “{label}” failed")
                self._update(failure=failure)

        button.on_click(press)
        return button

    def _update(self, _: object = None, *, failure: str = "") -> None:
        """Draw for the values there are now, unless that has to wait."""
        with drawing():  # one thread at a time, so that what is held back is this one's
            if self._held:
                return
            if not failure:
                self.error = None
            settings = ", ".join(
                f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}"
                for name, value in self.values.items()
            )
            what = f"there is no picture for {settings or 'this'}"
            try:
                failure += self._attempt(self._redraw, what)
            except BaseException:  # an interrupt: the picture is not that of the controls
                failure += _alert(f"Interrupted: {what}. You see the one before. Set it again.")
                raise
            finally:
                self._message = failure
                self._show(self.png)
                self._at_rest.moved()

    def _attempt(self, act: Callable[[], object], what: str) -> str:
        """Call `act`; if it raises, keep that in `error` and return it in words, as HTML."""
        try:
            act()
        except Exception as raised:
            self.error = f"{what[0].upper()}{what[1:]} ({type(raised).__name__}: {raised})."
            sentence = _alert(f"{self.error} You see the last one that worked.")
            trace = html.escape("".join(traceback.format_exception(raised)))
            where = f"<summary>Where it happened</summary><pre>{trace}</pre>"
            return f"{sentence}<details>{where}</details>"
        return ""

    def _redraw(self) -> None:
        """Draw the picture and keep its words."""
        if self._draw is None:  # closed in the meantime
            return
        self._drawn = None
        with drawing() as now:
            artists = self._count_artists()
            try:
                with self._hold(), now.outside():
                    alt = self._draw(**self.values)
            except BaseException:  # it may have come between a change and the note of it
                self.canvas.forget()
                raise
            if not isinstance(alt, str) or not alt.strip():
                raise refusal("draw", "it to return the picture in words", repr(alt))
            added = self._count_artists() - artists
            if added > 0:  # the picture would become slower with every step
                raise refusal("draw", "it to update artists", f"{added} new in the axes")
            self.png, self.alt = self.canvas.png(), alt
            self._drawn = self.values

    def _count_artists(self) -> int:
        """Return how many artists the axes hold."""
        return sum(len(axes.get_children()) for axes in self.figure.axes)

    def _show(self, png: bytes) -> None:
        """Show a picture with its words, and the message below it."""
        self._picture.value = Picture(png, self.alt, *self._css_size).html() + self._message

    def _refine(self) -> None:
        """Show the picture as fine as screens are."""
        with drawing():
            self._show(encode(self._pixels()))

    def _pixels(self) -> NDArray[np.uint8]:
        """Return the pixels of the picture, twice as fine if the figure still shows it."""
        if self._canvas is not None and self._drawn is not None:
            return self._canvas.fine_pixels()
        return np.asarray(Image.open(io.BytesIO(self.png)).convert("RGBA"))


def _alert(sentence: str) -> str:
    """Return a sentence as HTML that announces itself."""
    return f'<p role="alert"><strong>{html.escape(sentence)}</strong></p>'
