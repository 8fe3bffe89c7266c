"""``assignment.toml``: what an instructor sets for one assignment, read into plain dataclasses and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

from autograder.errors import KitError

VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")


@dataclass(frozen=True)
class QuestionSheet:
    """A question's title and the points of each of its tests, in the order of the tests."""

    id: str
    title: str
    points: Mapping[str, float]


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
    files: tuple[str, ...] = ("*",)

    @property
    def possible(self) -> float:
        """Full marks, without bonus."""
        tests = sum(sum(question.points.values()) for question in self.questions)
        return tests + (self.accuracy.points if self.accuracy else 0)


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
        "files": _patterns(content.pop("files", ["*"])),
    }
    assignment = _record(Assignment, {**content, **tables}, "the top level")
    for value in vars(assignment.visibility).values():
        if value not in VISIBILITIES:
            raise ValueError(f"visibility {value!r} is none of {', '.join(VISIBILITIES)}")
    for question in assignment.questions:
        for test, points in question.points.items():
            if isinstance(points, bool) or not isinstance(points, int | float) or points < 0:
                raise ValueError(
                    f"[[question]] {question.id}: points of {test} are {points!r}, expected a number from 0 up"
                )
    return assignment


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
