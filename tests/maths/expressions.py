"""Random expression graphs that any library of arrays can compute, as an oracle for autodiff."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

SHAPES = [(), (3,), (2, 3), (3, 2), (2, 1), (1, 3), (4, 1, 3)]
SUMS = [{"axis": None, "keepdims": False}, {"axis": 0, "keepdims": True}]
SUMS += [{"axis": -1, "keepdims": False}, {"axis": (0, -1), "keepdims": True}]
OPERATORS: Mapping[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "@": lambda a, b: a @ b,
    "negative": lambda a: -a,
}
FUNCTIONS = ["exp", "log", "tanh", "relu", "sum", "mean", "reshape"]
NUMPY = OPERATORS | {name: getattr(np, name) for name in FUNCTIONS if name != "relu"}
NUMPY |= {"relu": lambda x: np.where(np.real(x) > 0, x, 0)}  # also for complex numbers


class Step(NamedTuple):
    """One operation: the numbers of its operands among leaves and earlier results."""

    name: str
    operands: tuple[int, ...]
    options: dict[str, Any]


class Expression(NamedTuple):
    """A graph: its leaves and constants, and the operations; the last is the result."""

    leaves: list[np.ndarray]
    constants: list[Any]
    steps: list[Step]

    def run(self, leaves: Any, functions: Mapping[str, Callable[..., Any]]) -> Any:
        """The result, for other leaves and with the functions of any library."""
        values = [*leaves, *self.constants]
        for name, operands, options in self.steps:
            values.append(functions[name](*(values[i] for i in operands), **options))
        return values[-1]


def expressions(count: int, *, steps: int = 12, seed: int = 0) -> Iterator[Expression]:
    """Graphs of values of moderate size, with broadcasting, shared values and constants."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        shapes = [SHAPES[i] for i in rng.integers(len(SHAPES), size=4)]
        leaves = [rng.normal(size=shape) for shape in shapes]
        constants = [2, -0.5, 3.0, rng.normal(size=SHAPES[rng.integers(len(SHAPES))])]
        values: list[Any] = [*leaves, *constants]
        recipe: list[Step] = []
        while len(recipe) < steps:
            name = rng.choice(list(NUMPY))
            binary = name in OPERATORS and name != "negative"
            # Mostly what was computed last, so that the graph is deep as well as wide.
            places = [
                min(int(rng.geometric(0.5)), len(values)) if rng.random() < 0.7
                else int(rng.integers(len(values))) + 1
                for _ in range(1 + binary)
            ]  # fmt: skip
            operands = tuple(len(values) - place for place in places)
            if all(len(leaves) <= i < len(leaves) + len(constants) for i in operands):
                continue
            options: dict[str, Any] = {}
            if name in ("sum", "mean"):
                options = SUMS[rng.integers(len(SUMS))]
            elif name == "reshape":
                options = {"shape": (-1, 1)}
            step = Step(str(name), operands, options)
            if (result := attempt(step, [values[i] for i in operands])) is not None:
                recipe.append(step)
                values.append(result)
        yield Expression(leaves, constants, recipe)


def attempt(step: Step, operands: list[Any]) -> Any:
    """The result of a step; None if it does not fit, or lies near an edge of what is defined."""
    first, last = operands[0], operands[-1]
    near = {
        "log": lambda: np.min(first) < 0.1,
        "relu": lambda: np.min(np.abs(first)) < 1e-3,
        "/": lambda: np.min(np.abs(last)) < 0.1,
        "exp": lambda: np.max(first) > 3,
        "**": lambda: np.min(first) < 0.1 or np.max(np.abs(last)) > 3,
        "@": lambda: 0 in (np.ndim(first), np.ndim(last)),
        "sum": lambda: np.ndim(first) < 1,
        "mean": lambda: np.ndim(first) < 1,
        "reshape": lambda: np.ndim(first) != 1,
    }
    if near.get(step.name, bool)():
        return None
    try:
        result = NUMPY[step.name](*operands, **step.options)
    except ValueError:
        return None
    return result if np.max(np.abs(result)) < 100 and np.size(result) < 50 else None
