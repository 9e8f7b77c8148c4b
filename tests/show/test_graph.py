"""Drawings of expression graphs are readable, true at every step, and leave the values alone."""

import itertools
from collections.abc import Callable

import ipywidgets as widgets
import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from course.maths.autodiff import Value
from course.show.graph import MOST, WIDEST, GraphDrawing
from course.show.graph_layout import Layout, layered
from course.show.graph_steps import Steps, short
from course.show.live import LiveFigure
from course.show.style import GRADIENT, SMALL


def square() -> Value:
    x = Value(3.0, name="x")
    return x * x


def neuron() -> Value:
    x, w = (Value(values, name=name) for name, values in [("x", [2.0, 0.5]), ("w", [-3.0, 1.0])])
    o = (x @ w + Value(6.88, name="b")).tanh()
    o.name = "o"
    return o


def shared() -> Value:
    x = Value(-4.0, name="x")
    z = 2 * x + 2 + x
    z.name = "z"
    q = z.relu() + z * x
    return (z * z).relu() + q + q * x


def network() -> Value:
    rng = np.random.default_rng(0)
    w1, w2 = (Value(rng.normal(size=s), name=n) for n, s in [("w1", (3, 4)), ("w2", (4, 1))])
    hidden = (rng.normal(size=(8, 3)) @ w1 + Value(np.zeros(4), name="a long name")).relu()
    loss = ((hidden @ w2 - rng.normal(size=(8, 1))) ** 2).mean()
    loss.name = "loss"
    return loss


def chain() -> Value:
    x = Value(0.5, name="x")
    for _ in range(19):
        x = x.tanh()
    return x


def wide() -> Value:
    total = Value(1.0, name="x0") * 1.5
    for i in range(1, 5):
        total = total + Value(-1000.0 * i, name=f"x{i}") / 3
    return total


def fan() -> Value:
    """One value with many uses."""
    x = Value(1e-7, name="x")
    return x * x * x - x * x / (x + x) ** (x - 2)


def random_graph(seed: int) -> Callable[[], Value]:
    def build() -> Value:
        rng = np.random.default_rng(seed)
        values = [Value(x, name=f"v{i}") for i, x in enumerate(rng.normal(size=3))]
        while len(values) < 20:
            one, other = (values[-min(len(values), rng.geometric(0.3))] for _ in range(2))
            values.append([one + other, one * other, one - other, one.tanh()][rng.integers(4)])
        return values[-1]

    return build


GRAPHS = [square, neuron, shared, network, chain, wide, fan]
GRAPHS += [pytest.param(random_graph(seed), id=f"random {seed}") for seed in range(5)]


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


@pytest.mark.parametrize("swap", [False, True])
def test_the_first_input_of_a_difference_arrives_first(swap: bool) -> None:
    a, b = Value(1.0, name="a"), Value(2.0, name="b")
    # However the boxes lie: here a is also used elsewhere.
    result = (b - a if swap else a - b).exp() * a
    order = result.topological_order()
    inputs = [[order.index(source) for source, _ in value.inputs] for value in order]
    difference = order.index(next(value for value in order if value.operation == "-"))
    layout = layered(inputs, np.ones((len(order), 2)))
    ends = {a.source: a.points[-1, 1] for a in layout.arrows if a.target == difference}
    first, second = (b, a) if swap else (a, b)
    assert ends[order.index(first)] < ends[order.index(second)]


def crossings(layout: Layout) -> int:
    def straight(arrow: int) -> tuple[float, float]:
        points = layout.arrows[arrow].points
        return points[0, 1], points[-1, 1]

    pairs = itertools.combinations(range(len(layout.arrows)), 2)
    return sum(
        (straight(i)[0] - straight(j)[0]) * (straight(i)[1] - straight(j)[1]) < 0 for i, j in pairs
    )


def test_arrows_do_not_cross_without_need() -> None:
    # Two layers; in the order in which they are given, 0-3 and 1-2 cross.
    layout = layered([[], [], [1], [0], [3, 2]], np.ones((5, 2)))
    firsts = [arrow for arrow in layout.arrows if arrow.target in (2, 3)]
    assert crossings(layout._replace(arrows=firsts)) == 0


def test_boxes_lie_in_layers_and_one_alone_fills_the_picture() -> None:
    layout = layered([[], [0], [0, 1]], np.ones((3, 2)), gap=0.5)
    assert layout.centres[:, 0].tolist() == [0.5, 2.0, 3.5]
    (passing,) = [arrow for arrow in layout.arrows if (arrow.source, arrow.target) == (0, 2)]
    assert passing.points.shape == (4, 2)  # in and out of a lane beside box 1
    assert abs(passing.points[1, 1] - layout.centres[1, 1]) > 0.5
    alone = layered([[]], np.array([[2.0, 1.0]]))
    assert (alone.size, alone.centres.tolist(), alone.arrows) == ((2.0, 1.0), [[1.0, 0.5]], [])
    assert len(boxes(GraphDrawing(Value(1.0)))) == 1


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_last_step_agrees_with_backward(graph: Callable[[], Value]) -> None:
    result = graph()
    steps = Steps(result)
    assert not result.grad.any()  # nothing was changed
    result.backward()
    operations = sum(bool(value.inputs) for value in steps.values)
    assert steps.last == 2 * operations + 1
    for value in steps.values:
        constant = value in steps.constants
        assert steps.grad(value, steps.last) == ("" if constant else f"grad {short(value.grad)}")
        assert steps.data(value, steps.last).removeprefix("data ") == short(value.data)


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


def test_a_shared_value_waits_for_all_its_shares() -> None:
    x = Value(3.0, name="x")
    steps = Steps(x * x + x)
    assert [steps.grad(x, step) for step in range(6)] == [
        "", "", "", "", "grad 1 + …", "grad 7"
    ]  # fmt: skip
    assert steps.words(4).endswith("Now 9 has grad 1, x has grad 1 + ….")


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
    slider = widgets.IntSlider(0, 0, drawing.last, description="Step", tooltip="How far to go")
    live = LiveFigure(drawing.figure, drawing.at, {"step": slider}, moving=drawing.moving)
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
