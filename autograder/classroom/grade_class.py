"""Grade a class: grade only what is not graded yet, and write the results of each submission at once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.assignment import Assignment, read_assignment
from autograder.classroom.changes import change
from autograder.classroom.intake import HandedIn, PassedOver
from autograder.classroom.late import deduction
from autograder.classroom.manual import Marks, keep_report, stamp, with_marks
from autograder.classroom.model import Graded, Student
from autograder.classroom.plan import Plan, kept_plan, make_plan, parts_of, sheet_of
from autograder.classroom.pool import Outcome, Task
from autograder.classroom.store import DiskError, Record, read_pictures, read_records, write_record, write_text
from autograder.engine.answer_key import read_key
from autograder.engine.grade import DEFECT
from autograder.engine.report import Report
from autograder.engine.scoring import Key, merged, rescored
from autograder.errors import KitError
from autograder.frontends.gradescope import results
from autograder.frontends.html import pages
from autograder.rubrics import read_rubrics
from autograder.text import one_line
from data_scripts import Prepared

FILES = ("report.html", "feedback.html", "results.json")


@dataclass(frozen=True)
class Settings:
    """Everything that grades the submissions of an assignment. ``parts`` and ``sheet`` show if a result is still valid.

    ``rubrics`` of written questions are for the instructor's report, ``marks`` are the points that a person gave.
    """

    assignment: Assignment
    key: Key
    parts: Mapping[str, str]
    sheet: str
    given: frozenset[str] = frozenset()
    rubrics: Mapping[str, str] = field(default_factory=dict)
    marks: Marks = field(default_factory=dict)

    def sheet_for(self, students: Sequence[Student]) -> str:
        """``sheet`` with what a person has said of the answers of these students."""
        return self.sheet + stamp(students, self.marks)


def read_settings(bundle: Path, data: Prepared | None, given: frozenset[str] = frozenset()) -> Settings:
    """The settings in a bundle. Raises KitError if they are wrong."""
    assignment = read_assignment(bundle / "assignment.toml")
    key = {(test.question, test.id): test for test in read_key(bundle / "key.safetensors")}
    parts, sheet = parts_of(assignment, bundle, data), sheet_of(assignment)
    return Settings(assignment, key, parts, sheet, given, read_rubrics(bundle))


@dataclass
class ClassRun:
    """The result of a run: records by folder, and a sentence for each submission that could not be graded.

    ``people`` are all who handed in, also where the submission could not be read. ``former`` are those of whom there are
    only results of earlier runs. ``passed`` are the entries that were
    not graded. ``changes`` has a sentence for each submission whose points are other than before.
    """

    people: list[Student] = field(default_factory=list)
    former: list[Student] = field(default_factory=list)
    records: dict[Path, Record] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    passed: list[PassedOver] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    graded: int = 0
    rescored: int = 0


def plans_of(handed: Sequence[HandedIn], out: Path, settings: Settings, regrade: bool, result: ClassRun) -> list[Plan]:
    """A plan for each submission that can be read. The others are added to the failures of ``result``."""
    plans = []
    for submission in handed:
        result.people += submission.students
        with only_this_one(submission, result, "not graded"):
            plans.append(make_plan(submission, out, settings.parts, regrade))
    return plans


def other_plans(out: Path, plans: Sequence[Plan], settings: Settings, result: ClassRun) -> list[Plan]:
    """Plans for the other records in the folder of results: tables are made from all of them."""
    folders = {plan.folder for plan in plans}
    others = [
        kept_plan(folder, record, settings.parts)
        for folder, record in read_records(out).items()
        if folder not in folders and record.report.assignment == settings.assignment.name
    ]
    result.former += [student for plan in others for student in plan.handed.students]
    return others


def refuse_other_assignment(out: Path, assignment: Assignment) -> None:
    """Raises KitError if a folder holds results of another assignment: a student has one folder in it."""
    for folder, record in read_records(out).items():
        if (name := record.report.assignment) != assignment.name:
            raise KitError(
                f"{out} holds results of {one_line(name, 40)} ({folder.name}); give another folder for {assignment.name} "
                "with --out"
            )


@contextlib.contextmanager
def only_this_one(submission: HandedIn, result: ClassRun, what: str) -> Iterator[None]:
    """Whatever fails here is a failure of this submission and ends nothing else; ``what`` says what it means.

    Raises:
        DiskError: no file can be written, which concerns all.
    """
    try:
        yield
    except DiskError:
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, KitError) else f"the grader failed ({type(error).__name__}: {error})"
        who = ", ".join(one_line(student.id, 80) for student in submission.students[:3])
        result.failures.append(f"{who}: {what}: {one_line(reason, 400)}")


def tasks_of(plans: Sequence[Plan]) -> list[Task]:
    """The tasks to run. ``number`` is the index of the plan."""
    return [Task(number, plan.handed.files, plan.questions) for number, plan in enumerate(plans) if plan.questions]


def carry_out(
    plans: Sequence[Plan], settings: Settings, outcomes: Callable[[Sequence[Task]], Iterable[Outcome]], result: ClassRun,
    done: Callable[[Plan, Report | None], None] = lambda plan, report: None,
) -> None:  # fmt: skip
    """Update results whose points changed, then grade the rest and write each result as it comes in.

    ``done`` is called after each submission. A submission that cannot be graded or written keeps its earlier record.

    Raises:
        DiskError: results cannot be written.
    """
    for plan in plans:
        if not plan.questions:
            with only_this_one(plan.handed, result, "its results could not be updated"):
                keep(plan, settings, result)
            finish(plan, result, done)
    for number, outcome in outcomes(tasks_of(plans)):
        plan = plans[number]
        with only_this_one(plan.handed, result, "not graded"):
            if isinstance(outcome, KitError):
                raise outcome
            add(plan, outcome, settings, result)
        finish(plan, result, done)


def finish(plan: Plan, result: ClassRun, done: Callable[[Plan, Report | None], None]) -> None:
    """Call ``done`` with the report of a submission; None if it has no new one."""
    written = plan.folder in result.records
    if plan.record:
        result.records.setdefault(plan.folder, plan.record)
    with only_this_one(plan.handed, result, "graded, but not shown"):
        done(plan, result.records[plan.folder].report if written else None)


def add(plan: Plan, report: Report, settings: Settings, result: ClassRun) -> None:
    """Put the new results of a submission together with its earlier ones, and write them."""
    with only_this_one(plan.handed, result, "graded, but the student's report could not be kept"):
        keep_report(plan.folder, report.handed_report)
    report = replace(report, handed_report=None)
    if plan.record:
        old = replace(plan.record.report, pictures=read_pictures(plan.folder))
        tests = {question.id for question in settings.assignment.questions}
        report = merged(old, report, set(plan.questions), ran=bool(tests & plan.questions))
    write(plan, rescored(settings.assignment, settings.key, report), settings, result)
    result.graded += 1


def keep(plan: Plan, settings: Settings, result: ClassRun) -> None:
    """Keep a record. If points, titles or the due date have changed, compute its points again and write the result."""
    record = plan.record
    unchanged = (record.sheet, record.submitted, record.late, record.unsure) == (
        settings.sheet_for(plan.handed.students), plan.handed.submitted, plan.handed.late, plan.handed.unsure
    )  # fmt: skip
    if unchanged and all((plan.folder / name).is_file() for name in FILES):
        result.records[plan.folder] = replace(record, students=plan.handed.students)
        return
    report = replace(record.report, pictures=read_pictures(plan.folder))
    write(plan, rescored(settings.assignment, settings.key, report), settings, result)
    result.rescored += 1


def write(plan: Plan, report: Report, settings: Settings, result: ClassRun) -> None:
    """Write all files of a submission, the record last."""
    submission = plan.handed
    report = with_marks(report, submission.students, settings.marks)
    points, late = deduction(settings.assignment.late, submission.submitted, report.score)
    shown = replace(report, remarks=[*report.remarks, *([late] if late else [])])
    with only_this_one(submission, result, "graded, but its reports could not be written"):
        for name, page in zip(("report.html", "feedback.html"), pages(shown, settings.rubrics)):
            write_text(plan.folder / name, page)
    write_text(plan.folder / "results.json", json.dumps(results(shown), indent=1, ensure_ascii=False))
    # The next run grades these again.
    again = {verdict.question for verdict in report.verdicts if verdict.message == DEFECT or verdict.unfinished}
    parts = {question: part for question, part in settings.parts.items() if question not in again}
    if not submission.files:  # only counted again
        parts = plan.record.parts
    record = Record(
        submission.students, plan.files, plan.digest, parts, settings.sheet_for(submission.students), submission.submitted,
        submission.late, report, submission.unsure, points,
    )  # fmt: skip
    write_record(plan.folder, record)
    if plan.before and (said := change(plan.before, record, plan.why)):
        result.changes.append(said)
    result.records[plan.folder] = replace(record, report=replace(report, pictures=[]))


# --- for the instructor -------------------------------------------------------------------------------------------


def graded_students(
    plans: Sequence[Plan], settings: Settings, result: ClassRun, names: Callable[[Student], Student],
    group: Callable[[Student], Sequence[Student]] = lambda student: (),
) -> list[Graded]:  # fmt: skip
    """Every student with a grade, including each member of a group. ``names`` returns a student's entry in the roster,
    ``group`` the students of the roster if it is a group that handed in under its own name."""
    graded = []
    for plan in plans:
        if record := result.records.get(plan.folder):
            with only_this_one(plan.handed, result, "graded, but missing in the tables of the class"):
                graded += members(plan, record, settings, names, group)
    return graded


def members(
    plan: Plan, record: Record, settings: Settings, names: Callable[[Student], Student],
    group: Callable[[Student], Sequence[Student]],
) -> list[Graded]:  # fmt: skip
    """The students of one submission with their grade."""
    points, late = deduction(settings.assignment.late, record.submitted, record.report.score)
    attention = record.report.attention() + list(plan.handed.remarks)
    if record.late and not points:
        attention.append("The platform marked it as late but does not say by how much.")
    if late and record.unsure:
        attention.append(
            f"Late by the time of its newest file, {record.submitted:%Y-%m-%d %H:%M} UTC, which copying changes; find out "
            "when it was handed in."
        )
    code = "\n\n".join(cell for cell in record.report.code if cell.strip() not in settings.given)
    return [
        Graded(one, plan.folder, record.report, code, tuple(attention), record.submitted, points, late)
        for student in record.students
        for one in (group(student) or [names(student)])
    ]


def duplicates(plans: Sequence[Plan]) -> list[tuple[Student, Student]]:
    """Pairs of students who submitted identical files."""
    first: dict[str, Plan] = {}
    pairs = []
    for plan in plans:
        twin = first.setdefault(plan.digest, plan)
        if twin is not plan and plan.files:  # two empty submissions are not copies
            pairs.append((twin.handed.students[0], plan.handed.students[0]))
    return pairs
