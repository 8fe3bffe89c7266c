"""The public tests of an assignment's notebook, which the grader runs too, and the cells that students get."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from autograder import given
from autograder.assignment import Assignment
from autograder.engine.public_checks import FILE, cases, read
from autograder.errors import KitError
from autograder.files import write_private

if TYPE_CHECKING:
    from autograder.course import AssignmentFolder


def write_public_tests(bundle: Path, folder: AssignmentFolder, assignment: Assignment) -> None:
    """Write the public tests of the questions, and the code cells of the student notebook, into the bundle, if they can have
    changed.

    Raises:
        KitError: the public tests of a question are not Python.
    """
    if not folder.master.is_file():
        (bundle / FILE).unlink(missing_ok=True)
        return
    sources = (folder.master, folder.settings, *sorted(Path(given.__file__).parent.glob("*.py")))
    made_from = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()
    if read(bundle).get("made_from") == made_from:
        return
    from autograder.release.course import assignment_master  # these take a second to import
    from autograder.release.notebooks import student_notebook

    master = assignment_master(folder)
    texts = master.metadata["otter"]["tests"]
    tests = {question.id: texts[question.id] for question in assignment.questions if question.id in texts}
    for question, text in tests.items():
        try:
            cases(text)
        except SyntaxError as error:
            raise KitError(f"{folder.master}: the public tests of {question} are not Python: {error.msg}") from None
    cells = [cell.source for cell in student_notebook(master).cells if cell.cell_type == "code"]
    write_private(bundle / FILE, json.dumps({"made_from": made_from, "tests": tests, "cells": cells}, indent=1))
