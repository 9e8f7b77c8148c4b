"""Write environment.yml and binder/environment.yml from requirements.txt.

Conda and Binder both read such a file. Binder reads nothing at the root once binder/ exists, hence
two equal ones. The packages stand in it one by one, not as `-r requirements.txt` or `-e .`: Binder
could then no longer keep the installed packages apart from the course's own files, and would
install everything again after every edit.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ("environment.yml", "binder/environment.yml")
# Exactly `python=X.Y`: Binder reads no other form, and would take a Python of its own.
HEAD = """\
# Made by `make lock` from requirements.txt; do not edit.
name: why-models-learn
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def pins(lock: str) -> list[str]:
    """The requirements of a lock file, each with its marker and without its hashes.

    >>> pins('jax==1 ; os_name == "nt" \\\\\\n    --hash=sha256:0\\nnumpy==2\\n')
    ['jax==1 ; os_name == "nt"', 'numpy==2']
    """
    lines = (line.removesuffix("\\").strip() for line in lock.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "--"))]


def environment(lock: str) -> str:
    """The text of environment.yml for the text of a lock file."""
    return HEAD + "".join(f"      - {pin}\n" for pin in pins(lock))


if __name__ == "__main__":
    text = environment((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    for target in TARGETS:
        (ROOT / target).write_text(text, encoding="utf-8", newline="\n")
