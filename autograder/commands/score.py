"""``./kit score``: show the score of an artefact file, as the grader measures it."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.sandbox import preload

if TYPE_CHECKING:
    from autograder.arrays import Array
    from autograder.artefacts import Artefact
    from autograder.assignment import Assignment

EXAMPLE = "./kit score ddpm run/ddpm_samples.pt"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="an assignment with an [[artefact]], e.g. ddpm")
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        help="a file that students submit, such as a checkpoint or samples",
    )
    parser.add_argument("--question", metavar="ID", help="the artefact's question (default: found by the file's name)")
    parser.add_argument(
        "--split",
        choices=("train", "test"),
        help="score real images instead of a file: the best that samples can reach",
    )


def run(arguments: argparse.Namespace) -> int:
    from autograder.assignment import read_assignment
    from autograder.course import find_course
    from autograder.datasets import find_data
    from autograder.errors import KitError

    file, folder = arguments.file, find_course(arguments.course).assignment(arguments.name)
    assignment = read_assignment(folder.settings)
    artefact = chosen(assignment, arguments.question, file)
    if (file is None) == (arguments.split is None):
        raise KitError("give either a file or --split")
    data = find_data(assignment.dataset, None, folder.course)
    if data is None:
        raise KitError(f"{assignment.dataset} is not prepared; run: ./kit data {assignment.dataset}")
    if file is not None and not file.is_file():
        raise KitError(f"{file}: no such file")
    preload.start_over(arguments.command_line, framework=folder.framework)
    tensors = None if file is None else read_tensors(file, folder.framework)
    try:
        print(artefact.score(assignment.dataset, data, tensors, arguments.split or ""))
    except KitError as error:
        raise KitError(f"{file}: {error}" if file else str(error)) from None
    return 0


def chosen(assignment: Assignment, question: str | None, file: Path | None) -> Artefact:
    """The artefact to score: the one of ``question``, else the one with the file's name, else the only one.

    Raises:
        KitError: there is none, or several are possible.
    """
    from autograder.errors import KitError

    artefacts = assignment.artefacts
    if not artefacts:
        raise KitError(f"{assignment.name} has no [[artefact]] in its assignment.toml")
    if question:
        fitting = [artefact for artefact in artefacts if artefact.question == question]
    else:
        fitting = [a for a in artefacts if file and file.name in a.files()] or list(artefacts)
    if len(fitting) != 1:
        known = ", ".join(artefact.question for artefact in artefacts)
        raise KitError(f"choose one of the artefacts of {assignment.name} with --question: {known}")
    return fitting[0]


def read_tensors(file: Path, framework: str) -> dict[str, Array]:
    """The tensors of a file, unpickled in a sandbox session because the file may be malicious.

    Raises:
        KitError: the file cannot be read.
    """
    from autograder.engine.session import Probes, Sandbox, SessionLost, StudentError
    from autograder.errors import KitError

    try:
        with tempfile.TemporaryDirectory() as folder, Sandbox(Probes(framework=framework)) as sandbox:
            shutil.copyfile(file, Path(folder) / file.name)
            with sandbox.session(Path(folder)) as session:
                return session.load_checkpoint(file.name)
    except StudentError as error:
        raise KitError(error.message) from None
    except SessionLost as error:
        raise KitError(f"{file} could not be read: {error.reason}") from None
