"""Helpers for tests of the command `course`."""

import re

from click.testing import CliRunner, Result

from course.cli import main as cli


def run(*arguments: str) -> Result:
    """`course` with these arguments, in this process."""
    return CliRunner().invoke(cli.main, arguments)


def assert_one_sentence(result: Result, pattern: str) -> None:
    """The command failed with one line, as it should: no traceback, exit status 1."""
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    (line,) = result.stderr.splitlines()
    assert re.search(pattern, line), line
    assert line.endswith(".")
