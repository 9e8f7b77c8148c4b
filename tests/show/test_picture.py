"""A picture reaches everybody: small, the same as it was drawn, and with its words."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from course.show import figures
from course.show.picture import Picture, small_png
from course.show.style import MUTED, ROLES
from tests.show import samples
from tests.support.notebook_guards import Markup

ALTS = [
    "Two bars of equal height.",
    "p < 1 & \"q\" > '0' — ½ `a` $b$ <img src=x onerror=y>",
    "a line\n\n# and another\r\n\tthe third, with &amp; and &#10;",
]


def drawn(columns: int = 1) -> np.ndarray:
    """Pixels of a figure in every role's colour, with texts, shades and a map of heights."""
    figure, axes = figures.new(columns=columns, width=8.0)
    for ax in np.atleast_1d(axes):
        for place, role in enumerate(ROLES.values()):
            figures.curve(ax, [0, 1], [place, place + 1], role=role, name=role, fill=True)
        ax.imshow(np.hypot(*np.mgrid[-1:1:60j, -1:1:60j]), extent=(0, 1, 5, 6), cmap="cividis")
        figures.legend(ax, outside=False)
    figure.canvas.draw()
    return np.array(figure.canvas.buffer_rgba())


def seen(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=int)


def test_a_palette_keeps_the_look_in_a_third_of_the_bytes() -> None:
    pixels = drawn()
    png, whole = small_png(pixels), io.BytesIO()
    Image.fromarray(pixels).save(whole, "png")
    assert len(png) < 0.45 * len(whole.getvalue())
    off = np.abs(seen(png) - pixels[..., :3].astype(int))
    assert off.max() <= 24  # at the blended edge of a letter or line
    assert off.mean() < 1
    assert small_png(pixels) == png


def test_a_rare_colour_keeps_its_own_value() -> None:
    """One small point among many shades is what a picture is often about."""
    pixels = drawn()
    for place, colour in enumerate([*ROLES.values(), MUTED]):
        value = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        pixels[4:12, 20 * place : 20 * place + 8, :3] = value
        kept = seen(small_png(pixels))[8, 20 * place + 4]
        assert np.abs(kept - value).max() <= 2, colour


@pytest.mark.parametrize("colours", [1, 2, 16, 200, 256])
def test_few_colours_are_kept_to_the_bit(colours: int) -> None:
    pixels = np.full((30, 40, 4), 255, np.uint8)
    pixels[..., 0] = (np.arange(1200) % colours).reshape(30, 40)
    assert np.array_equal(seen(small_png(pixels)), pixels[..., :3])


def test_what_is_not_opaque_lies_on_white() -> None:
    pixels = np.zeros((10, 10, 4), np.uint8)
    pixels[:5, :, 3] = 255
    found = seen(small_png(pixels))
    assert (found[:5] == 0).all()
    assert (found[5:] == 255).all()


@pytest.mark.parametrize("alt", ALTS)
def test_one_image_says_the_words_whatever_stands_in_them(alt: str) -> None:
    picture = Picture(b"\x89PNG", alt, 640, 360)
    data, metadata = picture.bundle()
    tags = Markup(data["text/html"])
    (image,) = tags.images
    assert image["alt"] == data["text/plain"] == metadata["image/png"]["alt"] == alt
    assert {name for name, _ in tags.tags} == {"div", "details", "summary", "img"}
    assert (image["width"], image["height"]) == ("640", "360")
    assert image["style"] == "max-width:100%;height:auto"
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == picture.png
    assert base64.b64decode(data["image/png"]) == picture.png
    assert "\n" not in data["text/html"]


def test_both_pictures_of_an_output_are_the_same_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: list[dict[str, str]] = []
    monkeypatch.setattr(figures, "display", lambda data, **_: outputs.append(data))
    figures.show(samples.weeks(), alt="Two curves over thirty weeks, with two events.")
    (data,) = outputs
    (image,) = Markup(data["text/html"]).images
    assert image["src"] == "data:image/png;base64," + data["image/png"]
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).mode == "P"
