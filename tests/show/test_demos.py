"""Every demo draws wherever its controls can be, and says what it shows."""

import inspect
import itertools
from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest

from course.maths import information
from course.show import demos, figures
from course.show.demos import entropy, start_here
from course.show.live import LiveFigure
from tests.show.legible import overlaps


def every_demo() -> list[Any]:
    found = []
    for topic in dir(demos):
        module = getattr(demos, topic)
        for name, make in inspect.getmembers(module, inspect.isfunction):
            if inspect.signature(make).return_annotation is LiveFigure:
                found.append(pytest.param(make, id=f"{topic}.{name}"))
    return found


def ends(control: widgets.Widget) -> list[Any]:
    """The extreme values of a control; of a choice between buttons, all of them."""
    if hasattr(control, "options"):
        values = [value for _, value in control._options_full]
        return [values[0], values[-1]] if isinstance(control, widgets.SelectionSlider) else values
    if isinstance(control, widgets.Checkbox):
        return [False, True]
    if isinstance(control, widgets.FloatLogSlider):  # its ends are given as exponents
        return [control.base**control.min, control.base**control.max]
    return [control.min, control.max]


def buttons(widget: widgets.Widget) -> Iterator[widgets.Button]:
    if isinstance(widget, widgets.Button):
        yield widget
    for child in getattr(widget, "children", ()):
        yield from buttons(child)


def pairs(corner: tuple[Any, ...]) -> set[tuple[tuple[int, Any], ...]]:
    """Every two of the values that controls have together; the only value of a lonely control."""
    return set(itertools.combinations(enumerate(corner), min(len(corner), 2)))


def corners(alternatives: list[list[Any]]) -> list[tuple[Any, ...]]:
    """Corners in which each end of a control meets each end of every other, few and by chance.

    They are sorted by the first control: it often changes the scene, which is drawn slowly.
    """
    every = list(itertools.product(*alternatives))
    missing = set().union(*map(pairs, every))
    found = []
    for i in np.random.default_rng(0).permutation(len(every)):
        if missing & pairs(every[i]):
            missing -= pairs(every[i])
            found.append(every[i])
    return sorted(found, key=lambda corner: alternatives[0].index(corner[0]) if corner else 0)


@pytest.fixture(scope="module", params=every_demo())
def live(request: pytest.FixtureRequest) -> Iterator[LiveFigure]:
    """Each demo, made once."""
    made = request.param()
    yield made
    made.close()


def test_draws_at_the_corners_of_its_controls(live: LiveFigure) -> None:
    names = list(live.controls)
    first, alts = live.values, {live.alt}
    for corner in corners([ends(control) for control in live.controls.values()]):
        live.set(**dict(zip(names, corner, strict=True)))
        assert live.error is None, live.error
        assert live.png.startswith(b"\x89PNG")
        assert len(live.alt) > 40
        assert live.alt.endswith(".")
        alts.add(live.alt)
    assert len(alts) > 1 or not names
    live.set(**first)


def test_no_text_covers_another_or_a_point(live: LiveFigure) -> None:
    """At the ends of each control, the others as they come."""
    found = {"as it comes": list(overlaps(live.figure))}
    first = live.values
    for name, control in live.controls.items():
        for value in ends(control):
            live.set(**first | {name: value})
            found[f"{name} = {value}"] = list(overlaps(live.figure))
    assert {what: words for what, words in found.items() if words} == {}
    live.set(**first)


def test_every_button_changes_the_picture_in_any_order_and_covers_no_text(live: LiveFigure) -> None:
    """The first is pressed until the last week of the mailbox, each other thrice, then any."""
    found = {}
    pressed = list(buttons(live))
    by_chance = np.random.default_rng(0).integers(0, max(len(pressed), 1), size=8)
    turns = [(i, 3 if i else 10) for i in range(len(pressed))]
    for i, times in [*turns, *((i, 1) for i in by_chance)] if pressed else []:
        for _ in range(times):
            before = live.png
            pressed[i].click()
            assert live.error is None, live.error
            if pressed[i].description != "Start again":
                assert live.png != before
        if times > 1:
            found[pressed[i].description] = list(overlaps(live.figure))
    assert {what: words for what, words in found.items() if words} == {}


def test_what_lies_over_something_is_found() -> None:
    figure, ax = figures.new()
    (dot,) = ax.plot([0.5], [0.5], "o", ms=10)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    assert list(overlaps(figure)) == []
    beside = ax.annotate("beside", (0.5, 0.5), (12, 0), textcoords="offset points")
    assert list(overlaps(figure)) == []
    beside.set_position((-5, 0))
    assert len(list(overlaps(figure))) == 1
    beside.set_animated(True)  # as what moves in a live figure is
    assert len(list(overlaps(figure))) == 1
    dot.set_visible(False)
    ax.text(0.5, 0.5, "over")
    assert len(list(overlaps(figure))) == 1


def test_the_coin_says_its_entropy() -> None:
    coin = entropy.coin()
    for heads in (0.0, 0.11, 0.5, 1.0):
        coin.set(heads=heads)
        assert f"{float(information.entropy([heads, 1 - heads])):.3f} bits" in coin.alt
    coin.close()


def test_corners_hold_each_end_beside_each_other_end() -> None:
    found = corners([[0, 1, 2], [0, 1], [0, 1], [0, 1]])
    assert set().union(*map(pairs, found)) == {
        ((i, one), (j, other))
        for i, j in itertools.combinations(range(4), 2)
        for one in range(2 if i else 3)
        for other in range(2)
    }
    assert [found[0][0], found[-1][0]] == [0, 2]
    assert len(found) < 24
    assert corners([]) == [()]
    assert {*corners([["a", "b"]])} == {("a",), ("b",)}


@pytest.mark.parametrize("width", [1, 2, 7, 40])
def test_two_spikes_keep_one_bit_at_any_distance(width: int) -> None:
    p = entropy.belief("two spikes", width)
    places = np.flatnonzero(p)
    assert places[1] - places[0] == width
    assert information.entropy(p) == pytest.approx(1.0)
    assert entropy.spread(p) == pytest.approx(width / 2)


def test_a_wider_bell_is_more_uncertain() -> None:
    bits = [float(information.entropy(entropy.belief("bell", width))) for width in range(1, 41)]
    assert np.all(np.diff(bits) > 0)


def test_longer_blocks_cost_less_and_never_less_than_the_entropy() -> None:
    questions = [entropy.block_code(days)[0] for days in range(1, 7)]
    assert questions[0] == pytest.approx(1.05)
    assert np.all(np.diff(questions) < 0)
    assert questions[-1] >= float(information.entropy([0.95, 0.04, 0.01]))


def test_after_the_last_week_every_button_begins_again() -> None:
    for press in (start_here.Weeks.next_week, start_here.Weeks.retrain):
        weeks = start_here.Weeks()
        while len(weeks.tactics) < start_here.WEEKS:
            weeks.next_week()
        press(weeks)
        assert [len(shares) for shares in weeks.shares()] == [2, 2]
