"""Rules of `course.checks.checked` for arrays that must go together, and for functions."""

from typing import Any

import numpy as np

from course.legacy_checks import Arguments, Rule, refusal


class Together:
    """A rule, and a shape that broadcasts with those of earlier parameters, all at once.

    Args:
        rule: what else holds for the value.
        *others: the names of the earlier parameters.
    """

    def __init__(self, rule: Rule, *others: str) -> None:
        self.rule, self.others = rule, others

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        array = self.rule(name, value, arguments)
        shape = np.broadcast_shapes(*(arguments[other].shape for other in self.others))
        try:
            np.broadcast_shapes(shape, array.shape)
        except ValueError:
            names = " and ".join(self.others)
            raise refusal(name, f"a shape like {names} {shape}", array.shape) from None
        return array


class Paired:
    """A rule, and one value for each example of an earlier parameter, or a single one for all.

    Nothing else broadcasts: predictions of shape (batch, 1) and targets of shape (batch,) would
    silently make (batch, batch) losses, each prediction held against each target.

    Args:
        rule: what else holds for the value.
        *others: the names of the earlier parameters.
        own: how many of the value's last axes belong to one example.
        theirs: how many of the other parameters' do.
    """

    def __init__(self, rule: Rule, *others: str, own: int = 0, theirs: int = 0) -> None:
        self.rule, self.others, self.own, self.theirs = rule, others, own, theirs

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        array = self.rule(name, value, arguments)
        rows = array.ndim - self.own
        for other in self.others:
            examples = arguments[other].shape[: arguments[other].ndim - self.theirs]
            if rows and examples and array.shape[:rows] != examples:
                wanted = examples + array.shape[rows:]
                raise refusal(name, f"shape {wanted} to go with {other}", f"shape {array.shape}")
        return array


class Function:
    """Something that can be called with predictions and targets."""

    def __call__(self, name: str, value: Any, _arguments: Arguments) -> Any:
        if not callable(value):
            expected = "a function (predictions, targets)"
            raise refusal(name, expected, type(value).__name__, TypeError)
        return value
