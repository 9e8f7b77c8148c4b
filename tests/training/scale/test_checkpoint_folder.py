"""What is not a checkpoint of the course is neither replaced nor removed."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from course.training.scale.checkpoint import OrbaxStore
from course.training.scale.checkpoint_folder import LOCK, PREFIX, remove_unfinished

ARRAYS = {"a": np.arange(3.0)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OrbaxStore]:
    made = OrbaxStore(tmp_path / "runs", keep=2)
    yield made
    made.close()


def make_file(place: Path) -> None:
    place.write_text("1,2")


def make_folder(place: Path) -> None:
    place.mkdir()
    (place / "data.csv").write_text("1,2")


def make_link(place: Path) -> None:
    make_folder(place.with_name("elsewhere"))
    place.symlink_to(place.with_name("elsewhere"))


@pytest.mark.parametrize("make", [make_file, make_folder, make_link])
def test_what_only_has_the_name_of_a_checkpoint_is_not_touched(
    make: Callable[[Path], None], store: OrbaxStore
) -> None:
    store.folder.mkdir(parents=True, exist_ok=True)
    foreign = store.folder / "course_step_4"
    make(foreign)
    before = sorted(store.folder.rglob("*"))
    with pytest.raises(FileExistsError, match="course_step_4 is no checkpoint of the course: move"):
        store.restore()
    with pytest.warns(RuntimeWarning, match="could not be written .*no checkpoint of the course"):
        assert not store.save(6, ARRAYS)
    assert sorted(store.folder.rglob("*")) == before


def test_what_others_are_writing_is_not_touched(store: OrbaxStore) -> None:
    names = ("notes.orbax-checkpoint-tmp", "step_4.orbax-checkpoint-tmp-5")
    for place in map(store.folder.joinpath, names):
        place.mkdir(parents=True)
        (place / "data.csv").write_text("1,2")
    (store.folder / "course_step_4.orbax-checkpoint-tmp-5").mkdir()  # the course's own
    store.save(6, ARRAYS)
    assert all((store.folder / name / "data.csv").is_file() for name in names)
    assert not list(store.folder.glob("course_step_4*"))


def test_a_lock_that_is_a_folder_is_named(store: OrbaxStore) -> None:
    (store.folder / LOCK).mkdir(parents=True)
    with pytest.raises(OSError, match=r"\.in-use cannot be locked \(.*\): choose another folder"):
        store.restore()


def test_what_a_failed_write_goes_on_writing_is_removed_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / f"{PREFIX}_4.orbax-checkpoint-tmp" / "d"
    left.mkdir(parents=True)
    writes = iter(range(3))

    def remove(place: Path) -> None:
        """As if a thread wrote a file while the folder is emptied, three times."""
        for name in writes:
            (left / str(name)).touch()
            raise OSError(39, "Directory not empty", "d")
        removed(place)

    removed = shutil.rmtree
    monkeypatch.setattr("course.training.scale.checkpoint_folder.shutil.rmtree", remove)
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []
