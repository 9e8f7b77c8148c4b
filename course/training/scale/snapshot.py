"""When a run is saved, and by whom."""

import time
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from course.training.results import Plan, Progress, Saved, pack, unpack
from course.training.scale.runner import Crew


@runtime_checkable
class Checkpoint(Protocol):
    """What keeps arrays by name somewhere."""

    def save(self, step: int, arrays: Saved) -> Any:
        """Keep the arrays of a run after so many steps; False says that it could not be done."""

    def restore(self) -> Saved | None:
        """Return the arrays that were kept last, or None."""


class Saver:
    """Saves a run every few seconds and at its end: of several processes, the first one does it."""

    def __init__(self, checkpoint: Checkpoint | None, crew: Crew, plan: Callable[[], Plan]) -> None:
        self._checkpoint, self._crew = checkpoint, crew
        self._plan = plan() if checkpoint is not None else None
        self._at, self._when = 0, time.monotonic()

    def restore(self, run: Progress) -> Progress:
        """The run that was saved before, or the one that is given."""
        if self._checkpoint is None or self._plan is None:
            return run
        saved: Saved | None = self._crew.from_first(self._checkpoint.restore)
        if saved is not None:
            run = unpack(self._plan, run, saved)
        self.pass_over(run)
        return run

    def due(self, seconds: float | None) -> bool:
        """Whether it is time."""
        waited = time.monotonic() - self._when
        return self._checkpoint is not None and waited >= (seconds or 0)

    def save(self, run: Progress) -> None:
        """Save a run that has gone on since it was saved last."""
        if self._checkpoint is None or self._plan is None or run.steps <= self._at:
            return
        written = True
        if self._crew.first:
            written = self._checkpoint.save(run.steps, pack(self._plan, run)) is not False
        self._when = time.monotonic()
        if written:  # otherwise it is tried again
            self.pass_over(run)

    def pass_over(self, run: Progress) -> None:
        """Note that there is nothing of a run that needs to be saved now."""
        self._at, self._when = run.steps, time.monotonic()

    def close(self) -> None:
        """Let go of what the checkpoints are kept in, if it can be let go of."""
        close = getattr(self._checkpoint, "close", None)
        if callable(close) and self._crew.first:
            close()
