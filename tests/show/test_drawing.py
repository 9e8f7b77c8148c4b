"""The same picture for everybody, and drawn whole: settings and interrupts stay outside."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import course.show.drawing
from course.show import figures
from course.show.drawing import INTERRUPTS, Drawing, drawing, styled
from course.show.live import LiveFigure, slider
from tests.show.readers_settings import CELLS, SETTINGS, STYLES
from tests.show.test_demos import every_demo

ALT = "A picture of several things, in words."
posix = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    with matplotlib.rc_context():
        yield
    plt.close("all")


def keep_pictures(patch: pytest.MonkeyPatch) -> list[str]:
    """Let `figures.show` put a hash of the pixels into the list, which is quicker than a PNG."""
    pictures: list[str] = []
    patch.setattr(figures, "small_png", lambda pixels: sha256(pixels).digest())
    patch.setattr(figures, "display", lambda data, **_: pictures.append(data["image/png"]))
    return pictures


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return keep_pictures(monkeypatch)


@pytest.fixture(scope="module")
def right() -> dict[str, str]:
    """The picture of each cell under matplotlib's own settings."""
    with pytest.MonkeyPatch.context() as patch, matplotlib.rc_context():
        matplotlib.rcdefaults()
        pictures = keep_pictures(patch)
        for cell in CELLS:
            figures.show(cell(), alt=ALT)
    return {cell.__name__: picture for cell, picture in zip(CELLS, pictures, strict=True)}


BATCH = 34


def changes() -> list[Any]:
    """Ways in which a reader may have changed the settings: a few together, a style, all."""
    names = list(SETTINGS)
    few = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
    each = [
        pytest.param(lambda some=some: [matplotlib.rcParams.update({n: SETTINGS[n]}) for n in some])
        for some in few
    ]
    styles = [pytest.param(lambda style=style: plt.style.use(style), id=style) for style in STYLES]
    drawn_by_hand = pytest.param(plt.xkcd, id="xkcd")
    together = pytest.param(lambda: matplotlib.rcParams.update(SETTINGS), id="all of them")
    return [*each, *styles, drawn_by_hand, together]


@pytest.mark.parametrize("change", changes())
def test_no_setting_of_the_reader_changes_a_picture(
    change: Callable[[], object], right: dict[str, str], shown: list[str]
) -> None:
    change()
    before = dict(dict.items(matplotlib.rcParams))
    for cell in CELLS:
        figures.show(cell(), alt=ALT)
        assert shown.pop() == right[cell.__name__]
    assert dict(dict.items(matplotlib.rcParams)) == before


@pytest.mark.parametrize("cell", CELLS)
def test_nor_does_one_that_is_made_between(
    cell: Callable[..., Any], right: dict[str, str], shown: list[str]
) -> None:
    figures.show(cell(lambda: matplotlib.rcParams.update(SETTINGS)), alt=ALT)
    assert shown == [right[cell.__name__]]
    assert matplotlib.rcParams["text.usetex"]


@pytest.mark.parametrize("make", every_demo())
def test_every_demo_is_the_same_for_every_reader(make: Callable[[], LiveFigure]) -> None:
    def pictures(change: Callable[[], object], between: Callable[[], object]) -> list[bytes]:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            change()
            live = make()
            found = [live.png]
            between()
            for name, control in live.controls.items():
                live.set(**{name: getattr(control, "options", [control.value])[-1]})
                found.append(live.png)
            assert live.error is None, live.error
            live.close()
            return found

    def nothing() -> None:
        return

    all_of_them = partial(matplotlib.rcParams.update, SETTINGS)
    dark = partial(plt.style.use, "dark_background")
    assert pictures(all_of_them, dark) == pictures(nothing, nothing)


def test_a_file_of_the_reader_and_another_backend_change_nothing(
    tmp_path: Path, right: dict[str, str]
) -> None:
    lines = ["backend: svg", "text.usetex: True", "axes.grid: True", "savefig.bbox: tight"]
    lines += ["font.family: serif", "figure.facecolor: black", "axes.formatter.use_locale: True"]
    file = tmp_path / "matplotlibrc"
    file.write_text("\n".join(lines), encoding="utf-8")
    code = """
import sys
import matplotlib.pyplot as plt
from course.show import figures
from tests.show.readers_settings import CELLS
assert plt.rcParams["text.usetex"]
from hashlib import sha256
figures.small_png = lambda pixels: sha256(pixels).digest()
figures.display = lambda data, **_: print(data["image/png"])
for backend in ("svg", "pdf", "template"):
    plt.switch_backend(backend)
    figures.show(CELLS[0](), alt="A picture of several things, in words.")
    assert plt.get_backend() == backend
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MATPLOTLIBRC": str(file)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == 3 * [right[CELLS[0].__name__]]


def test_a_figure_of_pyplot_is_shown_alike_as_well(shown: list[str]) -> None:
    for change in ({}, {name: SETTINGS[name] for name in SETTINGS if "savefig" in name}):
        ax = plt.subplots(figsize=(3, 2))[1]
        ax.plot([0, 1])
        matplotlib.rcParams.update(change)
        figures.show(ax, alt=ALT)
    assert shown[0] == shown[1]


def failing(*_: object) -> None:
    raise ArithmeticError


@pytest.mark.parametrize(
    "act",
    [
        lambda figure, ax: ax.plot([1, 2], [1, 2, 3]),
        lambda figure, ax: ax.set(nothing=3),
        lambda figure, ax: figure.add_subplot(3, 1, 7),
        lambda figure, ax: styled(failing)(),
    ],
)
def test_whatever_is_raised_the_settings_come_back(act: Callable[..., object]) -> None:
    figure, ax = figures.new()
    plt.style.use("ggplot")
    before = dict(dict.items(matplotlib.rcParams))
    with pytest.raises((ValueError, AttributeError, ArithmeticError)):
        act(figure, ax)
    assert dict(dict.items(matplotlib.rcParams)) == before


def test_threads_that_draw_at_once_leave_the_settings_alone() -> None:
    matplotlib.rcParams.update(SETTINGS)
    before = dict(dict.items(matplotlib.rcParams))

    def draw() -> None:
        for _ in range(8):
            ax = figures.new(width=2, height=2)[1]
            ax.plot([0, 1])
            ax.set(xlabel="x")

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(dict.items(matplotlib.rcParams)) == before


def test_the_readers_own_figures_keep_their_own_settings() -> None:
    matplotlib.rcParams["lines.linewidth"] = 7
    figures.new()[1].plot([0, 1])
    (own,) = plt.figure().subplots().plot([0, 1])
    assert own.get_linewidth() == 7
    assert type(own.axes).__dict__.get("_draws_in_style") is None


HAND_MADE = """
figure, ax = figures.new(width=2, height=1)
ax.add_patch(Rectangle((0, 0), 0.4, 0.4))
ax.add_line(Line2D([0, 1], [1, 0]))
ax.add_collection(LineCollection([[(0, 0), (1, 1)]]))
ax.plot([0, 1], [0.5, 0.5])[0].set(marker="o", linestyle="--")
figures.show(ax, alt=ALT)
"""


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    """What runs the cells of a notebook, with the names that they use."""
    running = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    monkeypatch.setattr(course.show.drawing, "get_ipython", lambda: running)
    code = """
import matplotlib.pyplot as plt
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from course.show import figures
"""
    running.run_cell(code).raise_error()
    running.push({"ALT": ALT})
    return running


def test_what_a_cell_makes_by_hand_is_alike_for_every_reader(
    shell: InteractiveShell, shown: list[str]
) -> None:
    for change in (matplotlib.rcdefaults, *(partial(plt.style.use, style) for style in STYLES)):
        change()
        before = dict(dict.items(matplotlib.rcParams))
        shell.run_cell(HAND_MADE).raise_error()
        assert dict(dict.items(matplotlib.rcParams)) == before
    assert len(shown) == len(STYLES) + 1
    assert len(set(shown)) == 1


@pytest.mark.parametrize("end", ["", "raise KeyboardInterrupt", "1 / 0"])
def test_a_cell_ends_with_the_settings_of_the_reader_and_those_it_made(
    shell: InteractiveShell, end: str
) -> None:
    plt.style.use("ggplot")
    before = dict(dict.items(matplotlib.rcParams))
    shell.run_cell(f"figures.new(); plt.rcParams['lines.linewidth'] = 7; figures.new()\n{end}")
    assert dict(dict.items(matplotlib.rcParams)) == before | {"lines.linewidth": 7}


# Interrupts.


class Interrupted(BaseException):
    """What the signals of these tests raise."""


def raise_interrupted(*_: object) -> None:
    raise Interrupted


@pytest.fixture
def interrupts() -> Iterator[Callable[[float], None]]:
    """Set a timer: seconds until a signal that raises; none is left at the end."""
    before = signal.signal(signal.SIGALRM, raise_interrupted)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds) and None
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def raise_at_the_end(number: int) -> None:
    with drawing():
        signal.raise_signal(number)
        REACHED.append("the end")


def raise_at_once(number: int) -> None:
    with drawing() as now, now.outside():
        signal.raise_signal(number)
        REACHED.append("what comes after")


REACHED: list[str] = []


@pytest.mark.parametrize("number", INTERRUPTS)
def test_an_interrupt_waits_for_the_end_and_is_never_lost(number: int) -> None:
    REACHED.clear()
    before = signal.signal(number, raise_interrupted)
    try:
        with pytest.raises(Interrupted):
            raise_at_the_end(number)
        assert REACHED == ["the end"]
        with pytest.raises(Interrupted):
            raise_at_once(number)
        assert REACHED == ["the end"]
        assert signal.getsignal(number) is raise_interrupted
    finally:
        signal.signal(number, before)


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with drawing():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", INTERRUPTS)
def test_a_handler_that_is_left_behind_hands_on_what_it_gets(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the other signal's handler raised between two lines, while handlers are put back."""
    before = {each: signal.getsignal(each) for each in INTERRUPTS}
    try:
        signal.signal(number, raise_interrupted)
        drawn = Drawing()
        drawn.__enter__()
        with monkeypatch.context() as patch:
            patch.setattr(signal, "signal", raise_interrupted)
            with pytest.raises(Interrupted):
                drawn.__exit__()
        assert signal.getsignal(number) == drawn._handle
        with pytest.raises(Interrupted):
            signal.raise_signal(number)
        assert signal.getsignal(number) is raise_interrupted
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@posix
def test_interrupts_at_random_moments_leave_no_wrong_picture(
    interrupts: Callable[[float], None], right: dict[str, str], shown: list[str]
) -> None:
    """The settings, the handlers and the next picture are right, whatever was cut short."""
    chance = random.Random(0)
    plt.style.use("ggplot")
    before = dict(dict.items(matplotlib.rcParams))
    handlers = [signal.getsignal(number) for number in INTERRUPTS]
    figure, ax = figures.new(width=3, height=2)
    ax.set_title(" ")
    curve = ax.plot([0, 1], [0, 1])[0]

    def draw(p: float) -> str:
        curve.set_ydata([0, p])
        ax.set_ylim(0, 1 if p < 0.5 else 2)  # at each crossing all is drawn anew
        ax.set_xlabel("low" if p < 0.5 else "high")
        ax.title.set_text(f"{p:.2f}")
        return f"A line that ends at {p:.2f}."

    live = LiveFigure(
        figure, draw, {"p": slider("P", 0.0, 0, 1, step=0.01, tip="End")}, moving=[curve, ax.title]
    )
    expected = {}
    for p in (0.2, 0.8, 0.3, 0.9):
        live.set(p=p)
        expected[p] = live.png, live.alt
    began = time.perf_counter()
    live.set(p=0.2)
    longest = 2 * (time.perf_counter() - began)

    hits = 0
    for _ in range(60):
        p = chance.choice([0.2, 0.8, 0.3, 0.9])
        try:
            interrupts(chance.uniform(1e-6, longest))
            live.set(p=p)
            interrupts(0)
        except Interrupted:
            hits += 1
            live.set(p=p)
        assert (live.png, live.alt) == expected[p]
        assert live.error is None
    assert hits > 7
    assert dict(dict.items(matplotlib.rcParams)) == before
    assert [signal.getsignal(number) for number in INTERRUPTS] == handlers


@posix
def test_interrupts_of_a_cell_leave_the_next_run_right(
    interrupts: Callable[[float], None], right: dict[str, str], shown: list[str]
) -> None:
    chance = random.Random(1)
    plt.style.use("dark_background")
    before = dict(dict.items(matplotlib.rcParams))
    cell = CELLS[2]
    figures.show(cell(), alt=ALT)
    began = time.perf_counter()
    figures.show(cell(), alt=ALT)
    longest = time.perf_counter() - began
    hits = 0
    for turn in range(12):
        try:
            interrupts(chance.uniform(1e-6, longest))
            figures.show(cell(), alt=ALT)
            interrupts(0)
        except Interrupted:
            hits += 1
        assert dict(dict.items(matplotlib.rcParams)) == before
        if turn % 6 == 5:
            figures.show(cell(), alt=ALT)
    assert hits > 3
    assert set(shown) == {right[cell.__name__]}


def test_an_interrupt_of_a_long_draw_comes_at_once_and_is_said() -> None:
    figure, ax = figures.new()

    def draw(p: float) -> str:
        ax.title.set_text(f"{p:.2f}")
        if p == 0.7:
            signal.raise_signal(signal.SIGINT)
        return f"The title says {p:.2f}."

    live = LiveFigure(
        figure, draw, {"p": slider("P", 0.0, 0, 1, step=0.1, tip="Title")}, moving=[ax.title]
    )
    first = live.png
    with pytest.raises(KeyboardInterrupt):
        live.set(p=0.7)
    assert (live.png, live.alt) == (first, "The title says 0.00.")
    assert "Interrupted: there is no picture for p = 0.7" in live.children[-1].value
    live.set(p=0.0)  # as before, and drawn again all the same
    assert (live.png, live.alt) == (first, "The title says 0.00.")
    assert "Interrupted" not in live.children[-1].value


def test_a_drawing_that_fails_is_not_taken_for_drawn() -> None:
    figure, ax = figures.new()
    curve = ax.plot([0, 1], [0, 1])[0]

    def draw(p: float) -> str:
        ax.set_xlabel("$\\frac$" if p == 0.5 else f"{p}")
        return f"The label says {p}."

    live = LiveFigure(
        figure, draw, {"p": slider("P", 0.0, 0, 1, step=0.1, tip="Label")}, moving=[curve]
    )
    live.set(p=0.2)
    expected = live.png
    live.set(p=0.5)
    assert live.error is not None
    live.set(p=0.2)
    assert live.png == expected
    assert np.array_equal([artist.get_animated() for artist in ax.get_children()].count(True), 1)
