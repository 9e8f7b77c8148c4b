"""How many programs JAX compiles."""

from collections.abc import Iterator
from contextlib import contextmanager

from jax import monitoring

COMPILED = "/jax/core/compile/backend_compile_duration"


@contextmanager
def compilations() -> Iterator[list[float]]:
    """A list that gets an entry for each program compiled within the block."""
    made: list[float] = []

    def note(event: str, seconds: float, **_: object) -> None:
        if event == COMPILED:
            made.append(seconds)

    monitoring.register_event_duration_secs_listener(note)
    try:
        yield made
    finally:
        monitoring.unregister_event_duration_listener(note)
