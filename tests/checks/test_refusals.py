"""Words of a refusal."""

from course.checks.refusals import (
    describe_error,
    describe_integer,
    describe_text,
    is_refusal,
    refusal,
)


class MuteError(Exception):
    """An error that refuses to say anything."""

    def __str__(self):
        raise RuntimeError("no")


def test_all_refusals_have_one_form():
    error = refusal("p", "numbers", "str", TypeError)
    assert str(error) == "p: expected numbers, got str"
    assert is_refusal(error)
    assert not is_refusal(ValueError("operands could not be broadcast"))
    assert not is_refusal(RuntimeError("p: expected numbers, got str"))


def test_what_came_is_said_in_few_words():
    assert describe_text("a" * 60) == repr("a" * 60)
    assert describe_text("a" * 61) == repr("a" * 60 + "…")
    assert describe_integer(-(2**63)) == "-9223372036854775808"
    assert describe_integer(10**5000) == "an integer of 16610 bits"
    assert describe_error(KeyError()) == "KeyError"
    assert describe_error(ValueError("a\nb")) == "ValueError (a)"
    assert describe_error(MuteError()) == "MuteError"
