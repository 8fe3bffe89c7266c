"""Grading from end to end, with the real sandbox, the real Otter and the real notebooks."""

import copy
import json
import shutil
import subprocess
import sys

import pytest
from nbformat.v4 import new_code_cell

from autograder.demo import hostile
from autograder.demo.submissions import with_cells, with_last_cell
from autograder.engine.grade import grade
from autograder.frontends.gradescope import write_results
from autograder.frontends.terminal import by_question
from autograder.questions.loading import load_module
from autograder.release.notebooks import has_tag, notebook_bytes, question_tag
from tests.checkout import COURSE, ROOT

DEMO = load_module(COURSE.assignment("simclr"), "demo")

FULL = {"q1a": 8, "q1b": 8, "q1c": 4, "q2": 4, "q3": 4, "q4": 8, "q5": 6}


def points(report):
    return {question: sum(v.points for v in verdicts) for question, verdicts in by_question(report.verdicts).items()}


def hand_in(folder, notebook, **files):
    folder.mkdir(exist_ok=True)
    (folder / "simclr.ipynb").write_bytes(notebook_bytes(notebook))
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def with_stub(notebook, question, source):
    """The notebook with the stub cells of a question replaced by one cell of ``source``."""
    notebook = copy.deepcopy(notebook)
    stubs = [cell for cell in notebook.cells if has_tag(cell, "stub") and question_tag(cell) == question]
    stubs[0].source = source
    for cell in stubs[1:]:
        cell.source = ""
    return notebook


def test_the_solution_earns_everything(bundle, master, images, checkpoint, tmp_path):
    source = hand_in(tmp_path / "solution", master)
    (source / checkpoint.name).write_bytes(checkpoint.read_bytes())
    report = grade(bundle, source, images)
    assert {**points(report), "q6": 0} == {**FULL, "q6": 0}, [v.message for v in report.verdicts if not v.passed]
    assert [(p.images.shape, p.columns) for p in report.pictures] == [((16, 3, 32, 32), 8)]
    assert report.remarks == []
    accuracy = next(v for v in report.verdicts if v.test == "accuracy")
    assert "generated images" in accuracy.message and "of 100 test images" in accuracy.message
    assert 0.05 < report.headlines["q6"].value < 0.3


def test_the_untouched_notebook_earns_nothing_and_is_told_why(bundle, student, tmp_path):
    report = grade(bundle, hand_in(tmp_path / "untouched", student), None)
    assert report.score == 0
    for verdict in report.verdicts:
        if verdict.question in FULL:
            assert verdict.message.startswith("Not implemented yet"), verdict
    assert next(v for v in report.verdicts if v.test == "accuracy").message.endswith("is not in the submission.")


def test_three_mistakes_are_named_and_cost_their_own_points(bundle, master, tmp_path):
    report = grade(bundle, hand_in(tmp_path / "three", with_cells(master, DEMO.MISTAKES)), None)
    earned = points(report)
    assert {q: earned[q] for q in ("q1c", "q2", "q3", "q5")} == {q: FULL[q] for q in ("q1c", "q2", "q3", "q5")}
    for question in DEMO.MISTAKES:
        assert earned[question] < FULL[question]
        assert any(v.misconception for v in report.verdicts if v.question == question), question


def test_a_bonus_question_gives_points_on_top(bundle, master, tmp_path):
    """The bundle with one ordinary question and one bonus question; a part of the bonus is lost."""
    part = tmp_path / "bundle"
    shutil.copytree(bundle, part)
    settings = (part / "assignment.toml").read_text().split("[[question]]")
    kept = [text for text in settings[1:] if any(f'id = "{question}"' in text for question in ("q1a", "q1c"))]
    kept[1] += "bonus = true\n"
    (part / "assignment.toml").write_text("[[question]]".join([settings[0], *kept]))
    report = grade(part, hand_in(tmp_path / "solution", master), None)
    assert (report.possible(), report.score) == (8, 12)
    verdicts = by_question(report.verdicts)["q1c"]
    assert [(v.possible, v.bonus, v.points, v.passed) for v in verdicts] == [(0, p, p, True) for p in (2, 1, 1)]
    wrong = with_stub(master, "q1c", "def nt_xent_euclidean(z_i, z_j, temperature): return (z_i * z_j).sum()")
    report = grade(part, hand_in(tmp_path / "wrong", wrong), None)
    assert (report.possible(), report.score) == (8, 8)
    assert not any(v.passed for v in by_question(report.verdicts)["q1c"])


def test_a_hostile_notebook_gains_nothing_and_leaves_nothing(bundle, student, tmp_path):
    cell = hostile.cell(ROOT, DEMO.HOSTILE)
    results = tmp_path / "results.json"
    report = grade(
        bundle, hand_in(tmp_path / "hostile", with_last_cell(student, cell)), None, lambda r: write_results(results, r)
    )
    assert report.score == 0
    assert json.loads(results.read_text())["score"] == 0
    assert not list(tmp_path.rglob("results.json.part"))


BAD_CELLS = {
    "errors": (
        "def broken(:\n",
        "raise ValueError('x' * 10_000_000)",
        "torch.load('nowhere.pt')",
        "import os; os.chdir('/'); torch.set_default_dtype(torch.float64); torch.set_grad_enabled(False)",
    ),
    "crashes": ("import ctypes; ctypes.string_at(0)", "import os; os._exit(0)"),
}


@pytest.mark.parametrize("name", BAD_CELLS)
def test_bad_cells_cost_nothing_but_themselves(name, bundle, master, tmp_path):
    notebook = copy.deepcopy(master)
    for number, source in enumerate(BAD_CELLS[name]):
        notebook.cells.insert(number, new_code_cell(source, id=f"bad-{number}"))
    report = grade(bundle, hand_in(tmp_path / "bad", notebook), None)
    earned = points(report)
    assert {q: earned[q] for q in FULL} == FULL, [
        (v.question, v.test, v.message) for v in report.verdicts if not v.passed
    ]
    assert len(report.remarks) >= len(BAD_CELLS[name]) - 1
    assert all(len(remark) < 3000 for remark in report.remarks)


WRONG_STUBS = (  # question: its cell, and a word that its student must read
    {
        "q1a": ("def nt_xent(z_i, z_j, temperature): return 'about 3'", "str"),
        "q1b": ("def barlow_twins(z_a, z_b, lambd): return (z_a * z_b).sum() * float('nan')", "NaN"),
        "q1c": ("def nt_xent_euclidean(z_i, z_j, temperature): return (z_i * z_j).sum(1)", "shape"),
    },
    {
        "q1a": ("def nt_xent(z_i, z_j, temperature): return nn.Linear(2, 2)", "Linear"),
        "q1b": ("def barlow_twins(z_a, z_b, lambd): return (z_a * z_b).sum().double()", "float64"),
        "q1c": ("def euclidean(z_i, z_j, temperature): return 0.0", "nt_xent_euclidean"),
    },
)


@pytest.mark.parametrize("stubs", WRONG_STUBS, ids=["one", "two"])
def test_wrong_answers_cost_their_own_questions_and_are_told_in_a_sentence(stubs, bundle, master, tmp_path):
    notebook = master
    for question, (source, _) in stubs.items():
        notebook = with_stub(notebook, question, source)
    report = grade(bundle, hand_in(tmp_path / "wrong", notebook), None)
    earned = points(report)
    assert {q: earned[q] for q in FULL} == {q: 0 if q in stubs else full for q, full in FULL.items()}
    for question, (_, word) in stubs.items():
        value = next(v for v in report.verdicts if (v.question, v.test) == (question, "value"))
        assert word in value.message and len(value.message) < 500 and "Traceback" not in value.message


@pytest.mark.parametrize(
    "files, words",
    [
        ({}, "empty"),
        ({"a.ipynb": "{}", "b.ipynb": "[]"}, "2 notebooks"),
        ({"simclr.ipynb": "not JSON"}, "not valid JSON"),
        ({"notes.txt": "hello"}, "no notebook"),
    ],
)
def test_a_submission_that_cannot_be_graded_says_why(bundle, tmp_path, files, words):
    folder = tmp_path / "submission"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    report = grade(bundle, folder, None)
    assert report.score == 0
    assert all(words in verdict.message for verdict in report.verdicts)


def test_command_line_status(bundle, student, tmp_path):
    """0 where a grade was produced, 2 and one line where it could not be."""
    good = hand_in(tmp_path / "alice", student)
    command = [sys.executable, "-m", "autograder", "grade", "simclr", "--out", str(tmp_path / "grades")]
    done = subprocess.run([*command, str(good)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "0 / 50" in done.stdout
    written = {"results.json", "report.html", "feedback.html", "record.json", "pictures.safetensors"}
    assert {path.name for path in (tmp_path / "grades" / "alice").iterdir()} == written
    blocked = tmp_path / "grades" / "bob"
    blocked.write_text("a file where a folder belongs")
    bob = hand_in(tmp_path / "bob", student)
    command[-1] = str(blocked / "grades")
    done = subprocess.run([*command, str(bob)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "bob" in done.stderr


def test_a_failure_of_the_grader_is_no_silent_zero(bundle, master, tmp_path, monkeypatch):
    """Otter counts any exception as a failed test; one of ours is told to student and instructor."""
    monkeypatch.setattr("autograder.engine.grade.judge", lambda test, results: 1 / 0)
    report = grade(bundle, hand_in(tmp_path / "solution", master), None)
    assert all("not your fault" in v.message for v in report.verdicts if v.question in FULL)
    assert "q1a value: the grader failed: ZeroDivisionError" in report.notes[0]
