"""Finds the line of every table and entry in a TOML file, which ``tomllib`` does not provide."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping

Place = tuple[str | int, ...]


def line_of(text: str, place: Place) -> int | None:
    """The line, counted from 1, of an entry such as ``("question", 2, "points", "value")``; its indices count from 0.

    For a missing entry, the line of its table; None if it is missing at the top level.
    """
    lines = dict(reversed(list(entries(text))))  # the first statement about a place counts
    return next((lines[place[:length]] for length in range(len(place), 0, -1) if place[:length] in lines), None)


def entries(text: str) -> Iterator[tuple[Place, int]]:
    """Every table, array of tables, entry and element of a valid TOML text, and the line on which its statement begins."""
    last: dict[Place, int] = {}  # for each array of tables, the index of its last table
    table: Place = ()
    for line, source, statement in _statements(text):
        if not source.startswith("["):
            yield from (((*table, *place), line) for place in _places(statement))
            continue
        keys = _keys(statement)
        if source.startswith("[["):
            array = (*_resolved(keys[:-1], last), keys[-1])
            last[array] = last.get(array, -1) + 1
            table = (*array, last[array])
            if last[array] == 0:
                yield array, line
        else:
            table = _resolved(keys, last)
        yield table, line


def _statements(text: str) -> Iterator[tuple[int, str, dict]]:
    """(line, source, content) of each statement: the fewest consecutive lines that are valid TOML."""
    lines = text.replace("\r\n", "\n").split("\n")
    start = 0
    while start < len(lines):
        for end in range(start + 1, len(lines) + 1):
            source = "\n".join(lines[start:end])
            try:
                content = tomllib.loads(source)
            except tomllib.TOMLDecodeError:
                continue
            if content:
                yield start + 1, source.lstrip(), content
            break
        start = end


def _keys(header: Mapping) -> tuple[str, ...]:
    """The names in a header: ``[a.b]`` and ``[[a.b]]`` give a and b."""
    keys: tuple[str, ...] = ()
    while header:
        (key, header), *_ = header.items()
        keys = (*keys, key)
        header = {} if isinstance(header, list) else header
    return keys


def _resolved(keys: tuple[str, ...], last: Mapping[Place, int]) -> Place:
    """The place that a header names. For an array of tables this is its last table."""
    place: Place = ()
    for key in keys:
        place = (*place, key)
        place = (*place, last[place]) if place in last else place
    return place


def _places(value: object) -> Iterator[Place]:
    """The places of all values inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (key,)
        yield from ((key, *place) for place in _places(inner))
