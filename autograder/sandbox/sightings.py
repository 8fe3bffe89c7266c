"""Where a notebook may hold the definition of a name that is not there. Nothing is run; text in, places out."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache, lru_cache

from autograder.sandbox.bindings import BUILTINS, Statement

BOUND = "bound"  # a statement of the notebook that is run gives it a value; ``by``: the block around it, such as "if"
DELETED = "deleted"
HELD = "held"  # a cell that is not run holds its definition
TEXT = "text"  # a cell of text holds it, after so many code cells; ``by``: Markdown or raw
NESTED = "nested"  # it is inside the function or class ``by``
FILED = "filed"  # the cell writes its definition into a file
COMMENT = "comment"
NEAR = "near"  # the cell defines ``by``, which has a similar name
MOST_NAMES = 2_000
MOST_SOUGHT = 50  # names with a similar spelling are looked for
MOST_PLACES = 3
LONGEST_NAME = 60
ALIKE = 0.8  # share of letters in common
# A definition in Python, or a function in R, JavaScript or Julia. Patterns that begin with a letter are quick in the images
# that text cells hold; so there is no word boundary before it.
_DEFINED = re.compile(r"(?:def(?<!\wdef)|class(?<!\wclass)|function(?<!\wfunction))[ \t]+(\w+)")
_ASSIGNED = re.compile(r"^[ \t#>]*(\w+)[ \t]*(?:<-|=[ \t]*function\b)", re.MULTILINE)
_BLOCKS = {ast.If: "if", ast.For: "for", ast.While: "while", ast.Try: "try", ast.With: "with", ast.Match: "match"}
_WRITES = re.compile(r"\s*%%(?:writefile|file)\b")


@dataclass(frozen=True)
class Sighting:
    """A place that has to do with a name: its ``kind`` (see above), and ``cell``, which counts the code cells from 1."""

    kind: str
    cell: int
    by: str = ""


@dataclass(frozen=True)
class Part:
    """A cell in the notebook's order. ``before``: how many code cells come up to this one, itself included.

    ``text`` is what the student wrote. ``run`` are the statements of it that are run, each with its node; ``inside`` are the
    functions and classes inside others, each with the outermost one. ``kind`` is code, Markdown or raw.
    """

    kind: str
    before: int
    text: str
    run: Sequence[tuple[ast.stmt, Statement]] = field(default_factory=tuple)
    inside: Sequence[tuple[str, str]] = ()
    skipped: bool = False


def sightings(parts: Sequence[Part], graded: Collection[str]) -> dict[str, list[Sighting]]:
    """For each of the ``graded`` names, and for each name that the notebook uses, up to ``MOST_PLACES`` places.

    The places that explain most come first.
    """
    used = (name for part in parts for _, statement in part.run for name in sorted(statement.uses))
    names = list(dict.fromkeys([*sorted(graded), *used]))[:MOST_NAMES]
    found: dict[str, list[Sighting]] = {name: [] for name in names}
    for look in (_bound, _held, _inside):
        for name, sighting in look(parts):
            if name in found and len(found[name]) < MOST_PLACES and sighting not in found[name]:
                found[name].append(sighting)
    lost = [name for name in names if not found[name] and name not in BUILTINS][:MOST_SOUGHT]
    for name, sighting in _near(parts, lost, graded):
        found[name].append(sighting)
    return {name: places for name, places in found.items() if places}


Found = Iterator[tuple[str, Sighting]]


def _bound(parts: Iterable[Part]) -> Found:
    """What the statements that are run bind; what they delete comes first."""
    for kind in (DELETED, BOUND):
        for part in parts:
            for node, statement in part.run:
                if isinstance(node, ast.Delete) == (kind == DELETED):
                    for name in statement.binds:
                        yield name, Sighting(kind, part.before, _BLOCKS.get(type(node), ""))


def _held(parts: Iterable[Part]) -> Found:
    """Definitions in cells that are not run."""
    for part in parts:
        if part.kind != "code" or part.skipped:
            sighting = Sighting(HELD, part.before) if part.kind == "code" else Sighting(TEXT, part.before, part.kind)
            for name in defined(part.text):
                yield name, sighting


def _inside(parts: Iterable[Part]) -> Found:
    """Definitions inside other definitions, in comments and strings, and in files that a cell writes."""
    for part in parts:
        for name, outer in part.inside:
            yield name, Sighting(NESTED, part.before, outer)
    for part in parts:
        if part.kind == "code" and not part.skipped:
            for name in defined(part.text):
                yield name, Sighting(FILED if _WRITES.match(part.text) else COMMENT, part.before)


@lru_cache(maxsize=4096)
def defined(text: str) -> tuple[str, ...]:
    """The names that a text defines, in Python or another language."""
    return (*_DEFINED.findall(text), *_ASSIGNED.findall(text))


def _near(parts: Iterable[Part], lost: Sequence[str], graded: Collection[str]) -> Found:
    """Names that are spelled like a lost one; for a graded one only functions and classes that are not graded."""
    bound: dict[str, tuple[int, bool]] = {}
    for part in parts:
        for node, statement in part.run:
            function = statement.defines or isinstance(getattr(node, "value", None), ast.Lambda)
            for name in statement.binds:
                if len(name) <= LONGEST_NAME:
                    bound.setdefault(name, (part.before, function))
    for name in lost:
        close = [
            (_likeness(name, other), other)
            for other, (_, function) in list(bound.items())[:MOST_NAMES]
            if other != name and (name not in graded or (function and other not in graded))
        ]
        likeness, best = max(close, default=(0.0, ""))
        if likeness >= ALIKE:
            yield name, Sighting(NEAR, bound[best][0], best)


def _likeness(name: str, other: str) -> float:
    """1 if the names differ in case and underscores only, else the share of letters that they have in common.

    A word before or after the name (``my_name``) is taken for ``ALIKE``.
    """
    (one, letters), (two, others) = _folded(name), _folded(other)
    if one == two:
        return 1.0
    if len(one) > 3 and (other.startswith(f"{name}_") or other.endswith(f"_{name}")):
        return ALIKE
    if len(one) <= 3:
        return 0.0
    most = min(len(one) - len(letters - others), len(two) - len(others - letters))  # no more can be common
    return SequenceMatcher(None, one, two).ratio() if 2 * most / (len(one) + len(two)) >= ALIKE else 0.0


@cache
def _folded(name: str) -> tuple[str, frozenset[str]]:
    """A name without case and underscores, and its letters."""
    folded = name.replace("_", "").casefold()
    return folded, frozenset(folded)
