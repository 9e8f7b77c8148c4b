"""The run-time type checker of the tests: beartype, and the fields of NamedTuples as well.

pytest hands every function of the packages that it is told of (`--jaxtyping-packages`) to
`check_annotations`: all of the course but course.practice and course.checks, which get whatever
readers write, and that may not stand being looked at. beartype compares arguments and results with
their annotations, shapes included, but of a NamedTuple it looks only at the class. The function
here also compares the fields.
An axis name means the same size in the arguments, the result and all fields of one call.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

from beartype import BeartypeConf, beartype
from beartype.door import is_bearable

Function = TypeVar("Function", bound=Callable[..., Any])

FOREIGN = ("optax.",)  # whose fields are annotated with what nobody can check at run time

# As for a static type checker, an int will do where a float is wanted.
INT_IS_FLOAT = BeartypeConf(is_pep484_tower=True)


def check_annotations(function: Function) -> Function:
    """Decorate a function so that values which do not fit its annotations raise."""
    checked = beartype(conf=INT_IS_FLOAT)(function)

    @functools.wraps(function)
    def check_call(*args: Any, **kwargs: Any) -> Any:
        result = checked(*args, **kwargs)
        check_fields((args, kwargs, result))
        return result

    return check_call  # type: ignore[return-value]  # the same signature, which mypy cannot see


def check_fields(value: Any) -> None:
    """Compare the fields of every NamedTuple in the value, however deep, with their annotations."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if not isinstance(value, (tuple, list)):
        return
    fields = hasattr(value, "_fields") and not type(value).__module__.startswith(FOREIGN)
    hints = _hints(type(value)) if fields else {}
    for name, hint in hints.items():
        field = getattr(value, name)
        if not is_bearable(field, hint, conf=INT_IS_FLOAT):
            got = getattr(field, "shape", type(field).__name__)
            raise TypeError(f"{type(value).__name__}.{name}: expected {hint}, got {got}")
    for item in value:
        if isinstance(item, (tuple, list, dict)):  # and not for each of a thousand strings
            check_fields(item)


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)
