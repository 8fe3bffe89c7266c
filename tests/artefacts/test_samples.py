"""Samples of a checkpoint and samples handed in, read in the real sandbox, scored, and given their points."""

import shutil
import time
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import data_scripts
from autograder.artefacts import Inputs
from autograder.artefacts.samples import PARTS, Samples
from autograder.assignment import Assignment, Visibility, read_assignment
from autograder.engine.grade import Grading, grade_artefact, unreached
from autograder.engine.report import Report
from autograder.engine.submission import Submission
from autograder.given.unet import UNet
from autograder.limits import Limits
from data_scripts.catalogue import MNIST
from tests.checkout import SOLUTIONS

torch.set_num_threads(1)
STRICT = {"coverage": (0.5, 0.85), "confidence": (0.6, 0.9), "frechet": (60, 15)}
# Anything that is a picture at all has full quality, so that points can be followed without a trained network.
LENIENT = {"coverage": (-1, 0), "confidence": (-1, 0), "frechet": (1e6, 1e5)}
HALF = {**LENIENT, "frechet": (1e6, -1e6)}  # the Fréchet distance is small beside it


def sheet(ramps=LENIENT, **changes):
    entries = {"own_count": 40, "count": 6, "steps": 3, "points": {"checkpoint": 6, "own": 2}} | changes
    return Samples("q6", "samples", "Samples", "ddpm_model.pt", "ddpm_samples.pt", "unet", **entries, ramps=ramps)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Generated images in MNIST's format."""
    folder = tmp_path_factory.mktemp("grey")
    return data_scripts.prepare_generated(folder, train=60, test=40, progress=False, dataset=MNIST)


def network(channels=1, widths=(8, 8), classes=0) -> UNet:
    torch.manual_seed(0)
    model = UNet(channels, widths, classes)
    nn.init.normal_(model.out.weight, std=0.01)
    return model


def checkpoint(**changes) -> dict:
    state = {f"module.{name}": value for name, value in network().state_dict().items()}
    return {"ema": state, "schedule": {"alpha_bar": torch.linspace(0.999, 0.001, 50)}, "epoch": 3} | changes


def handed(count=40) -> torch.Tensor:
    return torch.randint(0, 256, (count, 1, 28, 28), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def submission(folder: Path, **contents) -> Submission:
    """What is to be saved in ddpm_model.pt (``model``) and in ddpm_samples.pt (``samples``)."""
    for name, content in contents.items():
        torch.save(content, folder / f"ddpm_{name}.pt")
    files = tuple(PurePosixPath(path.name) for path in folder.iterdir() if path.is_file())
    return Submission("s", folder, folder / "ddpm.ipynb", files, ())


def graded(submission, sandbox, data, sheet, seconds=60.0) -> Report:
    assignment = Assignment("ddpm", "DDPM", "mnist", "", "", Visibility(), Limits(seconds), (), (sheet,))
    report, seen = Report("ddpm", "DDPM", "s"), []
    grading = Grading(assignment, {}, report, lambda r: None, seen.append, time.monotonic() + seconds)
    grading.verdicts = unreached(assignment, {})
    grade_artefact(grading, sheet, sandbox, submission, data)
    assert [verdict.test for verdict in report.verdicts] == list(PARTS)
    assert all(verdict.visibility == "visible" for verdict in report.verdicts)
    return report


def points(report):
    return {verdict.test: verdict.points for verdict in report.verdicts}


def messages(report):
    return {verdict.test: verdict.message for verdict in report.verdicts}


def test_both_sets_of_samples_earn_their_points_and_are_shown(tmp_path, sandbox, data):
    given = submission(tmp_path, model=checkpoint(), samples={"samples": handed()})
    report = graded(given, sandbox, data, sheet())
    assert points(report) == {"checkpoint": 6, "own": 2}
    assert report.possible() == 8
    told = messages(report)
    assert told["checkpoint"].startswith("6 samples drawn in 3 steps: coverage 0.")
    assert told["own"].startswith("40 samples handed in: coverage 0.")
    for message in told.values():
        assert "Fréchet distance" in message
        assert "(compared with MNIST, IDX files, not with the generated images of this grader)" in message
    assert [len(picture.images) for picture in report.pictures] == [6, 40]
    assert all(picture.images.dtype == torch.uint8 and picture.columns == 16 for picture in report.pictures)
    assert torch.equal(report.pictures[1].images, handed())
    assert report.notes == []


def test_verdicts_of_bonus_questions_come_last():
    assignment = read_assignment(SOLUTIONS / "ddpm" / "assignment.toml")
    key = {(q.id, test): SimpleNamespace(title=test) for q in assignment.questions for test in q.points}
    questions = list(dict.fromkeys(question for question, _ in unreached(assignment, key)))
    assert questions == ["q1a", "q1b", "q2", "q3", "q4", "q5", "q6", "q7"]


def test_the_same_checkpoint_gives_the_same_samples(tmp_path, sandbox, data):
    given = submission(tmp_path, model=checkpoint())
    torch.manual_seed(5)
    first = graded(given, sandbox, data, sheet()).pictures[0].images
    torch.manual_seed(6)
    assert torch.equal(graded(given, sandbox, data, sheet()).pictures[0].images, first)


def test_points_are_tenths_of_the_quality_rounded_down(tmp_path, sandbox, data):
    """A share of a little less than a half."""
    given = submission(tmp_path, model=checkpoint(), samples={"samples": handed()})
    assert points(graded(given, sandbox, data, sheet(HALF))) == {"checkpoint": 2.9, "own": 0.9}


def test_poor_samples_earn_nothing_and_are_told_why(tmp_path, sandbox, data):
    given = submission(tmp_path, model=checkpoint(), samples={"samples": handed()})
    report = graded(given, sandbox, data, sheet(STRICT))
    assert points(report) == {"checkpoint": 0, "own": 0}
    told = messages(report)
    assert told["checkpoint"].endswith("this grader). Some classes are missing or too frequent: look at a large grid of "
                                       "samples, and train longer.")  # fmt: skip
    assert told["own"].count(". ") == 1 and "train longer" in told["own"]


def test_samples_without_a_model_behind_them_are_worth_nothing(tmp_path, sandbox, data):
    report = graded(submission(tmp_path, samples={"samples": handed()}), sandbox, data, sheet())
    assert points(report) == {"checkpoint": 0, "own": 0}
    assert messages(report)["checkpoint"] == "ddpm_model.pt is not in the submission."
    assert messages(report)["own"].endswith("limited to that of the samples from the checkpoint.")


def test_a_checkpoint_alone_keeps_its_points(tmp_path, sandbox, data):
    (tmp_path / "ddpm_samples.pt").mkdir()
    report = graded(submission(tmp_path, model=checkpoint()), sandbox, data, sheet())
    assert points(report) == {"checkpoint": 6, "own": 0}
    assert messages(report)["own"] == "ddpm_samples.pt is not in the submission."


def test_copies_of_training_images_earn_nothing(tmp_path, sandbox, data):
    training = torch.from_numpy(data.images("train").copy())
    copied = handed()
    copied[:1] = training[:1]  # 2.5 % of 40
    report = graded(submission(tmp_path, model=checkpoint(), samples={"samples": copied}), sandbox, data, sheet())
    assert points(report) == {"checkpoint": 6, "own": 0}
    assert "2% of them are copies of training or test images" in messages(report)["own"]


def test_a_network_that_draws_training_images_earns_nothing(tmp_path, sandbox, data):
    """The training images are made to be what it draws."""
    given = submission(tmp_path, model=checkpoint())
    drawn = graded(given, sandbox, data, sheet()).pictures[0].images
    known = data_scripts.Prepared(tmp_path / "mnist", data.manifest)
    shutil.copytree(data.folder, known.folder)
    rows = np.load(known.folder / "train.npy")
    rows[: len(drawn), 1:] = drawn.flatten(1).numpy()
    np.save(known.folder / "train.npy", rows)
    report = graded(given, sandbox, known, sheet())
    assert points(report)["checkpoint"] == 0
    assert "100% of them are copies of training or test images" in messages(report)["checkpoint"]


def test_without_training_images_the_instructor_is_told(tmp_path, sandbox, data):
    part = data_scripts.Prepared(tmp_path / "mnist", data.manifest)
    part.folder.mkdir()
    shutil.copy(data.folder / "test.npy", part.folder)
    copied = torch.from_numpy(data.images("train")[:40].copy())
    given = submission(tmp_path, model=checkpoint(), samples={"samples": copied})
    report = graded(given, sandbox, part, sheet())
    assert points(report) == {"checkpoint": 6, "own": 2}
    assert len(report.notes) == 2 and "not compared with training images" in report.notes[0]


def test_a_checkpoint_without_schedule_takes_the_linear_one(tmp_path, sandbox, data):
    report = graded(submission(tmp_path, model=network().state_dict()), sandbox, data, sheet(steps=2))
    assert points(report)["checkpoint"] == 6
    assert messages(report)["checkpoint"].endswith("so the linear schedule of 1,000 steps was used.")


def overflowing():
    model = network()
    for name, value in model.state_dict().items():
        value.fill_(3e38 if name == "out.bias" else 1e30 if "weight" in name else 0)
    return model.state_dict()


@pytest.mark.parametrize(
    ("contents", "part", "words"),
    [
        ({"model": {"net.0.weight": torch.zeros(3, 3)}}, "checkpoint", "There is no U-Net among the 1 tensors"),
        ({"model": network(channels=3).state_dict()}, "checkpoint", "expects 3 image channels; these images have 1"),
        ({"model": checkpoint(alpha_bar=torch.full((9,), 0.5), schedule={})}, "checkpoint", "alpha_bar must decrease"),
        ({"model": overflowing()}, "checkpoint", "NaN or infinity"),
        ({"model": {"x": torch.zeros(1).expand(10**10)}}, "checkpoint", "more than 200 MB"),
        ({"model": nn.Linear(2, 2)}, "checkpoint", "save a dictionary of tensors"),
        ({"samples": {"samples": handed(39)}}, "own", "have shape (39, 1, 28, 28), expected (40, 1, 28, 28)"),
        ({"samples": {"samples": torch.zeros(40, 1, 28, 28)}}, "own", "the same image"),
        ({"samples": {"samples": torch.full((40, 1, 28, 28), torch.nan)}}, "own", "NaN or infinity"),
        ({"samples": {"pictures": handed()}}, "own", 'no tensor "samples"'),
        ({"samples": handed()}, "own", "save a dictionary of tensors"),
        ({"samples": {"samples": handed(1).expand(10**9, 1, 28, 28)}}, "own", "more than 200 MB"),
        ({"samples": {"labels": torch.arange(3)}}, "own", "has no tensors"),
    ],
)
def test_files_that_cannot_be_scored_get_a_sentence(tmp_path, sandbox, data, contents, part, words):
    report = graded(submission(tmp_path, **contents), sandbox, data, sheet())
    assert points(report) == {"checkpoint": 0, "own": 0}
    message = messages(report)[part]
    assert words in message and "ddpm_" in message and "classifier" not in message and len(message) < 400


def test_a_network_that_halves_images_to_nothing_gets_a_sentence(tmp_path, sandbox, data):
    """Its group norms refuse a batch of one image of one pixel."""
    given = submission(tmp_path, model=network(widths=(8,) * 12).state_dict())
    report = graded(given, sandbox, data, sheet(count=33, steps=1))
    assert points(report)["checkpoint"] == 0
    assert "does not run on these images: Expected more than 1 value" in messages(report)["checkpoint"]


def test_an_untrained_network_earns_nothing(tmp_path, sandbox, data):
    report = graded(submission(tmp_path, model=UNet(1, (8, 8)).state_dict()), sandbox, data, sheet(STRICT))
    assert points(report)["checkpoint"] == 0 and report.pictures


def test_a_class_conditional_network_is_asked_without_labels(tmp_path, sandbox, data):
    report = graded(submission(tmp_path, model=network(classes=10).state_dict()), sandbox, data, sheet())
    assert points(report)["checkpoint"] == 6


def test_the_time_runs_out_while_a_wide_network_draws(tmp_path, sandbox, data):
    """The batches of a wide network are small, so that its time ends soon after the submission's does."""
    given = submission(tmp_path, model=network(widths=(512,)).state_dict())
    started = time.monotonic()
    report = graded(given, sandbox, data, sheet(count=256, steps=25), seconds=4.0)
    assert time.monotonic() - started < 20
    assert points(report)["checkpoint"] == 0
    message = messages(report)["checkpoint"]
    assert "ran out after" in message and "evaluations of the network (0 of 256 samples)" in message


@pytest.mark.parametrize(
    ("dataset", "with_data", "words"),
    [("mnist", False, "this grader has no test images"), ("cifar10", True, "this grader has no scorer for cifar10")],
)
def test_what_the_grader_lacks_is_said(tmp_path, sandbox, data, dataset, with_data, words):
    given = submission(tmp_path, model=checkpoint(), samples={"samples": handed()})
    inputs = Inputs(
        dataset, data if with_data else None, lambda file: bool(given.find(file)), lambda file: {}, time.monotonic() + 9
    )
    found = sheet().measure(inputs)
    assert {points for points, _ in sheet().earned(found).values()} == {0}
    assert list(found.sentences) == list(PARTS)
    assert all(said.startswith("Not measured") and words in said for said in found.sentences.values())
