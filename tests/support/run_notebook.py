"""Run one notebook, twice in one kernel, and write down what came of it; started by notebook_kit.

    python -m tests.support.run_notebook NOTEBOOK RESULT

Inside `unshare --net` there is no network but a loopback interface that is down. It is brought up
here (a kernel talks through it); whether anything else can be reached is written down as well.
"""

import copy
import json
import re
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tools.notebooks import normalise, read, run, started

GET_FLAGS, SET_FLAGS, UP, RUNNING = 0x8913, 0x8914, 0x1, 0x40
OUTSIDE = "192.0.2.1"  # set aside for documentation: nobody's, but routed like any other


def bring_up_loopback() -> None:
    """What `ip link set lo up` does, without the program."""
    from fcntl import ioctl  # Windows has none, and needs none

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", ioctl(anything, GET_FLAGS, request), 16)
        if not flags & UP:
            ioctl(anything, SET_FLAGS, struct.pack("16sh14x", b"lo", flags | UP | RUNNING))


def reach_outside() -> str:
    """Try to get out: connecting a datagram socket asks for a way, and sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((OUTSIDE, 9))
        except OSError as error:
            return str(error.strerror)
    return "reachable"


class Watch:
    """The most memory that the children of this process held together, in bytes."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for child in psutil.Process().children(recursive=True):
            self.peak = max(self.peak, high_water(child.pid))

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            held = 0
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):  # it ended between the two looks
                    held += child.memory_info().rss
            self.peak = max(self.peak, held)


def high_water(pid: int) -> int:
    """The kernel's own record of a process's peak, in bytes, so that no moment is missed; or 0."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def main(path: Path, result: Path) -> None:
    """Run, and write the fresh notebook with time, memory and what could be reached."""
    if sys.platform == "linux":
        bring_up_loopback()
    outside = reach_outside()
    book = read(path)
    with started(book, path.parent) as client:
        begin = time.perf_counter()
        with Watch() as watch:
            for index in range(len(book.cells)):
                run(client, index, path.name)
        seconds = time.perf_counter() - begin
        fresh = normalise(copy.deepcopy(book))
        for index in range(len(book.cells)):
            run(client, index, f"{path.name}, run a second time in the same kernel")
    found = {"outside": outside, "book": fresh, "seconds": seconds, "peak": watch.peak}
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
