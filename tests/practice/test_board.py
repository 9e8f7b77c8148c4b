"""The board: one row for each notebook, the same every time for the same progress."""

import importlib
import sys
from pathlib import Path

import pytest

from course import practice
from course.practice import exercises, progress
from course.practice.exercise import Exercise
from course.practice.predict import Prediction
from tests.practice import examples
from tests.practice.tags import read_html


@pytest.fixture(autouse=True)
def _one_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A course of the example module alone."""
    module = importlib.import_module("course.practice.board")  # the name stands for its function
    monkeypatch.setattr(module, "notebooks", lambda: [examples])


def test_an_empty_board() -> None:
    assert repr(practice.board()).splitlines() == [
        "Notebook    Title    Exercises  Predictions  Minutes",
        "99_example  Example  0 of 4     0 of 1       30",
        "",
        "No predictions yet.",
    ]
    assert repr(practice.board()) == repr(practice.board())


def test_a_board_with_progress() -> None:
    examples.entropy_bits.check(examples.my_entropy)
    examples.fair_die.check(1.0)
    practice.predict(examples.rises, guess="rises", sure=80)
    progress.record_prediction("elsewhere.p", "yes", 60, False)
    progress.record_attempt("elsewhere.q", "correct")
    (row,) = practice.board().rows
    assert (row.solved, row.exercises, row.predicted, row.predictions) == (1, 4, 1, 1)
    assert row.minutes == 30
    said = repr(practice.board())
    assert "99_example  Example  1 of 4     1 of 1       30" in said
    assert "Predictions: 1 of 2 right, 70 % sure on average, 0.82 bits a prediction" in said


def test_the_table_can_be_read_aloud() -> None:
    elements, text = read_html(practice.board()._repr_html_())
    assert [element.tag for element in elements[:2]] == ["table", "caption"]
    scopes = [element.get("scope") for element in elements if element.tag == "th"]
    assert scopes == ["col"] * 5 + ["row"]
    assert "Your progress" in text


def test_a_damaged_file_is_said_on_the_board(progress_file: Path) -> None:
    progress_file.parent.mkdir()
    progress_file.write_text("{")
    assert "Your progress file was damaged" in repr(practice.board())
    progress_file.write_text("{")
    assert "Your progress file was damaged" in practice.board()._repr_html_()


def test_topics_are_found_and_loaded_when_named() -> None:
    assert {"start_here", "distributions", "entropy"} <= set(exercises.topics())
    assert set(exercises.topics()) <= set(dir(practice))
    with pytest.raises(AttributeError, match=r"no exercise module 'entropi'.*entropy"):
        practice.entropi  # noqa: B018  # naming it is what is tested


def test_members_are_listed_in_their_order() -> None:
    first, *_, last = exercises.members(examples, Exercise)
    assert (first, last) == (examples.entropy_bits, examples.prefix_code)
    assert exercises.members(examples, Prediction) == [examples.rises]
    assert exercises.members(sys, Exercise) == []
