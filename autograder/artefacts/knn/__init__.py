"""The kind ``knn``: what the features of an encoder are worth, by a vote of nearest neighbours on a stored subset."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from autograder.artefacts.accuracy import certain, check_normalisation, check_ramp
from autograder.artefacts.model import Finding, Inputs, Test
from autograder.artefacts.points import on_ramp
from autograder.errors import KitError
from autograder.toml_entries import WrongEntry, check_choice, check_file, check_range, record
from autograder.toml_lines import Place

if TYPE_CHECKING:
    import numpy as np
    import torch

    from data_scripts import Prepared
    from data_scripts.dataset import Dataset

# The networks that the grader can build, and their modules with ``encoder(tensors)``.
NETWORKS = {"small_or_resnet18": "autograder.artefacts.knn.encoders"}
MOST_IMAGES = 6_000  # of 32 × 32 pixels, bank and queries together: half a processor needs minutes for them
COLLAPSED = 1e-3
COLLAPSE = "The features of all images point the same way: the encoder collapsed. Look at feature_std during training."


@dataclass(frozen=True)
class Knn:
    """A table of kind ``knn``.

    The ``neighbours`` nearest of ``bank`` training images vote on the class of each of ``queries`` test images; a vote
    weighs exp(cosine / ``temperature``). Accuracies are in [0, 1]: no points up to ``ramp_from``, all above ``full_above``.
    ``mean`` and ``std`` have one value per channel.
    """

    question: str
    kind: str
    title: str
    file: str
    network: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bank: int
    queries: int
    neighbours: int
    temperature: float
    points: float
    ramp_from: float
    full_above: float

    short: ClassVar[str] = "k-NN"
    headline: ClassVar[tuple[str, str]] = ("k-NN accuracy", "knn")

    def tests(self) -> tuple[Test, ...]:
        return (Test("accuracy", "k-NN accuracy", self.points),)

    def measure(self, inputs: Inputs) -> Finding:
        from autograder.artefacts.knn.measure import measure

        return measure(self, inputs)

    def earned(self, finding: Finding) -> dict[str, tuple[float, str]]:
        said = finding.sentences["accuracy"]
        if finding.numbers.get("feature_std", 1) < COLLAPSED:
            said += f" {COLLAPSE}"
        return {"accuracy": (on_ramp(certain(finding.numbers), self.ramp_from, self.full_above, self.points), said)}

    def settings(self) -> Mapping[str, Any]:
        names = ("file", "network", "mean", "std", "bank", "queries", "neighbours", "temperature")
        return {name: getattr(self, name) for name in names}

    def files(self) -> tuple[str, ...]:
        return (self.file,)

    def rule(self, dataset: str) -> str:
        return (
            f"k-NN accuracy of {self.file} on {self.queries:,} test images of {dataset}: no points up to "
            f"{self.ramp_from:.4g}, all {self.points:g} points above {self.full_above:.4g}"
        )

    def units(self, data: Prepared) -> tuple[int, str]:
        return sum(map(len, self.rows(data).values())), "images"

    def splits(self, data: Prepared) -> dict[str, int]:
        return {split: int(rows[-1]) + 1 for split, rows in self.rows(data).items()}

    def rows(self, data: Prepared) -> dict[str, np.ndarray]:
        """The rows of the bank and of the queries, by split: each class equally often; fewer of larger images."""
        pixels = math.prod(data.manifest["image_shape"][1:])
        share = min(1.0, 32 * 32 / pixels)
        return {
            split: balanced(data.labels(split), int(count * share), len(data.manifest["classes"]))
            for split, count in (("train", self.bank), ("test", self.queries))
        }

    def extra_files(self, dataset: str) -> tuple[Path, ...]:
        return ()

    def score(self, dataset: str, data: Prepared, tensors: Mapping[str, torch.Tensor] | None, split: str) -> str:
        if tensors is None:
            raise KitError("--split works only for samples; for a k-NN accuracy, give the checkpoint file instead")
        finding = self.measure(
            Inputs(dataset, data, has=lambda file: True, read=lambda file: dict(tensors), deadline=math.inf)
        )
        points, sentence = self.earned(finding)["accuracy"]
        return f"{sentence} {points:g} of {self.points:g} points"


def read(table: dict, where: str, place: Place, dataset: Dataset | None) -> Knn:
    """The artefact of a table of ``assignment.toml``, for the images of ``dataset``. Raises WrongEntry."""
    sheet = record(Knn, table, where, place)
    check_file(sheet.file, where, (*place, "file"))
    check_choice(table, "network", where, place, NETWORKS)
    if dataset and dataset.image_shape[0] != 3:
        raise WrongEntry(
            (*place, "network"), f"{where}: these networks take colour images, not those of {dataset.name}"
        )
    check_normalisation(table, where, place, 3)
    for name in ("bank", "queries", "neighbours"):
        check_range(table, name, where, place, (1, math.inf))
    if sheet.bank + sheet.queries > MOST_IMAGES:
        raise WrongEntry(
            (*place, "bank"), f"{where}: bank and queries have more than {MOST_IMAGES:,} images together; choose fewer"
        )
    check_range(table, "temperature", where, place, (0.001, math.inf))
    check_range(table, "points", where, place, (0, math.inf))
    check_ramp(table, where, place, ())
    return replace(sheet, mean=tuple(sheet.mean), std=tuple(sheet.std))


def balanced(labels: np.ndarray, count: int, classes: int) -> np.ndarray:
    """(k,) rows in ascending order: the first images of each class, equally many of each, ``count`` in all if there are.

    There is at least one of each; classes without an image are left out. Prepared images are shuffled, so the first of a
    class are a fair sample of it.
    """
    import numpy as np

    members = [rows for label in range(classes) if len(rows := np.flatnonzero(labels == label))]
    each = max(1, min(count // len(members), *map(len, members)))
    return np.sort(np.concatenate([rows[:each] for rows in members]))
