"""Boxes lie in layers, and arrows neither run through them nor cross without need."""

import itertools

import numpy as np
import pytest

from course.maths.autodiff import Value
from course.show.graph_layout import Layout, layered


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
