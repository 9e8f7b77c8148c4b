"""Kernels of `course lab`: `python3` is the Python that has the course, whatever else is installed.

Jupyter takes the first kernel of that name that it finds, in JUPYTER_PATH, in the user's folder or
in the environment: often that of another Python, which knows no course.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import (
    NATIVE_KERNEL_NAME,
    KernelSpec,
    KernelSpecManager,
    NoSuchKernel,
)

LONGEST_START = 30.0  # seconds; a Python starts in far less
MAJOR, MINOR = sys.version_info[:2]
# Words for which Jupyter itself takes its own Python.
OWN_NAMES = ("python", f"python{MAJOR}", f"python{MAJOR}.{MINOR}")


class OwnKernel(KernelSpecManager):
    """Manager of kernels whose `python3` is this Python; the others are found as usual."""

    def find_kernel_specs(self) -> dict[str, str]:
        """Return the folder of each kernel, by name."""
        return super().find_kernel_specs() | {NATIVE_KERNEL_NAME: RESOURCES}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return what starts a kernel.

        Raises:
            NoSuchKernel: if there is none of this name.
        """
        if kernel_name.lower() == NATIVE_KERNEL_NAME:
            return self.kernel_spec_class(resource_dir=RESOURCES, **get_kernel_dict())
        return super().get_kernel_spec(kernel_name)


def native_kernel() -> tuple[str, str]:
    """Return the Python of Jupyter's kernel `python3`, and what is wrong with it; "" if nothing."""
    manager = KernelSpecManager()
    folder = manager.find_kernel_specs()[NATIVE_KERNEL_NAME]
    try:
        command = manager.get_kernel_spec(NATIVE_KERNEL_NAME).argv
    except (OSError, ValueError, TypeError, AttributeError, NoSuchKernel):
        return "", f"the kernel python3 in {folder} is damaged"
    program = command[0] if command else ""
    python = shutil.which(sys.executable if program in OWN_NAMES else program)
    if python is None:
        return (
            program,
            f"the kernel python3 in {folder} starts {program or 'nothing'}, which is not there",
        )
    # Programs in one folder belong to one environment. Links must not be followed: the Pythons of
    # two environments may be links to the same one.
    if Path(python).parent == Path(sys.executable).parent or _has_course(python):
        return python, ""
    return python, f"the kernel python3 in {folder} is another Python ({python}) without the course"


def _has_course(python: str) -> bool:
    """Return True if a Python, started in a folder without the course, can import it."""
    try:
        done = subprocess.run(
            [python, "-P", "-c", "import course.practice"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST_START,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
