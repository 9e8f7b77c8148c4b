"""A notebook that was run keeps its live pictures, whichever program saves it."""

import copy
import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from course.cli import saving
from tests.support.repository import ROOT
from tools.lab import Lab, serving

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


PROGRAMS = {
    "jupyter lab": ("jupyterlab", "--allow-root"),
    "jupyter notebook": ("notebook", "--allow-root"),
    "a hub's server": ("jupyter_server", "--allow-root"),
    "course lab": ("course.cli", "lab"),
}


def put(lab: Lab, name: str, content: dict[str, Any]) -> None:
    """Save a notebook as a page of Jupyter does."""
    body = json.dumps({"type": "notebook", "format": "json", "content": content}).encode()
    headers = {"Authorization": f"token {lab.token}", "Content-Type": "application/json"}
    address = f"{lab.address}/api/contents/notebooks/{name}"
    with urlopen(Request(address, body, headers, method="PUT")) as answer:
        assert answer.status in (200, 201)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_that_saves_keeps_the_pictures(program: str, tmp_path: Path) -> None:
    first = ROOT / "notebooks" / "00_start_here.ipynb"
    with serving([first], tmp_path, program=PROGRAMS[program]) as lab:
        put(lab, "new.ipynb", notebook(demo(), question(), other()))
    (_, cell) = json.loads((lab.notebooks / "new.ipynb").read_text(encoding="utf-8"))["cells"]
    shown, asked, own = (output["data"] for output in cell["outputs"])
    assert VIEW not in shown
    assert shown["image/png"]
    assert VIEW not in asked
    assert asked["text/html"]
    assert own[VIEW] == OWN[VIEW]
