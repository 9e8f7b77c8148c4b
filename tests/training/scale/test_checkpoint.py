"""Checkpoints on disk: what is saved comes back, whatever happens to the folder or the process."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from course.training.scale.checkpoint import OrbaxStore
from tests.support.repository import ROOT

# When one array cannot be read or written, TensorStore's threads still report the others, to an
# event loop that Orbax has closed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OrbaxStore]:
    made = OrbaxStore(tmp_path / "runs")
    yield made
    made.close()


def arrays(seed: int) -> dict[str, Any]:
    """Arrays of all kinds that a run may have."""
    random = np.random.default_rng(seed)
    return {
        ".params[0]['w']": random.normal(size=(30, 40)).astype(np.float32),
        "a/b..c": random.normal(size=(2,)).astype(jnp.bfloat16),
        "count": np.array(seed, np.int32),
        "crc": np.array(2**40 + seed),
        "loss": np.array(np.pi),
        "flags": np.array([True, False]),
    }


def same(found: Any, expected: Any) -> bool:
    return found.keys() == expected.keys() and all(
        np.array_equal(found[name], expected[name]) and found[name].dtype == expected[name].dtype
        for name in expected
    )


def test_what_is_saved_comes_back(store: OrbaxStore) -> None:
    assert store.restore() is None
    assert store.save(8, arrays(1))
    assert same(store.restore(), arrays(1))
    store.close()
    assert same(store.restore(), arrays(1))


def test_the_last_few_are_kept(tmp_path: Path) -> None:
    store = OrbaxStore(tmp_path, keep=2)
    for step in (2, 4, 6, 10):
        store.save(step, arrays(step))
    assert store.steps == [6, 10]
    with pytest.warns(RuntimeWarning, match="step 10 could not be written"):
        assert not store.save(10, arrays(11))  # none is overwritten
    assert same(store.restore(), arrays(10))
    store.close()


def test_looking_for_checkpoints_makes_no_folder(tmp_path: Path) -> None:
    assert OrbaxStore(tmp_path / "none").steps == []
    assert list(tmp_path.iterdir()) == []


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip, lambda path: path.write_bytes(b""), os.remove])
def test_damage_to_any_file_is_found_or_harmless(
    store: OrbaxStore, damage: Callable[[Path], None]
) -> None:
    store.save(8, arrays(1))
    store.save(16, arrays(2))
    store.close()
    last = store.folder / "course_step_16"
    found_damaged = 0
    for path in sorted(path for path in last.rglob("*") if path.is_file()):
        content = path.read_bytes()
        damage(path)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            restored = store.restore()
        store.close()
        said = " ".join(str(warning.message) for warning in caught)
        if same(restored, arrays(2)):
            assert "damaged" not in said
        else:
            # The one before is read, and the damaged one is only renamed.
            assert same(restored, arrays(1))
            assert "damaged and set aside: that of step 16" in said
            assert said.endswith("going on from step 8")
            (aside,) = store.folder.glob("damaged-*")
            aside.rename(last)
            found_damaged += 1
        path.write_bytes(content)
    assert found_damaged >= 4  # the arrays, two indices, the checksum
    assert same(store.restore(), arrays(2))


def test_after_damage_the_step_can_be_saved_again(store: OrbaxStore) -> None:
    store.save(8, arrays(0))
    for seed in (1, 2):
        store.save(16, arrays(seed))
        store.close()
        flip(store.folder / "course_step_16" / "about" / "metadata")
        with pytest.warns(RuntimeWarning, match="going on from step 8"):
            assert same(store.restore(), arrays(0))
    assert store.save(16, arrays(5))
    assert same(store.restore(), arrays(5))
    assert len([*store.folder.glob("damaged-*")]) == 2


def test_if_all_are_damaged_nothing_is_changed(store: OrbaxStore) -> None:
    store.save(8, arrays(1))
    store.close()
    truncate(store.folder / "course_step_8" / "arrays" / "manifest.ocdbt")
    for _ in range(2):  # nor at the second try
        with pytest.raises(OSError, match=r"No checkpoint in .*runs can be read: that of step 8"):
            store.restore()
    assert store.steps == [8]


def test_folders_of_others_are_not_touched(store: OrbaxStore) -> None:
    others = [store.folder / name / "data.csv" for name in ("2021", "step_4", "8.tmp", "damaged")]
    for path in others:
        path.parent.mkdir(parents=True)
        path.write_text("1,2")
    assert store.restore() is None
    for step in range(2, 12, 2):
        store.save(step, arrays(step))
    assert store.steps == [6, 8, 10]
    assert all(path.read_text() == "1,2" for path in others)


@pytest.mark.parametrize("folder", ["", " ", "-", "gs://bucket/run", "file:///run", "$UNKNOWN/run"])
def test_what_is_no_folder_is_refused_before_anything_is_made(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNKNOWN", raising=False)
    with pytest.raises(ValueError, match=r"^folder: expected the path of a folder, got "):
        OrbaxStore(folder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("steps", [[], [8]])
def test_two_runs_do_not_share_a_folder(store: OrbaxStore, steps: list[int]) -> None:
    """Not even if both began when it was empty: the one would delete what the other has saved."""
    store.restore()
    for step in steps:
        store.save(step, arrays(1))
    source = f"""
from course.training.scale.checkpoint import OrbaxStore
store = OrbaxStore({str(store.folder)!r})
print(store.steps)
try:
    store.restore()
except OSError as error:
    print(error)
print(store.save(9, {{}}))
"""
    command = [sys.executable, "-W", "ignore", "-c", source]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed == f"{steps}\nanother process is at work in {store.folder}\nFalse\n"
    if not steps:  # once is enough to see that the lock is gone
        return
    store.close()
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "another process" not in printed


def test_without_orbax_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "orbax", None)
    with pytest.raises(ImportError, match="pip install orbax-checkpoint"):
        OrbaxStore(tmp_path)


def test_at_least_one_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep: expected an integer of at least 1"):
        OrbaxStore(tmp_path, keep=0)


def test_on_a_full_disk_the_last_good_one_stays(store: OrbaxStore) -> None:
    store.save(2, arrays(2))
    big = arrays(4) | {"big": np.random.default_rng(0).normal(size=100_000)}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # no file may be larger
    try:
        with pytest.warns(RuntimeWarning, match=r"step 4 could not.*too large.*step 2 stays"):
            assert not store.save(4, big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.steps == [2]
    assert same(store.restore(), arrays(2))
    time.sleep(1)  # threads of the write that failed may still be busy with its files
    assert store.save(6, big)
    assert same(store.restore(), big)
    assert not [*store.folder.glob("*tmp*")]


WRITE = """
import sys
from course.training.scale.checkpoint import OrbaxStore
import numpy as np
store = OrbaxStore(sys.argv[1])
start = max(store.steps, default=0) + 1
for step in range(start, start + 1000):
    number = np.full((200, 500), step, np.float32)
    print(step, store.save(step, {"a": number, "b": 2 * number}), flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_process_killed_while_writing_leaves_a_checkpoint_that_can_be_read(
    tmp_path: Path,
) -> None:
    """Three processes, one after the other in one folder, killed ever later in a write."""
    for delay in (0.0, 0.04, 0.08):
        command = [sys.executable, "-c", WRITE, str(tmp_path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            guard = threading.Timer(120, process.kill)
            guard.start()
            lines = [process.stdout.readline() for _ in range(3)]  # it is writing the fourth
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            guard.cancel()
        store = OrbaxStore(tmp_path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # none is damaged
            found = store.restore()
        store.close()
        assert found is not None
        assert lines[-1].endswith("True\n")
        assert found["a"][0, 0] >= int(lines[-1].split()[0])
        assert np.array_equal(found["b"], 2 * found["a"])
