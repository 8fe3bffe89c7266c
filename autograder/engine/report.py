"""The report on a submission: all its verdicts. Every front end renders it."""

from __future__ import annotations

from dataclasses import dataclass, field

from autograder.artefacts import Finding, Headline
from autograder.pictures import Picture


@dataclass(frozen=True)
class Verdict:
    """The outcome of one test case. ``message`` is for the student, ``detail`` only for the instructor.

    ``bonus`` points come on top of the ``possible`` points; a case of a bonus question can earn them. ``share`` is the
    share that was earned of all that the test can earn: 0 or 1 for a hidden test, which can be worth 0 points.
    ``incident`` tells the instructor about a hang or a crash. ``unfinished``: the time of the submission ran out before the
    outcome was certain; the points are those that are certain, and the next run tries again.
    """

    question: str
    question_title: str
    test: str
    title: str
    points: float
    possible: float
    message: str
    visibility: str
    detail: str = ""
    misconception: str | None = None
    bonus: float = 0.0
    share: float = 0.0
    incident: str = ""
    unfinished: bool = False

    @property
    def passed(self) -> bool:
        """Whether all was earned. A test of 0 points and a bonus are not passed before they are earned, too."""
        return self.share >= 1


@dataclass(frozen=True)
class Written:
    """A written question and the student's answer ('' if there is none). A person gives the points (None: not yet)."""

    question: str
    title: str
    possible: float
    answer: str = ""
    points: float | None = None
    comment: str = ""


@dataclass(frozen=True)
class Curve:
    """One line of the loss curve that the submission reports in ``metrics.json``: values against epochs."""

    label: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]


@dataclass
class Report:
    """Everything that is known about one graded submission.

    ``remarks`` are sentences for the student, ``notes`` for the instructor. ``incidents`` tell the instructor what
    happened to the whole notebook that a person should check. ``code`` is the text of its code cells. ``findings`` are
    the results of its artefacts, by question, without images, which are in ``pictures``. ``headlines`` are those of the
    findings, with names that are unique in the assignment. ``by_hand``: the points of the ``written`` questions count,
    because a person has begun to grade them in this class.
    """

    assignment: str
    title: str
    submission: str
    verdicts: list[Verdict] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    layers: list[tuple[str, bool, str]] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    findings: dict[str, Finding] = field(default_factory=dict)
    headlines: dict[str, Headline] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)
    by_hand: bool = False
    seconds: float = 0.0

    @property
    def score(self) -> float:
        """Points earned, bonus included."""
        by_hand = sum(written.points or 0.0 for written in self.written) if self.by_hand else 0.0
        return sum(verdict.points for verdict in self.verdicts) + by_hand

    def attention(self) -> list[str]:
        """Sentences for the instructor: why a person should check the submission."""
        tests: dict[str, list[str]] = {}
        for verdict in self.verdicts:
            if verdict.incident:
                tests.setdefault(verdict.incident, []).append(f"{verdict.question} {verdict.test}")
        return [*self.incidents, *(f"{', '.join(who)}: {incident}" for incident, who in tests.items())]

    def possible(self) -> float:
        """Full marks, without bonus."""
        by_hand = sum(written.possible for written in self.written) if self.by_hand else 0.0
        return sum(verdict.possible for verdict in self.verdicts) + by_hand
