"""Each thing that can be wrong with a machine is found, named and mended in words."""

import html
import json
import re
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import jax
import psutil
import pytest

from course.cli import doctor


def finding(name: str) -> doctor.Finding:
    """The finding of this name, after a look at everything."""
    return next(found for found in doctor.diagnose() if found.name == name)


def assert_wrong(name: str, what: str) -> None:
    """Exactly this is found wrong, in one line, with a way to mend it."""
    found = finding(name)
    assert not found.ok
    assert re.search(what, found.detail), found.detail
    assert "\n" not in found.detail
    assert found.mend.endswith((".", ")."))


def test_a_healthy_machine() -> None:
    findings = doctor.diagnose()
    assert [found for found in findings if not found.ok] == []
    assert all(found.detail and not found.mend for found in findings)
    details = {found.name: found.detail for found in findings}
    assert jax.__version__ in details["JAX"]
    assert "cpu" in details["Gradients on the device"]
    assert len(details) == len(findings) == 11


def test_the_report_of_a_healthy_machine_names_no_version_and_no_place() -> None:
    report = doctor.report()
    lines = repr(report).splitlines()
    assert [line.rsplit(maxsplit=1)[1] for line in lines] == ["fine"] * 9
    assert not re.search(r"[0-9/\\]", repr(report))
    shown = html.unescape(re.sub(r"<[^>]*>", " ", report._repr_html_()))
    assert shown.split() == repr(report).split()


def test_the_report_says_what_is_wrong_without_markup_from_outside() -> None:
    report = doctor.Report([doctor.Finding("JAX", False, "<b>broken</b> & gone", "Mend it.")])
    assert repr(report) == "JAX  <b>broken</b> & gone. Mend it."
    assert "&lt;b&gt;broken&lt;/b&gt; &amp; gone. Mend it." in report._repr_html_()


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "OLDEST_PYTHON", (4, 0))
    assert_wrong("Python", "is too old")


def test_no_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    assert_wrong("JAX", "ModuleNotFoundError|ImportError")
    assert_wrong("Gradients on the device", "ModuleNotFoundError|ImportError")
    wrong = {found.name for found in doctor.diagnose() if not found.ok}
    assert wrong == {"JAX", "Gradients on the device"}


def test_a_jax_that_fails_or_errs(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(function: object) -> object:
        raise RuntimeError("Unable to initialize backend 'cuda':\nlong story")

    monkeypatch.setattr(jax, "jit", fail)
    assert_wrong("Gradients on the device", "RuntimeError: Unable to initialize backend 'cuda'$")
    monkeypatch.setattr(jax, "jit", lambda function: lambda x: 7.0)
    assert_wrong("Gradients on the device", "came out as 7.0, not 6")


def test_no_ipywidgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert_wrong("Widgets in JupyterLab", "ipywidgets")


def test_no_widget_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    import jupyter_core.paths

    monkeypatch.setattr(jupyter_core.paths, "jupyter_path", lambda *names: [])
    assert_wrong("Widgets in JupyterLab", "is missing")


@pytest.mark.parametrize("name", [doctor.WIDGET_EXTENSION, f"{doctor.WIDGET_EXTENSION}:plugin"])
def test_a_widget_extension_that_is_switched_off(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "labconfig"
    settings.mkdir()
    text = json.dumps({"disabledExtensions": {name: True, "another": True}})
    (settings / "page_config.json").write_text(text)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    assert_wrong("Widgets in JupyterLab", "is switched off")
    assert "jupyter labextension enable" in finding("Widgets in JupyterLab").mend


def test_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    little = SimpleNamespace(available=300 << 20)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    assert_wrong("Memory", r"only 0\.3 GiB")


def test_folders_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = tmp_path / "file" / "folder"
    monkeypatch.setenv("COURSE_PROGRESS", str(blocked / "progress.json"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(blocked))
    assert_wrong("Progress folder", "on the way to it is a file")
    assert_wrong("Jupyter's folders", "cannot write to")
    monkeypatch.setattr(tempfile, "tempdir", str(blocked))
    assert_wrong("Temporary folder", "cannot write to")


def test_folders_that_do_not_exist_yet_are_fine_and_are_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "new" / "deep" / "progress.json"))
    assert finding("Progress folder").ok
    assert list(tmp_path.iterdir()) == []


def test_a_progress_file_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "progress.json"
    place.write_text("{}")
    place.chmod(0o444)
    monkeypatch.setenv("COURSE_PROGRESS", str(place))
    assert_wrong("Progress folder", "progress.json is read-only")


def test_progress_that_is_kept_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", "s3://bucket/progress.json")
    assert_wrong("Progress folder", "the address")


def test_notebooks_that_cannot_be_saved(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebooks = checkout / "notebooks"
    (notebooks / "02_entropy.ipynb").chmod(0o444)
    assert_wrong("Jupyter's folders", r"02_entropy\.ipynb \(read-only\)")
    (notebooks / "02_entropy.ipynb").chmod(0o644)
    assert finding("Jupyter's folders").ok

    def locked(folder: Path) -> str:
        return "cannot write to it (Read-only file system)" if folder == notebooks else ""

    monkeypatch.setattr("course.cli.lab.write_fault", locked)
    assert_wrong("Jupyter's folders", "Read-only file system")
    assert "a folder of your own" in finding("Jupyter's folders").mend


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "grpc_proxy"])
def test_a_proxy_is_said_with_the_variable_that_matters(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in ("http_proxy", "https_proxy", "grpc_proxy", "no_proxy"):
        monkeypatch.delenv(known, raising=False)
    assert finding("Proxy").detail == "none"
    monkeypatch.setenv(name, "http://proxy.example.org:3128")
    found = finding("Proxy")
    assert found.ok
    assert found.detail.startswith(f"{name} is set: ")
    assert "no_proxy, which names nothing" in found.detail
    assert "proxy.example.org" not in found.detail  # an address may hold a password
    monkeypatch.setenv("no_proxy", "localhost,node1")
    assert finding("Proxy").detail.endswith("which names localhost,node1")
