"""The report on a submission: all its verdicts. Every front end renders it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from autograder.artefacts import Finding, Headline
from autograder.engine.handed_report import HandedReport
from autograder.pictures import Picture
from autograder.text import one_line

LONGEST_LINE = 200


@dataclass(frozen=True)
class Verdict:
    """The outcome of one test case. ``message`` is for the student, ``detail`` only for the instructor.

    ``bonus`` points come on top of the ``possible`` points; a case of a bonus question can earn them. ``share`` is the
    share that was earned of all that the test can earn: 0 or 1 for a hidden test, which can be worth 0 points.
    ``incident`` tells the instructor about a hang or a crash. ``unfinished``: the time of the submission ran out before the
    outcome was certain; the points are those that are certain, and the next run tries again.

    ``where`` says which functions the test calls and in which cells they are. ``example`` names inputs that show what is
    wrong, in words. The student's code raised in ``line`` of the code cell ``cell`` (0: it did not, or nobody knows).
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
    where: str = ""
    example: str = ""
    cell: int = 0
    line: int = 0

    @property
    def passed(self) -> bool:
        """Whether all was earned. A test of 0 points and a bonus are not passed before they are earned, too."""
        return self.share >= 1


def number(points: float) -> str:
    """Points without trailing zeros: 3, 1.5."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def line_of(code: Sequence[str], cell: int, line: int) -> str:
    """A line of the student's code without indentation, in one line of limited length; '' if there is no such line.

    ``cell`` and ``line`` count from 1, and may come from the submission.
    """
    if not (1 <= cell <= len(code) and line >= 1):
        return ""
    lines = code[cell - 1].split("\n", line)
    return one_line(lines[line - 1], LONGEST_LINE) if line <= len(lines) else ""


def by_message(verdicts: Iterable[Verdict]) -> list[list[Verdict]]:
    """The verdicts of a report, those of a question with the same message together.

    Tests that are passed, or that are shown at another time, make a group of their own; without a message each test does.
    """
    groups: dict[tuple[object, ...], list[Verdict]] = {}
    for v in verdicts:
        same = (v.message, v.passed, v.visibility) if v.message else (v.test,)
        groups.setdefault((v.question, *same), []).append(v)
    return list(groups.values())


def told(group: Sequence[Verdict]) -> str:
    """The message of a group, with the points that it costs if it costs some in several tests.

    For example "You sum the losses; return their mean. (costs 3 + 3 points: value, gradient)". A test whose id students do
    not read in its title is only counted.
    """
    lost = [v for v in group if v.possible + v.bonus > v.points]
    if len(lost) < 2:
        return group[0].message
    points = " + ".join(number(v.possible + v.bonus - v.points) for v in lost)
    named = [v.test.replace("_", " ") for v in lost if _is_in_title(v.test, v.title)]
    others = len(lost) - len(named)
    if not named:
        return f"{group[0].message} (costs {points} points in {others} tests)"
    more = [f"{others} other test{'s' * (others > 1)}"] if others else []
    return f"{group[0].message} (costs {points} points: {', '.join(named + more)})"


def told_once(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts as they are shown line by line: a message that fits several tests of a question is told once.

    The first of these tests has it, with what it costs (``told``). The others refer to that test.
    """
    shown = {}
    for first, *others in by_message(verdicts):
        shown[first.question, first.test] = replace(first, message=told([first, *others]))
        for v in others:
            message = "" if v.passed else f"See above: {first.title}."
            shown[v.question, v.test] = replace(v, message=message)
    return [shown[v.question, v.test] for v in verdicts]


def _is_in_title(test: str, title: str) -> bool:
    return set(test.split("_")) <= set(re.findall(r"[^\W_]+", title.casefold()))


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
class Filled:
    """What a notebook has of the ``names`` that a question asks for.

    ``stubs`` are the functions that still end in ``raise NotImplementedError``, such as ``SimCLR.forward``. ``missing``
    are the names that it does not define, each with a clause about where the definition may be ('': nothing is known).
    """

    question: str
    title: str
    names: tuple[str, ...]
    stubs: tuple[str, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing of the question is left to write."""
        return not self.stubs and not self.missing

    @property
    def untouched(self) -> bool:
        """Whether nothing of the question is written: each of its names is a stub or missing."""
        return {stub.partition(".")[0] for stub in self.stubs}.union(dict(self.missing)).issuperset(self.names)


@dataclass(frozen=True)
class Check:
    """One public check, which students can run themselves: ``message`` says why it did not pass."""

    question: str
    title: str
    passed: bool
    message: str = ""


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
    because a person has begun to grade them in this class. ``handed_report`` becomes a file beside the record, not a part of
    it.

    ``filled``, ``cells`` (a sentence) and ``checks`` are what students read at once; they hold nothing of the hidden tests.
    ``feedback`` says how much more they read then (``Assignment.feedback``).
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
    filled: list[Filled] = field(default_factory=list)
    cells: str = ""
    checks: list[Check] = field(default_factory=list)
    feedback: str = "public"
    seconds: float = 0.0
    handed_report: HandedReport | None = None

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
