"""Two artefacts of one kind and one of another in one assignment: graded, recorded, counted anew, exported."""

import csv
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

import data_scripts
from autograder.artefacts.accuracy import Accuracy
from autograder.artefacts.accuracy.resnet18 import empty_classifier
from autograder.assignment import read_assignment
from autograder.classroom.class_report import leaderboards, render
from autograder.classroom.grade_class import ClassRun, carry_out, graded_students, plans_of, read_settings
from autograder.classroom.intake import find_submissions
from autograder.classroom.pool import grade_task
from autograder.classroom.store import read_pictures, read_record
from autograder.classroom.tables import write_exports, write_grades
from autograder.commands.check import point_sheet, rules
from autograder.commands.score import chosen
from autograder.engine.answer_key import write_key
from autograder.engine.grade import DEFECT, Grader
from autograder.engine.scoring import unreached
from autograder.errors import KitError
from autograder.given.unet import UNet
from autograder.release.gradescope import needed_images
from autograder.release.nbgrader import worths
from data_scripts.catalogue import MNIST

torch.set_num_threads(1)
HEAD = """
name = "simclr"
title = "Three files"
dataset = "mnist"
colab_url = ""
picture_probe = ""
"""
ACCURACY = """
[[artefact]]
question = "{question}"
kind = "accuracy"
title = "Accuracy of {file}"
file = "{file}"
network = "resnet18_cifar"
classes = {classes}
mean = [0.5]
std = [0.5]
points = {points}
bonus = {bonus}
ramp_from = 0.01
full_above = 0.95
bonus_above = 0.99
"""
SAMPLES = """
[[artefact]]
question = "q8"
kind = "samples"
title = "Samples"
checkpoint = "model.pt"
file = "samples.pt"
network = "unet"
own_count = 20
count = 4
steps = 2
points = { checkpoint = 3, own = 1 }

[artefact.ramps]
coverage = [-1, 0]
confidence = [-1, 0]
frechet = [1e6, 1e5]
"""
DIGITS = [str(digit) for digit in range(10)]
TABLES = (
    ACCURACY.format(question="q6", file="first.pt", classes=DIGITS, points=8, bonus=5),
    ACCURACY.format(question="q7", file="second.pt", classes=[*DIGITS, "none"], points=4, bonus=0),
    SAMPLES,
)


def write_bundle(folder: Path, *tables: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "assignment.toml").write_text(HEAD + "".join(tables))
    write_key(folder / "key.safetensors", (), "")
    return folder


def constant(answer: int, classes: int) -> dict[str, torch.Tensor]:
    """A classifier of grey images that always answers the same class."""
    model = empty_classifier(classes, channels=1).to_empty(device="cpu")
    for name, tensor in model.state_dict().items():
        tensor.fill_(1.0 if name.endswith("running_var") else 0.0)
    model.fc.bias.data[answer] = 1.0
    return model.state_dict()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return data_scripts.prepare_generated(
        tmp_path_factory.mktemp("grey"), train=30, test=40, progress=False, dataset=MNIST
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("bundle") / "bundle", *TABLES)


@pytest.fixture(scope="module")
def grader(bundle, data):
    with Grader(bundle, data) as grader:
        yield grader


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    """A folder with one submission: the two classifiers answer 3 and 7, the network draws noise."""
    folder = tmp_path_factory.mktemp("class") / "ada"
    folder.mkdir()
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "simclr.ipynb").write_text(json.dumps(notebook))
    torch.save(constant(3, 10), folder / "first.pt")
    torch.save(constant(7, 11), folder / "second.pt")
    torch.manual_seed(0)
    network = UNet(1, (8, 8))
    nn.init.normal_(network.out.weight, std=0.01)
    torch.save({"state_dict": network.state_dict(), "alpha_bar": torch.linspace(0.9, 0.1, 4)}, folder / "model.pt")
    torch.save({"samples": torch.randint(256, (20, 1, 28, 28), dtype=torch.uint8)}, folder / "samples.pt")
    return folder


class Desk:
    """Grades ``handed`` with a bundle, as ``./kit grade`` does."""

    def __init__(self, grader: Grader, handed: Path, out: Path):
        self.grader, self.handed, self.out = grader, handed, out

    def grade(self, bundle: Path):
        """(plans, settings, result, the questions that were run)."""
        settings, result, run = read_settings(bundle, self.grader.data), ClassRun(), []
        plans = plans_of(find_submissions([self.handed], "simclr"), self.out, settings, False, result)
        self.grader.bundle, self.grader.assignment, self.grader.key = bundle, settings.assignment, settings.key
        self.grader.tests = tuple(settings.key.values())

        def outcomes(tasks):
            run.extend(set(task.questions) for task in tasks)
            yield from ((task.number, grade_task(self.grader, task)) for task in tasks)

        carry_out(plans, settings, outcomes, result)
        return plans, settings, result, run

    def points(self) -> dict[tuple[str, str], float]:
        report = read_record(self.out / "ada").report
        return {(verdict.question, verdict.test): verdict.points for verdict in report.verdicts}


def share(data, digit: int) -> float:
    return float((data.labels("test") == digit).mean())


def test_all_are_graded_recorded_counted_anew_and_exported(grader, handed, data, bundle, tmp_path):
    desk = Desk(grader, handed, tmp_path / "grades")
    plans, settings, result, run = desk.grade(bundle)
    assert result.failures == [] and run == [{"q6", "q7", "q8"}]
    record = read_record(desk.out / "ada")
    first, second, samples = (record.report.findings[question] for question in ("q6", "q7", "q8"))
    assert first.numbers["correct"] == round(40 * share(data, 3)) > 0
    assert second.numbers["correct"] == round(40 * share(data, 7)) > 0
    assert set(samples.numbers) == {"checkpoint", "own"}
    earned = desk.points()
    assert list(earned) == [
        ("q6", "accuracy"), ("q6", "bonus"), ("q7", "accuracy"), ("q8", "checkpoint"), ("q8", "own"),
    ]  # fmt: skip
    assert 0 < earned["q6", "accuracy"] < 8 and (earned["q8", "checkpoint"], earned["q8", "own"]) == (3, 1)
    assert [picture.question for picture in read_pictures(desk.out / "ada")] == ["q8", "q8"]

    content = json.loads((desk.out / "ada" / "results.json").read_text())
    assert [(test["number"], test["max_score"]) for test in content["tests"]] == [
        ("q6", 8), ("q6", 0), ("q7", 4), ("q8", 3), ("q8", 1),
    ]  # fmt: skip
    assert [(entry["name"], entry["value"]) for entry in content["leaderboard"]] == [
        ("q6: Top-1 accuracy", share(data, 3)), ("q7: Top-1 accuracy", share(data, 7)),
    ]  # fmt: skip

    graded = graded_students(plans, settings, result, lambda student: student)
    write_grades(tmp_path / "grades.csv", settings.assignment, graded)
    (row,) = csv.DictReader(io.StringIO((tmp_path / "grades.csv").read_text(encoding="utf-8-sig")))
    assert float(row["q6"]) == earned["q6", "accuracy"] and float(row["q8"]) == 4 and row["possible"] == "16"
    assert (float(row["q6 top1"]), float(row["q7 top1"])) == (share(data, 3), share(data, 7))
    write_exports(tmp_path, settings.assignment, graded)
    assert "q7: Accuracy of second.pt (4 pts)" in (tmp_path / "gradescope.csv").read_text()
    assert list(leaderboards(graded, b"secret")) == ["q6: Top-1 accuracy", "q7: Top-1 accuracy"]
    assert "q7: Top-1 accuracy as the grader measured it" in render(settings.assignment, graded, secret=b"secret")

    # Other thresholds: nothing is measured. Another file of one artefact: that one alone is.
    easy = [table.replace("full_above = 0.95", "full_above = 0.02") for table in TABLES[:2]]
    *_, result, run = desk.grade(write_bundle(tmp_path / "easy", *easy, SAMPLES))
    assert run == [] and result.rescored == 1
    assert (desk.points()["q6", "accuracy"], desk.points()["q7", "accuracy"]) == (8, 4)
    other = write_bundle(tmp_path / "other", easy[0], easy[1].replace('"second.pt"', '"third.pt"'), SAMPLES)
    *_, run = desk.grade(other)
    assert run == [{"q7"}]
    assert (desk.points()["q6", "accuracy"], desk.points()["q7", "accuracy"]) == (8, 0)
    assert [picture.question for picture in read_pictures(desk.out / "ada")] == ["q8", "q8"]
    assert "third.pt is not in the submission." in (desk.out / "ada" / "report.html").read_text()


def test_what_is_told_and_packed_of_them(bundle, data):
    assignment = read_assignment(bundle / "assignment.toml")
    assert assignment.possible == 16 and [assignment.points_of(question) for question in ("q6", "q7", "q8")] == [
        8,
        4,
        4,
    ]
    assert [(worth.question, worth.points, worth.bonus) for worth in worths(assignment)] == [
        ("q6", 8, 5), ("q7", 4, 0), ("q8", 4, 0),
    ]  # fmt: skip
    assert [line.split(":")[0] for line in rules(assignment, [])] == ["q6", "q7", "q8"]
    assert needed_images(assignment, data) == {"test": 40, "train": 30}
    assert needed_images(replace(assignment, artefacts=assignment.artefacts[:2]), data) == {"test": 40}
    table = point_sheet(assignment, list(unreached(assignment, {}).values()))
    assert [str(cell) for cell in table.columns[-1].cells] == ["8", "+ 5", "4", "3", "1", "16 + 5"]


def test_each_scores_a_file_for_people(bundle, data):
    first, _, samples = read_assignment(bundle / "assignment.toml").artefacts
    said = first.score("mnist", data, constant(3, 10), "")
    assert said.startswith(f"{share(data, 3):.2%} top-1") and said.endswith("of 8 points")
    assert samples.score("mnist", data, None, "train").startswith("4 images: coverage ")
    with pytest.raises(KitError, match="give the checkpoint file"):
        first.score("mnist", data, None, "train")


@pytest.mark.parametrize(
    ("question", "file", "found"),
    [
        ("q7", None, "q7"),
        (None, "second.pt", "q7"),
        (None, "samples.pt", "q8"),
        (None, "x.pt", None),
        ("q9", None, None),
    ],
)
def test_the_artefact_of_a_file_is_found_by_its_name(bundle, question, file, found):
    assignment = read_assignment(bundle / "assignment.toml")
    if found:
        assert chosen(assignment, question, file and Path(file)).question == found
    else:
        with pytest.raises(KitError, match="--question: q6, q7, q8"):
            chosen(assignment, question, file and Path(file))


@dataclass(frozen=True)
class Failing(Accuracy):
    """An artefact grader with a defect: it fails after its first batch."""

    def measure(self, inputs):
        def reached(finding):
            inputs.publish(finding)
            raise ZeroDivisionError

        return super().measure(replace(inputs, publish=reached))


def test_an_error_in_one_grader_loses_no_other_s_result(grader, handed, bundle):
    assignment = read_assignment(bundle / "assignment.toml")
    failing = Failing(**vars(assignment.artefacts[0]))
    grader.assignment = replace(assignment, artefacts=(failing, *assignment.artefacts[1:]))
    report = grader.grade(handed)
    points = {(verdict.question, verdict.test): verdict.points for verdict in report.verdicts}
    assert points["q7", "accuracy"] > 0 and points["q8", "checkpoint"] == 3
    assert {verdict.message for verdict in report.verdicts if verdict.question == "q6"} == {DEFECT}
    assert set(report.findings) == {"q7", "q8"}
    assert any(note.startswith("q6 accuracy: the grader failed: ZeroDivisionError") for note in report.notes)


def test_what_ends_the_grader_leaves_the_points_that_are_certain(grader, handed, bundle):
    """The first report that is published while q6 is measured has points of the images so far."""
    grader.assignment = read_assignment(bundle / "assignment.toml")
    published = []

    def publish(report):
        published.append([(verdict.points, verdict.message) for verdict in report.verdicts[:1]])

    grader.grade(handed, publish)
    (points, message) = next(
        verdict for (verdict,) in published if verdict[1].startswith("Measured 16 of 40 images so far")
    )
    assert points <= published[-1][0][0] and "so far" not in published[-1][0][1]


def test_progress_of_all_of_them_adds_up(grader, handed, bundle, data):
    grader.assignment = read_assignment(bundle / "assignment.toml")
    seen = []
    grader.grade(handed, progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == sum(sheet.units(data)[0] for sheet in grader.assignment.artefacts) == 84


@pytest.mark.parametrize(
    ("tables", "line", "words"),
    [
        ((TABLES[0], TABLES[0]), 24, "[[artefact]] q6 appears twice"),
        (
            (TABLES[0], SAMPLES.replace('"samples"', '"fid"')),
            25,
            "'fid' is not known; choose from accuracy, elbo, knn, linear, samples",
        ),
        ((TABLES[0], SAMPLES.replace('"unet"', '"dit"')), 29, "the network 'dit' is not known; choose from unet"),
        (
            (TABLES[0], '\n[[question]]\nid = "q6"\ntitle = "Loss"\npoints = { value = 1 }\n'),
            9,
            "[[artefact]] q6 has the id of a [[question]]",
        ),
        ((TABLES[0].replace("[0.5]", "[0.5, 0.5, 0.5]", 1),), 15, "expected one number, one per channel"),
        (
            (ACCURACY.format(question="q6", file="a.pt", classes=DIGITS[:5], points=8, bonus=0),),
            14,
            "classes has 5 names, but the images of mnist have 10 classes; name all",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, tables, line, words):
    bundle = write_bundle(tmp_path, *tables)
    with pytest.raises(KitError) as caught:
        read_assignment(bundle / "assignment.toml")
    assert str(caught.value).startswith(f"{bundle / 'assignment.toml'}:{line}: ") and words in str(caught.value)
