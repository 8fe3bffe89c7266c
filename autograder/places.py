"""Where things lie in a checkout."""

from __future__ import annotations

from pathlib import Path

from autograder.errors import KitError

ROOT = Path(__file__).resolve().parents[1]
SOLUTIONS = ROOT / "solutions"
ASSIGNMENTS = ROOT / "assignments"
DIST = ROOT / "dist"
GIVEN = Path(__file__).resolve().parent / "given"
QUESTIONS = Path(__file__).resolve().parent / "questions"
REFERENCES = Path(__file__).resolve().parent / "references"


def assignment_names() -> list[str]:
    """Names of all assignments: the folders under ``solutions/`` that hold an ``assignment.toml``."""
    return sorted(path.parent.name for path in SOLUTIONS.glob("*/assignment.toml"))


def assignment_folder(name: str) -> Path:
    """The folder of an assignment's master.

    Raises:
        KitError: there is no such assignment.
    """
    if name not in assignment_names():
        raise KitError(
            f"there is no assignment {name!r}; the assignments are: {', '.join(assignment_names()) or 'none'}"
        )
    return SOLUTIONS / name
