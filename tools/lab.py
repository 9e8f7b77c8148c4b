"""JupyterLab as a reader meets it: the command `course lab`, and a notebook open in a browser.

The browser tests and `tools/screenshots.py` share this. Nothing of the reader's own is touched:
the notebooks are copies, and Jupyter's folders and the progress file lie in a folder of their own.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page
from playwright.sync_api import Error as PlaywrightError

from tools.notebooks import kernel_environment, read

# What `course lab` prints for the reader to open.
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S*\?token=\w+")
LONGEST_START = 120.0
LONGEST_STOP = 30.0
# Seconds after which a server ends itself that nobody was left to stop, and its kernels before it.
LEFT_ALONE = {
    "MappingKernelManager": {"cull_idle_timeout": 600, "cull_interval": 60},
    "ServerApp": {"shutdown_no_activity_timeout": 600},
}
# Milliseconds, as Playwright counts. Far above what is seen: they end what would never end.
LONGEST_STEP = 60_000
LONGEST_RUN = 300_000
POLL = 100
# Text that stands where a widget should be.
NO_WIDGET = re.compile(r"Loading widget|Error displaying widget|Error creating widget")

# Alt text and width, once it is decoded, of each picture in the outputs.
PICTURES = """async () => {
    const pictures = [...document.querySelectorAll('.jp-OutputArea-output img')];
    await Promise.allSettled(pictures.map(picture => picture.decode()));
    return pictures.map(picture => [picture.alt, picture.naturalWidth]);
}"""

# Has the session of the notebook a kernel that is idle and that this page is connected to?
READY = """async path => {
    const sessions = await (await fetch('/api/sessions')).json();
    const indicator = document.querySelector('.jp-Notebook-ExecutionIndicator');
    return indicator?.dataset.status === 'idle' && sessions.some(session =>
        session.path === path && session.kernel?.execution_state === 'idle'
        && session.kernel.connections > 0);
}"""
IDLE = re.compile(r"\| Idle$")
PROMPTS = """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .map(prompt => prompt.textContent)"""
# Cells enter the page a few at a time, even after the kernel is ready: hence the counts.
FILLED = "count => document.querySelectorAll('.jp-Notebook .jp-Cell').length === count"
CLEARED = f"count => ({PROMPTS})().filter(prompt => /^\\[ *\\]/.test(prompt)).length === count"
# Run All marks every cell with a star at once; an error takes the stars of the rest away.
RAN = f"""count => {{
    const prompts = ({PROMPTS})();
    return prompts.length === count && prompts.some(prompt => /\\d/.test(prompt))
        && !prompts.some(prompt => prompt.includes('*'));
}}"""
# Text on stderr and errors look the same in the page.
COMPLAINT = ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']"


@dataclass(frozen=True)
class Lab:
    """A running server.

    Attributes:
        address: of the server, without a path.
        token: what it asks for.
        notebooks: the copies that it serves.
        log: the file with all that it said.
    """

    address: str
    token: str
    notebooks: Path
    log: Path


@contextmanager
def serving(
    notebooks: Iterable[Path],
    private: Path,
    settings: Mapping[str, Mapping[str, object]] = {},
    *,
    program: Sequence[str] = ("course.cli", "lab"),
) -> Iterator[Lab]:
    """`course lab` on copies of some notebooks; server and kernels are gone at the end.

    Args:
        notebooks: the files; `00_start_here.ipynb` is among them.
        private: an empty folder for the copies and for everything that is written.
        settings: the reader's settings of JupyterLab, by the name of the plugin.
        program: a module that starts a server, and its arguments.

    Raises:
        RuntimeError: the server ended, or did not print its address in time.
    """
    folder = private / "notebooks"
    folder.mkdir()
    for path in notebooks:
        shutil.copy(path, folder)
    for plugin, values in settings.items():
        choices = private / "settings" / f"{plugin.replace(':', '/')}.jupyterlab-settings"
        choices.parent.mkdir(parents=True, exist_ok=True)
        choices.write_text(json.dumps(dict(values)), encoding="utf-8")
    (private / "config").mkdir()
    (private / "config" / "jupyter_server_config.json").write_text(json.dumps(LEFT_ALONE))
    log = private / "lab.log"
    with log.open("w", encoding="utf-8") as file:
        process = psutil.Popen(
            [sys.executable, "-m", *program, "--no-browser"],
            cwd=private,
            env=_environment(private),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        address = urlsplit(_printed_address(process, log))
        token = parse_qs(address.query)["token"][0]
        yield Lab(f"{address.scheme}://{address.netloc}", token, folder, log)
    finally:
        _stop(process)


def _environment(private: Path) -> dict[str, str]:
    """Variables for a server that neither knows nor touches the reader's own folders."""
    reader = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
    kinds = {"CONFIG": "JUPYTER", "DATA": "JUPYTER", "RUNTIME": "JUPYTER"}
    kinds |= {"SETTINGS": "JUPYTERLAB", "WORKSPACES": "JUPYTERLAB"}
    folders = {f"{app}_{kind}_DIR": str(private / kind.lower()) for kind, app in kinds.items()}
    return reader | folders | kernel_environment(private)


def _printed_address(process: psutil.Popen, log: Path) -> str:
    """The address, once the server answers there: it is printed a moment before."""
    deadline = time.monotonic() + LONGEST_START
    while not (printed := ADDRESS.search(log.read_text(encoding="utf-8"))) or not _answers(printed):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"`course lab` printed no address:\n{log.read_text()}")
        time.sleep(POLL / 1000)
    return printed[0]


def _answers(printed: re.Match[str]) -> bool:
    address = urlsplit(printed[0])
    with suppress(OSError), socket.create_connection((address.hostname, address.port), timeout=10):
        return True
    return False


def _stop(process: psutil.Popen) -> None:
    """End the server as Ctrl-C would; what is left of it and of its kernels is killed."""
    family = [process]
    with suppress(psutil.NoSuchProcess):
        family += process.children(recursive=True)
        process.terminate()
    _, left = psutil.wait_procs(family, LONGEST_STOP)
    for one in left:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(left, LONGEST_STOP)


class OpenNotebook:
    """A notebook in a page of its own.

    Attributes:
        page: Playwright's page.
        name: of the file.
        book: what the file held before it was opened.
        trouble: whatever went wrong with the page: errors on its console or in its code, answers
            that the server refused, requests that would have left this machine (and were stopped).
    """

    def __init__(self, context: BrowserContext, lab: Lab, name: str) -> None:
        self.page: Page = context.new_page()
        self.name = name
        self.trouble: list[str] = []
        self._lab = lab
        self.book = read(lab.notebooks / name)
        self._code_cells = sum(cell.cell_type == "code" for cell in self.book.cells)
        self._console: list[str] = []
        self.page.set_default_timeout(LONGEST_STEP)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.trouble.append(f"the page raised: {error}"))
        self.page.on("websocket", lambda socket: self._asked(socket.url))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.route(self._is_outside, lambda route: route.abort())

    def open(self) -> None:
        """Go to the notebook, as the printed address would; wait until its kernel is ready."""
        path = f"/lab/tree/notebooks/{self.name}?token={self._lab.token}&reset"
        self.page.goto(self._lab.address + path, timeout=LONGEST_STEP)
        self._wait()

    def reload(self) -> None:
        """Load the page again, as F5 does: what was run and not saved is gone."""
        self.page.reload()
        self._wait()

    def _wait(self) -> None:
        """Wait until all cells are in the page and the kernel is ready."""
        self.page.wait_for_function(FILLED, arg=len(self.book.cells), polling=POLL)
        path = f"notebooks/{self.name}"
        self.page.wait_for_function(READY, arg=path, timeout=LONGEST_STEP, polling=POLL)
        self.page.locator(".jp-Toolbar-kernelName").wait_for()
        # A busy page hears of its own session late: until then, Run All passes over every cell.
        self.page.locator(".jp-StatusBar-TextItem", has_text=IDLE).wait_for()

    def choose(self, *items: str) -> None:
        """Choose from the menu bar: `choose("Run", "Run All Cells")`."""
        labels = self.page.locator(".lm-MenuBar-itemLabel, .lm-Menu-itemLabel")
        for item in items:
            labels.filter(has_text=re.compile(f"^{re.escape(item)}$")).click()

    def run_all(self) -> None:
        """Clear the stored outputs, so that none is taken for a new one, and run every cell."""
        self.choose("Edit", "Clear Outputs of All Cells")
        self.page.wait_for_function(CLEARED, arg=self._code_cells, polling=POLL)
        self.choose("Run", "Run All Cells")
        self.page.wait_for_function(RAN, arg=self._code_cells, timeout=LONGEST_RUN, polling=POLL)

    def shut_kernel_down(self) -> None:
        """Shut the kernel down from the menu, and wait until JupyterLab says that there is none."""
        self.choose("Kernel", "Shut Down Kernel")
        self.page.locator(".jp-Toolbar-kernelName", has_text="No Kernel").wait_for()

    @property
    def prompts(self) -> list[str]:
        """The prompt of every code cell: "[3]:" once it has run."""
        return [str(prompt) for prompt in self.page.evaluate(PROMPTS)]

    @property
    def complaints(self) -> list[str]:
        """The text of every output that is an error or was written to stderr."""
        return self.page.locator(COMPLAINT).all_inner_texts()

    @property
    def pictures(self) -> list[tuple[str, int]]:
        """Alt text and true width of every picture in an output; of width 0 if it is broken."""
        return [(str(alt), int(width)) for alt, width in self.page.evaluate(PICTURES)]

    @property
    def widgets(self) -> Locator:
        """Every output that is a widget, without the widgets that it holds."""
        return self.page.locator(".jp-OutputArea-output > .jupyter-widgets")

    def cell(self, place: int) -> Locator:
        """The cell at a place, counted from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(place)

    def write(self, place: int, code: str) -> None:
        """Replace the text of a code cell, as by selecting it all and pasting."""
        self.cell(place).locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(code)

    def run(self, place: int) -> None:
        """Run one cell and wait until it has run."""
        prompt = self.cell(place).locator(".jp-InputPrompt")
        before = prompt.inner_text()
        self.cell(place).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(
            "([prompt, before]) => prompt.textContent !== before && /\\d/.test(prompt.textContent)",
            arg=[prompt.element_handle(), before],
            polling=POLL,
        )

    def save(self) -> None:
        """Save the notebook, as the reader does, and JupyterLab itself every two minutes."""
        contents = f"{self._lab.address}/api/contents/"
        with self.page.expect_response(
            lambda answer: answer.request.method == "PUT" and answer.url.startswith(contents)
        ):
            self.choose("File", "Save Notebook")

    def save_evidence(self, name: str) -> str:
        """Write down what the page looks like and what it said; a sentence that says where."""
        folder = self._lab.log.parent / "evidence" / name.replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "console.log").write_text("\n".join(self._console), encoding="utf-8")
        with suppress(PlaywrightError):  # the page may be the very thing that broke
            self.page.screenshot(path=folder / "page.png", timeout=LONGEST_STEP / 4)
        trouble = "".join(f"\n  {one}" for one in self.trouble) or " nothing"
        return f"Picture and console: {folder}\nServer: {self._lab.log}\nTrouble:{trouble}"

    def _heard(self, message: ConsoleMessage) -> None:
        said = f"{message.type}: {message.text} ({message.location.get('url', '')})"
        self._console.append(said)
        if message.type == "error":
            self.trouble.append(f"the console says {said}")

    def _asked(self, url: str) -> None:
        if self._is_outside(url):
            self.trouble.append(f"the page asked for {url}")

    def _is_outside(self, url: str) -> bool:
        address = urlsplit(url)
        here = urlsplit(self._lab.address).netloc
        return address.scheme not in ("data", "blob", "about") and address.netloc != here
