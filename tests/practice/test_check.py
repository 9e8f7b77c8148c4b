"""Verdicts: what passes, what does not yet, what has not been attempted, and what is said."""

import functools
import html.parser
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course.practice import exercise as engine
from course.practice import progress
from course.practice.exercise import Exercise, Mistake
from course.practice.verdict import Text, Verdict
from tests.practice.examples import (
    confident_forecast,
    entropy_bits,
    fair_die,
    my_entropy,
    prefix_code,
)


def pure(p):
    return sum(-x * math.log2(x) for x in p if x > 0)


class Callable:
    def __call__(self, p):
        return my_entropy(p)

    def method(self, p):
        return my_entropy(p)

    @staticmethod
    def static(p):
        return my_entropy(p)


def list_only(p):
    p.index(max(p))  # arrays have no .index
    return pure(p)


def truth_of_list(p):
    return pure(p) if p else 0.0


def jax_only(p):
    p = p.at[0].set(p[0])  # NumPy arrays have no .at
    return -jnp.sum(jnp.where(p > 0, p * jnp.log2(jnp.where(p > 0, p, 1)), 0))


def many(*args, base=2.0, **options):
    return my_entropy(args[0]) / math.log2(base)


def mutating(p):
    result = my_entropy(p)
    p[:] = 0
    return result


OUT = np.zeros(())


def same_buffer(p):
    """A function that hands out one array, overwritten at each call."""
    OUT[...] = my_entropy(p)
    return OUT


RIGHT = {
    "pure Python": pure,
    "NumPy": my_entropy,
    "lambda": lambda p: float(my_entropy(p)),
    "callable object": Callable(),
    "bound method": Callable().method,
    "static method": Callable.static,
    "partial": functools.partial(many, base=2),
    "variadic": many,
    "keyword default": lambda p, base=2.0: my_entropy(p) / math.log2(base),
    "JAX": lambda p: jnp.sum(jax.scipy.special.entr(jnp.asarray(p))) / jnp.log(2),
    "jitted": jax.jit(lambda p: jnp.sum(jax.scipy.special.entr(p)) / jnp.log(2)),
    "shape (1,)": lambda p: np.array([my_entropy(p)]),
    "shape (1, 1)": lambda p: np.array([[my_entropy(p)]]),
    "list of one": lambda p: [my_entropy(p)],
    "tuple of one": lambda p: (my_entropy(p),),
    "float32": lambda p: np.float32(my_entropy(p)),
    "zero-dimensional": lambda p: np.array(my_entropy(p), dtype=np.float32),
    "complex without imaginary part": lambda p: complex(my_entropy(p)),
    "only for lists": list_only,
    "truth of a list": truth_of_list,
    "only for JAX": jax_only,
    "mutating": mutating,
    "one buffer": same_buffer,
}


@pytest.mark.parametrize("name", RIGHT)
def test_alternative_right_functions_pass(name: str) -> None:
    verdict = entropy_bits.check(RIGHT[name])
    assert (verdict.outcome, verdict.message) == ("correct", entropy_bits.praise)


@pytest.mark.parametrize(
    "answer",
    [2.585, math.log2(6), np.float32(2.585), np.array([2.585]), jnp.log2(6.0), (2.585,), [[2.585]]],
)
def test_alternative_right_values_pass(answer: Any) -> None:
    assert fair_die.check(answer).outcome == "correct"


@pytest.mark.parametrize(
    "answer", [[0.6, 0.3, 0.1], (0.7, 0.2, 0.1), np.array([0.65, 0.3, 0.05]), jnp.ones(3) / 3]
)
def test_any_value_with_the_property_passes(answer: Any) -> None:
    assert confident_forecast.check(answer).outcome == "correct"


@pytest.mark.parametrize(
    "answer",
    [{"0", "10", "11"}, ["1", "00", "01"], ("11", "10", "0"), frozenset({"00", "1", "01"})],
)
def test_any_container_of_words_with_the_property_passes(answer: Any) -> None:
    assert prefix_code.check(answer).outcome == "correct"


def not_written(p):
    raise NotImplementedError


def passes(p):
    pass


@pytest.mark.parametrize(
    "answer", [None, ..., passes, lambda p: ..., not_written, lambda *_: None, lambda p: [..., 1]]
)
def test_a_blank_function_is_not_attempted(answer: Any) -> None:
    verdict = entropy_bits.check(answer)
    assert verdict.outcome == "not attempted"
    assert repr(verdict).startswith("Entropy of a forecast (difficulty 2 of 3, about 5 minutes)\n")
    assert progress.read().exercises == {}


@pytest.mark.parametrize("answer", [None, ..., (..., ..., ...), [0.5, ...], {"a": ...}])
def test_a_blank_value_is_not_attempted(answer: Any) -> None:
    assert confident_forecast.check(answer).outcome == "not attempted"


def test_check_without_an_answer_is_not_attempted() -> None:
    assert entropy_bits.check().outcome == "not attempted"


def blank(p):
    return 0.0 * p.sum()


def test_what_the_notebook_ships_is_not_attempted() -> None:
    exercise = Exercise(
        "a.b", "Title", 1, 1, my_entropy, cases=entropy_bits.cases, answer="f", blank=blank
    )
    value = Exercise("a.c", "Title", 1, 1, 2.0, answer="x", blank=[0, 0])
    namespace: dict[str, Any] = {}
    exec("def blank(p):\n    return 0.0 * p.sum()", namespace)
    assert exercise.check(namespace["blank"]).outcome == "not attempted"
    assert exercise.check(lambda p: 1.0 * p.sum()).outcome == "not yet"
    assert value.check((0.0, 0.0)).outcome == "not attempted"
    assert value.check([0, 1]).outcome == "not yet"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda p: sum(-x * math.log(x) for x in p if x > 0), "nats"),
        (lambda p: -my_entropy(p), "sign"),
        (np.std, "spread"),
    ],
)
def test_a_known_mistake_is_named(answer: Any, said: str) -> None:
    verdict = entropy_bits.check(answer)
    assert verdict.outcome == "not yet"
    assert said in verdict.message


def test_a_mistake_that_gives_nan_is_named() -> None:
    mistake = Mistake("zero", lambda p: np.nan if 0 in p else my_entropy(p), "Leave out p = 0.")
    exercise = Exercise("a.b", "T", 1, 1, my_entropy, cases=entropy_bits.cases, mistakes=[mistake])
    assert exercise.check(lambda p: -np.sum(p * np.log2(p))).message == "Leave out p = 0."


def one_shape(p):
    return my_entropy(p) if len(p) == 2 else my_entropy(p[:3])


def forgets(p):
    return my_entropy(p) if len(p) == 2 else None


async def awaits(p):
    return my_entropy(p)


def yields(p):
    yield my_entropy(p)


def divides(p):
    count = len(p) - 2
    factor = 1 / count
    return my_entropy(p) * factor


def returns_function(p):
    return my_entropy


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda p: 1.234, "With p = [1, 0], your function gave 1.234, but 0 was expected."),
        (one_shape, "but "),
        (forgets, "returned nothing: is a `return` missing on one of its paths?"),
        (lambda p: p, "gave [1, 0] (2 numbers), but a single number was expected."),
        (lambda p: np.nan, "gave NaN"),
        (lambda p: np.eye(2), "an array of shape (2, 2)"),
        (lambda p: "0", "gave '0' (text)"),
        (lambda p: True, "gave True (True or False)"),
        (lambda p: {}, "a dictionary"),
        (lambda p: 1j, "gave 0+1j"),
        (lambda p: 10**400, "an integer of 401 digits"),
        (lambda p: float("inf"), "gave ∞"),
        (awaits, "coroutine (leave out `async`)"),
        (yields, "generator (use `return`, not `yield`, or put `list(…)` around it)"),
        (lambda p: map(abs, p), "put `list(…)` around it"),
        (returns_function, "gave a function"),
        (lambda p: np.zeros(10**6), "1,000,000 values"),
        (lambda p: list(range(10**6)), "more than 100,000 values"),
        (lambda p: range(10**9), "more than 100,000 values"),
        (lambda: 1.0, "should take 1 parameter, (p); it takes `()`"),
        (lambda p, q: 1.0, "should take 1 parameter, (p); it takes `(p, q)`"),
        (lambda p, *, base: 1.0, "it takes `(p, *, base)`"),
        (math.log2, "raised TypeError"),
        (divides, "raised ZeroDivisionError: division by zero (line "),
        (0.5, "This asks for a function"),
        ("my_entropy", "This asks for a function"),
    ],
)
def test_a_wrong_function_gets_a_reason(answer: Any, said: str) -> None:
    verdict = entropy_bits.check(answer)
    assert verdict.outcome == "not yet"
    assert said in verdict.message


def test_the_readers_own_line_is_shown() -> None:
    message = entropy_bits.check(divides).message
    line = divides.__code__.co_firstlineno + 2
    assert f"(line {line}: `factor = 1 / count`)" in message
    assert "course/practice" not in message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (2.0, "Your answer is 2, and that is not it."),
        (math.log(6), "nats"),
        (math.nan, "Your answer is NaN"),
        ("2.585", "Your answer is '2.585' (text), but a single number was expected."),
        ([1, 2], "Your answer is [1, 2] (2 numbers), but a single number was expected."),
        (lambda: 2.585, "your answer is a function"),
        ((x for x in [2.585]), "Your answer is a generator"),
    ],
)
def test_a_wrong_value_gets_a_reason_but_not_the_answer(answer: Any, said: str) -> None:
    verdict = fair_die.check(answer)
    assert verdict.outcome == "not yet"
    assert said in verdict.message
    assert "2.584" not in verdict.message


@pytest.mark.parametrize(
    ("exercise", "answer", "said"),
    [
        (confident_forecast, [1, 0, 0], "One cloudy day costs you ∞ bits."),
        (confident_forecast, [0.1, 0.1, 0.8], "This forecast costs 3.17 bits a day"),
        (confident_forecast, [0.5, 0.5], "3 numbers were expected"),
        (confident_forecast, [0.5, 0.5, math.nan], "NaN in [0.5, 0.5, NaN]"),
        (confident_forecast, "rain", "3 numbers were expected"),
        (prefix_code, ["0", "01", "11"], "`01` begins with `0`"),
        (prefix_code, 7, "a set was expected"),
        (prefix_code, [1, 2, 3], "has not the form asked for (TypeError"),
    ],
)
def test_an_answer_without_the_property_gets_the_judges_reason(
    exercise: Exercise, answer: Any, said: str
) -> None:
    verdict = exercise.check(answer)
    assert verdict.outcome == "not yet"
    assert said in verdict.message


def longer(text, count):
    return text * count


def test_a_judge_sees_result_and_arguments() -> None:
    def judge(result: str, text: str, count: int) -> str | None:
        return None if len(result) == len(text) * count else f"`{result}` is too short or too long."

    exercise = Exercise(
        "a.b", "T", 1, 1, longer, cases=lambda rng: [("ab", int(rng.integers(2, 9)))], judge=judge
    )
    assert exercise.check(lambda text, count: "x" * (len(text) * count)).outcome == "correct"
    message = exercise.check(lambda text, count: text).message
    assert message.startswith("`ab` is too short or too long. (With text = 'ab', count = ")


def test_a_literal_does_not_pass_for_a_function() -> None:
    answers = [my_entropy(case[0]) for case in entropy_bits.cases(np.random.default_rng(0))]
    seen = iter(answers)
    assert entropy_bits.check(lambda p: next(seen)).outcome == "not yet"


def test_a_fault_of_the_exercise_is_told_as_such() -> None:
    exercise = Exercise("a.b", "T", 1, 1, my_entropy, cases=lambda rng: [(None,)])
    verdict = exercise.check(my_entropy)
    assert verdict.outcome == "not yet"
    assert "The exercise itself failed, not your answer (TypeError" in verdict.message


def test_a_check_that_cannot_begin_does_not_blame_the_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "snapshot", lambda _: [][0])
    verdict = entropy_bits.check(my_entropy)
    assert verdict.message == "The check itself failed, so there is no judgement of your answer."


def test_unknown_keywords_are_refused_in_words() -> None:
    verdict = entropy_bits.check(my_entropy, foo=1, bar=2)
    assert verdict.outcome == "not yet"
    assert "knows no keyword `foo`, `bar`" in verdict.message
    assert len(entropy_bits.check(my_entropy, **{"x" * 10**6: 1}).message) < 1000


def test_several_answers_are_refused_in_words() -> None:
    assert "one answer" in entropy_bits.check(my_entropy, pure).message


@pytest.mark.parametrize("seconds", [0, -1, math.nan, "ten", None])
def test_a_senseless_time_limit_is_not_used(seconds: Any) -> None:
    assert entropy_bits.check(my_entropy, seconds=seconds).outcome == "correct"


def test_printed_output_is_shown_and_cut(capsys: pytest.CaptureFixture[str]) -> None:
    def chatty(p):
        print("<b>loud</b>" * 1000)
        return my_entropy(p)

    verdict = entropy_bits.check(chatty)
    assert capsys.readouterr() == ("", "")
    assert verdict.outcome == "correct"
    assert verdict.printed.startswith("<b>loud</b>")
    assert len(verdict.printed) < 700
    assert verdict.printed.endswith("…")
    assert "<b>" not in verdict._repr_html_()


def test_hints_come_one_by_one_and_the_last_one_stays() -> None:
    texts = [repr(entropy_bits.hint()) for _ in range(3)]
    assert texts[0] == "Hint 1 of 2: Average the surprise of each outcome."
    assert texts[1].startswith("Hint 2 of 2: Leave out the outcomes with p = 0. That was the last")
    assert texts[2] == texts[1]
    assert progress.read().exercises["examples.entropy_bits"].hints_used == 2
    assert progress.read().exercises["examples.entropy_bits"].attempts == 0


def test_an_exercise_without_hints_says_so() -> None:
    assert (
        repr(Exercise("a.b", "T", 1, 1, 2, answer="x").hint()) == "There is no hint for this one."
    )


@pytest.mark.parametrize("exercise", [entropy_bits, fair_die, confident_forecast, prefix_code])
def test_the_solution_can_be_pasted_and_is_right(exercise: Exercise) -> None:
    shown = exercise.solution()
    namespace: dict[str, Any] = {}
    exec(shown.code, namespace)
    name = exercise.answer or exercise.right.__name__
    assert exercise.check(namespace[name]).outcome == "correct"
    assert progress.read().exercises[exercise.name].solution_seen
    assert shown.code in repr(shown)


def test_attempts_are_recorded() -> None:
    entropy_bits.check(lambda p: 0.0)
    entropy_bits.check(my_entropy)
    entropy_bits.check(lambda p: 0.0)
    record = progress.read().exercises["examples.entropy_bits"]
    assert (record.outcome, record.attempts) == ("correct", 3)
    assert record.solved_at


class Tags(html.parser.HTMLParser):
    """Collects the tags of a piece of HTML and checks that they close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


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


def test_an_exercise_shows_difficulty_and_minutes_first() -> None:
    assert repr(fair_die).startswith("One throw of a die (difficulty 1 of 3, about 1 minute)")
    assert "difficulty 1 of 3" in Tags(fair_die._repr_html_()).text
    assert Tags(Text("`x`", "a < b")._repr_html_()).text == "xa < b"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"difficulty": 4}, "difficulty: expected 1, 2 or 3, got 4"),
        ({"minutes": 0}, "minutes: expected"),
        ({"name": "q1"}, "name: expected"),
        ({"solution": 2.0, "answer": ""}, "answer: expected"),
        ({"solution": 2.0, "cases": lambda rng: []}, "solution: expected a function"),
    ],
)
def test_a_senseless_exercise_cannot_be_made(changes: dict[str, Any], said: str) -> None:
    fields = {"name": "a.b", "title": "T", "difficulty": 1, "minutes": 1, "solution": my_entropy}
    with pytest.raises((ValueError, TypeError), match=said):
        Exercise(**(fields | changes))
