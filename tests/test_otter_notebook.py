"""Otter's object in the student notebook, in a real kernel: ``check_all`` and ``export`` as Otter documents them."""

from __future__ import annotations

import json
import re
import zipfile

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

import data_scripts
from autograder.assignment import read_assignment
from autograder.engine.grade import Grader
from autograder.release.bundle import build_bundle
from autograder.release.course import assignment_master
from autograder.release.execute import execute
from autograder.release.notebooks import has_tag, student_notebook
from autograder.release.travel import public_cells, with_checks
from data_scripts import DATASETS
from tests.checkout import COURSE, SOLUTIONS

NAMES = ("simclr", "ddpm", "vae", "simsiam", "softmax", "contrastive")
CHECKPOINTS = {
    "simclr": "simclr_lin_best.pt",
    "ddpm": "ddpm_model.pt",
    "vae": "vae_best.pt",
    "simsiam": "simsiam_best.pt",
    "softmax": "softmax.npz",
    "contrastive": "nn.pt",
}


def filled_in(name: str) -> NotebookNode:
    """The notebook that students get, with the solution's code in its stubs."""
    master = assignment_master(COURSE.assignment(name))
    notebook = published(name)
    solutions = {cell.id: cell.source for cell in master.cells}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = solutions.get(cell.id, cell.source)
    return notebook


def published(name: str) -> NotebookNode:
    """The notebook that students get."""
    master = assignment_master(COURSE.assignment(name))
    return with_checks(student_notebook(master), public_cells(COURSE.assignment(name), master))


def needs_no_training(cell: NotebookNode) -> bool:
    """Definitions, the cells that make Otter's object, and the checks."""
    needed = ("ON_COLAB = ", "grader = make_grader()", "# @title Checks", "grader.check(")
    return not has_tag(cell, "skip-grading") or any(word in cell.source for word in needed)


def with_last_cells(notebook: NotebookNode, sources: list[str]) -> NotebookNode:
    """The notebook, ending in cells that its student has added."""
    added = [new_code_cell(source, id=f"added-{number}") for number, source in enumerate(sources)]
    return NotebookNode(notebook, cells=[*notebook.cells, *added])


def outputs(cell: NotebookNode) -> str:
    """All that stands under a cell, as text."""
    texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs]
    pages = [o.get("data", {}).get("text/html", "") for o in cell.outputs]
    return "\n".join(texts + pages)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with small generated data sets of all assignments."""
    folder = tmp_path_factory.mktemp("data")
    for name in NAMES:
        dataset = DATASETS[read_assignment(SOLUTIONS / name / "assignment.toml").dataset]
        data_scripts.prepare_generated(folder, 200, 100, progress=False, dataset=dataset)
    return folder


@pytest.fixture(scope="module", params=NAMES)
def worked(request, data, tmp_path_factory):
    """A finished notebook run from top to bottom with the calls at its end, and the folder in which it lies."""
    name, folder = request.param, tmp_path_factory.mktemp(request.param)
    calls = [
        "grader.check_all()",
        f"grader.export(pdf=False, export_path='mine.zip', files=['run/{CHECKPOINTS[name]}'])",
        "grader.export(pdf=False)",
        # The grading runs this cell, too, where these give None.
        "print(getattr(grader.check_all(), 'passed_all_public', ''), getattr(grader.check('q1a'), 'grade', ''))",
    ]
    notebook = execute(with_last_cells(filled_in(name), calls), name, folder, "smoke", data)
    return name, folder, [outputs(cell) for cell in notebook.cells[-len(calls) :]]


def test_check_all_runs_the_public_tests_of_every_question(worked):
    name, _, (checked, *_) = worked
    questions = filled_in(name).metadata["otter"]["tests"]
    assert len(questions) >= 6
    for question in questions:
        assert re.search(rf"^{question}: all \d+ checks passed$", checked, re.MULTILINE)


def test_otters_own_results_can_be_asked_for(worked):
    assert worked[-1][-1] == "True 1.0\n\n"


def test_export_writes_the_notebook_and_the_files_asked_for(worked):
    name, folder, (_, asked, plain, _) = worked
    names = set(zipfile.ZipFile(folder / "mine.zip").namelist())
    assert {f"{name}.ipynb", f"run/{CHECKPOINTS[name]}"} <= names and not [n for n in names if n.endswith(".pdf")]
    assert 'href="mine.zip"' in asked
    stamped = next(folder.glob(f"{name}_20*.zip"))
    assert stamped.name in plain
    assert f"{name}.ipynb" in zipfile.ZipFile(stamped).namelist()


def test_an_exported_zip_is_graded_with_its_checkpoint(worked, data):
    name, folder, _ = worked
    dataset = read_assignment(SOLUTIONS / name / "assignment.toml").dataset
    with Grader(build_bundle(COURSE.assignment(name)), data_scripts.locate([data], dataset)) as grader:
        report = grader.grade(folder / "mine.zip")
    judged = [v for v in report.verdicts if not v.question.startswith("q6")]
    assert [v.message for v in judged if not v.passed] == []
    measured = next(v for v in report.verdicts if v.question in ("q6", "q6b"))  # not q6a, which needs two files
    assert any(words in measured.message for words in ("test images correct", "samples drawn", "grey test images"))
    assert report.remarks == []


@pytest.mark.parametrize("name", NAMES)
def test_a_blank_notebook_is_told_what_is_missing_and_exported_all_the_same(name, data, tmp_path):
    blank = published(name)
    blank.cells = [cell for cell in blank.cells if needs_no_training(cell)]
    saving = name == NAMES[0]  # no browser answers: Otter waits ten seconds, warns, and takes the file as it is
    (tmp_path / "tests").mkdir()  # the student's own, where Otter would look first
    (tmp_path / "tests" / "test_mine.py").write_text("mine = 1\n")
    calls = ["grader.check_all()", f"grader.export(pdf=False, export_path='blank.zip', force_save={saving})"]
    notebook = execute(with_last_cells(blank, calls), name, tmp_path, "smoke", data)
    checked = outputs(notebook.cells[-2])
    for question in blank.metadata["otter"]["tests"]:
        assert f"{question}: not right yet" in checked
    assert checked.count("is not implemented yet") >= len(blank.metadata["otter"]["tests"]) and "✓" not in checked
    archive = zipfile.ZipFile(tmp_path / "blank.zip")
    assert json.loads(archive.read(f"{name}.ipynb"))["cells"]


def test_export_can_run_the_public_tests_once_more(data, tmp_path):
    """In a kernel of their own, on the file that was saved."""
    name = "ddpm"
    notebook = filled_in(name)
    notebook.cells = [cell for cell in notebook.cells if needs_no_training(cell)]
    call = "grader.export(pdf=False, export_path='tested.zip', run_tests=True)"
    done = execute(with_last_cells(notebook, [call]), name, tmp_path, "smoke", data)
    shown = outputs(done.cells[-1])
    assert "q1a results: All test cases passed!" in shown
