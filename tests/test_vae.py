"""The VAE assignment from end to end: its notebooks, graded by the real engine, and its zip as Gradescope runs it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import jsonschema
import pytest
import torch

import data_scripts
from autograder.demo import hostile
from autograder.demo.submissions import with_cells, with_last_cell
from autograder.engine.grade import Grader
from autograder.frontends.terminal import by_question
from autograder.given.vae import Decoder, Encoder
from autograder.questions.loading import load_module
from autograder.release.bundle import build_bundle
from autograder.release.course import assignment_master
from autograder.release.gradescope import write_zip
from autograder.release.notebooks import notebook_bytes, student_notebook
from tests.checkout import COURSE, ROOT
from tests.gradescope_layout import lay_out, run

DEMO = load_module(COURSE.assignment("vae"), "demo")
FULL = {"q1a": 4, "q1b": 6, "q1c": 5, "q1d": 4, "q1e": 3, "q2": 4, "q3": 6, "q4": 6, "q5": 4, "q7": 5}
SCHEMA = json.loads((Path(__file__).parent / "frontends" / "gradescope_schema.json").read_text())


@pytest.fixture(scope="module")
def bundle():
    return build_bundle(COURSE.assignment("vae"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Generated images in MNIST's format."""
    folder = tmp_path_factory.mktemp("mnist")
    return data_scripts.prepare_generated(folder, 200, 100, progress=False, dataset=data_scripts.DATASETS["mnist"])


@pytest.fixture(scope="module")
def grader(bundle, data):
    with Grader(bundle, data) as grader:
        yield grader


@pytest.fixture(scope="module")
def master():
    return assignment_master(COURSE.assignment("vae"))


def hand_in(folder, notebook, **files):
    folder.mkdir()
    (folder / "vae.ipynb").write_bytes(notebook_bytes(notebook))
    for name, content in files.items():
        torch.save(content, folder / f"{name}.pt")
    return folder


def untrained():
    """The two files of q6, of networks that have not learnt anything."""
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"encoder": Encoder(hidden=(16,)), "decoder": Decoder(hidden=(16,))})
    samples = torch.randint(256, (1024, 1, 28, 28), dtype=torch.uint8)
    return {"vae_best": {"state_dict": model.state_dict()}, "vae_samples": {"samples": samples}}


def points(report):
    return {question: sum(v.points for v in verdicts) for question, verdicts in by_question(report.verdicts).items()}


def test_the_solution_earns_everything_and_the_bonus(grader, master, tmp_path):
    report = grader.grade(hand_in(tmp_path / "solution", master, **untrained()))
    assert points(report) == FULL | {"q6": 0}, [v.message for v in report.verdicts if not v.passed]
    assert report.possible() == 50 and report.remarks == []
    bound = next(v for v in report.verdicts if v.test == "elbo")
    assert bound.message.startswith("A bound of -5") and "of 100 grey test images" in bound.message
    assert len(report.pictures) == 1


def test_the_untouched_notebook_earns_nothing_and_is_told_why(grader, master, tmp_path):
    report = grader.grade(hand_in(tmp_path / "untouched", student_notebook(master)))
    assert report.score == 0
    for verdict in report.verdicts:
        if verdict.question in FULL:
            assert verdict.message.startswith("Not implemented yet"), verdict


def test_three_mistakes_are_named_and_cost_their_own_points(grader, master, tmp_path):
    report = grader.grade(hand_in(tmp_path / "three", with_cells(master, DEMO.MISTAKES)))
    earned = points(report)
    for question in DEMO.MISTAKES:
        assert 0 < earned[question] < FULL[question]
        assert any(v.misconception for v in report.verdicts if v.question == question), question
    assert {q: earned[q] for q in FULL if q not in DEMO.MISTAKES} == {
        q: FULL[q] for q in FULL if q not in DEMO.MISTAKES
    }


def test_a_hostile_notebook_gains_nothing(grader, master, tmp_path):
    attack = with_last_cell(student_notebook(master), hostile.cell(ROOT, DEMO.HOSTILE))
    assert grader.grade(hand_in(tmp_path / "hostile", attack)).score == 0


def test_the_zip_grades_where_gradescope_puts_it(bundle, data, master, tmp_path):
    """The layout, the script and the files of Gradescope; the environment that setup.sh would make is this one."""
    zipped = write_zip(tmp_path / "vae-gradescope.zip", bundle, data.folder)
    names = zipfile.ZipFile(zipped).namelist()
    assert {"autograder/scorers/mnist.safetensors", "data/mnist/train.npy", "autograder/given/vae.py"} <= set(names)
    assert not [name for name in names if "oracle" in name or "mistakes" in name or "correct" in name]
    base = lay_out(zipped, tmp_path / "autograder")
    submission = hand_in(tmp_path / "handed-in", master, **untrained())
    for file in submission.iterdir():
        file.rename(base / "submission" / file.name)
    assert run(base).returncode == 0
    content = json.loads((base / "results" / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert content["score"] == sum(FULL.values()), [test for test in content["tests"] if test["status"] == "failed"]
    assert sum(test["max_score"] for test in content["tests"]) == 50
