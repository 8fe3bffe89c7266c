"""Misconceptions written as small changes of one correct function, so that each reads as a student's own diff."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType

from autograder.questions.model import Misconception, Namespace


@dataclass(frozen=True)
class Edit:
    """One mistake: pairs of a text of the correct function and its replacement.

    Each text occurs exactly once in the function's dedented source; it may span lines.
    """

    id: str
    hint: str
    changes: tuple[tuple[str, str], ...]
    harmless: bool = False


def edit(id: str, hint: str, *changes: str, harmless: bool = False) -> Edit:
    """An ``Edit`` from its texts in turn: old, new, old, new …"""
    if not changes or len(changes) % 2:
        raise ValueError(f"the edit {id!r} has {len(changes)} texts; give an old and a new text in turn")
    return Edit(id, hint, tuple(zip(changes[::2], changes[1::2])), harmless)


def together(one: Edit, other: Edit) -> Edit:
    """Two mistakes in one function, which is told both hints. Their texts must not overlap."""
    return Edit(f"{one.id}_and_{other.id}", f"{one.hint} {other.hint}", one.changes + other.changes)


def misconceptions(
    name: str, correct: Callable, edits: Iterable[Edit], others: Namespace = MappingProxyType({})
) -> tuple[Misconception, ...]:
    """The misconceptions of the graded ``name`` that a table of edits makes of its ``correct`` function or class.

    ``others`` are the correct functions of a question that grades more than one.
    """
    return tuple(Misconception(e.id, e.hint, {**others, name: edited(correct, e)}, e.harmless) for e in edits)


def edited(correct: Callable, change: Edit) -> Callable:
    """The function or class as it is after the edit.

    Raises:
        ValueError: a text does not occur exactly once in the source.
    """
    source = textwrap.dedent(inspect.getsource(correct))
    for old, new in change.changes:
        if (count := source.count(old)) != 1:
            where = f"{correct.__module__}.{correct.__name__}"
            raise ValueError(
                f"the edit {change.id!r} needs {old!r} exactly once in {where}, which has it {count} times"
            )
        source = source.replace(old, new)
    namespace = dict(vars(sys.modules[correct.__module__]))
    exec(compile(source, f"<{correct.__name__}: {change.id}>", "exec"), namespace)
    return namespace[correct.__name__]
