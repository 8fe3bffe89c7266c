"""Makes stock Otter (``otter run``) grade with this kit, from the built zip.

Stock Otter runs a submission in a kernel, together with the hidden tests. ``otter_config.json`` in the zip names the
plugin below. With the plugin, Otter's kernel gets an empty notebook; the engine in the zip grades the submission in its
own sandbox, as on Gradescope, and Otter reports the points.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import nbformat
from otter.plugins import AbstractOtterPlugin
from otter.run.run_autograder.utils import OtterRuntimeError
from otter.test_files import GradingResults, TestCase, TestFile
from otter.test_files.abstract_test import TestCaseResult
from otter.test_files.exception_test import ExceptionTestFile


class KitGrading(AbstractOtterPlugin):
    """Grades with the engine in the zip, so Otter itself never reads the submission."""

    def before_grading(self, config: object) -> None:
        """Grade the submission, then replace it by an empty notebook, because Otter would unpickle the log in it.

        Raises:
            OtterRuntimeError: the engine could not grade the submission.
        """
        notebook = Path(self.submission_path)
        shutil.rmtree(notebook.parent / "tests")  # Otter's copy, not part of the submission
        self.content = graded(notebook.parent.parent)
        for path in notebook.parent.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        nbformat.write(nbformat.v4.new_notebook(), notebook)

    def after_grading(self, results: GradingResults) -> None:
        """Put the verdicts into Otter's results, one test file per question."""
        results.clear_results()
        results.results.update({file.name: file for file in test_files(self.content["tests"])})
        results.set_output(self.content["extra_data"]["output"])


def graded(base: Path) -> dict:
    """The content of ``results.json`` that the engine in the zip writes for the submission in ``base/submission``.

    Raises:
        OtterRuntimeError: the file contains no grade; the text says why.
    """
    source = base / "source"
    command = [sys.executable, "-P", "-m", "autograder", "gradescope", str(base)]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    done = subprocess.run(
        command, cwd=source, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    try:
        content = json.loads((base / "results" / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = {}
    if done.returncode or "tests" not in content:
        reason = content.get("output") or done.stderr.strip() or f"it ended with status {done.returncode}"
        raise OtterRuntimeError(f"no grade from the kit's engine: {reason}")
    return content


def test_files(tests: list[dict]) -> list[TestFile]:
    """The entries of ``results.json`` as Otter's graded test files, one per question."""
    files = []
    graded = [entry for entry in tests if "status" in entry]  # a person grades the others
    for question, group in groupby(graded, key=lambda entry: entry["number"]):
        entries = list(group)
        results = [TestCaseResult(test_case(entry), entry["output"], entry["status"] == "passed") for entry in entries]
        file = ExceptionTestFile(question, question, [result.test_case for result in results], all_or_nothing=False)
        file.test_case_results = results
        file.update_score(round(sum(entry["score"] for entry in entries), 4))
        files.append(file)
    return files


def test_case(entry: dict) -> TestCase:
    """One entry as Otter's test case. Bonus points come on top, so a case with a bonus is worth 0."""
    return TestCase(
        name=entry["name"],
        body=None,
        hidden=entry["visibility"] != "visible",
        points=entry["max_score"],
        success_message=None,
        failure_message=None,
    )
