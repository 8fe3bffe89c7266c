"""Renders a report as one HTML file that opens offline: points, hints, learning curves and images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import jinja2
import markupsafe

from autograder.engine.report import Report, Verdict, line_of, number
from autograder.frontends.at_once import as_html, headline, progress
from autograder.frontends.figures import curve_panels, picture_shown
from autograder.frontends.terminal import by_question, given

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
# What the grader says of a stub, with the stub's own words in quotation marks, which they cannot end.
NOT_WRITTEN = re.compile(r'(Not implemented yet)(?: \("[^"]*"\))?\.')


@dataclass(frozen=True)
class Hint:
    """A message to the student, with all tests that lost points by it."""

    message: str
    verdicts: tuple[Verdict, ...]

    @property
    def lost(self) -> float:
        """The points that it costs; without it nothing would be lost in its tests."""
        return sum(map(lost, self.verdicts))

    @property
    def bonus(self) -> bool:
        """Whether only points above full marks are to be had."""
        return not any(v.possible for v in self.verdicts)

    @property
    def questions(self) -> dict[str, list[Verdict]]:
        """Its tests by question."""
        return by_question(list(self.verdicts))

    @property
    def where(self) -> str:
        """Functions and cells that it speaks of."""
        return where(self.verdicts)

    @property
    def example(self) -> str:
        """Inputs that show it, in words; '' if none are known."""
        return next((v.example for v in self.verdicts if v.example), "")

    def raised(self, code: Sequence[str]) -> tuple[int, int, str] | None:
        """Cell, line and text of the student's line that raised; None if none did or the line is not there."""
        if NOT_WRITTEN.fullmatch(self.message):
            return None
        places = ((v.cell, v.line, line_of(code, v.cell, v.line)) for v in self.verdicts)
        return next((place for place in places if place[2]), None)


def where(verdicts: Iterable[Verdict]) -> str:
    """The functions that tests call and their cells, each once: ``"nt_xent in cell 7, SimCLR in cell 9"``."""
    return ", ".join(dict.fromkeys(place for v in verdicts for place in v.where.split(", ") if place))


def lost(verdict: Verdict) -> float:
    """The points that a test could have earned besides."""
    return verdict.possible + verdict.bonus - verdict.points


TEMPLATES.filters |= {"points": number, "given": given, "lost": lost, "places": where}


def hints(verdicts: Sequence[Verdict]) -> list[Hint]:
    """What to look at next: each message that cost points once, the most expensive first, a bonus last.

    Several functions that nobody has written yet make one hint, and so does a line that raised in several tests.
    """
    groups: dict[tuple[object, ...], list[Verdict]] = {}
    for v in verdicts:
        if lost(v) > 0 and not v.passed:
            groups.setdefault(_cause(v), []).append(v)
    found = []
    for group in groups.values():
        same = len({v.message for v in group}) == 1
        message = group[0].message if same else NOT_WRITTEN.sub(r"\1.", group[0].message)
        found.append(Hint(message, tuple(group)))
    return sorted(found, key=lambda hint: (hint.bonus, -hint.lost))


def places(found: Sequence[Hint], verdicts: Sequence[Verdict]) -> dict[tuple[str, str], int]:
    """The number of the hint of each test that has one, also where the same message cost nothing."""
    numbers = {hint.message: place for place, hint in enumerate(found, 1) if hint.message}
    told = {(v.question, v.test): place for place, hint in enumerate(found, 1) for v in hint.verdicts}
    same = {(v.question, v.test): numbers[v.message] for v in verdicts if v.message in numbers and not v.passed}
    return same | told


def _cause(verdict: Verdict) -> tuple[object, ...]:
    """What tests have in common that one hint is enough for."""
    if NOT_WRITTEN.fullmatch(verdict.message):
        return (NOT_WRITTEN,)
    if verdict.line and verdict.misconception is None:
        return (verdict.cell, verdict.line)
    return (verdict.message,) if verdict.message else (verdict.question, verdict.test)


def went_well(verdicts: Sequence[Verdict]) -> str:
    """The questions with full points in one sentence; '' if there is nothing to say."""
    questions = by_question(list(verdicts))
    full = [of[0].question_title for of in questions.values() if all(v.passed for v in of if v.possible or v.bonus)]
    passed = sum(v.passed for v in verdicts)
    if full and len(full) == len(questions):
        return f"Full points in all {len(full)} questions." if len(full) > 1 else f"Full points for {full[0]}."
    if full:
        *most, last = full
        return f"Full points for {', '.join(most)} and {last}." if most else f"Full points for {last}."
    return f"{passed} of {len(verdicts)} tests passed." if passed else ""


def render(report: Report) -> str:
    """The HTML text of a report, for the instructor."""
    return pages(report)[0]


def pages(report: Report, rubrics: Mapping[str, str] = MappingProxyType({})) -> tuple[str, str]:
    """The HTML text of a report for the instructor, and of the report for the student.

    Students do not see details of the sandbox and hidden tests (which still count). The template engine escapes all text
    that students control. ``rubrics`` are for the instructor, by written question.
    """
    curves, pictures = curve_panels(report.curves), [picture_shown(picture) for picture in report.pictures]
    shown = [verdict for verdict in report.verdicts if verdict.visibility != "hidden"]
    template = TEMPLATES.get_template("report.html.jinja")
    instructor, student = (
        template.render(
            report=report,
            headline=headline(report) if report.filled else "",
            progress=markupsafe.Markup(as_html(progress(report))),  # noqa: S704  (it has escaped the text)
            questions=by_question(verdicts),
            well=went_well(verdicts),
            hints=(found := hints(verdicts)),
            places=places(found, verdicts),
            curves=curves,
            pictures=pictures,
            instructor=all_of_it,
            unseen=len(report.verdicts) - len(verdicts),
            rubrics=rubrics,
        )
        for verdicts, all_of_it in ((report.verdicts, True), (shown, False))
    )
    return instructor, student


def write_html(path: Path, report: Report) -> None:
    """Write the report to ``path``."""
    path.write_text(render(report), encoding="utf-8")
