"""This checkout as a course, and the kit's commands in other folders: tests make courses there and leave this one alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from autograder.course import LAUNCHER, Course
from autograder.course_code import open_package

ROOT = Path(__file__).resolve().parents[1]
COURSE = Course(ROOT)
SOLUTIONS = COURSE.solutions
open_package(SOLUTIONS)
PROBES = "tests.sandbox.probes_of_the_tests"  # of the sandbox's own tests


def kit(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """What ``kit ARGUMENTS`` does in that folder, with this Python."""
    return python(folder, "-m", "autograder", *arguments)


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run this Python in that folder, with the packages of this checkout.

    It does not hear of the launcher that runs the tests: a command that finds no course would take this checkout.
    """
    kept = {name: value for name, value in os.environ.items() if name != LAUNCHER}
    environment = {**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "140"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
