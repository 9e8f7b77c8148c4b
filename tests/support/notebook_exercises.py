"""Where a notebook's exercises stand, and how an answer is put into their blanks.

An exercise is a cell with a blank, `my_entropy` say, and a cell that hands it over:
`practice.entropy.q1.check(my_entropy)`.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from nbformat import NotebookNode

from tests.support.notebook_guards import code_cells, dotted, text_of


@dataclass(frozen=True)
class Check:
    """A call of an exercise's `check`.

    Attributes:
        place: of the cell that makes the call.
        answer: the name handed over, or an empty string where it is not a plain name.
        blank: place of the last cell above that defines the name, or None.
    """

    place: int
    answer: str
    blank: int | None


def called(book: NotebookNode) -> list[tuple[int, str, list[str]]]:
    """Every call in the notebook: its cell, the function's name, and its arguments' names."""
    return [
        (i, dotted(node.func), [dotted(argument) for argument in node.args])
        for i, cell in code_cells(book)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call)
    ]


def checks(book: NotebookNode) -> list[tuple[str, Check]]:
    """The calls of `practice.….check(…)`, each with the full name of the exercise."""
    found = []
    for i, function, arguments in called(book):
        if function.startswith("practice.") and function.endswith(".check"):
            name = function.removeprefix("practice.").removesuffix(".check")
            answer = arguments[0] if arguments else ""
            found.append((name, Check(i, answer, _blank(book, i, answer))))
    return found


def _blank(book: NotebookNode, place: int, answer: str) -> int | None:
    above = (i for i, cell in code_cells(book) if i < place and definition(cell.source, answer))
    return max(above, default=None)


def definition(source: str, name: str) -> ast.stmt | None:
    """The statement of a cell that defines `name` as a function or a value."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            return statement
        if isinstance(statement, ast.Assign) and name in map(dotted, statement.targets):
            return statement
    return None


def filled(source: str, name: str, answer: str) -> str:
    """The code of a cell with the definition of `name` replaced by `answer`."""
    old = definition(source, name)
    if old is None or old.end_lineno is None:
        raise ValueError(f"name: expected one that the cell defines, got {name}")
    lines = source.splitlines()
    return "\n".join([*lines[: old.lineno - 1], answer, *lines[old.end_lineno :]])


def said(cell: NotebookNode) -> str:
    """What the outputs of a cell say as text."""
    return "\n".join(text_of(output) for output in cell.outputs)


def misused(
    book: NotebookNode, topic: str, exercises: Mapping[str, str], predictions: Collection[str]
) -> Iterator[str]:
    """What is wrong between a notebook and the exercises of its module.

    Args:
        book: the notebook, as it ships: nothing is attempted in it.
        topic: the name of the module.
        exercises: full name to the name of the blank.
        predictions: full names.
    """
    found = checks(book)
    asked = [a for _, f, names in called(book) if f == "practice.predict" for a in names[:1]]
    used = [name for name, _ in found] + [name.removeprefix("practice.") for name in asked]
    for name in sorted({*used, *exercises, *predictions}):
        if name not in exercises and name not in predictions:
            yield f"{name} is used, but the module of {topic} does not have it"
        elif used.count(name) != 1:
            yield f"{name} is used {used.count(name)} times, not once"
    for name, check in found:
        if check.answer != exercises.get(name, check.answer):
            yield f"cell {check.place}: checks {check.answer}, not {exercises[name]}"
        elif check.blank is None:
            yield f"cell {check.place}: no cell above defines {check.answer or 'the answer'}"
        if "Not attempted" not in said(book.cells[check.place]):
            yield f"cell {check.place}: the stored verdict is not that nothing was attempted"
