"""Exercises that answer back, predictions, and the reader's progress.

    from course import practice
    practice.entropy.q1.check(my_entropy)    # correct, not yet (and why), or not attempted
    practice.entropy.q1.hint()               # the next hint
    practice.entropy.q1.solution()           # one right answer, to be read or pasted
    practice.predict(practice.entropy.p1)    # an answer, and how sure you are
    practice.board()                         # your progress over all notebooks

A topic is loaded when it is first named; NumPy, JAX and the widgets are not loaded before.

exercises/          one module for each notebook
exercise.py         what an exercise offers; solution_code.py shows its solution
check.py            the verdict: answer.py runs an answer, compare.py compares, wording.py and
                    describe.py tell; uniformity.py tests for chance
session.py          what is kept from changing meanwhile, with libraries.py and patches.py;
                    time_limit.py ends what does not end, deferred_interrupts.py holds
                    interrupts off
predict.py          predictions; panel.py is their widget, score.py their cost
progress.py         what is recorded; progress_file.py is the file, board.py its summary
verdict.py          verdicts and texts in words and as HTML
"""

from typing import Any

from course.practice.board import board
from course.practice.exercises import load, topics
from course.practice.predict import predict

__all__ = ["board", "predict"]


def __getattr__(name: str) -> Any:
    if name in topics():
        return load(name)
    raise AttributeError(f"There is no exercise module {name!r}; there are: {', '.join(topics())}.")


def __dir__() -> list[str]:
    return sorted([*__all__, *topics()])
