"""Rules for lists, and for parameters with named fields."""

import itertools
import operator
from collections.abc import Iterable, Mapping, Set
from types import MappingProxyType
from typing import Any

from course.checks.arrays import MOST, ArraySpec, Sizes, read_annotation
from course.checks.decorator import Arguments, Rule
from course.checks.refusals import describe_error, is_refusal, refusal
from course.checks.values import finite


def sequence(name: str, value: Any, expected: str, most: int = MOST) -> tuple[Any, ...]:
    """Return the items of a list or the like in their order.

    A text is one thing, and a set or a dict has no order of its own: they are refused.

    Args:
        name: parameter, for the message.
        value: to take apart.
        expected: words for it.
        most: number of items, at most.
    """
    unordered = isinstance(value, str | bytes | bytearray | Set | Mapping)
    if unordered or not isinstance(value, Iterable):
        raise refusal(name, expected, type(value).__name__, TypeError)
    try:
        # A list that says how long it is need not be taken apart to be refused.
        listed = operator.length_hint(value, 0) <= most
        items = tuple(itertools.islice(value, most + 1 if listed else 0))
    except Exception as error:  # as an array without axes does
        got = f"{type(value).__name__}, which raises {describe_error(error)}"
        raise refusal(name, expected, got, TypeError) from None
    if not listed or len(items) > most:
        raise refusal(name, f"at most {most} of them", "more")
    return items


def strings(name: str, value: Any, _arguments: Arguments) -> tuple[str, ...]:
    """Rule for at least one string, in a list or the like; becomes a tuple."""
    items = sequence(name, value, "a list of strings")
    wrong = next((item for item in items if not isinstance(item, str)), "")
    if not isinstance(wrong, str):
        raise refusal(name, "a list of strings", f"a {type(wrong).__name__} in it", TypeError)
    if not items:
        raise refusal(name, "at least one string", "none")
    return tuple(map(str.__str__, items))


def axes_spec(axes: str) -> ArraySpec:
    """Return the JAX array of floats with these axes, in jaxtyping's notation."""
    return ArraySpec(numpy=False, kind="float", axes=tuple(axes.split()))


def check_parts(
    name: str,
    parts: Mapping[str, Any],
    specs: Mapping[str, ArraySpec],
    rules: Mapping[str, Rule] = MappingProxyType({}),
    where: str = "",
) -> dict[str, Any]:
    """Return named arrays of finite numbers; refuse one that is damaged, and say which.

    Args:
        name: parameter that holds them, for the message.
        parts: the arrays; traced ones are checked for shape and dtype alone.
        specs: what each must be; an axis of one name has one size in all of them.
        rules: for the values of some; those of the others are finite.
        where: words for their place, for the message.
    """
    sizes: Sizes = {}
    read = {}
    for part, spec in specs.items():
        try:
            array = rules.get(part, finite)(name, spec.read(name, parts[part], sizes), parts)
        except Exception as error:
            if not is_refusal(error):
                raise
            said, got = str(error).split(", got ", 1)
            raise type(error)(f"{said} as {part}{where}, got {got}") from None
        read[part] = spec.convert(array)
    return read


def fields(kind: type[Any], **rules: Rule) -> Rule:
    """Return a rule for a named tuple whose annotated arrays have their shapes and finite numbers.

    Args:
        kind: class of the named tuple.
        **rules: for the values of some fields.
    """
    specs = {
        field: spec
        for field, annotation in kind.__annotations__.items()
        if (spec := read_annotation(annotation))
    }

    def rule(name: str, value: Any, _arguments: Arguments) -> Any:
        if not isinstance(value, kind):
            raise refusal(name, kind.__name__, type(value).__name__, TypeError)
        return value._replace(**check_parts(name, value._asdict(), specs, rules))

    return rule
