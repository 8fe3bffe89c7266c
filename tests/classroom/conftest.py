"""A small assignment (two questions of simclr and its checkpoint) and submissions of one cell, quick to grade."""

import json
import shutil
from pathlib import Path

import pytest

from autograder.classroom.grade_class import ClassRun, Settings, carry_out, plans_of, read_settings
from autograder.classroom.intake import Notes, find_submissions
from autograder.classroom.pool import grade_task
from autograder.engine.grade import Grader

HEAD = "import torch\nimport torch.nn.functional as F\n\n"
RIGHT = """
def nt_xent(z_i, z_j, temperature):
    n = len(z_i)
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    scores = (z @ z.T / temperature).masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    return F.cross_entropy(scores, torch.cat([torch.arange(n) + n, torch.arange(n)]))
"""
UNSTABLE = """
def nt_xent(z_i, z_j, temperature):
    n = len(z_i)
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    scores = torch.exp(z @ z.T / temperature) * (1 - torch.eye(2 * n))
    return -torch.log(torch.cat([scores.diagonal(n), scores.diagonal(-n)]) / scores.sum(dim=1)).mean()
"""
CODE = {
    "right": RIGHT,
    "wrong": UNSTABLE,
    "hanging": RIGHT + "\nwhile True:\n    pass\n",
    "crashing": "import os\n\ndef nt_xent(z_i, z_j, temperature):\n    os.abort()\n",
    "broken": "def nt_xent(:\n",
    "blank": "def nt_xent(z_i, z_j, temperature):\n    raise NotImplementedError\n",
}
QUESTIONS = ("q1a", "q1c")


def write_notebook(path: Path, kind: str, remark: str = "") -> Path:
    """A notebook of one cell; ``remark`` makes it differ from others of its kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = {"cell_type": "code", "source": f"# {remark}\n{HEAD}{CODE[kind]}", "metadata": {}, "outputs": []}
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def hand_in(folder: Path, **kinds: str) -> Path:
    """A folder with one folder a student: ``alice="right"``."""
    for student, kind in kinds.items():
        write_notebook(folder / student / "simclr.ipynb", kind, student)
    return folder


def edit(bundle: Path, old: str, new: str) -> None:
    """Change the settings of a bundle."""
    path = bundle / "assignment.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def small_bundle(bundle: Path, part: Path) -> Path:
    """The bundle of simclr with q1a, q1c and q6 alone, and short limits."""
    shutil.copytree(bundle, part)
    head, *questions = (part / "assignment.toml").read_text(encoding="utf-8").split("[[question]]")
    kept = [text.split("# The submitted")[0] for text in questions if text.split(chr(34))[1] in QUESTIONS]
    artefact = "[[artefact]]" + questions[-1].split("[[artefact]]")[1]
    text = "[[question]]".join([head, *kept]) + artefact
    (part / "assignment.toml").write_text(text, encoding="utf-8")
    edit(part, "cell_seconds = 20", "cell_seconds = 2")
    edit(part, "notebook_seconds = 120", "notebook_seconds = 4")
    return part


@pytest.fixture
def small(bundle, tmp_path) -> Path:
    """A small bundle that a test may change."""
    return small_bundle(bundle, tmp_path / "small-bundle")


@pytest.fixture(scope="package")
def grader(bundle, tmp_path_factory):
    """One preloaded parent for all tests here."""
    with Grader(small_bundle(bundle, tmp_path_factory.mktemp("grader") / "bundle"), for_class=True) as grader:
        yield grader


class Room:
    """Grades a folder with a bundle, as ``./kit grade`` does, and remembers what was run."""

    def __init__(self, bundle: Path, out: Path, grader: Grader):
        self.bundle, self.out, self.grader, self.data = bundle, out, grader, None
        self.run: list[tuple[str, frozenset]] = []

    def settings(self) -> Settings:
        return read_settings(self.bundle, self.data)

    def grade(self, *sources: Path, regrade: bool = False, done=lambda plan, report: None, workers=None, notes=None):
        settings, notes = self.settings(), Notes() if notes is None else notes
        result = ClassRun(passed=notes.passed)
        plans = plans_of(find_submissions(sources, "simclr", notes), self.out, settings, regrade, result)

        def outcomes(tasks):
            self.run = [(plans[task.number].folder.name, task.questions) for task in tasks]
            if workers and tasks:
                with workers:
                    yield from workers.run(tasks)
            else:
                self.grader.bundle, self.grader.data = self.bundle, self.data
                self.grader.assignment, self.grader.key = settings.assignment, settings.key
                self.grader.tests = tuple(settings.key.values())
                yield from ((task.number, grade_task(self.grader, task)) for task in tasks)

        carry_out(plans, settings, outcomes, result, done)
        self.plans = plans
        return result

    def points(self, student: str) -> float:
        return json.loads((self.out / student / "results.json").read_text())["score"]


@pytest.fixture
def room(small, grader, tmp_path) -> Room:
    """A class that is graded with a small bundle of its own."""
    return Room(small, tmp_path / "grades", grader)
