"""When a run is saved, and by whom."""

import time
from typing import Any, Protocol, runtime_checkable

from course.training.crew import Crew
from course.training.record import Plan, Progress, Saved, pack


@runtime_checkable
class Checkpoint(Protocol):
    """What keeps arrays by name somewhere."""

    def save(self, step: int, arrays: Saved) -> Any:
        """Keep the arrays of a run after so many steps."""

    def restore(self) -> Saved | None:
        """Return the arrays that were kept last, or None."""


class Saver:
    """Saves a run every few seconds and at its end: of several processes, the first one does it."""

    def __init__(self, checkpoint: Checkpoint | None, crew: Crew, plan: Plan) -> None:
        self.plan = plan
        self._checkpoint, self._crew = checkpoint, crew
        self._at, self._when = 0, time.monotonic()

    def restore(self) -> Saved | None:
        """What was saved before."""
        if self._checkpoint is None:
            return None
        saved: Saved | None = self._crew.from_first(self._checkpoint.restore)
        return saved

    def due(self, seconds: float | None) -> bool:
        """Whether it is time."""
        waited = time.monotonic() - self._when
        return self._checkpoint is not None and waited >= (seconds or 0)

    def save(self, run: Progress) -> None:
        """Save a run that has gone on since it was saved last."""
        if self._checkpoint is not None and run.steps > self._at and self._crew.first:
            self._checkpoint.save(run.steps, pack(self.plan, run))
        self.saved(run)

    def saved(self, run: Progress) -> None:
        """Note that there is nothing of a run that needs to be saved now."""
        self._at, self._when = run.steps, time.monotonic()
