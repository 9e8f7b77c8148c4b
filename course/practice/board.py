"""The reader's progress over all notebooks: for `practice.board()` and `course progress`."""

import html
from dataclasses import dataclass

from course.practice import progress, score
from course.practice.exercises import members, notebooks

COLUMNS = ("Notebook", "Title", "Exercises", "Predictions", "Minutes left")


@dataclass(frozen=True)
class Row:
    """One notebook.

    Attributes:
        notebook: its file name without the ending, "02_entropy".
        title: in words.
        solved: exercises solved.
        exercises: exercises in all.
        predicted: predictions made.
        predictions: predictions in all.
        minutes: how long all its exercises take most readers.
        minutes_left: the same for those not solved yet.
    """

    notebook: str
    title: str
    solved: int
    exercises: int
    predicted: int
    predictions: int
    minutes: int
    minutes_left: int

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """What the table shows, column by column (see `COLUMNS`)."""
        return (
            self.notebook,
            self.title,
            f"{self.solved} of {self.exercises}",
            f"{self.predicted} of {self.predictions}",
            str(self.minutes_left),
        )


@dataclass(frozen=True)
class Board:
    """Progress as a notebook or a terminal shows it.

    Attributes:
        rows: one for each notebook.
        predictions: all predictions together.
        note: what was wrong with the progress file, if anything.
    """

    rows: tuple[Row, ...]
    predictions: score.Summary
    note: str = ""

    @property
    def sentences(self) -> list[str]:
        """What is said below the table."""
        total = self.predictions
        if not total.count:
            made = "No predictions yet."
        else:
            made = (
                f"Predictions: {total.right} of {total.count} right, {total.sure:.0f} % sure "
                f"on average, {score.mean_in_words(total)} (a coin toss costs 1)."
            )
        return [made, *([self.note] if self.note else [])]

    def __repr__(self) -> str:
        lines = [COLUMNS, *(row.cells for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = [
            "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines
        ]
        return "\n".join([*(line.rstrip() for line in table), "", *self.sentences])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
        body = ""
        for row in self.rows:
            first, *rest = map(html.escape, row.cells)
            cells = "".join(f"<td>{cell}</td>" for cell in rest)
            body += f'<tr><th scope="row">{first}</th>{cells}</tr>'
        said = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.sentences)
        return (
            "<table><caption>Your progress</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{said}"
        )


def rows(known: progress.Progress | None = None) -> list[Row]:
    """One row for each notebook, in their order.

    Args:
        known: what is recorded; read from the reader's file by default.
    """
    from course.practice.exercise import Exercise
    from course.practice.predict import Prediction

    known = known or progress.read()
    found = []
    for module in notebooks():
        exercises = members(module, Exercise)
        predictions = members(module, Prediction)
        left = [one for one in exercises if not _solved(known, one.name)]
        found.append(
            Row(
                module.NOTEBOOK,
                module.TITLE,
                len(exercises) - len(left),
                len(exercises),
                sum(one.name in known.predictions for one in predictions),
                len(predictions),
                sum(one.minutes for one in exercises),
                sum(one.minutes for one in left),
            )
        )
    return found


def board() -> Board:
    """The reader's progress: exercises and predictions by notebook, and how good those are."""
    known = progress.read()
    return Board(tuple(rows(known)), score.summary(known.predictions.values()), known.note)


def _solved(known: progress.Progress, name: str) -> bool:
    return known.exercises.get(name, progress.ExerciseRecord()).outcome == "correct"
