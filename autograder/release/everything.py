"""All products of one assignment, in the order in which they depend on each other."""

from __future__ import annotations

import copy
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.assignment import read_assignment
from autograder.course import AssignmentFolder
from autograder.datasets import find_data
from autograder.files import write_if_new
from autograder.release.bundle import build_bundle
from autograder.release.course import assignment_master
from autograder.release.execute import execute
from autograder.release.gradescope import write_zip
from autograder.release.nbgrader import write_course
from autograder.release.notebooks import notebook_bytes, publish, student_notebook
from autograder.release.travel import public_cells, same_but_numbers, with_checks

FIRST_PROFILE = "smoke"


def build(
    folder: AssignmentFolder,
    data: Path | None,
    profile: str | None,
    say: Callable[[str], None] = lambda text: None,
    run: Path | None = None,
) -> Iterator[Path]:
    """Make everything of an assignment and yield each product's path as it is there.

    ``data`` is a folder with a prepared data set, or None for the usual places; ``profile`` forces a new run of the
    solution notebook. That run leaves its checkpoints in ``run``, or goes on with those that lie there.
    """
    name, dist = folder.name, folder.course.dist
    assignment = read_assignment(folder.settings)
    prepared = find_data(assignment.dataset, data, folder.course)
    master = assignment_master(folder)
    checks = public_cells(folder, master, say)
    yield write_student(folder.student, with_checks(student_notebook(master), checks))
    yield from publish(assignment.publish, folder.student.parent)
    solution = with_kept_outputs(master, folder.solution) if profile is None else None
    if solution is None:
        profile = profile or FIRST_PROFILE
        say(f"running the solution notebook (profile {profile})")
        solution = executed(master, name, profile, prepared.folder.parent if prepared else None, run)
    yield write_if_new(folder.solution, notebook_bytes(solution))
    bundle = build_bundle(folder, say)
    yield bundle / "key.safetensors"
    measured = " and ".join(artefact.question for artefact in assignment.artefacts) or "nothing"
    if prepared is None and assignment.dataset:
        say(f"no {assignment.dataset} found: the zip is made without images, and cannot grade {measured}")
    elif prepared is not None and prepared.manifest["generated"]:
        say(f"only generated images found: the zip grades {measured} on them and says so")
    yield write_zip(dist / f"{name}-gradescope.zip", bundle, prepared.folder if prepared else None)
    yield write_course(dist / f"{name}-nbgrader", folder, master, assignment, checks)


def write_student(path: Path, notebook: NotebookNode) -> Path:
    """Write the student notebook, unless the one that is there differs only in the numbers of another machine."""
    if path.is_file() and same_but_numbers(nbformat.read(path, as_version=4), notebook):
        return path
    return write_if_new(path, notebook_bytes(notebook))


def executed(master: NotebookNode, name: str, profile: str, data: Path | None, run: Path | None = None) -> NotebookNode:
    """The master with the outputs of a run in an empty folder, marked with the code and the profile that gave them.

    ``run`` is the run folder of the notebook (default: one that goes with the empty folder).
    """
    with tempfile.TemporaryDirectory(prefix="kit-build-") as scratch:
        notebook = execute(copy.deepcopy(master), name, Path(scratch), profile, data, run=run)
    notebook.metadata["kit"] = {"profile": profile, "code": code_hash(master)}
    return notebook


def with_kept_outputs(master: NotebookNode, solution_file: Path) -> NotebookNode | None:
    """The master with the outputs that its solution notebook has; None if its code has changed since they were made."""
    if not solution_file.is_file():
        return None
    old = nbformat.read(solution_file, as_version=4)
    if old.metadata.get("kit", {}).get("code") != code_hash(master):
        return None
    notebook = copy.deepcopy(master)
    notebook.metadata["kit"] = old.metadata["kit"]
    old_code = [cell for cell in old.cells if cell.cell_type == "code"]
    for cell, old_cell in zip((cell for cell in notebook.cells if cell.cell_type == "code"), old_code):
        cell.outputs, cell.execution_count = old_cell.outputs, old_cell.execution_count
    return notebook


def code_hash(notebook: NotebookNode) -> str:
    """Hash of all that decides a notebook's outputs: its code cells and its embedded tests."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    content = json.dumps([code, notebook.metadata["otter"]["tests"]], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
