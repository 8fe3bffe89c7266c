"""A class: its students and their graded submissions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.engine.report import Report


@dataclass(frozen=True)
class Student:
    """A student.

    ``id`` is unique in the class: the id in the roster if there is one, else the name of the submitted file or folder.
    """

    id: str
    name: str = ""
    email: str = ""

    @property
    def shown(self) -> str:
        """The name, or the id if there is no name."""
        return self.name or self.id


@dataclass(frozen=True)
class Graded:
    """One student's graded submission.

    ``folder`` holds ``results.json`` and ``report.html``. ``code`` is the student's own code, without the code of the
    student notebook. ``attention`` are sentences for the instructor: why a person should check the submission.
    ``deduction`` are the points that lateness costs, ``late`` says why.
    """

    student: Student
    folder: Path
    report: Report
    code: str = ""
    attention: tuple[str, ...] = field(default=())
    submitted: datetime | None = None
    deduction: float = 0.0
    late: str = ""

    @property
    def score(self) -> float:
        """Points earned, bonus included, minus the deduction."""
        return max(0.0, self.report.score - self.deduction)
