"""Run a command without a network, but for the machine's own loopback interface.

    python tools/offline.py COMMAND [ARGUMENT ...]

The command gets a network namespace of its own, which takes Linux and util-linux's `unshare`.
Where that is missing, or not permitted, one line says so and the command runs as it is. Only in
continuous integration on Linux is that an error: there everything is run offline.
"""

import os
import shutil
import socket
import struct
import subprocess
import sys

# In the environment of the command: "1" where the network is cut off, else the reason why not.
OFFLINE = "COURSE_OFFLINE"
INSIDE = "--inside"
GET_FLAGS, SET_FLAGS, UP, RUNNING = 0x8913, 0x8914, 0x1, 0x40
OUTSIDE = "192.0.2.1"  # set aside for documentation: nobody's, but routed like any other


def unshare() -> tuple[list[str], str]:
    """Return the words that start a program in a network namespace, or none and the reason."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return [], "that takes Linux and util-linux's unshare"
    words = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]
    trial = subprocess.run([*words, "true"], capture_output=True, text=True, timeout=60)
    if trial.returncode:
        return [], f"this machine does not permit it: {trial.stderr.strip()}"
    return words, ""


def bring_up_loopback() -> None:
    """Bring `lo` up, as `ip link set lo up` does, without the program: kernels talk through it."""
    from fcntl import ioctl  # Windows has none, and needs none

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", ioctl(anything, GET_FLAGS, request), 16)
        if not flags & UP:
            ioctl(anything, SET_FLAGS, struct.pack("16sh14x", b"lo", flags | UP | RUNNING))


def reach_outside() -> str:
    """Return "reachable", or why not: a datagram socket only asks for a way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((OUTSIDE, 9))
        except OSError as error:
            return str(error.strerror)
    return "reachable"


def main(command: list[str]) -> int:
    """Become the command; the exit status is 2 without one, 1 where it may not run online."""
    if command[:1] == [INSIDE]:
        bring_up_loopback()
        os.execvp(command[1], command[1:])
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    words, reason = unshare()
    if words:
        inside = [*words, sys.executable, __file__, INSIDE, *command]
        os.execvpe(inside[0], inside, {**os.environ, OFFLINE: "1"})
    print(f"The network is not cut off: {reason}.", file=sys.stderr, flush=True)
    if os.environ.get("CI") == "true" and sys.platform == "linux" and os.geteuid() == 0:
        return 1
    # Windows' exec returns at once and leaves the command behind: it is waited for instead.
    return subprocess.run(command, env={**os.environ, OFFLINE: reason}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
