"""Work that waits until nothing has moved for a while."""

import asyncio
from collections.abc import Callable

REST = 0.3  # seconds, longer than between two steps of a drag


class AtRest:
    """A function that is called once the moves have ended.

    It waits in the event loop of the thread that moves, as a kernel has one. Where there is none
    it is not called at all: a program has nobody who looks at a widget.

    Args:
        act: what is to be done.
        seconds: without a move.
    """

    def __init__(self, act: Callable[[], object], seconds: float = REST) -> None:
        self._act = act
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def moved(self) -> None:
        """Begin to wait, from now on."""
        self.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._timer = loop.call_later(self._seconds, self._act)

    def cancel(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
