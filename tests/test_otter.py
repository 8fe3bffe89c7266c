"""Stock ``otter run`` on the built zip: the points of this kit, and a submission that Otter itself never runs."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

import pytest

from autograder.demo.submissions import with_cells, with_last_cell
from autograder.engine.grade import Grader
from autograder.engine.report import told_once
from autograder.frontends import otter
from autograder.frontends.gradescope import results
from autograder.questions.loading import load_module
from autograder.release.gradescope import write_zip
from autograder.release.notebooks import notebook_bytes
from tests.checkout import COURSE


def otter_run(zipped: Path, submission: Path, out: Path) -> subprocess.CompletedProcess:
    """``otter run``, with ``results.json`` in ``out``."""
    out.mkdir()
    command = [sys.executable, "-m", "otter", "run", "-a", zipped, "-o", out, submission]
    return subprocess.run(command, cwd=out, capture_output=True, text=True)


def hand_in(path: Path, notebook, files: dict[str, bytes]) -> Path:
    """A submission as a zip."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("softmax.ipynb", notebook_bytes(notebook))
        for file, content in files.items():
            archive.writestr(file, content)
    return path


@pytest.fixture(scope="module")
def graded(tmp_path_factory, softmax, softmax_weights, images):
    """Three honest submissions, two with weights, one question a bonus: the zip, their paths, this kit's reports."""
    folder = tmp_path_factory.mktemp("softmax")
    bundle = folder / "bundle"
    shutil.copytree(softmax.bundle, bundle)
    settings = bundle / "assignment.toml"
    settings.write_text(settings.read_text().replace('id = "q5"', 'id = "q5"\nbonus = true'))
    zipped = write_zip(folder / "softmax-gradescope.zip", bundle, images.folder)
    mistakes = with_cells(softmax.master, load_module(COURSE.assignment("softmax"), "demo").MISTAKES)
    submissions = {
        "solution": hand_in(folder / "solution.zip", softmax.master, softmax_weights),
        "mistakes": hand_in(folder / "mistakes.zip", mistakes, softmax_weights),
        "blank": hand_in(folder / "blank.zip", softmax.student, {}),
    }
    with Grader(bundle, images) as grader:
        return zipped, submissions, {title: grader.grade(path) for title, path in submissions.items()}


def points(report) -> dict[str, tuple[float, float]]:
    """Earned and possible points of each question."""
    found = defaultdict(lambda: (0.0, 0.0))
    for verdict in report.verdicts:
        earned, possible = found[verdict.question]
        found[verdict.question] = earned + verdict.points, possible + verdict.possible
    return {question: (round(earned, 4), possible) for question, (earned, possible) in found.items()}


@pytest.mark.parametrize("title", ["solution", "mistakes", "blank"])
def test_otter_counts_what_this_kit_counts(graded, title):
    """Every verdict as a test case of Otter's, partial credit and bonus included."""
    report = graded[2][title]
    files = otter.test_files(results(report)["tests"])
    assert {file.name: (file.score, file.possible) for file in files} == points(report)
    cases = [case for file in files for case in file.test_case_results]
    assert [(case.message or "", case.passed) for case in cases] == [
        (verdict.message or "Passed.", verdict.passed) for verdict in told_once(report.verdicts)
    ]
    assert {case.test_case.hidden for case in cases} == {True, False}, "the question of the weights is visible"


@pytest.mark.parametrize("title", ["solution", "mistakes"])
def test_otter_run_gives_the_points_of_this_kit(graded, tmp_path, title):
    """With weights and the whole bonus, or a part of it; a blank one stands below."""
    zipped, submissions, reports = graded
    done = otter_run(zipped, submissions[title], tmp_path / "out")
    assert done.returncode == 0, done.stderr
    content, report = json.loads((tmp_path / "out" / "results.json").read_text()), reports[title]
    assert {test["name"]: (test["score"], test["max_score"]) for test in content["tests"]} == points(report)
    assert f"Total Score: {report.score:.3f} / 40.000" in done.stdout
    shown = " ".join(" ".join(test["output"] for test in content["tests"]).split())
    for verdict in report.verdicts:
        assert verdict.passed or " ".join(verdict.message.split()) in shown


class Opens:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_otter_neither_imports_nor_unpickles_what_is_handed_in(softmax, tmp_path):
    """Each attempt would leave a folder; a log, a module beside the notebook and its cells are what Otter trusts."""
    zipped = write_zip(tmp_path / "softmax-gradescope.zip", softmax.bundle, None)
    made = tmp_path / "made"
    made.mkdir(mode=0o777)
    code = "import os; os.mkdir({!r})\n"
    files = {
        ".OTTER_LOG": pickle.dumps(Opens(made / "log")),
        "otter.py": code.format(str(made / "module")),
        "ipykernel_launcher.py": code.format(str(made / "kernel")),
        "tests/q1a.py": code.format(str(made / "tests")),
    }
    notebook = with_last_cell(softmax.student, code.format(str(made / "cell")))
    submission = hand_in(tmp_path / "hostile.zip", notebook, files)
    done = otter_run(zipped, submission, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "Total Score: 0.000 / 50.000" in done.stdout
    assert list(made.iterdir()) == []


def test_a_broken_zip_is_said_and_gives_no_grade(softmax, tmp_path):
    zipped = write_zip(tmp_path / "whole.zip", softmax.bundle, None)
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(zipped) as whole, zipfile.ZipFile(broken, "w") as part:
        for info in whole.infolist():
            if info.filename != "bundle/assignment.toml":
                part.writestr(info, whole.read(info))
    done = otter_run(broken, hand_in(tmp_path / "blank.zip", softmax.student, {}), tmp_path / "out")
    assert done.returncode != 0 and "no grade from the kit's engine" in done.stderr
    assert not (tmp_path / "out" / "results.json").exists()
