"""Python source files, as the rules of the house count them: code, comments and docstrings."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.repository import ROOT, files

NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
}  # fmt: skip
# Comments for tools, which explain nothing to a reader.
FOR_TOOLS = re.compile(r"#\s*(?:type:|noqa|fmt:)")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(folder: str) -> list[Path]:
    """Return the Python files of a folder, relative to the root."""
    return sorted(name for name in files() if name.parts[0] == folder and name.suffix == ".py")


def module_name(path: Path) -> str:
    """Return the dotted name of a module."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def docstrings(path: Path) -> Iterator[ast.Constant]:
    """Yield the docstrings of a file, and the strings that describe fields."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Module | ast.ClassDef | Function):
            values = (child.value for child in node.body if isinstance(child, ast.Expr))
            for value in values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value


@cache
def lines(path: Path) -> tuple[frozenset[int], frozenset[int]]:
    """Return the numbers of the lines with code, docstrings apart, and of those with comments."""
    code, comments = set(), set()
    text = (ROOT / path).read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not FOR_TOOLS.match(token.string):
            comments.add(token.start[0])
        if token.type not in NO_CODE:
            code |= {*range(token.start[0], token.end[0] + 1)}
    described = {n for d in docstrings(path) for n in range(d.lineno, (d.end_lineno or 0) + 1)}
    return frozenset(code - described), frozenset(comments)


def functions(path: Path) -> Iterator[tuple[str, Function]]:
    """Yield the functions and methods of a file by name; nested ones are part of the outer."""

    def within(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                yield f"{prefix}{child.name}", child
            elif isinstance(child, ast.ClassDef):
                yield from within(child, f"{prefix}{child.name}.")
            elif not isinstance(child, ast.expr):
                yield from within(child, prefix)

    return within(tree(path), "")


def body(function: Function) -> range:
    """Return the numbers of the lines of a function below its signature."""
    return range(function.body[0].lineno, (function.end_lineno or 0) + 1)
