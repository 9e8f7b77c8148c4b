"""Pictures as they are handed to a notebook: one small PNG, and the words for who cannot see it.

JupyterLab, nbconvert and MyST-NB leave out the alt text that stands in an output's metadata, so
that it goes into an `<img>` of its own; viewers that drop HTML have the same PNG beside it.
"""

import base64
import html
import io
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from course.show.style import PIXELS_PER_INCH

COLOURS = 256  # in a palette: as many as a byte can tell apart
LINE_ENDS = {"\n": "&#10;", "\r": "&#13;"}  # no line of an attribute is taken for Markdown


class Picture(NamedTuple):
    """PNG with its words and the size at which it appears."""

    png: bytes
    alt: str
    """Picture in words."""
    width: int
    """In CSS pixels."""
    height: int
    """In CSS pixels."""

    def html(self) -> str:
        """Return the picture as HTML, no wider than the page; a tap shows it at its own width.

        An open `<details>` holds an empty line as wide as the picture. It makes the box around
        both that wide, which scrolls then, and the picture fills it. Pages without scripts and
        styles of their own, which is what notebooks that are not trusted become, can do that too.

        >>> Picture(b"", 'p < "q"', 640, 360).html()[103:137]
        '<img alt="p &lt; &quot;q&quot;" wi'
        """
        source = base64.b64encode(self.png).decode()
        alt = html.escape(self.alt)
        for end, escaped in LINE_ENDS.items():
            alt = alt.replace(end, escaped)
        return (
            '<div style="overflow-x:auto"><div style="display:inline-block">'
            f'<details><summary style="display:block"><img alt="{alt}" width="{self.width}" '
            f'height="{self.height}" style="max-width:100%;height:auto" '
            f'src="data:image/png;base64,{source}"></summary>'
            f'<div style="width:{self.width}px"></div></details></div></div>'
        )

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return data and metadata of an output, by MIME type."""
        picture = base64.b64encode(self.png).decode()
        about = {"alt": self.alt, "width": self.width, "height": self.height}
        data = {"text/html": self.html(), "image/png": picture, "text/plain": self.alt}
        return data, {"image/png": about}


def fine_pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return the pixels of a figure, two along each edge for every one at which it appears.

    That is as fine as most screens are. Shape (2 height, 2 width, 4): red, green, blue, opacity.
    """
    file = io.BytesIO()
    # Uncompressed; and unlike "rgba" it says how many pixels matplotlib's rounding has made.
    figure.savefig(file, format="png", dpi=2 * PIXELS_PER_INCH, pil_kwargs={"compress_level": 0})
    return np.asarray(Image.open(file).convert("RGBA"))


def small_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return pixels as a PNG with a palette, a third as large as one with three bytes a pixel.

    Of a figure with more colours than that, the nearest are used; the colours of large areas keep
    their values, and blended edges are off by a few of 256 levels.

    Args:
        pixels: red, green, blue, opacity; shape (height, width, 4). What is not opaque lies on
            white.
    """
    drawn = Image.fromarray(pixels)
    ground = Image.new("RGBA", drawn.size, "white")
    whole = Image.alpha_composite(ground, drawn).convert("RGB")
    # The largest coverage keeps rare colours, such as one point's, which the median would blend
    # with frequent ones; one round of means then puts frequent colours at their own values.
    palette = whole.quantize(
        COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
    )
    file = io.BytesIO()
    palette.save(file, "png", optimize=True)
    return file.getvalue()
