"""The steps of an expression compute what `backward` computes, and say so."""

from collections.abc import Callable

import pytest

from course.maths.autodiff import Value
from course.show.graph_steps import Steps, short
from tests.show.sample_graphs import GRAPHS


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_last_step_agrees_with_backward(graph: Callable[[], Value]) -> None:
    result = graph()
    steps = Steps(result)
    assert not result.grad.any()  # nothing was changed
    result.backward()
    operations = sum(bool(value.inputs) for value in steps.values)
    assert steps.last == 2 * operations + 1
    for value in steps.values:
        constant = value in steps.constants
        assert steps.grad(value, steps.last) == ("" if constant else f"grad {short(value.grad)}")
        assert steps.data(value, steps.last).removeprefix("data ") == short(value.data)


def test_a_shared_value_waits_for_all_its_shares() -> None:
    x = Value(3.0, name="x")
    steps = Steps(x * x + x)
    assert not any(steps.grad(x, step) for step in range(4))
    assert (steps.grad(x, 4), steps.grad(x, 5)) == ("grad 1 + …", "grad 7")
    assert steps.words(4).endswith("Now 9 has grad 1, x has grad 1 + ….")
