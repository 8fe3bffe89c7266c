"""``assignment.toml``: what an instructor sets for one assignment, read into plain dataclasses and checked."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from autograder.errors import KitError
from autograder.toml_lines import Place, line_of
from data_scripts import DATASETS

VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")
# What [samples] gives points for, and the numbers of a score.
SAMPLES = {"checkpoint": "samples drawn by the grader", "own": "samples handed in"}
NUMBERS = ("coverage", "confidence", "frechet")
QUESTION_ID = re.compile(r"q\d+[a-z]?")


@dataclass(frozen=True)
class QuestionSheet:
    """A question's title and the points of each of its tests, in the order of the tests.

    The points of a ``bonus`` question come on top of full marks. The code of a ``given`` one is given to students: nothing
    of it is asked or tested, and its points do not count.
    """

    id: str
    title: str
    points: Mapping[str, float]
    bonus: bool = False
    given: bool = False


@dataclass(frozen=True)
class AccuracySheet:
    """The question that is scored by a checkpoint's top-1 accuracy, as fractions of 1."""

    question: str
    title: str
    file: str
    points: float
    bonus: float
    ramp_from: float
    full_above: float
    bonus_above: float


@dataclass(frozen=True)
class SamplesSheet:
    """The question that is scored by samples: those that the grader draws from a checkpoint, and those handed in.

    The grader draws ``count`` samples in ``steps`` steps; ``own_count`` are handed in. ``points`` are those of both
    (``checkpoint`` and ``own``). ``ramps`` say for each number of a score where its share begins and where it is full.
    """

    question: str
    title: str
    checkpoint: str
    file: str
    own_count: int
    count: int
    steps: int
    points: Mapping[str, float]
    ramps: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Visibility:
    """When students see the results on Gradescope: one of ``VISIBILITIES``."""

    tests: str = "after_due_date"
    accuracy: str = "visible"


@dataclass(frozen=True)
class Budgets:
    """Wall-clock seconds and megabytes that one submission may use."""

    total_seconds: float = 540
    notebook_seconds: float = 120
    cell_seconds: float = 20
    memory_mb: int = 1500


@dataclass(frozen=True)
class LatePolicy:
    """What lateness costs where submissions are graded on this machine (Gradescope has a policy of its own).

    Nothing up to ``grace_minutes`` after ``due``. After that, of the points earned the share ``per_day`` for each day that
    has begun since ``due``; more than ``most_days`` days late, everything.
    """

    due: datetime
    grace_minutes: float = 15
    per_day: float = 0.1
    most_days: int = 7


@dataclass(frozen=True)
class Assignment:
    """Everything in an ``assignment.toml``.

    ``dataset`` is '' where no images are needed; ``colab_url`` is where the student notebook opens in Colab ('' if it is not
    published); ``picture_probe`` (such as q3_augmentation.two_views: a folder and a function of its probes) turns eight test
    images into the picture of the report ('' for none); ``files`` are patterns, in the manner of a shell, of the files
    beside the notebook that its cells find (by name or by path); ``late`` is None where nothing is due; ``profile`` is the
    one that the student notebook starts with ('' leaves the
    choice to the notebook).
    """

    name: str
    title: str
    dataset: str
    colab_url: str
    picture_probe: str
    visibility: Visibility
    limits: Budgets
    sheets: tuple[QuestionSheet, ...]
    accuracy: AccuracySheet | None
    samples: SamplesSheet | None
    files: tuple[str, ...] = ("*",)
    late: LatePolicy | None = None
    profile: str = ""

    @property
    def questions(self) -> tuple[QuestionSheet, ...]:
        """The questions that are asked, in the order of the notebook."""
        return tuple(sheet for sheet in self.sheets if not sheet.given)

    @property
    def possible(self) -> float:
        """Full marks, without bonus."""
        tests = sum(sum(question.points.values()) for question in self.questions if not question.bonus)
        samples = sum(self.samples.points.values()) if self.samples else 0
        return tests + samples + (self.accuracy.points if self.accuracy else 0)

    def points_of(self, question: str) -> float:
        """The points of a question, those of a bonus question too; 0 for one that is left out."""
        of_tests = {sheet.id: sum(sheet.points.values()) for sheet in self.questions}
        of_files = {self.accuracy.question: self.accuracy.points} if self.accuracy else {}
        of_samples = {self.samples.question: sum(self.samples.points.values())} if self.samples else {}
        return (of_tests | of_files | of_samples).get(question, 0)


class WrongEntry(ValueError):
    """An entry that is refused: a sentence, and the place of the entry in the file."""

    def __init__(self, place: Place, sentence: str) -> None:
        super().__init__(sentence)
        self.place = place


def read_assignment(path: Path) -> Assignment:
    """Read and check an ``assignment.toml``.

    Raises:
        KitError: the file is missing, is not TOML, or has a wrong, missing or unknown entry; names the line.
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
    """The refusal of an entry, with file and line."""
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


def _assignment(content: dict) -> Assignment:
    known = ["question" if field.name == "sheets" else field.name for field in fields(Assignment)]
    _check_names(content, known, "the top level", ())
    read = {
        "visibility": _record(Visibility, content.get("visibility", {}), "[visibility]", ("visibility",)),
        "limits": _record(Budgets, content.get("limits", {}), "[limits]", ("limits",)),
        "sheets": _questions(content.get("question", [])),
        "accuracy": _accuracy(content["accuracy"]) if "accuracy" in content else None,
        "samples": _samples(content["samples"]) if "samples" in content else None,
        "files": _patterns(content.get("files", ["*"])),
        "late": _late(content["late"]) if "late" in content else None,
    }
    plain = {name: value for name, value in content.items() if name != "question" and name not in read}
    assignment = _record(Assignment, {**plain, **read}, "the top level", ())
    for name, value in vars(assignment.visibility).items():
        if value not in VISIBILITIES:
            raise WrongEntry(
                ("visibility", name), f"the visibility {name} is {value!r}, expected one of {', '.join(VISIBILITIES)}"
            )
    for name, value in vars(assignment.limits).items():
        if value <= 0:
            raise WrongEntry(("limits", name), f"[limits]: {name} is {value!r}, expected more than 0")
    _check_together(assignment)
    return assignment


def _check_together(assignment: Assignment) -> None:
    """What no table can know alone."""
    if assignment.accuracy and assignment.samples:
        raise WrongEntry(("samples",), "[accuracy] and [samples] are both there, expected one of them or none")
    dataset = assignment.dataset
    if dataset and dataset not in DATASETS:
        raise WrongEntry(
            ("dataset",),
            f"the data set {dataset!r} is not known; {_known(dataset, DATASETS)}, and '' for none",
        )
    for name in ("accuracy", "samples", "picture_probe"):
        if getattr(assignment, name) and not dataset:
            raise WrongEntry((name,), f"{name} needs images, and dataset is ''; {_known('', DATASETS)}")
    sheet = assignment.accuracy or assignment.samples
    if sheet and any(question.id == sheet.question for question in assignment.questions):
        table = "accuracy" if assignment.accuracy else "samples"
        raise WrongEntry((table, "question"), f"[{table}]: {sheet.question} is a [[question]] already")
    if not assignment.questions and not sheet:
        raise WrongEntry((), "there is no [[question]], so nothing would be graded")


def _questions(tables: object) -> tuple[QuestionSheet, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise WrongEntry(("question",), "question is no list of tables; each question begins with [[question]]")
    sheets: list[QuestionSheet] = []
    for number, table in enumerate(tables):
        place = ("question", number)
        where = f"[[question]] {table.get('id', f'number {number + 1}')}"
        sheet = _record(QuestionSheet, table, where, place)
        _check_id(sheet.id, where, (*place, "id"))
        if any(other.id == sheet.id for other in sheets):
            raise WrongEntry((*place, "id"), f"[[question]] {sheet.id} is there twice")
        _check_points(where, sheet.points, (*place, "points"))
        sheets.append(sheet)
    return tuple(sheets)


def _check_id(id: str, where: str, place: Place) -> None:
    if not QUESTION_ID.fullmatch(id):
        raise WrongEntry(place, f"{where}: the id {id!r} is no id of a question, such as q1 or q1a")


def _check_points(where: str, table: object, place: Place) -> None:
    if not isinstance(table, dict) or not table:
        raise WrongEntry(place, f"{where}: points is {table!r}, expected a table such as {{ value = 3, gradient = 2 }}")
    for test, points in table.items():
        if not _is_number(points) or points < 0:
            raise WrongEntry((*place, test), f"{where}: points of {test} are {points!r}, expected a number from 0 up")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _accuracy(table: object) -> AccuracySheet:
    where, place = "[accuracy]", ("accuracy",)
    sheet = _record(AccuracySheet, table, where, place)
    _check_id(sheet.question, where, (*place, "question"))
    _check_file(sheet.file, where, (*place, "file"))
    for name in ("points", "bonus"):
        _check_range(table, name, where, place, (0, math.inf))
    for name in ("ramp_from", "full_above", "bonus_above"):
        _check_range(table, name, where, place, (0, 1))
    for name in ("full_above", "bonus_above") if sheet.bonus else ("full_above",):
        if table[name] == 1:
            raise WrongEntry((*place, name), f"{where}: {name} is 1, and no accuracy is above that")
    if sheet.full_above <= sheet.ramp_from:
        raise WrongEntry(
            (*place, "full_above"),
            f"{where}: full_above is {sheet.full_above:g}, expected more than ramp_from, {sheet.ramp_from:g}",
        )
    if sheet.bonus and sheet.bonus_above < sheet.full_above:
        raise WrongEntry(
            (*place, "bonus_above"),
            f"{where}: bonus_above is {sheet.bonus_above:g}, expected full_above, {sheet.full_above:g}, or more",
        )
    return sheet


def _samples(table: object) -> SamplesSheet:
    where, place = "[samples]", ("samples",)
    sheet = _record(SamplesSheet, table, where, place)
    _check_id(sheet.question, where, (*place, "question"))
    for name in ("checkpoint", "file"):
        _check_file(table[name], where, (*place, name))
    for name, keys in (("points", SAMPLES), ("ramps", NUMBERS)):
        if not isinstance(table[name], dict) or set(table[name]) != set(keys):
            raise WrongEntry(
                (*place, name), f"{where}: {name} is {table[name]!r}, expected a table of {' and '.join(keys)}"
            )
    _check_points(where, sheet.points, (*place, "points"))
    for name, ramp in sheet.ramps.items():
        ends = isinstance(ramp, list) and len(ramp) == 2 and all(map(_is_number, ramp))
        if not ends or ramp[0] == ramp[1]:
            raise WrongEntry(
                (*place, "ramps", name), f"[samples.ramps]: {name} is {ramp!r}, expected two different numbers"
            )
    for name, least in (("own_count", 2), ("count", 2), ("steps", 1)):
        if table[name] < least:
            raise WrongEntry(
                (*place, name), f"{where}: {name} is {table[name]!r}, expected a whole number from {least} up"
            )
    return replace(sheet, ramps={name: tuple(ramp) for name, ramp in sheet.ramps.items()})


def _late(table: object) -> LatePolicy:
    where, place = "[late]", ("late",)
    policy = _record(LatePolicy, table, where, place)
    if policy.due.tzinfo is None:
        raise WrongEntry(
            (*place, "due"),
            f"{where}: due is {policy.due}, a time of no time zone; "
            f"add one, such as {policy.due.isoformat()}+01:00 or {policy.due.isoformat()}Z",
        )
    for name, most in (("grace_minutes", math.inf), ("per_day", 1), ("most_days", math.inf)):
        _check_range(vars(policy), name, where, place, (0, most))
    return policy


def _check_range(table: Mapping, name: str, where: str, place: Place, ends: tuple[float, float]) -> None:
    if not ends[0] <= table[name] <= ends[1]:
        expected = f"{ends[0]} to {ends[1]}" if math.isfinite(ends[1]) else f"{ends[0]} up"
        raise WrongEntry((*place, name), f"{where}: {name} is {table[name]!r}, expected a number from {expected}")


def _check_file(name: str, where: str, place: Place) -> None:
    if not name or Path(name).name != name:
        raise WrongEntry(place, f"{where}: {name!r} is not the name of a file")


def _patterns(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(pattern, str) for pattern in value):
        raise WrongEntry(("files",), f'files is {value!r}, expected a list of patterns such as ["*.py", "figures/*"]')
    return tuple(value)


# What a field's type asks of an entry. Others (points, ramps, files, whole tables) are checked where they are read.
KINDS = {
    "str": (lambda value: isinstance(value, str), "a text in quotes"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "int": (lambda value: type(value) is int, "a whole number"),
    "float": (_is_number, "a number"),
    "datetime": (lambda value: isinstance(value, datetime), "a date with a time, such as 2026-12-01T23:59:00+01:00"),
}


def _record(kind: type, values: object, where: str, place: Place) -> object:
    """Build a dataclass from a table, naming unknown and missing entries and those of a wrong type."""
    known = {field.name: field for field in fields(kind)}
    if not isinstance(values, dict):
        raise WrongEntry(place, f"{where} is {values!r}, expected a table")
    _check_names(values, known, where, place)
    missing = [name for name, field in known.items() if name not in values and field.default is MISSING]
    if missing:
        raise WrongEntry((*place, missing[0]), f"{where} lacks the entry {missing[0]!r}")
    for name, value in values.items():
        fits, expected = KINDS.get(known[name].type, (lambda value: True, ""))
        if not fits(value):
            raise WrongEntry((*place, name), f"{where}: {name} is {value!r}, expected {expected}")
    return kind(**values)


def _check_names(values: Mapping, known: Collection[str], where: str, place: Place) -> None:
    for name in values:
        if name not in known:
            raise WrongEntry(
                (*place, name),
                f"{where} has the unknown entry {name!r}; {_known(name, known)}",
            )


def _known(name: str, known: Collection[str]) -> str:
    """What could have been meant by an unknown name."""
    near = "".join(f"did you mean {found}? " for found in difflib.get_close_matches(name, known, 1))
    return f"{near}known are {', '.join(known)}"
