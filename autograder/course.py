"""A course: any directory with ``solutions/``. Each folder there with an ``assignment.toml`` is one assignment.

================================  ==================================================================================
``solutions/NAME/``               everything about one assignment: settings, master, questions, results (instructors)
``assignments/NAME/NAME.ipynb``   what students get; the one folder that a course publishes
``dist/``                         what ``kit build`` makes: grading bundle, Gradescope zip, nbgrader course
================================  ==================================================================================
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import KitError
from autograder.frameworks import framework_of

SETTINGS = "assignment.toml"
QUESTION_FOLDER = re.compile(r"(?P<id>q\d+[a-z]?)_\w+")
# Set by the launcher ./kit to its checkout, which is the course if there is none around the working directory.
LAUNCHER = "KIT_LAUNCHER"


@dataclass(frozen=True)
class Course:
    """The directory of a course."""

    root: Path

    @property
    def solutions(self) -> Path:
        return self.root / "solutions"

    @property
    def dist(self) -> Path:
        return self.root / "dist"

    def names(self) -> list[str]:
        """The names of its assignments, sorted."""
        return sorted(path.parent.name for path in self.solutions.glob(f"*/{SETTINGS}"))

    def assignment(self, name: str) -> AssignmentFolder:
        """The folder of an assignment.

        Raises:
            KitError: the course has none of this name.
        """
        if name not in self.names():
            known = ", ".join(self.names()) or "none"
            raise KitError(f"{self.root} has no assignment {name!r}; its assignments are: {known}")
        return AssignmentFolder(self, name)

    def preferred(self) -> str | None:
        """The assignment that ``kit demo`` takes: ``[tool.kit] demo`` in the course's pyproject.toml, else its first."""
        try:
            text = (self.root / "pyproject.toml").read_text(encoding="utf-8")
            return tomllib.loads(text)["tool"]["kit"]["demo"]
        except (OSError, ValueError, KeyError):
            return next(iter(self.names()), None)


@dataclass(frozen=True)
class AssignmentFolder:
    """Where one assignment of a course has its files."""

    course: Course
    name: str

    @property
    def path(self) -> Path:
        return self.course.solutions / self.name

    @property
    def settings(self) -> Path:
        return self.path / SETTINGS

    @property
    def master(self) -> Path:
        """The percent-format script that both notebooks are made from.

        It is not called NAME.py: beside the notebook that file would hide a library of that name.
        """
        return self.path / "master.py"

    @property
    def solution(self) -> Path:
        """The executed notebook with all answers."""
        return self.path / f"{self.name}.ipynb"

    @property
    def student(self) -> Path:
        """The notebook that students get."""
        return self.course.root / "assignments" / self.name / f"{self.name}.ipynb"

    @property
    def bundle(self) -> Path:
        """Everything that a grader needs beside the package; only its owner can read it."""
        return self.course.dist / f"{self.name}-bundle"

    @property
    def framework(self) -> str:
        """What students write in, torch or numpy."""
        return framework_of(self.settings)

    def question_folders(self) -> dict[str, Path]:
        """The folder of each question by its id, in order of their names: ``q1a_nt_xent`` holds q1a.

        Raises:
            KitError: two folders have one id.
        """
        folders: dict[str, Path] = {}
        for path in sorted(self.path.iterdir()):
            if path.is_dir() and (found := QUESTION_FOLDER.fullmatch(path.name)):
                if other := folders.get(found["id"]):
                    raise KitError(f"{other} and {path} both have the id {found['id']}; give one of them another id")
                folders[found["id"]] = path
        return folders


def find_course(given: Path | None = None) -> Course:
    """The course in ``given``, in the directory that ``KIT_COURSE`` names, or around the working directory.

    Raises:
        KitError: there is no course.
    """
    for source, path in (("--course", given), ("KIT_COURSE", os.environ.get("KIT_COURSE"))):
        if path:
            course = Course(Path(path).resolve())
            if not course.solutions.is_dir():
                raise KitError(
                    f"{source}: {path} is not a course, because it has no folder solutions/; kit new NAME makes one"
                )
            return course
    course = surrounding(Path.cwd())
    if course is None and (launcher := os.environ.get(LAUNCHER)):
        course = surrounding(Path(launcher))
    if course is None:
        raise KitError(
            f"{Path.cwd()} is not in a course (a directory with solutions/NAME/{SETTINGS}); go to one, name it with "
            "--course DIR or KIT_COURSE, or begin one here: kit new NAME"
        )
    return course


def surrounding(folder: Path) -> Course | None:
    """The nearest course that contains a folder, if any."""
    found = (Course(place) for place in (folder, *folder.parents))
    return next((course for course in found if course.names()), None)
