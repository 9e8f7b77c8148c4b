"""Predictions: asked, answered once, revealed, scored."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course import practice
from course.practice import panel, progress
from course.practice.predict import Prediction, predict
from course.practice.progress_file import read
from course.practice.verdict import Text
from tests.practice.examples import rises
from tests.practice.tags import read_html

VIEW = "application/vnd.jupyter.widget-view+json"
QUESTION = "A coin with heads at 0.9 becomes one with heads at 0.6. What does its entropy do?"


def interrupted() -> tuple[str, str]:
    raise KeyboardInterrupt


def asking(reveal: Any, options: tuple[str, ...] = ("yes", "no")) -> Prediction:
    return Prediction("examples.other", "Does it?", options, reveal)


def test_a_question_reads_well_without_a_kernel_and_keeps_the_answer_to_itself() -> None:
    bundle = predict(rises)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", VIEW}
    for said in (bundle["text/plain"], read_html(bundle["text/html"])[1]):
        assert QUESTION in said
        assert all(option in said for option in rises.options)
        assert "bits" not in said
    assert read().predictions == {}


def test_without_widgets_the_text_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel.widgets, "VBox", None)
    assert set(predict(rises)._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_an_answer_from_code_is_kept_revealed_and_scored() -> None:
    asked = predict(rises, guess="falls", sure=80)
    assert repr(asked).splitlines() == [
        f"Predict: {QUESTION}",
        "You say “falls”, 80 % sure. That is not what happens.",
        "rises: it goes from 0.47 to 0.97 bits.",
        "You gave 80 % to being right, so 20 % to being wrong, which costs 2.32 bits.",
        "Your mean over 1: 2.32 bits a prediction; a coin toss costs 1.",
    ]
    record = read().predictions["examples.rises"]
    assert (record.guess, record.sure, record.right) == ("falls", 80, False)
    assert VIEW not in asked._repr_mimebundle_()


def test_the_first_answer_counts() -> None:
    predict(rises, guess="rises", sure=75)
    for asked in (predict(rises), predict(rises, guess="falls", sure=100)):
        assert "You said “rises”, 75 % sure. That is right." in repr(asked)
        assert "it goes from 0.47 to 0.97 bits" in repr(asked)
    assert "The first answer counts." in repr(predict(rises, guess="falls", sure=100))
    assert "The first answer counts." not in repr(predict(rises))
    assert read().predictions["examples.rises"].guess == "rises"


@pytest.mark.parametrize(
    ("guess", "sure"),
    [
        *(("rises", 80), (" RISES ", 80.0), ("ris", "80"), (0, "80 %"), (np.int64(0), 0.8)),
        *((0, "0,8"), (0, "80,0 %"), (0, "80 percent"), (0, "%80"), (0, np.float32(0.8))),
        *((0, "\uff18\uff10\uff05"), (0, "\u0668\u0660\u066a"), (0, "80\u00a0%")),
        *((0, "0,800"), (0, ",8"), (0, "\u0668\u0660\u066b\u0660"), (0, "80,0\u202f%")),
    ],
)
def test_guesses_and_percentages_are_understood(guess: Any, sure: Any) -> None:
    predict(rises, guess=guess, sure=sure)
    record = read().predictions["examples.rises"]
    assert (record.guess, record.sure) == ("rises", 80)


@pytest.mark.parametrize(
    ("more", "unknown"), [((), {"confidence": 80}), (("rises", 80, 1), {}), ((), {"x" * 10**6: 1})]
)
def test_unknown_arguments_get_a_sentence(more: Any, unknown: Any) -> None:
    said = repr(predict(rises, *more, **unknown))
    assert "it takes `guess=` and `sure=`" in said
    assert len(said) < 1000
    assert read().predictions == {}


def test_an_interrupt_is_told() -> None:
    assert repr(predict(asking(interrupted), "yes", 80)) == "You stopped the prediction."


@pytest.mark.parametrize(
    "guess", ["", "up", "s" * 9, 3, -1, 1.5, None, ..., [], "rises falls", b"rises"]
)
def test_a_guess_that_is_none_of_the_options(guess: Any) -> None:
    asked = predict(rises, guess=guess, sure=80)
    assert "Your guess should be one of `rises`, `falls`, `stays the same`." in repr(asked)
    assert read().predictions == {}


@pytest.mark.parametrize(
    "sure",
    [
        *(None, 32, 101, -80, 0.3, 0, math.nan, math.inf, "very", "", True, np.True_, [80]),
        *("0.8%", "0.8 percent", "1%", "0,8 %", "1,000", "80,000", "80%%", "8_0", "8e1", b"80"),
    ],
)
def test_a_percentage_that_is_none(sure: Any) -> None:
    asked = predict(rises, guess="rises", sure=sure)
    assert "a number from 33 to 100 percent" in repr(asked)
    assert read().predictions == {}


@pytest.mark.parametrize(("options", "least"), [(2, 50), (3, 33), (4, 25)])
def test_a_mere_guess_is_one_in_as_many_as_there_are_options(options: int, least: int) -> None:
    names = tuple("abcd"[:options])
    asked = Prediction("examples.rises", QUESTION, names, lambda: ("a", "Seen."))
    assert f"from {least} % (a mere guess)" in repr(predict(asked))
    assert f"from {least} to 100 percent" in repr(predict(asked, "a", least - 1))
    said = repr(predict(asked, "a", least))
    assert f"You gave {least} % to being right, which costs {-math.log2(least / 100):.2f}" in said


@pytest.mark.parametrize("prediction", [None, "entropy.p1", 7, predict])
def test_what_is_no_prediction(prediction: Any) -> None:
    for asked in (predict(prediction), predict(prediction, "rises", 80)):
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
        (lambda: 1 / 0, "What happens could not be computed here (ZeroDivisionError)."),
        (lambda: ("maybe", "it depends"), "could not be computed here (it is not listed)"),
        (lambda: 7, "could not be computed here (TypeError)"),
    ],
)
def test_a_truth_that_cannot_be_computed(reveal: Any, said: str) -> None:
    prediction = asking(reveal)
    asked = predict(prediction, guess="yes", sure=80)
    assert said in repr(asked)
    assert "Your answer was not recorded." in repr(asked)
    assert read().predictions == {}
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
    assert "You gave 100 % to being right, so 0 % to being wrong, which costs ∞ bits." in said
    assert "keep 100 % for what cannot be otherwise" in said
    assert "∞ bits a prediction (without the 1 that cost ∞: 1.00 bits over 1)" in said


def test_what_is_said_is_escaped() -> None:
    prediction = asking(lambda: ("<b>", "a < b"), ("<b>", "<i>"))
    elements, _ = read_html(predict(prediction)._repr_html_())
    assert {element.tag for element in elements} <= {"div", "strong", "ul", "li"}
    assert "a < b" in read_html(predict(prediction, guess="<b>", sure=60)._repr_html_())[1]
