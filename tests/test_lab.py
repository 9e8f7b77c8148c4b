"""`course lab`: what JupyterLab is started with, and what is said when it cannot be."""

import os
import re
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psutil
import pytest

from course import cli
from tests.command import assert_one_sentence, checkout, run

__all__ = ["checkout"]
LONGEST_START = 120.0


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that JupyterLab was given, instead of starting it."""
    from jupyterlab.labapp import LabApp

    calls: list[list[str]] = []
    monkeypatch.setattr(LabApp, "launch_instance", calls.append)
    monkeypatch.setattr(webbrowser, "get", lambda: object())
    return calls


@pytest.mark.parametrize("folder", [".", "notebooks"])
def test_lab_stays_on_loopback_and_keeps_the_token(
    folder: str, checkout: Path, launched: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout / folder)
    assert run("lab").exit_code == 0
    ((*arguments,),) = launched
    assert f"--ServerApp.root_dir={checkout}" in arguments
    assert "--ServerApp.ip=127.0.0.1" in arguments
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in arguments
    assert not [one for one in arguments if re.search("token|password|origin|remote", one, re.I)]
    assert ("--allow-root" in arguments) == (hasattr(os, "geteuid") and os.geteuid() == 0)
    assert "--no-browser" not in arguments
    assert not [one for one in arguments if "port" in one]


@pytest.mark.parametrize("user", [0, 1000])
def test_lab_allows_root_only_to_root(
    user: int, checkout: Path, launched: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    run("lab", "--no-browser")
    assert ("--allow-root" in launched[0]) == (user == 0)
    assert "--no-browser" in launched[0]


def test_lab_finds_the_checkout_that_the_package_stands_in(
    checkout: Path, launched: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        patch.setattr(cli, "__file__", str(checkout / "course" / "cli.py"))
        assert run("lab").exit_code == 0
        assert f"--ServerApp.root_dir={checkout}" in launched[0]
        patch.setattr(cli, "__file__", str(elsewhere / "course" / "cli.py"))
        assert_one_sentence(run("lab"), "no folder `notebooks`")
        assert_one_sentence(run("binder-url"), "no folder `notebooks`")


def test_lab_refuses_a_port_in_use(checkout: Path, launched: list[list[str]]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_one_sentence(run("lab", "--port", str(port)), f"Port {port} cannot be used")
    assert not launched
    assert run("lab", "--port", str(port)).exit_code == 0
    assert {f"--ServerApp.port={port}", "--ServerApp.port_retries=0"} <= set(launched[0])


def test_lab_without_a_browser_says_so_and_starts(
    checkout: Path, launched: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> NoReturn:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    result = run("lab")
    assert result.exit_code == 0
    assert result.stderr == ("No web browser was found: open the address below in one yourself.\n")
    assert "--no-browser" in launched[0]


def test_lab_without_jupyterlab(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "get", lambda: object())
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    assert_one_sentence(run("lab"), "JupyterLab cannot be loaded")


def test_lab_that_cannot_write_its_files(
    checkout: Path, launched: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from jupyterlab.labapp import LabApp

    def refuse(arguments: list[str]) -> NoReturn:
        raise PermissionError(13, "Permission denied", "runtime")

    monkeypatch.setattr(LabApp, "launch_instance", refuse)
    assert_one_sentence(run("lab"), "JupyterLab could not start .*course doctor")


@pytest.fixture
def server(checkout: Path) -> Iterator[tuple[psutil.Process, int]]:
    """`course lab` as a user starts it, with Jupyter's folders in a private place."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {
        f"JUPYTER_{kind}_DIR": str(checkout / kind) for kind in ("CONFIG", "DATA", "RUNTIME")
    }
    process = psutil.Popen(
        [sys.executable, "-m", "course.cli", "lab", "--no-browser", "--port", str(port)],
        env={**os.environ, **folders, "JUPYTER_TOKEN": "a-token-of-this-test"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + LONGEST_START
    while status(port, "/api") != 200:
        assert process.poll() is None, "JupyterLab ended before it answered"
        assert time.monotonic() < deadline, "JupyterLab does not answer"
        time.sleep(0.1)
    yield process, port
    process.terminate()
    process.wait(30)


def status(port: int, path: str, token: str | None = None) -> int:
    """The status of an answer from the server on this machine; 0 if there is none."""
    headers = {"Authorization": f"token {token}"} if token else {}
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers=headers)) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
    except URLError:
        return 0


def test_a_real_lab_answers_on_loopback_with_its_token_only(
    server: tuple[psutil.Process, int],
) -> None:
    process, port = server
    assert status(port, "/api/contents") == 403
    assert status(port, "/api/contents", "a-wrong-token") == 403
    assert status(port, "/api/contents/notebooks/02_entropy.ipynb", "a-token-of-this-test") == 200
    listening = [
        connection.laddr
        for one in (process, *process.children(recursive=True))
        for connection in one.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    page = Request(
        f"http://127.0.0.1:{port}/lab", headers={"Authorization": "token a-token-of-this-test"}
    )
    with urlopen(page) as answer:
        assert '"news": {"disabled": true}' in answer.read().decode()
