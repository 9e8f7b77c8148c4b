"""The exercises, one module for each notebook: `exercises/entropy.py` for `02_entropy.ipynb`.

A module is found by being here. It says `NOTEBOOK = "02_entropy"` and `TITLE = "Entropy"`, and each
of its `Exercise` and `Prediction` objects stands at module level under the name that it carries.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def topics() -> list[str]:
    """The names of the modules here, in alphabetical order; none of them is loaded."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(topic: str) -> ModuleType:
    """The module of one topic, as in `load("entropy").q1`."""
    return importlib.import_module(f"{__name__}.{topic}")


def notebooks() -> list[ModuleType]:
    """All modules, in the order of their notebooks."""
    return sorted(map(load, topics()), key=lambda module: str(module.NOTEBOOK))


def members(module: ModuleType, kind: type[Any]) -> list[Any]:
    """The exercises or the predictions of a module, in the order in which they are written."""
    return [value for value in vars(module).values() if isinstance(value, kind)]
