"""`course lab`: what JupyterLab is started with, and what is said when it cannot be."""

import json
import os
import re
import socket
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psutil
import pytest

from course.cli import lab as cli
from tests.support.command import assert_one_sentence, run
from tests.support.repository import ROOT
from tools.lab import Lab, serving


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
    assert "--LabApp.extension_manager=readonly" in arguments
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
        patch.setattr(cli, "__file__", str(checkout / "course" / "cli" / "lab.py"))
        assert run("lab").exit_code == 0
        assert f"--ServerApp.root_dir={checkout}" in launched[0]
        patch.setattr(cli, "__file__", str(elsewhere / "course" / "cli" / "lab.py"))
        assert_one_sentence(run("lab"), "no folder `notebooks`")


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


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no folder like /proc here")
def test_lab_without_a_home_says_so_first(
    checkout: Path, launched: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/proc/nonexistent")
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert_one_sentence(run("lab"), "JupyterLab cannot write to /proc .*JUPYTER_CONFIG_DIR")
    assert not launched


def test_lab_says_that_notebooks_cannot_be_saved(checkout: Path, launched: list[list[str]]) -> None:
    (checkout / "notebooks" / "02_entropy.ipynb").chmod(0o444)
    result = run("lab")
    assert result.exit_code == 0
    assert "will not be saved: JupyterLab cannot write to " in result.stderr
    assert "02_entropy.ipynb (read-only)" in result.stderr
    assert launched


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """`course lab` as a user starts it, with Jupyter's folders in a private place."""
    notebooks = [ROOT / "notebooks" / f"{cli.FIRST_NOTEBOOK}.ipynb"]
    with serving(notebooks, tmp_path_factory.mktemp("lab")) as running:
        yield running


def ask(lab: Lab, path: str, token: str = "") -> tuple[int, bytes]:
    """Status and body of the server's answer."""
    headers = {"Authorization": f"token {token}"} if token else {}
    try:
        with urlopen(Request(lab.address + path, headers=headers)) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.slow
def test_a_real_lab_asks_for_its_token(lab: Lab) -> None:
    first = f"/api/contents/notebooks/{cli.FIRST_NOTEBOOK}.ipynb"
    assert len(lab.token) >= 40
    assert ask(lab, first)[0] == 403
    assert ask(lab, first, "x" * len(lab.token))[0] == 403
    assert ask(lab, first, lab.token)[0] == 200


@pytest.mark.slow
def test_a_real_lab_listens_on_loopback_alone(lab: Lab) -> None:
    listening = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # the server starts some that end at once
            listening += [
                connection.laddr
                for connection in process.net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            ]
    assert urlsplit(lab.address).port in {address.port for address in listening}
    assert {address.ip for address in listening} == {"127.0.0.1"}


@pytest.mark.slow
def test_a_real_lab_asks_nothing_about_news(lab: Lab) -> None:
    path = "/lab/api/settings/@jupyterlab/apputils-extension:notification"
    defaults = json.loads(ask(lab, path, lab.token)[1])["schema"]["properties"]
    assert defaults["fetchNews"]["default"] == "false"
    assert defaults["checkForUpdates"]["default"] is False


@pytest.mark.slow
def test_a_real_lab_asks_no_package_index(lab: Lab) -> None:
    page = ask(lab, "/lab", lab.token)[1].decode()
    (settings,) = re.findall(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.S)
    manager = json.loads(settings)["extensionManager"]
    assert manager["can_install"] is False
