"""Where the boxes and arrows of a graph go: in layers, so that all arrows point one way.

After K. Sugiyama, S. Tagawa and M. Toda, Methods for Visual Understanding of Hierarchical System
Structures, IEEE Transactions on Systems, Man, and Cybernetics 11 (1981), 109-125: every box gets a
layer; an arrow that passes a layer gets a lane in it, as if it were a thin box, and so never runs
through a box; the order in the layers is changed until few arrows cross; then all move as close to
their neighbours as the order allows.
"""

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

SWEEPS = 24  # over all layers, there and back; small graphs settle after a few
STRAIGHT = 8.0  # how much more a lane wants to continue straight than a box to be near another
LANE = 0.26  # inches, the width of a lane
BETWEEN = 0.24  # inches, from one box of a layer to the next
PORTS = 0.2  # inches, from one arrow at a box to the next


class Arrow(NamedTuple):
    """From a box to one that it is an input of."""

    source: int
    target: int
    points: Points
    """Shape (2 + 2 lanes, 2): from the side of the source, in and out of every lane, to the side of
    the target. In a lane the arrow is straight; between the layers it bends."""


class Layout(NamedTuple):
    """Places in inches, along the arrows and across them, from a corner of the picture."""

    centres: Points
    """Of the boxes; shape (boxes, 2)."""
    sizes: Points
    """Of the boxes; shape (boxes, 2)."""
    arrows: list[Arrow]
    size: tuple[float, float]
    """Of the picture."""


class _Links(NamedTuple):
    """The pieces of all arrows, from one layer to the next."""

    ends: NDArray[np.int_]
    """Shape (pieces, 2): boxes or lanes."""
    port: Points
    """Where the piece arrives at a box that keeps its inputs in order, from 0 to 1; otherwise 0.
    Shape (pieces,)."""


def layered(
    inputs: Sequence[Sequence[int]],
    sizes: Points,
    *,
    ordered: Collection[int] = (),
    gap: float = 0.5,
) -> Layout:
    """Places the boxes of a graph.

    Args:
      inputs: of each box, where its arrows come from; each box comes after all of its inputs, and
        all lead to the last.
      sizes: shape (boxes, 2), in inches: along the arrows, and across. A box with many arrows gets
        larger.
      ordered: the boxes whose inputs arrive in their order, even if arrows must cross for that.
      gap: in inches, between layers.

    >>> layered([[], [0]], np.ones((2, 2)), gap=0.5).centres.tolist()
    [[0.5, 0.5], [2.0, 0.5]]
    """
    boxes = len(inputs)
    uses = [sum(sources.count(box) for sources in map(list, inputs)) for box in range(boxes)]
    most = [max(own, len(sources)) for own, sources in zip(uses, inputs, strict=True)]
    sizes = np.column_stack([sizes[:, 0], np.maximum(sizes[:, 1], PORTS * np.array(most))])
    to_end = [0] * boxes  # the longest way from each box to the last
    for target in reversed(range(boxes)):
        for source in inputs[target]:
            to_end[source] = max(to_end[source], to_end[target] + 1)
    layer_of = [max(to_end) - steps for steps in to_end]
    chains: list[list[int]] = []  # of each arrow: the source, its lanes, the target
    ends: list[tuple[int, int]] = []
    port: list[float] = []
    for target in range(boxes):
        for number, source in enumerate(inputs[target]):
            passed = range(layer_of[source] + 1, layer_of[target])
            lanes = range(len(layer_of), len(layer_of) + len(passed))
            layer_of.extend(passed)
            chains.append([source, *lanes, target])
            ends += pairwise(chains[-1])
            port += [0.0] * len(lanes) + [number / len(inputs[target]) * (target in ordered)]
    links = _Links(np.array(ends, dtype=int).reshape(-1, 2), np.array(port))
    across = np.concatenate([sizes[:, 1], np.full(len(layer_of) - boxes, LANE)])
    layers = [[i for i, own in enumerate(layer_of) if own == n] for n in range(max(layer_of) + 1)]
    layers = _order(layers, links)
    y = _align(layers, links, across, boxes)
    widths = np.array([max(sizes[i, 0] for i in layer if i < boxes) for layer in layers])
    x = np.cumsum(widths) - widths / 2 + gap * np.arange(len(widths))
    arrows = []
    for chain, (leaves, arrives) in zip(chains, _ports(chains, y, ordered), strict=True):
        source, *between, target = chain
        points = [(x[layer_of[source]] + sizes[source, 0] / 2, leaves)]
        for lane in between:
            n = layer_of[lane]
            points += [(x[n] - widths[n] / 2, y[lane]), (x[n] + widths[n] / 2, y[lane])]
        points.append((x[layer_of[target]] - sizes[target, 0] / 2, arrives))
        arrows.append(Arrow(source, target, np.array(points)))
    centres = np.column_stack([x[layer_of[:boxes]], y[:boxes]])
    size = float(x[-1] + widths[-1] / 2), float((y + across / 2).max())
    return Layout(centres, sizes, arrows, size)


def _order(layers: list[list[int]], links: _Links) -> list[list[int]]:
    """Sorts each layer by where its neighbours are, there and back; the best of all that was."""
    best, fewest = layers, _crossings(layers, links)
    for sweep in range(SWEEPS if fewest else 0):
        layers = [list(layer) for layer in layers]
        place = _places(layers)
        for layer in layers if sweep % 2 else layers[::-1]:
            mean = {}
            for i in layer:
                before = place[links.ends[links.ends[:, 1] == i, 0]]
                own = links.ends[:, 0] == i
                after = place[links.ends[own, 1]] + links.port[own]
                near = before if sweep % 2 else after
                mean[i] = near.mean() if len(near) else float(place[i])
            # Of equals, the one that came last goes first in every other round: a way out of ties.
            layer.sort(key=lambda i: (mean[i], place[i] if sweep % 4 < 2 else -place[i]))
            place[layer] = range(len(layer))
        if (count := _crossings(layers, links)) < fewest:
            best, fewest = layers, count
    return best


def _places(layers: list[list[int]]) -> NDArray[np.int_]:
    place = np.zeros(sum(map(len, layers)), dtype=int)
    for layer in layers:
        place[layer] = range(len(layer))
    return place


def _crossings(layers: list[list[int]], links: _Links) -> int:
    place, count = _places(layers), 0
    for layer in layers:
        own = np.isin(links.ends[:, 0], layer)
        start, end = place[links.ends[own, 0]], place[links.ends[own, 1]] + links.port[own]
        order = np.sign(start[:, None] - start) * np.sign(end[:, None] - end)
        count += int((order < 0).sum()) // 2
    return count


def _align(layers: list[list[int]], links: _Links, across: Points, boxes: int) -> Points:
    """Moves all in their layers towards the mean of their neighbours, keeping order and distance.

    In each layer that is a regression: the nearest increasing numbers, once the room is taken off
    that the boxes and lanes before need.
    """
    # Imported here: it changes Python's warning filters.
    from scipy.optimize import isotonic_regression

    y, room = np.zeros(len(across)), []
    for layer in layers:
        need = across[layer] + np.where(np.array(layer) < boxes, BETWEEN, 0.0)
        room.append(np.cumsum(need) - need / 2)
        y[layer] = room[-1] - room[-1].mean()
    near = [
        np.concatenate([links.ends[links.ends[:, 1] == i, 0], links.ends[links.ends[:, 0] == i, 1]])
        for i in range(len(across))
    ]
    pull = [np.where((near[i] >= boxes) & (i >= boxes), STRAIGHT, 1.0) for i in range(len(across))]
    for sweep in range(2 * SWEEPS if len(layers) > 1 else 0):
        for layer, taken in list(zip(layers, room, strict=True))[:: 1 if sweep % 2 else -1]:
            wanted = np.array([pull[i] @ y[near[i]] / pull[i].sum() for i in layer])
            weights = [pull[i].sum() for i in layer]
            y[layer] = isotonic_regression(wanted - taken, weights=weights).x + taken
    return np.asarray(y - (y - across / 2).min())


def _ports(chains: list[list[int]], y: Points, ordered: Collection[int]) -> Points:
    """Where each arrow leaves and arrives: side by side, as the other ends lie."""
    ports = np.zeros((len(chains), 2))
    for end, other in ((0, 1), (-1, -2)):
        for box in {chain[end] for chain in chains}:
            mine = [i for i, chain in enumerate(chains) if chain[end] == box]
            if end == 0 or box not in ordered:
                mine.sort(key=lambda i: y[chains[i][other]])
            for place, i in enumerate(mine):
                ports[i, end] = y[box] + PORTS * (place - (len(mine) - 1) / 2)
    return ports
