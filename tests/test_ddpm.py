"""The second assignment from end to end: its notebooks, graded by the real engine, and its zip as Gradescope runs it."""

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
from autograder.given.unet import UNet
from autograder.questions.loading import load_module
from autograder.release.bundle import build_bundle
from autograder.release.course import assignment_master
from autograder.release.gradescope import write_zip
from autograder.release.notebooks import notebook_bytes, student_notebook
from tests.checkout import COURSE, ROOT
from tests.gradescope_layout import lay_out, run

DEMO = load_module(COURSE.assignment("ddpm"), "demo")

FULL = {"q1a": 8, "q1b": 3, "q2": 7, "q3": 9, "q4": 7, "q5": 8, "q7": 5}
SCHEMA = json.loads((Path(__file__).parent / "frontends" / "gradescope_schema.json").read_text())


@pytest.fixture(scope="module")
def bundle():
    return build_bundle(COURSE.assignment("ddpm"))


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
    return assignment_master(COURSE.assignment("ddpm"))


@pytest.fixture(scope="module")
def student(master):
    return student_notebook(master)


def hand_in(folder, notebook, **files):
    folder.mkdir()
    (folder / "ddpm.ipynb").write_bytes(notebook_bytes(notebook))
    for name, content in files.items():
        torch.save(content, folder / f"{name}.pt")
    return folder


def trained(widths=(8, 8)):
    """The two files of q6, of a network that has not learnt anything."""
    torch.manual_seed(0)
    network = UNet(1, widths)
    samples = torch.randint(256, (1024, 1, 28, 28), dtype=torch.uint8)
    return {
        "ddpm_model": {"state_dict": network.state_dict(), "alpha_bar": torch.linspace(0.99, 0.01, 50)},
        "ddpm_samples": {"samples": samples},
    }


def points(report):
    return {question: sum(v.points for v in verdicts) for question, verdicts in by_question(report.verdicts).items()}


def test_the_solution_earns_everything_and_the_bonus(grader, master, tmp_path):
    report = grader.grade(hand_in(tmp_path / "solution", master, **trained()))
    assert {**points(report), "q6": 0} == {**FULL, "q6": 0}, [v.message for v in report.verdicts if not v.passed]
    assert report.possible() == 50 and report.remarks == []
    drawn = next(v for v in report.verdicts if v.test == "checkpoint")
    assert "256 samples drawn in 25 steps" in drawn.message and drawn.points == 0, "nothing was learnt"
    assert len(report.pictures) == 2


def test_the_untouched_notebook_earns_nothing_and_is_told_why(grader, student, tmp_path):
    report = grader.grade(hand_in(tmp_path / "untouched", student))
    assert report.score == 0
    for verdict in report.verdicts:
        if verdict.question in FULL:
            assert verdict.message.startswith("Not implemented yet"), verdict


def test_three_mistakes_are_named_and_cost_their_own_points(grader, master, tmp_path):
    report = grader.grade(hand_in(tmp_path / "three", with_cells(master, DEMO.MISTAKES)))
    earned = points(report)
    for question in DEMO.MISTAKES:
        assert earned[question] < FULL[question]
        assert any(v.misconception for v in report.verdicts if v.question == question), question
    assert {q: earned[q] for q in ("q1b", "q3", "q5", "q7")} == {q: FULL[q] for q in ("q1b", "q3", "q5", "q7")}


def test_a_hostile_notebook_gains_nothing(grader, student, tmp_path):
    assert (
        grader.grade(hand_in(tmp_path / "hostile", with_last_cell(student, hostile.cell(ROOT, DEMO.HOSTILE)))).score
        == 0
    )


UPSTREAM = {  # a wrong definition that others build on, and the tests that it costs
    "noise_schedule": (
        "def noise_schedule(T, beta_start=1e-4, beta_end=0.02):\n"
        "    return schedule_of(torch.linspace(beta_start**0.5, beta_end**0.5, T) ** 2)",
        {"q1a beta"},
    ),
    "cosine_schedule": ("def cosine_schedule(T, s=0.008): return noise_schedule(T)", {"q1b beta"}),
    "q_sample": (
        "def q_sample(x0, t, noise, schedule):\n"
        "    kept = per_row(schedule.alpha_bar, t, x0)\n"
        "    return kept * x0 + (1 - kept) * noise",
        {"q2 value"},
    ),
    "p_mean_variance": (
        "def p_mean_variance(eps_model, x_t, t, schedule):\n"
        "    beta, alpha, alpha_bar = (per_row(values, t, x_t) for values in schedule[:3])\n"
        "    return (x_t - beta / (1 - alpha_bar) * eps_model(x_t, t)) / alpha.sqrt(), beta",
        {"q3 mean"},
    ),
    "p_sample": ("def p_sample(eps_model, x_t, t, schedule, noise): return x_t + noise", {"q3 step", "q3 last"}),
}


@pytest.mark.parametrize("name", UPSTREAM)
def test_a_mistake_costs_nothing_in_what_builds_on_it(grader, master, tmp_path, name):
    source, tests = UPSTREAM[name]
    report = grader.grade(hand_in(tmp_path / "wrong", with_last_cell(master, source)))
    assert {f"{v.question} {v.test}" for v in report.verdicts if not v.passed and v.question in FULL} == tests
    followed = [v.message for v in report.verdicts if v.passed and v.question in FULL and v.message]
    assert followed, "the student reads what was put in the place of the wrong function"


SAMPLERS = {  # a wrong sampler, and a word that its student must read
    "nan": (
        "def sample(eps_model, shape, schedule, generator): return torch.full(shape, math.nan)",
        "eps_model|model|NaN|finite",
    ),
    "shape": ("def sample(eps_model, shape, schedule, generator): return torch.zeros(3)", "shape|model"),
    "no model": (
        "def sample(eps_model, shape, schedule, generator): return torch.randn(shape, generator=generator)",
        "model",
    ),
    "no step": ("def sample(eps_model, shape, schedule, generator): raise ValueError('T is 0')", "T is 0"),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_wrong_sampler_costs_its_own_points_and_is_told_in_a_sentence(grader, master, tmp_path, name):
    source, words = SAMPLERS[name]
    notebook = with_last_cell(master, source)
    report = grader.grade(hand_in(tmp_path / "wrong", notebook))
    earned = points(report)
    assert {q: earned[q] for q in FULL if q != "q5"} == {q: FULL[q] for q in FULL if q != "q5"}
    lost = [v for v in report.verdicts if v.question == "q5" and not v.passed]
    assert {v.test for v in lost} == {"order", "chain", "randomness"}
    assert all(any(word in v.message for word in words.split("|")) for v in lost[:1]), lost
    assert all(len(v.message) < 500 and "Traceback" not in v.message for v in lost)


def test_the_zip_grades_where_gradescope_puts_it(bundle, data, master, tmp_path):
    """The layout, the script and the files of Gradescope; the environment that setup.sh would make is this one."""
    zipped = write_zip(tmp_path / "ddpm-gradescope.zip", bundle, data.folder)
    names = zipfile.ZipFile(zipped).namelist()
    assert "autograder/scorers/mnist.safetensors" in names and "data/mnist/train.npy" in names
    assert not [name for name in names if "oracle" in name or "misconception" in name or "variants" in name]
    base = lay_out(zipped, tmp_path / "autograder")
    submission = hand_in(tmp_path / "handed-in", master, **trained())
    for file in submission.iterdir():
        file.rename(base / "submission" / file.name)
    assert run(base).returncode == 0
    content = json.loads((base / "results" / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert content["score"] == sum(FULL.values()), [test for test in content["tests"] if test["status"] == "failed"]
    assert sum(test["max_score"] for test in content["tests"]) == 50
