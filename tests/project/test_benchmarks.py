"""The benchmarks compare like with like, and say all that they measured."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from rich.console import Console

from benchmarks import __main__ as program
from benchmarks import cases, line, measure, plot, report, sweep, training
from benchmarks.measure import Comparison, Timed

PLAIN = [peer for peer in training.PEERS if not peer.options]
HERE = [peer.name for peer in training.PEERS if training.installed(peer)]
SIZES = (64, 32, 10)  # of a network that compiles quickly; that of "tiny" has two hidden layers
WORK = {
    "digits-64": (
        lambda: training.work(cases.digits(64, 2)._replace(sizes=SIZES, start=cases.start(SIZES))),
    ),
    # The loss of an event depends on who trains, not on how.
    "tiny": (lambda: training.work(cases.tiny(8, examples=200), PLAIN),),
    "line": (lambda: line.work(2, examples=2000),),
    "sweep-small": (lambda: sweep.work((64, 10), 2, rates=3),),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[report.Report, str, Path]:
    """A run of everything with small settings: the report, what was printed, what was stored."""
    path = tmp_path_factory.mktemp("benchmarks") / "results" / "small.json"
    printed = io.StringIO()
    console = Console(file=printed, width=130)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "SIDE", 64)
        made = program.run(WORK, 2, console=console, pause=0.0)
    made.write(path)
    return made, printed.getvalue(), path


def test_every_peer_takes_part_or_is_named_as_missing(
    ran: tuple[report.Report, str, Path],
) -> None:
    made, printed, _ = ran
    assert {"course.training.loop.fit", "NumPy by hand", "JAX by hand: one scan"} <= {*HERE}
    plain = [peer.name for peer in PLAIN if peer.name in HERE]
    assert [[way.name for way in each.ways] for each in made.comparisons[:2]] == [HERE, plain]
    assert {*made.absent, *HERE} == {peer.name for peer in training.PEERS}
    for name, needs in made.absent.items():
        assert f"Not there: {name} (needs {needs})." in printed
    for comparison in made.comparisons:
        assert comparison.name in printed
        for way in comparison.ways:
            assert len(way.seconds) == 2
            assert min(way.seconds) > 0
            assert re.search(rf"^ *{re.escape(way.name)} +\d", printed, flags=re.M), way.name
    assert made.machine["date"] in printed


def test_what_is_stored_is_read_and_drawn(
    ran: tuple[report.Report, str, Path], tmp_path: Path
) -> None:
    made, _, path = ran
    read = report.Report.read(path)
    assert (read.machine, read.absent) == (made.machine, made.absent)
    assert read.machine["versions"].keys() >= {"python", "jax", "numpy", "optax"}
    for one, other in zip(read.comparisons, made.comparisons, strict=True):
        assert one._replace(ways=[], peak=[], flop=0) == other._replace(ways=[], peak=[], flop=0)
        assert [way.name for way in one.ways] == [way.name for way in other.ways]
        np.testing.assert_allclose(one.ways[1].seconds, other.ways[1].seconds, rtol=1e-4)
    result = CliRunner().invoke(plot.main, [str(path), str(tmp_path / "picture.png")])
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "picture.png") as image:
        assert image.width == 1000
    figure = plot.draw(read)
    labels = [label.get_text() for axes in figure.axes for label in axes.get_yticklabels()]
    assert labels[: len(HERE)] == HERE
    assert "a line, one example a step: Python" in labels
    first = read.comparisons[0]
    middle = measure.middle_half(first.ratios(first.ways[1]))[0]
    assert f"{middle:.2f}×" in [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("path", [*program.RESULTS.glob("*.json")], ids=lambda path: path.stem)
def test_results_that_were_stored_before_are_still_drawn(path: Path) -> None:
    assert plot.draw(report.Report.read(path)).axes


def test_ratios_and_speeds_are_those_of_each_round() -> None:
    slow, fast = Timed("slow", [2.0, 4.0, 6.0], 9.0), Timed("fast", [1.0, 4.0, 2.0], 9.0)
    comparison = Comparison("case", 2, 5, 100.0, [200.0, 100.0, 50.0], [fast, slow])
    assert comparison.ratios(slow) == [2.0, 1.0, 3.0]
    assert comparison.per_step(slow) == 0.4
    assert comparison.of_peak(slow) == 0.25
    assert Comparison.from_json(json.loads(json.dumps(comparison.to_json()))) == comparison


def test_rounds_are_interleaved_in_changing_order() -> None:
    said: list[tuple[str, int]] = []

    def way(name: str) -> Callable[[int], object]:
        return lambda seed: said.append((name, seed))

    seconds = measure.interleave({name: way(name) for name in "abcd"}, 20, pause=0.0)
    assert {name: len(times) for name, times in seconds.items()} == dict.fromkeys("abcd", 20)
    rounds = [said[at : at + 4] for at in range(0, 80, 4)]
    assert [{*turns} for turns in rounds] == [{(x, n) for x in "abcd"} for n in range(1, 21)]
    assert len({tuple(name for name, _ in turns) for turns in rounds}) > 10


@pytest.mark.parametrize(
    ("cheat", "sentence"),
    [
        (lambda loss: loss[:-1], "expected 56 losses, got"),
        (lambda loss: np.full_like(loss, loss[0]), "has not learned"),
        (lambda loss: np.append(loss[:28], loss[28:] / 2), "the others at"),
        (lambda loss: loss * np.linspace(1, 1.01, len(loss)), "other losses on the same examples"),
    ],
    ids=["fewer steps", "no learning", "other work", "other examples"],
)
def test_a_peer_that_cheats_is_found_out(
    cheat: Callable[[np.ndarray], np.ndarray], sentence: str
) -> None:
    case = cases.digits(64, 2)
    names = ["JAX by hand: one scan", "JAX: jit step in a loop", "NumPy by hand"]
    honest = np.geomspace(2.6, 0.5, case.epochs * case.steps)
    training.check_alike(case, dict.fromkeys(names, honest))
    with pytest.raises(RuntimeError, match=sentence):
        training.check_alike(case, dict.fromkeys(names, honest) | {names[2]: cheat(honest)})


def test_a_line_or_a_sweep_that_went_elsewhere_is_found_out() -> None:
    right = np.array([2.0, 0.7])
    line.check_line({"a": right, "b": right})
    for wrong in ([2.1, 0.7], [2.0, 0.9], [2.0, 1.0], [np.nan, 0.7], [2.0, np.nan]):
        with pytest.raises(RuntimeError, match="expected w = 2 and b towards 1"):
            line.check_line({"a": right, "b": np.array(wrong)})
    runs = np.geomspace(2.0, 1.0, 40)[None]
    sweep.check_runs({"together": runs, "alone": runs})
    with pytest.raises(RuntimeError, match="not those of fit"):
        sweep.check_runs({"together": runs, "alone": runs[:, ::-1]})
    with pytest.raises(RuntimeError, match="have not learned"):
        sweep.check_runs({"together": runs[:, ::-1], "alone": runs[:, ::-1]})


def test_every_case_is_what_it_says() -> None:
    for batch, copies, steps in ((64, 1, 28), (512, 1, 3), (4096, 10, 4)):
        case = cases.digits(batch, 3, copies=copies)
        assert (case.sizes, case.steps) == ((64, 128, 128, 10), steps)
        orders = case.orders(0)
        assert orders.shape == (3, steps, batch)
        assert all(len({*epoch.ravel()}) == steps * batch for epoch in orders)
        assert not np.array_equal(orders[0], orders[1])
    # Forward, weights' gradient and inputs' gradient of 2-3-1, but for the inputs of the first.
    small = cases.Case(
        "", (2, 3, 1), 10, 1, np.zeros((10, 2)), np.zeros(10), cases.start((2, 3, 1))
    )
    assert small.flop == 2 * 10 * (3 * (2 * 3 + 3 * 1) - 2 * 3)


def test_the_program_stores_a_whole_run_or_what_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert {"digits-64", "digits-512", "digits-4096", "tiny", "line"} <= {*program.WORK}
    monkeypatch.setattr(program, "WORK", dict.fromkeys(("line", "tiny"), WORK["line"]))
    monkeypatch.setattr(program, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(measure, "SIDE", 64)

    def stored(*arguments: str) -> list[int]:
        result = CliRunner().invoke(program.main, ["--rounds", "1", *arguments])
        assert result.exit_code == 0, result.output
        found = sorted(tmp_path.rglob("*.json"))
        return [len(report.Report.read(path).comparisons) for path in found]

    assert stored("--only", "line") == []
    assert stored("--only", "line", "--output", str(tmp_path / "one.json")) == [1]
    assert stored() == [1, 2]
    for arguments in (["--rounds", "0"], ["--only", "devices"], ["--scale", "--only", "line"]):
        assert CliRunner().invoke(program.main, arguments).exit_code == 2


@pytest.mark.parametrize("path", ["", "gs://bucket/one.json", "folder/", "file/one.json"])
def test_a_file_that_cannot_be_is_refused_before_minutes_are_spent(
    path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(program, "run", lambda *_: pytest.fail("work was done"))
    (tmp_path / "file").write_text("mine")
    result = CliRunner().invoke(program.main, ["--only", "line", "--output", path])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: --output: expected ")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
