"""A verdict as the reader sees it: its outcome in words, the rest escaped."""

from typing import Any

import pytest

from course.practice.verdict import Text, Verdict
from tests.practice.tags import read_html


@pytest.mark.parametrize("outcome", ["correct", "not yet", "not attempted"])
def test_verdicts_say_their_outcome_in_words_and_escape_the_rest(outcome: Any) -> None:
    verdict = Verdict(outcome, "a < b & `c < d` <script>", "H <i>", "<p>", "note <u>")
    elements, text = read_html(verdict._repr_html_())
    assert (elements[0].tag, elements[0].get("role")) == ("div", "status")
    assert {element.tag for element in elements} <= {"div", "strong", "code", "pre"}
    assert outcome.capitalize() in text
    assert "a < b & c < d <script>" in text
    assert "note <u>" in text
    assert "var(--jp-" in verdict._repr_html_()
    assert ("H <i>" in text) == (outcome == "not attempted")


def test_code_is_shown_below_a_text() -> None:
    assert read_html(Text("`x`", "a < b")._repr_html_())[1] == "xa < b"
    assert repr(Text("text", "code")) == "text\n\ncode"
