"""Writes the results of a class: tables for people and platforms, and the class report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.classroom.class_report import pseudonym, pseudonym_secret, write_class_report
from autograder.classroom.grade_class import ClassRun, Settings, duplicates, graded_students
from autograder.classroom.model import Graded, Student
from autograder.classroom.plan import Plan
from autograder.classroom.roster import Roster
from autograder.classroom.similarity import similar_pairs
from autograder.classroom.tables import write_exports, write_grades
from autograder.sandbox.notebook import read_cells


def given_cells(path: Path) -> frozenset[str]:
    """The code cells of the student notebook. An equal cell in a submission is not the student's own code."""
    return frozenset(cell.source.strip() for cell in read_cells(path)) if path.is_file() else frozenset()


def write_summary(
    out: Path, plans: Sequence[Plan], settings: Settings, result: ClassRun, roster: Roster | None, leaderboard: bool
) -> list[str]:
    """Write tables and class report into ``out``. Returns a summary for the instructor, as lines.

    Raises:
        KitError: a file cannot be written.
    """
    graded = graded_students(plans, settings, result, lambda student: _on_roster(student, roster))
    missing = _missing(graded, roster)
    secret = pseudonym_secret(out) if leaderboard else None
    names = (lambda student: pseudonym(secret, student)) if secret else None
    write_grades(out / "grades.csv", settings.assignment, graded, missing, names)
    exports = write_exports(out, settings.assignment, graded, missing, roster)
    twins = [tuple(_on_roster(student, roster) for student in pair) for pair in duplicates(plans)]
    pairs = similar_pairs(graded)
    write_class_report(out / "class.html", settings.assignment, graded, missing, twins, pairs, secret)
    look = sum(bool(one.attention) for one in graded)
    counts = [f"{len(graded)} students", f"{result.graded} submissions graded now"]
    counts += [f"{result.rescored} with points updated"] * bool(result.rescored)
    counts += [f"{look} to check"] * bool(look) + [f"{len(missing)} without a submission"] * bool(missing)
    files = [out / "class.html", out / "grades.csv", *exports.paths]
    return [", ".join(counts), *(f"  {file}" for file in files), *(f"  {note}" for note in exports.notes)]


def _on_roster(student: Student, roster: Roster | None) -> Student:
    return (roster.find(student) if roster else None) or student


def _missing(graded: Sequence[Graded], roster: Roster | None) -> list[Student]:
    there = {one.student.id for one in graded}
    return [student for student in roster.students if student.id not in there] if roster else []
