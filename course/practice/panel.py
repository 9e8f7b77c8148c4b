"""The widget of a prediction: options to choose from, a slider, and a button that reveals."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from course.practice.describe import class_name
from course.practice.verdict import BRAND, box, marked

Lines = tuple[str, ...]


class Panel:
    """Form for one question; what is locked in is recorded, and the truth appears below it.

    Args:
        question: one sentence.
        options: the possible answers.
        least: the lowest confidence in percent, that of a mere guess.
        lines: sentences that are shown at first.
        answered: records the option chosen and the confidence in percent, and returns the
            sentences to show next, and True if the answer counts.
    """

    def __init__(
        self,
        question: str,
        options: Lines,
        least: int,
        lines: Lines,
        answered: Callable[[str, int], tuple[Lines, bool]],
    ) -> None:
        self.answered = answered
        # Widths in em: the texts beside the controls grow with the reader's font.
        self.choice = widgets.RadioButtons(
            options=list(options),
            index=None,  # none of them is chosen at first
            description="Your answer",
            tooltip="What do you think will happen?",
            layout=widgets.Layout(width="max-content"),
            style={"description_width": "7em"},
        )
        self.sure = widgets.IntSlider(
            value=least,  # not moving it claims nothing
            min=least,
            max=100,
            description="How sure (%)",
            tooltip=f"How sure you are of your answer: {least} is a mere guess, 100 is certainty",
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
        self.output = widgets.HTML(_shown(lines))
        title = widgets.HTML(_prose(f"<strong>Predict:</strong> {marked(question)}"))
        self.widget = widgets.VBox([title, self.choice, self.sure, self.lock, self.output])

    def _on_lock(self, _: Any) -> None:
        """Record, reveal, and take no further answer."""
        try:
            if self.choice.value is None:
                self.output.value = _shown(("Choose an answer first.",))
                return
            self.lock.disabled = True
            self.output.value = _shown(("Working out what happens …",))  # it may take seconds
            lines, counts = self.answered(self.choice.value, self.sure.value)
            self.output.value = _shown(lines)
            self.choice.disabled = self.sure.disabled = self.lock.disabled = counts
        except (Exception, KeyboardInterrupt) as error:  # it would vanish into the log
            self.output.value = _shown((f"That did not work ({class_name(type(error))}).",))


def _shown(lines: Lines) -> str:
    """Return sentences as HTML; nothing for none."""
    content = "".join(f"<div>{marked(line)}</div>" for line in lines)
    return _prose(box(content, BRAND)) if lines else ""


def _prose(content: str) -> str:
    """Return text that runs over several lines, which a widget makes as high as its controls."""
    return f'<div style="line-height: 1.5">{content}</div>'
