"""The kind ``accuracy``: the top-1 accuracy of a classifier's checkpoint on the test images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from autograder.artefacts.model import Finding, Inputs, Test
from autograder.artefacts.points import on_ramp
from autograder.errors import KitError
from autograder.toml_entries import WrongEntry, check_choice, check_file, check_range, is_number, record
from autograder.toml_lines import Place

if TYPE_CHECKING:
    import torch

    from data_scripts import Prepared
    from data_scripts.dataset import Dataset

# The networks that the grader can build, and their functions of (tensors, outputs, channels) in modules of this folder.
NETWORKS = {
    "resnet18_cifar": "resnet18.classifier",
    "resnet9_linear": "resnet9.linear",
    "resnet9_network": "resnet9.small_network",
}
# Their files hold the network alone, so the report names other tensors. ResNet-18 may have a projection head beside it.
WHOLE = ("resnet9_linear", "resnet9_network")
FULL_TEST = 10_000 * 32 * 32  # pixels of CIFAR-10's test images


@dataclass(frozen=True)
class Accuracy:
    """A table of kind ``accuracy``. Accuracies are in [0, 1]; ``mean`` and ``std`` have one value per channel.

    Up to ``ramp_from`` there are no points, then a linear ramp to full marks above ``full_above``. The bonus is earned
    above ``bonus_above``; a table may leave both out. Where ``file`` holds a head alone, ``encoder`` is the file with the
    network below it.
    """

    question: str
    kind: str
    title: str
    file: str
    network: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    points: float
    bonus: float
    ramp_from: float
    full_above: float
    bonus_above: float
    encoder: str = ""

    short: ClassVar[str] = "top-1"
    headline: ClassVar[tuple[str, str]] = ("Top-1 accuracy", "top1")

    def tests(self) -> tuple[Test, ...]:
        bonus = Test("bonus", "bonus", 0, self.bonus)
        return (Test("accuracy", "top-1 accuracy", self.points), *[bonus] * (self.bonus > 0))

    def measure(self, inputs: Inputs) -> Finding:
        from autograder.artefacts.accuracy.measure import measure

        return measure(self, inputs)

    def earned(self, finding: Finding) -> dict[str, tuple[float, str]]:
        total = points(self, certain(finding.numbers))
        bonus = max(0.0, total - self.points)
        limit = f"more than {self.bonus_above:.0%} top-1"
        found = {
            "accuracy": (min(total, self.points), finding.sentences["accuracy"]),
            "bonus": (bonus, f"Earned with {limit}." if bonus else f"You get it with {limit}."),
        }
        return {test.id: found[test.id] for test in self.tests()}

    def settings(self) -> Mapping[str, Any]:
        names = ("file", "network", "classes", "mean", "std", *["encoder"] * bool(self.encoder))
        return {name: getattr(self, name) for name in names}

    def files(self) -> tuple[str, ...]:
        return (*[self.encoder] * bool(self.encoder), self.file)

    def rule(self, dataset: str) -> str:
        bonus = f", {self.bonus:g} bonus points above {self.bonus_above:.4g}" if self.bonus else ""
        return (
            f"top-1 accuracy of {' and '.join(self.files())} on {dataset}: no points up to {self.ramp_from:.4g}, "
            f"all {self.points:g} points above {self.full_above:.4g}{bonus}"
        )

    def units(self, data: Prepared) -> tuple[int, str]:
        return self.splits(data)["test"], "test images"

    def splits(self, data: Prepared) -> dict[str, int]:
        return {"test": measured_images(data.manifest["image_shape"], data.counts["test"])}

    def extra_files(self, dataset: str) -> tuple[Path, ...]:
        return ()

    def score(self, dataset: str, data: Prepared, tensors: Mapping[str, torch.Tensor] | None, split: str) -> str:
        if tensors is None:
            raise KitError("--split works only for samples; for an accuracy, give the checkpoint file instead")
        finding = self.measure(
            Inputs(dataset, data, has=lambda file: True, read=lambda file: dict(tensors), deadline=math.inf)
        )
        earned = self.earned(finding)
        points = sum(points for points, _ in earned.values())
        return f"{earned['accuracy'][1]} {points:g} of {self.points:g} points"


def read(table: dict, where: str, place: Place, dataset: Dataset | None) -> Accuracy:
    """The artefact of a table of ``assignment.toml``, for the images of ``dataset``. Raises WrongEntry."""
    table = {"bonus": 0, "bonus_above": 1} | table if isinstance(table, dict) else table
    sheet = record(Accuracy, table, where, place)
    channels = dataset.image_shape[0] if dataset else 3
    check_file(sheet.file, where, (*place, "file"))
    if "encoder" in table:
        check_file(sheet.encoder, where, (*place, "encoder"))
    check_choice(table, "network", where, place, NETWORKS)
    classes = sheet.classes
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes) or len(set(classes)) < 2:
        raise WrongEntry((*place, "classes"), f"{where}: classes is {classes!r}, expected a list of at least two names")
    if len(set(classes)) < len(classes):
        raise WrongEntry((*place, "classes"), f"{where}: classes contains a name twice")
    if dataset and len(classes) < len(dataset.classes):
        raise WrongEntry(
            (*place, "classes"),
            f"{where}: classes has {len(classes)} names, but the images of {dataset.name} have {len(dataset.classes)} "
            "classes; name all, so that the network has an output for each",
        )
    check_normalisation(table, where, place, channels)
    for name in ("points", "bonus"):
        check_range(table, name, where, place, (0, math.inf))
    check_ramp(table, where, place, ("bonus_above",) if sheet.bonus else ())
    if sheet.bonus and sheet.bonus_above < sheet.full_above:
        raise WrongEntry(
            (*place, "bonus_above"),
            f"{where}: bonus_above is {sheet.bonus_above:g}, expected at least full_above, {sheet.full_above:g}",
        )
    return replace(sheet, **{name: tuple(table[name]) for name in ("classes", "mean", "std")})


def check_normalisation(table: dict, where: str, place: Place, channels: int) -> None:
    """Refuse a table whose ``mean`` or ``std`` is not one number for each channel."""
    for name, least in (("mean", -math.inf), ("std", 0)):
        values = table[name]
        if (
            not isinstance(values, list)
            or len(values) != channels
            or not all(is_number(v) and v > least for v in values)
        ):
            above = " above 0" if least == 0 else ""
            numbers = "one number" if channels == 1 else f"{channels} numbers"
            raise WrongEntry(
                (*place, name),
                f"{where}: {name} is {values!r}, expected {numbers}{above}, one per channel of the images",
            )


def check_ramp(table: dict, where: str, place: Place, more: Sequence[str]) -> None:
    """Refuse a table whose ``ramp_from`` and ``full_above`` are no ramp of shares; ``more`` names other thresholds."""
    for name in ("ramp_from", "full_above", *more):
        check_range(table, name, where, place, (0, 1))
    for name in ("full_above", *more):
        if table[name] == 1:
            raise WrongEntry(
                (*place, name), f"{where}: {name} is 1, but no accuracy is above 1; choose a smaller number"
            )
    low, high = table["ramp_from"], table["full_above"]
    if high <= low:
        raise WrongEntry(
            (*place, "full_above"), f"{where}: full_above is {high:g}, expected more than ramp_from, {low:g}"
        )


def certain(numbers: Mapping[str, Any]) -> float:
    """A lower bound of the accuracy: images that were not measured count as wrong. 0 if none was measured."""
    return numbers["correct"] / numbers["dataset_size"] if numbers.get("dataset_size") else 0.0


def points(sheet: Accuracy, accuracy: float) -> float:
    """Points of an accuracy in [0, 1], bonus included, in steps of a tenth.

    0 up to ``ramp_from``, then a linear ramp towards full marks at ``full_above``, rounded down. Full marks need strictly
    more than ``full_above``, so at ``full_above`` the points are one step below full marks. The bonus needs strictly more
    than ``bonus_above``. No single image is worth more than a step.
    """
    bonus = sheet.bonus if accuracy > sheet.bonus_above else 0.0
    return on_ramp(accuracy, sheet.ramp_from, sheet.full_above, sheet.points) + bonus


def measured_images(image_shape: Sequence[int], count: int) -> int:
    """How many of the first test images are measured: all, but not more than ``FULL_TEST`` pixels.

    The cost of a convolutional network grows with the pixels: 10,000 images of CIFAR-10 cost as much as 1,111 of STL-10.
    Prepared images are shuffled, so the first images are a fair sample.
    """
    return min(count, FULL_TEST // math.prod(image_shape[1:]))
