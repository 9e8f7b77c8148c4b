"""Checks and predictions in a real kernel: the time limit, the interrupt button, the output."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no alarm that ends a sleep")
LIMIT = 120  # seconds until a message that does not come is an error


class Kernel:
    """Runs cells and collects what they show."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager, self.client = manager, client

    def run(self, code: str) -> list[dict[str, Any]]:
        """Outputs of a cell: dictionaries of MIME types, streams, errors."""
        shown: list[dict[str, Any]] = []

        def collect(message: dict[str, Any]) -> None:
            if message["msg_type"] in ("execute_result", "display_data", "stream", "error"):
                shown.append(message["content"].get("data", message["content"]))

        self.client.execute_interactive(code, output_hook=collect, timeout=LIMIT)
        return shown


@contextmanager
def a_kernel(folder: Path) -> Iterator[Kernel]:
    """A kernel with a progress file of its own."""
    environment = os.environ | {
        "COURSE_PROGRESS": str(folder / "progress.json"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JAX_PLATFORMS": "cpu",
    }
    manager, client = start_new_kernel(
        kernel_name="python3", cwd=str(Path(__file__).parents[2]), env=environment
    )
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with a_kernel(tmp_path_factory.mktemp("kernel")) as made:
        assert made.run("from course import practice\nfrom tests.practice import examples") == []
        yield made


def test_a_cell_shows_the_verdict_and_the_line(kernel: Kernel) -> None:
    (shown,) = kernel.run(
        "def mine(p):\n    total = 0\n    return 1 / total\n\nexamples.entropy_bits.check(mine)"
    )
    assert (
        "raised ZeroDivisionError: division by zero (line 3: `return 1 / total`)"
        in (shown["text/plain"])
    )
    assert 'role="status"' in shown["text/html"]


def test_an_endless_cell_ends(kernel: Kernel) -> None:
    (shown,) = kernel.run(
        "import time\n"
        "def mine(p):\n"
        "    while True:\n"
        "        try:\n"
        "            time.sleep(10)\n"
        "        except BaseException:\n"
        "            pass\n"
        "examples.entropy_bits.check(mine, seconds=0.2)"
    )
    assert "still running after 0.2 seconds" in shown["text/plain"]
    assert kernel.run("1 + 1") == [{"text/plain": "2"}]


CALLS = {
    "an endless loop of JAX": (
        "import jax\n"
        "def mine(p):\n"
        "    return jax.lax.while_loop(lambda x: x[0] >= 0, lambda x: x * 0, p)\n"
    ),
    "a large decomposition": (
        "import numpy as np\n"
        "matrix = np.random.default_rng(0).normal(size=(4000, 4000))\n"
        "def mine(p):\n"
        "    return np.linalg.svd(matrix)\n"
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_cannot_be_stopped_is_told_in_its_cell(name: str, tmp_path: Path) -> None:
    with a_kernel(tmp_path) as kernel:
        kernel.run(
            "from tests.practice import examples\n"
            "from course.practice import time_limit\n"
            "time_limit.PATIENCE = 4"
        )
        client = kernel.client
        cell = client.execute(CALLS[name] + "examples.entropy_bits.check(mine, seconds=0.2)")
        shown = None
        while shown is None:
            message = client.get_iopub_msg(timeout=LIMIT)
            assert message["msg_type"] not in ("execute_result", "error"), message["content"]
            if message["msg_type"] == "stream":
                shown = message
        assert shown["parent_header"]["msg_id"] == cell
        assert "inside a library, where Python cannot stop it" in shown["content"]["text"]
        assert "Kernel → Interrupt" in shown["content"]["text"]
        assert kernel.manager.is_alive()


def test_the_interrupt_button_ends_a_check_without_a_traceback(
    kernel: Kernel, tmp_path: Path
) -> None:
    running = tmp_path / "running"

    def interrupt() -> None:
        while not running.exists():
            time.sleep(0.02)
        # What `interrupt_kernel` does, which would leave an event loop open in this thread.
        os.kill(kernel.manager.provisioner.pid, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    (shown,) = kernel.run(
        f"def mine(p):\n    open({str(running)!r}, 'w').close()\n    while True:\n        pass\n"
        "examples.entropy_bits.check(mine, seconds=600)"
    )
    assert "You stopped the check" in shown["text/plain"]
    assert kernel.run("1 + 1") == [{"text/plain": "2"}]


def test_exit_in_an_answer_leaves_the_kernel_alone(kernel: Kernel) -> None:
    shown = kernel.run(
        "before = exit, quit\n"
        "for leave in (lambda p: exit(), lambda p: quit()):\n"
        "    print(examples.entropy_bits.check(leave).message)\n"
        "print(get_ipython().exit_now, before == (exit, quit))\n"
        "get_ipython().exit_now = False"
    )
    text = "".join(part["text"] for part in shown)
    assert text.count("raised SystemExit") == 2
    assert text.endswith("False True\n")
    assert kernel.run("1 + 1") == [{"text/plain": "2"}]


def test_a_prediction_shows_a_widget_and_text(kernel: Kernel) -> None:
    (shown,) = kernel.run("practice.predict(examples.rises)")
    assert set(shown) == {
        "application/vnd.jupyter.widget-view+json",
        "text/html",
        "text/plain",
    }
    (shown,) = kernel.run("practice.predict(examples.rises, guess='rises', sure=90)")
    assert set(shown) == {"text/html", "text/plain"}
    assert "90 % sure. That is right." in shown["text/plain"]
