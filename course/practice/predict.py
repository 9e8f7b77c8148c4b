"""Predictions: say what will happen and how sure you are, then see.

The first answer counts. It is kept with the confidence given, from which the log score of all
predictions, and later the reader's own reliability diagram, are drawn.
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from course.practice import progress, score
from course.practice.progress import PredictionRecord
from course.practice.text import class_name, short
from course.practice.verdict import Text, box, marked

BRAND = "var(--jp-brand-color1, #1976d2)"
_HOW = "Which, and how sure are you, from 50 % to 100 %?"
_CANNOT = "What happens could not be computed here ({})."


class Revealed(NamedTuple):
    """What really happens: the option that is right, and a sentence that says why."""

    right: str
    sentence: str


@dataclass(frozen=True, eq=False)
class Prediction:
    """A question to be answered before the code is run.

    Attributes:
        name: topic and name, "entropy.p1": the module it lives in and its name there.
        question: one sentence that ends in a question mark.
        options: the possible answers, two or more.
        reveal: computes the right option and a sentence; called when the reader has answered.
    """

    name: str
    question: str
    options: tuple[str, ...]
    reveal: Callable[[], tuple[str, str]]

    def __post_init__(self) -> None:
        if self.name.count(".") != 1:
            raise ValueError(f"name: expected 'topic.name', got {self.name!r}")
        different = {_folded(option) for option in self.options}
        if len(self.options) < 2 or len(different) < len(self.options):
            raise ValueError(f"options: expected two or more different ones, got {self.options!r}")


def predict(
    prediction: Any = None, guess: Any = None, sure: Any = None, *more: Any, **unknown: Any
) -> "Asked | Text":
    """Ask a question; with `guess` and `sure`, answer it too.

    Args:
        prediction: for example `practice.entropy.p1`.
        guess: one of its options (in any case, or its beginning, or its number from 0); None
            shows the question with its options to click.
        sure: how sure you are, 50 to 100 percent (0.5 to 1 means the same).
        more: nothing; refused in words, like other keywords.
        unknown: nothing, likewise.

    Returns:
        What the notebook shows: the question, or your answer with what happened.
    """
    if more or unknown:
        listed = ", ".join(f"`{name}=`" for name in unknown) or "a fourth argument"
        return Text(f"`predict` does not know {short(listed)}: it takes `guess=` and `sure=`.")
    try:
        if not issubclass(type(prediction), Prediction):  # isinstance would ask the object itself
            return _no_prediction(prediction)
        known = progress.read()
        record = known.predictions.get(prediction.name)
        if record is not None:
            lines = told(prediction, record, revealed(prediction), fresh=False)
            first = [] if guess is None else ["The first answer counts."]
            return Asked(prediction, record, _said(*lines, *first, known.note))
        if guess is None and sure is None:
            return Asked(prediction, None, _said(known.note))
        return answered(prediction, guess, sure)
    except KeyboardInterrupt:
        return Text("You stopped the prediction.")
    except BaseException as error:  # whatever was handed in: a sentence, never a traceback
        kind = class_name(type(error))
        return Text(f"There is nothing to predict here ({kind}): name a prediction of the course.")


def _no_prediction(value: Any) -> Text:
    """What is said of anything else that is handed in."""
    kind = class_name(type(value))
    # Imported here: the engine loads NumPy, and what shows progress alone shall not.
    from course.practice.exercise import Exercise

    if issubclass(type(value), Exercise):
        call = f"practice.{value.name}"
        wanted = f"`{call}` is an exercise, so hand your answer to `{call}.check`"
    else:
        wanted = "name a prediction of the course"
    return Text(f"There is nothing to predict here ({kind}): {wanted}.")


def answered(prediction: Prediction, guess: Any, sure: Any) -> "Asked":
    """Record an answer, unless there is an earlier one, and reveal."""
    option, percent = matched(prediction.options, guess), percentage(sure)
    if option is None:
        listed = ", ".join(f"`{one}`" for one in prediction.options)
        return Asked(prediction, None, _said(f"Your guess should be one of {listed}."))
    if percent is None:
        ask = "Say how sure you are: `sure=` a number from 50 to 100 percent."
        return Asked(prediction, None, _said(ask))
    truth = revealed(prediction)
    if isinstance(truth, str):
        return Asked(prediction, None, _said(truth, "Your answer was not recorded."))
    record, note = progress.record_prediction(
        prediction.name, option, percent, option == truth.right
    )
    fresh = (record.guess, record.sure) == (option, percent)
    first = [] if fresh else ["The first answer counts."]  # another window was quicker
    lines = told(prediction, record, truth, fresh=fresh)
    return Asked(prediction, record, _said(*lines, *first, note))


@dataclass(frozen=True, eq=False)
class Asked:
    """A prediction as a notebook shows it: asked, or answered.

    Attributes:
        prediction: the question.
        record: the answer that counts; None while there is none.
        lines: what there is to say after the question, sentence by sentence.
    """

    prediction: Prediction
    record: PredictionRecord | None = None
    lines: tuple[str, ...] = ()

    def __repr__(self) -> str:
        asked = []
        if self.record is None:
            asked = [f"  {index}  {option}" for index, option in enumerate(self.prediction.options)]
            call = f"practice.predict(practice.{self.prediction.name}, guess=…, sure=…)"
            asked.append(f"{_HOW} From code: {call}")
        return "\n".join([f"Predict: {self.prediction.question}", *asked, *self.lines])

    def _repr_html_(self) -> str:
        asked = ""
        if self.record is None:
            listed = "".join(f"<li>{marked(option)}</li>" for option in self.prediction.options)
            asked = f"<ul>{listed}</ul><div>{_HOW}</div>"
        said = "".join(f"<div>{marked(line)}</div>" for line in self.lines)
        question = f"<div><strong>Predict:</strong> {marked(self.prediction.question)}</div>"
        return box(question + asked + said, BRAND)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": self._repr_html_()}
        return bundle | _widget(self) if self.record is None else bundle


def _widget(asked: Asked) -> dict[str, Any]:
    """The clickable form of the question, where there are widgets."""
    try:
        from course.practice.panel import Panel

        bundle = Panel(asked).widget._repr_mimebundle_()
    except Exception:  # without widgets the text remains, and the answer can be given from code
        return {}
    view = "application/vnd.jupyter.widget-view+json"
    return {view: bundle[view]} if bundle and view in bundle else {}


def told(
    prediction: Prediction, record: PredictionRecord, truth: Revealed | str, *, fresh: bool
) -> list[str]:
    """What was answered, what happened, and what the answer cost."""
    said = f"You {'say' if fresh else 'said'} “{record.guess}”, {record.sure:g} % sure. "
    said += "That is right." if record.right else "That is not what happens."
    happened = truth if isinstance(truth, str) else f"{truth.right}: {truth.sentence}"
    cost = score.log_score(record.sure, record.right)
    given = record.sure if record.right else 100 - record.sure
    paid = f"You gave {given:g} % to what happened, which costs {score.bits(cost)}."
    if math.isinf(cost):
        paid += " No later success can pay for that: keep 100 % for what cannot be otherwise."
    everything = {prediction.name: record} | progress.read().predictions
    total = score.summary(everything.values())
    mean = f"Your mean over {total.count}: {score.mean_in_words(total)}; a coin toss costs 1."
    return [said, happened, paid, mean]


def revealed(prediction: Prediction) -> Revealed | str:
    """What really happens, or a sentence where that cannot be computed."""
    try:
        truth = Revealed(*prediction.reveal())
    except BaseException as error:  # the interrupt button included
        return _CANNOT.format(class_name(type(error)))
    return truth if truth.right in prediction.options else _CANNOT.format("it is not listed")


def matched(options: tuple[str, ...], guess: Any) -> str | None:
    """The option that is meant, or None.

    >>> matched(("rises", "falls"), " Fal"), matched(("rises", "falls"), 0)
    ('falls', 'rises')
    >>> matched(("rises", "falls"), "") is None, matched(("2", "1"), 1)
    (True, '1')
    """
    given = _given(guess)
    if given is None:
        return None
    text = _folded(str(given))
    exact = [option for option in options if _folded(option) == text]
    begun = [option for option in options if text and _folded(option).startswith(text)]
    if len(exact or begun) == 1:
        return (exact or begun)[0]
    return options[given] if type(given) is int and 0 <= given < len(options) else None


def _given(guess: Any) -> str | bool | int | float | None:
    """A guess without the behaviour of subclasses and of NumPy's numbers; None for the rest."""
    kind = type(guess)
    if issubclass(kind, str):
        return str.__str__(guess)
    if issubclass(kind, float):
        return float.__float__(guess)
    if kind is bool or not hasattr(kind, "__index__"):
        return guess if kind is bool else None
    try:
        return operator.index(guess)
    except BaseException:  # an array of several numbers, or whatever an object's own method raises
        return None


def percentage(sure: Any) -> float | None:
    """How sure, in percent from 50 to 100, or None.

    >>> percentage(80), percentage("80 %"), percentage(0.8), percentage(1), percentage(40)
    (80.0, 80.0, 80.0, 100.0, None)
    """
    if type(sure) is bool:
        return None
    try:
        number = float(sure.rstrip("% ") if type(sure) is str else sure)
    except BaseException:  # not a number, in one of many ways
        return None
    number = round(100 * number, 6) if 0.5 <= number <= 1 else number
    return number if 50 <= number <= 100 else None


def _said(*lines: str) -> tuple[str, ...]:
    """The lines that are not empty."""
    return tuple(filter(None, lines))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
