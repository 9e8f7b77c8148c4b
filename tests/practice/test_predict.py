"""Predictions: asked, answered once, revealed, scored; in a widget and from code."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course import practice
from course.practice import panel, progress, score
from course.practice.predict import Asked, Prediction, Revealed, predict
from course.practice.progress import PredictionRecord
from course.practice.verdict import Text
from tests.practice.examples import rises
from tests.practice.test_check import Tags

VIEW = "application/vnd.jupyter.widget-view+json"
QUESTION = "A coin with heads at 0.9 becomes one with heads at 0.6. What does its entropy do?"


def broken() -> tuple[str, str]:
    raise SystemExit


def asking(reveal: Any, options: tuple[str, ...] = ("yes", "no")) -> Prediction:
    return Prediction("examples.other", "Does it?", options, reveal)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[panel.Panel]:
    """The panels that are made, so that a test can click them."""
    made: list[panel.Panel] = []

    class Kept(panel.Panel):
        def __init__(self, asked: Asked) -> None:
            super().__init__(asked)
            made.append(self)

    monkeypatch.setattr(panel, "Panel", Kept)
    return made


def test_a_question_reads_well_without_a_kernel_and_keeps_the_answer_to_itself() -> None:
    bundle = predict(rises)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", VIEW}
    text = Tags(bundle["text/html"]).text
    for said in (bundle["text/plain"], text):
        assert QUESTION in said
        assert all(option in said for option in rises.options)
        assert "bits" not in said
    again = predict(rises)._repr_mimebundle_()
    assert {key: again[key] for key in ("text/plain", "text/html")} == {
        key: bundle[key] for key in ("text/plain", "text/html")
    }
    assert progress.read().predictions == {}


def test_without_widgets_the_text_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel.widgets, "VBox", None)
    assert set(predict(rises)._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_an_answer_from_code_is_kept_revealed_and_scored() -> None:
    asked = predict(rises, guess="falls", sure=80)
    assert repr(asked).splitlines() == [
        f"Predict: {QUESTION}",
        "You say “falls”, 80 % sure. That is not what happens.",
        "rises: it goes from 0.47 to 0.97 bits.",
        "You gave 20 % to what happened, which costs 2.32 bits.",
        "Your mean over 1: 2.32 bits a prediction; a coin toss costs 1.",
    ]
    record = progress.read().predictions["examples.rises"]
    assert (record.guess, record.sure, record.right) == ("falls", 80, False)
    assert VIEW not in asked._repr_mimebundle_()


def test_the_first_answer_counts() -> None:
    predict(rises, guess="rises", sure=75)
    for asked in (predict(rises), predict(rises, guess="falls", sure=100)):
        assert "You said “rises”, 75 % sure. That is right." in repr(asked)
        assert "it goes from 0.47 to 0.97 bits" in repr(asked)
    assert "The first answer counts." in repr(predict(rises, guess="falls", sure=100))
    assert "The first answer counts." not in repr(predict(rises))
    assert progress.read().predictions["examples.rises"].guess == "rises"


@pytest.mark.parametrize("guess", ["rises", " RISES ", "ris", 0, np.int64(0), np.array(0)])
@pytest.mark.parametrize("sure", [80, 80.0, "80", "80 %", 0.8])
def test_guesses_and_percentages_are_understood(guess: Any, sure: Any) -> None:
    predict(rises, guess=guess, sure=sure)
    record = progress.read().predictions["examples.rises"]
    assert (record.guess, record.sure) == ("rises", 80)


@pytest.mark.parametrize(
    ("more", "unknown"), [((), {"confidence": 80}), (("rises", 80, 1), {}), ((), {"x" * 10**6: 1})]
)
def test_unknown_arguments_get_a_sentence(more: Any, unknown: Any) -> None:
    said = repr(predict(rises, *more, **unknown))
    assert "it takes `guess=` and `sure=`" in said
    assert len(said) < 1000
    assert progress.read().predictions == {}


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupting_percentage_is_no_percentage(error: type[BaseException]) -> None:
    def fail(_: Any) -> float:
        raise error

    sure = type("Sure", (), {"__float__": fail})()
    assert "a number from 50 to 100 percent" in repr(predict(rises, guess="rises", sure=sure))
    prediction = object.__new__(type("Asks", (Prediction,), {"name": property(fail)}))
    stopped = error is KeyboardInterrupt
    said = "You stopped the prediction." if stopped else "There is nothing to predict here"
    assert said in repr(predict(prediction))


class Hostile:
    def __getattribute__(self, name: str) -> Any:
        raise SystemExit

    __float__ = __str__ = __eq__ = __repr__ = __index__ = lambda *_: 1 / 0


def made(value: Any) -> Any:
    """The value; a hostile object is made here, since pytest looks at its parameters."""
    return Hostile() if value is Hostile else value


@pytest.mark.parametrize(
    "guess", ["", "up", "s" * 9, 3, -1, 1.5, None, ..., [], "rises falls", b"rises", Hostile]
)
def test_a_guess_that_is_none_of_the_options(guess: Any) -> None:
    asked = predict(rises, guess=made(guess), sure=80)
    assert "Your guess should be one of `rises`, `falls`, `stays the same`." in repr(asked)
    assert progress.read().predictions == {}


@pytest.mark.parametrize(
    "sure", [None, 49, 101, -80, 0.4, 0, math.nan, math.inf, "very", "", True, [80], Hostile]
)
def test_a_percentage_that_is_none(sure: Any) -> None:
    asked = predict(rises, guess="rises", sure=made(sure))
    assert "a number from 50 to 100 percent" in repr(asked)
    assert progress.read().predictions == {}


@pytest.mark.parametrize("prediction", [None, "entropy.p1", 7, Hostile, predict])
def test_what_is_no_prediction(prediction: Any) -> None:
    for asked in (predict(made(prediction)), predict(made(prediction), "rises", 80)):
        assert isinstance(asked, Text)
        assert "There is nothing to predict here" in repr(asked)


@pytest.mark.parametrize("answer", [(), ("rises", 80)])
def test_an_exercise_is_no_prediction(answer: tuple[Any, ...]) -> None:
    asked = predict(practice.gradient_descent.q1, *answer)
    assert isinstance(asked, Text)
    assert "There is nothing to predict here" in asked._repr_html_()
    assert "hand your answer to `practice.gradient_descent.q1.check`" in repr(asked)


@pytest.mark.parametrize(
    ("reveal", "said"),
    [
        (broken, "What happens could not be computed here (SystemExit)."),
        (lambda: ("maybe", "it depends"), "could not be computed here (it is not listed)"),
        (lambda: 7, "could not be computed here (TypeError)"),
    ],
)
def test_a_truth_that_cannot_be_computed(reveal: Any, said: str, shown: list[panel.Panel]) -> None:
    prediction = asking(reveal)
    asked = predict(prediction, guess="yes", sure=80)
    assert said in repr(asked)
    assert "Your answer was not recorded." in repr(asked)
    predict(prediction)._repr_mimebundle_()
    shown[0].choice.value = "no"
    shown[0].lock.click()
    assert said in shown[0].answer.value
    assert not shown[0].lock.disabled
    assert progress.read().predictions == {}
    progress.record_prediction("examples.other", "yes", 60, True)
    assert said in repr(predict(prediction))


def test_progress_that_cannot_be_kept_does_not_stop_a_prediction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    said = repr(predict(rises, guess="rises", sure=80))
    assert "That is right." in said
    assert "Your progress cannot be kept" in said
    assert "Your progress cannot be kept" in repr(predict(rises))


def test_certain_and_wrong_costs_infinitely_and_the_mean_stays_useful() -> None:
    progress.record_prediction("a.p", "yes", 50, True)
    said = repr(predict(rises, guess="falls", sure=100))
    assert "You gave 0 % to what happened, which costs ∞ bits." in said
    assert "keep 100 % for what cannot be otherwise" in said
    assert "∞ bits a prediction (without the 1 that cost ∞: 1.00 bits over 1)" in said


def test_a_click_locks_in_and_reveals(shown: list[panel.Panel]) -> None:
    predict(rises)._repr_mimebundle_()
    (made,) = shown
    assert (made.choice.value, made.sure.value, made.answer.value) == (None, 50, "")
    assert (made.sure.min, made.sure.max, made.sure.step) == (50, 100, 1)
    made.lock.click()
    assert "Choose an answer first." in made.answer.value
    made.choice.value = "rises"
    made.sure.value = 90
    made.lock.click()
    assert "You say “rises”, 90 % sure. That is right." in Tags(made.answer.value).text
    assert made.choice.disabled
    assert made.sure.disabled
    assert made.lock.disabled
    record = progress.read().predictions["examples.rises"]
    assert (record.guess, record.sure, record.right) == ("rises", 90, True)


def test_a_second_panel_shows_the_first_answer(shown: list[panel.Panel]) -> None:
    for _ in range(2):
        predict(rises)._repr_mimebundle_()
    for made, guess in zip(shown, ("rises", "falls"), strict=True):
        made.choice.value = guess
        made.lock.click()
    assert "You said “rises”, 50 % sure." in shown[1].answer.value
    assert "The first answer counts." in shown[1].answer.value


def test_an_error_behind_the_button_is_shown(
    shown: list[panel.Panel], monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(rises)._repr_mimebundle_()
    monkeypatch.setattr(panel, "answered", None)
    shown[0].choice.value = "rises"
    shown[0].lock.click()
    assert "That did not work (TypeError)." in shown[0].answer.value


def test_every_control_has_a_description_and_a_tooltip(shown: list[panel.Panel]) -> None:
    predict(rises)._repr_mimebundle_()
    for control in (shown[0].choice, shown[0].sure, shown[0].lock):
        assert control.description
        assert control.tooltip


def test_what_is_said_is_escaped(shown: list[panel.Panel]) -> None:
    prediction = asking(lambda: ("<b>", "a < b"), ("<b>", "<i>"))
    tags = Tags(predict(prediction)._repr_html_())
    assert {tag for tag, _ in tags.seen} <= {"div", "strong", "ul", "li"}
    assert "a < b" in Tags(predict(prediction, guess="<b>", sure=60)._repr_html_()).text
    predict(asking(lambda: ("x", "y"), ("x", "<i>")))


@pytest.mark.parametrize("options", [(), ("one",), ("Yes", "yes ")])
def test_a_senseless_question_cannot_be_made(options: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="options: expected"):
        asking(lambda: Revealed("one", ""), options)
    with pytest.raises(ValueError, match="name: expected"):
        Prediction("p1", "Does it?", ("yes", "no"), lambda: ("yes", ""))


def test_log_scores_and_their_summary() -> None:
    records = [
        PredictionRecord("a", 80, True),
        PredictionRecord("a", 80, False),
        PredictionRecord("a", 100, False),
    ]
    total = score.summary(records)
    assert (total.count, total.right, total.infinite) == (3, 1, 1)
    assert total.sure == pytest.approx(260 / 3)
    assert total.bits == math.inf
    assert total.finite_bits == pytest.approx(-(math.log2(0.8) + math.log2(0.2)) / 2)
    nothing = score.summary([])
    assert (nothing.count, nothing.right) == (0, 0)
    assert math.isnan(nothing.bits)
    assert score.mean_in_words(score.summary(records[2:])) == "∞ bits a prediction"


def test_practice_offers_it() -> None:
    assert practice.predict is predict
