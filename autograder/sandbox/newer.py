"""Tells syntax that only a newer Python accepts from a mistake: rewrites it so that an older Python could read it.

What is rewritten means something else and is never run; the only question is whether the rest is valid. Each new form is
replaced by an old one that may stand in the same place: an f-string by "", a ``type`` statement by an assignment.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

FSTRING = "an f-string with quotation marks, a backslash or a line break in its braces"
TEMPLATE = "a t-string"
TYPE = "a type statement"
PARAMETERS = "type parameters in square brackets"
DEFAULT = "a type parameter with a default"
EXCEPT = "an except of several exceptions without parentheses"
MAX_DEPTH = 10  # of f-strings inside f-strings
MAX_CHARACTERS = 50_000

QUOTES = r"""'''|\"{3}|'|\""""
# Where a comment or a string begins, and the same within the braces of an f-string, where brackets count as well.
_BEGIN = rf"#[^\n]*|(?<!\w)(?P<prefix>[bBuUfFtTrR]{{0,2}})(?P<quote>{QUOTES})"
_STRING = re.compile(_BEGIN)
_IN_FIELD = re.compile(_BEGIN + r"|!=|[]!:()[{}]")
_IN_TEXT = re.compile(rf"\\N\{{[^}}]*\}}|\\.|\{{\{{|\}}\}}|[{{}}\n]|{QUOTES}", re.DOTALL)
_BRACES = re.compile(r"[{}]")
_REST = {
    **{quote: re.compile(rf"(?:[^\\\n{quote}]|\\.)*+{quote}", re.DOTALL) for quote in "'\""},
    **{3 * quote: re.compile(rf"(?:[^\\]|\\.)*?{3 * quote}", re.DOTALL) for quote in "'\""},
}
_TYPE = re.compile(r"(^|[;:])([ \t]*)type[ \t]+(\w+)[ \t]*(?==)", re.MULTILINE)
_PARAMETERS = re.compile(r"(?:\b(?:def|class)|(?:^|[;:])[ \t]*type)[ \t]+\w+[ \t]*(?=\[)", re.MULTILINE)
_BRACKET = re.compile(r"[][(){}]|(?<![=!<>:])=(?!=)")
# "except Error, e:" is Python 2: what follows a comma here is a class, with a capital letter or a module.
_EXCEPT = re.compile(
    r"^([ \t]*except\b\*?)[ \t]*([\w.]+(?:[ \t]*,[ \t]*(?:[A-Z]\w*|\w+(?:\.\w+)+))+)[ \t]*(?=:)", re.MULTILINE
)


class Version(NamedTuple):
    """A version of Python: 3.12."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True)
class Newer:
    """A part of a cell that needs a newer Python: its line, the first version that accepts it, and what it is."""

    line: int
    version: Version
    what: str


class _NotPython(Exception):
    """No Python accepts the text."""


def newer(source: str) -> Newer | None:
    """The first part of ``source``, which this Python refuses, that needs the newest version of Python.

    None if no version accepts the source, as far as is known here.
    """
    if len(source) > MAX_CHARACTERS:
        return None
    found: list[Newer] = []
    try:
        text = _in_older_python(source, found, 1, 0)
    except (_NotPython, RecursionError):
        return None
    return min(found, key=lambda part: (-part.version.minor, part.line)) if found and valid(text) else None


def valid(source: str) -> bool:
    """Whether this Python can parse ``source``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _in_older_python(source: str, found: list[Newer], first: int, depth: int) -> str:
    """``source``, which begins in line ``first``, with the same lines and without new forms, which are added to ``found``.

    Raises _NotPython.
    """
    if depth > MAX_DEPTH:
        raise _NotPython

    def note(place: int, minor: int, what: str) -> None:
        found.append(Newer(first + text.count("\n", 0, place), Version(3, minor), what))

    text, place = "".join(_masked(source, found, first, depth)), 0
    while match := _PARAMETERS.search(text, place):
        place = match.end()
        end, default = _closed(text, place)
        note(place, *((13, DEFAULT) if default else (12, PARAMETERS)))
        text = text[:place] + "\\\n" * text.count("\n", place, end) + text[end:]
    for match in _TYPE.finditer(text):
        note(match.start(3), 12, TYPE)
    text = _TYPE.sub(r"\1\2\3", text)
    for match in _EXCEPT.finditer(text):
        note(match.start(2), 14, EXCEPT)
    return _EXCEPT.sub(r"\1 (\2)", text)


def _masked(source: str, found: list[Newer], first: int, depth: int) -> Iterator[str]:
    """The text with an empty string for each string and without comments. Raises _NotPython."""
    place = 0
    while match := _STRING.search(source, place):
        yield source[place : match.start()]
        place = match.end()
        if not match["quote"]:
            continue
        place, fields = _string(source, match)
        literal, template = source[match.start() : place], "t" in match["prefix"].lower()
        if template or not valid(f"({literal})"):
            if not template and not fields:
                raise _NotPython
            version, what = (Version(3, 14), TEMPLATE) if template else (Version(3, 12), FSTRING)
            found.append(Newer(first + source.count("\n", 0, match.start()), version, what))
            for start, end in fields:
                line = first + source.count("\n", 0, start)
                expression = _in_older_python(source[start:end], found, line, depth + 1)
                if not expression.strip() or not valid(f"({expression.strip().removesuffix('=')}\n)"):
                    raise _NotPython
        lines = literal.count("\n")
        yield '"""' + "\n" * lines + '"""' if lines else '""'
    yield source[place:]


def _string(source: str, begin: re.Match[str]) -> tuple[int, list[tuple[int, int]]]:
    """Where a string ends, and from where to where its braces hold expressions. Raises _NotPython."""
    kind, quote, place = begin["prefix"].lower(), begin["quote"], begin.end()
    fields: list[tuple[int, int]] = []
    if not {"f", "t"} & set(kind):
        if rest := _REST[quote].match(source, place):
            return rest.end(), fields
        raise _NotPython
    while match := _IN_TEXT.search(source, place):
        text, place = match[0], match.end()
        if text.startswith(quote):
            return match.start() + len(quote), fields
        if text == "}" or (text == "\n" and len(quote) == 1):
            raise _NotPython
        if text == "{" or (text.startswith("\\N{") and "r" in kind):
            place = _field(source, match.start() + text.index("{") + 1, fields)
        elif len(text) == 3 and text[0] in "'\"":  # three quotation marks of the other kind
            place = match.start() + 1
    raise _NotPython


def _field(source: str, place: int, fields: list[tuple[int, int]]) -> int:
    """The place after a field whose expression begins at ``place``. Raises _NotPython."""
    start, depth = place, 0
    while match := _IN_FIELD.search(source, place):
        text, place = match[0], match.end()
        if match["quote"]:
            place, _ = _string(source, match)
        elif text in "([{":
            depth += 1
        elif text in ")]}" and depth:
            depth -= 1
        elif text in "!:}" and not depth:
            fields.append((start, match.start()))
            return place if text == "}" else _after_format(source, place, fields)
    raise _NotPython


def _after_format(source: str, place: int, fields: list[tuple[int, int]]) -> int:
    """The place after a field whose conversion or format begins at ``place``; it may hold fields. Raises _NotPython."""
    while match := _BRACES.search(source, place):
        if match[0] == "}":
            return match.end()
        place = _field(source, match.end(), fields)
    raise _NotPython


def _closed(text: str, place: int) -> tuple[int, bool]:
    """Where the bracket at ``place`` is closed, and whether a "=" stands in it. Raises _NotPython."""
    depth, default = 0, False
    for match in _BRACKET.finditer(text, place):
        depth += (match[0] in "[({") - (match[0] in "])}")
        default |= match[0] == "="
        if depth == 0:
            return match.end(), default
    raise _NotPython
