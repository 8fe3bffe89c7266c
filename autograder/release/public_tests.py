"""The public tests of an assignment's notebook, for the grader, which tells students at once which of them pass."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.assignment import Assignment
from autograder.engine.public_checks import FILE, cases, read
from autograder.errors import KitError
from autograder.files import write_private

if TYPE_CHECKING:
    from autograder.course import AssignmentFolder


def write_public_tests(bundle: Path, folder: AssignmentFolder, assignment: Assignment) -> None:
    """Write the public tests of the questions into the bundle, if the master or the settings have changed.

    Raises:
        KitError: the public tests of a question are not Python.
    """
    if not folder.master.is_file():
        (bundle / FILE).unlink(missing_ok=True)
        return
    made_from = hashlib.sha256(folder.master.read_bytes() + folder.settings.read_bytes()).hexdigest()
    if read(bundle).get("made_from") == made_from:
        return
    from autograder.release.notebooks import read_master  # it takes a second to import

    texts = read_master(folder.master, folder.name, assignment.colab_url).metadata["otter"]["tests"]
    tests = {question.id: texts[question.id] for question in assignment.questions if question.id in texts}
    for question, text in tests.items():
        try:
            cases(text)
        except SyntaxError as error:
            raise KitError(f"{folder.master}: the public tests of {question} are not Python: {error.msg}") from None
    write_private(bundle / FILE, json.dumps({"made_from": made_from, "tests": tests}, indent=1))
