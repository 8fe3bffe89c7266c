"""Writes a report as Gradescope's ``results.json``, the only JSON format for reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from autograder.engine.report import Report, Verdict, Written, told_once
from autograder.files import TEAM, write_private
from autograder.frontends.at_once import NOT_DUE, Due, answer, as_html, as_text, beside, seen


def results(report: Report, due: Due = NOT_DUE) -> dict:
    """The content of ``results.json`` (documented at gradescope-autograders.readthedocs.io, "Output format").

    The ``number`` of a test is the id of its question. Information for instructors is only in ``extra_data``, which
    Gradescope does not show to students. There is an entry for each test; a message that several have is told in the first.
    ``output`` is what students read at once, whatever the visibility of the tests; ``extra_data`` has it as text, too.
    """
    at_once = answer(report, due)
    content = {
        "score": round(report.score, 4),
        "execution_time": round(report.seconds, 2),
        "output": as_html(at_once),
        "output_format": "html",
        "stdout_visibility": "hidden",
        "tests": [
            *map(test_entry, told_once(report.verdicts)),
            *(written_entry(one, report.by_hand) for one in report.written),
        ],
        "extra_data": {
            "assignment": report.assignment,
            "submission": report.submission,
            "output": as_text(at_once),
            "notes": report.notes,
            "incidents": report.attention(),
            "layers": [{"layer": name, "active": active, "note": note} for name, active, note in report.layers],
            "misconceptions": {f"{v.question} {v.test}": v.misconception for v in report.verdicts if v.misconception},
        },
    }
    shown = [question for question, verdicts in beside(report) if seen(verdicts)]
    if headlines := [found for question, found in report.headlines.items() if question in shown]:
        content["leaderboard"] = [
            {"name": headline.title, "value": round(headline.value, 4), "order": "desc"} for headline in headlines
        ]
    return content


def test_entry(verdict: Verdict) -> dict:
    """One test case. A case with bonus points has a ``max_score`` of 0."""
    return {
        "number": verdict.question,
        "name": f"{verdict.question_title}: {verdict.title}",
        "score": round(verdict.points, 4),
        "max_score": verdict.possible,
        "status": "passed" if verdict.passed else "failed",
        "output": verdict.message or "Passed.",
        "output_format": "text",
        "visibility": verdict.visibility,
    }


def written_entry(written: Written, counts: bool) -> dict:
    """A written question, which is neither passed nor failed.

    It is worth nothing until points by hand count (``Report.by_hand``): on Gradescope a person gives them there.
    """
    said = f"Graded by hand, {written.possible:g} points; not part of the points that are shown here."
    if counts:
        said = "Graded by hand: no points yet." if written.points is None else written.comment or "Graded by hand."
    answer = f"Your answer:\n{written.answer}" if written.answer else "There is no answer in your notebook."
    return {
        "number": written.question,
        "name": f"{written.title}: written answer",
        "score": round(written.points or 0.0, 4) if counts else 0.0,
        "max_score": written.possible if counts else 0.0,
        "output": f"{said}\n\n{answer}",
        "output_format": "text",
        "visibility": "visible",
    }


def write_results(path: Path, report: Report, mode: int = TEAM, due: Due = NOT_DUE) -> None:
    """Write ``results.json`` in one step, closed to other users: a submission may be running. See ``write_private``."""
    write_private(path, json.dumps(results(report, due), indent=1, ensure_ascii=False), mode)


def read_due(path: Path, now: datetime) -> Due:
    """When the tests of a submission appear that wait for the due date, from Gradescope's ``submission_metadata.json``.

    That is the late due date if there is one. The members of a group may have dates of their own; all have to be over. A
    file that cannot be read tells no date.
    """
    try:
        dates = list(_dates(json.loads(path.read_text(encoding="utf-8"))))
        return Due(max(dates), max(dates) <= now) if dates else NOT_DUE
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return NOT_DUE


def _dates(metadata: dict) -> Iterator[datetime]:
    """The due dates of an assignment and of the students who handed in together."""
    own = [user.get("assignment") or {} for user in metadata.get("users") or ()]
    for dates in (metadata.get("assignment") or {}, *own):
        if date := dates.get("late_due_date") or dates.get("due_date"):
            yield datetime.fromisoformat(date)
