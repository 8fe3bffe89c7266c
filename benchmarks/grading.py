"""One notebook graded by this kit, by stock ``otter run`` and by stock ``nbgrader autograde``, in turn.

``python -m benchmarks.grading [ROUNDS] [--batch N] [--only four|simclr]``, from the checkout, as root (other
processes' memory is read). Two notebooks: four questions (the three losses and the SimCLR network), and the whole SimCLR
assignment. All graders get the same notebook without its training cells and the same test cases on the same inputs, run
by the same probes and judged by the same judge (``same_tests.py``); the stock ones run them in the notebook's own
process, as they do. Every grader must give full marks, else nothing is measured.

Printed are wall time, CPU time and peak memory of the whole process tree: medians over the rounds, and their ratios. In a
batch, the cost of a submission is what each one after the first adds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.assignment import Assignment, read_assignment
from autograder.course import Course
from autograder.release.bundle import build_bundle
from autograder.release.notebooks import has_tag, notebook_bytes, question_tag, read_master
from benchmarks.measuring import ENVIRONMENT, Cost, machine, measured, median
from tests.checkout import COURSE, ROOT, SOLUTIONS
from tests.corpus import small

NAME = "simclr"  # of the assignment and of its notebook
FOURTH = """
[[question]]
id = "q2"
title = "The SimCLR model"
points = { encoder = 3, projection = 2, modes = 1 }
"""
IMPORTS = "import torch\nimport torch.nn.functional as F\nimport torchvision\nfrom torch import nn\n"
OTTER_FILE = """
import sys
sys.path.insert(0, {folder!r})
from otter.test_files import test_case
OK_FORMAT = False
name = "{question}"
points = None
"""
OTTER_CASE = """
@test_case(points={points}, hidden=True)
def test_{test}(env):
    from same_tests import check
    check(env, {key!r}, "{question}", "{test}")
"""
NBGRADER_CELL = """
import sys
sys.path.insert(0, {folder!r})
from same_tests import check
check(globals(), {key!r}, "{question}", "{test}")
"""
GENERATE = ("generate", "--no-config", "--no-requirements", "--no-environment")


@dataclass(frozen=True)
class Subject:
    """A notebook to grade, and the checkout whose ``simclr`` assignment it answers."""

    title: str
    checkout: Path
    notebook: NotebookNode

    @property
    def assignment(self) -> Assignment:
        """Its settings."""
        return read_assignment(self.checkout / SOLUTIONS.relative_to(ROOT) / NAME / "assignment.toml")

    @property
    def key(self) -> str:
        """The path of its answer key."""
        return str(Course(self.checkout).assignment(NAME).bundle / "key.safetensors")

    @property
    def points(self) -> float:
        """Full marks without a checkpoint."""
        return sum(points for question in self.assignment.questions for points in question.points.values())


def four_questions(folder: Path, master: NotebookNode) -> Subject:
    """The corpus's assignment of three losses, and q2 with its cell of the solution, in a checkout of its own."""
    for part in ("autograder", "data_scripts", "solutions"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    network = [cell.source for cell in master.cells if has_tag(cell, "stub") and question_tag(cell) == "q2"]
    notebook = small.notebook((IMPORTS, *small.HONEST[1:], *network), {**master.metadata, "otter": {}})
    subject = Subject("four", folder, notebook)
    smaller = Course(folder).assignment(NAME)
    smaller.settings.write_text(small.SETTINGS + FOURTH)
    wanted = {question.id for question in subject.assignment.questions}
    for question, place in smaller.question_folders().items():
        if question not in wanted:
            shutil.rmtree(place)
    build_bundle(smaller)
    return subject


def whole_assignment(master: NotebookNode) -> Subject:
    """SimCLR without training, plots and checkpoint."""
    notebook = NotebookNode(master, cells=[cell for cell in master.cells if not has_tag(cell, "skip-grading")])
    return Subject("simclr", ROOT, notebook)


@dataclass(frozen=True)
class Run:
    """A command to measure, where it runs, and how many points it gave."""

    command: list[str]
    folder: Path
    points: Callable[[], float]


def kit_run(subject: Subject, folder: Path, count: int) -> Run:
    """``count`` submissions graded by this kit in one command."""
    sources = [folder / "submissions" / f"student-{number}" for number in range(count)]
    for source in sources:
        source.mkdir(parents=True, exist_ok=True)
        (source / f"{NAME}.ipynb").write_bytes(notebook_bytes(subject.notebook))
    out = folder / f"grades-{count}"
    command = [sys.executable, "-m", "autograder", "grade", NAME, *map(str, sources)]
    options = ["--jobs", "1", "--regrade", "--out", str(out)]
    _quietly(command[:6] + options, subject.checkout)  # brings bundle and byte code up to date
    results = [out / source.name / "results.json" for source in sources]
    return Run(command + options, subject.checkout, lambda: min(map(_gradescope_points, results)))


def otter_run(subject: Subject, folder: Path) -> Run:
    """The autograder zip that ``otter generate`` makes, and ``otter run`` with it."""
    tests = folder / "tests"
    tests.mkdir(parents=True)
    for question in subject.assignment.questions:
        text = OTTER_FILE.format(folder=str(Path(__file__).parent), question=question.id)
        for test, points in question.points.items():
            text += OTTER_CASE.format(question=question.id, test=test, points=points, key=subject.key)
        (tests / f"{question.id}.py").write_text(text)
    zipped, source = folder / "autograder.zip", folder / f"{NAME}.ipynb"
    source.write_bytes(notebook_bytes(subject.notebook))
    otter = [sys.executable, "-m", "otter"]
    _quietly([*otter, *GENERATE, "-t", str(tests), "-o", str(zipped)], folder)
    command = [*otter, "run", "-a", str(zipped), "-o", str(folder), str(source)]
    return Run(command, folder, lambda: _gradescope_points(folder / "results.json"))


def nbgrader_run(subject: Subject, folder: Path) -> Run:
    """A course folder with one autograded cell per test, released by nbgrader, and ``nbgrader autograde`` in it."""
    course = NotebookNode(subject.notebook, cells=[_for_nbgrader(cell) for cell in subject.notebook.cells])
    for question in subject.assignment.questions:
        for test, points in question.points.items():
            names = {"folder": str(Path(__file__).parent), "key": subject.key, "question": question.id, "test": test}
            source = NBGRADER_CELL.format(**names)
            marks = _marks(f"{question.id}-{test}", grade=True, locked=True, points=float(points))
            course.cells.append(new_code_cell(source.strip(), metadata={"nbgrader": marks}))
    for place in ("source", "submitted/student"):
        (folder / place / NAME).mkdir(parents=True)
        (folder / place / NAME / f"{NAME}.ipynb").write_bytes(notebook_bytes(course))
    nbgrader = [sys.executable, "-m", "nbgrader"]
    _quietly([*nbgrader, "generate_assignment", NAME, "--create", "--force"], folder)
    command = [*nbgrader, "autograde", NAME, "--student=student", "--create", "--force"]
    return Run(command, folder, lambda: _nbgrader_points(folder))


def _for_nbgrader(cell: NotebookNode) -> NotebookNode:
    """A cell as the student left it: one with a solution region is a solution cell."""
    if cell.cell_type == "code" and "### BEGIN SOLUTION" in cell.source:
        return NotebookNode(cell, metadata=NotebookNode(nbgrader=_marks(cell.id, solution=True)))
    return NotebookNode(cell, metadata=NotebookNode())


def _marks(grade_id: str, grade: bool = False, solution: bool = False, locked: bool = False, **points: float) -> dict:
    marks = {"grade": grade, "grade_id": grade_id, "locked": locked, "solution": solution, "task": False}
    return {**marks, "schema_version": 3, "cell_type": "code", **points}


def _quietly(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stderr[-3000:]}")


def _gradescope_points(path: Path) -> float:
    return sum(test.get("score", 0) for test in json.loads(path.read_text())["tests"])


def _nbgrader_points(folder: Path) -> float:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        return gradebook.find_submission(NAME, "student").score


def measure(subject: Subject, folder: Path, rounds: int, batch: int) -> dict[str, Cost]:
    """The medians of all graders on one subject.

    Raises:
        SystemExit: a grader did not give full marks, so it did not run the same tests.
    """
    runs = {
        "this kit, one submission": kit_run(subject, folder / "kit", 1),
        f"this kit, {batch} submissions": kit_run(subject, folder / "kit", batch),
        "stock otter run": otter_run(subject, folder / "otter"),
        "stock nbgrader autograde": nbgrader_run(subject, folder / "nbgrader"),
    }
    costs: dict[str, list[Cost]] = {title: [] for title in runs}
    for number in range(rounds):
        for title, run in runs.items():
            print(f"\r{subject.title}: round {number + 1} of {rounds}, {title:32}", end="", file=sys.stderr, flush=True)
            costs[title].append(measured(run.command, run.folder))
            if (points := run.points()) != subject.points:
                raise SystemExit(f"{title} gave {points:g} of {subject.points:g} points to a right notebook")
    print(file=sys.stderr)
    medians = {title: median(rows) for title, rows in costs.items()}
    one, many = medians["this kit, one submission"], medians[f"this kit, {batch} submissions"]
    added = Cost((many.wall - one.wall) / (batch - 1), (many.cpu - one.cpu) / (batch - 1), many.peak)
    start = Cost(one.wall - added.wall, one.cpu - added.cpu, one.peak)
    return {**medians, "this kit, one more in a batch": added, "this kit, its start": start}


def table(subject: Subject, costs: dict[str, Cost], rounds: int) -> Iterator[str]:
    """Lines of Markdown."""
    tests = sum(len(question.points) for question in subject.assignment.questions)
    yield f"\n{subject.title}: {len(subject.assignment.questions)} questions, {tests} tests, {rounds} rounds; {machine()}\n"
    yield "| grader | wall s | CPU s | peak MB | CPU of otter / this | CPU of nbgrader / this |"
    yield "| --- | --- | --- | --- | --- | --- |"
    otter, nbgrader = costs["stock otter run"], costs["stock nbgrader autograde"]
    for title, cost in costs.items():
        ratios = f"{otter.cpu / cost.cpu:.1f} | {nbgrader.cpu / cost.cpu:.1f}"
        yield f"| {title} | {cost.wall:.2f} | {cost.cpu:.2f} | {cost.peak:.0f} | {ratios} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rounds", nargs="?", type=int, default=2)
    parser.add_argument("--batch", type=int, default=20, help="submissions in a batch (default: 20)")
    parser.add_argument("--only", choices=("four", "simclr"), help="one of the two notebooks")
    arguments = parser.parse_args()
    build_bundle(COURSE.assignment(NAME))
    master = read_master(SOLUTIONS / NAME / "master.py", NAME, "")
    with tempfile.TemporaryDirectory(prefix="kit-benchmark-") as name:
        folder = Path(name)
        for subject in (four_questions(folder / "checkout", master), whole_assignment(master)):
            if arguments.only in (None, subject.title):
                costs = measure(subject, folder / subject.title, arguments.rounds, arguments.batch)
                print("\n".join(table(subject, costs, arguments.rounds)), flush=True)


if __name__ == "__main__":
    main()
