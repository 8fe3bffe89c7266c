"""``python -m autograder gradescope BASE``: grade the submission that Gradescope has put under BASE.

``BASE/submission`` is graded with ``BASE/source/bundle`` and ``BASE/source/data``. ``BASE/results/results.json`` exists
from the start and is replaced in one step after every verdict, so it has the points so far if this process is killed.
Until every process of the submission is dead, only its owner can read it.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.files import OWNER, write_private
from autograder.frameworks import framework_of
from autograder.sandbox import preload

if TYPE_CHECKING:
    from autograder.engine.report import Report

EXAMPLE = "python -m autograder gradescope /autograder"
FIRST_WORDS = "Grading was stopped before the first result. Submit again."
READABLE = 0o644


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", type=Path, metavar="BASE", help="the folder with source, submission and results")


def run(arguments: argparse.Namespace) -> int:
    base = arguments.base.resolve()
    results = base / "results" / "results.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    write_private(results, json.dumps({"score": 0, "output": FIRST_WORDS}), OWNER)
    preload.start_over(arguments.command_line, framework=framework_of(base / "source" / "bundle" / "assignment.toml"))

    import psutil

    from autograder.assignment import read_assignment
    from autograder.datasets import find_data
    from autograder.engine.grade import Grader
    from autograder.errors import KitError
    from autograder.frontends.gradescope import read_due, write_results

    source = base / "source"
    due = read_due(base / "submission_metadata.json", datetime.now(UTC))

    def publish(report: Report) -> None:
        write_results(results, report, OWNER, due)

    try:
        dataset = read_assignment(source / "bundle" / "assignment.toml").dataset
        data = find_data(dataset, source / "data", None) if (source / "data").is_dir() else None
        with Grader(source / "bundle", data) as grader:
            spent = (
                time.time() - psutil.Process().create_time()
            )  # imports count too, since the container has a time limit
            grader.grade(base / "submission", publish, spent=spent)
    except (KitError, OSError) as error:  # for example, no room for temporary files
        message = f"The autograder could not grade this submission: {error}. Please tell your instructor."
        write_private(results, json.dumps({"score": 0, "output": message}), OWNER)
    results.chmod(READABLE)  # every process of the submission is dead
    return 0
