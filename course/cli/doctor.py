"""Check that this machine is ready for the course, one finding for each requirement.

`course doctor` prints the findings with versions and sizes. Notebook 00 shows `report()`, which
leaves those out, and what concerns the terminal alone: its text is the same on every machine where
all is well.
"""

import html
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import click

from course.cli.devices import start
from course.cli.lab import checkout, folders_fault, notebooks_fault
from course.paths import write_fault

OLDEST_PYTHON = (3, 11)
# A notebook stays below one gibibyte.
MEMORY_NEEDED = 1 << 30
WIDGET_EXTENSION = "@jupyter-widgets/jupyterlab-manager"


class Finding(NamedTuple):
    """Result of one check."""

    name: str
    """Requirement that was checked."""
    ok: bool
    detail: str
    """Versions, devices and sizes, or the fault."""
    mend: str = ""
    """Advice on how to mend the fault; empty when `ok`."""


class DoctorError(Exception):
    """Fault that a check found, with advice where the check's usual one does not fit."""

    def __init__(self, fault: str, mend: str = "") -> None:
        super().__init__(fault)
        self.mend = mend


class Report:
    """Table of findings for a notebook, without versions and sizes.

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
    """Run all checks, also after one that fails, and return their findings in order."""
    return [_run_check(*check) for check in (*_CHECKS, *_TERMINAL_CHECKS)]


def report() -> Report:
    """Run the checks that concern a notebook and return the table that notebook 00 shows."""
    return Report(_run_check(*check) for check in _CHECKS)


def _run_check(name: str, check: Callable[[], str], mend: str) -> Finding:
    try:
        return Finding(name, True, check())
    except DoctorError as fault:
        return Finding(name, False, str(fault), fault.mend or mend)
    except Exception as error:  # a broken package can raise anything at all
        first, *_ = str(error).strip().splitlines() or [""]
        return Finding(name, False, f"{type(error).__name__}: {first}".rstrip(".: "), mend)


def _python() -> str:
    version = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        raise DoctorError(f"version {version} is too old")
    return f"{version} ({sys.executable})"


def _course() -> str:
    import course

    return f"{course.__version__} ({Path(course.__file__).parent})"


def _jax() -> str:
    import jax

    return f"{jax.__version__}"


def _devices() -> str:
    import jax

    try:
        devices = start()
    except RuntimeError as error:
        fault, _, advice = str(error).partition(": ")
        raise DoctorError(fault, f"{advice[:1].upper()}{advice[1:]}." if advice else "") from error
    slope = float(jax.jit(jax.grad(lambda x: x * x))(3.0))
    if abs(slope - 6.0) > 1e-3:
        raise DoctorError(f"the derivative of x² at 3 came out as {slope}, not 6")
    kinds = [device.device_kind for device in devices]
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
    _find_extension()
    return f"ipywidgets {ipywidgets.__version__}"


def _find_extension() -> None:
    """Look for what makes Jupyter's server save pictures instead of widgets."""
    from jupyter_core.paths import jupyter_config_path

    name = Path("jupyter_server_config.d", "why_models_learn.json")
    if not any((folder / name).is_file() for folder in map(Path, jupyter_config_path())):
        raise DoctorError("Jupyter is not told to save the pictures of demos")


def _memory() -> str:
    import psutil

    free = psutil.virtual_memory().available
    if free < MEMORY_NEEDED:
        raise DoctorError(f"only {free / (1 << 30):.1f} GiB are free, a notebook may need 1 GiB")
    return f"{free / (1 << 30):.1f} GiB free"


def _progress_folder() -> str:
    from course.practice.progress_file import path

    try:
        place = path()
    except ValueError as error:
        raise DoctorError(str(error)) from error
    if place.exists() and not place.stat().st_mode & 0o222:
        raise DoctorError(f"{place} is read-only")
    _writable(place.parent)
    return str(place)


def _temporary_folder() -> str:
    return _writable(Path(tempfile.gettempdir()))


def _jupyter_folders() -> str:
    from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

    if fault := folders_fault():
        raise DoctorError(fault)
    with suppress(click.ClickException):  # the course was installed without notebooks
        if fault := notebooks_fault(checkout()):
            raise DoctorError(fault, "Copy the course into a folder of your own.")
    return f"{jupyter_config_dir()}, {jupyter_data_dir()}, {jupyter_runtime_dir()}"


def _writable(folder: Path) -> str:
    if fault := write_fault(folder):
        raise DoctorError(fault)
    return str(folder)


def _kernel() -> str:
    from course.cli.kernels import native_kernel

    python, fault = native_kernel()
    if fault:
        raise DoctorError(fault)
    return python


def _proxy() -> str:
    """Look whether processes of one training would talk to each other through a proxy."""
    # gRPC, through which they find each other, reads these and no other ones.
    proxies = ("grpc_proxy", "https_proxy", "http_proxy")
    named = next((name for name in proxies if os.environ.get(name)), "")
    if not named:
        return "none"
    exempt = os.environ.get("no_proxy") or "nothing"
    needed = "several processes of `course train` need their hosts in no_proxy"
    return f"{named} is set: {needed}, which names {exempt}"


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
_TERMINAL_CHECKS: tuple[tuple[str, Callable[[], str], str], ...] = (
    ("Jupyter's kernel", _kernel, "Open notebooks with `course lab`, or take that folder away."),
    ("Proxy", _proxy, "Name the hosts in no_proxy."),
)
