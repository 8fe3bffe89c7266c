"""The kind ``elbo``: the evidence lower bound of a VAE on the test images, and samples that are handed in beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.artefacts.model import Finding, Inputs, Test
from autograder.artefacts.points import in_steps
from autograder.artefacts.samples import NUMBERS, SCORERS, Ramps, advice, check_ramps, share_earned, shares, with_ramps
from autograder.errors import KitError
from autograder.toml_entries import check_choice, check_file, check_range, record
from autograder.toml_lines import Place

if TYPE_CHECKING:
    import torch

    from data_scripts import Prepared
    from data_scripts.dataset import Dataset

# The parts that get points.
PARTS = {"elbo": "bound of the checkpoint", "own": "samples handed in"}
# The networks that the grader can build, and their modules with ``networks(tensors)``.
NETWORKS = {"vae": "autograder.artefacts.elbo.vae"}
ADVICE = "Compare the loss of your training and test images, and train longer."
CAPPED = "Their share of the points is limited to that of the bound."


@dataclass(frozen=True)
class Elbo:
    """A table of kind ``elbo``.

    The grader measures the bound of the ``checkpoint`` in nats; students submit ``own_count`` samples in ``file``.
    ``points`` has the points of both parts (``elbo`` and ``own``). ``ramps`` has, for the bound and for each number of a
    score, the value where its share is 0 and the value where it is 1.

    The numbers of a finding are, for each part that was measured: ``elbo``, ``reconstruction`` and ``kl`` (means over the
    test images, in nats), and the score of the samples, as for the kind ``samples``.
    """

    question: str
    kind: str
    title: str
    checkpoint: str
    file: str
    network: str
    own_count: int
    points: Mapping[str, float]
    ramps: Ramps

    def tests(self) -> tuple[Test, ...]:
        return tuple(Test(part, title, self.points[part]) for part, title in PARTS.items())

    def measure(self, inputs: Inputs) -> Finding:
        from autograder.artefacts.elbo.measure import measure

        return measure(self, inputs)

    def earned(self, finding: Finding) -> dict[str, tuple[float, str]]:
        """The submitted samples earn at most the share of points that the bound earns."""
        bound, score = (finding.numbers.get(part) for part in PARTS)
        most = shares(bound, {"elbo": self.ramps["elbo"]})["elbo"] if bound else 0.0
        said = finding.sentences["elbo"]
        earned = {"elbo": (in_steps(self.points["elbo"] * most), f"{said} {ADVICE}" if bound and most < 1 else said)}
        ramps = self._score_ramps()
        share = share_earned(score, ramps)
        sentences = [finding.sentences["own"], advice(score, ramps), CAPPED if share > most else ""]
        earned["own"] = in_steps(self.points["own"] * min(share, most)), " ".join(filter(None, sentences))
        return earned

    def _score_ramps(self) -> Ramps:
        return {name: self.ramps[name] for name in NUMBERS}

    def settings(self) -> Mapping[str, Any]:
        return {name: getattr(self, name) for name in ("checkpoint", "file", "network", "own_count")}

    def files(self) -> tuple[str, ...]:
        return (self.checkpoint, self.file)

    def rule(self, dataset: str) -> str:
        ramps = ", ".join(f"{name} from {low:g} to {high:g}" for name, (low, high) in self.ramps.items())
        return f"bound of {self.checkpoint} in nats and samples in {self.file}, {dataset}: {ramps}"

    def units(self, data: Prepared) -> tuple[int, str]:
        return data.counts["test"], "test images"

    def splits(self, data: Prepared) -> dict[str, int]:
        """Test and training images; samples are compared with training images to find copies."""
        return {split: data.counts[split] for split in ("test", "train")}

    def extra_files(self, dataset: str) -> tuple[Path, ...]:
        scorer = SCORERS / f"{dataset}.safetensors"
        return (scorer,) if scorer.is_file() else ()

    def score(self, dataset: str, data: Prepared, tensors: Mapping[str, torch.Tensor] | None, split: str) -> str:
        """The bound of a checkpoint, or the score of the samples of a file or of real images."""
        from autograder.artefacts.samples.files import NAME, pictures
        from autograder.artefacts.samples.measure import real_images, score_text, scorer_of

        if tensors is None or any(name.split(".")[-1] == NAME for name in tensors):
            shape = tuple(data.manifest["image_shape"])
            images = pictures(tensors, shape) if tensors else real_images(data, split, self.own_count)
            return score_text(scorer_of(dataset), images, data, self._score_ramps(), split)
        found = self.measure(
            Inputs(dataset, data, lambda file: file == self.checkpoint, lambda file: dict(tensors), math.inf)
        )
        if not found.numbers:
            raise KitError(found.sentences["elbo"])
        points, sentence = self.earned(found)["elbo"]
        return f"{sentence} {points:g} of {self.points['elbo']:g} points"


def read(table: dict, where: str, place: Place, dataset: Dataset | None) -> Elbo:
    """The artefact of a table of ``assignment.toml``, for any ``dataset``. Raises WrongEntry."""
    table = with_ramps(table, place, dataset)
    sheet = record(Elbo, table, where, place)
    for name in ("checkpoint", "file"):
        check_file(table[name], where, (*place, name))
    check_choice(table, "network", where, place, NETWORKS)
    check_ramps(table, where, place, PARTS, ("elbo", *NUMBERS))
    check_range(table, "own_count", where, place, (2, math.inf))
    return replace(sheet, ramps={name: tuple(ramp) for name, ramp in sheet.ramps.items()})
