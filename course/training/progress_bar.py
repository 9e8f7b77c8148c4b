"""Progress bar: in a notebook a widget, in a terminal text, nothing where it is not wanted."""

import os
from collections.abc import Callable
from typing import Any

QUIET = "COURSE_QUIET"


def progress_bar(progress: bool | Callable[..., Any], *, total: int, what: str) -> Any:
    """Return a bar that counts steps.

    Args:
        progress: False for none; True for one that fits where the program runs; or what makes one,
            such as `tqdm.tqdm`.
        total: steps to go.
        what: a word in front of it.

    Returns:
        A tqdm bar, silent (`.disable` is true) if the environment variable COURSE_QUIET is set.
    """
    # Imported here: in a notebook it loads widgets, which only a bar that is shown needs.
    from tqdm import std

    silent = not progress or os.environ.get(QUIET, "") not in ("", "0")
    make = progress
    if silent:
        make = std.tqdm
    elif progress is True:
        from tqdm import auto

        make = auto.tqdm
    assert callable(make)
    return make(total=total, desc=what, unit="step", disable=silent, dynamic_ncols=True)
