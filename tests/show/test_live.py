"""A live figure follows its controls, says what it shows, and survives what goes wrong."""

import asyncio
import base64
import gc
import html
import io
import itertools
import re
import tracemalloc
import weakref
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from ipywidgets.widgets import widget as registry
from matplotlib.figure import Figure
from PIL import Image

from course.show import figures
from course.show.live import (
    LiveFigure,
    checkbox,
    log_slider,
    selection_slider,
    slider,
    toggle_buttons,
)
from course.show.rest import REST
from tests.support.notebook_guards import Markup

VIEW = "application/vnd.jupyter.widget-view+json"


def share(value: float = 0.5, **settings: Any) -> widgets.FloatSlider:
    settings = {"min": 0, "max": 1, "step": 0.01} | settings
    return widgets.FloatSlider(value, description="Heads", tooltip="Chance of heads", **settings)


class Coin:
    """Two bars and a count of how often they were drawn."""

    def __init__(self, **settings: Any) -> None:
        self.drawn: list[dict[str, Any]] = []
        self.figure, self.ax = figures.new(height=4.0)
        figures.bars(self.ax, [0.5, 0.5], ["heads", "tails"], top=1)
        self.slider = share()
        moving = [self.ax.patches, self.ax.texts]
        self.live = LiveFigure(
            self.figure, self.draw, {"p": self.slider}, moving=moving, **settings
        )

    def draw(self, p: float) -> str:
        self.drawn.append({"p": p})
        if p == 0.13:
            raise ArithmeticError("<13> is unlucky & refused")
        figures.set_bars(self.ax, [p, 1 - p])
        return f"Heads {p:.0%}, tails {1 - p:.0%}."

    @property
    def picture(self) -> str:
        (picture,) = [child for child in self.live.children if isinstance(child, widgets.HTML)]
        return picture.value

    @property
    def buttons(self) -> list[widgets.Button]:
        boxes = [child for child in self.live.children if isinstance(child, widgets.HBox)]
        return [button for box in boxes for button in box.children]


def parts(picture: str) -> tuple[dict[str, str], str]:
    """The attributes of the one image, and what follows it."""
    before, end, message = picture.partition("</details></div></div>")
    assert end
    (image,) = Markup(before).images
    return image, message


def fine(picture: str) -> np.ndarray:
    """Return the pixels of the image, which has two along each edge for every one that appears."""
    image = parts(picture)[0]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image["src"].split(",")[1]))))
    assert pixels.shape == (2 * int(image["height"]), 2 * int(image["width"]), 3)
    return pixels.astype(int)


def test_the_first_picture_is_there_at_once() -> None:
    coin = Coin()
    image, message = parts(coin.picture)
    assert image["alt"] == coin.live.alt == "Heads 50%, tails 50%."
    assert (image["width"], image["height"]) == ("640", "400")
    assert image["style"] == "max-width:100%;height:auto"
    assert message == ""
    kind, data = image["src"].split(",")
    assert kind == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (1280, 800), "twice as fine"
    assert Image.open(io.BytesIO(coin.live.png)).size == (640, 400)
    assert coin.drawn == [{"p": 0.5}]


def test_a_move_changes_picture_and_words() -> None:
    coin = Coin()
    before = coin.live.png
    # As a message of the browser arrives.
    coin.slider.set_state({"value": 0.8})
    assert coin.drawn[1:] == [{"p": 0.8}]
    image, _ = parts(coin.picture)
    assert image["alt"] == coin.live.alt == "Heads 80%, tails 20%."
    assert coin.live.values == {"p": 0.8}
    assert base64.b64decode(image["src"].split(",")[1]) == coin.live.png != before
    coin.slider.value = 0.5
    assert coin.live.png == before


def test_at_rest_the_picture_becomes_fine() -> None:
    """And the next picture is no other than if it had never been."""

    async def move_and_rest() -> None:
        coin, never = Coin(), Coin()
        for share in (0.8, 0.3):
            coin.slider.value = never.slider.value = share
            assert base64.b64decode(parts(coin.picture)[0]["src"].split(",")[1]) == coin.live.png
            before = coin.live.png, coin.live.rebuilds
            await asyncio.sleep(2 * REST)
            assert fine(coin.picture).shape == (800, 1280, 3)
            assert (coin.live.png, coin.live.rebuilds) == before == (never.live.png, 1)
            assert parts(coin.picture)[0]["alt"] == coin.live.alt

        coin.slider.value = 0.13
        await asyncio.sleep(2 * REST)
        assert "unlucky" in parts(coin.picture)[1], "what is said stays"
        coin.slider.value = 0.2
        shown = coin.picture
        coin.live.close()
        await asyncio.sleep(2 * REST)
        assert coin.live._picture.value == shown

    asyncio.run(move_and_rest())


CONTROLS: list[tuple[type[widgets.Widget], dict[str, Any], Any]] = [
    (widgets.FloatLogSlider, {"value": 1.0}, 10.0),
    (widgets.IntRangeSlider, {"value": (2, 5)}, (3, 4)),
    (widgets.SelectionSlider, {"options": ["low", "high"]}, "high"),
    (widgets.ToggleButtons, {"options": ["low", "high"]}, "high"),
    (widgets.Checkbox, {"value": False}, True),
    (widgets.Play, {"value": 0}, 3),
]


def test_helpers_make_controls_with_words() -> None:
    few = ["few", "many"]
    made = [
        slider("Setting", 3, 1, 5, tip="Sets it"),
        slider("Setting", 3, 1, 5, step=0.5, tip="Sets it"),
        log_slider("Setting", 3.0, -1, 2, tip="Sets it"),
        selection_slider("Setting", "many", few, tip="Sets it"),
        toggle_buttons("Setting", "many", few, tip="Sets it"),
        checkbox("Setting", True, tip="Sets it"),
    ]
    kinds = "IntSlider FloatSlider FloatLogSlider SelectionSlider ToggleButtons Checkbox"
    assert [type(control).__name__ for control in made] == kinds.split()
    assert [control.value for control in made] == [3, 3, 3, "many", "many", True]
    assert {(control.description, control.tooltip) for control in made} == {("Setting", "Sets it")}
    assert [(c.min, c.max) for c in made[:3]] == [(1, 5), (1, 5), (-1, 2)]
    assert [c.step for c in made[:3]] == [1, 0.5, 0.01]
    assert [list(c.options) for c in made[3:5]] == [few, few]


@pytest.mark.parametrize(("kind", "settings", "value"), CONTROLS)
def test_every_kind_of_control_is_followed(
    kind: type[widgets.Widget], settings: dict[str, Any], value: Any
) -> None:
    figure, ax = figures.new()
    control = kind(**settings, description="Setting", tooltip="Sets it")

    def draw(setting: Any) -> str:
        ax.title.set_text(f"{setting}")
        return f"The title says {setting}."

    live = LiveFigure(figure, draw, {"setting": control}, moving=[ax.title])
    before = live.png
    control.value = value
    assert live.alt == f"The title says {value}."
    assert live.png != before
    assert live.children[0] is control


def test_alt_text_cannot_break_out_of_its_attribute() -> None:
    figure, ax = figures.new()
    alt = "p < 1 & \"q\" > '0' — ½"
    live = LiveFigure(figure, lambda: alt, {}, moving=[ax.title])
    image, message = parts(live.children[0].value)
    assert (image["alt"], message) == (alt, "")


def test_several_controls_set_together_draw_once() -> None:
    figure, ax = figures.new()
    calls: list[tuple[float, float]] = []

    def draw(x: float, y: float) -> str:
        calls.append((x, y))
        return f"x is {x}, y is {y}."

    controls = {"x": share(0.1), "y": share(0.2)}
    live = LiveFigure(figure, draw, controls, moving=[ax.title])
    live.set(x=0.3, y=0.4)
    assert calls[1:] == [(0.3, 0.4)]
    live.set(x=0.3)
    assert len(calls) == 2, "nothing changed"
    with pytest.raises(KeyError, match="z"):
        live.set(x=0.9, z=1)
    assert live.values == {"x": 0.3, "y": 0.4}


def test_a_button_acts_and_draws_once() -> None:
    def reset() -> None:
        coin.live.set(p=0.2)
        coin.slider.value = 0.4

    coin = Coin(actions={"Reset": (reset, "Starts again"), "Again": (lambda: None, "Draws")})
    first, second = coin.buttons
    assert (first.description, first.tooltip) == ("Reset", "Starts again")
    assert (second.description, second.tooltip) == ("Again", "Draws")
    first.click()
    assert coin.drawn[1:] == [{"p": 0.4}]
    second.click()
    assert coin.drawn[2:] == [{"p": 0.4}]


def test_what_draw_does_to_controls_draws_no_second_time() -> None:
    figure, ax = figures.new()
    control, calls = share(0.1), []

    def draw(p: float) -> str:
        calls.append(p)
        control.value = round(p, 1)
        return f"p is about {control.value}."

    live = LiveFigure(figure, draw, {"p": control}, moving=[ax.title])
    control.value = 0.27
    assert calls == [0.1, 0.27]
    assert live.alt == "p is about 0.3."


def test_an_error_is_said_and_the_next_value_recovers() -> None:
    coin = Coin()
    good = coin.live.png
    coin.slider.value = 0.13
    image, message = parts(coin.picture)
    said = html.unescape(re.sub("<[^>]+>", "", message))
    assert "There is no picture for p = 0.13 (ArithmeticError: <13> is unlucky & refused)." in said
    assert "<13>" not in message
    assert 'role="alert"' in message
    assert "test_live.py" in message, "the traceback is there for who wants it"
    assert coin.live.error == (
        "There is no picture for p = 0.13 (ArithmeticError: <13> is unlucky & refused)."
    )
    assert (image["alt"], coin.live.png) == ("Heads 50%, tails 50%.", good)
    coin.slider.value = 0.6
    image, message = parts(coin.picture)
    assert (image["alt"], message) == ("Heads 60%, tails 40%.", "")
    assert coin.live.error is None


def test_an_error_of_a_button_is_said_and_the_picture_still_drawn() -> None:
    def fail() -> None:
        coin.slider.value = 0.7
        raise RuntimeError("no more weeks")

    coin = Coin(actions={"Next week": (fail, "Fails")})
    coin.buttons[0].click()
    image, message = parts(coin.picture)
    assert "The button “Next week” failed (RuntimeError: no more weeks)." in message
    assert coin.live.error is not None
    assert image["alt"] == "Heads 70%, tails 30%."
    coin.slider.value = 0.6
    assert parts(coin.picture)[1] == ""


def test_what_fails_at_once_is_raised() -> None:
    figure, ax = figures.new()

    def draw(p: float) -> str:
        raise ZeroDivisionError(p)

    with pytest.raises(ZeroDivisionError):
        LiveFigure(figure, draw, {"p": share()}, moving=[ax.title])


@pytest.mark.parametrize("words", [None, "", "  ", 3])
def test_draw_has_to_say_what_is_seen(words: Any) -> None:
    figure, ax = figures.new()
    with pytest.raises(ValueError, match="draw: expected it to return the picture in words"):
        LiveFigure(figure, lambda: words, {}, moving=[ax.title])


def test_artists_that_pile_up_are_refused() -> None:
    figure, ax = figures.new()

    def draw(p: float) -> str:
        if p > 0.5:
            ax.plot([0, p], [0, 1])
        return f"A line of slope {p}."

    live = LiveFigure(figure, draw, {"p": share(0.2)}, moving=[ax.title])
    live.set(p=0.9)
    assert live.error is not None
    assert "draw: expected it to update artists, got 1 new in the axes" in live.error


def test_still_artists_may_be_replaced() -> None:
    """As contours have to be, which cannot be updated."""
    figure, ax = figures.new()
    x = np.linspace(-1, 1, 20)
    contours = [ax.contour(x, x, x[:, None] ** 2 + x**2)]

    def draw(p: float) -> str:
        contours.pop().remove()
        contours.append(ax.contour(x, x, p * x[:, None] ** 2 + x**2))
        return f"Ellipses of ratio {p}."

    live = LiveFigure(figure, draw, {"p": share()}, moving=[ax.title])
    before = live.png
    live.set(p=0.1)
    assert live.error is None
    assert live.png != before


def test_it_displays_as_widget_picture_and_words() -> None:
    coin = Coin()
    data, metadata = DisplayFormatter().format(coin.live)
    assert data[VIEW]["model_id"] == coin.live.model_id
    stored = np.asarray(
        Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB"), dtype=int
    )
    assert np.abs(stored - fine(coin.picture)).max() <= 16
    assert parts(data["text/html"])[0]["src"].endswith(data["image/png"])
    assert parts(data["text/html"])[0]["alt"] == data["text/plain"] == coin.live.alt
    about = {"alt": coin.live.alt, "width": 640, "height": 400}
    assert metadata["image/png"] == about
    assert repr(coin.live) == "LiveFigure('Heads 50%, tails 50%.')"
    coin.slider.value = 0.9
    assert DisplayFormatter().format(coin.live)[0]["text/plain"] == "Heads 90%, tails 10%."


def test_many_updates_keep_nothing() -> None:
    coin = Coin()
    values = itertools.cycle([0.2, 0.8])

    def allocated(updates: int) -> int:
        for value in itertools.islice(values, updates):
            coin.slider.value = value
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = allocated(10)
        grown = allocated(30) - before
    finally:
        tracemalloc.stop()
    assert grown < 10 * len(coin.live.png)


def test_closing_releases_everything() -> None:
    def open_widgets() -> set[str]:
        return set(registry._instances)

    before = open_widgets()
    coin = Coin(actions={"Nothing": (lambda: None, "Does nothing")})
    assert len(open_widgets()) > len(before)
    live, figure = weakref.ref(coin.live), weakref.ref(coin.figure)
    coin.live.close()
    coin.live.close()  # as good as once
    assert open_widgets() == before
    assert isinstance(figure(), Figure)
    kept = coin.slider  # as a notebook does that gave it a name
    del coin
    gc.collect()
    assert live() is None
    assert figure() is None
    assert kept.value == 0.5
