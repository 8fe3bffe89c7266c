"""A class: its students, and what is known of each one's submission once it is graded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from autograder.engine.report import Report


@dataclass(frozen=True)
class Student:
    """Who handed something in.

    ``id`` is unique in the class: the roster's where there is one, else what the name of the file or folder says.
    """

    id: str
    name: str = ""
    email: str = ""

    @property
    def shown(self) -> str:
        """What a person reads."""
        return self.name or self.id


@dataclass(frozen=True)
class Graded:
    """One student's graded submission.

    ``folder`` holds its ``results.json`` and ``report.html``. ``code`` is the student's own code, without that of the
    student notebook. ``attention`` are sentences for the instructor: why a human should look at it. ``deduction`` are
    the points that lateness costs, ``late`` says why.
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
        """Points earned, bonus included, less the deduction."""
        return max(0.0, self.report.score - self.deduction)
