"""The figures of notebook 03 say and draw what the formulas give."""

import jax
import numpy as np
import pytest

from course.data.weather import CONDITIONAL
from course.maths import information
from course.show import figures
from course.show.demos import cross_entropy_and_kl as demos
from tests.show.legible import overlaps


def test_the_cost_is_entropy_plus_kl() -> None:
    for q in (demos.ADA, demos.BEN, CONDITIONAL[0]):
        entropy, rest = demos.costs(q)
        assert entropy == pytest.approx(float(information.entropy(CONDITIONAL[0])), abs=1e-5)
        assert rest == pytest.approx(float(information.kl_divergence(CONDITIONAL[0], q)), abs=1e-5)


def test_the_better_candidate_is_named() -> None:
    live = demos.candidates()
    right = live.figure.axes[1]
    assert right.get_title() == "Ben fits better"
    live.set(sun=5, cloud=30, rain=65)
    assert right.get_title() == "Your model fits better"
    assert "a KL of 0.000;" in live.alt
    live.set(sun=15, cloud=45, rain=40)
    assert right.get_title() == "equally good"
    live.set(sun=100, cloud=100, rain=1)
    assert any("↑" in note.get_text() for note in right.texts)
    live.close()


def test_a_drag_compiles_nothing(caplog: pytest.LogCaptureFixture) -> None:
    figured = demos.candidates(), demos.humps()
    with jax.log_compiles(), caplog.at_level("WARNING"):
        figured[0].set(sun=7, cloud=31, rain=64)
        figured[1].set(centre=9, width=4)
    assert not [record for record in caplog.records if "ompil" in record.message]
    for live in figured:
        live.close()


def test_one_direction_covers_and_the_other_picks() -> None:
    p, bells = demos.two_humps(), demos.all_bells()
    np.testing.assert_allclose(bells.sum(axis=1), 1)
    covers, picks = bells[demos.kl(p, bells).argmin()], bells[demos.kl(bells, p).argmin()]
    assert p[18:24].sum() < 0.01 < 0.2 < covers[18:24].sum()
    np.testing.assert_allclose(picks, demos.bell(11, 2.5))
    assert not list(overlaps(demos.covers_and_picks(covers, picks)))


def test_a_bill_writes_what_adds_up_to_kl() -> None:
    for q in (demos.ADA, demos.BEN):
        figure, ax = figures.new(width=4, height=3.6)
        demos.bill(ax, CONDITIONAL[0], q, "Ada")
        written = [float(note.get_text().split()[-1].replace("−", "-")) for note in ax.texts]
        assert sum(written) == pytest.approx(demos.costs(q)[1], abs=0.016)
        assert not list(overlaps(figure))


def test_walks_are_drawn_from_start_to_end() -> None:
    path = np.linspace(demos.ADA, CONDITIONAL[0], 5)
    left, right = demos.walks([path]).axes[:2]
    drawn = np.asarray(left.lines[0].get_xydata(), float)
    np.testing.assert_allclose(drawn, figures.to_plane(path))
    costs = np.asarray(right.lines[0].get_ydata())
    assert costs[-1] == pytest.approx(demos.costs(CONDITIONAL[0])[0])
    assert (np.diff(costs) < 0).all()
