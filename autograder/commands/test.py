"""``kit test``: the tests of the kit or of a course, with pytest."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec

from autograder.course import find_course
from autograder.errors import KitError

EXAMPLE = "./kit test -k nt_xent -x"
MOST_PROCESSES = 4
# Each file runs in one process, in the order of collection: tests/conftest.py puts the longest first.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "./kit test [arguments for pytest; without any: all tests, on all processors]"


def run(arguments: argparse.Namespace) -> int:
    course = find_course(arguments.course)
    if find_spec("pytest") is None or find_spec("xdist") is None:
        raise KitError("kit test needs pytest and pytest-xdist: pip install pytest pytest-xdist")
    # One thread per process keeps results and times comparable between machines.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    options = arguments.handed_on or ["-n", str(min(MOST_PROCESSES, os.cpu_count() or 1)), *BY_FILE]
    command = [sys.executable, "-m", "pytest", "--import-mode=importlib", *options]
    return subprocess.run(command, cwd=course.root, env=environment).returncode
