"""The demos, one module for each notebook: `demos/entropy.py` for `02_entropy.ipynb`.

A demo is a function without arguments that returns a LiveFigure: `demos.entropy.coin()`.
A module is loaded when it is first named.
"""

import importlib
import pkgutil
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    if name in __dir__():
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"There is no demo module {name!r}; there are: {', '.join(__dir__())}.")


def __dir__() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))
