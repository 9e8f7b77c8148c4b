"""The exercises where they stand, in the shipped notebooks: right and wrong answers filled in.

Each notebook is run once with every solution in its blank; the typical mistakes follow in the same
kernel, each in the place of the solution. Then every cell is run once more, as a reader does who
goes back to the top: a notebook that runs in a fresh kernel only is found out.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course.practice import exercises
from course.practice.exercise import Exercise
from course.practice.predict import Prediction
from tests.support.notebook_exercises import checks, filled, misused, said
from tests.support.notebook_kit import IDS, NOTEBOOKS, topic
from tools.notebooks import NotebookError, read, run, started

WRONG = """
from course.practice import exercises
{answer} = exercises.load({topic!r}).{name}.mistakes[{i}].wrong
"""


# The cells of a small notebook with one exercise and one prediction.
CELLS = (
    "unit = 'bits'\n\n\ndef my_entropy(p):\n    ...  # your code\n\n\nprint(unit)",
    "practice.entropy.q1.check(my_entropy)",
    "practice.predict(practice.entropy.p1)",
)


def small(*sources: str) -> NotebookNode:
    """A notebook with these cells, whose outputs say that nothing was attempted."""
    told = new_output("display_data", data={"text/plain": "○ Not attempted."})
    book: NotebookNode = new_notebook(cells=[new_code_cell(s, outputs=[told]) for s in sources])
    return book


def test_an_answer_takes_the_place_of_the_blank_alone() -> None:
    ((name, check),) = checks(small(*CELLS))
    assert (name, check.place, check.answer, check.blank) == ("entropy.q1", 1, "my_entropy", 0)
    source = filled(CELLS[0], "my_entropy", "def my_entropy(p):\n    return 1.0")
    spaces: dict[str, Any] = {}
    exec(source, spaces)
    assert (spaces["unit"], spaces["my_entropy"](0.5)) == ("bits", 1.0)


@pytest.mark.parametrize(
    ("cells", "wrong"),
    [
        (CELLS[::2], "entropy.q1 is used 0 times"),
        ((*CELLS, CELLS[2]), "entropy.p1 is used 2 times"),
        ((CELLS[0], "practice.entropy.q1.check(my_guess)"), "checks my_guess, not my_entropy"),
        (CELLS[1:], "no cell above defines my_entropy"),
    ],
)
def test_a_notebook_that_does_not_fit_its_exercises_is_refused(
    cells: tuple[str, ...], wrong: str
) -> None:
    asked = ("entropy", {"entropy.q1": "my_entropy"}, {"entropy.p1"})
    assert not list(misused(small(*CELLS), *asked))
    assert any(wrong in sentence for sentence in misused(small(*cells), *asked))


@dataclass(frozen=True)
class Session:
    """A notebook, its module of exercises, and a kernel in which all solutions were given."""

    path: Path
    module: ModuleType
    client: NotebookClient
    cells: int

    def run(self, occasion: str) -> None:
        """Run every cell of the notebook, but none that was added at the end."""
        for index in range(self.cells):
            run(self.client, index, f"{self.path.name} {occasion}")

    def says(self, source: str) -> str:
        """What a new cell at the end says when it is run."""
        self.client.nb.cells.append(new_code_cell(source))
        return said(run(self.client, len(self.client.nb.cells) - 1, self.path.name))


# The browser begins with the first one, at the same time: each finds what the other has compiled.
@pytest.fixture(scope="module", params=NOTEBOOKS[::-1], ids=IDS[::-1])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    path: Path = request.param
    module = exercises.load(topic(path))
    book = copy.deepcopy(read(path))
    for name, check in checks(book):
        exercise: Exercise = getattr(module, name.partition(".")[2])
        assert check.blank is not None
        blank = book.cells[check.blank]
        blank.source = filled(blank.source, check.answer, exercise.solution_code())
    with started(book, path.parent) as client:
        session = Session(path, module, client, len(book.cells))
        session.run("with every exercise solved")
        yield session


def answer(exercise: Exercise) -> str:
    """The name of the blank in the notebook."""
    return exercise.blank or str(exercise.reference.__name__)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_every_exercise_and_prediction_stands_in_its_notebook_once(path: Path) -> None:
    module = exercises.load(topic(path))
    assert path.stem == module.NOTEBOOK
    asked = {each.name: answer(each) for each in exercises.members(module, Exercise)}
    guesses = [each.name for each in exercises.members(module, Prediction)]
    wrong = list(misused(read(path), topic(path), asked, guesses))
    assert not wrong


def test_every_module_has_its_notebook() -> None:
    assert [module.NOTEBOOK for module in exercises.notebooks()] == IDS


def test_every_solution_is_correct(session: Session) -> None:
    book = session.client.nb
    verdicts = {name: said(book.cells[check.place]) for name, check in checks(book)}
    assert verdicts
    assert [name for name, verdict in verdicts.items() if "Correct" not in verdict] == []


def test_every_typical_mistake_is_named(session: Session) -> None:
    missed = []
    for name, check in checks(session.client.nb):
        short = name.partition(".")[2]
        exercise: Exercise = getattr(session.module, short)
        assert exercise.mistakes, f"{name} lists no typical mistake"
        source = session.client.nb.cells[check.place].source
        for i, mistake in enumerate(exercise.mistakes):
            wrong = WRONG.format(answer=check.answer, topic=topic(session.path), name=short, i=i)
            verdict = session.says(f"{wrong}\n{source}")
            if "Not yet" not in verdict or mistake.message not in verdict:
                missed.append(f"{name}, {mistake.name}: {verdict}")
    assert not missed


# The last one: after it, the kernel has seen every cell twice.
def test_every_cell_runs_once_more_in_the_same_kernel(session: Session) -> None:
    session.run("run a second time in the same kernel")


def test_a_notebook_that_runs_only_once_is_refused(tmp_path: Path) -> None:
    book = small("assert 'x' not in globals()", "x = 1")
    with started(book, tmp_path) as client:
        session = Session(tmp_path / "once.ipynb", exercises.load("entropy"), client, 2)
        session.run("at first")
        with pytest.raises(NotebookError, match=r"once\.ipynb again: cell 0"):
            session.run("again")
