"""A verdict as the reader sees it: its outcome in words, the rest escaped."""

from typing import Any

import pytest

from course.practice.verdict import Text, Verdict
from tests.practice.tags import Tags


@pytest.mark.parametrize("outcome", ["correct", "not yet", "not attempted"])
def test_verdicts_say_their_outcome_in_words_and_escape_the_rest(outcome: Any) -> None:
    verdict = Verdict(outcome, "a < b & `c < d` <script>", "H <i>", "<p>", "note <u>")
    tags = Tags(verdict._repr_html_())
    assert tags.seen[0][0] == "div"
    assert tags.seen[0][1]["role"] == "status"
    assert {tag for tag, _ in tags.seen} <= {"div", "strong", "code", "pre"}
    assert outcome.capitalize() in tags.text
    assert "a < b & c < d <script>" in tags.text
    assert "note <u>" in tags.text
    assert "var(--jp-" in verdict._repr_html_()
    assert ("H <i>" in tags.text) == (outcome == "not attempted")


def test_code_is_shown_below_a_text() -> None:
    assert Tags(Text("`x`", "a < b")._repr_html_()).text == "xa < b"
    assert repr(Text("text", "code")) == "text\n\ncode"
