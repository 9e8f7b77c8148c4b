"""Show the reader a verdict or a text, in words and as HTML."""

import html
import re
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["correct", "not yet", "not attempted"]

# JupyterLab's own colours follow its light and dark theme; the second value is for other places.
_COLOURS = {
    "correct": "var(--jp-success-color1, #00763c)",
    "not yet": "var(--jp-warn-color1, #b35900)",
    "not attempted": "var(--jp-border-color1, #808080)",
}
BRAND = "var(--jp-brand-color1, #1976d2)"  # of questions
_PRINTED = "white-space: pre-wrap; margin: 0; color: inherit"
# Code keeps its lines, to be read and copied as it stands; the box scrolls if need be.
_CODE = "white-space: pre; margin: 0; color: inherit"
_WORDS = {"correct": "✔ Correct", "not yet": "✘ Not yet", "not attempted": "○ Not attempted"}


@dataclass(frozen=True)
class Verdict:
    """The answer to one check."""

    outcome: Outcome
    message: str
    """Reason, in a sentence or two."""
    heading: str = ""
    """Title, difficulty and minutes of the exercise; shown before an attempt."""
    printed: str = ""
    """Output of the answer, cut."""
    note: str = ""
    """Sentence about what went wrong with recording the attempt; "" if nothing did."""
    judged: bool = True
    """False if the check was stopped or the exercise itself failed: no attempt at all."""

    def __repr__(self) -> str:
        printed = f"Your code printed: {self.printed}" if self.printed else ""
        lines = [self._first, f"{_WORDS[self.outcome]}. {self.message}", printed, self.note]
        return "\n".join(filter(None, lines))

    def _repr_html_(self) -> str:
        first = f"<strong>{html.escape(self._first)}</strong>" if self._first else ""
        message = f"<strong>{_WORDS[self.outcome]}.</strong> {marked(self.message)}"
        printed = ""
        if self.printed:
            block = f'<pre style="{_PRINTED}">{html.escape(self.printed)}</pre>'
            printed = f"Your code printed: {block}"
        lines = filter(None, [first, message, printed, marked(self.note)])
        return box("".join(f"<div>{line}</div>" for line in lines), _COLOURS[self.outcome])

    @property
    def _first(self) -> str:
        return self.heading if self.outcome == "not attempted" else ""


@dataclass(frozen=True)
class Text:
    """A piece of text for the reader: a hint, a heading, a solution."""

    text: str
    code: str = ""
    """Shown below the text, in a block of its own."""

    def __repr__(self) -> str:
        return f"{self.text}\n\n{self.code}" if self.code else self.text

    def _repr_html_(self) -> str:
        code = html.escape(self.code)
        block = f'<pre style="{_CODE}">{code}</pre>' if code else ""
        widest = "100%" if code else "48em"
        content = f"<div>{marked(self.text)}</div>{block}"
        return box(content, _COLOURS["not attempted"], widest=widest)


def marked(text: str) -> str:
    """Escape text for HTML; what stands between backticks becomes code.

    >>> marked("`a < b` & c")
    '<code>a &lt; b</code> &amp; c'
    """
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", html.escape(text))


def box(content: str, colour: str, *, widest: str = "48em") -> str:
    """Put HTML into a bordered box that screen readers announce."""
    return (
        f'<div role="status" style="border: 1px solid {colour}; border-left-width: 6px; '
        f"padding: 0.4em 0.8em; margin: 0.3em 0; max-width: {widest}; overflow-x: auto; "
        f'color: var(--jp-ui-font-color1, inherit)">{content}</div>'
    )
