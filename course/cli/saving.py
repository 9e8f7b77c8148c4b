"""Saving of notebooks: of a live figure or a prediction, the picture and the words are kept.

A widget lives in the kernel. A stored one would take the place of its picture when the notebook is
opened again, and say that it cannot be shown. So the course marks its widgets as not to be kept;
those without the mark, a reader's own, stay as they are.

This module is an extension of Jupyter's server, which the installation of the course switches on
(settings/etc/jupyter): plain `jupyter lab`, `jupyter notebook`, Binder and a hub save alike.
"""

from collections.abc import Iterator
from typing import Any

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# Beside the number of the widget's model: show the picture or the text instead of the widget.
MARK = "why_models_learn"


def still_pictures(notebook: Any) -> bool:
    """Drop the course's widgets from a notebook, in place; return True if there were any."""
    dropped = 0
    kept = 0
    for output in _outputs(notebook):
        data, metadata = output.get("data") or {}, output.get("metadata") or {}
        if WIDGET_VIEW not in data:
            continue
        if MARK in (data[WIDGET_VIEW] or {}):
            del data[WIDGET_VIEW]
            metadata.pop(WIDGET_VIEW, None)
            dropped += 1
        else:
            kept += 1
    # The state of widgets that nothing shows any more: viewers would fetch a program for it.
    if dropped and not kept:
        notebook["metadata"].pop("widgets", None)
    return dropped > 0


def before_save(
    model: dict[str, Any], path: str = "", contents_manager: Any = None, **_: Any
) -> None:
    """Drop the course's widgets from what is about to be saved; Jupyter calls this each time.

    Nothing is raised: a notebook of an unusual form is saved as it is.
    """
    try:
        if model.get("type") == "notebook" and model.get("content"):
            still_pictures(model["content"])
    except Exception:
        if contents_manager is not None:
            contents_manager.log.warning("%s is saved with its widgets", path, exc_info=True)


def _outputs(notebook: Any) -> Iterator[Any]:
    for cell in notebook.get("cells") or []:
        yield from cell.get("outputs") or []


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Name the module that Jupyter's server loads."""
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Have the server call `before_save`, beside the hooks that others have set."""
    server.contents_manager.register_pre_save_hook(before_save)
