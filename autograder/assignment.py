"""Reads ``assignment.toml``, the settings of an assignment, into plain dataclasses and checks them."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from autograder.artefacts import Artefact, read_artefact
from autograder.errors import KitError
from autograder.limits import SETTABLE, Limits
from autograder.toml_entries import (
    WrongEntry,
    check_choice,
    check_names,
    check_points,
    check_range,
    known_names,
    record,
)
from autograder.toml_lines import Place, line_of
from data_scripts import DATASETS
from data_scripts.dataset import Dataset

VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")
# How much students read before the rest appears: ``Assignment.feedback``.
FEEDBACK = ("public", "hints", "all")
QUESTION_ID = re.compile(r"q\d+[a-z]?")
WRITTEN_ID = re.compile(r"w\d+")


@dataclass(frozen=True)
class QuestionSheet:
    """A question's title and the points of each of its tests, in the order of the tests.

    The points of a ``bonus`` question come on top of full marks. Students get the code of a ``given`` question; it is not
    tested, and its points do not count.
    """

    id: str
    title: str
    points: Mapping[str, float]
    bonus: bool = False
    given: bool = False


@dataclass(frozen=True)
class WrittenSheet:
    """A written question, which a person grades: its title and its points, which its rubric distributes."""

    id: str
    title: str
    points: float


@dataclass(frozen=True)
class Visibility:
    """When students see the results on Gradescope: one of ``VISIBILITIES``."""

    tests: str = "after_due_date"
    artefacts: str = "visible"


@dataclass(frozen=True)
class LatePolicy:
    """The deduction for late submissions that are graded on this machine (Gradescope has its own policy).

    There is no deduction up to ``grace_minutes`` after ``due``. After that, each started day since ``due`` costs the share
    ``per_day`` of the points earned. Submissions more than ``most_days`` days late get no points.
    """

    due: datetime
    grace_minutes: float = 15
    per_day: float = 0.1
    most_days: int = 7


@dataclass(frozen=True)
class Assignment:
    """Everything in an ``assignment.toml``.

    ``dataset`` is '' if no images are needed. ``colab_url`` opens the student notebook in Colab ('' if it is not
    published). ``picture_probe`` (such as q3_augmentation.two_views: a folder and a function of its probes) turns eight
    test images into an image for the report ('' for none). ``files`` are shell patterns (for names or paths) of the files
    next to the notebook that its cells can read; ``publish`` are the files of ``autograder/given`` that students get
    beside it. ``late`` is None if there is no due date. ``profile`` is the profile that
    the student notebook starts with ('': the notebook decides). ``follow_through``: a mistake in one place costs no points
    in another that builds on it. ``written`` questions are graded by hand. ``feedback`` is one of ``FEEDBACK``: students
    read at once what is filled in and the public checks; with "hints" also what the hidden tests say, without points;
    with "all" all that they will ever see.
    """

    name: str
    title: str
    dataset: str
    colab_url: str
    picture_probe: str
    visibility: Visibility
    limits: Limits
    sheets: tuple[QuestionSheet, ...]
    artefacts: tuple[Artefact, ...] = ()
    files: tuple[str, ...] = ("*",)
    publish: tuple[str, ...] = ()
    late: LatePolicy | None = None
    profile: str = ""
    follow_through: bool = True
    written: tuple[WrittenSheet, ...] = ()
    feedback: str = "public"

    @property
    def shown(self) -> Visibility:
        """When students see the results: as ``visibility`` says, or at once where ``feedback`` is "all".

        What is hidden for good stays hidden.
        """
        if self.feedback != "all":
            return self.visibility
        at_once = {name: "visible" for name, when in vars(self.visibility).items() if when != "hidden"}
        return replace(self.visibility, **at_once)

    @property
    def questions(self) -> tuple[QuestionSheet, ...]:
        """The questions that students answer, in the order of the notebook."""
        return tuple(sheet for sheet in self.sheets if not sheet.given)

    @property
    def possible(self) -> float:
        """Full marks of what is graded by machine, without bonus."""
        tests = sum(sum(question.points.values()) for question in self.questions if not question.bonus)
        return tests + sum(test.points for artefact in self.artefacts for test in artefact.tests())

    @property
    def by_hand(self) -> float:
        """The points of the written questions."""
        return sum(sheet.points for sheet in self.written)

    def points_of(self, question: str) -> float:
        """The points of a question, also of a bonus question; 0 if the question is not graded."""
        of_tests = {sheet.id: sum(sheet.points.values()) for sheet in self.questions}
        of_artefacts = {sheet.question: sum(test.points for test in sheet.tests()) for sheet in self.artefacts}
        of_written = {sheet.id: sheet.points for sheet in self.written}
        return (of_tests | of_artefacts | of_written).get(question, 0)


def read_assignment(path: Path) -> Assignment:
    """Read and check an ``assignment.toml``.

    Raises:
        KitError: the file is missing, is not TOML, or has a wrong, missing or unknown entry; the text names the line.
    """
    text = _text(path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise KitError(f"{path}:{line[1] if line else len(text.splitlines())}: {error}") from None
    try:
        return _assignment(content)
    except WrongEntry as error:
        raise located(path, error) from None


def located(path: Path, error: WrongEntry) -> KitError:
    """The error about an entry, with file and line."""
    line = line_of(_text(path), error.place)
    return KitError(f"{path}:{line}: {error}" if line else f"{path}: {error}")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KitError(
            f"{path} does not exist; an assignment is a folder under solutions/ with an assignment.toml"
        ) from None
    except UnicodeDecodeError as error:
        raise KitError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise KitError(f"{path} cannot be read: {error.strerror}") from None


# Fields of ``Assignment`` that are lists of tables in the file: [[question]], [[artefact]].
TABLES = {"sheets": "question", "artefacts": "artefact"}


def _assignment(content: dict) -> Assignment:
    known = [TABLES.get(field.name, field.name) for field in fields(Assignment)]
    check_names(content, known, "the top level", ())
    read = {
        "visibility": record(Visibility, content.get("visibility", {}), "[visibility]", ("visibility",)),
        "limits": record(Limits, content.get("limits", {}), "[limits]", ("limits",), SETTABLE),
        "sheets": _questions(content.get("question", [])),
        "artefacts": _artefacts(content.get("artefact", []), _known(content.get("dataset"))),
        "files": _patterns(content.get("files", ["*"]), "files", 'patterns such as ["*.py", "figures/*"]'),
        "publish": _patterns(content.get("publish", []), "publish", 'files of given code, such as ["run.py"]'),
        "written": _written(content.get("written", [])),
        "late": _late(content["late"]) if "late" in content else None,
    }
    plain = {name: value for name, value in content.items() if name not in TABLES.values() and name not in read}
    assignment = record(Assignment, {**plain, **read}, "the top level", ())
    check_choice(vars(assignment), "feedback", "the top level", (), FEEDBACK)
    for name, value in vars(assignment.visibility).items():
        if value not in VISIBILITIES:
            raise WrongEntry(
                ("visibility", name), f"[visibility]: {name} is {value!r}, expected one of {', '.join(VISIBILITIES)}"
            )
    for name, value in vars(assignment.limits).items():
        if value <= 0:
            raise WrongEntry(("limits", name), f"[limits]: {name} is {value!r}, expected more than 0")
    _check_together(assignment)
    return assignment


def _check_together(assignment: Assignment) -> None:
    """Check entries that depend on each other."""
    dataset = assignment.dataset
    if dataset and dataset not in DATASETS:
        raise WrongEntry(
            ("dataset",),
            f"the data set {dataset!r} is not known; {known_names(dataset, DATASETS)}, or '' for none",
        )
    for name, place in (("artefacts", ("artefact", 0)), ("picture_probe", ("picture_probe",))):
        if getattr(assignment, name) and not dataset:
            raise WrongEntry(place, f"{place[0]} needs images, but dataset is ''; {known_names('', DATASETS)}")
    questions = {question.id for question in assignment.questions}
    for number, artefact in enumerate(assignment.artefacts):
        if artefact.question in questions:
            raise WrongEntry(
                ("artefact", number, "question"),
                f"[[artefact]] {artefact.question} has the id of a [[question]]; give each its own id",
            )
    if not assignment.questions and not assignment.artefacts:
        raise WrongEntry((), "there is no [[question]] and no [[artefact]]; add at least one")


def _artefacts(tables: object, dataset: Dataset | None) -> tuple[Artefact, ...]:
    sheets: list[Artefact] = []
    for number, table in enumerate(_tables(tables, "artefact")):
        place = ("artefact", number)
        where = f"[[artefact]] {table.get('question', f'number {number + 1}')}"
        sheet = read_artefact(table, where, place, dataset)
        _check_id(sheet.question, where, (*place, "question"))
        if any(other.question == sheet.question for other in sheets):
            raise WrongEntry((*place, "question"), f"{where} appears twice; give each its own id")
        sheets.append(sheet)
    return tuple(sheets)


def _known(dataset: object) -> Dataset | None:
    """The data set of this name; None for an unknown one, which is refused elsewhere."""
    return DATASETS.get(dataset) if isinstance(dataset, str) else None


def _tables(tables: object, name: str) -> list[dict]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise WrongEntry((name,), f"{name} is not a list of tables; begin each {name} with [[{name}]]")
    return tables


def _questions(tables: object) -> tuple[QuestionSheet, ...]:
    sheets: list[QuestionSheet] = []
    for number, table in enumerate(_tables(tables, "question")):
        place = ("question", number)
        where = f"[[question]] {table.get('id', f'number {number + 1}')}"
        sheet = record(QuestionSheet, table, where, place)
        _check_id(sheet.id, where, (*place, "id"))
        if any(other.id == sheet.id for other in sheets):
            raise WrongEntry((*place, "id"), f"[[question]] {sheet.id} appears twice; give each its own id")
        check_points(where, sheet.points, (*place, "points"))
        sheets.append(sheet)
    return tuple(sheets)


def _written(tables: object) -> tuple[WrittenSheet, ...]:
    sheets: list[WrittenSheet] = []
    for number, table in enumerate(_tables(tables, "written")):
        place = ("written", number)
        where = f"[[written]] {table.get('id', f'number {number + 1}')}"
        sheet = record(WrittenSheet, table, where, place)
        if not WRITTEN_ID.fullmatch(sheet.id):
            raise WrongEntry(
                (*place, "id"), f"{where}: {sheet.id!r} is not a valid id of a written question; use one such as w1"
            )
        if any(other.id == sheet.id for other in sheets):
            raise WrongEntry((*place, "id"), f"[[written]] {sheet.id} appears twice; give each its own id")
        check_range(table, "points", where, place, (0, math.inf))
        sheets.append(sheet)
    return tuple(sheets)


def _check_id(id: str, where: str, place: Place) -> None:
    if not QUESTION_ID.fullmatch(id):
        raise WrongEntry(place, f"{where}: {id!r} is not a valid id of a question; use one such as q1 or q1a")


def _late(table: object) -> LatePolicy:
    where, place = "[late]", ("late",)
    policy = record(LatePolicy, table, where, place)
    if policy.due.tzinfo is None:
        raise WrongEntry(
            (*place, "due"),
            f"{where}: due is {policy.due} and has no time zone; "
            f"add one, such as {policy.due.isoformat()}+01:00 or {policy.due.isoformat()}Z",
        )
    for name, most in (("grace_minutes", math.inf), ("per_day", 1), ("most_days", math.inf)):
        check_range(vars(policy), name, where, place, (0, most))
    return policy


def _patterns(value: object, name: str, expected: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(pattern, str) for pattern in value):
        raise WrongEntry((name,), f"{name} is {value!r}, expected a list of {expected}")
    return tuple(value)
