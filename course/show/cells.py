"""Cells that made or showed a live figure: when all of them ran again without it, it is closed.

A notebook's widgets stay in memory until they are closed, whatever happens to the cell that showed
them: after a dozen runs of one cell there would be twelve figures, and one that can be seen.
"""

from collections.abc import Callable
from typing import Any

from IPython import get_ipython

_cells_of: dict[Any, set[str]] = {}  # figure to the cells that made or showed it when they last ran
_now: list[Any] = []  # figures that the cell that is running made or showed


def note(figure: Any) -> None:
    """Note that the cell that is running made or shows `figure`, which has a `close` to call."""
    get_shell: Callable[[], Any] = get_ipython
    shell = get_shell()
    if shell is not None:
        shell.events.register("post_run_cell", _close_what_is_gone)  # once, however often
        _now.append(figure)


def forget(figure: Any) -> None:
    """Forget a figure that was closed."""
    _cells_of.pop(figure, None)
    _now[:] = [other for other in _now if other is not figure]


def _close_what_is_gone(result: Any) -> None:
    """Close what the cell that has just run showed before and does not show now.

    A figure that another cell shows as well, by a variable, stays. Front ends that give cells no
    names are told apart by what the cells say.
    """
    cell = getattr(result.info, "cell_id", None) or result.info.raw_cell
    for figure, cells in list(_cells_of.items()):
        cells.discard(cell)
        if not cells and not any(figure is other for other in _now):
            figure.close()
    for figure in _now:
        _cells_of.setdefault(figure, set()).add(cell)
    _now.clear()
