"""Reads TOML tables into dataclasses. A wrong entry raises an error with its place in the file."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from autograder.toml_lines import Place

Kind = TypeVar("Kind")


class WrongEntry(ValueError):
    """A wrong entry: a sentence, and the place of the entry in the file."""

    def __init__(self, place: Place, sentence: str) -> None:
        super().__init__(sentence)
        self.place = place


def is_number(value: object) -> bool:
    """Whether a value of a TOML file is a finite number; true and false are not numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# For each field type, a check and a description. Lists and tables are checked where they are read.
TYPES = {
    "str": (lambda value: isinstance(value, str), "a text in quotes"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "int": (lambda value: type(value) is int, "a whole number"),
    "float": (is_number, "a number"),
    "datetime": (lambda value: isinstance(value, datetime), "a date with a time, such as 2026-12-01T23:59:00+01:00"),
}


def record(kind: type[Kind], values: object, where: str, place: Place, known: Collection[str] | None = None) -> Kind:
    """Build a dataclass from a table. ``known`` are the fields that the table may set (default: all).

    Raises:
        WrongEntry: an entry is unknown, missing, or of a wrong type.
    """
    by_name = {field.name: field for field in fields(kind) if known is None or field.name in known}
    if not isinstance(values, dict):
        raise WrongEntry(place, f"{where} is {values!r}, expected a table")
    check_names(values, by_name, where, place)
    missing = [name for name, field in by_name.items() if name not in values and field.default is MISSING]
    if missing:
        raise WrongEntry((*place, missing[0]), f"{where} has no entry {missing[0]!r}; add it")
    for name, value in values.items():
        fits, expected = TYPES.get(by_name[name].type, (lambda value: True, ""))
        if not fits(value):
            raise WrongEntry((*place, name), f"{where}: {name} is {value!r}, expected {expected}")
    return kind(**values)


def check_names(values: Mapping, known: Collection[str], where: str, place: Place) -> None:
    """Refuse a table with an unknown entry."""
    for name in values:
        if name not in known:
            raise WrongEntry((*place, name), f"{where} has the unknown entry {name!r}; {known_names(name, known)}")


def known_names(name: object, known: Collection[str]) -> str:
    """The names to choose from, and the one most similar to an unknown ``name``."""
    near = "".join(f"did you mean {found}? " for found in difflib.get_close_matches(str(name), known, 1))
    return f"{near}{'Choose' if near else 'choose'} from {', '.join(known)}"


def check_points(where: str, table: object, place: Place) -> None:
    """Refuse a value that is not a table of points, each at least 0."""
    if not isinstance(table, dict) or not table:
        raise WrongEntry(place, f"{where}: points is {table!r}, expected a table such as {{ value = 3, gradient = 2 }}")
    for test, points in table.items():
        if not is_number(points) or points < 0:
            raise WrongEntry(
                (*place, test), f"{where}: points of {test} are {points!r}, expected a number of at least 0"
            )


def check_range(table: Mapping, name: str, where: str, place: Place, ends: tuple[float, float]) -> None:
    """Refuse a number outside ``ends``, which are both allowed."""
    if not ends[0] <= table[name] <= ends[1]:
        expected = f"from {ends[0]} to {ends[1]}" if math.isfinite(ends[1]) else f"of at least {ends[0]}"
        raise WrongEntry((*place, name), f"{where}: {name} is {table[name]!r}, expected a number {expected}")


def check_file(name: str, where: str, place: Place) -> None:
    """Refuse a value that is not the name of a file."""
    if not name or Path(name).name != name:
        raise WrongEntry(place, f"{where}: {name!r} is not the name of a file; write it without folders")


def check_choice(table: Mapping, name: str, where: str, place: Place, known: Collection[str]) -> None:
    """Refuse a value that is not one of the ``known`` ones."""
    value = table[name]
    if value not in list(known):  # a list, or a table, has no hash
        raise WrongEntry((*place, name), f"{where}: the {name} {value!r} is not known; {known_names(value, known)}")
