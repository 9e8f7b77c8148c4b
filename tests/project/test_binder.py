"""What Binder would do with the repository, done here without its container engine."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

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
        'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
        "ENTRYPOINT",
    ]
    found = [recipe.index(step) for step in steps]
    assert found == sorted(found)
    assert all(recipe.count(step) == 1 for step in steps[:-1])
    assert "requirements.txt" not in recipe


@on_binder
def test_start_sets_the_cache_and_then_is_the_command(tmp_path: Path) -> None:
    code = "import json, os; print(json.dumps([os.getpid(), dict(os.environ)]))"
    process = subprocess.Popen(
        [str(ROOT / "binder" / "start"), sys.executable, "-c", code],
        env={**os.environ, "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    printed, _ = process.communicate(timeout=60)
    pid, environment = json.loads(printed)
    assert pid == process.pid, "start must replace itself, so that signals reach the server"
    assert environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
    assert environment["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] == "-1"
    cache = Path(environment["JAX_COMPILATION_CACHE_DIR"])
    assert cache.parent == tmp_path / ".cache" / "why-models-learn"


@pytest.fixture
def binder(clone: Path, tmp_path: Path) -> SimpleNamespace:
    """A home, an empty virtual environment with Binder's packages, and how to run things in it."""
    home, prefix = tmp_path / "home", tmp_path / "environment"
    home.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(prefix)], check=True)
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

    def run(*command: str) -> str:
        done = subprocess.run(
            command,
            cwd=clone,
            env={**kept, "HOME": str(home), "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}"
        return done.stdout

    return SimpleNamespace(run=run, clone=clone, home=home, prefix=prefix)


@on_binder
@pytest.mark.network
def test_what_binder_builds_runs_a_notebook(binder: SimpleNamespace) -> None:
    binder.run("./binder/postBuild")

    cache = binder.home / ".cache" / "why-models-learn"
    warm = {path.name for path in cache.glob("jax-*/*-cache")}
    assert warm, "the compilation cache is empty"
    assert list((binder.clone / "course").rglob("__pycache__/*.pyc"))
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

    # From another folder, as a kernel would: found because it is installed, not because it is near.
    code = "import course; print(course.__file__)"
    where = binder.run("./binder/start", "python", "-c", f"import os; os.chdir('/'); {code}")
    assert Path(where.strip()).parent == binder.clone / "course"

    output = binder.home / "output.ipynb"
    binder.run(
        *("./binder/start", "jupyter", "nbconvert", "--to", "notebook", "--execute"),
        *("--output", str(output), f"notebooks/{NOTEBOOK}.ipynb"),
    )
    cells = json.loads(output.read_text())["cells"]
    assert any(cell.get("outputs") for cell in cells)
    new = {path.name for path in cache.glob("jax-*/*-cache")} - warm
    assert not new, f"compiled anew, although postBuild ran this notebook: {sorted(new)}"
