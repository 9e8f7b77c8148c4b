"""Checkpoints: what is kept comes back, whatever happens to the folder or to the process."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from course.training.loop import fit
from course.training.optimizers import adam, sgd
from course.training.scale import checkpoint
from course.training.scale.checkpoint import Checkpoints
from tests.support.repository import ROOT
from tests.training.models import NET, SLOPE, cross_entropy, flowers, squares

KEY = jax.random.key(3)
VALIDATION = flowers(30, seed=1)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Checkpoints]:
    made = Checkpoints(tmp_path / "kept")
    yield made
    made.close()


def arrays(number: int = 0) -> dict[str, Any]:
    """Arrays of all kinds that a run may hold."""
    random = np.random.default_rng(number)
    return {
        ".params[0]['w']": random.normal(size=(3, 4)).astype(np.float32),
        "a/b..c": random.normal(size=(2,)).astype(jnp.bfloat16),
        "count": np.int32(number),
        "empty": np.zeros((0, 2), np.float32),
        "wide": np.float64(np.pi),
        "flag": np.array([True, False]),
    }


def same(one: Any, other: Any) -> bool:
    pairs = list(zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)


def run(kept: Any = None, **changes: Any) -> Any:
    """A run with everything: minibatches, momentum, validation."""
    given = {"optimizer": adam(0.01), "epochs": 12, "batch_size": 16, "save_every": 0.0} | changes
    return fit(
        given.pop("model", NET), cross_entropy, given.pop("optimizer"), flowers(), key=KEY,
        validation=given.pop("validation", VALIDATION), checkpoint=kept, progress=False,
        **given,
    )  # fmt: skip


def after(calls: int) -> Any:
    """Something that asks a run to stop the n-th time it is asked."""
    asked = iter(range(1, 10_000))
    return lambda: next(asked) >= calls


def test_what_is_kept_comes_back(kept: Checkpoints) -> None:
    assert kept.restore() is None
    assert kept.save(8, arrays(1))
    found = kept.restore()
    assert found is not None
    assert found.keys() == arrays().keys()
    for name, value in arrays(1).items():
        assert found[name].dtype == np.asarray(value).dtype
        assert found[name].shape == np.asarray(value).shape
        assert np.array_equal(found[name], value)


def test_the_last_few_are_kept(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, keep=2)
    for step in (2, 4, 6, 10):
        kept.save(step, arrays(step))
    assert kept.steps == [6, 10]
    again = Checkpoints(tmp_path)
    assert again.restore()["count"] == 10  # type: ignore[index]
    again.save(10, arrays(11))  # the same step again
    assert again.restore()["count"] == 11  # type: ignore[index]


def test_looking_for_checkpoints_makes_no_folder(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none").steps == []
    assert Checkpoints(tmp_path / "none").restore() is None
    assert list(tmp_path.iterdir()) == []


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def largest(folder: Path) -> Path:
    return max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: truncate(largest(folder)),
        lambda folder: flip(largest(folder)),
        lambda folder: largest(folder).unlink(),
        lambda folder: shutil.rmtree(folder / "arrays"),
        lambda folder: [p.write_bytes(b"") for p in folder.rglob("*") if p.is_file()],
    ],
    ids=["truncated", "a byte", "a file", "a folder", "emptied"],
)
def test_a_damaged_one_is_set_aside_and_named(kept: Checkpoints, damage: Any) -> None:
    kept.save(8, arrays(1))
    kept.save(16, arrays(2))
    kept.close()
    damage(kept.folder / "16")
    with pytest.warns(RuntimeWarning, match=r"damaged and set aside.*step 16.*from step 8"):
        found = kept.restore()
    assert found is not None
    assert found["count"] == 1
    assert (kept.folder / "damaged-16").is_dir()
    assert kept.save(16, arrays(3))
    assert kept.restore()["count"] == 3  # type: ignore[index]


def test_one_that_was_never_finished_does_not_count(kept: Checkpoints) -> None:
    kept.save(8, arrays(1))
    kept.close()
    shutil.copytree(kept.folder / "8", kept.folder / "16")
    (kept.folder / "16" / "commit_success.txt").unlink()
    assert kept.restore()["count"] == 1  # type: ignore[index]


def test_if_all_are_damaged_nothing_begins_anew_unasked(kept: Checkpoints) -> None:
    kept.save(8, arrays(1))
    kept.close()
    truncate(largest(kept.folder / "8"))
    for _ in range(2):  # nor at the second try
        with pytest.raises(OSError, match=r"No checkpoint in .*kept can be read: that of step 8"):
            kept.restore()
    assert kept.steps == [8]


def test_folders_of_others_are_let_alone(kept: Checkpoints) -> None:
    for year in (2021, 2024):
        (kept.folder / str(year)).mkdir(parents=True)
        (kept.folder / str(year) / "data.csv").write_text("1,2")
    assert kept.steps == []
    assert kept.restore() is None
    kept.save(8, arrays())
    assert kept.steps == [8]
    assert (kept.folder / "2021" / "data.csv").is_file()


def test_two_processes_do_not_share_a_folder(kept: Checkpoints) -> None:
    kept.save(8, arrays(1))
    source = f"""
from course.training.scale.checkpoint import Checkpoints
kept = Checkpoints({str(kept.folder)!r})
print(kept.steps)
try:
    kept.restore()
except OSError as error:
    print(error)
"""
    command = [sys.executable, "-W", "ignore", "-c", source]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == f"[8]\nanother process is at work in {kept.folder}\n"
    kept.close()
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == "[8]\n"


def test_a_write_that_failed_is_tried_again() -> None:
    class Moody:
        tries = 0

        def save(self, step: int, arrays: Any) -> bool:
            self.tries += 1
            return False

        def restore(self) -> None:
            return None

    moody = Moody()
    run(moody, epochs=2)
    assert moody.tries >= 2


def test_warnings_as_errors_do_not_cost_what_was_learned(kept: Checkpoints) -> None:
    with pytest.raises(RuntimeWarning, match="interrupted"):
        run(kept, stop=after(1))
    assert kept.steps


def test_other_data_are_another_run(kept: Checkpoints) -> None:
    run(kept, epochs=2)
    inputs, targets = flowers()
    with pytest.raises(ValueError, match=r"^checkpoint: expected data"):
        fit(
            NET, cross_entropy, adam(0.01), (inputs, targets[::-1]), epochs=3, batch_size=16,
            key=KEY, validation=VALIDATION, checkpoint=kept, progress=False,
        )  # fmt: skip


def test_arrays_of_somebody_else_are_refused(kept: Checkpoints) -> None:
    kept.save(8, arrays())
    with pytest.raises(ValueError, match=r"^checkpoint: expected"):
        run(kept)


@pytest.mark.parametrize("calls", [1, 2, 5])
@pytest.mark.parametrize("patience", [None, 3])
def test_a_run_goes_on_as_if_it_had_never_ended(
    kept: Checkpoints, calls: int, patience: int | None
) -> None:
    whole = run(patience=patience)
    with pytest.warns(RuntimeWarning, match="interrupted after"):
        part = run(kept, patience=patience, stop=after(calls))
    assert 0 < len(part.history.loss) < len(whole.history.loss)
    rest = run(kept, patience=patience)
    assert same(rest.params, whole.params)
    assert same(rest.state, whole.state)
    assert same(rest.history[:3], whole.history[:3])
    assert rest.stopped == whole.stopped
    again = run(kept, patience=patience)  # nothing is left to be done
    assert same(again.params, whole.params)
    assert again.stopped == whole.stopped


def test_a_run_in_the_middle_of_an_epoch_goes_on_there(kept: Checkpoints) -> None:
    whole = run(validation=None)
    for end in (8, 16):
        with pytest.warns(RuntimeWarning, match=f"interrupted after {end} steps"):
            run(kept, validation=None, stop=after(1))
    rest = run(kept, validation=None)
    assert same(rest.params, whole.params)
    assert np.array_equal(rest.history.loss, whole.history.loss)


def test_a_longer_run_goes_on_from_the_end(kept: Checkpoints) -> None:
    run(kept, epochs=5)
    assert same(run(kept).params, run().params)


def test_an_interrupt_is_saved(kept: Checkpoints) -> None:
    def press() -> bool:
        raise KeyboardInterrupt

    with pytest.warns(RuntimeWarning, match="interrupted after 5 steps"):
        result = run(kept, stop=press)
    assert kept.steps == [5]
    assert np.array_equal(kept.restore()["losses"], result.history.loss)  # type: ignore[index]


def test_a_broken_loss_leaves_the_last_good_one(kept: Checkpoints) -> None:
    options = {"epochs": 50, "batch_size": 8, "key": KEY, "progress": False, "save_every": 0.0}
    x = np.linspace(-1, 1, 40, dtype=np.float32)
    with pytest.warns(RuntimeWarning, match="no longer finite"):
        fit(SLOPE, squares, sgd(100.0), (x, 3 * x), checkpoint=kept, **options)
    assert kept.steps
    saved = kept.restore()
    assert saved is not None
    assert np.isfinite(saved["losses"]).all()


def test_state_of_another_library_comes_back(kept: Checkpoints) -> None:
    noisy = optax.chain(optax.add_noise(0.01, 0.5, jax.random.key(1)), optax.adam(0.01))
    whole = run(optimizer=noisy)
    with pytest.warns(RuntimeWarning, match="interrupted"):
        run(kept, optimizer=noisy, stop=after(2))
    assert same(run(kept, optimizer=noisy).params, whole.params)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model": lambda mlp: mlp((4, 9, 3))},
            r"\.params\[0\]\['b'\] of shape \(9,\) and float32.*got shape \(8,\) and float32",
        ),
        ({"model": lambda mlp: mlp((4, 8, 8, 3))}, r"\.params\[1\]\['b'\] of shape \(8,\)"),
        (
            {"optimizer": sgd(0.1, momentum=0.9)},
            r"\.state\.memory\['trace'\].*got none of that name",
        ),
        ({"optimizer": sgd(0.1)}, r"nothing that the model .* got \.state\.memory\['mu'\]"),
        ({"batch_size": 8}, "batch_size 8, as in the call, got 16"),
        ({"validation": None}, "validation False, as in the call, got True"),
    ],
)
def test_another_run_is_refused_by_name(kept: Checkpoints, changes: Any, message: str) -> None:
    from course.models.mlp import mlp

    run(kept, epochs=2)
    if "model" in changes:
        changes = {"model": changes["model"](mlp)}
    with pytest.raises(ValueError, match=f"^checkpoint: expected {message}"):
        run(kept, **changes)


@pytest.mark.parametrize("wrong", [3, Checkpoints, "folder", object()])
def test_what_keeps_must_be_able_to(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"^checkpoint: expected an object with save and restore"):
        run(wrong)


def test_without_orbax_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        checkpoint.importlib.util,  # type: ignore[attr-defined]
        "find_spec",
        lambda name, *rest: None if name.startswith("orbax") else real(name, *rest),
    )
    with pytest.raises(ImportError, match="pip install orbax-checkpoint"):
        Checkpoints(tmp_path)


WRITE = """
import sys
from course.training.scale.checkpoint import Checkpoints
import numpy as np
kept = Checkpoints(sys.argv[1])
for step in range(2, 2000, 2):
    number = np.full((200, 500), step, np.float32)
    print(step, kept.save(step, {"a": number, "b": 2 * number}), flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_whoever_is_killed_while_writing_leaves_one_that_can_be_read(tmp_path: Path) -> None:
    """A process each, all of them in one folder, killed ever later in the course of a write."""
    last = 0
    for delay in (0.0, 0.013, 0.029):
        command = [sys.executable, "-c", WRITE, str(tmp_path / "kept")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            guard = threading.Timer(120, process.kill)
            guard.start()
            lines = [process.stdout.readline() for _ in range(4)]  # it is writing the fifth
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            guard.cancel()
        last = int(lines[-1].split()[0])
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # none is damaged
            kept = Checkpoints(tmp_path / "kept")
            found = kept.restore()
        assert found is not None
        assert found["a"][0, 0] >= last
        assert np.array_equal(found["b"], 2 * found["a"])
        kept.close()


FILL = """
import sys, warnings
import numpy as np
from course.training.scale.checkpoint import Checkpoints
kept = Checkpoints(sys.argv[1])
random = np.random.default_rng(0)
written = []
for step in range(2, 12, 2):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        size = 20_000 if step < 6 else 2_000_000
        written.append(kept.save(step, {"a": random.normal(size=size)}))
        text = [str(w.message) for w in caught if "checkpoint of step" in str(w.message)]
print(written, text[-1])
print(Checkpoints(sys.argv[1]).restore()["a"].size, Checkpoints(sys.argv[1]).steps)
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="a small disk is made with unshare")
def test_on_a_full_disk_the_run_goes_on_and_the_last_good_one_stays(tmp_path: Path) -> None:
    inside = f'mount -t tmpfs -o size=4m small "{tmp_path}" && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", inside, "sh"]
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        pytest.skip("unshare may not mount here")
    command += [sys.executable, "-W", "ignore", "-c", FILL, str(tmp_path / "kept")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    written, kept = done.stdout.splitlines()[-2:]
    assert written.startswith(
        "[True, True, False, False, False] the checkpoint of step 10 could not"
    )
    assert written.endswith("that of step 4 stays")
    assert kept == "20000 [2, 4]"
