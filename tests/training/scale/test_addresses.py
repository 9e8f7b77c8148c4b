"""Addresses: which ones are of this machine alone, and which a proxy would get."""

import pytest

from course.training.scale import addresses


def test_a_proxy_is_named_unless_the_host_is_excepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert addresses.describe_proxy("node1:1") == ""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    assert addresses.describe_proxy("127.0.0.1:1") == ""
    monkeypatch.setenv("no_proxy", "*.example.org")
    assert "Add node1 to no_proxy" in addresses.describe_proxy("node1:1")
    assert "Add the host of process 0 to no_proxy" in addresses.describe_proxy(None)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("localhost:1", True),
        ("LOCALHOST.:1", True),
        ("me.localhost:1", True),
        ("ip6-localhost:1", True),
        ("127.0.0.1:1", True),
        ("127.5.5.5:1", True),
        ("127.1:1", True),
        ("[::1]:1", True),
        ("[::ffff:127.0.0.1]:1", True),
        ("node1:1", False),
        ("localhost.example.org:1", False),
        ("10.0.0.1:1", False),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("[fe80::1%eth0]:1", False),
        (None, False),
    ],
)
def test_an_address_is_of_this_machine_or_not(address: str | None, loopback: bool) -> None:
    assert addresses.is_loopback(address) is loopback
