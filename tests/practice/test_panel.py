"""The widget of a prediction."""

from typing import Any

import pytest

from course.practice import panel
from course.practice.predict import Prediction, predict
from course.practice.progress_file import read
from tests.practice.examples import rises
from tests.practice.tags import read_html


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[panel.Panel]:
    """The panels that are made, so that a test can click them."""
    made: list[panel.Panel] = []

    class Remembered(panel.Panel):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(panel, "Panel", Remembered)
    return made


def test_a_click_locks_in_and_reveals(shown: list[panel.Panel]) -> None:
    predict(rises)._repr_mimebundle_()
    (made,) = shown
    assert (made.choice.value, made.sure.value, made.output.value) == (None, 33, "")
    assert (made.sure.min, made.sure.max, made.sure.step) == (33, 100, 1)
    made.lock.click()
    assert "Choose an answer first." in made.output.value
    made.choice.value = "rises"
    made.sure.value = 90
    made.lock.click()
    assert "You say “rises”, 90 % sure. That is right." in read_html(made.output.value)[1]
    assert made.choice.disabled
    assert made.sure.disabled
    assert made.lock.disabled
    record = read().predictions["examples.rises"]
    assert (record.guess, record.sure, record.right) == ("rises", 90, True)


def test_a_second_panel_shows_the_first_answer(shown: list[panel.Panel]) -> None:
    for _ in range(2):
        predict(rises)._repr_mimebundle_()
    for made, guess in zip(shown, ("rises", "falls"), strict=True):
        made.choice.value = guess
        made.lock.click()
    assert "You said “rises”, 33 % sure." in shown[1].output.value
    assert "The first answer counts." in shown[1].output.value


def test_an_error_behind_the_button_is_shown(
    shown: list[panel.Panel], monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(rises)._repr_mimebundle_()
    monkeypatch.setattr(shown[0], "answered", None)
    shown[0].choice.value = "rises"
    shown[0].lock.click()
    assert "That did not work (TypeError)." in shown[0].output.value


def test_every_control_has_a_description_and_a_tooltip(shown: list[panel.Panel]) -> None:
    predict(rises)._repr_mimebundle_()
    for control in (shown[0].choice, shown[0].sure, shown[0].lock):
        assert control.description
        assert control.tooltip


def test_a_truth_that_cannot_be_computed_leaves_the_question_open(
    shown: list[panel.Panel],
) -> None:
    predict(Prediction("a.p", "Does it?", ("yes", "no"), lambda: 1 / 0))._repr_mimebundle_()
    shown[0].choice.value = "no"
    shown[0].lock.click()
    assert "could not be computed here (ZeroDivisionError)" in shown[0].output.value
    assert not shown[0].lock.disabled
    assert not shown[0].choice.disabled
