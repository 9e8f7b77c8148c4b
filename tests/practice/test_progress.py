"""Records of exercises and predictions."""

import json
import subprocess
import sys
from pathlib import Path

from course.practice import progress
from course.practice.progress_file import read

ROOT = Path(__file__).parents[2]


def test_what_is_recorded_is_read_again(progress_file: Path) -> None:
    progress.record_attempt("a.b", "correct")
    progress.record_attempt("a.c", "not yet")
    progress.record_hint("a.c", 2)
    progress.record_hint("a.c", 1)
    progress.record_solution("a.d")
    made, note = progress.record_prediction("a.p", "rises", 80, True)
    known = read()
    assert note == known.note == ""
    assert (known.exercises["a.b"].outcome, known.exercises["a.b"].attempts) == ("correct", 1)
    assert (known.exercises["a.c"].outcome, known.exercises["a.c"].hints_used) == ("not yet", 2)
    assert (known.exercises["a.d"].solution_seen, known.exercises["a.d"].attempts) == (True, 0)
    assert known.predictions == {"a.p": made}
    assert made.at.endswith("+00:00")
    assert json.loads(progress_file.read_text())["schema"] == 1


def test_the_best_outcome_and_its_time_stay() -> None:
    progress.record_attempt("a.b", "correct")
    first = read().exercises["a.b"].solved_at
    progress.record_attempt("a.b", "not yet")
    progress.record_attempt("a.b", "correct")
    record = read().exercises["a.b"]
    assert (record.outcome, record.attempts, record.solved_at) == ("correct", 3, first)


def test_the_first_prediction_counts() -> None:
    first, _ = progress.record_prediction("a.p", "rises", 80, True)
    again, note = progress.record_prediction("a.p", "falls", 100, False)
    assert (again, note) == (first, "")
    assert read().predictions == {"a.p": first}


LIGHT = """
import sys
from course.practice import board, predict, progress
progress.record_attempt("a.b", "correct")
print(sorted({"jax", "numpy", "ipywidgets", "IPython", "matplotlib"} & sys.modules.keys()))
"""


def test_progress_loads_nothing_heavy() -> None:
    result = subprocess.run(
        [sys.executable, "-c", LIGHT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.stderr) == ("[]\n", "")
