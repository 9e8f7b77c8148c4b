"""Graph of an expression: what it was computed from, and how the gradient flows back.

A box is a value: the sign of the operation that made it (white on dark) and its name, its `data`,
and in green its `grad`. Grey arrows lead from the inputs to what is computed from them (the first
input arrives at the top, or on the left); green, dashed arrows carry gradients back. A plain number
in the expression has neither name nor gradient.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.text import Text

from course.checks import checked, instance, refusal
from course.maths.autodiff import Value
from course.show import figures
from course.show.drawing import styled
from course.show.graph_layout import Points, layered
from course.show.graph_steps import Steps, sign
from course.show.style import GRADIENT, MUTED, PIXELS_PER_INCH, SMALL, TRUTH

Pair = Float[np.ndarray, "2"]

MOST = 40  # values in a graph that is drawn
WIDEST = 9.2  # inches, of a graph whose arrows point right; others point down
NARROWEST = 3.6  # inches, of a picture, so that the notes above and below the graph have room
MARGIN, NOTE = 0.12, 0.34  # inches: around the picture; height of a note
LINE, PAD, TAB = 0.21, 0.1, 0.12  # inches, in a box: height of a line, room around, badge to name
APART = 0.045  # inches, from the middle of a pair of arrows to each of the two
THIN, THICK = 1.0, 2.8  # points: the edge of a box, and of the one whose turn it is
INSET = 0.02  # inches, by which a badge is wider than its sign
BADGE = {"boxstyle": "round,pad=0.15", "facecolor": TRUTH, "edgecolor": "none"}
LEAF, MADE = "#f1f1f1", "white"  # the ground of a box
DASHES = (0, (4.0, 1.6))


class GraphDrawing:
    """Picture of the graph of a value, which can show how it came about, step by step.

    At step 0 only the leaves have data, and each further step computes one value. Then the result
    gets the gradient 1, and each step hands the gradient of one value to its inputs; a gradient
    that waits for more is followed by "+ …". To begin with, all is shown.

    Args:
        result: the value. Nothing in it is changed, and `backward()` need not have been called.
        gradients: show them too.
        down: let arrows point down instead of right; by default, where the graph would be too wide.

    >>> x = Value(3.0, name="x")
    >>> drawing = GraphDrawing(x * x + x)
    >>> drawing.last, drawing.at(step=5)
    (5, 'Step 5 of 5, backward: x × x hands on grad 1. Now x has grad 7.')
    >>> drawing.alt
    'Graph of 3 values. x: data 3, grad 7. x × x: data 9, grad 1. 9 + x: data 12, grad 1.'
    """

    @checked(result=instance(Value))
    @styled
    def __init__(self, result: Value, *, gradients: bool = True, down: bool | None = None) -> None:
        count = len(result.topological_order())
        if count > MOST:
            raise refusal("result", f"a graph of at most {MOST} values", count)
        self._steps = Steps(result, gradients=gradients)
        self.last = self._steps.last  # the number of the last step
        self.alt = self._steps.summary()  # the picture in words, when all is shown
        self.figure, self.ax = figures.new()
        self.figure.set_layout_engine("none")
        self.ax.set_position((0, 0, 1, 1))
        self.ax.set_axis_off()
        self._boxes: dict[Value, FancyBboxPatch] = {}
        self._data: dict[Value, Text] = {}
        self._grad: dict[Value, Text] = {}
        self._back: list[tuple[Value, FancyArrowPatch]] = []
        self._frame = self.ax.add_patch(_box(fill=False, linewidth=THICK))
        self._note = self._text("")
        self._draw(down)
        computed = [text for value, text in self._data.items() if value.inputs]
        green = [*self._grad.values(), *(arrow for _, arrow in self._back)]
        # The artists that a step changes, for a live figure. They lie above what stands still.
        self.moving: list[Artist] = [*computed, *green, self._frame, self._note]
        for artist in self.moving:
            artist.set_zorder(4)
        self.at(step=self.last)
        self._note.set_text("")
        self._frame.set_visible(False)

    def at(self, *, step: int) -> str:
        """Show the graph as it stands at a step, and return in words what happens there."""
        if step not in range(self.last + 1):
            raise refusal("step", f"an integer from 0 to {self.last}", step)
        active = self._steps.active(step)
        back = self._steps.is_back(step)
        handed = self._steps.handed(step)
        self._frame.set_visible(active is not None)
        if active is not None:
            self._frame.set_bounds(self._boxes[active].get_bbox().bounds)
            self._frame.set_edgecolor(GRADIENT if back else TRUTH)
        for value, text in self._data.items():
            text.set_text(self._steps.data(value, step))
        for value, text in self._grad.items():
            text.set_text(self._steps.grad(value, step))
        for user, arrow in self._back:
            arrow.set_visible(user in handed)
        kind = f", {'backward' if back else 'forward'}" if step else ""
        self._note.set_text(f"Step {step} of {self.last}{kind}")
        return self._steps.words(step)

    def _draw(self, down: bool | None) -> None:
        """Make all artists: first the texts, whose widths say how large the boxes are."""
        values = self._steps.values
        rows = [self._rows(value) for value in values]
        needed = np.array(
            [[max(map(_width, own)) + 2 * PAD, len(own) * LINE + 1.5 * PAD] for own in rows]
        )
        place = {value: i for i, value in enumerate(values)}
        inputs = [[place[source] for source, _ in value.inputs] for value in values]
        layout = layered(inputs, needed)
        # Turned, a box is laid out by its height along the arrows.
        if down or (down is None and layout.size[0] > WIDEST):
            down, layout = True, layered(inputs, needed[:, ::-1])
        turned = -1 if down else 1

        # The picture holds the graph in the middle, with a line of notes above and below.
        width, height = layout.size[::turned]
        across, top = max(width, NARROWEST) + 2 * MARGIN, height + NOTE + MARGIN
        self.figure.set_size_inches(across, top + NOTE)
        self.ax.set(xlim=(0, across), ylim=(-NOTE, top))
        corner = np.array([(across - width) / 2, MARGIN + height])

        def plane(points: Points) -> Points:
            return np.asarray(corner + points[:, ::turned] * (1, -1))

        for i, centre in enumerate(plane(layout.centres)):
            self._place(values[i], rows[i], centre, layout.sizes[i, ::turned], needed[i])
        # Arrows of a pair lie beside each other, one for data and one for the gradient.
        for source, target, points in layout.arrows:
            self._arrow(points, plane, -APART, color=MUTED)
            if self._steps.has_gradient(values[source]):
                arrow = self._arrow(points[::-1], plane, APART, color=GRADIENT, linestyle=DASHES)
                self._back.append((values[target], arrow))

        # In margins of their own, where no arrow crosses them.
        self._note.set_position((MARGIN, top - NOTE / 2))
        forward, backward = "↓↑" if down else "→←"
        legend = self._text(f"{forward} data", x=MARGIN, y=-NOTE / 2, color=MUTED)
        if self._back:
            x = MARGIN + _width([legend]) + 2 * TAB
            self._text(f"{backward} gradients", x=x, y=-NOTE / 2, color=GRADIENT)

    def _rows(self, value: Value) -> list[list[Text]]:
        """Make the texts of a box, line by line; each as long as it gets."""
        steps, title = self._steps, []
        if value.inputs:
            title.append(self._text(sign(value), color="white", bbox=BADGE))
        shape = f"{value.data.shape}" if value.data.ndim else ""
        name = f"{value.name} {shape}".strip()
        if name:
            title.append(self._text(name, weight="bold" if value.name else "normal"))
        self._data[value] = self._text(steps.data(value, self.last))
        rows = [title, [self._data[value]]]
        if steps.has_gradient(value):
            said = [steps.grad(value, step) for step in range(self.last + 1)]
            texts = [self._text(one, color=GRADIENT, weight="bold") for one in set(said) - {""}]
            self._grad[value] = max(texts, key=lambda text: _width([text]))
            for text in texts:
                if text is not self._grad[value]:
                    text.remove()
            rows.append([self._grad[value]])
        return list(filter(None, rows))

    def _place(
        self, value: Value, rows: list[list[Text]], centre: Pair, size: Pair, needed: Pair
    ) -> None:
        """Draw a box, with its texts in the middle."""
        ground = MADE if value.inputs else LEAF
        self._boxes[value] = box = _box(facecolor=ground, edgecolor=TRUTH, linewidth=THIN, zorder=2)
        box.set_bounds(*(centre - size / 2), *size)
        self.ax.add_patch(box)
        y = centre[1] + (len(rows) - 1) * LINE / 2
        for row in rows:
            x = centre[0] - needed[0] / 2 + PAD + (INSET if row is rows[0] and value.inputs else 0)
            for text in row:
                text.set_position((x, y))
                x += _width([text]) + TAB
            y -= LINE

    def _arrow(
        self, points: Points, plane: Callable[[Points], Points], aside: float, **style: Any
    ) -> FancyArrowPatch:
        """Draw an arrow beside points as `Arrow` has them, bent between the layers."""
        corners, codes = [], list[np.uint8]()
        for before, after in zip(points[::2], points[1::2], strict=True):
            along, across = after - before
            # The bend is moved as well, or the two of a pair would meet where they run aslant.
            middle = before[0] + along / 2 - 2 * aside * np.sign(along * across)
            start, end = before[1] + aside, after[1] + aside
            corners += [(before[0], start), (middle, start), (middle, end), (after[0], end)]
            codes += [Path.LINETO if codes else Path.MOVETO] + [Path.CURVE4] * 3
        path = Path(plane(np.array(corners)), codes)
        arrow = FancyArrowPatch(
            path=path, arrowstyle="-|>", mutation_scale=9, linewidth=1.3, zorder=1, **style
        )
        self.ax.add_patch(arrow)
        return arrow

    def _text(self, said: str, *, x: float = 0, y: float = 0, **style: Any) -> Text:
        """Write a text, by default in the style of data."""
        style = {"color": TRUTH, "size": SMALL, "va": "center_baseline", "zorder": 3} | style
        return cast(Text, self.ax.text(x, y, said, parse_math=False, **style))


def _box(**style: Any) -> FancyBboxPatch:
    """Return a box with round corners, of unit size at the origin."""
    return FancyBboxPatch((0, 0), 1, 1, boxstyle="round,pad=0,rounding_size=0.07", **style)


def _width(row: list[Text]) -> float:
    """Return the width of the texts of a line, in inches."""
    texts = [text.get_window_extent().width / PIXELS_PER_INCH for text in row]
    return sum(texts) + TAB * (len(row) - 1)
