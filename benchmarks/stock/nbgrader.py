"""Stock nbgrader: ``generate_assignment`` makes the release, ``autograde`` grades, the score stands in ``gradebook.db``."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks.stock.checks import CHECKS, FUNCTIONS, references, tests_of
from tests.corpus import small
from tests.corpus.hostile import archives
from tests.corpus.hostile.attack import Attack

NAME = "simclr.ipynb"
CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "course"\n'
HIDDEN = """
### BEGIN HIDDEN TESTS
{checks}
import base64
check({function}, base64.b64decode("{data}"), "{question}", "{test}")
### END HIDDEN TESTS
"""


def prepare(folder: Path, key: Path) -> Path:
    """A course folder with source and release."""
    source = folder / "source" / "simclr"
    source.mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text(CONFIG)
    nbformat.write(source_notebook(key), source / NAME)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "simclr"]
    # nbgrader calls alembic by its name.
    environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return folder


def source_notebook(key: Path) -> nbformat.NotebookNode:
    """The instructor's notebook: imports, a solution cell for each question, a hidden test cell for each test."""
    solutions = dict(zip(FUNCTIONS, small.HONEST[1:]))
    cells = [new_code_cell(small.IMPORTS, id="imports")]
    for question, function in FUNCTIONS.items():
        body = f"### BEGIN SOLUTION\n{solutions[question].strip()}\n### END SOLUTION"
        cells.append(cell(f"{question}", body, grade=False, solution=True, locked=False))
        for asked, test, points in tests_of(key.parent):
            if asked == question:
                data = base64.b64encode(references(key, question, test)).decode()
                text = HIDDEN.format(checks=CHECKS, function=function, data=data, question=question, test=test)
                cells.append(cell(f"{question}-{test}", text, grade=True, solution=False, locked=True, points=points))
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return new_notebook(cells=cells, metadata=metadata)


def cell(identity: str, source: str, **settings: object) -> nbformat.NotebookNode:
    made = new_code_cell(source, id=identity)
    made.metadata["nbgrader"] = {
        "grade_id": identity,
        "schema_version": 3,
        "task": False,
        "cell_type": "code",
        **settings,
    }
    return made


def not_applicable(attack: Attack) -> str | None:
    """Why this grader cannot be handed the case, or None."""
    if attack.kit_only:
        return "about a part of this kit"
    if attack.build is archives.deep_folders:
        return "paths of more than 4,096 bytes cannot be copied into its container"
    kind = getattr(attack.build, "func", attack.build)
    return "nbgrader collects folders" if kind is not None and kind.__name__ in ZIPS else None


ZIPS = ("zipped", "encrypted", "overlapping", "lying_size")


def hand_over(prepared: Path, submission: Path, work: Path, label: str) -> Path:
    """Copy the course into the container's folder, and fill the student's cells into the release there."""
    course = work / "course"
    if not course.exists():
        shutil.copytree(prepared, course)
    target = course / "submitted" / label / "simclr"
    shutil.copytree(submission, target, symlinks=True, ignore=odd_files)
    original = target / NAME
    if original.is_symlink() or not original.is_file():
        return target
    try:
        content = json.loads(original.read_text())
    except (ValueError, RecursionError):  # no notebook at all: the grader gets it as it is
        return target
    if (
        isinstance(content, dict)
        and isinstance(content.get("cells"), list)
        and all(isinstance(c, dict) for c in content["cells"])
    ):
        release = json.loads((course / "release" / "simclr" / NAME).read_text())
        emptied = [
            {**c, "source": "# see above"} if c["metadata"].get("nbgrader", {}).get("solution") else c
            for c in release["cells"]
        ]
        content["cells"] = [emptied[0], *content["cells"], *emptied[1:]]
        original.write_text(json.dumps(content))
    return target


def odd_files(folder: str, found: list[str]) -> list[str]:
    """Pipes and devices are left out of the copy, which would wait for them, but for the notebook itself."""
    return [name for name in found if not (p := Path(folder, name)).is_symlink() and not (p.is_file() or p.is_dir())]


def commands(submission: Path, work: Path, number: int) -> list[list[str]]:
    """What grades one submission."""
    student = submission.parent.name  # …/submitted/STUDENT/simclr
    return [[sys.executable, "-m", "nbgrader", "autograde", "simclr", "--student", student, "--create", "--force",
             f"--CourseDirectory.root={work / 'course'}"]]  # fmt: skip


def score(work: Path, number: int) -> float | None:
    """The sum of the grades in the gradebook, or None where this student has none."""
    path = work / "course" / "gradebook.db"
    student = ("earlier", "handed-in")[number]
    query = """
        SELECT SUM(COALESCE(grade.auto_score, 0)), COUNT(grade.auto_score)
        FROM grade JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
        JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
        WHERE submitted_assignment.student_id = ?
    """
    try:
        with sqlite3.connect(path) as connection:
            points, count = connection.execute(query, (student,)).fetchone()
    except sqlite3.Error:
        return None
    return float(points) if count else None
