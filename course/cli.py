"""The command `course`: open the notebooks, check the machine, show progress, link to Binder."""

import io
import os
import socket
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import click

from course import __version__
from course.train import train

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
FIRST_NOTEBOOK = "00_start_here"
NARROWEST = 40  # columns; below, a table is no table
BINDER = "https://mybinder.org"
# How Binder names the places it can build from.
BINDER_PROVIDERS = {"github.com": "gh", "gitlab.com": "gl"}


class _Commands(click.Group):
    """Commands whose output may have nowhere to go: a full disk, a closed terminal."""

    def main(self, *args: Any, **options: Any) -> Any:
        try:
            return super().main(*args, **options)
        except OSError as error:
            sys.stdout = io.StringIO()  # at exit Python would try again to write what is left
            click.echo(f"Error: This cannot be done or shown: {error.strerror or error}.", err=True)
            sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="course")
def main() -> None:
    """Why Models Learn: an interactive course in notebooks."""


main.add_command(train)


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Listen on this port and no other.")
@click.option("--no-browser", is_flag=True, help="Print the address, open no browser.")
def lab(port: int | None, no_browser: bool) -> None:
    """Open the course in JupyterLab.

    It listens on this machine alone and asks for the token that the printed address carries.
    """
    root = _checkout()
    if port is not None:
        _refuse_taken(port)
    if not no_browser and not _has_browser():
        click.echo("No web browser was found: open the address below in one yourself.", err=True)
        no_browser = True
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        raise click.ClickException(
            f"JupyterLab cannot be loaded ({error}): set the course up again as the README says."
        ) from error
    try:
        LabApp.launch_instance(lab_arguments(root, port=port, browser=not no_browser))
    except OSError as error:
        raise click.ClickException(
            f"JupyterLab could not start ({error}): `course doctor` looks further."
        ) from error


def lab_arguments(root: Path, *, port: int | None, browser: bool) -> list[str]:
    """JupyterLab's command line for the checkout at `root`.

    Nothing here touches the token. The settings keep JupyterLab from asking about news and from
    looking for a newer version of itself, both of which would ask the network.
    """
    arguments = [
        f"--ServerApp.root_dir={root}",
        "--ServerApp.ip=127.0.0.1",
        f"--LabApp.default_url=/lab/tree/notebooks/{FIRST_NOTEBOOK}.ipynb",
        f"--LabApp.app_settings_dir={Path(__file__).with_name('lab_settings')}",
        "--ContentsManager.pre_save_hook=course.cli.save_without_widgets",
    ]
    if port is not None:
        arguments += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not browser:
        arguments.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    return arguments


def save_without_widgets(model: dict[str, Any], **_: object) -> None:
    """Let a saved notebook keep its pictures and drop its widgets; Jupyter calls this at each save.

    A widget lives in the kernel. In a notebook that is opened again a stored one would stand in the
    place of its picture and say that it cannot be shown.
    """
    if model.get("type") == "notebook":
        for cell in model["content"]["cells"]:
            for output in cell.get("outputs", []):
                output.get("data", {}).pop(WIDGET_VIEW, None)


@main.command()
def doctor() -> None:
    """Check this machine, one line for each thing; exit status 1 if something is wrong."""
    from course.doctor import diagnose

    findings = diagnose()
    width = max(len(found.name) for found in findings)
    for found in findings:
        mark = click.style("ok   ", fg="green") if found.ok else click.style("wrong", fg="red")
        mend = f". {found.mend}" if found.mend else ""
        click.echo(f"{mark}  {found.name:{width}}  {found.detail}{mend}")
    if not all(found.ok for found in findings):
        sys.exit(1)


@main.command()
def progress() -> None:
    """Show how far you are, notebook by notebook."""
    from rich.console import Console
    from rich.table import Table

    from course.practice.board import COLUMNS, board

    found = board()
    table = Table(*COLUMNS)
    for row in found.rows:
        table.add_row(*row.cells)
    console = Console(markup=False, highlight=False)
    console.width = max(console.width, NARROWEST)
    console.print(table, *found.sentences, sep="\n")


@main.command("binder-url")
@click.option("--branch", default="HEAD", show_default=True, help="Branch, tag or commit.")
@click.option("--notebook", default=FIRST_NOTEBOOK, show_default=True, help="Notebook to open.")
def binder_url(branch: str, notebook: str) -> None:
    """Print the link that opens the course on Binder, and a badge for a README."""
    root = _checkout()
    if not branch:
        raise click.ClickException("Name a branch, tag or commit, or leave --branch out.")
    name = notebook.removeprefix("notebooks/").removesuffix(".ipynb")
    if not (root / "notebooks" / f"{name}.ipynb").is_file():
        raise click.ClickException(f"There is no notebook {name} in {root / 'notebooks'}.")
    try:
        link = binder_link(_origin(root), branch=branch, notebook=name)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(link)
    click.echo(f"[![Open on Binder]({BINDER}/badge_logo.svg)]({link})")


def binder_link(remote: str, *, branch: str, notebook: str) -> str:
    """The Binder link for a git remote, written in any form that git accepts.

    Raises:
        ValueError: the remote is not on a host that Binder builds from. The message holds no part
            of it that may be a password.

    >>> binder_link("git@github.com:ada/course.git", branch="HEAD", notebook="02_entropy")
    'https://mybinder.org/v2/gh/ada/course/HEAD?urlpath=lab%2Ftree%2Fnotebooks%2F02_entropy.ipynb'
    """
    if "://" in remote:
        try:
            parts = urlsplit(remote)
        except ValueError:  # its words would show the address, password and all
            raise ValueError("The address of the remote `origin` cannot be read.") from None
        host, path = parts.hostname or "", parts.path
        if "@" in path + parts.query + parts.fragment:  # then the "host" may be half of a password
            raise ValueError("The address of the remote `origin` has an @ in the wrong place.")
    else:
        # user@host:path; what has no colon, or a slash before it, is a folder.
        host, colon, path = remote.rpartition("@")[2].partition(":")
        host = host if colon and "/" not in host else ""
    names = path.strip("/").removesuffix(".git").split("/")
    provider = BINDER_PROVIDERS.get(host.lower())
    if provider is None or len(names) < 2 or (provider == "gh" and len(names) != 2):
        raise ValueError(
            "Binder needs a repository on github.com or gitlab.com, and the remote `origin` "
            f"is on {host or 'this machine'}."
        )
    # GitLab's nested groups are one name to Binder, slashes and all.
    project = quote("/".join(names), safe="/" if provider == "gh" else "")
    opened = quote(f"lab/tree/notebooks/{notebook}.ipynb", safe="")
    return f"{BINDER}/v2/{provider}/{project}/{quote(branch, safe='')}?urlpath={opened}"


def _checkout() -> Path:
    """The folder of the course: the working folder or one above it, else the package's own."""
    try:
        here = Path.cwd()
    except OSError as error:
        raise click.ClickException(
            "The folder you are in has been deleted: go to the folder of the course and try again."
        ) from error
    for root in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (root / "notebooks" / f"{FIRST_NOTEBOOK}.ipynb").is_file():
            return root
    raise click.ClickException(
        "There is no folder `notebooks` of the course here: go to the folder that holds the "
        "course's README and try again."
    )


def _origin(root: Path) -> str:
    """Address of the git remote `origin`."""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise click.ClickException(
            "Binder builds from a public repository, and this folder has no git remote `origin`."
        ) from error


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


if __name__ == "__main__":
    main()
