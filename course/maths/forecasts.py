"""Rules of `course.checks.checked` for forecasts and what came of them; see `calibration`."""

from typing import Any

import numpy as np

from course.legacy_checks import (
    Arguments,
    Finite,
    Labels,
    Probabilities,
    Probability,
    Shape,
    refusal,
)


class ForecastRule(Finite):
    """Probabilities: one for each example, or a row of them with sum 1."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        ndim = self.read(name, value).ndim
        rule = Probabilities if ndim == 2 else Probability
        if ndim not in (1, 2):
            expected = "a list of probabilities, or a row of them for each example"
            raise refusal(name, expected, f"{ndim} dimensions")
        return rule(axis=-1, ndim=ndim, numpy=self.numpy)(name, value, arguments)


class LogitRule(Finite):
    """Logits: one for each example, or a row of at least two."""

    def check_shape(self, name: str, shape: Shape, arguments: Arguments) -> None:
        super().check_shape(name, shape, arguments)
        if len(shape) not in (1, 2) or shape[1:] == (1,):
            expected = "a list of log odds, or a row of at least two logits for each example"
            raise refusal(name, expected, f"shape {shape}")


class OutcomeRule(Labels):
    """What came: a class for each row of `below`, or truth values for a list of them."""

    def dtype(self, given: Any) -> Any:
        return super().dtype(np.dtype(int) if given == np.bool_ else given)

    def check_shape(self, name: str, shape: Shape, arguments: Arguments) -> None:
        examples = len(arguments[str(self.below)])
        if shape != (examples,):
            got = shape[0] if len(shape) == 1 else f"shape {shape}"
            raise refusal(name, f"a label for each of the {examples} {self.below}", got)

    def check_values(self, name: str, values: Any, arguments: Arguments) -> None:
        classes = (*arguments[str(self.below)].shape, 2)[1]
        Labels(below=classes).check_values(name, values, arguments)
