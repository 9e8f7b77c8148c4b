"""The command `course`: open notebooks, check the machine, show progress, train."""

import io
import sys
from typing import Any

import click

from course import __version__
from course.cli.lab import lab
from course.cli.output import allow_every_encoding
from course.cli.train import train

NARROWEST = 40  # columns; below, a table is no table


class _Commands(click.Group):
    """Commands whose output may have nowhere to go: a full disk, a closed terminal.

    Nor need the terminal know the signs that they print.
    """

    def main(self, *args: Any, **options: Any) -> Any:
        allow_every_encoding()
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


main.add_command(lab)
main.add_command(train)


@main.command()
def doctor() -> None:
    """Check this machine, one line for each thing; exit status 1 if something is wrong."""
    from course.cli.doctor import diagnose

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
