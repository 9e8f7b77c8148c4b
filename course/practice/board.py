"""The reader's progress over all notebooks: for `practice.board()` and `course progress`."""

import html
from dataclasses import dataclass
from types import ModuleType

from course.practice import score
from course.practice.exercises import members, notebooks
from course.practice.progress_file import Progress, read

COLUMNS = ("Notebook", "Title", "Exercises", "Predictions", "Minutes")


@dataclass(frozen=True)
class Row:
    """Progress in one notebook."""

    notebook: str
    """File name without the ending, "02_entropy"."""
    title: str
    solved: int
    """Number of exercises solved."""
    exercises: int
    predicted: int
    """Number of predictions made."""
    predictions: int
    minutes: int
    """Time that the whole notebook takes most readers, as its title says."""

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Texts of the table, column by column (see `COLUMNS`)."""
        return (
            self.notebook,
            self.title,
            f"{self.solved} of {self.exercises}",
            f"{self.predicted} of {self.predictions}",
            str(self.minutes),
        )


@dataclass(frozen=True)
class Board:
    """Progress as a notebook or a terminal shows it."""

    rows: tuple[Row, ...]
    """One for each notebook."""
    predictions: score.Summary
    """All predictions together."""
    note: str = ""
    """Sentence about what was wrong with the progress file; "" if nothing was."""

    @property
    def sentences(self) -> list[str]:
        """Sentences below the table."""
        total = self.predictions
        if not total.count:
            made = "No predictions yet."
        else:
            made = (
                f"Predictions: {total.right_count} of {total.count} right, {total.sure:.0f} % sure "
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


def board() -> Board:
    """Show the reader's progress: exercises and predictions by notebook, and their log score."""
    known = read()
    rows = tuple(_row(module, known) for module in notebooks())
    return Board(rows, score.summary(known.predictions.values()), known.note)


def _row(module: ModuleType, known: Progress) -> Row:
    """Return the progress in the notebook of one module of exercises."""
    # Imported here: exercises load NumPy, and `from course import practice` shall not.
    from course.practice.exercise import Exercise
    from course.practice.predict import Prediction

    exercises = members(module, Exercise)
    predictions = members(module, Prediction)
    solved = {name for name, record in known.exercises.items() if record.outcome == "correct"}
    return Row(
        module.NOTEBOOK,
        module.TITLE,
        sum(one.name in solved for one in exercises),
        len(exercises),
        sum(one.name in known.predictions for one in predictions),
        len(predictions),
        module.MINUTES,
    )
