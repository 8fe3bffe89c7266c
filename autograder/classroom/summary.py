"""Writes the results of a class: tables for people and platforms, and the class report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from autograder.classroom.class_report import Parts, pseudonym, pseudonym_secret, write_class_report
from autograder.classroom.grade_class import ClassRun, Settings, duplicates, graded_students
from autograder.classroom.intake import free_id
from autograder.classroom.manual import FILE, with_written, write_marks
from autograder.classroom.model import Graded, Student
from autograder.classroom.plan import Plan
from autograder.classroom.roster import Roster
from autograder.classroom.similarity import cut, similar_pairs
from autograder.classroom.tables import Exports, some, write_exports, write_grades
from autograder.sandbox.notebook import read_cells
from autograder.text import one_line


def given_cells(path: Path) -> frozenset[str]:
    """The code cells of the student notebook. An equal cell in a submission is not the student's own code."""
    return frozenset(cell.source.strip() for cell in read_cells(path)) if path.is_file() else frozenset()


def write_summary(
    out: Path, plans: Sequence[Plan], settings: Settings, result: ClassRun, roster: Roster | None, leaderboard: bool,
    notes: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """Write tables and class report into ``out``. Returns a summary for the instructor, as lines.

    ``notes`` are sentences for the class report about how the class was read. What cannot be made is left out; the class
    report and the failures of ``result`` say so, and the rest is written.

    Raises:
        DiskError: no file can be written.
    """
    assignment, parts = with_written(settings.assignment, settings.marks), Parts()
    assigned, remarks = _assigned(roster, result) if roster else ({}, {})
    plans = [_remarked(plan, remarks) for plan in plans]
    own = {student.id for student in assigned.values()}

    def members(student: Student) -> list[Student]:
        """The students of the roster for whom a group has handed in; those with a submission of their own have that."""
        return [member for member in roster.group(student) if member.id not in own] if roster else []

    graded = graded_students(plans, settings, result, lambda student: assigned.get(student.id, student), members)
    missing = _missing(graded, roster)
    reasons = _reasons(missing, assigned, result, roster)
    secret = pseudonym_secret(out) if leaderboard else None
    names = (lambda student: pseudonym(secret, student)) if secret else None
    with parts.missing_if_it_fails("grades.csv"):
        write_grades(out / "grades.csv", assignment, graded, missing, names, reasons)
        parts.files.append(out / "grades.csv")
    by_hand: list[str] = []
    with parts.missing_if_it_fails("manual.csv"):
        by_hand += write_marks(
            out, assignment, result.records, settings.marks, lambda student: assigned.get(student.id, student)
        )
        parts.files += [out / FILE] * bool(assignment.written)
    exports = Exports((), ())
    with parts.missing_if_it_fails("The tables for platforms"):
        exports = write_exports(out, assignment, graded, missing, roster)
        parts.files += exports.paths
        parts.failures += exports.failures
    twins, pairs, long = [], [], []
    with parts.missing_if_it_fails("The list of equal files"):
        twins += [tuple(assigned.get(student.id, student) for student in pair) for pair in duplicates(plans)]
    with parts.missing_if_it_fails("The list of similar code"):
        long += [one.student for one in graded if cut(one.code)]
        pairs += similar_pairs(graded)
    if long:
        notes = [*notes, f"Only the beginning of very long code was compared for similarity: that of {some(long)}"]
    notes = [*notes, *result.changes]
    with parts.missing_if_it_fails("class.html"):
        parts.failures += write_class_report(
            out / "class.html", assignment, graded, missing, twins, pairs, secret, [*notes, *parts.failures], reasons
        )
        parts.files.insert(0, out / "class.html")
    result.failures += parts.failures
    look = sum(bool(one.attention) for one in graded)
    counts = [f"{len(graded)} students", f"{result.graded} submissions graded now"]
    counts += [f"{result.rescored} counted again"] * bool(result.rescored)
    counts += [f"{len(result.changes)} with other points than before"] * bool(result.changes)
    counts += [f"{look} to check"] * bool(look)
    counts += [f"{len(missing) - len(reasons)} without a submission"] * (len(missing) > len(reasons))
    counts += [f"{len(reasons)} whose submission was not graded"] * bool(reasons)
    said = [*by_hand, *exports.notes, *dict.fromkeys(remarks.values())]
    return [", ".join(counts), *(f"  {file}" for file in parts.files), *(f"  {note}" for note in said)]


def _assigned(roster: Roster, result: ClassRun) -> tuple[dict[str, Student], dict[str, str]]:
    """Who each student is in the tables, and remarks. A submission of this run comes before results of earlier runs."""
    now, remarks = roster.assign(result.people)
    assigned, said = dict(now), dict(remarks)
    former = {student.id: student for student in result.former if student.id not in now}
    earlier, more = roster.assign(former.values())
    holder = {entry.id: id for id, entry in now.items()}
    taken = {*former, *holder, *(student.id for student in roster.students)}
    for id, entry in earlier.items():
        if entry.id in holder:
            whose = f"{one_line(entry.shown, 60)} ({one_line(entry.id, 60)})"
            said[id] = (
                f"A result of an earlier run for {whose}, who has handed in as {one_line(holder[entry.id], 60)} in this "
                "run, which counts; remove this one's folder if it is of no use."
            )
            entry = replace(former[id], id=free_id(id, taken) if id in holder or former[id] in roster else id)
        elif id in more:
            said[id] = more[id]
        assigned[id] = entry
    return assigned, said


def _remarked(plan: Plan, remarks: Mapping[str, str]) -> Plan:
    """A plan with the remarks about its students."""
    more = dict.fromkeys(remarks[student.id] for student in plan.handed.students if student.id in remarks)
    return replace(plan, handed=replace(plan.handed, remarks=(*plan.handed.remarks, *more)))


def _reasons(
    missing: Sequence[Student], assigned: Mapping[str, Student], result: ClassRun, roster: Roster | None
) -> dict[str, str]:
    """Why students without a grade have none, by id, where something of theirs is there."""
    reasons = {}
    for passed in result.passed:
        if roster and (entry := roster.find(passed.student)):
            reasons[entry.id] = passed.sentence
    groups = [member for student in result.people for member in (roster.group(student) if roster else ())]
    for entry in [*assigned.values(), *groups]:
        reasons[entry.id] = "handed in, but not graded: see what the command and the class report say"
    return {student.id: reasons[student.id] for student in missing if student.id in reasons}


def _missing(graded: Sequence[Graded], roster: Roster | None) -> list[Student]:
    there = {one.student.id for one in graded}
    return [student for student in roster.students if student.id not in there] if roster else []
