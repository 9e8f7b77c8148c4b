"""`checked`, which converts and checks the arguments of a function before it runs."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from course.checks.arrays import Sizes, read_annotation
from course.checks.refusals import describe_error, is_refusal, refusal

P = ParamSpec("P")
Result = TypeVar("Result")
Arguments = Mapping[str, Any]
Rule = Callable[[str, Any, Arguments], Any]


def checked(**rules: Rule) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Convert and check arguments before a function runs; see the package for what is checked.

    Args:
        **rules: the rule of each parameter to be checked.

    >>> from course.checks import positive
    >>> from jaxtyping import Array, Float
    >>> @checked(side=positive)
    ... def area(side: Float[Array, "*shape"]):
    ...     return side**2
    >>> area([1, 3]).tolist()
    [1.0, 9.0]
    >>> area(-2)
    Traceback (most recent call last):
        ...
    ValueError: side: expected positive numbers, got -2
    """

    def decorate(function: Callable[P, Result]) -> Callable[P, Result]:
        signature = inspect.signature(function)
        parameters = dict(signature.parameters)
        positional = [n for n, p in parameters.items() if p.kind is not p.KEYWORD_ONLY]
        defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
        arrays = {n: spec for n in rules if (spec := read_annotation(parameters[n].annotation))}

        @functools.wraps(function)
        def checked_function(*args: P.args, **kwargs: P.kwargs) -> Result:
            # `signature.bind` would take longer than most checks: it is left to the wrong calls.
            given = dict(zip(positional, args, strict=False)) | kwargs
            arguments = defaults | given
            if len(given) < len(args) + len(kwargs) or arguments.keys() != parameters.keys():
                signature.bind(*args, **kwargs)  # raises Python's own message

            sizes: Sizes = {}
            for name, rule in rules.items():
                value = arguments[name]
                if name not in defaults or value is not defaults[name]:
                    spec = arrays.get(name)
                    # The rule sees the values as they came: a conversion could wrap or overflow.
                    try:
                        array = spec.read(name, value, sizes) if spec else value
                        array = rule(name, array, arguments)
                        arguments[name] = spec.convert(array) if spec else array
                    except Exception as error:
                        if is_refusal(error):
                            raise
                        # The argument itself raised, when it was asked for its class or its length.
                        got = f"{type(value).__name__}, which raises {describe_error(error)}"
                        raise refusal(name, "a value that can be read", got, TypeError) from error
            return function(**arguments)  # type: ignore[call-arg]

        return checked_function

    return decorate
