"""Note an interrupt where nothing may be cut in two, and deliver it afterwards."""

import signal
import threading
from typing import Any, no_type_check


class InterruptsNoted:
    """Context manager in which SIGINT is noted only; it is raised again when the block has ended.

    A second one is noted, too, so the block must be short. In the main thread only: elsewhere
    Python delivers no signals.

    >>> with InterruptsNoted():
    ...     6 * 7
    42
    """

    def __init__(self) -> None:
        self._noted = self._entered = False
        self._before: Any = None

    # No checker wraps these methods in the tests: an interrupt that it raised would come in
    # between.
    @no_type_check
    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_interrupt)
            self._entered = True

    @no_type_check
    def __exit__(self, *_: object) -> None:
        if self._entered:
            # None stands for a handler that was not set from Python.
            signal.signal(signal.SIGINT, self._before or signal.SIG_DFL)
            if self._noted:
                signal.raise_signal(signal.SIGINT)

    @no_type_check
    def _on_interrupt(self, *_: object) -> None:
        self._noted = True
