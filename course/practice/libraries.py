"""Keep the settings of libraries that may not be loaded; nothing is loaded here."""

import sys
from contextlib import ExitStack
from typing import Any
from unittest import mock


def keep_libraries(stack: ExitStack) -> None:
    """Have `stack` put back the settings of JAX, matplotlib and IPython."""
    loaded: dict[str, Any] = dict(sys.modules)
    if "jax" in loaded:
        _keep_jax(stack, loaded["jax"].config)
    if "matplotlib" in loaded:
        stack.enter_context(loaded["matplotlib"].rc_context())
        # `rc_context` leaves the backend alone; reading it in the usual way would choose one.
        backend = dict.get(loaded["matplotlib"].rcParams, "backend")
        stack.callback(_restore_backend, loaded["matplotlib"], backend)
    # The notebook would show new figures, also if it is the answer that loads pyplot.
    pyplot = loaded.get("matplotlib.pyplot")
    stack.callback(_close_new_figures, set(pyplot.get_fignums()) if pyplot else set())
    shell = loaded["IPython"].get_ipython() if "IPython" in loaded else None
    if shell is not None:  # `exit()` is to leave the answer, not the notebook's kernel
        stack.enter_context(mock.patch.object(shell, "ask_exit", _leave))


def _keep_jax(stack: ExitStack, config: Any) -> None:
    """Keep all settings: those of the process, and those of a context that was left open."""
    holders = getattr(config, "_value_holders", {})
    stack.callback(_restore_jax, config, {name: _held(one) for name, one in holders.items()})


def _held(holder: Any) -> tuple[Any, Any]:
    """Return the value of a setting for the process and, where it has one, for this thread."""
    if hasattr(holder, "get_local"):
        return holder.get_global(), holder.get_local()
    return holder.value, None


def _restore_jax(config: Any, before: dict[str, tuple[Any, Any]]) -> None:
    for name, (value, local) in before.items():
        holder = config._value_holders[name]
        now, local_now = _held(holder)
        if local_now is not local:
            holder.set_local(local)
            hook = getattr(holder, "_update_thread_local_hook", None)
            if hook is not None:  # None stands for no value of this thread
                hook(None if type(local) is object else local)
        if now is not value and now != value:
            config.update(name, value)


def _restore_backend(matplotlib: Any, before: Any) -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if isinstance(before, str) and dict.get(matplotlib.rcParams, "backend") != before:
        if pyplot is not None:
            pyplot.switch_backend(before)
        else:
            matplotlib.use(before)


def _close_new_figures(before: set[int]) -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        for number in set(pyplot.get_fignums()) - before:
            pyplot.close(number)


def _leave() -> None:
    raise SystemExit
