"""Start of JAX on the devices of this machine, or the reason in one sentence."""

import os
from typing import Any


def start() -> list[Any]:
    """Return JAX's devices.

    Raises:
        RuntimeError: if it finds none of the kind that it is told to use, or cannot start.
    """
    import jax

    try:
        return jax.devices()
    except Exception as error:  # a driver, a plugin or JAX itself can raise anything at all
        raise RuntimeError(explain(error)) from error


def explain(error: Exception) -> str:
    """Return a sentence for what JAX raises when it cannot start on the devices it is told to."""
    named = os.environ.get("JAX_PLATFORMS", "")
    if named:
        fault = f"JAX finds no device for JAX_PLATFORMS={named}"
        return f"{fault}: set JAX_PLATFORMS=cpu, or install JAX's part for that device"
    first, *_ = str(error).strip().splitlines() or [type(error).__name__]
    return f"JAX cannot start ({first.rstrip('.')})"
