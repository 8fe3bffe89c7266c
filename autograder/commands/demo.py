"""``./kit demo``: build, train and grade once, on real images."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.sandbox import preload

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.engine.grade import Grader
    from autograder.engine.report import Report

EXAMPLE = "./kit demo ddpm --data data"
PROFILE = "demo"
GENERATED = {"train": 5000, "test": 1000}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME",
        help="an assignment with a demo.py (default: [tool.kit] demo in pyproject.toml, else the first assignment)",
    )  # fmt: skip
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="the images: a prepared folder, or a source for ./kit data (default: the usual places, else a "
        "download, else generated images)",
    )


def run(arguments: argparse.Namespace) -> int:
    from autograder.assignment import read_assignment
    from autograder.course import find_course

    course = find_course(arguments.course)
    folder = course.assignment(arguments.name or course.preferred())
    assignment = read_assignment(folder.settings)
    preload.start_over(arguments.command_line, framework=folder.framework)

    from rich.console import Console
    from tqdm import tqdm

    from autograder.datasets import describe, find_or_prepare
    from autograder.demo.submissions import write_submissions
    from autograder.engine.grade import Grader
    from autograder.limits import LOCAL_PATIENCE
    from autograder.questions.loading import load_module
    from autograder.release.course import assignment_master
    from autograder.release.everything import build
    from autograder.release.execute import execute, remove_run
    from autograder.release.notebooks import student_notebook

    console, start = Console(), time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - start:4.0f} s] {text}", file=sys.stderr)

    name = folder.name
    load_module(folder, "demo")  # reports at once if it is missing
    data = find_or_prepare(arguments.data, GENERATED, say, assignment.dataset, course)
    say(f"images: {describe(data, assignment.dataset, course)}")
    for made in build(folder, data.folder.parent, None, say):
        say(f"built {made.relative_to(course.root)}")

    master = assignment_master(folder)
    work = course.root / "runs" / f"demo-{name}"
    remove_run(work)
    say("training: the solution notebook from top to bottom")
    with tqdm(total=len(master.cells), unit=" cells", leave=False) as bar:
        execute(master, name, work, PROFILE, data.folder.parent, on_cell=lambda done, total: bar.update(done - bar.n))

    zipped = next(work.rglob(f"{name}-submission.zip"))
    submissions = write_submissions(work / "submissions", zipped, master, student_notebook(master), folder)
    out = course.root / "grades" / f"demo-{name}"
    with Grader(folder.bundle, data, patience=LOCAL_PATIENCE) as grader:
        for title, source in submissions.items():
            say(f"grading {title}")
            grade_into(out / title, grader, source, console)
    say("done")
    print(f"report:          {out / 'solution' / 'report.html'}")
    print(f"Gradescope zip:  {course.dist / f'{name}-gradescope.zip'}")
    return 0


def grade_into(folder: Path, grader: Grader, source: Path, console: Console) -> Report:
    """Grade ``source`` with a progress bar, write ``results.json`` and ``report.html`` into ``folder``, print the table."""
    from tqdm import tqdm

    from autograder.frontends.gradescope import write_results
    from autograder.frontends.html import write_html
    from autograder.frontends.terminal import print_report

    folder.mkdir(parents=True, exist_ok=True)
    units = [artefact.units(grader.data) for artefact in grader.assignment.artefacts] if grader.data else []
    total, title = sum(count for count, _ in units), " and ".join(dict.fromkeys(name for _, name in units))
    with tqdm(total=total, desc=title, unit="", leave=False, disable=None, delay=1) as bar:
        report = grader.grade(
            source,
            publish=lambda report: write_results(folder / "results.json", report),
            progress=lambda done: bar.update(done - bar.n),
        )
    write_html(folder / "report.html", report)
    print_report(console, report)
    return report
