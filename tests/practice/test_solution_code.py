"""A solution as code for the reader's cell."""

import math
from typing import Any

import numpy as np
import numpy.linalg as la
import pytest

from course.practice.solution_code import pasteable

HALF = 0.5


def half_norm(x):
    """Half of the length of x."""
    squares = [HALF * value**2 for value in np.asarray(x)]
    return math.sqrt(sum(squares) * HALF) + 0 * la.norm(x)


def in_all():
    return {"0", "1"}


def test_a_function_comes_with_its_imports_and_the_name_of_the_blank() -> None:
    code = pasteable(half_norm, "mine", value=False)
    assert code.splitlines()[:4] == [
        "from tests.practice.test_solution_code import HALF",
        "import math",
        "import numpy as np",
        "import numpy.linalg as la",
    ]
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    assert namespace["mine"]([3, 4]) == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("solution", "value"),
    [
        (0.25, 0.25),
        (np.array([1.0, 2.0]), [1.0, 2.0]),
        ({"b", "a"}, {"a", "b"}),
        (in_all, {"0", "1"}),
    ],
)
def test_a_value_is_a_literal_or_a_call(solution: Any, value: Any) -> None:
    namespace: dict[str, Any] = {}
    exec(pasteable(solution, "mine", value=True), namespace)
    assert namespace["mine"] == value
