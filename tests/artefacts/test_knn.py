"""The k-NN accuracy of an encoder's checkpoint, read in the real sandbox, against a vote in loops; and its points."""

import math
import time
from dataclasses import fields
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch
from torch import nn

import data_scripts
from autograder.artefacts import Inputs, read_artefact
from autograder.artefacts.knn import COLLAPSE, Knn, balanced
from autograder.artefacts.knn.encoders import encoder as encoder_of
from autograder.artefacts.knn.measure import Neighbours
from autograder.assignment import Assignment, Visibility
from autograder.engine.grade import Grading, grade_artefact
from autograder.engine.report import Report
from autograder.engine.scoring import unreached
from autograder.engine.submission import Submission
from autograder.errors import KitError
from autograder.given.encoders import SmallEncoder, resnet18_encoder
from autograder.limits import Limits
from data_scripts.catalogue import CIFAR10, MNIST, STL10

torch.set_num_threads(1)
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
WIDTHS = (4, 4, 6, 8)


def sheet(**changes) -> Knn:
    entries = {"bank": 60, "queries": 40, "neighbours": 5, "temperature": 0.1}
    entries |= {"points": 8, "ramp_from": 0.0, "full_above": 0.9} | changes
    return Knn("q6", "knn", "k-NN", "simsiam_best.pt", "small_or_resnet18", MEAN, STD, **entries)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("colour")
    return data_scripts.prepare_generated(folder, train=120, test=80, progress=False, dataset=CIFAR10)


def small(seed=0) -> SmallEncoder:
    torch.manual_seed(seed)
    return SmallEncoder(WIDTHS)


def changed(name, value) -> dict:
    return small().state_dict() | {name: value}


def constant(value: float) -> dict:
    """An encoder that returns the same for all images."""
    return changed("body.3.1.1.weight", torch.zeros(8)) | {"body.3.1.1.bias": torch.full((8,), float(value))}


def read(state: dict) -> dict:
    """What the sandbox reads of a checkpoint: no whole numbers."""
    return {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}


def graded(folder: Path, content, sandbox, data, sheet) -> tuple[Report, float, str]:
    """The report, the points and the sentence for a submission that saved ``content``."""
    torch.save(content, folder / sheet.file)
    submission = Submission("s", folder, folder / "simsiam.ipynb", (PurePosixPath(sheet.file),), ())
    assignment = Assignment("simsiam", "SimSiam", "cifar10", "", "", Visibility(), Limits(60), (), (sheet,))
    report = Report("simsiam", "SimSiam", "s")
    grading = Grading(assignment, {}, report, lambda r: None, lambda done: None, time.monotonic() + 60)
    grading.verdicts = unreached(assignment, {})
    grade_artefact(grading, sheet, sandbox, submission, data)
    (verdict,) = report.verdicts
    return report, verdict.points, verdict.message


def in_loops(model: nn.Module, sheet: Knn, data) -> int:
    """How many queries get their class: one after the other, in float64, with sorted lists."""
    model, mean, std = model.double().eval(), *(torch.tensor(v).double().view(3, 1, 1) for v in (MEAN, STD))

    def feature(split, row):
        with torch.no_grad():
            h = model(((torch.from_numpy(data.images(split)[row].copy()).double() / 255 - mean) / std)[None])[0]
        return h / h.norm()

    rows, correct = sheet.rows(data), 0
    bank = [(feature("train", row), data.labels("train")[row]) for row in rows["train"]]
    for row in rows["test"]:
        h, votes = feature("test", row), {}
        near = sorted(((float(h @ other), label) for other, label in bank), reverse=True)[: sheet.neighbours]
        for cosine, label in near:
            votes[label] = votes.get(label, 0) + math.exp(cosine / sheet.temperature)
        correct += max(votes, key=votes.get) == data.labels("test")[row]
    return correct


def test_the_vote_is_that_of_loops_and_earns_points(tmp_path, sandbox, data):
    report, points, said = graded(tmp_path, {"state_dict": small().state_dict(), "epoch": 3}, sandbox, data, sheet())
    asked = len(sheet().rows(data)["test"])
    correct = in_loops(small(), sheet(), data)
    assert 10 < asked <= 40 and 0 < correct < asked
    assert report.findings["q6"].numbers["correct"] == correct
    assert (
        said
        == f"{correct / asked:.2%} k-NN: {correct} of {asked} test images correct (generated images, not CIFAR-10)."
    )
    assert points == math.floor(80 * correct / asked / 0.9 + 1e-9) / 10
    headline = report.headlines["q6"]
    assert (headline.title, headline.column, headline.value) == ("k-NN accuracy", "knn", correct / asked)


def test_more_neighbours_than_the_bank_has_and_small_temperatures():
    bank, labels = torch.tensor([[1.0, 0], [0.9, 0.1], [0, 2]]), torch.tensor([0, 0, 1])
    for temperature in (1e-3, 10.0):
        vote = Neighbours(nn.Identity(), bank, labels, 10, temperature)
        assert vote(torch.tensor([[3.0, 0], [0, 0.1]])).argmax(1).tolist() == [0, int(temperature < 0.1)]
    assert not vote(torch.tensor([[math.nan, 0]])).isfinite().any()


def test_each_class_is_asked_equally_often():
    labels = np.array([2, 0, 0, 255, 1, 0, 1, 2, 2, 1, 0])
    assert balanced(labels, 6, 4).tolist() == [0, 1, 2, 4, 6, 7]
    assert balanced(labels, 100, 4).tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert balanced(labels, 2, 4).tolist() == [0, 1, 4] and balanced(labels[:1], 6, 4).tolist() == [0]


def test_only_what_is_measured_is_packed_and_larger_images_are_fewer(tmp_path, data):
    rows, needed = sheet().rows(data), sheet().splits(data)
    assert needed == {split: rows[split].max() + 1 for split in ("train", "test")}
    assert sheet().units(data) == (len(rows["train"]) + len(rows["test"]), "images")
    larger = data_scripts.prepare_generated(tmp_path, train=60, test=60, progress=False, dataset=STL10)
    assert len(sheet(bank=180, queries=90).rows(larger)["train"]) <= 20


@pytest.mark.parametrize("prefix", ["", "module.", "state_dict.encoder._orig_mod."])
def test_either_encoder_is_found_under_any_prefix(prefix):
    state = {f"{prefix}{name}": tensor for name, tensor in read(small().state_dict()).items()}
    found = encoder_of(state | {"predictor.0.weight": torch.zeros(3, 3)})
    assert isinstance(found, SmallEncoder) and found.width == 8
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(found(x), small().eval()(x))
    resnet = resnet18_encoder().eval()
    assert torch.equal(encoder_of({f"{prefix}{k}": v for k, v in read(resnet.state_dict()).items()})(x), resnet(x))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"net.0.weight": torch.zeros(3, 3)}, "There is no encoder among the 1 tensors"),
        (changed("body.0.0.0.weight", torch.zeros(4, 1, 3, 3)), "(4, 1, 3, 3); the other tensors need (4, 3, 3, 3)"),
        (changed("body.2.1.0.weight", torch.zeros(2000, 1)), "has shape (2000, 1); the grader takes convolutions of"),
        (changed("body.2.1.0.weight", torch.zeros(0, 6, 3, 3)), "the grader takes convolutions of at most 512"),
        ({n: t for n, t in small().state_dict().items() if "2.1" not in n}, "The encoder lacks body.2.1.0.weight"),
        ({"layer1.0.conv1.weight": torch.zeros(64, 64, 3, 3)}, "The ResNet-18 lacks conv1.weight"),
        (changed("body.1.0.1.bias", torch.full((4,), math.nan)), "body.1.0.1.bias holds NaN or infinity"),
        (changed("body.1.0.1.running_var", torch.full((4,), -9.0)), "The encoder returns NaN or infinity, so no image"),
        (constant(-1), "The encoder returns zeros for every image"),
        ({"x": torch.zeros(1).expand(10**10)}, "more than 200 MB"),
        (nn.Linear(2, 2), "simsiam_best.pt"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_cannot_be_measured_gets_a_sentence(tmp_path, sandbox, data, content, words):
    report, points, said = graded(tmp_path, content, sandbox, data, sheet())
    assert points == 0 and "q6" not in report.headlines
    assert words in said and said.startswith("simsiam_best.pt") and len(said) < 400


def test_a_collapsed_encoder_is_told_so(tmp_path, sandbox, data):
    report, _, said = graded(tmp_path, constant(2), sandbox, data, sheet())
    assert report.findings["q6"].numbers["feature_std"] < 1e-5 and said.endswith(COLLAPSE)


def test_what_is_certain_is_published_and_the_end_of_time_said(data):
    """The clock goes on by a second with each batch; four batches are the bank's."""
    rows, published, done, now = sheet().rows(data), [], [], iter(range(100))
    total = len(rows["test"])
    batches = math.ceil(len(rows["train"]) / 16)
    inputs = Inputs(
        "cifar10", data, lambda file: True, lambda file: read(small().state_dict()), batches + 1.5,
        progress=done.append, publish=published.append, clock=lambda: next(now),
    )  # fmt: skip
    found = sheet().measure(inputs)
    assert done == sorted(done) and done[-1] == len(rows["train"]) + 32
    assert [one.numbers["evaluated"] for one in published] == [16, 32] and not found.finished
    assert found.numbers["dataset_size"] == total
    assert found.sentences["accuracy"].startswith(
        f"The time ran out after 32 of {total} images; the rest count as wrong."
    )
    correct = found.numbers["correct"]
    assert sheet().earned(found)["accuracy"][0] == math.floor(80 * correct / total / 0.9 + 1e-9) / 10


def test_no_time_for_the_bank_earns_nothing(data):
    late = Inputs("cifar10", data, lambda file: True, lambda file: read(small().state_dict()), time.monotonic() - 1)
    found = sheet().measure(late)
    assert not found.finished and sheet().earned(found)["accuracy"][0] == 0
    assert "ran out after 0 of" in found.sentences["accuracy"]


def test_it_scores_a_file_for_people(data):
    assert sheet().score("cifar10", data, read(small().state_dict()), "").endswith("of 8 points")
    with pytest.raises(KitError, match="give the checkpoint file"):
        sheet().score("cifar10", data, None, "test")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bank": 5000, "queries": 2000}, "more than 6,000 images together"),
        ({"temperature": 0.0}, "temperature is 0.0, expected a number"),
        ({"neighbours": 0}, "neighbours is 0, expected a number"),
        ({"mean": [0.5]}, "expected 3 numbers"),
        ({"ramp_from": 0.95}, "expected more than ramp_from"),
        ({"network": "vit"}, "'vit' is not known"),
    ],
)
def test_a_wrong_table_is_refused(changes, words):
    names = [field.name for field in fields(Knn)]
    entries = {name: getattr(sheet(), name) for name in names} | {"mean": [*MEAN], "std": [*STD]}
    assert read_artefact(dict(entries), "q6", (), CIFAR10) == sheet()
    with pytest.raises(ValueError, match=words):
        read_artefact(entries | changes, "q6", (), CIFAR10)
    with pytest.raises(ValueError, match="take colour images"):
        read_artefact(entries, "q6", (), MNIST)
