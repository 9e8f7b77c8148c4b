"""The command `course lab`: open the notebooks in JupyterLab."""

import os
import socket
import webbrowser
from pathlib import Path

import click

from course.paths import write_fault

FIRST_NOTEBOOK = "00_start_here"
SETTINGS = Path(__file__).parents[1] / "lab_settings"


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Listen on this port and no other.")
@click.option("--no-browser", is_flag=True, help="Print the address, open no browser.")
def lab(port: int | None, no_browser: bool) -> None:
    """Open the course in JupyterLab.

    It listens on this machine alone and asks for the token that the printed address carries.
    """
    root = checkout()
    if port is not None:
        _refuse_taken(port)
    if fault := notebooks_fault(root):
        click.echo(f"What you do will not be saved: JupyterLab {fault}.", err=True)
    if not no_browser and not _has_browser():
        click.echo("No web browser was found: open the address below in one yourself.", err=True)
        no_browser = True
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        raise click.ClickException(
            f"JupyterLab cannot be loaded ({error}): set the course up again as the README says."
        ) from error
    if fault := folders_fault():
        raise click.ClickException(
            f"JupyterLab {fault}: name folders that you own in JUPYTER_CONFIG_DIR, "
            "JUPYTER_DATA_DIR and JUPYTER_RUNTIME_DIR."
        )
    try:
        LabApp.launch_instance(lab_arguments(root, port=port, browser=not no_browser))
    except OSError as error:
        raise click.ClickException(
            f"JupyterLab could not start ({error}): `course doctor` looks further."
        ) from error


def lab_arguments(root: Path, *, port: int | None, browser: bool) -> list[str]:
    """Return JupyterLab's command line for the checkout at `root`.

    The token stays as Jupyter makes it. The settings keep JupyterLab from fetching news, from
    looking for a newer version of itself, and from asking the package index for extensions.
    """
    arguments = [
        f"--ServerApp.root_dir={root}",
        "--ServerApp.ip=127.0.0.1",
        f"--LabApp.default_url=/lab/tree/notebooks/{FIRST_NOTEBOOK}.ipynb",
        f"--LabApp.app_settings_dir={SETTINGS}",
        "--LabApp.extension_manager=readonly",
        "--ServerApp.kernel_spec_manager_class=course.cli.kernels.OwnKernel",
    ]
    if port is not None:
        arguments += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not browser:
        arguments.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    return arguments


def checkout() -> Path:
    """Return the folder of the course: the working folder or one above it, else the package's."""
    try:
        here = Path.cwd()
    except OSError as error:
        raise click.ClickException(
            "The folder you are in has been deleted: go to the folder of the course and try again."
        ) from error
    for root in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if (root / "notebooks" / f"{FIRST_NOTEBOOK}.ipynb").is_file():
            return root
    raise click.ClickException(
        "There is no folder `notebooks` of the course here: go to the folder that holds the "
        "course's README and try again."
    )


def folders_fault() -> str:
    """Return why Jupyter cannot keep its own files, or ""."""
    from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

    folders = map(Path, (jupyter_config_dir(), jupyter_data_dir(), jupyter_runtime_dir()))
    return next(filter(None, map(write_fault, folders)), "")


def notebooks_fault(root: Path) -> str:
    """Return why JupyterLab cannot save the notebooks of a checkout, or ""."""
    folder = root / "notebooks"
    locked = [path for path in folder.glob("*.ipynb") if not path.stat().st_mode & 0o222]
    return write_fault(folder) or (f"cannot write to {locked[0]} (read-only)" if locked else "")


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        if os.name == "posix":  # as Jupyter does: a port that was just closed is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise click.ClickException(
                f"Port {port} cannot be used ({error.strerror}): choose another one, or leave "
                "--port out."
            ) from error


def _has_browser() -> bool:
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
