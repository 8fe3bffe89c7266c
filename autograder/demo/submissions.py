"""Builds the four submissions of the demo from the solution and the student notebook."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.course import AssignmentFolder
from autograder.demo import hostile
from autograder.questions.loading import load_module
from autograder.release.notebooks import has_tag, notebook_bytes, question_tag


def write_submissions(
    folder: Path, solution_zip: Path, master: NotebookNode, student: NotebookNode, assignment: AssignmentFolder
) -> dict[str, Path]:
    """Write the submissions into ``folder``. Returns their paths, by title."""
    demo, name = load_module(assignment, "demo"), assignment.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    contents = {
        "untouched": student,
        "three-mistakes": with_cells(master, demo.MISTAKES),
        "hostile": with_last_cell(student, hostile.cell(assignment.course.root, demo.HOSTILE)),
    }
    solution = folder / "solution.zip"
    shutil.copyfile(solution_zip, solution)
    paths = {"solution": solution}
    for title, notebook in contents.items():
        paths[title] = folder / title
        paths[title].mkdir()
        (paths[title] / f"{name}.ipynb").write_bytes(notebook_bytes(notebook))
    return paths


def with_cells(master: NotebookNode, cells: Mapping[str, str]) -> NotebookNode:
    """The master with replaced stub cells, by question."""
    notebook, waiting = copy.deepcopy(master), dict(cells)
    for cell in notebook.cells:
        if has_tag(cell, "stub") and question_tag(cell) in waiting:
            cell.source = waiting.pop(question_tag(cell)).strip()
    if waiting:
        raise ValueError(f"the master has no stub for {', '.join(waiting)}")
    return notebook


def with_last_cell(student: NotebookNode, source: str) -> NotebookNode:
    """The student notebook with one more cell."""
    notebook = copy.deepcopy(student)
    notebook.cells.append(new_code_cell(source.strip(), id="hostile"))
    return notebook
