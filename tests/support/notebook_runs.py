"""A plugin: more of a notebook's run under `pytest --nbval` is looked at than its texts.

Pictures are compared, which nbval passes over; so are the kinds of the outputs. A kernel that takes
too much memory fails its cell. A table at the end says what each notebook took, and the heading
whether the network was cut off (see tools/offline.py).
"""

import os
import re
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from nbformat import from_dict
from nbformat.v4 import new_code_cell, new_notebook
from nbval.plugin import IPyNbCell

from tests.support.notebook_kit import differences
from tools.notebooks import normalise
from tools.offline import OFFLINE, reach_outside

# Binder gives 2 GiB, and JupyterLab wants its part of that.
MOST_MEMORY = 2**30
# The property under which a cell reports what its notebook took until then: seconds and bytes.
USAGE = "notebook usage"
SECONDS_BETWEEN_LOOKS = 0.1


class Watch:
    """The most memory that a kernel and its children held together, in bytes, and its seconds."""

    def __init__(self, kernel: psutil.Process) -> None:
        self.begin = time.perf_counter()
        self._kernel = kernel
        self._sampled = 0
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        """Look now and then, until the kernel has gone."""
        while self._kernel.is_running():
            held = 0
            for one in (self._kernel, *self._family()):
                with suppress(psutil.Error):  # it ended between the two looks
                    held += one.memory_info().rss
            self._sampled = max(self._sampled, held)
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return list(self._kernel.children(recursive=True))
        return []

    @property
    def peak(self) -> int:
        """Bytes; the system's own record of the kernel sees what happened between two looks."""
        return max(self._sampled, high_water(self._kernel.pid))


def high_water(pid: int) -> int:
    """Peak of a process's memory in bytes, by the system's own record; 0 where there is none."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


WATCH = pytest.StashKey[Watch]()


def pytest_report_header(config: pytest.Config) -> str | None:
    if not config.getoption("nbval", False):
        return None
    asked = os.environ.get(OFFLINE, "it was not asked for")
    if asked == "1":
        reached = reach_outside()
        if reached != "Network is unreachable":
            raise pytest.UsageError(f"the network should be cut off, but it is: {reached}")
    return "network: cut off" if asked == "1" else f"network: not cut off ({asked})"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Run a cell, then look at what nbval does not: pictures, kinds of outputs, memory."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    notebook = item.parent
    if WATCH not in notebook.stash:
        kernel = psutil.Process(notebook.kernel.km.provisioner.pid)
        notebook.stash[WATCH] = Watch(kernel)
    watch = notebook.stash[WATCH]
    result = yield
    seconds, peak = time.perf_counter() - watch.begin, watch.peak
    item.user_properties.append((USAGE, [item.path.name, seconds, peak]))
    fresh = normalise(new_notebook(cells=[new_code_cell(outputs=from_dict(item.test_outputs))]))
    wrong = list(differences(item.cell, fresh.cells[0])) if item.options["check"] else []
    if peak > MOST_MEMORY:
        wrong.append(f"the kernel held {peak >> 20} MiB: at most {MOST_MEMORY >> 20} are fine")
    if wrong:
        item.raise_cell_error("; ".join(wrong))
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A table of what each notebook took; the numbers come with the reports, from any worker."""
    took: dict[str, list[float]] = {}
    for kind in ("passed", "failed"):
        for report in terminalreporter.getreports(kind):
            for key, value in report.user_properties:
                if key == USAGE:
                    name, *numbers = value
                    took[name] = max(numbers, took.get(name, numbers))
    if took:
        terminalreporter.section("notebooks: seconds from first to last cell, peak memory")
        for name, (seconds, peak) in sorted(took.items()):
            terminalreporter.line(f"{name:<32}{seconds:>8.1f} s{peak / 2**20:>8.0f} MiB")
