"""The widget of a prediction: options to choose from, a slider, and a button that reveals."""

from typing import Any

import ipywidgets as widgets

from course.practice.predict import BRAND, Asked, answered
from course.practice.text import class_name
from course.practice.verdict import box, marked


class Panel:
    """Asks one question; what is locked in is recorded, and the truth appears below it.

    Attributes:
        widget: all of it, to be displayed.
        choice: the options, none of them chosen at first.
        sure: the slider, which begins at 50 %: not moving it claims nothing.
        lock: the button.
        answer: what is shown below.
    """

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        question = _prose(f"<strong>Predict:</strong> {marked(asked.prediction.question)}")
        self.choice = widgets.RadioButtons(
            options=list(asked.prediction.options),
            index=None,
            description="Your answer",
            tooltip="What do you think will happen?",
            layout=widgets.Layout(width="max-content"),
            style={"description_width": "7em"},
        )
        self.sure = widgets.IntSlider(
            value=50,
            min=50,
            max=100,
            description="How sure (%)",
            tooltip="How sure you are of your answer: 50 is a coin toss, 100 is certainty",
            continuous_update=False,
            layout=widgets.Layout(width="26em"),
            style={"description_width": "initial"},
        )
        self.lock = widgets.Button(
            description="Lock in and reveal",
            tooltip="Keep this answer and show what happens; the first answer counts",
            layout=widgets.Layout(width="max-content"),
        )
        self.lock.on_click(self._on_lock)
        self.answer = widgets.HTML(_said(asked.lines))
        parts = [widgets.HTML(question), self.choice, self.sure, self.lock, self.answer]
        self.widget = widgets.VBox(parts)

    def _on_lock(self, _: Any) -> None:
        """Record, reveal, and take no further answer."""
        try:
            if self.choice.value is None:
                self.answer.value = _said(("Choose an answer first.",))
                return
            self.lock.disabled = True
            self.answer.value = _said(("Working out what happens …",))  # it may take seconds
            now = answered(self.asked.prediction, self.choice.value, self.sure.value)
            self.answer.value = _said(now.lines)
            self.choice.disabled = self.sure.disabled = now.record is not None
            self.lock.disabled = now.record is not None
        except BaseException as error:  # a callback's error would vanish into the log
            self.answer.value = _said((f"That did not work ({class_name(type(error))}).",))


def _said(lines: tuple[str, ...]) -> str:
    """Sentences as HTML; nothing for none."""
    said = "".join(f"<div>{marked(line)}</div>" for line in lines)
    return _prose(box(said, BRAND)) if lines else ""


def _prose(content: str) -> str:
    """Text that runs over several lines: in a widget they would be as high as its controls."""
    return f'<div style="line-height: 1.5">{content}</div>'
