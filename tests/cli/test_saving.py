"""A notebook that was run keeps its live pictures, whichever program saves it."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from course.cli import saving

VIEW = saving.WIDGET_VIEW
OWN = {VIEW: {"model_id": "b", "version_major": 2, "version_minor": 0}, "text/plain": "Canvas"}


def demo() -> dict[str, Any]:
    """What a live figure of the course displays."""
    from course.show.demos.entropy import coin

    bundle, metadata = coin()._repr_mimebundle_()
    return {"output_type": "display_data", "data": bundle, "metadata": metadata}


def question() -> dict[str, Any]:
    """What a prediction of the course displays."""
    from course import practice

    data = practice.predict(practice.entropy.p1)._repr_mimebundle_()
    return {"output_type": "execute_result", "execution_count": 1, "data": data, "metadata": {}}


def other(**data: Any) -> dict[str, Any]:
    """A widget of the reader's own, perhaps with a picture of its own beside it."""
    return {"output_type": "display_data", "data": OWN | data, "metadata": {}}


def notebook(*outputs: dict[str, Any]) -> dict[str, Any]:
    """A notebook with these outputs and the state of widgets."""
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "id": "one",
        "metadata": {},
        "outputs": list(outputs),
        "source": "1",
    }
    text = {"cell_type": "markdown", "id": "two", "metadata": {}, "source": "words"}
    metadata = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}}
    return {"cells": [text, cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def save(content: Any, **model: Any) -> Any:
    """The content that is left for the file."""
    given = {"type": "notebook", "content": copy.deepcopy(content)} | model
    saving.before_save(given, path="a.ipynb", contents_manager=None)
    return given["content"]


def test_the_courses_widgets_go_and_their_pictures_and_words_stay() -> None:
    before = notebook(demo(), question())
    after = save(before)
    assert "widgets" not in after["metadata"]
    for old, new in zip(before["cells"][1]["outputs"], after["cells"][1]["outputs"], strict=True):
        assert old["data"].pop(VIEW)["model_id"]
        assert new["data"] == old["data"]
    assert after["cells"][1]["outputs"][0]["data"]["image/png"]
    assert after["cells"][1]["outputs"][1]["data"]["text/html"]


def test_a_readers_own_widgets_stay() -> None:
    own = notebook(other(), other(**{"image/png": "AAAA", "text/html": "<img>"}))
    assert save(own) == own
    mixed = save(notebook(demo(), other()))
    ours, theirs = mixed["cells"][1]["outputs"]
    assert VIEW not in ours["data"]
    assert theirs["data"] == OWN
    assert mixed["metadata"]["widgets"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        [],
        "text",
        {"cells": None},
        {"cells": [None]},
        {"cells": [{"outputs": None}]},
        {"cells": [{"outputs": [{"data": None}]}]},
        {"cells": [{"outputs": [{"data": {VIEW: None}}]}]},
        {"cells": [{"outputs": [{"data": {VIEW: "x", "image/png": 1}, "metadata": None}]}]},
        {"worksheets": [{"cells": []}], "nbformat": 3},
    ],
)
def test_no_form_of_a_notebook_stops_a_save(content: Any) -> None:
    assert save(content) == content


def test_what_is_no_notebook_is_left_alone() -> None:
    assert save("{}", type="file") == "{}"
    assert save(None, type="directory") is None


# Each program, as its command starts it, saves a notebook as a page has it do; no page is served.
SAVES = """
import asyncio, json, sys
from pathlib import Path
from jupyter_server.serverapp import ServerApp
from jupyterlab.labapp import LabApp
from notebook.app import JupyterNotebookApp
from course.cli.lab import lab_arguments

content, here = json.load(sys.stdin), Path.cwd()
for program, app, arguments in [
    ("jupyter lab", LabApp, ["--no-browser"]),
    ("jupyter notebook", JupyterNotebookApp, ["--no-browser"]),
    ("a hub's server", None, ["--no-browser"]),
    ("course lab", LabApp, lab_arguments(here, port=None, browser=False)),
]:
    words = [*arguments, "--allow-root", "--log-level=ERROR"]
    if app:
        server = app.initialize_server(words)
    else:
        server = ServerApp.instance()
        server.initialize(words)
    model = {"type": "notebook", "format": "json", "content": content}
    asyncio.run(server.contents_manager.save(json.loads(json.dumps(model)), f"{program}.ipynb"))
    server.http_server.stop()
    ServerApp.clear_instance()
    if app:
        app.clear_instance()
"""
PROGRAMS = ["jupyter lab", "jupyter notebook", "a hub's server", "course lab"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a notebook that each program has saved, under its name."""
    folder = tmp_path_factory.mktemp("saved")
    private = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    subprocess.run(
        [sys.executable, "-c", SAVES],
        cwd=folder,
        env=os.environ | private,
        input=json.dumps(notebook(demo(), question(), other())).encode(),
        check=True,
    )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_that_saves_keeps_the_pictures(program: str, saved: Path) -> None:
    text = (saved / f"{program}.ipynb").read_text(encoding="utf-8")
    (_, cell) = json.loads(text)["cells"]
    shown, asked, own = (output["data"] for output in cell["outputs"])
    assert VIEW not in shown
    assert shown["image/png"]
    assert VIEW not in asked
    assert asked["text/html"]
    assert own[VIEW] == OWN[VIEW]
