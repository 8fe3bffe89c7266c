"""Reads the roster of a class: an export of Canvas, Moodle or Gradescope, or a plain ``id,name,email`` table."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from autograder.classroom.intake import free_id
from autograder.classroom.model import Student
from autograder.errors import KitError
from autograder.text import one_line

CANVAS, MOODLE, GRADESCOPE, PLAIN = KINDS = ("canvas", "moodle", "gradescope", "plain")
# The columns for a student's id, in order of preference. If a row has no value in the first, the next is used.
ID_COLUMNS = {
    CANVAS: ("id",),
    MOODLE: ("id number", "email address", "username", "identifier"),
    GRADESCOPE: ("sid", "email"),
    PLAIN: ("id",),
}
# Other columns that identify a student.
HANDLES = ("sis user id", "sis login id", "integration id", "sid", "id number", "identifier", "username", "email",
           "email address")  # fmt: skip
EMAILS = ("email", "email address")
FULL_NAMES = ("student", "full name", "name")
FIRST_NAMES = ("first name", "firstname")
LAST_NAMES = ("last name", "surname", "lastname")
DELIMITERS = ",;\t"
MOST_ROTATIONS = 50
MARKS = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Rows of Canvas that are not students: full marks, and which columns are not posted yet.
POINTS_POSSIBLE = "Points Possible"
STAFF = ("instructor", "ta", "reader")
NOT_POSTED = re.compile(r"\s*(muted|manual posting.*)?\s*", re.IGNORECASE)
EXPECTED = (
    "expected an export of Canvas's gradebook (Student, ID, SIS User ID, SIS Login ID, Section), of Moodle (ID number or "
    "Email address, with First name and Last name or Full name) or of Gradescope (Name or First Name and Last Name, SID, "
    "Email), or a table with the columns id, name and email"
)


@dataclass(frozen=True)
class Roster:
    """The students of a class, and the complete table in the file.

    ``columns`` is the header of the file. ``rows`` are the cells of each student, in the order of ``students``.
    ``points_possible`` are the cells of Canvas's row of full marks, if there is one.
    """

    path: Path
    kind: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    students: tuple[Student, ...]
    points_possible: tuple[str, ...] = ()

    def cell(self, student: Student, *columns: str) -> str:
        """The cell of a student in the first of ``columns`` that is not empty; '' if all are."""
        return _first(self._cells[student.id], columns)

    def find(self, student: Student) -> Student | None:
        """The student of the roster who matches ``student``; None if there is none or more than one.

        An id or an e-mail address decides before a name. If the two belong to different students, there is no match. A
        name is compared with its words in any rotation, without spaces, accents and case: file names of Canvas have
        ``lastfirst``, those of Moodle ``First Last``.
        """
        return self._match(student)[0]

    def _match(self, student: Student) -> tuple[Student | None, bool]:
        """What ``find`` returns, and whether an id or an e-mail address decided it."""
        keys = [key for value in (student.id, student.email) if (key := _handle(value))]
        found = [places for key in keys if (places := self._by_id.get(key) or self._by_handle.get(key))]
        if found:
            places = set.intersection(*found)
        else:
            names = {key for value in (student.name, student.id) for key in _name_keys(value)}
            places = {place for key in names for place in self._by_name.get(key, ())}
        return (self.students[min(places)] if len(places) == 1 else None), bool(found)

    def assign(self, people: Iterable[Student]) -> tuple[Mapping[str, Student], Mapping[str, str]]:
        """Who each of ``people`` is in the tables, and a sentence for those whom a person must look at, by id.

        A student of the roster is one person: the only one who matches by id or e-mail address, else the only one who
        matches by name. Whoever is nobody on the roster keeps the own identity, under an id that is not on the roster.
        """
        people = {student.id: student for student in people}
        claims: dict[str, list[tuple[Student, bool]]] = {}
        for student in people.values():
            entry, sure = self._match(student)
            if entry:
                claims.setdefault(entry.id, []).append((student, sure))
        assigned, remarks = {}, {}
        for entry in self.students:
            claimed = claims.get(entry.id, [])
            rightful = [student for student, sure in claimed if sure] or [student for student, _ in claimed]
            if len(rightful) == 1:
                assigned[rightful[0].id] = entry
            if len(claimed) > 1:
                remarks |= dict.fromkeys((student.id for student, _ in claimed), _contested(entry, claimed, rightful))
        taken = {*people, *self._cells}
        for student in people.values():
            if student.id not in assigned:
                if student in self:  # as themselves they would have the row of another
                    remarks.setdefault(student.id, _two_students(student))
                    assigned[student.id] = replace(student, id=free_id(student.id, taken))
                else:
                    assigned[student.id] = student
        return assigned, remarks

    def __contains__(self, student: Student) -> bool:
        """Whether a student with this id is on the roster."""
        return student.id in self._cells

    @cached_property
    def _cells(self) -> Mapping[str, Mapping[str, str]]:
        return {student.id: _named(self.columns, row) for student, row in zip(self.students, self.rows)}

    @cached_property
    def _by_id(self) -> Mapping[str, set[int]]:
        return _index((_handle(student.id), place) for place, student in enumerate(self.students))

    @cached_property
    def _by_handle(self) -> Mapping[str, set[int]]:
        return _index((key, place) for place, row in enumerate(self.rows) for key in _handles(self.columns, row))

    @cached_property
    def _by_name(self) -> Mapping[str, set[int]]:
        return _index((key, place) for place, student in enumerate(self.students) for key in _name_keys(student.name))


def read_roster(path: Path) -> Roster:
    """Read a roster with commas, semicolons or tabs between cells, in UTF-8 or an encoding with a byte order mark.

    Raises:
        KitError: the file cannot be read, has none of the supported formats, or has two rows with the same id.
    """
    lines = _lines(path)
    _, header = next(lines, (1, []))
    kind = _kind(header)
    if kind is None:
        raise KitError(f"{path}, line 1: these columns do not identify a student; {EXPECTED}")
    columns = tuple(header)
    rows, students, points_possible = [], [], ()
    seen: dict[str, int] = {}
    for line, cells in lines:
        if len(cells) > len(columns):
            raise KitError(
                f"{path}, line {line}: the row has {len(cells)} cells, but the header has {len(columns)}; "
                "put quotes around cells that contain a comma or semicolon"
            )
        row = (*cells, *[""] * (len(columns) - len(cells)))
        if kind == CANVAS and POINTS_POSSIBLE in row[0]:
            points_possible = row
        if _no_student(kind, columns, row):
            continue
        student = _student(kind, columns, row)
        if not student.id:
            raise KitError(f"{path}, line {line}: the student {student.name!r} has no {_wanted(kind, columns)}")
        if (earlier := seen.setdefault(_handle(student.id), line)) != line:
            raise KitError(
                f"{path}, line {line}: {student.id!r} is already in line {earlier}; remove one of the two rows"
            )
        rows.append(row)
        students.append(student)
    return Roster(path, kind, columns, tuple(rows), tuple(students), points_possible)


def _contested(entry: Student, claimed: Sequence[tuple[Student, bool]], rightful: Sequence[Student]) -> str:
    who = ", ".join(one_line(student.id, 60) for student, _ in claimed[:5]) + (", …" if len(claimed) > 5 else "")
    result = "none of them has that row in the tables"
    if len(rightful) == 1:
        result = f"{one_line(rightful[0].id, 60)} has that row in the tables, by id or e-mail address"
    whose = f"{one_line(entry.shown, 60)} ({one_line(entry.id, 60)})"
    return f"Several submissions match {whose} on the roster: {who}; {result}. Find out whose each of them is."


def _two_students(student: Student) -> str:
    return (
        f"The id {one_line(student.id, 60)} and the e-mail address {one_line(student.email, 60)} belong to different "
        "students on the roster; neither has the points in the tables. Find out whose submission this is."
    )


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file that are not empty, each with the line it begins on."""
    text = _text(path)
    skip = 0
    if text[:4].lower() == "sep=":  # a hint for Excel
        text, skip = text.partition("\n")[2], 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    while True:
        line = reader.line_num + 1 + skip
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise KitError(f"{path}, line {line}: this is not a CSV row: {error}; save the file as CSV again") from None
        if any(cell.strip() for cell in cells):
            yield line, cells


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KitError(f"the roster {path} cannot be read: {error.strerror}") from None
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise KitError(f"{path}, line {line}: this is not {encoding} text; save the file as 'CSV UTF-8'") from None
    if not text.strip():
        raise KitError(f"the roster {path} is empty; {EXPECTED}")
    return text


def _delimiter(text: str) -> str:
    """Comma, semicolon or tab: the one that gives the header the most cells."""
    header = text.lstrip().splitlines()[0][:10_000]
    return max(DELIMITERS, key=lambda delimiter: len(next(csv.reader([header], delimiter=delimiter))))


def _kind(header: Iterable[str]) -> str | None:
    names = {_column(name) for name in header}
    whole = bool(names & set(FULL_NAMES))
    split = bool(names & set(FIRST_NAMES)) and bool(names & set(LAST_NAMES))
    if {"id", "section"} <= names and ("student" in names or split):
        return CANVAS
    if (whole or split) and names & {"id number", "email address", "identifier"}:
        return MOODLE
    if (whole or split) and "id" not in names and names & {"sid", "email"}:
        return GRADESCOPE
    return PLAIN if "id" in names else None


def _wanted(kind: str, columns: tuple[str, ...]) -> str:
    there = {_column(name): name for name in columns}
    return " and no ".join(there[name] for name in ID_COLUMNS[kind] if name in there)


def _no_student(kind: str, columns: tuple[str, ...], row: tuple[str, ...]) -> bool:
    """Rows that are not students: Canvas's rows about columns and its test student, and Gradescope's staff."""
    cells = _named(columns, row)
    if kind == CANVAS:
        made_up = row[0] == "Student, Test" and not cells.get("sis user id")
        return POINTS_POSSIBLE in row[0] or made_up or all(NOT_POSTED.fullmatch(cell) for cell in row)
    return kind == GRADESCOPE and cells.get("role", "").casefold() in STAFF


def _student(kind: str, columns: tuple[str, ...], row: tuple[str, ...]) -> Student:
    cells = _named(columns, row)
    first, last = _first(cells, FIRST_NAMES), _first(cells, LAST_NAMES)
    name = f"{first} {last}".strip() or _first(cells, FULL_NAMES)
    if kind == CANVAS and name.count(",") == 1 and not first:
        name = " ".join(part.strip() for part in reversed(name.split(",")))
    return Student(one_line(_first(cells, ID_COLUMNS[kind])), one_line(name), one_line(_first(cells, EMAILS)))


def _named(columns: tuple[str, ...], row: tuple[str, ...]) -> Mapping[str, str]:
    """Cells by the normalised name of their column. If several columns have the same name, the first counts."""
    return {_column(name): cell.strip() for name, cell in zip(reversed(columns), reversed(row))}


def _column(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _first(cells: Mapping[str, str], columns: Iterable[str]) -> str:
    return next((value for name in columns if (value := cells.get(_column(name)))), "")


def _index(pairs: Iterable[tuple[str, int]]) -> Mapping[str, set[int]]:
    index: dict[str, set[int]] = {}
    for key, place in pairs:
        index.setdefault(key, set()).add(place)
    return index


def _handle(value: str) -> str:
    """A normalised id or address for comparison. Moodle's ``Participant 123`` is the 123 in its file names."""
    value = one_line(value).casefold()
    return re.sub(r"^participant (?=\d+$)", "", value)


def _handles(columns: tuple[str, ...], row: tuple[str, ...]) -> Iterator[str]:
    """All values in a row that identify the student, including the part of an e-mail address before the @."""
    cells = _named(columns, row)
    for name in HANDLES:
        if key := _handle(cells.get(name, "")):
            yield key
            if "@" in key[1:]:
                yield key.partition("@")[0]


def _name_keys(name: str) -> set[str]:
    """A name without spaces, accents, punctuation and case, in every rotation of its words; of a very long one, in some."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(c for c in plain if not "\u0300" <= c <= "\u036f").replace(",", " ")
    words = ["".join(c for c in word if c.isalnum() or unicodedata.category(c)[0] == "M") for word in plain.split()]
    words = [word for word in words if word]
    return {"".join(words[k:] + words[:k]) for k in range(min(len(words), MOST_ROTATIONS))}
