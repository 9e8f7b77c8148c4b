"""Drawings of expression graphs are readable, true at every step, and leave the values alone."""

import itertools
from collections.abc import Callable

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from course.maths.autodiff import Value
from course.show.graph import MOST, WIDEST, GraphDrawing
from course.show.graph_steps import short
from course.show.live import LiveFigure, slider
from course.show.style import GRADIENT, SMALL
from tests.show.sample_graphs import GRAPHS, chain, neuron, shared, square


def boxes(drawing: GraphDrawing) -> list[Bbox]:
    """In inches."""
    frame = drawing.moving[-2]
    patches = [p for p in drawing.ax.patches if isinstance(p, FancyBboxPatch) and p is not frame]
    return [patch.get_bbox() for patch in patches]


def arrows(drawing: GraphDrawing) -> list[FancyArrowPatch]:
    return [p for p in drawing.ax.patches if isinstance(p, FancyArrowPatch)]


def is_back(arrow: FancyArrowPatch) -> bool:
    return arrow.get_edgecolor() == to_rgba(GRADIENT)


def line(arrow: FancyArrowPatch) -> np.ndarray:
    """Points on an arrow, in inches; shape (points, 2)."""
    path = arrow._path_original  # what it was given, before the head is put on
    return path.interpolated(1).to_polygons(closed_only=False)[0]


def texts(drawing: GraphDrawing) -> list[Text]:
    return [text for text in drawing.ax.texts if text.get_text()]


def extent(text: Text) -> Bbox:
    """In inches, like the boxes."""
    return text.get_window_extent().transformed(text.axes.transData.inverted())


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("down", [None, True])
def test_a_graph_is_readable(graph: Callable[[], Value], down: bool | None) -> None:
    """At 100 %: nothing cut off, no text or box over another, no arrow through a box."""
    drawing = GraphDrawing(graph(), down=down)
    drawing.at(step=drawing.last)  # with the note
    width, height = drawing.figure.get_size_inches()
    whole = Bbox([drawing.ax.viewLim.min, drawing.ax.viewLim.max])
    assert whole.size == pytest.approx((width, height))
    if down is None:
        assert width < max(WIDEST, 10)
    drawn = boxes(drawing)
    for one, other in itertools.combinations(drawn, 2):
        assert Bbox.intersection(one, other) is None
    places = [extent(text) for text in texts(drawing)]
    for place in [*drawn, *places]:
        assert whole.x0 <= place.x0 < place.x1 <= whole.x1
        assert whole.y0 <= place.y0 < place.y1 <= whole.y1
    for one, other in itertools.combinations(places, 2):
        both = Bbox.intersection(one, other)
        assert both is None or min(both.size) < 0.02
    for place in places:
        around = [box for box in drawn if Bbox.intersection(box, place)]
        assert len(around) <= 1  # in one box, or outside of all
        assert all(box.x0 < place.x0 and place.x1 < box.x1 for box in around)
        assert all(box.y0 - 0.02 < place.y0 and place.y1 < box.y1 + 0.02 for box in around)
    for arrow in arrows(drawing):
        points = line(arrow)
        assert whole.x0 < points[:, 0].min() <= points[:, 0].max() < whole.x1
        for box in drawn:
            inside = Bbox.from_extents(box.x0 + 0.01, box.y0 + 0.01, box.x1 - 0.01, box.y1 - 0.01)
            assert not any(inside.contains(*point) for point in points)
    assert min(text.get_fontsize() for text in texts(drawing)) >= SMALL


@pytest.mark.parametrize("graph", GRAPHS)
def test_everything_is_drawn(graph: Callable[[], Value]) -> None:
    result = graph()
    drawing = GraphDrawing(result)
    values = result.topological_order()
    links = [rule for value in values for _, rule in value.inputs]
    flows = [rule for rule in links if rule is not None]
    assert len(boxes(drawing)) == len(values)
    assert len(arrows(drawing)) == len(links) + len(flows)
    said = [text.get_text() for text in texts(drawing)]
    result.backward()
    for value in values:
        assert not value.name or any(value.name in one for one in said)
        assert f"data {short(value.data)}" in said or short(value.data) in said
    assert sum(one.startswith("grad ") for one in said) == len({*values} - _constants(values))
    assert f"grad {short(values[0].grad)}" in said or values[0] in _constants(values)


def _constants(values: list[Value]) -> set[Value]:
    return {source for value in values for source, rule in value.inputs if rule is None}


def test_arrows_point_from_inputs_to_results() -> None:
    for down, along in [(False, np.array([1, 0])), (True, np.array([0, -1]))]:
        drawing = GraphDrawing(shared(), down=down)
        for arrow in arrows(drawing):
            way = np.diff(line(arrow), axis=0) @ along
            assert (way <= 1e-9).all() if is_back(arrow) else (way >= -1e-9).all()


def test_wide_graphs_point_down() -> None:
    upright, flat = GraphDrawing(chain()), GraphDrawing(square())
    assert np.ptp([box.x0 for box in boxes(upright)]) < 0.2
    assert np.ptp([box.y0 for box in boxes(flat)]) < 0.2


def test_data_appear_one_by_one_and_then_gradients() -> None:
    drawing = GraphDrawing(shared())
    shown = []
    for step in range(drawing.last + 1):
        drawing.at(step=step)
        said = [text.get_text() for text in texts(drawing)]
        green = [arrow for arrow in arrows(drawing) if is_back(arrow) and arrow.get_visible()]
        shown.append(tuple(sum(s.startswith(w) for s in said) for w in ("data", "grad")))
        assert f"Step {step} of {drawing.last}" in " ".join(said)
        assert bool(green) == (step > 12)
    assert shown[:12] == [(count, 0) for count in range(1, 13)]
    assert shown[12] == (12, 1)
    assert [grads for _, grads in shown[12:]] == sorted(grads for _, grads in shown[12:])
    assert shown[-1] == (12, 12)


def test_without_gradients() -> None:
    drawing = GraphDrawing(shared(), gradients=False)
    assert drawing.last == 11
    assert not any("grad" in text.get_text() for text in texts(drawing))
    assert len(arrows(drawing)) == 9 * 2 + 2  # nine operations have two inputs, two have one
    assert "grad" not in drawing.alt + drawing.at(step=11)


def test_it_says_what_it_shows() -> None:
    drawing = GraphDrawing(neuron())
    assert drawing.alt == (
        "Graph of 6 values. x: data [2, 0.5], grad [−0.672, 0.224]. w: data [−3, 1], "
        "grad [0.448, 0.112]. x @ w: data −5.5, grad 0.2239. b: data 6.88, grad 0.2239. "
        "(−5.5) + b: data 1.38, grad 0.2239. o = tanh(1.38): data 0.881, grad 1."
    )
    assert drawing.at(step=0) == "Step 0 of 7: x = [2, 0.5], w = [−3, 1], b = 6.88."
    assert drawing.at(step=3).startswith("Step 3 of 7, forward: o = tanh(1.38) = ")
    assert drawing.at(step=4) == "Step 4 of 7, backward: the result gets grad 1."
    assert drawing.at(step=5) == (
        "Step 5 of 7, backward: o hands on grad 1. Now 1.38 has grad 0.2239."
    )


def test_names_are_written_as_they_are() -> None:
    x = Value([[1.0, 2.0, 3.0]], name="$x_1$")
    drawing = GraphDrawing(x * 2)
    assert "$x_1$ (1, 3)" in [text.get_text() for text in texts(drawing)]
    assert not any(text.get_parse_math() for text in texts(drawing))


def test_a_live_figure_steps_through_it() -> None:
    drawing = GraphDrawing(shared())
    steps = slider("Step", 0, 0, drawing.last, tip="How far to go")
    live = LiveFigure(drawing.figure, drawing.at, {"step": steps}, moving=drawing.moving)
    pictures = set()
    for step in range(drawing.last + 1):
        live.set(step=step)
        pictures.add(live.png)
        assert live.error is None
        assert live.alt.startswith(f"Step {step} of ")
    assert len(pictures) == drawing.last + 1
    assert live.rebuilds == 1  # only what moves is painted again


def test_settings_of_matplotlib_stay() -> None:
    before = dict(matplotlib.rcParams)
    GraphDrawing(square()).at(step=1)
    assert dict(matplotlib.rcParams) == before


def test_bad_values_are_named() -> None:
    long = Value(1.0)
    for _ in range(MOST):
        long = -long
    with pytest.raises(ValueError, match=f"result: expected a graph of at most {MOST} values"):
        GraphDrawing(long)
    with pytest.raises(TypeError, match="result"):
        GraphDrawing(1.0)
    with pytest.raises(ValueError, match=r"backward of \*\*: expected a finite gradient"):
        GraphDrawing(Value(0.0) ** 0.5)
    for step in (-1, 4):
        with pytest.raises(ValueError, match="step: expected an integer from 0 to 3, got"):
            GraphDrawing(square()).at(step=step)
