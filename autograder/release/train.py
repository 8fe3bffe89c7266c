"""Runs the solution notebook's code as a script, in its run folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from autograder.assignment import read_assignment
from autograder.course import AssignmentFolder
from autograder.datasets import find_data
from autograder.errors import KitError
from autograder.release.course import assignment_master, constant
from autograder.release.notebooks import notebook_bytes
from autograder.release.script import script

TO_END = 40.0  # seconds that torchrun has to end its processes, of which it takes 30


def train(assignment: AssignmentFolder, profile: str, folder: Path, data: Path | None, processes: int = 1) -> None:
    """Run all of an assignment's solution under ``profile`` in ``folder``; checkpoints that lie there are gone on from.

    ``processes`` share each batch, by torchrun. Progress goes to stderr, what the notebook prints to stdout.

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
        raise KitError(f"there is no prepared {dataset}; make it with: python -m data_scripts {dataset}")
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    (folder / f"{name}.ipynb").write_bytes(notebook_bytes(master))  # the public tests are read from it
    path = folder / "train.py"
    path.write_text(script(master), encoding="utf-8")
    settings = {"KIT_PROFILE": profile, "KIT_RUN": str(folder)}
    if prepared is not None:
        settings["KIT_DATA"] = str(prepared.folder.parent.resolve())
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *launcher, str(path)]
    status = run(command, folder, settings)
    if status:
        raise KitError(
            f"{path} ended with status {status}; what it said stands above. The same command goes on after the "
            "last whole epoch"
        )


def run(command: list[str], folder: Path, settings: dict[str, str]) -> int:
    """The exit status of a command, which on Ctrl-C is left to end what it has started."""
    with subprocess.Popen(command, cwd=folder, env={**os.environ, **settings}) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            try:
                child.wait(TO_END)
            except subprocess.TimeoutExpired:
                child.kill()
            raise
