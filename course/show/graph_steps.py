"""Steps by which an expression comes about: data forward, then gradients back; in words."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from course.maths.autodiff import Value

SIGNS = {"*": "×", "-": "−"}  # where the code has another


def short(array: NDArray[np.float64]) -> str:
    """Array in a few letters: its one or two numbers, or the range of all.

    >>> short(np.array(-0.123456)), short(np.array([1.0, 2.0])), short(np.arange(12.0))
    ('−0.1235', '[1, 2]', '0 to 11')
    """
    if array.ndim == 0:
        text = f"{array:.4g}"
    elif array.size <= 2:
        text = f"[{', '.join(f'{x:.3g}' for x in array.flat)}]"
    elif array.min() == array.max():
        text = f"all {array.min():.3g}"
    else:
        text = f"{array.min():.3g} to {array.max():.3g}"
    return text.replace("-", "−")


def sign(value: Value) -> str:
    """Operation that made a value, as it is written; nothing for a leaf."""
    return SIGNS.get(value.operation, value.operation)


def label(value: Value) -> str:
    """Value in a word: its name, or its data if they are few, or their shape."""
    return value.name or (short(value.data) if value.data.size <= 2 else f"{value.data.shape}")


def formula(value: Value) -> str:
    """Expression of a value in terms of its inputs; for a leaf, its name or data.

    >>> x = Value(3.0, name="x")
    >>> formula(x * x + x), formula((-x) ** 2), formula((x * x).tanh())
    ('9 + x', '(−3) ** 2', 'tanh(9)')
    """
    names = [label(source) for source, _ in value.inputs]
    if len(names) == 2 or value.operation == "-":
        names = [f"({name})" if name.startswith("−") else name for name in names]
        return f"{names[0]} {sign(value)} {names[1]}" if len(names) == 2 else f"−{names[0]}"
    return f"{sign(value)}({names[0]})" if names else label(value)


class Steps:
    """Steps from the leaves to the result, and back.

    At step 0 only the leaves have data, and each further step computes one value. Then the result
    gets the gradient 1, and each step hands the gradient of one value to its inputs.

    Args:
        result: the value that is computed.
        gradients: go back, too.

    >>> x = Value(3.0, name="x")
    >>> steps = Steps(x * x + x)
    >>> for step in range(steps.last + 1):
    ...     print(steps.words(step))
    Step 0 of 5: x = 3.
    Step 1 of 5, forward: x × x = 9.
    Step 2 of 5, forward: 9 + x = 12.
    Step 3 of 5, backward: the result gets grad 1.
    Step 4 of 5, backward: 9 + x hands on grad 1. Now 9 has grad 1, x has grad 1 + ….
    Step 5 of 5, backward: x × x hands on grad 1. Now x has grad 7.
    """

    def __init__(self, result: Value, *, gradients: bool = True) -> None:
        self.values = result.topological_order()  # as they are computed; the result is the last
        # Plain numbers or arrays in the expression, which get no gradient.
        self.constants = {v for user in self.values for v, vjp in user.inputs if vjp is None}
        self._made = [value for value in self.values if value.inputs]
        self._grads = list(_told(result, self._made)) if gradients else []
        self.last = len(self._made) + len(self._grads)  # the number of the last step

    def active(self, step: int) -> Value | None:
        """Return the value that is computed or hands on its gradient at a step; None at step 0."""
        back = step - len(self._made) - 1
        if back < 0:
            return self._made[step - 1] if step else None
        return self._made[-back] if back else self.values[-1]

    def is_back(self, step: int) -> bool:
        """Return whether gradients flow at a step."""
        return step > len(self._made)

    def handed(self, step: int) -> list[Value]:
        """Return the values that have handed on their gradient by a step."""
        back = max(step - len(self._made) - 1, 0)
        return self._made[::-1][:back]

    def data(self, value: Value, step: int) -> str:
        """Return the data of a value as it stands at a step; "" if it is yet to be computed."""
        if value.inputs and value not in self._made[:step]:
            return ""
        return f"{'' if value in self.constants else 'data '}{short(value.data)}"

    def has_gradient(self, value: Value) -> bool:
        """Return whether a value ever gets a gradient."""
        return bool(self._grads) and value in self._grads[-1]

    def grad(self, value: Value, step: int) -> str:
        """Return the gradient of a value as it stands at a step; "" if nothing has arrived."""
        back = step - len(self._made) - 1
        return self._grads[back].get(value, "") if back >= 0 else ""

    def summary(self) -> str:
        """Return the graph in words when all is done: every value, but for the constants."""
        parts = []
        for value in self.values:
            if value not in self.constants:
                made = f" = {formula(value)}" if value.name and value.inputs else ""
                facts = filter(None, [self.data(value, self.last), self.grad(value, self.last)])
                parts.append(f"{value.name or formula(value)}{made}: {', '.join(facts)}.")
        count = f"{len(self.values)} values" if self.values[1:] else "one value"
        return f"Graph of {count}. {' '.join(parts)}"

    def words(self, step: int) -> str:
        """Return what happens at a step, in a sentence or two."""
        value = self.active(step)
        if value is None:
            leaves = [f"{v.name} = {short(v.data)}" for v in self.values if v.name and not v.inputs]
            return f"Step 0 of {self.last}: {', '.join(leaves) or 'only the leaves'}."
        said = f"Step {step} of {self.last}, {'backward' if self.is_back(step) else 'forward'}: "
        if not self.is_back(step):
            name = f"{value.name} = " if value.name else ""
            return f"{said}{name}{formula(value)} = {short(value.data)}."
        if value not in self.handed(step):
            return f"{said}the result gets {self.grad(value, step)}."
        sources = dict.fromkeys(source for source, vjp in value.inputs if vjp is not None)
        now = ", ".join(f"{label(source)} has {self.grad(source, step)}" for source in sources)
        return f"{said}{value.name or formula(value)} hands on {self.grad(value, step)}. Now {now}."


def _told(result: Value, made: list[Value]) -> Iterator[dict[Value, str]]:
    """Yield the gradients that have arrived, in words: at the result, then after each value."""
    links = [source for value in made for source, vjp in value.inputs if vjp is not None]
    waits = Counter(links)
    told: dict[Value, str] = {}
    for active, gradients in zip([None, *reversed(made)], result.flow_back(), strict=True):
        changed = [source for source, _ in active.inputs] if active else [result]
        waits.subtract(changed if active else [])
        for value in gradients.keys() & changed:
            told[value] = f"grad {short(gradients[value])}{' + …' if waits[value] > 0 else ''}"
        yield dict(told)
