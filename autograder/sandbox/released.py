"""The code cells that students were given, read once for all workers, since most come back as they were.

Python's parser reads a cell three times: for its syntax tree, for the names that it uses, and for its code. The preloaded
parent does this before any submission comes, and each worker inherits what it found.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable
from contextlib import suppress
from types import CodeType

from autograder.sandbox.bindings import Statement, nested, statements
from autograder.sandbox.sightings import defined

TREES: dict[str, ast.Module] = {}
STATEMENTS: dict[str, tuple[Statement, ...]] = {}
NESTED: dict[str, tuple[tuple[str, str], ...]] = {}
# By file name (``cell_name``) and the statement itself, which is one of a tree of ``TREES``.
CODE: dict[tuple[str, ast.stmt], CodeType] = {}


def cell_name(index: int) -> str:
    """The file name of a code cell, counted from 1, in tracebacks."""
    return f"<cell {index}>"


def compiled(statement: ast.stmt, filename: str, flags: int = 0) -> CodeType:
    """The code of a statement, which may ``await`` outside functions as in Jupyter."""
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile(ast.Module([statement], []), filename, "exec", flags, dont_inherit=True)


def prepare(sources: Iterable[str]) -> None:
    """Read the code cells of a notebook, in order. One that is not plain Python is left to the workers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index, source in enumerate(sources, start=1):
            with suppress(SyntaxError):
                tree = TREES.setdefault(source, ast.parse(source))
                STATEMENTS[source] = statements(source, tree)
                NESTED[source] = nested(tree)
                defined(source)  # which is remembered
                CODE.update({(cell_name(index), one): compiled(one, cell_name(index)) for one in tree.body})
