"""Trees of prefix codes: one node for each question, one leaf for each outcome."""

import pytest

from course.maths import coding
from course.show import figures
from tests.show.legible import overlaps

P, WORDS, NAMES = [0.05, 0.30, 0.65], ["10", "11", "0"], ["sun", "cloud", "rain"]


def test_every_question_and_every_outcome_is_there() -> None:
    ax = figures.code_tree(figures.new()[1], P, WORDS, NAMES)
    said = [text.get_text() for text in ax.texts]
    assert {"sun\n0.05", "cloud\n0.30", "rain\n0.65", "1.00", "0.35"} <= set(said)
    assert sorted(text for text in said if text in ("0", "1")) == ["0", "0", "1", "1"]
    assert len(ax.lines) == 4


def test_an_answer_of_0_leads_to_the_left() -> None:
    ax = figures.code_tree(figures.new()[1], P, WORDS, NAMES)
    place = {text.get_text(): text.get_position() for text in ax.texts}
    assert place["rain\n0.65"][0] < place["sun\n0.05"][0] < place["cloud\n0.30"][0]
    assert place["sun\n0.05"][1] < place["rain\n0.65"][1] < place["1.00"][1]


@pytest.mark.parametrize("count", [2, 5, 8])
def test_no_word_covers_another(count: int) -> None:
    p = [2.0**-i for i in range(1, count)] + [2.0 ** -(count - 1)]
    figure, ax = figures.new(width=8, height=6)
    figures.code_tree(ax, p, coding.huffman_code(p), [f"no. {i}" for i in range(count)])
    assert list(overlaps(figure)) == []


@pytest.mark.parametrize(
    ("p", "words", "names", "message"),
    [
        (P, ["1", "11", "0"], NAMES, "words: expected words of which none begins another"),
        (P, ["a", "11", "0"], NAMES, "words: expected words of 0 and 1"),
        (P, WORDS[:2], NAMES, "words: expected 3"),
        (P, WORDS, NAMES[:2], "labels: expected 3"),
        ([1 / 17] * 17, coding.huffman_code([1 / 17] * 17), ["x"] * 17, "p: expected at most 16"),
    ],
)
def test_what_is_no_tree_is_refused(p, words, names, message) -> None:
    with pytest.raises(ValueError, match=message):
        figures.code_tree(figures.new()[1], p, words, names)


def test_questions_stand_where_they_are_asked() -> None:
    ax = figures.code_tree(figures.new()[1], P, WORDS, NAMES, {"": "Rain?"})
    asked = [text.get_text() for text in ax.texts if "?" in text.get_text()]
    assert asked == ["Rain?\n1.00"]
    with pytest.raises(ValueError, match="questions: expected answers among"):
        figures.code_tree(figures.new()[1], P, WORDS, NAMES, {"0011": "Rain?"})
