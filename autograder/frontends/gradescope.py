"""Writes a report as Gradescope's ``results.json``, the only JSON format for reports."""

from __future__ import annotations

import json
from pathlib import Path

from autograder.engine.report import Report, Verdict, Written, told_once
from autograder.files import TEAM, write_private


def results(report: Report) -> dict:
    """The content of ``results.json`` (documented at gradescope-autograders.readthedocs.io, "Output format").

    The ``number`` of a test is the id of its question. Information for instructors is only in ``extra_data``, which
    Gradescope does not show to students. There is an entry for each test; a message that several have is told in the first.
    """
    content = {
        "score": round(report.score, 4),
        "execution_time": round(report.seconds, 2),
        "output": "\n".join(report.remarks),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": [
            *map(test_entry, told_once(report.verdicts)),
            *(written_entry(one, report.by_hand) for one in report.written),
        ],
        "extra_data": {
            "assignment": report.assignment,
            "submission": report.submission,
            "notes": report.notes,
            "incidents": report.attention(),
            "layers": [{"layer": name, "active": active, "note": note} for name, active, note in report.layers],
            "misconceptions": {f"{v.question} {v.test}": v.misconception for v in report.verdicts if v.misconception},
        },
    }
    if report.headlines:
        content["leaderboard"] = [
            {"name": headline.title, "value": round(headline.value, 4), "order": "desc"}
            for headline in report.headlines.values()
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


def write_results(path: Path, report: Report, mode: int = TEAM) -> None:
    """Write ``results.json`` in one step, closed to other users: a submission may be running. See ``write_private``."""
    write_private(path, json.dumps(results(report), indent=1, ensure_ascii=False), mode)
