"""Reads the roster of a class: an export of Canvas, Moodle or Gradescope, or a plain ``id,name,email`` table.

Moodle writes its columns in the language of the site. Usual names of other languages are known; a grading worksheet is
also recognised by what its cells look like, so it can be in any language.
"""

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
# What people call the column of ids in tables of their own.
OWN_IDS = (
    *("id", "student id", "studentid", "student number", "student no", "matriculation number", "user id", "userid"),
    *("net id", "netid", "login id", "login", "roll number", "roll no"),
)
# The columns for a student's id, in order of preference. If a row has no value in the first, the next is used.
ID_COLUMNS = {
    CANVAS: ("id",),
    MOODLE: ("id number", "email address", "username", "identifier"),
    GRADESCOPE: ("sid", "email"),
    PLAIN: (*OWN_IDS, "username", "email", "email address"),
}
# Other columns that identify a student.
HANDLES = ("sis user id", "sis login id", "integration id", "sid", "id number", "identifier", "username", "email",
           "email address", *OWN_IDS[1:])  # fmt: skip
EMAILS = ("email", "email address")
FULL_NAMES = ("student", "full name", "name")
FIRST_NAMES = ("first name", "firstname")
LAST_NAMES = ("last name", "surname", "lastname")
GROUPS = ("group", "groups")
# What Moodle calls its columns in other languages, and other usual names.
OTHER_NAMES = {
    "first name": "vorname, prénom, nombre, nome, voornaam, förnamn, fornavn, etunimi, imię, имя, 名",
    "last name": "nachname, familienname, nom de famille, nom, apellido(s), apellidos, cognome, sobrenome, apelido(s), "
    "apelido, achternaam, efternamn, etternavn, sukunimi, nazwisko, фамилия, 姓",
    "full name": "vollständiger name, nom complet, nombre completo, nome completo, volledige naam, fullständigt namn, "
    "полное имя, フルネーム, 氏名, 姓 / 名, 姓名, 全名, 이름",
    "email address": "e-mail-adresse, e-mail, e-mail address, adresse de courriel, adresse électronique, courriel, "
    "dirección de correo, dirección de correo electrónico, correo electrónico, indirizzo email, endereço de email, "
    "endereço de e-mail, e-mailadres, e-postadress, adres e-mail, адрес электронной почты, メールアドレス, 电子邮件地址, "
    "電子郵件信箱, 이메일 주소",
    "id number": "id-nummer, matrikelnummer, matrikelnr., numéro d'identification, número de id, número de identificación, "
    "codice identificativo, numero id, número de identificação, numer id, индивидуальный номер, idナンバー, 学号, id号, 學號",
    "group": "gruppe, groupe, grupo, gruppo, groep, grupp, ryhmä, grupa, skupina, группа, グループ, 小组, 组, 群組, 그룹",
    "grade": "bewertung, calificación, valutazione, 評点, 评分",
    "maximum grade": "bestwertung, note maximale, calificación máxima, valutazione massima, 最大評点",
    "feedback comments": "feedback als kommentar, feedback par commentaires, comentarios de retroalimentación, "
    "フィードバックコメント",
}
# Moodle's word for a participant, with the number that its file names have, in any language.
PARTICIPANT = re.compile(r"(?P<word>[^\d@]*[^\d@\s.-])\s*(?P<number>\d+)")
PLAIN_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
MOMENT = re.compile(r"-|.*(?:\d{4}|\d:\d\d).*", re.DOTALL)
WORKSHEET_COLUMNS = 6
MOST_HYPHENS = 8  # in the name of a group
LONG_WORD = 7  # letters of "student", which people write into ids of their own
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
TITLES = {
    CANVAS: "an export of Canvas's gradebook",
    MOODLE: "an export of Moodle",
    GRADESCOPE: "an export of Gradescope",
    PLAIN: "a table of your own",
}
EAST_ASIAN = re.compile("[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
# What people write behind a name and a comma.
SUFFIXES = frozenset({"phd", "dr", "md", "msc", "bsc", "ma", "ba", "meng", "mba", "jr", "sr", "ii", "iii", "iv", "esq"})


@dataclass(frozen=True)
class Roster:
    """The students of a class, and the complete table in the file.

    ``columns`` is the header of the file, ``keys`` the English name of each column in small letters. ``rows`` are the
    cells of each student, in the order of ``students``. ``points_possible`` are the cells of Canvas's row of full marks,
    if there is one.
    """

    path: Path
    kind: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    students: tuple[Student, ...]
    points_possible: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def described(self) -> str:
        """A sentence for the instructor: how the file was read."""
        columns = [self.columns[self.keys.index(key)] for key in ID_COLUMNS[self.kind] if key in self.keys]
        by = " or ".join(f"{one_line(column, 40)!r}" for column in columns[:2])
        return f"{one_line(str(self.path), 100)} is read as {TITLES[self.kind]}; a student's id is in the column {by}"

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
        found = [places for key in keys if (places := self._places(key))]
        alike = map(self._named_like, _names_in(student))
        places = set.intersection(*found) if found else next(filter(None, alike), set())
        return (self.students[min(places)] if len(places) == 1 else None), bool(found)

    def _places(self, key: str) -> set[int]:
        """The rows with this id or address; a number also without its leading zeros, which spreadsheets drop."""
        places = self._by_id.get(key) or self._by_handle.get(key)
        return places or (self._by_number.get(key.lstrip("0"), set()) if _is_number(key) else set())

    def _named_like(self, names: Iterable[str]) -> set[int]:
        return {place for name in names for key in _name_keys(name) for place in self._by_name.get(key, ())}

    def group(self, student: Student) -> tuple[Student, ...]:
        """The members of a group on the roster that is called like ``student``; nobody if there is no such group.

        Moodle writes the group, not a member, into the file names of a group submission.
        """
        return tuple(self.students[place] for place in sorted(self._by_group.get(_group_key(student.name), ())))

    def assign(self, people: Iterable[Student]) -> tuple[Mapping[str, Student], Mapping[str, str]]:
        """Who each of ``people`` is in the tables, and a sentence for those whom a person must look at, by id.

        A student of the roster is one person: the only one who matches by id or e-mail address, else the only one who
        matches by name. Whoever is nobody on the roster keeps the own identity, under an id that is not on the roster.
        """
        people = {student.id: student for student in people}
        claims: dict[str, list[tuple[Student, bool]]] = {}
        for student in people.values():
            if self.group(student):
                continue
            entry, sure = self._match(student)
            if entry:
                claims.setdefault(entry.id, []).append((student, sure))
        assigned, remarks = {}, {}
        for entry in self.students:
            claimed = claims.get(entry.id, [])
            rightful = [student for student, sure in claimed if sure] or [student for student, _ in claimed]
            if len({_handle(student.id).lstrip("0") for student in rightful}) == 1:  # alice and ALICE, 42 and 0042
                rightful = [student for student in rightful if student.id == entry.id] or rightful
            if len(rightful) == 1:
                assigned[rightful[0].id] = entry
            if len(claimed) > 1:
                remarks |= dict.fromkeys((student.id for student, _ in claimed), _contested(entry, claimed, rightful))
        taken = {*people, *self._cells}
        for student in people.values():
            if student.id not in assigned:
                if student in self and self.group(student):  # its number is that of a student
                    assigned[student.id] = replace(student, id=free_id(student.id, taken))
                elif student in self:  # as themselves they would have the row of another
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
        return {student.id: _named(self.keys, row) for student, row in zip(self.students, self.rows)}

    @cached_property
    def _by_id(self) -> Mapping[str, set[int]]:
        return _index((_handle(student.id), place) for place, student in enumerate(self.students))

    @cached_property
    def _by_handle(self) -> Mapping[str, set[int]]:
        return _index((key, place) for place, row in enumerate(self.rows) for key in _handles(self.keys, row))

    @cached_property
    def _by_number(self) -> Mapping[str, set[int]]:
        known = {**self._by_handle, **self._by_id}
        return _index((key.lstrip("0"), place) for key, places in known.items() if _is_number(key) for place in places)

    @cached_property
    def _by_group(self) -> Mapping[str, set[int]]:
        pairs = ((_first(_named(self.keys, row), GROUPS), place) for place, row in enumerate(self.rows))
        return _index((_group_key(name), place) for names, place in pairs for name in names.split(",") if name.strip())

    @cached_property
    def _by_name(self) -> Mapping[str, set[int]]:
        return _index((key, place) for place, student in enumerate(self.students) for key in _name_keys(student.name))


def read_roster(path: Path) -> Roster:
    """Read a roster with commas, semicolons or tabs between cells, in UTF-8 or an encoding with a byte order mark.

    Raises:
        KitError: the file cannot be read, has none of the supported formats, or has two rows with the same id.
    """
    lines = list(_lines(path))
    (_, header), lines = (lines[0], lines[1:]) if lines else ((1, []), [])
    columns = tuple(header)
    lines = [(line, _fitted(path, line, cells, columns)) for line, cells in lines]
    keys = tuple(map(_key, columns))
    rows = [row for _, row in lines]
    keys = _worksheet(keys, rows) or keys
    kind = _kind(keys)
    if kind is None:
        there = ", ".join(one_line(name, 40) for name in columns[:12])
        raise KitError(f"{path}, line 1: these columns do not identify a student: {there}; {EXPECTED}")
    rows, students, points_possible = [], [], ()
    seen: dict[str, int] = {}
    for line, row in lines:
        if kind == CANVAS and POINTS_POSSIBLE in row[0]:
            points_possible = row
        if _no_student(kind, keys, row):
            continue
        student = _student(kind, keys, row)
        if not student.id:
            raise KitError(f"{path}, line {line}: the student {student.name!r} has no {_wanted(kind, columns, keys)}")
        if (earlier := seen.setdefault(_handle(student.id), line)) != line:
            raise KitError(
                f"{path}, line {line}: {student.id!r} is already in line {earlier}; remove one of the two rows"
            )
        rows.append(row)
        students.append(student)
    return Roster(path, kind, columns, tuple(rows), tuple(students), points_possible, keys)


def split_name(name: str) -> tuple[str, str]:
    """First and last name: "Last, First", a family name first in Chinese, Japanese and Korean, else the last word last."""
    last, comma, first = (part.strip() for part in name.partition(","))
    if comma and last and first:
        if re.sub(r"[\s.]", "", first).casefold() not in SUFFIXES:
            return first, last
        first, family = split_name(last)
        return first, f"{family}, {name.partition(',')[2].strip()}"
    words = name.split()
    if len(words) > 1 and all(EAST_ASIAN.fullmatch(word) for word in words):
        return " ".join(words[1:]), words[0]
    first, _, last = name.rpartition(" ")
    return (first, last) if first else (last, "")


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


def _fitted(path: Path, line: int, cells: list[str], columns: Sequence[str]) -> tuple[str, ...]:
    """The cells of a row, as many as there are columns. Raises KitError if more have a text."""
    while len(cells) > len(columns) and not cells[-1].strip():
        cells = cells[:-1]
    if len(cells) > len(columns):
        raise KitError(
            f"{path}, line {line}: the row has {len(cells)} cells, but the header has {len(columns)}; "
            "put quotes around cells that contain a comma or semicolon"
        )
    return (*cells, *[""] * (len(columns) - len(cells)))


def _kind(keys: Iterable[str]) -> str | None:
    names = set(keys)
    whole = bool(names & set(FULL_NAMES))
    split = bool(names & set(FIRST_NAMES)) and bool(names & set(LAST_NAMES))
    if {"id", "section"} <= names and ("student" in names or split):
        return CANVAS
    if "identifier" in names:
        return MOODLE
    if names & set(OWN_IDS):
        return PLAIN
    if (whole or split) and names & {"id number", "email address"}:
        return MOODLE
    if (whole or split) and ("sid" in names or ("email" in names and "username" not in names)):
        return GRADESCOPE
    return PLAIN if "username" in names else None


def _worksheet(keys: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The English columns of a grading worksheet of Moodle in another language, told by its cells; () if it is none.

    Its columns begin with the participant and the full name, and the grade stands before the maximum grade, which is the
    same in every row (mod/assign/gradingtable.php). The comments of the feedback are the last column, if they are there.
    """
    participants = [PARTICIPANT.fullmatch(row[0].strip()) for row in rows if row]
    known = {*FULL_NAMES, *FIRST_NAMES} - {"full name"}
    if len(keys) < WORKSHEET_COLUMNS or not rows or not all(participants) or known & set(keys) or "section" in keys:
        return ()
    if len({match["word"].strip() for match in participants}) > 1:
        return ()
    cells = [[cell.strip() for cell in column] for column in zip(*rows)]
    full = [
        place
        for place, column in enumerate(cells)
        if place > 1
        and len(set(column)) == 1
        and PLAIN_NUMBER.fullmatch(column[0])
        and all(cell in ("", "-") or PLAIN_NUMBER.fullmatch(cell) for cell in cells[place - 1])
    ]
    if not full:  # graded by words, or without its grades
        word = participants[0]["word"]
        sure = {"full name", "email address"} & set(keys) and (len(word) > LONG_WORD or not word.isascii())
        return ("identifier", *keys[1:]) if sure else ()
    mail = [place for place, column in enumerate(cells) if any(column) and all("@" in c for c in column if c)]
    named = bool(mail) or 2 * len(set(cells[1])) > len(rows)  # without names, this is a state that many have
    told = {0: "identifier", full[-1] - 1: "grade", full[-1]: "maximum grade"}
    told |= {1: "full name"} if named and 1 not in mail else {}
    told |= {mail[0]: "email address"} if mail else {}
    last = len(keys) - 1
    if last > full[-1] and not all(map(MOMENT.fullmatch, cells[last])):
        told[last] = "feedback comments"
    told = {place: key for place, key in told.items() if key not in keys}
    return tuple(told.get(place, key) for place, key in enumerate(keys))


def _wanted(kind: str, columns: Sequence[str], keys: Sequence[str]) -> str:
    there = dict(zip(keys, columns))
    return " and no ".join(there[name] for name in ID_COLUMNS[kind] if name in there)


def _no_student(kind: str, keys: Sequence[str], row: Sequence[str]) -> bool:
    """Rows that are not students: Canvas's rows about columns and its test student, and Gradescope's staff."""
    cells = _named(keys, row)
    if kind == CANVAS:
        made_up = row[0] == "Student, Test" and not cells.get("sis user id")
        return POINTS_POSSIBLE in row[0] or made_up or all(NOT_POSTED.fullmatch(cell) for cell in row)
    return kind == GRADESCOPE and cells.get("role", "").casefold() in STAFF


def _student(kind: str, keys: Sequence[str], row: Sequence[str]) -> Student:
    cells = _named(keys, row)
    first, last = _first(cells, FIRST_NAMES), _first(cells, LAST_NAMES)
    name = f"{first} {last}".strip() or _first(cells, FULL_NAMES)
    if kind == CANVAS and "," in name and not first:
        name = " ".join(filter(None, split_name(name)))
    return Student(one_line(_first(cells, ID_COLUMNS[kind])), one_line(name), one_line(_first(cells, EMAILS)))


def _named(keys: Sequence[str], row: Sequence[str]) -> Mapping[str, str]:
    """Cells by the English name of their column. If several columns have the same name, the first counts."""
    return {key: cell.strip() for key, cell in zip(reversed(keys), reversed(row))}


def _key(name: str) -> str:
    """The English name of a column in small letters, if it is known."""
    plain = _column(unicodedata.normalize("NFC", name).replace("\u2019", "'"))
    return _KEYS.get(plain, plain)


def _column(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


_KEYS = {_column(name): key for key, names in OTHER_NAMES.items() for name in names.split(", ")}


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


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and key.strip("0") != ""


def _group_key(name: str) -> str:
    """The name of a group for comparison; Moodle writes spaces for underscores in file names."""
    return " ".join(unicodedata.normalize("NFKC", name).replace("_", " ").casefold().split())


def _handles(keys: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    """All values in a row that identify the student, including the part of an e-mail address before the @."""
    cells = _named(keys, row)
    for name in HANDLES:
        if key := _handle(cells.get(name, "")):
            yield key
            if "@" in key[1:]:
                yield key.partition("@")[0]
            if name == "identifier" and (match := PARTICIPANT.fullmatch(key)):
                yield match["number"]


def _names_in(student: Student) -> Iterator[tuple[str, ...]]:
    """Names to look for, the surest first. Moodle can write a group and a hyphen before a name."""
    yield student.name, student.id
    parts = student.name.split("-")
    yield from (("-".join(parts[first:]),) for first in range(1, min(len(parts), MOST_HYPHENS)))


def _name_keys(name: str) -> set[str]:
    """A name without spaces, accents, punctuation and case, in every rotation of its words; of a very long one, in some."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(c for c in plain if not "\u0300" <= c <= "\u036f").replace(",", " ")
    words = ["".join(c for c in word if c.isalnum() or unicodedata.category(c)[0] == "M") for word in plain.split()]
    words = [word for word in words if word]
    return {"".join(words[k:] + words[:k]) for k in range(min(len(words), MOST_ROTATIONS))}
