"""Sentences of a verdict: about an answer that is wrong, and about one that had to be stopped."""

from collections.abc import Sequence
from typing import Any

from course.practice.answer import ArgumentTuple, UnreadableError, plain
from course.practice.describe import describe, short
from course.practice.time_limit import TimeLimit

CANNOT_STOP = (
    "Your answer is still running, inside a library, where Python cannot stop it. It may end by "
    "itself. If it does not: Kernel → Interrupt, and if the cell stays busy, Kernel → Restart."
)

# A phrase that continues "your function …" begins so; what a judge says is a sentence already.
_VERBS = ("gave ", "raised ", "returned ")


def stopped(limit: TimeLimit) -> str:
    """Return a sentence about an answer that ran for too long."""
    slow = f"On a slow or busy computer, `check(…, seconds={6 * limit.seconds:g})` waits longer."
    unit = "second" if limit.seconds == 1 else "seconds"
    running = f"Your code was still running after {limit.seconds:g} {unit} and was stopped"
    if limit.compiling:
        why = (
            " while JAX was compiling. It compiles each turn of a Python loop inside `jax.jit`, so "
            "shorter loops help."
        )
    elif limit.waited:
        why = ": it mostly waited. Does it sleep, or need something that does not come?"
    else:
        why = ": is there a loop without end?"
    return f"{running}{why} {slow}"


def example(names: Sequence[str], case: ArgumentTuple) -> str:
    """Return the arguments of a call in words."""
    pairs = zip(names, case, strict=False)
    return ", ".join(f"{name} = {_argument(value)}" for name, value in pairs)


def _argument(value: Any) -> str:
    """Return one argument in words; functions and random generators by name."""
    try:
        return short(describe(plain(value)), 100)
    except UnreadableError:
        return f"`{getattr(value, '__name__', type(value).__name__)}`"


def about_function(phrase: str, example: str) -> str:
    """Return a sentence about a function and the arguments with which it went wrong."""
    if phrase.startswith(_VERBS):
        return _with_full_stop(f"With {example}, your function {phrase}")
    if not example:
        return phrase
    return f"{phrase} (With {example}.)" if len(example) <= 100 else phrase


def about_value(phrase: str) -> str:
    """Return a sentence about a value."""
    if phrase.startswith(_VERBS):
        return _with_full_stop(f"Your answer {phrase.replace('gave', 'is', 1)}")
    return phrase


def _with_full_stop(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else text + "."
