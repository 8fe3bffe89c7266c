"""Points for written answers. A person gives them in ``manual.csv``, in the folder of results: a row a student and question.

Every run writes the file anew with all students, keeps what a person has written there, and counts it everywhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.assignment import Assignment
from autograder.classroom.model import Student
from autograder.classroom.roster import _lines
from autograder.classroom.store import RECORD, Record, read_record, write_bytes, write_text
from autograder.classroom.tables import BYTE_ORDER_MARK, NUMBER, points, table
from autograder.engine.handed_report import HandedReport
from autograder.engine.report import Report, Written
from autograder.errors import KitError
from autograder.text import one_line

FILE = "manual.csv"
COLUMNS = ("id", "name", "question", "possible", "points", "comment", "report", "answer")
NEEDED = ("id", "question", "points", "comment")
LONGEST_ANSWER = 2000
REPORT, REPORT_ENDINGS = "student-report", (".pdf", ".html")
# What ``tables.guarded`` puts before the signs of a formula.
GUARD = re.compile(r"((?:^|[;\t\r\n])[\s\"]*+)'(?=[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n])")


@dataclass(frozen=True)
class Mark:
    """What a person says of one answer: points (None: nothing yet) and a comment."""

    points: float | None = None
    comment: str = ""

    def __bool__(self) -> bool:
        return self.points is not None or bool(self.comment)


# By student and question, see ``place_of``.
Place = tuple[str, str]
Marks = Mapping[Place, Mark]


def place_of(id: str, question: str) -> Place:
    """What a mark is found by. A spreadsheet takes the zeros from the beginning of an id that is a number."""
    id = id.strip()
    return (id.lstrip("0") or "0") if id.isdecimal() else id, question.strip()


def read_marks(out: Path, assignment: Assignment) -> dict[Place, Mark]:
    """The marks in ``manual.csv``; those of the last run if the file is not there any more.

    Raises:
        KitError: the file cannot be read as the table that it was, or has points that cannot be given.
    """
    path = out / FILE
    if not path.is_file():
        return _recorded(out)
    if not path.read_bytes().strip():
        raise KitError(f"{path} is empty; move it away, and the same command writes it with the points of the last run")
    lines = _lines(path)
    _, header = next(lines, (1, []))
    names = [name.strip().casefold() for name in header]
    if missing := [name for name in NEEDED if name not in names]:
        raise KitError(
            f"{path}, line 1: there is no column {missing[0]!r}; the columns are {', '.join(COLUMNS)}. Correct it, or "
            "move the file away to begin again"
        )
    most = {sheet.id: sheet.points for sheet in assignment.written}
    marks: dict[Place, Mark] = {}
    seen: dict[Place, int] = {}
    for line, cells in lines:
        row = {name: GUARD.sub(r"\1", cell) for name, cell in zip(names, cells)}
        place = place_of(row.get("id", ""), row.get("question", ""))
        if not any(place):
            continue
        where = f"{path}, line {line}"
        if (earlier := seen.setdefault(place, line)) != line:
            raise KitError(
                f"{where}: {place[0]!r} and {place[1]} are already in line {earlier}; remove one of the rows"
            )
        if mark := Mark(_points(row.get("points", ""), most.get(place[1]), where), row.get("comment", "").strip()):
            marks[place] = mark
    return marks


def _points(cell: str, most: float | None, where: str) -> float | None:
    text = cell.strip()
    if not text:
        return None
    value = float(text.replace(",", ".")) if NUMBER.fullmatch(text) else None
    if value is None or value < 0 or (most is not None and value > most):
        wanted = "at least 0" if most is None else f"0 to {points(most)}"
        raise KitError(f"{where}: points is {one_line(text, 40)!r}, expected a number from {wanted}, or nothing")
    return value


def _recorded(out: Path) -> dict[Place, Mark]:
    """The marks that earlier runs counted."""
    records = filter(None, (read_record(path.parent) for path in sorted(out.glob(f"*/{RECORD}"))))
    return {
        place_of(student.id, one.question): mark
        for record in records
        for student in record.students
        for one in record.report.written
        if (mark := Mark(one.points, one.comment))
    }


def with_marks(report: Report, students: Sequence[Student], marks: Marks) -> Report:
    """The report of a submission with the marks of its students; a group has those of the first who has some."""
    return replace(
        report,
        written=[
            _marked(one, [marks.get(place_of(student.id, one.question)) for student in students])
            for one in report.written
        ],
        by_hand=counts(marks),
    )


def counts(marks: Marks) -> bool:
    """Whether written questions count: from the first points on that a person gives to anybody."""
    return any(mark.points is not None for mark in marks.values())


class WithWritten(Assignment):
    """An assignment whose full marks hold the written questions."""

    @property
    def possible(self) -> float:
        """Full marks, without bonus."""
        return super().possible + self.by_hand


def with_written(assignment: Assignment, marks: Marks) -> Assignment:
    """The assignment as it counts with these marks."""
    return WithWritten(**vars(assignment)) if counts(marks) else assignment


def _marked(one: Written, marks: Iterable[Mark | None]) -> Written:
    mark = next(filter(None, marks), Mark())
    return replace(one, points=mark.points, comment=mark.comment)


def stamp(students: Sequence[Student], marks: Marks) -> str:
    """A text that is another one when what counts of the marks for these students is."""
    ids = {place_of(student.id, "")[0] for student in students}
    own = sorted((*place, mark.points, mark.comment) for place, mark in marks.items() if place[0] in ids)
    return json.dumps([counts(marks), own]) if counts(marks) or own else ""


def keep_report(folder: Path, handed: HandedReport | None) -> None:
    """Put what a student handed in as a report beside the results, or remove the one of an earlier submission.

    Raises:
        KitError: it could not be written.
    """
    for ending in REPORT_ENDINGS:
        if handed and ending == handed.ending:
            write_bytes(folder / f"{REPORT}{ending}", handed.content)
        else:
            (folder / f"{REPORT}{ending}").unlink(missing_ok=True)


def kept_report(folder: Path) -> str:
    """Where a student's report lies, from the folder of all results; '' if there is none."""
    found = (f"{folder.name}/{REPORT}{ending}" for ending in REPORT_ENDINGS if (folder / f"{REPORT}{ending}").is_file())
    return next(found, "")


def write_marks(
    out: Path, assignment: Assignment, records: Mapping[Path, Record], marks: Marks, names: Callable[[Student], Student]
) -> list[str]:
    """Write ``manual.csv``, with the rows of all who are graded; returns sentences for the instructor.

    ``records`` are by their folders. ``names`` returns a student's entry in the roster.

    Rows with marks for others stay below them: nothing that a person wrote is dropped.

    Raises:
        KitError: the file could not be written; it is unchanged.
    """
    if not assignment.written:
        return []
    rows, known, waiting, differ = [], set(), 0, []
    people = [(student, folder, record) for folder, record in records.items() for student in record.students]
    for student, folder, record in sorted(people, key=lambda one: (one[0].id.casefold(), one[0].id)):
        for answer in record.report.written:
            known.add(place := place_of(student.id, answer.question))
            mark = marks.get(place) or Mark(answer.points, answer.comment)
            if mark.points != answer.points:
                differ.append(f"{names(student).shown} ({answer.question})")
            waiting += bool(answer.answer) and mark.points is None
            rows.append(_row(student.id, names(student).shown, answer, mark, kept_report(folder)))
    others = [place for place in marks if place not in known]
    titles = {sheet.id: Written(sheet.id, sheet.title, sheet.points) for sheet in assignment.written}
    rows += [_row(place[0], "", titles.get(place[1], Written(place[1], "", 0)), marks[place]) for place in others]
    text = BYTE_ORDER_MARK + table(COLUMNS, rows)
    path = out / FILE
    if not path.is_file() or path.read_bytes().decode("utf-8", "replace") != text:
        write_text(path, text)
    return _notes(assignment, waiting, counts(marks), differ, others)


def _row(id: str, name: str, answer: Written, mark: Mark, report: str = "") -> list[str]:
    given = "" if mark.points is None else points(mark.points)
    shown = answer.answer[:LONGEST_ANSWER] + " …" * (len(answer.answer) > LONGEST_ANSWER)
    return [id, name, answer.question, points(answer.possible), given, mark.comment, report, shown]


def _notes(
    assignment: Assignment, waiting: int, counted: bool, differ: Sequence[str], others: Sequence[Place]
) -> list[str]:
    ids = ", ".join(sheet.id for sheet in assignment.written)
    notes = []
    if waiting:
        so_far = "they count as 0 until then" if counted else f"full marks are {points(assignment.possible)} until then"
        notes.append(
            f"{FILE}: {ids} are graded by hand ({points(assignment.by_hand)} points), and answers without points are "
            f"left: {waiting}; fill in the column points and run the same command again; {so_far}"
        )
    if differ:
        notes.append(
            f"{FILE}: members of a group have different points; those of its first member count, not those of "
            f"{one_line(', '.join(differ), 200)}"
        )
    if others:
        who = one_line(", ".join(dict.fromkeys(id for id, _ in others)), 200)
        notes.append(f"{FILE}: nobody who is graded has the rows of {who}; they are kept and count nowhere")
    return notes
