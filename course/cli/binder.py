"""The command `course binder-url`: the link that opens the course on Binder."""

import subprocess
from pathlib import Path
from urllib.parse import quote, urlsplit

import click

from course.cli.lab import FIRST_NOTEBOOK, checkout

BINDER = "https://mybinder.org"
# How Binder names the places it can build from.
BINDER_PROVIDERS = {"github.com": "gh", "gitlab.com": "gl"}


@click.command("binder-url")
@click.option("--branch", default="HEAD", show_default=True, help="Branch, tag or commit.")
@click.option("--notebook", default=FIRST_NOTEBOOK, show_default=True, help="Notebook to open.")
def binder_url(branch: str, notebook: str) -> None:
    """Print the link that opens the course on Binder, and a badge for a README."""
    root = checkout()
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


def _origin(root: Path) -> str:
    """Address of the git remote `origin`."""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise click.ClickException(
            "Binder builds from a public repository, and this folder has no git remote `origin`."
        ) from error
