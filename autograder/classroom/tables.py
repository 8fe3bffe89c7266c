"""Grades as tables: one for people, and one each in the formats of Canvas, Moodle and Gradescope."""

from __future__ import annotations

import csv
import html
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment import Assignment
from autograder.classroom.model import Graded, Student
from autograder.classroom.roster import (
    CANVAS,
    FIRST_NAMES,
    GRADESCOPE,
    LAST_NAMES,
    MOODLE,
    PLAIN,
    POINTS_POSSIBLE,
    Roster,
    split_name,
)
from autograder.classroom.store import write_text
from autograder.engine.report import Report, by_message, number, told
from autograder.frontends.terminal import by_question, given
from autograder.text import one_line

# What a spreadsheet reads as a formula: a sign at the start of a cell or after a possible separator, with blanks and
# quotes between them. A run without a sign matches too, so that no text is looked at twice.
FORMULA = re.compile(r"((?:^|[;\t\r\n])[\s\"]*+)([=+\-@\uff1d\uff0b\uff0d\uff20]?)")
BREAK = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=[\t\r\n])")
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
HIDDEN = "hidden"
BYTE_ORDER_MARK = "\ufeff"
FULL_MARKS = f"    {POINTS_POSSIBLE}"  # Canvas's own spelling


@dataclass(frozen=True)
class Exports:
    """The files that were written, sentences for the instructor about importing them, and about those that are missing."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...]
    failures: tuple[str, ...] = ()


def write_grades(
    path: Path,
    assignment: Assignment,
    graded: Sequence[Graded],
    missing: Sequence[Student] = (),
    pseudonym: Callable[[Student], str] | None = None,
    reasons: Mapping[str, str] | None = None,
) -> None:
    """Write ``grades.csv``: one row per student, one column per question, sorted by id. Missing students have no points.

    ``reasons`` say by id why a missing student has none. ``pseudonym`` adds a column with the names on the leaderboard. The
    columns of the questions, minus the deduction, add up to the total. A byte order mark makes spreadsheets read the file
    as UTF-8.

    Raises:
        KitError: the file could not be written; an earlier file is unchanged.
    """
    questions = question_ids(assignment, graded)
    columns = list(dict.fromkeys(headline.column for one in graded for headline in one.report.headlines.values()))
    header = [
        "id",
        "name",
        "email",
        *["pseudonym"] * bool(pseudonym),
        *questions,
        "of which bonus",
        "deduction",
        "total",
        "possible",
    ]
    header += [*columns, "seconds", "submitted", "late", "needs a look"]
    rows = [_grades_row(one, questions, columns) for one in graded]
    for row, one in zip(rows, graded):
        row["pseudonym"] = pseudonym(one.student) if pseudonym else ""
    for student in missing:
        row = dict.fromkeys(header, "") | _who(student) | {"possible": points(assignment.possible)}
        rows.append(row | {"needs a look": (reasons or {}).get(student.id, "nothing was handed in")})
    rows.sort(key=lambda row: (row["id"].casefold(), row["id"], row["submitted"]))
    write_text(path, BYTE_ORDER_MARK + table(header, ([row[name] for name in header] for row in rows)))


def write_exports(
    folder: Path,
    assignment: Assignment,
    graded: Sequence[Graded],
    missing: Sequence[Student] = (),
    roster: Roster | None = None,
) -> Exports:
    """Write ``canvas.csv``, ``moodle.csv`` and ``gradescope.csv``, ready for import.

    If the roster is an export of Canvas or Moodle, that platform's file is the same table with the grades filled in.
    Missing students keep the values of the roster. Students who are not on the roster are left out, with a note, because
    the platform does not know them. The files for the other platforms contain what is known about each student.

    Raises:
        KitError: none of the files could be written; earlier files are unchanged.
    """
    counted, notes = one_each(graded)
    paths, errors = [], {}
    for kind, make in ((CANVAS, canvas_table), (MOODLE, moodle_table), (GRADESCOPE, gradescope_table)):
        own = roster if roster and roster.kind == kind else None
        path = folder / f"{kind}.csv"
        try:
            header, rows, said = make(assignment, counted, missing, own)
            write_text(path, table(header, rows))
        except Exception as error:
            errors[path] = error
            continue
        paths.append(path)
        notes += [f"{path.name}: {sentence}" for sentence in said]
        if own and kind != GRADESCOPE and (others := [one.student for one in counted if one.student not in own]):
            notes.append(f"{path.name}: leaves out {some(others)}, not on the roster; grades.csv has their grades")
    if not paths:
        raise next(iter(errors.values()))
    return Exports(tuple(paths), tuple(notes), tuple(f"{path.name} is missing: {e}" for path, e in errors.items()))


Table = tuple[Sequence[str], list[Sequence[object]], list[str]]


def canvas_table(
    assignment: Assignment, graded: Sequence[Graded], missing: Sequence[Student], roster: Roster | None
) -> Table:
    """The format of "Grades, Import" in Canvas (lib/gradebook_importer.rb): Canvas's columns of a student, and the score.

    Without Canvas's roster, the id is written as SIS id and as login id: Canvas tries both, then the name. So a name
    that several have is nobody's here, and the id stands for it.
    """
    if roster is None:
        header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment.title]
        rows = [[FULL_MARKS, "", "", "", "", points(assignment.possible)]]
        everybody = [*((g.student, points(g.score)) for g in graded), *((student, "") for student in missing)]
        times = Counter(one_line(student.shown).casefold() for student, _ in everybody)
        for student, score in everybody:
            name = student.shown if times[one_line(student.shown).casefold()] == 1 else student.id
            rows.append([name, "", student.id, student.id, "", score])
        return header, rows, []
    last = max(place for place, key in enumerate(roster.keys) if key == "section")
    title = _canvas_column(assignment, roster.columns)
    notes, full = [], points(assignment.possible)
    if title is None:
        title = assignment.title
        notes.append(f"the roster has no column {title!r}; Canvas will ask which assignment the grades are for")
    elif (theirs := _possible(roster, title)) and float(theirs) != assignment.possible:
        notes.append(f"{title!r} has {theirs} points in Canvas and {full} here; the file keeps both as they are")
        full = theirs
    scores = {one.student.id: points(one.score) for one in graded}
    rows = [[FULL_MARKS, *[""] * last, full]]
    for student, row in zip(roster.students, roster.rows):
        rows.append([*row[: last + 1], scores.get(student.id, roster.cell(student, title))])
    return [*roster.columns[: last + 1], title], rows, notes


def moodle_table(
    assignment: Assignment, graded: Sequence[Graded], missing: Sequence[Student], roster: Roster | None
) -> Table:
    """The format of Moodle: the assignment's grading worksheet with grades and feedback, if that is the roster.

    "Upload grading worksheet" reads Identifier, Grade, Last modified (grade) and Feedback comments. It ignores a grade
    above the maximum without a message (mod/assign/feedback/offline), so the maximum is written instead. With any other
    roster the table is for "Grades, Import, CSV file", where the instructor maps the columns.
    """
    by_id = {one.student.id: one for one in graded}
    worksheet = roster is not None and {"identifier", "grade"} <= set(roster.keys)
    if not worksheet:
        header = ["First name", "Last name", "ID number", "Email address", "Grade", "Maximum Grade",
                  "Feedback comments"]  # fmt: skip
        students = roster.students if roster else [*(g.student for g in graded), *missing]
        rows = []
        for student in students:
            number = _id_number(student, roster)
            row = [*_split_name(student, roster), number, student.email]
            one = by_id.get(student.id)
            rows.append(
                [*row, points(one.score) if one else "", points(assignment.possible), feedback(one) if one else ""]
            )
        return header, rows, []
    columns = {key: place for place, key in reversed(list(enumerate(roster.keys)))}
    header = [*roster.columns] if "feedback comments" in columns else [*roster.columns, "Feedback comments"]
    comments = columns.get("feedback comments", len(roster.columns))
    rows, above, maxima = [], 0, set()
    for student, row in zip(roster.students, roster.rows):
        cells = [*row, *[""] * (len(header) - len(row))]
        if one := by_id.get(student.id):
            maximum = _number(roster.cell(student, "Maximum Grade"))
            maxima.add(maximum)
            above += maximum is not None and one.score > maximum
            cells[columns["grade"]] = points(one.score if maximum is None else min(one.score, maximum))
            if "," in roster.cell(student, "Maximum Grade"):
                cells[columns["grade"]] = cells[columns["grade"]].replace(".", ",")
            cells[comments] = feedback(one)
        rows.append(cells)
    return header, rows, _moodle_notes(assignment, above, maxima - {None, assignment.possible})


def gradescope_table(
    assignment: Assignment, graded: Sequence[Graded], missing: Sequence[Student], roster: Roster | None
) -> Table:
    """The columns of Gradescope's "Download grades", which other tools for Gradescope read."""
    questions = question_ids(assignment, graded)
    header = ["First Name", "Last Name", "SID", "Email", "Total Score", "Max Points", "Status", "Submission Time"]
    header += [f"{question}: {title} ({points(most)} pts)" for question, title, most in _titles(assignment, questions)]
    rows = []
    for student, one in [*((g.student, g) for g in graded), *((s, None) for s in missing)]:
        known = roster is not None and student in roster
        sid = _id_number(student, roster if known else None)
        who = [*_split_name(student, roster if known else None), sid, student.email]
        if one is None:
            rows.append([*who, "", points(assignment.possible), "Missing", "", *[""] * len(questions)])
            continue
        earned = question_points(one.report)
        rows.append([
            *who, points(one.score), points(one.report.possible()), "Graded", _time(one),
            *(points(earned[question]) if question in earned else "" for question in questions),
        ])  # fmt: skip
    return header, rows, []


def feedback(one: Graded) -> str:
    """The feedback that Moodle shows a student, as HTML: points of each question and the messages of its tests.

    Messages of tests that are hidden from students are left out.
    """
    lines = []
    for question, verdicts in by_question(one.report.verdicts).items():
        earned, possible = sum(v.points for v in verdicts), sum(v.possible for v in verdicts)
        of = f"{points(earned)} / {points(possible)}" if possible else f"bonus + {points(earned)}"
        shown = [v for v in verdicts if v.message and not v.passed and v.visibility != HIDDEN]
        messages = [one_line(told(group)) for group in by_message(shown)]
        lines.append(" · ".join([f"{question} {verdicts[0].question_title}: {of}", *messages]))
    for one_of in one.report.written:
        lines.append(
            " · ".join(filter(None, [f"{one_of.question} {one_of.title}: {given(one_of)}", one_line(one_of.comment)]))
        )
    lines += [one_line(one.late)] if one.late else []
    return "<br>".join(html.escape(line, quote=False) for line in lines)


def question_ids(assignment: Assignment, graded: Iterable[Graded] = ()) -> list[str]:
    """All question ids: those of the assignment in order, then those that are only in a report."""
    ids = [*(sheet.id for sheet in assignment.questions), *(artefact.question for artefact in assignment.artefacts)]
    ids += [sheet.id for sheet in assignment.written]
    return list(dict.fromkeys([*ids, *(v.question for one in graded for v in one.report.verdicts)]))


def question_points(report: Report) -> dict[str, float]:
    """The points earned in each question, bonus included; in a written question, those that a person has given."""
    earned = {question: sum(v.points for v in verdicts) for question, verdicts in by_question(report.verdicts).items()}
    return earned | {one.question: one.points for one in report.written if one.points is not None}


def one_each(graded: Iterable[Graded]) -> tuple[list[Graded], list[str]]:
    """The latest submission of each student, sorted by id, and a sentence for each student who has several."""
    chosen: dict[str, Graded] = {}
    notes: dict[str, str] = {}
    for one in sorted(graded, key=lambda one: one.submitted.timestamp() if one.submitted else 0):
        if (earlier := chosen.get(one.student.id)) and earlier.folder != one.folder:
            notes[one.student.id] = (
                f"{one_line(one.student.shown)} has several graded submissions; the files for platforms have the latest, "
                f"{one.folder.name}, and grades.csv has all of them"
            )
        chosen[one.student.id] = one
    return sorted_by_id(chosen.values()), list(notes.values())


def sorted_by_id(graded: Iterable[Graded]) -> list[Graded]:
    """Sorted by id, ignoring case."""
    return sorted(graded, key=lambda one: (one.student.id.casefold(), one.student.id))


def points(value: float) -> str:
    """Points with at most four decimals, without trailing zeros."""
    return f"{round(value, 4) + 0.0:.4f}".rstrip("0").rstrip(".")


def guarded(cell: object, first: bool = False) -> str:
    """A cell that no spreadsheet reads as a formula: a sign that begins one gets an apostrophe in front.

    Numbers and a dash stay as they are, but not in the ``first`` column: read with another separator than the comma,
    such a cell goes on with the cells behind it.
    """
    text = CONTROLS.sub("\N{REPLACEMENT CHARACTER}", str(cell))
    if not first and (NUMBER.fullmatch(text) or text == "-"):
        return text
    return FORMULA.sub(lambda found: found[1] + (found[2] and f"'{found[2]}"), BREAK.sub("'", text))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The text of a CSV file; every cell is guarded."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in [header, *rows]:
        writer.writerow([guarded(cell, first=place == 0) for place, cell in enumerate(row)])
    return text.getvalue()


def _grades_row(one: Graded, questions: Sequence[str], columns: Sequence[str]) -> dict[str, object]:
    earned = question_points(one.report)
    row = _who(one.student) | {
        question: points(earned[question]) if question in earned else "" for question in questions
    }
    row["of which bonus"] = points(sum(v.points for v in one.report.verdicts if not v.possible))
    row |= {"deduction": points(one.deduction), "total": points(one.score), "possible": points(one.report.possible())}
    row |= dict.fromkeys(columns, "")
    row |= {headline.column: points(headline.value) for headline in one.report.headlines.values()}
    sentences = " | ".join(one_line(sentence) for sentence in one.attention)
    return row | {
        "seconds": f"{one.report.seconds:.1f}", "submitted": _time(one), "late": one_line(one.late),
        "needs a look": sentences,
    }  # fmt: skip


def some(students: Sequence[Student]) -> str:
    """The names of a few students, and how many more there are."""
    names = ", ".join(one_line(student.shown, 40) for student in students[:3])
    return names if len(students) <= 3 else f"{names} and {len(students) - 3} more"


def _who(student: Student) -> dict[str, object]:
    return {"id": student.id, "name": student.name, "email": student.email}


def _time(one: Graded) -> str:
    return one.submitted.isoformat(sep=" ", timespec="seconds") if one.submitted else ""


def _titles(assignment: Assignment, questions: Sequence[str]) -> list[tuple[str, str, float]]:
    known = {sheet.id: (sheet.title, sum(sheet.points.values())) for sheet in assignment.questions}
    for sheet in assignment.artefacts:
        known[sheet.question] = (sheet.title, sum(test.points for test in sheet.tests()))
    known |= {sheet.id: (sheet.title, sheet.points) for sheet in assignment.written}
    return [(question, *known.get(question, (question, 0))) for question in questions]


def _id_number(student: Student, roster: Roster | None) -> str:
    """The number that the university gave a student, as far as it is known."""
    if roster is None or roster.kind == PLAIN:
        return student.id
    return roster.cell(student, "ID number", "SID", "SIS User ID")


def _split_name(student: Student, roster: Roster | None) -> tuple[str, str]:
    """First and last name: from the roster, else as people write names."""
    if roster:
        first, last = roster.cell(student, *FIRST_NAMES), roster.cell(student, *LAST_NAMES)
        if first or last:
            return first, last
    return split_name(student.shown)


def _canvas_column(assignment: Assignment, columns: Sequence[str]) -> str | None:
    """The roster's column for this assignment: its title or name, with or without Canvas's number after it."""
    wanted = {assignment.title.strip().casefold(), assignment.name.casefold()}
    found = [name for name in columns if re.sub(r"\s*\(\d+\)\s*$", "", name).strip().casefold() in wanted]
    return found[0] if len(found) == 1 else None


def _possible(roster: Roster, title: str) -> str:
    cells = dict(zip(roster.columns, roster.points_possible))
    value = _number(cells.get(title, ""))
    return "" if value is None else points(value)


def _number(text: str) -> float | None:
    return float(text.replace(",", ".")) if NUMBER.fullmatch(text.strip()) else None


def _moodle_notes(assignment: Assignment, above: int, maxima: set[float]) -> list[str]:
    notes = []
    if above:
        students = "one student has" if above == 1 else f"{above} students have"
        notes.append(
            f"{students} more points than Moodle's maximum grade. Moodle ignores such grades, so the file has the maximum "
            "instead; raise the maximum in Moodle and download a new worksheet, or enter the bonus in Moodle"
        )
    for maximum in sorted(maxima):
        full = number(assignment.possible)
        notes.append(
            f"Moodle's maximum grade is {number(maximum)}, but full marks are {full}; set it to {full} in Moodle"
        )
    return notes
