"""Is this machine ready for the course? One finding for each thing that the notebooks rely on.

`course doctor` prints the findings with versions and sizes. Notebook 00 shows `report()`, which
leaves those out: its text is the same on every machine where all is well.
"""

import html
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

OLDEST_PYTHON = (3, 11)
# A notebook stays below one gibibyte.
MEMORY_NEEDED = 1 << 30
WIDGET_EXTENSION = "@jupyter-widgets/jupyterlab-manager"


class Finding(NamedTuple):
    """What was found about one thing.

    Attributes:
        name: what was looked at.
        ok: whether the course can work with it.
        detail: what was found: versions, devices, sizes, or what is wrong.
        mend: what to do about it; empty when all is well.
    """

    name: str
    ok: bool
    detail: str
    mend: str = ""


class DoctorError(Exception):
    """What is wrong, and how to mend it where the check's usual advice does not fit."""

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.mend = mend


class Report:
    """Findings as a notebook shows them.

    >>> Report([Finding("Python", True, "3.11.7"), Finding("JAX", False, "missing", "Install it.")])
    Python  fine
    JAX     missing. Install it.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = list(findings)

    def _rows(self) -> list[tuple[str, str]]:
        return [
            (found.name, "fine" if found.ok else f"{found.detail}. {found.mend}")
            for found in self.findings
        ]

    def __repr__(self) -> str:
        rows = self._rows()
        width = max((len(name) for name, _ in rows), default=0)
        return "\n".join(f"{name:{width}}  {verdict}" for name, verdict in rows)

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left">{html.escape(name)}</th>'
            f'<td style="text-align:left">{html.escape(verdict)}</td></tr>'
            for name, verdict in self._rows()
        )
        return f"<table><tbody>{rows}</tbody></table>"


def diagnose() -> list[Finding]:
    """Look at everything; nothing that is broken stops the look at the rest.

    Returns:
        One finding for each line of `course doctor`, in its order.
    """
    return [_look(*check) for check in _CHECKS]


def report() -> Report:
    """The findings as notebook 00 shows them: names and "fine", or what is wrong."""
    return Report(diagnose())


def _look(name: str, check: Callable[[], str], mend: str) -> Finding:
    try:
        return Finding(name, True, check())
    except DoctorError as trouble:
        return Finding(name, False, str(trouble), trouble.mend or mend)
    except Exception as error:  # a broken package can raise anything at all
        first, *_ = str(error).strip().splitlines() or [""]
        return Finding(name, False, f"{type(error).__name__}: {first}".rstrip(".: "), mend)


def _python() -> str:
    found = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        raise DoctorError(f"version {found} is too old")
    return f"{found} ({sys.executable})"


def _course() -> str:
    import course

    return f"{course.__version__} ({Path(course.__file__).parent})"


def _jax() -> str:
    import jax

    return f"{jax.__version__}"


def _devices() -> str:
    import jax

    slope = float(jax.jit(jax.grad(lambda x: x * x))(3.0))
    if abs(slope - 6.0) > 1e-3:
        raise DoctorError(f"the derivative of x² at 3 came out as {slope}, not 6")
    kinds = [device.device_kind for device in jax.devices()]
    return ", ".join(f"{kinds.count(kind)} × {kind}" for kind in sorted(set(kinds)))


def _widgets() -> str:
    import ipywidgets
    from jupyter_core.paths import jupyter_path
    from jupyterlab_server.config import get_page_config

    page = get_page_config(jupyter_path("labextensions"))
    if WIDGET_EXTENSION not in (found["name"] for found in page["federated_extensions"]):
        raise DoctorError("JupyterLab's part of ipywidgets is missing")
    if any(name.split(":")[0] == WIDGET_EXTENSION for name in page["disabledExtensions"]):
        enable = f"Run `jupyter labextension enable {WIDGET_EXTENSION}`."
        raise DoctorError("JupyterLab's part of ipywidgets is switched off", enable)
    return f"ipywidgets {ipywidgets.__version__}"


def _memory() -> str:
    import psutil

    free = psutil.virtual_memory().available
    if free < MEMORY_NEEDED:
        raise DoctorError(f"only {free / (1 << 30):.1f} GiB are free, a notebook may need 1 GiB")
    return f"{free / (1 << 30):.1f} GiB free"


def _progress_folder() -> str:
    from course.practice.progress_file import path

    return _writable(path().parent)


def _temporary_folder() -> str:
    return _writable(Path(tempfile.gettempdir()))


def _jupyter_folders() -> str:
    from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

    folders = [jupyter_config_dir(), jupyter_data_dir(), jupyter_runtime_dir()]
    return ", ".join(_writable(Path(folder)) for folder in folders)


def _writable(folder: Path) -> str:
    """The folder, once a file could be made there, or where it will be; it is not made here."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return str(folder)
    except OSError as error:
        raise DoctorError(f"cannot write to {there} ({error.strerror})") from error


_REINSTALL = "Set the course up again as the README says."
_CHECKS: tuple[tuple[str, Callable[[], str], str], ...] = (
    ("Python", _python, "Install Python 3.11 or newer and set the course up again."),
    ("The course", _course, _REINSTALL),
    ("JAX", _jax, _REINSTALL),
    ("Gradients on the device", _devices, "Set JAX_PLATFORMS=cpu and try again."),
    ("Widgets in JupyterLab", _widgets, _REINSTALL),
    ("Memory", _memory, "Close other programs or notebooks (Kernel → Shut Down)."),
    ("Progress folder", _progress_folder, "Name a file elsewhere in COURSE_PROGRESS."),
    ("Temporary folder", _temporary_folder, "Name another folder in TMPDIR (Windows: TEMP)."),
    ("Jupyter's folders", _jupyter_folders, "Name other folders, see `jupyter --paths`."),
)
