"""The progress file: what is kept, and what becomes of it when things go wrong."""

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
from course.practice import progress_file as store
from tests.practice.examples import entropy_bits, my_entropy

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no fork, pipes or such links")
ROOT = Path(__file__).parents[2]


def one_sentence(note: str) -> bool:
    return bool(note) and "\n" not in note and "Traceback" not in note and note.endswith(".")


def solved(*names: str) -> None:
    for name in names:
        assert progress.record_attempt(name, "correct") == ""


def test_what_is_recorded_is_read_again(progress_file: Path) -> None:
    solved("a.b")
    progress.record_attempt("a.c", "not yet")
    progress.record_hint("a.c", 2)
    progress.record_hint("a.c", 1)
    progress.record_solution("a.d")
    made, note = progress.record_prediction("a.p", "rises", 80, True)
    known = progress.read()
    assert note == known.note == ""
    assert (known.exercises["a.b"].outcome, known.exercises["a.b"].attempts) == ("correct", 1)
    assert (known.exercises["a.c"].outcome, known.exercises["a.c"].hints_used) == ("not yet", 2)
    assert (known.exercises["a.d"].solution_seen, known.exercises["a.d"].attempts) == (True, 0)
    assert known.predictions == {"a.p": made}
    assert made.at.endswith("+00:00")
    assert json.loads(progress_file.read_text())["schema"] == 1


def test_the_best_outcome_and_its_time_stay() -> None:
    solved("a.b")
    first = progress.read().exercises["a.b"].solved_at
    progress.record_attempt("a.b", "not yet")
    progress.record_attempt("a.b", "correct")
    record = progress.read().exercises["a.b"]
    assert (record.outcome, record.attempts, record.solved_at) == ("correct", 3, first)


def test_the_first_prediction_counts() -> None:
    first, _ = progress.record_prediction("a.p", "rises", 80, True)
    again, note = progress.record_prediction("a.p", "falls", 100, False)
    assert (again, note) == (first, "")
    assert progress.read().predictions == {"a.p": first}


def test_nothing_is_made_by_reading(progress_file: Path) -> None:
    assert progress.read() == progress.Progress()
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
    note = progress.read().note if use == "read" else progress.record_attempt("a.b", "correct")
    assert note.startswith("Your progress file was damaged")
    assert one_sentence(note)
    aside = progress_file.with_name("progress.json.damaged-2")
    assert aside.name in note
    assert aside.read_bytes() == DAMAGED[kind]
    assert other.read_text() == "an older one"
    solved("a.c")
    assert progress.read().note == ""


def test_a_sound_file_of_another_hand_is_read(progress_file: Path) -> None:
    progress_file.parent.mkdir()
    content = json.loads(entry(sure=66.5, colour="blue")) | {"extra": [1]}
    progress_file.write_bytes(b"\xef\xbb\xbf" + json.dumps(content).encode())
    assert progress.read().predictions["a.p"].sure == 66.5
    solved("a.b")
    kept = json.loads(progress_file.read_text())
    assert kept["extra"] == [1]
    assert kept["predictions"] == content["predictions"]


def test_a_file_of_a_newer_version_is_left_alone(progress_file: Path) -> None:
    progress_file.parent.mkdir()
    newer = b'{"schema": 2, "exercises": []}'
    progress_file.write_bytes(newer)
    for note in (progress.read().note, progress.record_attempt("a.b", "correct")):
        assert "newer version" in note
        assert "left as it is" in note
    assert progress_file.read_bytes() == newer
    assert entropy_bits.check(my_entropy).outcome == "correct"


def test_an_empty_folder_in_its_place_is_set_aside(progress_file: Path) -> None:
    progress_file.mkdir(parents=True)
    assert "(a folder)" in progress.record_attempt("a.b", "correct")
    assert progress.read().exercises["a.b"].attempts == 1
    assert progress_file.with_name("progress.json.damaged-1").is_dir()


def test_a_folder_that_holds_something_is_not_moved(progress_file: Path) -> None:
    progress_file.mkdir(parents=True)
    (progress_file / "thesis.tex").write_text("years")
    for note in (progress.read().note, progress.record_attempt("a.b", "correct")):
        assert "is a folder; COURSE_PROGRESS should name a file" in note
    assert (progress_file / "thesis.tex").read_text() == "years"


@posix
def test_a_device_in_its_place_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", os.devnull)
    assert "is not a file" in progress.read().note
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@posix
def test_a_pipe_in_its_place_does_not_block(progress_file: Path) -> None:
    progress_file.parent.mkdir()
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
    assert "kept.json.damaged-1" in progress.read().note
    assert progress_file.is_symlink()


@posix
def test_a_ring_of_links_is_set_aside(progress_file: Path) -> None:
    progress_file.parent.mkdir()
    progress_file.symlink_to(progress_file.name)
    assert "(a link that leads nowhere)" in progress.record_attempt("a.b", "correct")
    assert progress.read().exercises["a.b"].attempts == 1


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    verdict = entropy_bits.check(my_entropy)
    assert verdict.outcome == "correct"
    assert one_sentence(verdict.note)
    assert one_sentence(progress.read().note)
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
        patch.setattr(store.os, function, refuse)
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
        assert progress.read().exercises["a.b"].attempts == 1
    finally:
        progress_file.parent.chmod(0o700)


def test_a_lock_that_is_never_released(
    progress_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LOCK_SECONDS", 0.05)
    progress_file.parent.mkdir()
    with filelock.FileLock(f"{progress_file}.lock"):
        verdict = entropy_bits.check(my_entropy)
    assert verdict.outcome == "correct"
    assert "Another program holds your progress file" in verdict.note


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.setattr(progress, "user_data_path", lambda _: Path("~/.local/share/course"))
    with pytest.raises(OSError, match="no home folder"):
        progress.path()
    assert "no home folder" in progress.record_attempt("a.b", "correct")
    assert "no home folder" in progress.read().note


def test_a_name_that_no_file_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "path", lambda: Path("a\0b"))
    assert one_sentence(progress.record_attempt("a.b", "correct"))
    assert one_sentence(progress.read().note)


def test_the_default_place_is_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", " ")
    assert progress.path().parent.name == "why-models-learn"
    monkeypatch.setenv("COURSE_PROGRESS", "~/mine.json")
    assert progress.path() == Path(os.path.realpath(Path.home() / "mine.json"))


@posix
def test_permissions_stay_and_a_new_file_is_private(progress_file: Path) -> None:
    solved("a.b")
    assert stat.S_IMODE(progress_file.stat().st_mode) == 0o600
    progress_file.chmod(0o640)
    solved("a.c")
    assert stat.S_IMODE(progress_file.stat().st_mode) == 0o640


def test_remains_of_killed_processes_are_swept(progress_file: Path) -> None:
    progress_file.parent.mkdir()
    mine = progress_file.with_name(".progress.json.abc123.tmp")
    others = progress_file.with_name(".other.json.abc123.tmp")
    for file in (mine, others):
        file.write_text("half")
    solved("a.b")
    assert not mine.exists()
    assert others.exists()


def test_an_odd_guess_is_kept_as_it_is() -> None:
    guess = "∞ “ä” \ud800"
    progress.record_prediction("a.p", guess, 80, True)
    assert progress.read().predictions["a.p"].guess == guess


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


LIGHT = """
import sys
from course.practice import board, predict, progress
progress.record_attempt("a.b", "correct")
print(sorted({"jax", "numpy", "ipywidgets", "IPython", "matplotlib"} & sys.modules.keys()))
"""


def test_progress_loads_nothing_heavy() -> None:
    out, err = run(LIGHT).communicate(timeout=60)
    assert (out, err) == ("[]\n", "")


MANY = """
import sys
from course.practice import progress
progress.LOCK_SECONDS = 60
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
    known = progress.read()
    assert known.exercises["all.of"].attempts == 200
    assert len(known.predictions) == 200


# A process that starts a child, kills it at a random moment and looks at the file, 200 times. The
# child says so after each record. Forking is safe here: one thread, and nothing heavy is loaded.
KILLED = """
import json, os, random, signal, sys, time
from course.practice import progress

def child(name, pipe):
    count = 0
    while True:
        note = progress.record_attempt(name, "not yet")
        count += 1
        os.write(pipe, b"." if not note else b"!")

os.makedirs(progress.path().parent, exist_ok=True)  # the first child may not come so far
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
    remains += any(file.endswith(".tmp") for file in os.listdir(progress.path().parent))
    known = progress.read()
    assert not known.note, known.note
    for earlier, count in acknowledged.items():
        kept = known.exercises[earlier].attempts if count else 0
        assert kept >= count, (earlier, kept, count)
progress.record_attempt("last", "correct")
left = [file for file in os.listdir(progress.path().parent) if file.endswith(".tmp")]
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
