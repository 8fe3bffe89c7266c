"""The accuracy of a ResNet-9 with a head, from one file or from two, read in the real sandbox; and bad checkpoints."""

import math
import time
from pathlib import Path, PurePosixPath

import pytest
import torch
from torch import nn

import data_scripts
from autograder.artefacts import read_artefact
from autograder.artefacts.accuracy import Accuracy
from autograder.assignment import Assignment, Visibility
from autograder.engine.grade import Grading, grade_artefact
from autograder.engine.report import Report
from autograder.engine.scoring import unreached
from autograder.engine.submission import Submission
from autograder.given.resnet9 import ResNet9
from autograder.limits import Limits
from data_scripts.catalogue import CIFAR10

torch.set_num_threads(1)
MEAN, STD, CLASSES = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616], list("abcdefghij")
COMMON = {"kind": "accuracy", "title": "Accuracy", "classes": CLASSES, "mean": MEAN, "std": STD}
COMMON |= {"points": 4, "ramp_from": 0.0, "full_above": 0.9}
LINEAR = COMMON | {"question": "q6a", "encoder": "encoder.pt", "file": "linear.pt", "network": "resnet9_linear"}
NETWORK = COMMON | {"question": "q6b", "file": "nn.pt", "network": "resnet9_network"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return data_scripts.prepare_generated(
        tmp_path_factory.mktemp("d"), train=20, test=50, progress=False, dataset=CIFAR10
    )


def sheet(table: dict) -> Accuracy:
    return read_artefact(dict(table), "artefact", (), CIFAR10)


def encoder() -> nn.ModuleDict:
    torch.manual_seed(0)
    return nn.ModuleDict({"body": ResNet9((4, 6, 6, 8)), "head": nn.Linear(8, 5)})


HEADS = {
    "linear.pt": nn.ModuleDict({"linear": nn.Linear(5, 10)}),
    "nn.pt": nn.ModuleDict({"hidden": nn.Linear(5, 7), "out": nn.Linear(7, 10)}),
}


def files(name: str, **changes) -> dict[str, dict]:
    """What a student saves for ``linear.pt`` or ``nn.pt``: contents by file. A change is by tensor; None removes it."""
    parts = {"encoder.pt": encoder().state_dict(), name: HEADS[name].state_dict()}
    for of in parts.values():
        for tensor in changes.keys() & of.keys():
            of.pop(tensor) if changes[tensor] is None else of.update({tensor: changes[tensor]})
    if name == "linear.pt":
        return {file: {"state_dict": state, "epoch": 3} for file, state in parts.items()}
    named = {"encoder": parts["encoder.pt"], "classifier": parts[name]}
    return {name: {"state_dict": {f"{part}.{key}": t for part, state in named.items() for key, t in state.items()}}}


def graded(folder: Path, contents: dict, sandbox, data, sheet) -> tuple[Report, float, str]:
    for file, content in contents.items():
        torch.save(content, folder / file)
    submission = Submission("s", folder, folder / "contrastive.ipynb", tuple(map(PurePosixPath, contents)), ())
    assignment = Assignment("contrastive", "C", "cifar10", "", "", Visibility(), Limits(60), (), (sheet,))
    report = Report("contrastive", "C", "s")
    grading = Grading(assignment, {}, report, lambda r: None, lambda done: None, time.monotonic() + 60)
    grading.verdicts = unreached(assignment, {})
    grade_artefact(grading, sheet, sandbox, submission, data)
    (verdict,) = report.verdicts  # no line for a bonus that there is not
    return report, verdict.points, verdict.message


def correct_in_loops(name: str, data) -> int:
    """One image after the other, in float64, by the formulas of both heads."""
    network, head = encoder().double().eval(), HEADS[name].double()
    found, mean, std = 0, *(torch.tensor(v).double().view(3, 1, 1) for v in (MEAN, STD))
    for image, label in zip(data.images("test"), data.labels("test"), strict=True):
        with torch.no_grad():
            z = network.head(network.body(((torch.from_numpy(image.copy()).double() / 255 - mean) / std)[None]))
            scores = head.linear(z) if name == "linear.pt" else head.out(head.hidden(z).clamp(min=0))
        found += int(scores.argmax()) == label
    head.float()
    return found


@pytest.mark.parametrize(("name", "table"), [("linear.pt", LINEAR), ("nn.pt", NETWORK)])
def test_both_networks_are_measured(tmp_path, sandbox, data, name, table):
    report, points, said = graded(tmp_path, files(name), sandbox, data, sheet(table))
    correct = correct_in_loops(name, data)
    assert 0 < correct < 50 and report.findings[table["question"]].numbers["correct"] == correct
    assert said == f"{correct / 50:.2%} top-1: {correct} of 50 test images correct (generated images, not CIFAR-10)."
    assert points == math.floor(40 * correct / 50 / 0.9 + 1e-9) / 10


NORM = {f"norm.{name}": torch.ones(5) for name in ("weight", "bias", "running_mean", "running_var")}
LEFT = "Passed over, because the network of the notebook has no such tensor: "


@pytest.mark.parametrize(
    ("name", "table", "file", "more", "words"),
    [
        ("nn.pt", NETWORK, "nn.pt", {"classifier.norm.weight": torch.ones(7)}, '"state_dict.classifier.norm.weight".'),
        ("nn.pt", NETWORK, "nn.pt", NORM, 'norm.weight", "state_dict.norm.bias", "state_dict.norm.running_mean" and 1 more.'),
        ("linear.pt", LINEAR, "linear.pt", {"linear2.weight": torch.ones(9)}, '"linear.pt.state_dict.linear2.weight".'),
        ("linear.pt", LINEAR, "encoder.pt", {"fc.bias": torch.ones(3)}, '"encoder.pt.state_dict.fc.bias".'),
    ],
)  # fmt: skip
def test_tensors_that_the_network_does_not_have_are_named(tmp_path, sandbox, data, name, table, file, more, words):
    contents = files(name)
    contents[file]["state_dict"].update(more)
    _, points, said = graded(tmp_path, contents, sandbox, data, sheet(table))
    accuracy, _, named = said.partition(LEFT)
    assert (
        named.endswith(words) and accuracy.startswith(f"{correct_in_loops(name, data) / 50:.2%} top-1") and points > 0
    )


@pytest.mark.parametrize("change", ["module", "half", "bare"])
def test_other_forms_of_the_same_network_leave_nothing_over(tmp_path, sandbox, data, change):
    state = files("nn.pt")["nn.pt"]["state_dict"]
    forms = {
        "module": {"epoch": 7, "model": {f"module.{key}": tensor for key, tensor in state.items()}},
        "half": {"state_dict": {key: t.half() if t.is_floating_point() else t for key, t in state.items()}},
        "bare": state,
    }
    _, _, said = graded(tmp_path, {"nn.pt": forms[change]}, sandbox, data, sheet(NETWORK))
    assert "top-1" in said and LEFT not in said


NAN = torch.full((5,), math.nan)
STEM = "body.layers.0.0.weight"


@pytest.mark.parametrize(
    ("table", "contents", "words"),
    [
        (LINEAR, {"linear.pt": files("linear.pt")["linear.pt"]}, "encoder.pt is not in the submission"),
        (LINEAR, {"encoder.pt": files("linear.pt")["encoder.pt"]}, "linear.pt is not in the submission"),
        (LINEAR, files("linear.pt") | {"encoder.pt": {"w": torch.ones(2)}}, "There is no encoder with a ResNet-9"),
        (LINEAR, files("linear.pt") | {"linear.pt": {"w": torch.ones(2)}}, "There is no linear head among"),
        (LINEAR, files("linear.pt") | {"linear.pt": nn.Linear(5, 10)}, "linear.pt"),
        (LINEAR, files("linear.pt", **{"linear.weight": torch.ones(10, 32)}), "need (10, 5)"),
        (LINEAR, files("linear.pt", **{"linear.bias": None}), "The linear head lacks linear.bias"),
        (LINEAR, files("linear.pt", **{"head.bias": NAN}), "head.bias holds NaN or infinity"),
        (LINEAR, files("linear.pt", **{"head.weight": torch.ones(2000, 8)}), "at most 1,024 outputs of this layer"),
        (LINEAR, files("linear.pt", **{"head.weight": torch.ones(5)}), "head.weight has shape (5,)"),
        (LINEAR, files("linear.pt", **{STEM: torch.zeros(100, 3, 3, 3)}), "at most 64 outputs of this layer"),
        (LINEAR, files("linear.pt", **{STEM: torch.zeros(0, 3, 3, 3)}), "has shape (0, 3, 3, 3)"),
        (NETWORK, files("nn.pt", **{"out.weight": torch.ones(9, 7)}), "The classifier's out.weight has shape (9, 7)"),
        (NETWORK, files("nn.pt", **{"out.bias": None}), "The classifier lacks out.bias"),
        (NETWORK, files("nn.pt", **{"hidden.weight": None}), "There is no classifier among"),
        (NETWORK, files("nn.pt", **{"body.layers.3.0.weight": None}), "The encoder lacks body.layers.3.0.weight"),
        (NETWORK, {"nn.pt": files("linear.pt")["encoder.pt"]}, "There is no classifier among"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_cannot_be_measured_gets_a_sentence(tmp_path, sandbox, data, table, contents, words):
    report, points, said = graded(tmp_path, contents, sandbox, data, sheet(table))
    assert points == 0 and not report.headlines and words in said and len(said) < 400


def test_a_table_names_the_file_of_the_encoder():
    assert sheet(LINEAR).files() == ("encoder.pt", "linear.pt") and sheet(NETWORK).files() == ("nn.pt",)
    assert sheet(LINEAR).settings() != sheet(LINEAR | {"encoder": "other.pt"}).settings()
    assert "of encoder.pt and linear.pt on CIFAR-10" in sheet(LINEAR).rule("CIFAR-10")
    with pytest.raises(ValueError, match="write it without folders"):
        sheet(LINEAR | {"encoder": "a/encoder.pt"})
