"""An exercise as a notebook offers it: check, hint, solution, and what is recorded."""

from typing import Any

import pytest

from course.practice import exercise as module
from course.practice.exercise import Exercise
from course.practice.progress_file import read
from tests.practice.examples import entropy_bits, fair_die, my_entropy
from tests.practice.tags import read_html


def made(**changes: Any) -> Exercise:
    fields = {"name": "a.b", "title": "T", "difficulty": 1, "minutes": 1, "reference": my_entropy}
    return Exercise(**(fields | changes))


def test_unknown_keywords_are_refused_in_words() -> None:
    verdict = entropy_bits.check(my_entropy, foo=1, bar=2)
    assert verdict.outcome == "not yet"
    assert "knows no keyword `foo`, `bar`" in verdict.message
    assert len(entropy_bits.check(my_entropy, **{"x" * 10**6: 1}).message) < 1000


def test_several_answers_are_refused_in_words() -> None:
    assert "one answer" in entropy_bits.check(my_entropy, my_entropy).message


def test_hints_come_one_by_one_and_the_last_one_stays() -> None:
    texts = [repr(entropy_bits.hint()) for _ in range(3)]
    assert texts[0] == "Hint 1 of 2: Average the surprise of each outcome."
    assert texts[1].startswith("Hint 2 of 2: Leave out the outcomes with p = 0. That was the last")
    assert texts[2] == texts[1]
    assert read().exercises["examples.entropy_bits"].hints_used == 2
    assert read().exercises["examples.entropy_bits"].attempts == 0


def test_an_exercise_without_hints_says_so() -> None:
    assert repr(made().hint()) == "There is no hint for this one."


def test_a_solution_is_shown_as_code_and_recorded() -> None:
    shown = entropy_bits.solution()
    assert shown.code == entropy_bits.solution_code()
    assert shown.code in repr(shown)
    assert read().exercises["examples.entropy_bits"].solution_seen


def test_attempts_are_recorded() -> None:
    entropy_bits.check(lambda p: 0.0)
    entropy_bits.check(my_entropy)
    entropy_bits.check(lambda p: 0.0)
    record = read().exercises["examples.entropy_bits"]
    assert (record.outcome, record.attempts) == ("correct", 3)
    assert record.solved_at


def test_an_exercise_shows_difficulty_and_minutes_first() -> None:
    assert repr(fair_die).startswith("One throw of a die (difficulty 1 of 3, about 1 minute)")
    assert "difficulty 1 of 3" in read_html(fair_die._repr_html_())[1]


def test_a_value_without_the_name_of_its_blank_is_refused() -> None:
    with pytest.raises(ValueError, match="blank: expected the name of the blank"):
        made(reference=2.0)


def checks_itself(p):
    return entropy_bits.check(checks_itself)


def test_two_checks_at_once_are_refused_in_words() -> None:
    with module._one_at_a_time:
        assert "one at a time" in entropy_bits.check(my_entropy).message
    assert "gave a Verdict" in entropy_bits.check(checks_itself).message
    assert entropy_bits.check(my_entropy).outcome == "correct"


def test_an_interrupt_while_the_attempt_is_recorded_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module.progress, "record_attempt", interrupted)
        assert "You stopped the check" in entropy_bits.check(my_entropy).message
    assert entropy_bits.check(my_entropy).outcome == "correct"


def test_what_was_not_judged_is_not_recorded() -> None:
    def stopped(_: Any) -> None:
        raise KeyboardInterrupt

    def broken(_: Any) -> None:
        raise ZeroDivisionError

    assert "You stopped the check" in entropy_bits.check(stopped).message
    assert "The exercise itself failed" in made(cases=broken).check(my_entropy).message
    assert read().exercises == {}
