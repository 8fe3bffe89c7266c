"""Runs the solution notebook's code as a script, in its run folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from nbformat import NotebookNode

from autograder.assignment import read_assignment
from autograder.course import AssignmentFolder
from autograder.datasets import find_data
from autograder.errors import KitError
from autograder.release.course import assignment_master, constant
from autograder.release.notebooks import notebook_bytes

HEAD = """\
# All code of the solution notebook, in order: run by ./kit train.
import matplotlib

matplotlib.use("agg")  # figures go to files
"""


def train(assignment: AssignmentFolder, profile: str, folder: Path, data: Path | None) -> None:
    """Run all of an assignment's solution under ``profile`` in ``folder``; checkpoints that lie there are gone on from.

    Progress goes to stderr, what the notebook prints to stdout.

    Raises:
        KitError: there is no such profile or no data set, or the script stops with an error (which it printed).
    """
    name, master = assignment.name, assignment_master(assignment)
    profiles = constant(master, "PROFILES", ())
    if profile not in profiles:
        raise KitError(f"the notebook {name} has no profile {profile!r}; it has {', '.join(profiles)}")
    dataset = read_assignment(assignment.settings).dataset
    prepared = find_data(dataset, data, assignment.course)
    if dataset and prepared is None:
        raise KitError(f"there is no prepared {dataset}; make it with: ./kit data {dataset}")
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    (folder / f"{name}.ipynb").write_bytes(notebook_bytes(master))  # the public tests are read from it
    path = folder / "train.py"
    path.write_text(script(master), encoding="utf-8")
    settings = {"KIT_PROFILE": profile, "KIT_RUN": str(folder)}
    if prepared is not None:
        settings["KIT_DATA"] = str(prepared.folder.parent.resolve())
    status = subprocess.run([sys.executable, str(path)], cwd=folder, env={**os.environ, **settings}).returncode
    if status:
        raise KitError(
            f"{path} ended with status {status}; what it said stands above. The same command goes on after the "
            "last whole epoch"
        )


def script(master: NotebookNode) -> str:
    """The code cells of ``master`` as they are, less the public checks, as one Python script."""
    code = [cell.source for cell in master.cells if cell.cell_type == "code"]
    return "\n\n".join([HEAD, *(f"# %%\n{source}" for source in code if not source.startswith("grader.check("))]) + "\n"
