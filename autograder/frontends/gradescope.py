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
        "tests": [*map(test_entry, told_once(report.verdicts)), *map(written_entry, report.written)],
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


def written_entry(written: Written) -> dict:
    """A written question. It has points only when a person has given some: on Gradescope that is done there."""
    entry = {"number": written.question, "name": f"{written.title}: written answer", "output_format": "text"}
    said = f"Graded by hand, {written.possible:g} points; not part of the points that are shown here."
    if written.points is not None:
        entry |= {"score": round(written.points, 4), "max_score": written.possible}
        said = written.comment or "Graded by hand."
    answer = f"Your answer:\n{written.answer}" if written.answer else "There is no answer in your notebook."
    return {**entry, "output": f"{said}\n\n{answer}", "visibility": "visible"}


def write_results(path: Path, report: Report, mode: int = TEAM) -> None:
    """Write ``results.json`` in one step, closed to other users: a submission may be running. See ``write_private``."""
    write_private(path, json.dumps(results(report), indent=1, ensure_ascii=False), mode)
