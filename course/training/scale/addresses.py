"""Addresses of process 0: what one looks like, who can reach it, and what stands in between."""

import contextlib
import ipaddress
import re
import socket
import urllib.request
from typing import Any

from course.checks import Arguments, refusal

MAX_PORT = 65535
# Names of this machine that no other one can reach it by.
LOOPBACK = ("localhost", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback")


def as_address(name: str, value: Any, _arguments: Arguments) -> str:
    """Rule for a host and a port; a number of IPv6 stands in brackets."""
    expected = "host and port, such as node1:1234"
    if not isinstance(value, str):
        raise refusal(name, expected, type(value).__name__, TypeError)
    found = re.fullmatch(r"([^\s:/@\[\]]+|\[[\w:.%]+\]):([0-9]{1,6})", value, re.ASCII)
    if not found:
        raise refusal(name, expected, value[:200])
    if not 1 <= int(found[2]) <= MAX_PORT:
        raise refusal(name, f"a port from 1 to {MAX_PORT}", found[2])
    return value


def is_loopback(address: str | None) -> bool:
    """Return True if an address can be reached from this machine alone."""
    host = (address or "").rpartition(":")[0].strip("[]").partition("%")[0].rstrip(".").lower()
    if host in LOOPBACK or host.endswith(".localhost"):
        return True
    with contextlib.suppress(OSError, ValueError):
        number = ipaddress.ip_address(host if ":" in host else socket.inet_aton(host))
        return (getattr(number, "ipv4_mapped", None) or number).is_loopback
    return False


def describe_proxy(coordinator: str | None) -> str:
    """Return a sentence if an environment variable sends what is for process 0 to a proxy."""
    host = coordinator.rpartition(":")[0].strip("[]") if coordinator else ""
    proxies = urllib.request.getproxies_environment()
    names = [f"{kind}_proxy" for kind in ("grpc", "https", "http", "all") if proxies.get(kind)]
    if not names or (host and urllib.request.proxy_bypass(host)):
        return ""
    whom = host or "the host of process 0"
    return f" Or does a proxy get what is for them ({names[0]} is set)? Add {whom} to no_proxy."
