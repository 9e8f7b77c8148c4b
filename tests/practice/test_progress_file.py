"""The progress file when things go wrong: damage, full disks, other programs, kills."""

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import filelock
import pytest

from course.practice import progress
from course.practice import progress_file as module
from course.practice.progress_file import Progress, path, read
from tests.practice.examples import entropy_bits, my_entropy

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no fork, pipes or such links")
ROOT = Path(__file__).parents[2]


def one_sentence(note: str) -> bool:
    return bool(note) and "\n" not in note and "Traceback" not in note and note.endswith(".")


def solved(*names: str) -> None:
    for name in names:
        assert progress.record_attempt(name, "correct") == ""


def test_nothing_is_made_by_reading(progress_file: Path) -> None:
    assert read() == Progress()
    assert not progress_file.parent.exists()


DAMAGED: dict[str, bytes] = {
    "empty": b"",
    "cut": b'{"schema": 1, "exerc',
    "no JSON": b"hello",
    "zeros": bytes(4096),
    "wrong encoding": '{"schema": 1, "ä'.encode("latin-1"),
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "no schema": b"{}",
    "schema in words": b'{"schema": "1", "exercises": {}, "predictions": {}}',
    "schema true": b'{"schema": true, "exercises": {}, "predictions": {}}',
    "schema zero": b'{"schema": 0, "exercises": {}, "predictions": {}}',
    "no predictions": b'{"schema": 1, "exercises": {}}',
    "exercises a list": b'{"schema": 1, "exercises": [], "predictions": {}}',
    "entry a number": b'{"schema": 1, "exercises": {"a.b": 1}, "predictions": {}}',
    "entry incomplete": b'{"schema": 1, "exercises": {"a.b": {}}, "predictions": {}}',
}


def entry(**changes: Any) -> bytes:
    made = {"guess": "rises", "sure": 80, "right": True, "at": ""} | changes
    return json.dumps({"schema": 1, "exercises": {}, "predictions": {"a.p": made}}).encode()


DAMAGED |= {
    "sure in words": entry(sure="80"),
    "sure true": entry(sure=True),
    "sure NaN": entry(sure=float("nan")),
    "sure too large": entry(sure=120),
    "right a number": entry(right=1),
    "guess a number": entry(guess=1),
}


@pytest.mark.parametrize("kind", DAMAGED)
@pytest.mark.parametrize("use", ["read", "write"])
def test_a_damaged_file_is_set_aside_and_said_so(kind: str, use: str, progress_file: Path) -> None:
    progress_file.parent.mkdir()
    progress_file.write_bytes(DAMAGED[kind])
    other = progress_file.with_name("progress.json.damaged-1")
    other.write_text("an older one")
    note = read().note if use == "read" else progress.record_attempt("a.b", "correct")
    assert note.startswith("Your progress file was damaged")
    assert one_sentence(note)
    aside = progress_file.with_name("progress.json.damaged-2")
    assert aside.name in note
    assert aside.read_bytes() == DAMAGED[kind]
    assert other.read_text() == "an older one"
    solved("a.c")
    assert read().note == ""


def test_a_sound_file_of_another_hand_is_read(progress_file: Path) -> None:
    progress_file.parent.mkdir()
    content = json.loads(entry(sure=66.5, colour="blue")) | {"extra": [1]}
    progress_file.write_bytes(b"\xef\xbb\xbf" + json.dumps(content).encode())
    assert read().predictions["a.p"].sure == 66.5
    solved("a.b")
    kept = json.loads(progress_file.read_text())
    assert kept["extra"] == [1]
    assert kept["predictions"] == content["predictions"]


def test_a_file_of_a_newer_version_is_left_alone(progress_file: Path) -> None:
    progress_file.parent.mkdir()
    newer = b'{"schema": 2, "exercises": []}'
    progress_file.write_bytes(newer)
    for note in (read().note, progress.record_attempt("a.b", "correct")):
        assert "newer version" in note
        assert "left as it is" in note
    assert progress_file.read_bytes() == newer
    assert entropy_bits.check(my_entropy).outcome == "correct"


@posix
def test_a_device_in_its_place_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", os.devnull)
    assert "is not a file" in read().note
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@posix
def test_a_folder_or_a_pipe_in_its_place_is_left_alone(progress_file: Path) -> None:
    progress_file.mkdir(parents=True)
    for note in (read().note, progress.record_attempt("a.b", "correct")):
        assert "is not a file" in note
    progress_file.rmdir()
    os.mkfifo(progress_file)
    assert "is not a file" in progress.record_attempt("a.b", "correct")


@posix
def test_a_link_stays_and_its_target_is_written(progress_file: Path, tmp_path: Path) -> None:
    progress_file.parent.mkdir()
    target = tmp_path / "elsewhere" / "kept.json"
    progress_file.symlink_to(target)
    solved("a.b")
    assert progress_file.is_symlink()
    assert json.loads(target.read_text())["exercises"]["a.b"]["outcome"] == "correct"
    target.write_text("damaged")
    assert "kept.json.damaged-1" in read().note
    assert progress_file.is_symlink()


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    verdict = entropy_bits.check(my_entropy)
    assert verdict.outcome == "correct"
    assert one_sentence(verdict.note)
    assert one_sentence(read().note)
    assert verdict.note in repr(verdict)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_disk_that_refuses_keeps_the_old_file(
    code: int, function: str, progress_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved("a.b")
    before = progress_file.read_bytes()

    def refuse(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(module.os, function, refuse)
        verdict = entropy_bits.check(my_entropy)
        assert verdict.outcome == "correct"
        assert os.strerror(code) in verdict.note
        assert one_sentence(verdict.note)
    assert progress_file.read_bytes() == before
    assert sorted(path.suffix for path in progress_file.parent.iterdir()) == [".json", ".lock"]


@posix
@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(progress_file: Path) -> None:
    solved("a.b")
    progress_file.parent.chmod(0o500)
    try:
        assert one_sentence(progress.record_attempt("a.b", "correct"))
        assert read().exercises["a.b"].attempts == 1
    finally:
        progress_file.parent.chmod(0o700)


def test_a_lock_that_is_never_released(
    progress_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.05)
    progress_file.parent.mkdir()
    with filelock.FileLock(f"{progress_file}.lock"):
        verdict = entropy_bits.check(my_entropy)
    assert verdict.outcome == "correct"
    assert "Another program holds your progress file" in verdict.note


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(_: Path) -> Path:
        raise RuntimeError("could not determine home directory")

    monkeypatch.setattr(Path, "expanduser", homeless)
    assert "home directory" in progress.record_attempt("a.b", "correct")
    assert "home directory" in read().note


def test_the_default_place_is_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", " ")
    assert path().parent.name == "why-models-learn"
    monkeypatch.setenv("COURSE_PROGRESS", "~/mine.json")
    assert path() == Path(os.path.realpath(Path.home() / "mine.json"))


@posix
def test_permissions_stay_and_a_new_file_is_private(progress_file: Path) -> None:
    solved("a.b")
    assert stat.S_IMODE(progress_file.stat().st_mode) == 0o600
    progress_file.chmod(0o640)
    solved("a.c")
    assert stat.S_IMODE(progress_file.stat().st_mode) == 0o640


def run(script: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A process that has `script` as its program and the course on its path."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


MANY = """
import sys
from course.practice import progress, progress_file
progress_file.LOCK_SECONDS = 60
for index in range(50):
    note = progress.record_attempt("all.of", "not yet")
    note += progress.record_prediction(f"p.{sys.argv[1]}-{index}", "rises", 50 + index, True)[1]
    assert not note, note
"""


def test_four_processes_at_once_lose_nothing() -> None:
    processes = [run(MANY, str(index)) for index in range(4)]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
    known = read()
    assert known.exercises["all.of"].attempts == 200
    assert len(known.predictions) == 200


# A process that starts a child, kills it at a random moment and looks at the file, 200 times. The
# child says so after each record. Forking is safe here: one thread, and nothing heavy is loaded.
KILLED = """
import json, os, random, signal, sys, time
from course.practice import progress, progress_file
from course.practice.progress_file import path

def child(name, pipe):
    count = 0
    while True:
        note = progress.record_attempt(name, "not yet")
        count += 1
        os.write(pipe, b"." if not note else b"!")

os.makedirs(path().parent, exist_ok=True)  # the first child may not come so far
acknowledged, remains = {}, 0
for kill in range(200):
    read, write = os.pipe()
    name = f"kill.{kill}"
    pid = os.fork()
    if pid == 0:
        child(name, write)
    os.close(write)
    if kill % 4:
        os.read(read, 1)
        acknowledged[name] = 1
    time.sleep(random.uniform(0, 0.01))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    assert b"!" not in said, "a record failed"
    acknowledged[name] = acknowledged.get(name, 0) + len(said)
    remains += any(file.endswith(".tmp") for file in os.listdir(path().parent))
    known = progress_file.read()
    assert not known.note, known.note
    for earlier, count in acknowledged.items():
        kept = known.exercises[earlier].attempts if count else 0
        assert kept >= count, (earlier, kept, count)
progress.record_attempt("last", "correct")
left = [file for file in os.listdir(path().parent) if file.endswith(".tmp")]
print(json.dumps([sum(acknowledged.values()), remains, left]))
"""


@posix
def test_two_hundred_kills_lose_nothing_that_was_acknowledged() -> None:
    out, err = run(KILLED).communicate(timeout=300)
    assert err == ""
    acknowledged, killed_while_writing, left = json.loads(out)
    assert acknowledged >= 150
    assert killed_while_writing >= 1
    assert left == []
