"""Paths as people type them: expanded, made absolute, or refused in one sentence.

Every path that the course takes, from a command, a variable or a function, goes through here before
anything is done. Nothing is made, and nothing but the names on the way to the path is looked at.
"""

import errno
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Any

# A single letter in front of the colon is a disk of Windows.
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
# What `os.path.expandvars` leaves when there is no such variable.
VARIABLE = re.compile(r"\$(?:\w+|\{[^}]*\})")
LONGEST_NAME = 255  # bytes, on all usual systems


def file_path(name: str, value: Any, *, base: Path | None = None) -> Path:
    """Return the absolute path of a file, which may not exist yet.

    Args:
        name: argument, option or variable that holds the path, for the message.
        value: text or path object, perhaps with `~` or variables.
        base: folder from which a relative path is taken, itself one in the home folder if it is
            relative; None for the working folder.

    Raises:
        TypeError: if it is no path.
        ValueError: if it is empty, an address or a stream, or there is a folder, or no folder where
            one is needed.
    """
    path = _absolute(name, value, base, "a file")
    mode = _mode(name, path)
    if (mode is not None and stat.S_ISDIR(mode)) or os.fspath(value).endswith(("/", os.sep)):
        raise ValueError(f"{name}: expected a file, got {path}, which is not a file but a folder")
    if mode is not None and not stat.S_ISREG(mode):
        raise ValueError(
            f"{name}: expected a file, got {path}, which is not a file but a device or a pipe"
        )
    return path


def folder_path(name: str, value: Any, *, base: Path | None = None) -> Path:
    """Return the absolute path of a folder, which may not exist yet; see `file_path`."""
    path = _absolute(name, value, base, "a folder")
    mode = _mode(name, path)
    if mode is not None and not stat.S_ISDIR(mode):
        raise ValueError(f"{name}: expected a folder, got {path}, which is a file")
    return path


def write_fault(folder: Path) -> str:
    """Return why no file can be made in a folder, or in the one where it would be made, or ""."""
    existing = next(place for place in (folder, *folder.parents) if os.path.exists(place))
    try:
        with tempfile.TemporaryFile(dir=existing):
            return ""
    except OSError as error:
        return f"cannot write to {existing} ({error.strerror})"


def _absolute(name: str, value: Any, base: Path | None, kind: str) -> Path:
    """Expand a path, and refuse what can be none wherever it is."""
    text: Any = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str):
        got = type(value).__name__
        raise TypeError(f"{name}: expected the path of {kind}, got {got}")
    wanted = f"{name}: expected the path of {kind}, got"
    if not text.strip() or "\0" in text:
        raise ValueError(f"{wanted} {text!r}")
    if text == "-":
        raise ValueError(f"{wanted} '-', which stands for no file here")
    # A path object has made one slash of two.
    if address := ADDRESS.match(text):
        advice = "mount it and name the folder" if address[1] != "file" else "leave file:// out"
        raise ValueError(f"{wanted} the address {text!r}: {advice}")
    expanded = os.path.expandvars(text)
    if unknown := VARIABLE.search(expanded):
        raise ValueError(f"{wanted} {text!r}, and there is no variable {unknown[0]}")
    if not expanded.strip():
        raise ValueError(f"{wanted} {text!r}, whose variables are empty")
    try:
        os.fsencode(expanded)
        path = Path(expanded).expanduser()
        if base is not None and not path.is_absolute():
            path = Path.home() / base.expanduser() / path
        return path.absolute()
    except RuntimeError as error:  # nobody's home folder
        raise ValueError(f"{wanted} {text!r}: {str(error).lower().rstrip('.')}") from error
    except UnicodeEncodeError as error:
        got = f"{text!r}, whose characters no file's name can hold"
        raise ValueError(f"{wanted} {got}") from error
    except FileNotFoundError as error:
        raise ValueError(f"{wanted} {text!r}, but the working folder is gone") from error


def _mode(name: str, path: Path) -> int | None:
    """Return the type and permissions of what is at a path; None if there is nothing yet."""
    try:
        # Below a folder that is not there yet, the system does not look at names.
        if any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
            raise OSError(errno.ENAMETOOLONG, "")
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        reasons = {
            errno.ENOTDIR: "on the way to it is a file",
            errno.ENAMETOOLONG: "whose name is too long",
            errno.ELOOP: "whose links lead in a circle",
        }
        reason = reasons.get(error.errno or 0, f"which cannot be looked at ({error.strerror})")
        shown = str(path) if len(str(path)) < 200 else f"{str(path)[:100]}…"
        message = f"{name}: expected a path that can exist, got {shown}, {reason}"
        raise ValueError(message) from error
