"""Written questions of an assignment: their rubrics and model answers, for the instructor's reports."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.assignment import Assignment, WrongEntry
from autograder.files import write_private
from autograder.rubrics import FILE, read

if TYPE_CHECKING:
    from autograder.course import AssignmentFolder


def write_rubrics(bundle: Path, folder: AssignmentFolder, assignment: Assignment) -> None:
    """Write the rubrics of the master beside the answer key, if the master or the settings have changed.

    Raises:
        WrongEntry: settings and master have other written questions, or other points.
    """
    if not assignment.written or not folder.master.is_file():
        (bundle / FILE).unlink(missing_ok=True)
        return
    made_from = hashlib.sha256(folder.master.read_bytes() + folder.settings.read_bytes()).hexdigest()
    if read(bundle).get("made_from") == made_from:
        return
    from autograder.release.course import assignment_master  # it takes a second to import
    from autograder.release.nbgrader import rubric_points, written_cells

    master = assignment_master(folder)
    rubrics, answers = written_cells(master, "rubric"), written_cells(master, "model-answer")
    for number, sheet in enumerate(assignment.written):
        place = ("written", number)
        if sheet.id not in answers:
            known = ", ".join(answers) or "none"
            raise WrongEntry(
                (*place, "id"), f"the master has no written question {sheet.id}; those with a model-answer are: {known}"
            )
        if (points := rubric_points(sheet.id, rubrics.get(sheet.id, ""))) != sheet.points:
            raise WrongEntry(
                (*place, "points"),
                f"[[written]] {sheet.id} has {sheet.points:g} points, and its rubric in the master distributes {points:g}",
            )
    if missing := [written for written in answers if written not in {sheet.id for sheet in assignment.written}]:
        raise WrongEntry(
            ("written",),
            f"the master asks {missing[0]}, which has no [[written]] table here; add it with id, title, points",
        )
    texts = {written: f"{rubrics[written]}\n\nModel answer\n\n{answers[written]}" for written in answers}
    write_private(bundle / FILE, json.dumps({"made_from": made_from, "rubrics": texts}, indent=1))
