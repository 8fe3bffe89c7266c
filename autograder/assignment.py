"""``assignment.toml``: what an instructor sets for one assignment, read into plain dataclasses and checked."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path

from autograder.errors import KitError

VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")
# What [samples] gives points for, and the numbers of a score.
SAMPLES = {"checkpoint": "samples drawn by the grader", "own": "samples handed in"}
NUMBERS = ("coverage", "confidence", "frechet")


@dataclass(frozen=True)
class QuestionSheet:
    """A question's title and the points of each of its tests, in the order of the tests.

    The points of a ``bonus`` question come on top of full marks.
    """

    id: str
    title: str
    points: Mapping[str, float]
    bonus: bool = False


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
class Assignment:
    """Everything in an ``assignment.toml``.

    ``colab_url`` is where the student notebook opens in Colab ('' if it is not published); ``picture_probe`` names the
    probe that turns eight test images into the picture of the report ('' for none); ``files`` are patterns, in the
    manner of a shell, of the files beside the notebook that its cells find (by name or by path).
    """

    name: str
    title: str
    dataset: str
    colab_url: str
    picture_probe: str
    visibility: Visibility
    limits: Budgets
    questions: tuple[QuestionSheet, ...]
    accuracy: AccuracySheet | None
    samples: SamplesSheet | None
    files: tuple[str, ...] = ("*",)

    @property
    def possible(self) -> float:
        """Full marks, without bonus."""
        tests = sum(sum(question.points.values()) for question in self.questions if not question.bonus)
        samples = sum(self.samples.points.values()) if self.samples else 0
        return tests + samples + (self.accuracy.points if self.accuracy else 0)


def read_assignment(path: Path) -> Assignment:
    """Read and check an ``assignment.toml``.

    Raises:
        KitError: the file is missing, is not TOML, or has a wrong, missing or unknown entry.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KitError(
            f"{path} does not exist; an assignment is a folder under solutions/ with an assignment.toml"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise KitError(f"{path}: {error}") from None
    try:
        return _assignment(content)
    except (TypeError, ValueError) as error:
        raise KitError(f"{path}: {error}") from None


def _assignment(content: dict) -> Assignment:
    tables = {
        "visibility": _record(Visibility, content.pop("visibility", {}), "[visibility]"),
        "limits": _record(Budgets, content.pop("limits", {}), "[limits]"),
        "questions": tuple(_record(QuestionSheet, q, "[[question]]") for q in content.pop("question", [])),
        "accuracy": _record(AccuracySheet, content.pop("accuracy"), "[accuracy]") if "accuracy" in content else None,
        "samples": _samples(content.pop("samples")) if "samples" in content else None,
        "files": _patterns(content.pop("files", ["*"])),
    }
    assignment = _record(Assignment, {**content, **tables}, "the top level")
    for value in vars(assignment.visibility).values():
        if value not in VISIBILITIES:
            raise ValueError(f"visibility {value!r} is none of {', '.join(VISIBILITIES)}")
    if assignment.accuracy and assignment.samples:
        raise ValueError("[accuracy] and [samples] are both there, expected one of them or none")
    for question in assignment.questions:
        _check_points(f"[[question]] {question.id}", question.points)
        if not isinstance(question.bonus, bool):
            raise ValueError(f"[[question]] {question.id}: bonus is {question.bonus!r}, expected true or false")
    return assignment


def _check_points(where: str, table: Mapping[str, object]) -> None:
    for test, points in table.items():
        if not _is_number(points) or points < 0:
            raise ValueError(f"{where}: points of {test} are {points!r}, expected a number from 0 up")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _samples(table: dict) -> SamplesSheet:
    sheet = _record(SamplesSheet, table, "[samples]")
    for name, keys in (("points", SAMPLES), ("ramps", NUMBERS)):
        if not isinstance(table[name], dict) or set(table[name]) != set(keys):
            raise ValueError(f"[samples]: {name} is {table[name]!r}, expected a table of {' and '.join(keys)}")
    _check_points("[samples]", sheet.points)
    for name, ramp in sheet.ramps.items():
        ends = isinstance(ramp, list) and len(ramp) == 2 and all(map(_is_number, ramp))
        if not ends or ramp[0] == ramp[1]:
            raise ValueError(f"[samples.ramps]: {name} is {ramp!r}, expected two different numbers")
    for name, least in (("own_count", 2), ("count", 2), ("steps", 1)):
        if type(table[name]) is not int or table[name] < least:
            raise ValueError(f"[samples]: {name} is {table[name]!r}, expected a whole number from {least} up")
    return replace(sheet, ramps={name: tuple(ramp) for name, ramp in sheet.ramps.items()})


def _patterns(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(pattern, str) for pattern in value):
        raise ValueError(f'files is {value!r}, expected a list of patterns such as ["*.py", "figures/*"]')
    return tuple(value)


def _record(kind: type, values: dict, where: str) -> object:
    """Build a dataclass from a table, naming unknown and missing entries."""
    known = {field.name: field for field in fields(kind)}
    if unknown := set(values) - set(known):
        raise ValueError(f"{where} has the unknown entry {sorted(unknown)[0]!r}; known are {', '.join(known)}")
    missing = [name for name, field in known.items() if name not in values and field.default is MISSING]
    if missing:
        raise ValueError(f"{where} lacks the entry {missing[0]!r}")
    return kind(**values)
