"""A cell that runs again closes the live figure that it showed before, and no other."""

from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

SETUP = """
import gc, psutil
from ipywidgets.widgets.widget import _instances
from course.show import demos
from course.show.cells import _cells_of
def count():
    gc.collect()
    return len(_instances), len(_cells_of), psutil.Process().memory_info().rss >> 20
"""


class Kernel:
    """A kernel in which cells run, each under its name, as JupyterLab sends it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, code: str, cell: str | None = None) -> str:
        """Run a cell; what it printed, or the text form of its result."""
        message = self._client.session.msg(
            "execute_request",
            {"code": code, "silent": False, "store_history": True, "user_expressions": {},
             "allow_stdin": False, "stop_on_error": True},
            metadata={"cellId": cell} if cell else {},
        )  # fmt: skip
        self._client.shell_channel.send(message)
        said = ""
        while True:
            heard = self._client.get_iopub_msg(timeout=120)
            if heard["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            kind, content = heard["msg_type"], heard["content"]
            assert kind != "error", "\n".join(content["traceback"])
            said += content.get("text", "") if kind == "stream" else ""
            if kind in ("execute_result", "display_data"):
                said += content["data"].get("text/html", "") + content["data"]["text/plain"]
            if kind == "status" and content["execution_state"] == "idle":
                return said

    def count(self) -> tuple[int, int, int]:
        """Number of widgets, of live figures, and MiB that the kernel holds."""
        widgets, figures, memory = map(int, self.run("print(*count())").split())
        return widgets, figures, memory


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    manager, client = start_new_kernel(kernel_name="python3")
    running = Kernel(client)
    running.run(SETUP)
    yield running
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["a name", None])
def test_a_dozen_runs_of_a_cell_keep_what_one_keeps(kernel: Kernel, cell: str | None) -> None:
    source = f"demos.entropy.shape()  # {cell}"
    empty = kernel.count()
    for _ in range(3):
        kernel.run(source, cell)
    few = kernel.count()
    assert few[:2] == (empty[0] + few[0] - empty[0], empty[1] + 1)
    assert few[0] > empty[0]
    for _ in range(12):
        kernel.run(source, cell)
    many = kernel.count()
    assert many[:2] == few[:2]
    assert many[2] - few[2] < 100  # twelve figures held three times that


@pytest.mark.slow
def test_figures_of_other_cells_and_in_one_cell_all_live(kernel: Kernel) -> None:
    kernel.run("demos.entropy.coin()", "first")
    kernel.run("first = _", "second")
    # The same words in another cell are another cell's; two of one cell are both there.
    kernel.run("demos.entropy.coin()", "third")
    kernel.run("one, two = demos.entropy.coin(), demos.entropy.coin(); display(one, two)", "fourth")
    kernel.run("first.set(heads=0.3); one.set(heads=0.4); two.set(heads=0.1)", "fifth")
    assert kernel.run("print(first.alt[:32], one.alt[:32])").count("A coin with heads at 0.") == 2


@pytest.mark.slow
def test_one_that_is_kept_and_shown_elsewhere_lives(kernel: Kernel) -> None:
    kernel.run("live = demos.entropy.coin()", "maker")
    for _ in range(3):
        kernel.run("live", "shower")
    kernel.run("kept = live; live.set(heads=0.2)")
    kernel.run("live = demos.entropy.coin()", "maker")
    kernel.run("kept.set(heads=0.8)")
    assert "heads at 0.80" in kernel.run("kept", "shower")
    # Now nothing shows it: it says so, with its last picture.
    kernel.run("live", "shower")
    assert kernel.run("kept.close()") == ""
    said = kernel.run("kept", "another")
    assert "heads at 0.80" in said
    assert "This live figure is closed." in said
    assert "open" in kernel.run("try: kept.set(heads=0.1)\nexcept ValueError as e: print(e)")
