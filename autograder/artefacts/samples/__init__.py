"""The kind ``samples``: images of a generative model. The grader draws some from the checkpoint; students submit others."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.artefacts.model import Finding, Inputs, Test
from autograder.artefacts.points import in_steps
from autograder.toml_entries import WrongEntry, check_choice, check_file, check_points, is_number, record
from autograder.toml_lines import Place
from data_scripts.catalogue import DATASETS

if TYPE_CHECKING:
    import torch

    from data_scripts import Prepared
    from data_scripts.dataset import Dataset

# The parts that get points, and the numbers of a score.
PARTS = {"checkpoint": "samples drawn by the grader", "own": "samples handed in"}
NUMBERS = ("coverage", "confidence", "frechet")
# The networks that the grader can build, and their modules with ``network(tensors, channels)`` and ``schedule(tensors)``.
NETWORKS = {"unet": "autograder.artefacts.samples.unet"}
SCORERS = Path(__file__).resolve().parents[2] / "scorers"
MOST_COPIES = 0.02
# What the lowest number of a score means for the student.
ADVICE = {
    "coverage": "Some classes are missing or too frequent: look at a large grid of samples, and train longer.",
    "confidence": "Many samples do not look like any class: look at the training loss, and train longer.",
    "frechet": "The samples look different from real images, in strokes or in variety: compare both side by side.",
}
NO_SCHEDULE = "The checkpoint has no alpha_bar, so the linear schedule of 1,000 steps was used."
CAPPED = "Their share of the points is limited to that of the samples from the checkpoint."

Ramps = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Samples:
    """A table of kind ``samples``.

    The grader draws ``count`` samples in ``steps`` steps from the ``checkpoint``; students submit ``own_count`` samples in
    ``file``. ``points`` has the points of both parts (``checkpoint`` and ``own``). ``ramps`` has, for each number of a
    score, the value where its share is 0 and the value where it is 1.

    The numbers of a finding are, for each part that was scored: the numbers of the score, the share of ``copies`` of
    training images (None: not compared), and ``own_schedule``: whether the checkpoint has a schedule.
    """

    question: str
    kind: str
    title: str
    checkpoint: str
    file: str
    network: str
    own_count: int
    count: int
    steps: int
    points: Mapping[str, float]
    ramps: Ramps

    def tests(self) -> tuple[Test, ...]:
        return tuple(Test(part, title, self.points[part]) for part, title in PARTS.items())

    def measure(self, inputs: Inputs) -> Finding:
        from autograder.artefacts.samples.measure import measure

        return measure(self, inputs)

    def earned(self, finding: Finding) -> dict[str, tuple[float, str]]:
        """The submitted samples earn at most the share of points that the samples from the checkpoint earn."""
        numbers = {part: finding.numbers.get(part) for part in PARTS}
        most = share_earned(numbers["checkpoint"], self.ramps)
        earned = {}
        for part in PARTS:
            share = share_earned(numbers[part], self.ramps)
            remark = NO_SCHEDULE if numbers[part] and not numbers[part].get("own_schedule", True) else ""
            sentences = [finding.sentences[part], advice(numbers[part], self.ramps), remark]
            if share > most:
                share = most
                sentences.append(CAPPED)
            earned[part] = in_steps(self.points[part] * share), " ".join(filter(None, sentences))
        return earned

    def settings(self) -> Mapping[str, Any]:
        names = ("checkpoint", "file", "network", "own_count", "count", "steps")
        return {name: getattr(self, name) for name in names}

    def files(self) -> tuple[str, ...]:
        return (self.checkpoint, self.file)

    def rule(self, dataset: str) -> str:
        ramps = ", ".join(f"{name} from {low:g} to {high:g}" for name, (low, high) in self.ramps.items())
        return f"samples drawn from {self.checkpoint} and samples in {self.file}, {dataset}: {ramps}"

    def units(self, data: Prepared) -> tuple[int, str]:
        return self.count, "samples"

    def splits(self, data: Prepared) -> dict[str, int]:
        """Test and training images; samples are compared with training images to find copies."""
        return {split: data.counts[split] for split in ("test", "train")}

    def extra_files(self, dataset: str) -> tuple[Path, ...]:
        scorer = SCORERS / f"{dataset}.safetensors"
        return (scorer,) if scorer.is_file() else ()

    def score(self, dataset: str, data: Prepared, tensors: Mapping[str, torch.Tensor] | None, split: str) -> str:
        from autograder.artefacts.samples.measure import score

        return score(self, dataset, data, tensors, split)


def read(table: dict, where: str, place: Place, dataset: Dataset | None) -> Samples:
    """The artefact of a table of ``assignment.toml``, for any ``dataset``. Raises WrongEntry."""
    table = with_ramps(table, place, dataset)
    sheet = record(Samples, table, where, place)
    for name in ("checkpoint", "file"):
        check_file(table[name], where, (*place, name))
    check_choice(table, "network", where, place, NETWORKS)
    check_ramps(table, where, place, PARTS, NUMBERS)
    for name, least in (("own_count", 2), ("count", 2), ("steps", 1)):
        if table[name] < least:
            raise WrongEntry(
                (*place, name), f"{where}: {name} is {table[name]!r}, expected a whole number of at least {least}"
            )
    return replace(sheet, ramps={name: tuple(ramp) for name, ramp in sheet.ramps.items()})


def with_ramps(table: dict, place: Place, dataset: Dataset | None) -> dict:
    """A table with the ramps of its data set: what stands in ``[artefact.ramps.NAME]`` counts for the data set NAME alone.

    Raises:
        WrongEntry: there is no data set of such a name.
    """
    ramps = table.get("ramps")
    if not isinstance(ramps, dict):
        return table
    own = {name: entry for name, entry in ramps.items() if isinstance(entry, dict)}
    for name in own.keys() - DATASETS.keys():
        sentence = f"[artefact.ramps.{name}]: {name} is no data set; known are {', '.join(DATASETS)}"
        raise WrongEntry((*place, "ramps", name), sentence)
    common = {name: entry for name, entry in ramps.items() if name not in own}
    return {**table, "ramps": common | own.get(dataset.name if dataset else "", {})}


def check_ramps(table: dict, where: str, place: Place, parts: Collection[str], numbers: Collection[str]) -> None:
    """Refuse a table whose ``points`` are not those of ``parts``, or whose ``ramps`` are not those of ``numbers``."""
    for name, keys in (("points", parts), ("ramps", numbers)):
        if not isinstance(table[name], dict) or set(table[name]) != set(keys):
            raise WrongEntry(
                (*place, name), f"{where}: {name} is {table[name]!r}, expected a table of {' and '.join(keys)}"
            )
    check_points(where, table["points"], (*place, "points"))
    for name, ramp in table["ramps"].items():
        ends = isinstance(ramp, list) and len(ramp) == 2 and all(map(is_number, ramp))
        if not ends or ramp[0] == ramp[1]:
            raise WrongEntry(
                (*place, "ramps", name), f"[artefact.ramps]: {name} is {ramp!r}, expected two different numbers"
            )


def shares(found: Mapping[str, float], ramps: Ramps) -> dict[str, float]:
    """Each number as a share in [0, 1]: 0 at the first end of its ramp, 1 at the second, linear in between."""
    return {name: min(1.0, max(0.0, (found[name] - zero) / (one - zero))) for name, (zero, one) in ramps.items()}


def share_of_points(found: Mapping[str, float], ramps: Ramps) -> float:
    """The product of the shares, so one bad number is enough to lose all points."""
    return math.prod(shares(found, ramps).values())


def copied(found: Mapping[str, Any]) -> bool:
    """Whether too many of the samples are copies of training or test images."""
    return (found["copies"] or 0) > MOST_COPIES


def share_earned(found: Mapping[str, Any] | None, ramps: Ramps) -> float:
    """The share of the points that samples earn, in [0, 1]."""
    return 0.0 if found is None or copied(found) else share_of_points(found, ramps)


def advice(found: Mapping[str, Any] | None, ramps: Ramps) -> str:
    """Advice about the number that costs most points; '' if none does."""
    if found is None or copied(found):
        return ""
    share = shares(found, ramps)
    worst = min(share, key=share.get)
    return ADVICE[worst] if share[worst] < 1 else ""
