"""The progress file when things go wrong: damage, full disks, other programs, kills."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import filelock
import pytest

from course.practice import progress_file as module
from course.practice.progress import record_attempt, record_prediction
from course.practice.progress_file import ExerciseRecord, Progress, opened, path, read
from tests.practice.examples import entropy_bits, my_entropy

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no fork, pipes or such links")
ROOT = Path(__file__).parents[2]


def one_sentence(note: str) -> bool:
    return bool(note) and "\n" not in note and "Traceback" not in note and note.endswith(".")


def written(place: Path, content: bytes) -> None:
    place.parent.mkdir()
    place.write_bytes(content)


def test_nothing_is_made_by_reading(progress_file: Path) -> None:
    assert read() == Progress()
    assert not progress_file.parent.exists()


def test_the_default_place_is_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", " ")
    assert path().parent.name == "why-models-learn"
    monkeypatch.setenv("COURSE_PROGRESS", "~/mine.json")
    assert path() == Path(os.path.realpath(Path.home() / "mine.json"))


def entry(**changes: Any) -> bytes:
    made = {"guess": "rises", "sure": 80, "right": True, "at": ""} | changes
    return json.dumps({"schema": 1, "exercises": {}, "predictions": {"a.p": made}}).encode()


@pytest.mark.parametrize("use", ["read", "write"])
@pytest.mark.parametrize(
    "damaged",
    [
        *(b"", b'{"schema": 1, "exerc', bytes(4096), b"\xe4", b"[]", b"{}"),
        pytest.param(b"[" * 100_000, id="deep"),
        b'{"schema": true, "exercises": {}, "predictions": {}}',
        b'{"schema": 0, "exercises": {}, "predictions": {}}',
        b'{"schema": 1, "exercises": {}}',
        b'{"schema": 1, "exercises": {"a.b": 1}, "predictions": {}}',
        b'{"schema": 1, "exercises": {"a.b": {}}, "predictions": {}}',
        *(entry(sure=True), entry(sure=120), entry(right=1), entry(guess=1)),
    ],
)
def test_a_damaged_file_is_set_aside_and_said_so(
    damaged: bytes, use: str, progress_file: Path
) -> None:
    written(progress_file, damaged)
    other = progress_file.with_name("progress.json.damaged-1")
    other.write_text("an older one")
    note = read().note if use == "read" else record_attempt("a.b", "correct")
    assert note.startswith("Your progress file was damaged")
    assert one_sentence(note)
    aside = progress_file.with_name("progress.json.damaged-2")
    assert aside.name in note
    assert aside.read_bytes() == damaged
    assert other.read_text() == "an older one"
    assert record_attempt("a.c", "correct") == read().note == ""


@pytest.mark.parametrize(
    ("section", "broken"),
    [
        ("predictions", {"guess": "rises", "sure": 0, "right": True, "at": ""}),
        ("predictions", {"guess": "rises", "sure": math.nan, "right": True, "at": ""}),
        ("predictions", {"guess": "rises", "right": True, "at": ""}),
        ("predictions", None),
        ("exercises", asdict(ExerciseRecord()) | {"attempts": 10**4000}),
        ("exercises", asdict(ExerciseRecord()) | {"attempts": -1}),
        ("exercises", asdict(ExerciseRecord()) | {"hints_used": "two"}),
        ("exercises", []),
    ],
)
@pytest.mark.parametrize("use", ["read", "write"])
def test_one_damaged_entry_takes_no_other_with_it(
    section: str, broken: Any, use: str, progress_file: Path
) -> None:
    record_attempt("a.b", "correct")
    record_prediction("a.p", "falls", 80, right=True)
    content = json.loads(progress_file.read_text())
    content[section]["a.broken"] = broken
    damaged = json.dumps(content).encode()
    progress_file.write_bytes(damaged)
    note = read().note if use == "read" else record_attempt("a.b", "not yet")
    assert one_sentence(note)
    assert "a.broken" in note
    assert "progress.json.damaged-1" in note
    assert progress_file.with_name("progress.json.damaged-1").read_bytes() == damaged
    known = read()
    assert (known.note, list(known.exercises), list(known.predictions)) == ("", ["a.b"], ["a.p"])
    assert record_attempt("a.b", "not yet") == ""


def test_a_number_of_more_digits_than_python_reads_is_one_damaged_entry(
    progress_file: Path,
) -> None:
    record_attempt("a.b", "correct")
    record_attempt("a.many", "correct")
    text = progress_file.read_text()
    last = text.rindex('"attempts": 1')
    progress_file.write_text(f'{text[:last]}"attempts": {"9" * 5000}{text[last + 13 :]}')
    assert "a.many" in read().note
    assert list(read().exercises) == ["a.b"]


def test_an_interrupt_leaves_the_lock_free_and_the_record_whole(progress_file: Path) -> None:
    def interrupted() -> None:
        with opened() as file:
            signal.raise_signal(signal.SIGINT)
            file.content["exercises"]["a.b"] = asdict(ExerciseRecord())

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(read().exercises) == ["a.b"]
    assert record_attempt("a.b", "correct") == ""


def test_keys_of_another_version_are_kept(progress_file: Path) -> None:
    content = json.loads(entry(sure=66.5, colour="blue")) | {"extra": [1]}
    written(progress_file, b"\xef\xbb\xbf" + json.dumps(content).encode())
    assert read().predictions["a.p"].sure == 66.5
    record_attempt("a.b", "correct")
    kept = json.loads(progress_file.read_text())
    assert kept["extra"] == [1]
    assert kept["predictions"] == content["predictions"]


def test_a_file_of_a_newer_version_is_left_alone(progress_file: Path) -> None:
    newer = b'{"schema": 2, "exercises": []}'
    written(progress_file, newer)
    for note in (read().note, record_attempt("a.b", "correct")):
        assert "newer version" in note
        assert "left as it is" in note
    assert progress_file.read_bytes() == newer
    assert entropy_bits.check(my_entropy).outcome == "correct"


@posix
def test_what_is_no_file_is_left_alone(progress_file: Path) -> None:
    progress_file.mkdir(parents=True)
    for note in (read().note, record_attempt("a.b", "correct")):
        assert "is not a file" in note
    progress_file.rmdir()
    os.mkfifo(progress_file)
    assert "is not a file" in record_attempt("a.b", "correct")


@posix
def test_a_link_stays_and_its_target_is_written(progress_file: Path, tmp_path: Path) -> None:
    progress_file.parent.mkdir()
    target = tmp_path / "elsewhere" / "kept.json"
    progress_file.symlink_to(target)
    record_attempt("a.b", "correct")
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


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(_: Path) -> Path:
        raise RuntimeError("could not determine home directory")

    monkeypatch.setattr(Path, "expanduser", homeless)
    assert "home directory" in record_attempt("a.b", "correct")
    assert "home directory" in read().note


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_disk_that_refuses_keeps_the_old_file(
    code: int, function: str, progress_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_attempt("a.b", "correct")
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


def test_a_lock_that_is_never_released(
    progress_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.05)
    progress_file.parent.mkdir()
    with filelock.FileLock(f"{progress_file}.lock"):
        verdict = entropy_bits.check(my_entropy)
    assert verdict.outcome == "correct"
    assert "Another program holds your progress file" in verdict.note


@posix
def test_permissions_stay_and_a_new_file_is_private(progress_file: Path) -> None:
    record_attempt("a.b", "correct")
    assert progress_file.stat().st_mode & 0o777 == 0o600
    progress_file.chmod(0o640)
    record_attempt("a.b", "correct")
    assert progress_file.stat().st_mode & 0o777 == 0o640


def run(script: str, *arguments: str) -> subprocess.Popen[str]:
    """A process that has `script` as its program and the course on its path."""
    command = [sys.executable, "-c", script, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


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


# A process that starts a child, kills it at a random moment and looks at the file. The child says
# so after each record. Forking is safe here: one thread, and nothing heavy is loaded.
KILLED = """
import os, random, signal, time
from course.practice import progress, progress_file

recorded = killed_while_writing = 0
for _ in range(100):
    source, sink = os.pipe()
    child = os.fork()
    while not child:
        assert progress.record_attempt("a.b", "not yet") == ""
        os.write(sink, b".")
    os.close(sink)
    assert os.read(source, 1) == b"."
    time.sleep(random.uniform(0, 0.01))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(source, "rb") as rest:
        recorded += 1 + len(rest.read())
    killed_while_writing += any(
        name.endswith(".tmp") for name in os.listdir(progress_file.path().parent)
    )
    known = progress_file.read()
    assert not known.note, known.note
    assert known.exercises["a.b"].attempts >= recorded
print(killed_while_writing)
"""


@posix
def test_a_hundred_kills_lose_nothing_that_was_recorded(progress_file: Path) -> None:
    out, err = run(KILLED).communicate(timeout=300)
    assert err == ""
    assert int(out) >= 1
    record_attempt("a.b", "correct")
    assert [place.suffix for place in progress_file.parent.iterdir()].count(".tmp") == 0


@posix
def test_a_read_only_file_is_left_alone(progress_file: Path) -> None:
    record_attempt("a.b", "correct")
    before = progress_file.read_bytes()
    progress_file.chmod(0o444)
    note = record_attempt("a.b", "correct")
    assert "cannot be kept (progress.json is read-only)" in note
    assert progress_file.read_bytes() == before
    assert read().exercises["a.b"].attempts == 1
    progress_file.chmod(0o644)
    assert record_attempt("a.b", "correct") == ""


def test_a_relative_place_is_one_file_wherever_a_program_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_PROGRESS", "class/mine.json")
    places = set()
    for name in ("root", "root/notebooks"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        places.add(path())
        assert record_attempt("a.b", "correct") == ""
    (place,) = places
    assert place.match("why-models-learn/class/mine.json")
    assert json.loads(place.read_text())["exercises"]["a.b"]["attempts"] == 2
    assert list((tmp_path / "root").iterdir()) == [tmp_path / "root" / "notebooks"]


@pytest.mark.parametrize(
    "named", ["/", "/dev/null", "gs://bucket/p.json", "-", "$UNKNOWN/p.json", "a\nb/\n/", "x" * 300]
)
def test_a_place_that_cannot_be_is_said_and_leaves_nothing_behind(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", named)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    note = record_attempt("a.b", "correct")
    assert "Your progress cannot be kept (COURSE_PROGRESS: expected " in note
    assert read().note == note
    assert list(tmp_path.iterdir()) == []
    assert not any(Path(place).exists() for place in ("/.lock", "/dev/null.lock"))
