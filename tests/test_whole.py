"""Assignments from end to end: their notebooks, graded by the real engine, and their zips as Gradescope runs them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch

import data_scripts
from autograder.artefacts.elbo import PARTS as ELBO
from autograder.assignment import read_assignment
from autograder.demo import hostile
from autograder.demo.submissions import with_cells, with_last_cell
from autograder.engine.grade import Grader
from autograder.frontends.terminal import by_question
from autograder.given.encoders import SmallEncoder
from autograder.given.resnet9 import ResNet9
from autograder.given.unet import UNet
from autograder.given.vae import Decoder, Encoder
from autograder.questions.loading import load_module
from autograder.release.bundle import build_bundle
from autograder.release.course import assignment_master
from autograder.release.gradescope import write_zip
from autograder.release.notebooks import notebook_bytes, student_notebook
from tests.checkout import COURSE, ROOT
from tests.gradescope_layout import lay_out, run

SCHEMA = json.loads((Path(__file__).parent / "frontends" / "gradescope_schema.json").read_text())
SAMPLES = {
    "samples": torch.randint(256, (1024, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
}


def untrained(name):
    """The files of q6, of networks that have not learnt anything."""
    torch.manual_seed(0)
    if name == "ddpm":
        model = {"state_dict": UNet(1, (8, 8)).state_dict(), "alpha_bar": torch.linspace(0.99, 0.01, 50)}
        return {"ddpm_model": model, "ddpm_samples": SAMPLES}
    if name == "softmax":
        return {"softmax": {"W": np.zeros((3072, 10)), "b": np.zeros(10), "mean": 0.5, "scale": 0.25}}
    if name == "contrastive":
        return constant_answers()
    if name == "simsiam":
        collapsed = SmallEncoder((4, 4, 4, 4))
        torch.nn.init.zeros_(collapsed.body[3][1][1].weight)  # and a bias: the same features for every image
        torch.nn.init.ones_(collapsed.body[3][1][1].bias)
        return {"simsiam_best": {"state_dict": collapsed.state_dict()}}
    model = torch.nn.ModuleDict({"encoder": Encoder(hidden=(16,)), "decoder": Decoder(hidden=(16,))})
    return {"vae_best": {"state_dict": model.state_dict()}, "vae_samples": SAMPLES}


def constant_answers():
    """The three files of contrastive, of networks that give every image the first class."""
    body = {f"body.{name}": part for name, part in ResNet9((4, 4, 8, 8)).state_dict().items()}
    encoder = body | {"head.weight": torch.zeros(4, 8), "head.bias": torch.zeros(4)}
    hidden = {"hidden.weight": torch.zeros(64, 4), "hidden.bias": torch.zeros(64)}
    classifier = hidden | {"out.weight": torch.zeros(10, 64), "out.bias": torch.zeros(10)}
    parts = {"encoder": encoder, "classifier": classifier}
    states = {
        "encoder": encoder,
        "linear": {"linear.weight": torch.zeros(10, 4), "linear.bias": torch.zeros(10)},
        "nn": {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()},
    }
    return {name: {"state_dict": state} for name, state in states.items()}


class Whole:
    """An assignment: its bundle, its master, its points without those of files, and its grader while one is open."""

    def __init__(self, name):
        self.name, folder = name, COURSE.assignment(name)
        self.bundle, self.master, self.demo = (
            build_bundle(folder),
            assignment_master(folder),
            load_module(folder, "demo"),
        )
        settings = read_assignment(folder.settings)
        self.dataset = settings.dataset
        self.full = {question.id: sum(question.points.values()) for question in settings.questions}

    def hand_in(self, folder, notebook, **files):
        folder.mkdir()
        (folder / f"{self.name}.ipynb").write_bytes(notebook_bytes(notebook))
        for name, content in files.items():
            if name == "softmax":
                np.savez(folder / f"{name}.npz", **content)
            else:
                torch.save(content, folder / f"{name}.pt")
        return folder

    def grade(self, *what, **files):
        return self.grader.grade(self.hand_in(*what, **files))

    def earned(self, report):
        """The points of each question, without those of files."""
        found = {question: sum(v.points for v in all_of) for question, all_of in by_question(report.verdicts).items()}
        return {question: found[question] for question in self.full}


@pytest.fixture(scope="module", params=["ddpm", "vae", "simsiam", "softmax", "contrastive"])
def whole(request, tmp_path_factory):
    """The assignment, and generated images in the format of its data set as its ``data``."""
    found = Whole(request.param)
    folder, dataset = tmp_path_factory.mktemp("images"), data_scripts.DATASETS[found.dataset]
    found.data = data_scripts.prepare_generated(folder, 200, 100, progress=False, dataset=dataset)
    with Grader(found.bundle, found.data) as found.grader:
        yield found


def test_the_solution_earns_everything_and_the_bonus(whole, tmp_path):
    report = whole.grade(tmp_path / "solution", whole.master, **untrained(whole.name))
    assert whole.earned(report) == whole.full, [v.message for v in report.verdicts if not v.passed]
    assert report.possible() == 50 and report.remarks == []
    measured = {v.test: v for v in report.verdicts if v.question not in whole.full}
    assert not any(verdict.points for verdict in measured.values()), "nothing was learnt"
    if whole.name == "ddpm":
        assert "256 samples drawn in 25 steps" in measured["checkpoint"].message and len(report.pictures) == 2
    elif whole.name == "softmax":
        assert "of 100 test images correct" in measured["softmax"].message
        assert measured["logistic"].message.startswith("logistic.npz is not in the submission")
    elif whole.name == "contrastive":
        said = [verdict.message for verdict in report.verdicts if verdict.question.startswith("q6")]
        assert said == ["10.00% top-1: 10 of 100 test images correct (generated images, not CIFAR-10)."] * 2
    elif whole.name == "simsiam":
        assert "the encoder collapsed" in measured["accuracy"].message
    else:
        assert measured["elbo"].message.startswith("A bound of -5") and len(report.pictures) == 1
        assert "of 100 grey test images" in measured["elbo"].message and set(measured) == set(ELBO)


def test_the_untouched_notebook_earns_nothing_and_is_told_why(whole, tmp_path):
    report = whole.grade(tmp_path / "untouched", student_notebook(whole.master))
    assert report.score == 0
    for verdict in report.verdicts:
        if verdict.question in whole.full:
            assert verdict.message.startswith("Not implemented yet"), verdict


def test_three_mistakes_are_named_and_cost_their_own_points(whole, tmp_path):
    report = whole.grade(tmp_path / "three", with_cells(whole.master, whole.demo.MISTAKES))
    earned = whole.earned(report)
    assert {question for question in whole.full if earned[question] < whole.full[question]} == set(whole.demo.MISTAKES)
    for question in whole.demo.MISTAKES:
        assert any(v.misconception for v in report.verdicts if v.question == question), question


def test_a_hostile_notebook_gains_nothing(whole, tmp_path):
    attack = with_last_cell(student_notebook(whole.master), hostile.cell(ROOT, whole.demo.HOSTILE))
    assert whole.grade(tmp_path / "hostile", attack).score == 0


def test_the_zip_grades_where_gradescope_puts_it(whole, tmp_path):
    """The layout, the script and the files of Gradescope; the environment that setup.sh would make is this one."""
    zipped = write_zip(tmp_path / f"{whole.name}-gradescope.zip", whole.bundle, whole.data.folder)
    names = zipfile.ZipFile(zipped).namelist()
    assert f"data/{whole.dataset}/test.npy" in names
    assert (f"data/{whole.dataset}/train.npy" in names) == (whole.name not in ("softmax", "contrastive")), (
        "they need no others"
    )
    assert ("autograder/scorers/mnist.safetensors" in names) == (whole.dataset == "mnist")
    assert not [
        name for name in names if any(word in name for word in ("oracle", "mistakes", "correct", "question.py"))
    ]
    base = lay_out(zipped, tmp_path / "autograder")
    whole.hand_in(tmp_path / "handed-in", whole.master, **untrained(whole.name))
    for file in (tmp_path / "handed-in").iterdir():
        file.rename(base / "submission" / file.name)
    assert run(base).returncode == 0
    content = json.loads((base / "results" / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert content["score"] == sum(whole.full.values()), [t for t in content["tests"] if t["status"] == "failed"]
    assert sum(test["max_score"] for test in content["tests"]) == 50


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


@pytest.mark.parametrize("whole", ["ddpm"], indirect=True)
@pytest.mark.parametrize("name", UPSTREAM)
def test_a_mistake_costs_nothing_in_what_builds_on_it(whole, tmp_path, name):
    source, tests = UPSTREAM[name]
    report = whole.grade(tmp_path / "wrong", with_last_cell(whole.master, source))
    assert {f"{v.question} {v.test}" for v in report.verdicts if not v.passed and v.question in whole.full} == tests
    followed = [v.message for v in report.verdicts if v.passed and v.question in whole.full and v.message]
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


@pytest.mark.parametrize("whole", ["ddpm"], indirect=True)
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_wrong_sampler_costs_its_own_points_and_is_told_in_a_sentence(whole, tmp_path, name):
    source, words = SAMPLERS[name]
    report = whole.grade(tmp_path / "wrong", with_last_cell(whole.master, source))
    earned = whole.earned(report)
    assert {question for question in whole.full if earned[question] < whole.full[question]} == {"q5"}
    lost = [v for v in report.verdicts if v.question == "q5" and not v.passed]
    assert {v.test for v in lost} == {"order", "chain", "randomness"}
    assert all(any(word in v.message for word in words.split("|")) for v in lost[:1]), lost
    assert all(len(v.message) < 500 and "Traceback" not in v.message for v in lost)


def test_vae_on_fashion_mnist_by_its_one_switch(tmp_path):
    """Trained for seconds on generated images in Fashion-MNIST's format, and measured on them."""
    images, switched = data_scripts.DATASETS["fashion_mnist"], tmp_path / "bundle"
    data = data_scripts.prepare_generated(tmp_path / "data", 200, 100, progress=False, dataset=images)
    shutil.copytree(COURSE.assignment("vae").settings.parent, tmp_path / "course" / "solutions" / "vae")
    shutil.copytree(build_bundle(COURSE.assignment("vae")), switched)
    for settings in (tmp_path / "course" / "solutions" / "vae" / "assignment.toml", switched / "assignment.toml"):
        settings.write_text(settings.read_text().replace('dataset = "mnist"', 'dataset = "fashion_mnist"'))
    train = [sys.executable, "-m", "autograder", "train", "vae", "--profile", "smoke", "--data", str(tmp_path / "data")]
    train += ["--course", str(tmp_path / "course"), "--run", str(tmp_path / "run")]
    done = subprocess.run(train, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["dataset"] == "fashion_mnist"
    with Grader(switched, data) as grader:
        measured = {
            v.test: v for v in grader.grade(tmp_path / "run" / "vae-submission.zip").verdicts if v.question == "q6"
        }
    assert measured["elbo"].message.startswith("A bound of ")
    assert "(16, 1, 28, 28), expected (1024, 1, 28, 28)" in measured["own"].message, "smoke draws few samples"
