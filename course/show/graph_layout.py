"""Places of the boxes and arrows of a graph: in layers, so that all arrows point one way.

After K. Sugiyama, S. Tagawa and M. Toda, Methods for Visual Understanding of Hierarchical System
Structures, IEEE Transactions on Systems, Man, and Cybernetics 11 (1981), 109-125: every box gets a
layer; an arrow that passes a layer gets a lane in it, as if it were a thin box, and so never runs
through a box; each layer is sorted by the mean place of its neighbours, so that few arrows cross.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Points = Float[np.ndarray, "_ 2"]

SWEEPS = 24  # over all layers, there and back; small graphs settle after a few
LANE = 0.26  # inches, the width of a lane
BETWEEN = 0.24  # inches, from one box of a layer to the next
PORTS = 0.2  # inches, from one arrow at a box to the next


class Arrow(NamedTuple):
    """Arrow from a box to one that it is an input of."""

    source: int
    """Number of the box where it begins."""
    target: int
    """Number of the box where it ends."""
    points: Points
    """From the side of the source, in and out of every lane, to the side of the target; shape
    (2 + 2 lanes, 2). In a lane the arrow is straight; between the layers it bends."""


class Layout(NamedTuple):
    """Places in inches, along the arrows and across them, from a corner of the picture."""

    centres: Points
    """Of the boxes; shape (boxes, 2)."""
    sizes: Points
    """Of the boxes; shape (boxes, 2)."""
    arrows: list[Arrow]
    """In the order of the boxes where they end."""
    size: tuple[float, float]
    """Of the picture."""


def layered(inputs: Sequence[Sequence[int]], sizes: Points, *, gap: float = 0.5) -> Layout:
    """Place the boxes of a graph; the arrows of a box arrive in the order of its inputs.

    Args:
        inputs: of each box, where its arrows come from; each box comes after all of its inputs, and
            all lead to the last.
        sizes: shape (boxes, 2), in inches: along the arrows, and across. A box with many arrows
            gets larger.
        gap: in inches, between layers.

    >>> layered([[], [0]], np.ones((2, 2)), gap=0.5).centres.tolist()
    [[0.5, 0.5], [2.0, 0.5]]
    """
    layer_of, chains = _chains(inputs)
    boxes = len(inputs)
    # Each arrow needs a place at both of its ends.
    leave, arrive = (Counter(chain[end] for chain in chains) for end in (0, -1))
    ports = [PORTS * max(leave[box], arrive[box]) for box in range(boxes)]
    sizes = np.column_stack([sizes[:, 0], np.maximum(sizes[:, 1], ports)])
    across = np.append(sizes[:, 1], np.full(len(layer_of) - boxes, LANE))
    y = _across(layer_of, chains, across + np.where(np.arange(len(across)) < boxes, BETWEEN, 0))
    y -= (y - across / 2).min()

    # Along the arrows, a layer is as wide as its widest box.
    widths = np.zeros(max(layer_of) + 1)
    np.maximum.at(widths, layer_of[:boxes], sizes[:, 0])
    x = np.cumsum(widths) - widths / 2 + gap * np.arange(len(widths))
    starts, ends = _ports(chains, y)
    arrows = []
    for chain, start, end in zip(chains, starts, ends, strict=True):
        source, *lanes, target = chain
        points = [(x[layer_of[source]] + sizes[source, 0] / 2, start)]
        for lane in lanes:
            middle, half = x[layer_of[lane]], widths[layer_of[lane]] / 2
            points += [(middle - half, y[lane]), (middle + half, y[lane])]
        points.append((x[layer_of[target]] - sizes[target, 0] / 2, end))
        arrows.append(Arrow(source, target, np.array(points)))
    centres = np.column_stack([x[layer_of[:boxes]], y[:boxes]])
    size = float(x[-1] + widths[-1] / 2), float((y + across / 2).max())
    return Layout(centres, sizes, arrows, size)


def _chains(inputs: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """Return the layer of each box and lane, and of each arrow its source, lanes and target."""
    to_end = [0] * len(inputs)  # the longest way from each box to the last
    for target in reversed(range(len(inputs))):
        for source in inputs[target]:
            to_end[source] = max(to_end[source], to_end[target] + 1)
    layer_of = [max(to_end) - steps for steps in to_end]
    chains = []
    for target, sources in enumerate(inputs):
        for source in sources:
            passed = range(layer_of[source] + 1, layer_of[target])
            lanes = range(len(layer_of), len(layer_of) + len(passed))
            layer_of += passed
            chains.append([source, *lanes, target])
    return layer_of, chains


def _across(
    layer_of: list[int], chains: list[list[int]], room: Float[np.ndarray, " nodes"]
) -> Float[np.ndarray, " nodes"]:
    """Return where boxes and lanes lie across the arrows; each gets its room in its layer."""
    y = np.zeros(len(room))
    layers = [np.flatnonzero(np.equal(layer_of, n)) for n in range(max(layer_of) + 1)]
    links = [link for chain in chains for link in pairwise(chain)]
    before = [[a for a, b in links if b == i] for i in range(len(room))]
    after = [[b for a, b in links if a == i] for i in range(len(room))]
    for sweep in range(SWEEPS):
        for number in range(len(layers))[:: 1 if sweep % 2 else -1]:
            # At first a layer is sorted by its neighbours on one side, later all draw near to both.
            sides = [before, after] if sweep >= SWEEPS // 2 else [before if sweep % 2 else after]
            near = [[j for side in sides for j in side[i]] or [i] for i in layers[number].tolist()]
            wanted = np.array([y[j].mean() for j in near])
            if len(sides) == 1:
                order = np.argsort(wanted, kind="stable")
                layers[number], wanted = layers[number][order], wanted[order]
            own = layers[number]
            # Where two want the same place, each gives way by half: less the room that those
            # before it take, the places must not decrease.
            taken = np.cumsum(room[own]) - room[own] / 2
            free = wanted - taken
            low, high = np.maximum.accumulate(free), np.minimum.accumulate(free[::-1])[::-1]
            y[own] = (low + high) / 2 + taken
    return y


def _ports(
    chains: list[list[int]], y: Float[np.ndarray, " nodes"]
) -> tuple[list[float], list[float]]:
    """Return where each arrow leaves its source and arrives at its target, side by side."""
    places = []
    for end in (0, -1):
        groups: dict[int, list[int]] = {}
        for i, chain in enumerate(chains):
            groups.setdefault(chain[end], []).append(i)
        own = [0.0] * len(chains)
        for box, group in groups.items():
            if end == 0:  # those to the same side do not cross
                group.sort(key=lambda i: y[chains[i][1]])
            for place, i in enumerate(group):
                own[i] = float(y[box]) + PORTS * (place - (len(group) - 1) / 2)
        places.append(own)
    return places[0], places[1]
