"""The timings on several devices and processes compare like with like, and say what they found."""

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks import __main__ as program
from benchmarks import cases, devices, measure, plot, processes, report
from benchmarks.measure import Comparison, Timed
from benchmarks.processes import Job
from benchmarks.report import Report
from benchmarks.training import COURSE

COUNTS = (1, 2)


def small(epochs: int) -> cases.Case:
    """Digits without hidden layers, which compile quickly."""
    sizes = (64, 10)
    return cases.digits(64, epochs)._replace(sizes=sizes, start=cases.start(sizes))


def told(job: Job) -> dict[str, Any]:
    """What a job would tell that is half as good with each process."""
    examples = job.epochs * 4 * job.batch
    seconds = [examples / 1000 / job.processes**0.5] * job.runs
    return {"examples": examples, "seconds": seconds, "losses": [2.0, 1.0]}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, str, Path]:
    """A run of both parts, with stand-ins for processes."""
    path = tmp_path_factory.mktemp("scale") / "results" / "small.json"
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "SIDE", 64)
        patch.setattr(processes, "missing", lambda: None)
        patch.setitem(processes.measure.__kwdefaults__, "start", told)
        parts = {"processes": (), "devices": (lambda: devices.work(small(2), COUNTS),)}
        made = program.run(parts, 2, console=Console(file=printed, width=130), pause=0.0)
    made.write(path)
    return made, printed.getvalue(), path


def test_every_way_takes_part_and_is_shown(ran: tuple[Report, str, Path]) -> None:
    made, printed, _ = ran
    names = [way.name for way in made.comparisons[0].ways]
    assert names == [COURSE, *(peer.name for peer in devices.peers(COUNTS)[1:])]
    assert len(names) == 8
    for name in [*names, *(each.name for each in made.scalings)]:
        assert re.search(rf"^ *{re.escape(name)} +\d", printed, flags=re.M), name


def test_the_ratios_that_matter_are_said(ran: tuple[Report, str, Path]) -> None:
    made, printed, _ = ran
    text = " ".join(printed.split())
    ratio = np.median(devices.against_hand(made.comparisons[0], "pmap"))
    assert f"fit, pmap, 2 devices takes {ratio:.2f} times as long as the fastest by hand" in text
    assert "strong scaling: 2 processes learn from 1.41 times as many" in text
    assert "at least 1.4 is wanted: met." in text
    slow = made.scalings[0]._replace(several=made.scalings[0].one)
    said = report.verdicts(Report(made.machine, scalings=[slow]))
    assert said == [
        "strong scaling: 2 processes learn from 1.00 times as many examples a second as one, "
        "middle half 1.00 to 1.00; at least 1.4 is wanted: not met."
    ]


def test_what_is_stored_is_read_and_drawn(ran: tuple[Report, str, Path]) -> None:
    made, _, path = ran
    read = Report.read(path)
    assert (read.machine, read.skipped) == (made.machine, made.skipped)
    assert [each.ways[0].name for each in read.comparisons] == [COURSE]
    np.testing.assert_allclose(read.scalings[1].ratios(), made.scalings[1].ratios(), rtol=1e-4)
    left, right = plot.draw(read).axes
    assert [label.get_text() for label in left.get_xticklabels()] == ["1", "2"]
    assert [text.get_text() for text in right.texts] == ["1.41×", "1.41×"]


def test_a_ratio_is_that_of_the_largest_team_and_the_fastest_by_hand() -> None:
    ways = {
        COURSE: [1.0, 1.0],
        "fit, pmap, 2 devices": [2.0, 3.0],
        "fit, pmap, 8 devices": [4.0, 6.0],
        "by hand: pmap, 8 devices": [9.0, 9.0],
        "by hand: sharded jit, 8 devices": [4.0, 5.0],
    }
    timed = [Timed(name, seconds, 0.0) for name, seconds in ways.items()]
    comparison = Comparison("case", 1, 1, 0.0, [1.0, 1.0], timed)
    assert devices.against_hand(comparison, "pmap") == [1.0, 1.2]
    assert devices.relative(comparison, "pmap") == {2: [2.0, 3.0], 8: [4.0, 6.0]}


def test_a_team_that_takes_other_steps_is_found_out() -> None:
    case = cases.digits(64, 2)
    losses = np.geomspace(2.6, 0.5, case.epochs * case.steps)
    honest = {peer.name: losses for peer in devices.peers((1, 8))}
    devices.check(case, (1, 8), honest)
    for name in ("fit, sharded, 8 devices", "by hand: sharded jit, 8 devices"):
        with pytest.raises(RuntimeError, match=rf"{name} has other losses"):
            devices.check(case, (1, 8), honest | {name: losses * np.linspace(1, 1.01, 56)})


def test_one_process_and_two_share_rounds_data_and_losses() -> None:
    started: list[Job] = []

    def start(job: Job) -> dict[str, Any]:
        started.append(job)
        return told(job)

    strong, weak = processes.measure(3, start=start)
    assert strong.batches == [4096, 4096]
    assert weak.batches == [4096, 8192]
    assert len(strong.one) == len(strong.several) == 3
    rounds = [started[at : at + 3] for at in (0, 3, 6)]
    assert all({(job.processes, job.batch) for job in each} == {(1, 4096), (2, 4096), (2, 8192)}
               for each in rounds)  # fmt: skip
    assert len({job.copies / job.batch for job in started}) == 1
    with pytest.raises(RuntimeError, match="several processes have other losses than one"):
        processes.measure(1, start=lambda job: told(job) | {"losses": [2.0, job.processes]})


@pytest.mark.skipif(processes.missing() is not None, reason=f"{processes.missing()}")
def test_two_real_processes_learn_what_one_learns() -> None:
    job = Job(2, 64, 1, epochs=1, runs=1)
    two = processes.launch(job)
    one = processes.train(job._replace(processes=1))
    processes.check([one], [two])
    assert len(two["seconds"]) == 1
    assert json.dumps(two)


def test_what_cannot_be_measured_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    printed = io.StringIO()
    made = program.run({"processes": ()}, 1, console=Console(file=printed, width=130))
    assert made.scalings == []
    assert "Processes were not measured: mpirun is not installed" in printed.getvalue()


def test_the_program_stores_what_it_is_asked_to_under_another_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ran: tuple[Report, str, Path]
) -> None:
    asked: list[tuple[list[str], int]] = []

    def run(chosen: dict[str, Any], rounds: int) -> Report:
        asked.append(([*chosen], rounds))
        return ran[0]

    monkeypatch.setattr(program, "RESULTS", tmp_path)
    monkeypatch.setattr(program, "simulate_devices", lambda _: None)
    monkeypatch.setattr(program, "run", run)
    for arguments, stored in ((["--only", "devices", "--rounds", "1"], 0), ([], 1)):
        result = CliRunner().invoke(program.main, ["--scale", *arguments])
        assert result.exit_code == 0, result.output
        assert len([*tmp_path.glob("scale-*.json")]) == stored
    assert asked == [(["devices"], 1), (["processes", "devices"], 7)]
