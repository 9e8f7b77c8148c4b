"""What Binder would do with the repository, done here without its container engine."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pip
import pytest
import yaml

from course.cli.saving import WIDGET_VIEW
from tests.support.repository import ROOT, files

NOTEBOOK = "02_entropy"
# What uv says when it reaches no package index.
NO_NETWORK = re.compile(r"dns error|Connect|Failed to fetch|Network|timed out", re.I)
on_binder = pytest.mark.skipif(sys.platform != "linux", reason="Binder's machines run Linux")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files that a clone would hold, and nothing else."""
    place = tmp_path / "clone"
    for name in files():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place / name)
    return place


# repo2docker imports a module of python-json-logger by the name that it had before.
@pytest.mark.filterwarnings("ignore:pythonjsonlogger.jsonlogger has been moved:DeprecationWarning")
def test_the_recipe_installs_before_it_copies(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from repo2docker.app import Repo2Docker

    monkeypatch.chdir(clone)
    app = Repo2Docker()
    made = (buildpack(base_image=app.base_image) for buildpack in app.buildpacks)
    picked = next(buildpack for buildpack in made if buildpack.detect())
    picked.platform = "linux/amd64"
    recipe = picked.render({"NB_USER": "reader", "NB_UID": "1000"})

    assert type(picked).__name__ == "CondaBuildPack"
    assert picked.environment_yaml_path == "binder/environment.yml"
    assert picked.python_version == "3.11"
    # In this order an edit of the course leaves the installed packages as they are.
    steps = [
        "COPY --chown=1000:1000 src/binder/environment.yml ${REPO_DIR}/binder/environment.yml",
        '--file "binder/environment.yml"',
        "COPY --chown=1000:1000 src/ ${REPO_DIR}/",
        "RUN ./binder/postBuild",
        "ENTRYPOINT",
    ]
    found = [recipe.index(step) for step in steps]
    assert found == sorted(found)
    assert all(recipe.count(step) == 1 for step in steps[:-1])
    assert "requirements.txt" not in recipe
    # A program to start with would lie in the home folder: where a hub hides that, nothing starts.
    assert "R2D_ENTRYPOINT" not in recipe


def activated(python: Path, home: Path) -> dict[str, str]:
    """The environment of a program after conda has read caches.sh, as Binder's login shell does."""
    source = f'. "{ROOT}/binder/caches.sh"; exec "$@"'
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "MPL"))}
    printed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", source, "bash", sys.executable, "-c", code],
        env=kept | {"HOME": str(home), "PATH": f"{python.parent}{os.pathsep}{kept['PATH']}"},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    return dict(json.loads(printed))


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The Python of an environment."""
    program = tmp_path / "environment" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    return program


@on_binder
def test_the_caches_are_in_the_environment(python: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    environment = activated(python, tmp_path / "home")
    assert environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
    assert environment["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] == "-1"
    kept = tmp_path / "environment" / "var" / "cache" / "why-models-learn"
    assert Path(environment["JAX_COMPILATION_CACHE_DIR"]).parent == kept
    assert Path(environment["MPLCONFIGDIR"]).parent == kept
    assert list((tmp_path / "home").iterdir()) == []


@on_binder
def test_an_environment_that_cannot_be_written_has_no_caches(python: Path, tmp_path: Path) -> None:
    (tmp_path / "environment" / "var").write_text("in the way")
    environment = activated(python, tmp_path)
    assert not {name for name in environment if name.startswith(("JAX_", "MPL"))}


@pytest.fixture
def binder(clone: Path, tmp_path: Path) -> SimpleNamespace:
    """A home, an empty virtual environment with Binder's packages, and how to run things in it."""
    home, prefix = tmp_path / "home", tmp_path / "environment"
    home.mkdir()
    # With a copy of this pip, since the one that comes with Python would be compiled first.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    (packages,) = prefix.glob("lib/python*/site-packages")
    shutil.copytree(Path(pip.__file__).parent, packages / "pip")
    read = yaml.safe_load((clone / "binder" / "environment.yml").read_text(encoding="utf-8"))
    listed = tmp_path / "listed.txt"
    listed.write_text("\n".join(read["dependencies"][-1]["pip"]))
    installer = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python"]
    result = subprocess.run(
        [*installer, str(prefix / "bin" / "python"), "--requirement", str(listed)],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode and NO_NETWORK.search(result.stderr) and not os.environ.get("CI"):
        pytest.skip("the package index cannot be reached, and uv has not kept all packages")
    assert result.returncode == 0, result.stderr
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COURSE_", "IPYTHON", "JAX_", "JUPYTER_", "PYTHON", "VIRTUAL_ENV"))
    }
    path = f"{prefix / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def run(*command: str, folder: Path = clone) -> str:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**kept, "HOME": str(home), "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}"
        return done.stdout

    return SimpleNamespace(run=run, clone=clone, home=home, prefix=prefix)


def shorten(notebook: Path) -> None:
    """Leave the cells up to the first figure, and the first demo; the others do as these do."""
    book = nbformat.read(notebook, as_version=4)
    figure = next(
        place
        for place, cell in enumerate(book.cells)
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
    )
    demo = next(cell for cell in book.cells if cell.source.startswith("demos."))
    book.cells = [*book.cells[: figure + 1], demo]
    nbformat.write(book, notebook)


@on_binder
@pytest.mark.network
def test_what_binder_builds_runs_a_notebook(binder: SimpleNamespace) -> None:
    # The other notebooks that it would run fill the same caches in the same way.
    for other in (binder.clone / "notebooks").glob("*.ipynb"):
        if other.stem != NOTEBOOK:
            other.unlink()
    shorten(binder.clone / "notebooks" / f"{NOTEBOOK}.ipynb")
    binder.run("./binder/postBuild")

    cache = binder.prefix / "var" / "cache" / "why-models-learn"
    warm = {path.name for path in cache.glob("jax-*/*-cache")}
    assert warm, "the compilation cache is empty"
    fonts = {path: path.stat().st_mtime_ns for path in cache.glob("matplotlib/fontlist-*.json")}
    assert fonts, "the list of fonts is not there"
    settings = binder.prefix / "etc" / "jupyter" / "labconfig" / "page_config.json"
    disabled = json.loads(settings.read_text())["disabledExtensions"]
    assert disabled == {"@jupyterlab/apputils-extension:announcements": True}
    changed = [
        path.relative_to(binder.clone)
        for path in (binder.clone / "notebooks").rglob("*")
        if path.relative_to(binder.clone) not in files()
    ]
    assert changed == []
    assert not list(binder.home.rglob("progress.json"))

    # A hub mounts a volume over the home folder, and the clone in it is gone with all else: what is
    # needed is in the environment, which conda activates.
    notebook = binder.clone / "notebooks" / f"{NOTEBOOK}.ipynb"
    shutil.copy(notebook, binder.clone.parent)
    shutil.rmtree(binder.home)
    shutil.rmtree(binder.clone)
    binder.home.mkdir()
    shutil.move(binder.clone.parent / notebook.name, binder.home)
    activation = binder.prefix / "etc" / "conda" / "activate.d" / "why-models-learn.sh"
    activated = ("bash", "-c", f'. "{activation}"; exec "$@"', "bash")
    code = "import course; print(course.__file__)"
    where = Path(binder.run(*activated, "python", "-c", code, folder=binder.home).strip())
    assert where.is_relative_to(binder.prefix)
    assert list(where.parent.rglob("__pycache__/*.pyc"))

    binder.run(
        *(*activated, "jupyter", "nbconvert", "--to", "notebook", "--execute"),
        *("--output", "output.ipynb", notebook.name),
        folder=binder.home,
    )
    cells = json.loads((binder.home / "output.ipynb").read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert not any(WIDGET_VIEW in output.get("data", {}) for output in outputs)
    new = {path.name for path in cache.glob("jax-*/*-cache")} - warm
    assert not new, f"compiled anew, although postBuild ran this notebook: {sorted(new)}"
    assert fonts == {path: path.stat().st_mtime_ns for path in fonts}

    # The doctor looks for the extension that saves pictures; what else it may find wrong, such as
    # too little memory, has nothing to do with Binder.
    said = binder.run(*activated, "sh", "-c", "course doctor || true", folder=binder.home)
    assert re.search(r"^ok +Widgets in JupyterLab", said, re.M), said
