"""The repository as git sees it: what a clone would hold."""

import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@cache
def files() -> tuple[Path, ...]:
    """Files that git tracks or would offer to track, relative to the root; skips outside git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not a git checkout ({error}): which files belong to it is unknown")
    names = (Path(name) for name in listed.decode().split("\0") if name)
    return tuple(name for name in names if (ROOT / name).is_file())
