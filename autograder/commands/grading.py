"""What ``grade`` and ``demo`` share: one submission from its source to its files and its table."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from autograder.engine.grade import Grader
from autograder.engine.report import Report
from autograder.frontends.gradescope import write_results
from autograder.frontends.html import write_html
from autograder.frontends.terminal import print_report


def grade_into(folder: Path, grader: Grader, source: Path, console: Console) -> Report:
    """Grade ``source``, write ``results.json`` and ``report.html`` into ``folder``, print the table."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = grader.assignment.samples
    images = samples.count if samples else grader.data.counts["test"] if grader.data else 0
    title = "samples" if samples else "test images"
    with tqdm(total=images, desc=title, unit="", leave=False, disable=None, delay=1) as bar:
        report = grader.grade(
            source,
            publish=lambda report: write_results(folder / "results.json", report),
            progress=lambda done: bar.update(done - bar.n),
        )
    write_html(folder / "report.html", report)
    print_report(console, report)
    return report
