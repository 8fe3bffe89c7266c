"""Reads the questions of an assignment from its folders."""

from __future__ import annotations

import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType

from autograder.course import AssignmentFolder
from autograder.course_code import PACKAGE, open_package
from autograder.errors import KitError
from autograder.questions.model import Question


def load_questions(assignment: AssignmentFolder) -> tuple[Question, ...]:
    """All questions of an assignment, in the order of their folders' names.

    Raises:
        KitError: two folders have one id, a file is missing or broken, or does not define what it should.
    """
    return tuple(load_question(assignment, id, folder) for id, folder in assignment.question_folders().items())


def load_question(assignment: AssignmentFolder, id: str, folder: Path) -> Question:
    """One question from its folder. Raises KitError."""

    def found(file: str, *names: str) -> list[object]:
        module = load_module(assignment, f"{folder.name}.{file}")
        missing = next((name for name in names if not hasattr(module, name)), None)
        if missing:
            raise KitError(f"{folder / file}.py defines no {missing}; docs/writing.md says what each file holds")
        return [getattr(module, name) for name in names]

    stubs, tests, draw = found("question", "STUBS", "TESTS", "draw")
    (oracle,), (misconceptions,), (correct,) = (
        found(file, name)
        for file, name in (("oracle", "ORACLE"), ("mistakes", "MISCONCEPTIONS"), ("correct", "CORRECT"))
    )
    return Question(id, folder, stubs, tests, draw, oracle, misconceptions, correct, assignment.framework)


def load_module(assignment: AssignmentFolder, name: str) -> ModuleType:
    """A module of an assignment, such as ``q1a_nt_xent.oracle``.

    Raises:
        KitError: it is not there, or raises while it is imported; names the line.
    """
    open_package(assignment.course.solutions)
    path = assignment.path.joinpath(*name.split(".")).with_suffix(".py")
    if not path.is_file():
        raise KitError(f"{path} is missing; docs/writing.md says which files a question has")
    try:
        return import_module(f"{PACKAGE}.{assignment.name}.{name}")
    except Exception as error:
        where = place_of(error, assignment.path) or str(path)
        raise KitError(f"{where}: {type(error).__name__}: {error}") from error


def place_of(error: BaseException, folder: Path) -> str | None:
    """File and line under ``folder`` where an exception came from, the innermost; None if it came from elsewhere."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder):
        return f"{error.filename}:{error.lineno}"
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None
