"""Export of notebooks by nbconvert: pages show the pictures of live figures, also offline.

settings/etc/jupyter/jupyter_nbconvert_config.py hands the function to nbconvert.
"""

from typing import Any

from course.cli.saving import still_pictures

JAVASCRIPT = "application/javascript"


def preprocess(notebook: Any, resources: Any) -> tuple[Any, Any]:
    """Return the notebook with pictures in place of the course's widgets, and the resources.

    A page without widgets then fetches no program for them.
    """
    if still_pictures(notebook) and "widgets" not in notebook.metadata and not _scripts(notebook):
        # The page would load this from elsewhere, for widgets and scripts that it has not.
        resources["require_js_url"] = "data:text/javascript,"
    return notebook, resources


def _scripts(notebook: Any) -> bool:
    """Return True if an output brings a program of its own, which may need more."""
    data = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    return any(JAVASCRIPT in each or "<script" in str(each.get("text/html", "")) for each in data)
