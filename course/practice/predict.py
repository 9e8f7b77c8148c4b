"""Predictions: say what will happen and how sure you are, then see.

The first answer counts. It is kept with the confidence given, from which the log score of all
predictions, and later the reader's own reliability diagram, are drawn.
"""

import math
import operator
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from course.practice import progress, score
from course.practice.describe import class_name, short
from course.practice.progress_file import PredictionRecord, read
from course.practice.verdict import BRAND, Text, box, marked

_ASK = "Which, and how sure are you, from {} % (a mere guess) to 100 %?"
_CANNOT = "What happens could not be computed here ({})."
_FIRST_COUNTS = "The first answer counts."
# A comma before three digits may separate thousands, except after 0.
_NUMBER = re.compile(
    r"(?P<before>[%٪]?)\s*(?P<number>\d+(?:\.\d*|,(?!\d{3}\b)\d+)?|0?[.,]\d+)"
    r"\s*(?P<after>%|٪|per ?cent|pct\.?)?"
)
_VIEW = "application/vnd.jupyter.widget-view+json"


class Revealed(NamedTuple):
    """The truth about a prediction."""

    right_option: str
    sentence: str
    """Reason, with figures; ends in a full stop."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """A question to be answered before the code is run."""

    name: str
    """Topic and name, "entropy.p1": the module it lives in and its name there."""
    question: str
    """One sentence that ends in a question mark."""
    options: tuple[str, ...]
    """The possible answers, two or more."""
    reveal: Callable[[], tuple[str, str]]
    """Computes the right option and a sentence; called when the reader has answered."""

    @property
    def least_sure(self) -> int:
        """Confidence of somebody who has no idea, in whole percent: one in as many as options."""
        return 100 // len(self.options)


@dataclass(frozen=True, eq=False)
class Asked:
    """A prediction as a notebook shows it: asked, or answered."""

    prediction: Prediction
    record: PredictionRecord | None = None
    """The answer that counts; None while there is none."""
    lines: tuple[str, ...] = ()
    """Sentences after the question."""

    def __repr__(self) -> str:
        asked = []
        if self.record is None:
            asked = [f"  {index}  {option}" for index, option in enumerate(self.prediction.options)]
            call = f"practice.predict(practice.{self.prediction.name}, guess=…, sure=…)"
            asked.append(f"{_ASK.format(self.prediction.least_sure)} From code: {call}")
        return "\n".join([f"Predict: {self.prediction.question}", *asked, *self.lines])

    def _repr_html_(self) -> str:
        asked = ""
        if self.record is None:
            listed = "".join(f"<li>{marked(option)}</li>" for option in self.prediction.options)
            ask = _ASK.format(self.prediction.least_sure)
            asked = f"<ul>{listed}</ul><div>{ask}</div>"
        lines = "".join(f"<div>{marked(line)}</div>" for line in self.lines)
        question = f"<div><strong>Predict:</strong> {marked(self.prediction.question)}</div>"
        return box(question + asked + lines, BRAND)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": self._repr_html_()}
        return bundle | self._widget() if self.record is None else bundle

    def _widget(self) -> dict[str, Any]:
        """Return the clickable form of the question, where there are widgets."""
        try:
            from course.practice.panel import Panel

            panel = Panel(
                self.prediction.question,
                self.prediction.options,
                self.prediction.least_sure,
                self.lines,
                self._answered,
            )
            bundle = panel.widget._repr_mimebundle_()
        except Exception:  # without widgets the text remains, and can be answered from code
            return {}
        # The mark: what is saved is the text, not the widget (course/cli/saving.py).
        return (
            {_VIEW: bundle[_VIEW] | {"why_models_learn": True}}
            if bundle and _VIEW in bundle
            else {}
        )

    def _answered(self, guess: str, sure: int) -> tuple[tuple[str, ...], bool]:
        now = answered(self.prediction, guess, sure)
        return now.lines, now.record is not None


def predict(
    prediction: Any = None, guess: Any = None, sure: Any = None, *more: Any, **unknown: Any
) -> Asked | Text:
    """Ask a question; with `guess` and `sure`, answer it too.

    Args:
        prediction: for example `practice.entropy.p1`.
        guess: one of its options (in any case, or its beginning, or its number from 0); None
            shows the question with its options to click.
        sure: probability that the guess is right, in percent: 50 to 100 of two options, 33 to 100
            of three (0.33 to 1 means the same).
        more: unused; accepted so that a wrong call gets a sentence, not a TypeError.
        unknown: unused, for the same reason.

    Returns:
        The question, or the answer with what happened, as the notebook shows it.
    """
    if more or unknown:
        listed = ", ".join(f"`{name}=`" for name in unknown) or "a fourth argument"
        return Text(f"`predict` does not know {short(listed)}: it takes `guess=` and `sure=`.")
    if not isinstance(prediction, Prediction):
        return _no_prediction(prediction)
    try:
        known = read()
        record = known.predictions.get(prediction.name)
        if record is not None:
            lines = _told(prediction, record, _revealed(prediction), fresh=False)
            first = "" if guess is None else _FIRST_COUNTS
            return Asked(prediction, record, _not_empty(*lines, first, known.note))
        if guess is None and sure is None:
            return Asked(prediction, None, _not_empty(known.note))
        return answered(prediction, guess, sure)
    except KeyboardInterrupt:
        return Text("You stopped the prediction.")


def _no_prediction(value: Any) -> Text:
    """Return a sentence about anything else that is handed in."""
    # Imported here: exercises load NumPy, and what shows progress alone shall not.
    from course.practice.exercise import Exercise

    wanted = "name a prediction of the course"
    if isinstance(value, Exercise):
        call = f"practice.{value.name}"
        wanted = f"`{call}` is an exercise, so hand your answer to `{call}.check`"
    return Text(f"There is nothing to predict here ({class_name(type(value))}): {wanted}.")


def answered(prediction: Prediction, guess: Any, sure: Any) -> Asked:
    """Record an answer, unless there is an earlier one, and reveal."""
    least = prediction.least_sure
    option, percent = matched(prediction.options, guess), percentage(sure, least)
    if option is None:
        listed = ", ".join(f"`{one}`" for one in prediction.options)
        return Asked(prediction, None, (f"Your guess should be one of {listed}.",))
    if percent is None:
        ask = f"Say how sure you are: `sure=` a number from {least} to 100 percent."
        return Asked(prediction, None, (ask,))
    truth = _revealed(prediction)
    if isinstance(truth, str):
        return Asked(prediction, None, (truth, "Your answer was not recorded."))
    record, note = progress.record_prediction(
        prediction.name, option, percent, option == truth.right_option
    )
    fresh = (record.guess, record.sure) == (option, percent)  # else another window was quicker
    lines = _told(prediction, record, truth, fresh=fresh)
    return Asked(prediction, record, _not_empty(*lines, "" if fresh else _FIRST_COUNTS, note))


def _told(
    prediction: Prediction, record: PredictionRecord, truth: Revealed | str, *, fresh: bool
) -> list[str]:
    """Return sentences about what was answered, what happened, and what the answer cost."""
    answer = f"You {'say' if fresh else 'said'} “{record.guess}”, {record.sure:g} % sure. "
    answer += "That is right." if record.right else "That is not what happens."
    happened = truth if isinstance(truth, str) else f"{truth.right_option}: {truth.sentence}"
    cost = score.log_score(record.sure, record.right)
    given = f"{record.sure:g} % to being right"
    if not record.right:
        given += f", so {100 - record.sure:g} % to being wrong"
    paid = f"You gave {given}, which costs {score.bits(cost)}."
    if math.isinf(cost):
        paid += " No later success can pay for that: keep 100 % for what cannot be otherwise."
    # This one counts even where it could not be recorded.
    everything = {prediction.name: record} | read().predictions
    total = score.summary(everything.values())
    mean = f"Your mean over {total.count}: {score.mean_in_words(total)}; a coin toss costs 1."
    return [answer, happened, paid, mean]


def _revealed(prediction: Prediction) -> Revealed | str:
    """Return the truth, or a sentence where it cannot be computed."""
    try:
        truth = Revealed(*prediction.reveal())
    except Exception as error:
        return _CANNOT.format(class_name(type(error)))
    return truth if truth.right_option in prediction.options else _CANNOT.format("it is not listed")


def matched(options: tuple[str, ...], guess: Any) -> str | None:
    """Return the option that is meant, or None.

    >>> matched(("rises", "falls"), " Fal"), matched(("rises", "falls"), 0)
    ('falls', 'rises')
    >>> matched(("rises", "falls"), "") is None, matched(("2", "1"), 1)
    (True, '1')
    >>> matched(("10 bits", "0.5 bits"), 0), matched(("10 bits", "0.5 bits"), 0.5)
    ('10 bits', '0.5 bits')
    """
    try:
        index = -1 if isinstance(guess, bool) else operator.index(guess)
    except TypeError:  # no whole number
        index = -1
    text = _folded(str(guess)) if index >= 0 or isinstance(guess, (str, float, bool)) else ""
    exact = [option for option in options if _folded(option) == text]
    # "1" may be an option, but a number is no beginning: 0 is not meant for "0.5 bits".
    if not exact and 0 <= index < len(options):
        return options[index]
    begun = [option for option in options if text and _folded(option).startswith(text)]
    return (exact or begun)[0] if len(exact or begun) == 1 else None


def percentage(sure: Any, least: int = 50) -> float | None:
    """Return a confidence in percent from `least` to 100, or None.

    A percent sign is taken at its word: 0.8 is a share, "0.8 %" is less than one in a hundred.

    >>> percentage(80), percentage("80 %"), percentage(0.8), percentage(1), percentage(40)
    (80.0, 80.0, 80.0, 100.0, None)
    >>> percentage("0.8"), percentage("0,8"), percentage("0.8%"), percentage("1,000")
    (80.0, 80.0, None, None)
    >>> percentage(33, 33), percentage(1 / 3, 33), percentage(32, 33)
    (33.0, 33.3333, None)
    """
    is_share = True
    if isinstance(sure, str):
        text = unicodedata.normalize("NFKC", sure).replace("\u066b", ",")  # the Arabic decimal sign
        written = _NUMBER.fullmatch(text.casefold().strip())
        if written is None:
            return None
        is_share = not (written["before"] or written["after"])
        sure = written["number"].replace(",", ".")
    elif isinstance(sure, (bool, bytes, bytearray)) or type(sure).__name__ in ("bool", "bool_"):
        return None
    try:
        number = float(sure)
    except (TypeError, ValueError, OverflowError):
        return None
    number = round(100 * number, 4) if is_share and least / 100 <= number <= 1 else number
    return number if least <= number <= 100 else None


def _not_empty(*lines: str) -> tuple[str, ...]:
    return tuple(filter(None, lines))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
