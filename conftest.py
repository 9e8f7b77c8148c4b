"""What holds for every test, and for every notebook that `pytest --nbval` runs.

Tests and kernels see none of the reader's own files: a progress file that does not exist yet (one
for each test file or notebook, so that neither order nor workers matter), an empty IPython
profile, and the CPU (or the accelerator, where COURSE_DEVICE=1 asks for it). A compared cell that
is skipped or expected to fail counts as failed.

Kernels of notebooks share what JAX compiled: each notebook runs with its stored answers, with the
solutions, and in a browser.

Tests see four simulated devices, and no promotion of dtypes that JAX's strict mode refuses. Neither
holds on an accelerator, nor for kernels and other processes that a test starts.
"""

import gc
import hashlib
import os
import platform
import re
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tools.notebooks import kernel_environment

# nbval waits half an hour for a cell unless told otherwise.
SECONDS_PER_CELL = 120.0
DEVICES = 4
ONE_CORE = "COURSE_ONE_CORE"  # see tools/as-old-processor
ON_DEVICE = os.environ.get("COURSE_DEVICE", "") == "1"  # the tests of an accelerator
# Learners' answers run under JAX's own settings: in a notebook nothing is strict.
STANDARD_PROMOTION = {"course/practice", "tests/practice"}
# Tests that hold the course against optax, which relies on promotion itself.
STANDARD_PROMOTION |= {
    "tests/training/test_optimizers.py", "tests/training/test_optimizer_base.py",
    "tests/training/test_loop.py", "tests/training/scale/test_resumed_runs.py", "tests/project",
}  # fmt: skip
# Files whose tests start processes, kernels, browsers, or trainings by the dozen; a single test
# that takes more than five seconds is marked where it stands.
SLOW_FILES = {
    "test_benchmarks", "test_benchmarks_scale", "test_binder", "test_checkpoint", "test_digits",
    "test_kernel", "test_notebook_exercises", "test_notebook_render", "test_notebook_runs",
    "test_notebook_tool", "test_notebooks_in_lab", "test_parallel", "test_processes",
}  # fmt: skip
# Where a test runs whole notebooks: in these folders, and in a notebook that nbval collects.
RUN_NOTEBOOKS = {"tests/notebooks", "tests/browser"}
HERE = Path(__file__).parent
pytest_plugins = ["tests.support.notebook_runs", "tests.support.one_notebook"]
PRIVATE = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
COMPILED = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Give this process, or this worker of several, surroundings of its own."""
    # A shell's `&` makes what it starts ignore interrupts, and tests wait for theirs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A kernel that is still closing may hold a file in the folder when it is removed.
    private = tempfile.TemporaryDirectory(prefix="course-tests-", ignore_cleanup_errors=True)
    config.stash[PRIVATE] = private
    # Without pytest's cache (-p no:cacheprovider) each kernel compiles for itself.
    config.stash[COMPILED] = compiled_programs(config) if hasattr(config, "cache") else {}
    os.environ.update(kernel_environment(Path(private.name)))
    if ON_DEVICE:
        del os.environ["JAX_PLATFORMS"]
    # What distributes the tests keeps all cores: its workers begin with those that it has.
    one_core = os.environ.get(ONE_CORE) == "1" and not distributes(config)
    if one_core and hasattr(os, "sched_setaffinity"):
        keep_to_one_core(config)
    if config.getoption("nbval", False):
        asked = config.option.nbval_cell_timeout
        config.option.nbval_cell_timeout = min(asked, SECONDS_PER_CELL)
    elif not ON_DEVICE and not distributes(config):
        start_jax()


def keep_to_one_core(config: pytest.Config) -> None:
    """Keep this process, and the kernels it starts, on one core; each worker has another one."""
    cores = sorted(os.sched_getaffinity(0))
    worker = getattr(config, "workerinput", {}).get("workerid", "gw0")
    os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


def distributes(config: pytest.Config) -> bool:
    """Return whether this process hands tests to workers and runs none itself."""
    return bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")


def start_jax() -> None:
    """Start JAX in this process with several devices; children start theirs as they like."""
    import jax

    jax.config.update("jax_num_cpu_devices", DEVICES)
    # JAX reads the number of its threads once: fewer than two for a device can lock each other out.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NPROC", str(2 * DEVICES))
        jax.devices()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow files, and let them come first: at the end, one worker would wait for the other."""
    for item in items:
        if item.path.stem in SLOW_FILES:
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def compiled_programs(config: pytest.Config) -> dict[str, str]:
    """Return JAX's settings for a cache of what it compiled, in pytest's own for this processor.

    A largest size makes JAX lock the folder, so that no process reads what another is writing.
    """
    try:
        processor = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        processor = platform.processor()
    features = re.search(r"^(flags|Features).*$", processor, re.MULTILINE)
    kind = hashlib.sha256((features[0] if features else processor).encode()).hexdigest()[:16]
    return {
        "JAX_COMPILATION_CACHE_DIR": str(config.cache.mkdir(f"compiled-for-{kind}")),
        "JAX_COMPILATION_CACHE_MAX_SIZE": str(2**28),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def is_in(path: Path, folders: set[str]) -> bool:
    """Return whether a file is one of these files, or in one of these folders, of the project."""
    return any(path.is_relative_to(HERE / folder) for folder in folders)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays to the end: thousands of tests, and all modules.

    And let it look less often at the rest: tracing makes objects by the million.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[PRIVATE].cleanup()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Set what depends on the file, before anything, a kernel say, is started for the test."""
    name = hashlib.sha256(str(item.path).encode()).hexdigest()[:16]
    folder = Path(item.config.stash[PRIVATE].name, name)
    os.environ["COURSE_PROGRESS"] = str(folder / "progress.json")
    if item.path.suffix == ".ipynb" or is_in(item.path, RUN_NOTEBOOKS):
        os.environ.update(item.config.stash[COMPILED])
    else:
        for name in item.config.stash[COMPILED]:
            os.environ.pop(name, None)
    if item.path.suffix == ".py" and not ON_DEVICE:
        import jax

        standard = is_in(item.path, STANDARD_PROMOTION)
        jax.config.update("jax_numpy_dtype_promotion", "standard" if standard else "strict")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """After a time-out nbval expects the rest to fail: that is no reason for a green run."""
    report = yield
    if item.path.suffix == ".ipynb" and report.skipped:
        reason = getattr(report, "wasxfail", None) or "skipped"
        report.outcome = "failed"
        report.longrepr = f"this cell was not compared: {reason}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
    return report
