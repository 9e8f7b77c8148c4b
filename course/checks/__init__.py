"""Argument checks of public functions: one decorator, and small functions for values.

    @checked(p=probabilities(), unit=one_of("bits", "nats"))
    def entropy_of_last_axis(p: Float[Array, "*batch outcomes"], *, unit: str = "bits"): ...

`checked` converts and checks the arguments that it names, in that order, before the function runs.

- Shape and dtype stand in the jaxtyping annotation and nowhere else. An axis name means one size in
  all arguments of a call (`#name` may also be 1), `*name` any number of axes.
- A list, a tuple, a NumPy or JAX array or a Python number becomes a JAX array, or NumPy float64
  where the annotation says `np.ndarray`. Integers are taken for floats (a one-hot list is a fine
  belief), booleans are not: a mask passed by mistake is likelier. Nothing is dropped or wrapped
  around: masked arrays, dates and integers that do not fit are refused.
- A rule looks at the value: `(name, value, arguments) -> value`, with `arguments` by name and
  those checked before already converted. It returns the value, perhaps converted.
- An array that `jit`, `vmap` or `grad` traces has a shape but no values: only the shape is checked,
  while the function is compiled, and costs nothing when it runs.
- A parameter's own default is taken as it is.

Every refusal reads "NAME: expected ..., got ...": a `TypeError` for the wrong kind of thing, a
`ValueError` for a wrong value or shape. That holds for objects that raise when they are read, too.

decorator.py   `checked`
arrays.py      shapes and dtypes, from annotations
values.py      rules for the numbers in an array
single.py      rules for single things: a count, a number, a key, a word, a function
records.py     rules for lists, and for parameters with named fields
refusals.py    words of a refusal
"""

from course.checks.arrays import (
    MOST,
    MOST_AXES,
    MOST_NUMBERS,
    ArraySpec,
    Shape,
    check_shape,
    check_size,
    describe_shape,
    kind_of,
    read_array,
    read_known,
)
from course.checks.decorator import Arguments, Rule, checked
from course.checks.records import axes_spec, check_parts, fields, sequence, strings
from course.checks.refusals import (
    describe_error,
    describe_integer,
    describe_text,
    is_refusal,
    refusal,
)
from course.checks.single import (
    count,
    flag,
    function,
    instance,
    integer,
    key,
    known_key,
    number,
    one_of,
    seed,
    text,
)
from course.checks.values import (
    BELOW_1,
    HUGE,
    SUM_TOLERANCE,
    TINY,
    TOLERANCE,
    check_range,
    finite,
    labels,
    positive,
    probabilities,
    probability,
    single_precision,
    within,
)

__all__ = [
    "BELOW_1", "HUGE", "MOST", "MOST_AXES", "MOST_NUMBERS", "SUM_TOLERANCE", "TINY", "TOLERANCE",
    "Arguments", "ArraySpec", "Rule", "Shape", "axes_spec", "check_parts", "check_range",
    "check_shape", "check_size", "checked", "count", "describe_error", "describe_integer",
    "describe_shape", "describe_text", "fields", "finite", "flag", "function", "instance",
    "integer", "is_refusal", "key", "kind_of", "known_key", "labels", "number", "one_of",
    "positive", "probabilities", "probability", "read_array", "read_known", "refusal", "seed",
    "sequence", "single_precision", "strings", "text", "within",
]  # fmt: skip
