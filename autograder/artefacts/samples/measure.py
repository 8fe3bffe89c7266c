"""Scores samples of a generative model: samples that this process draws from the checkpoint, and submitted samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch

from autograder.artefacts.model import Finding, Headline, Inputs
from autograder.artefacts.samples import MOST_COPIES, NETWORKS, PARTS, Ramps, Samples, ddim, share_of_points
from autograder.artefacts.samples.copies import copied
from autograder.artefacts.samples.files import NAME, SamplesError, pictures, to_bytes
from autograder.artefacts.samples.scores import Scores, scores
from autograder.errors import CheckpointError, KitError, Unread
from autograder.pictures import Picture
from autograder.scorers.classifier import Scorer, load
from autograder.text import one_line
from data_scripts import DataError, Prepared

SHOWN, COLUMNS = 64, 16
TITLES = {
    "checkpoint": "Samples that the grader drew from the submitted checkpoint",
    "own": "Samples in the submission",
}


@dataclass(frozen=True)
class Looked:
    """The result for one set of samples: a sentence for the student and, if they were scored, their numbers."""

    sentence: str
    numbers: Mapping[str, Any] | None = None
    images: torch.Tensor | None = None
    note: str = ""
    finished: bool = True


Look = Callable[[Mapping[str, torch.Tensor]], Looked]


def measure(sheet: Samples, inputs: Inputs) -> Finding:
    """Score both sets of samples. The result of the first is published before the second is scored."""
    scorer = load(inputs.dataset)
    looks = {
        "checkpoint": (sheet.checkpoint, scorer and (lambda tensors: drawn_from(sheet, tensors, scorer, inputs))),
        "own": (sheet.file, scorer and (lambda tensors: handed_in(sheet.own_count, tensors, scorer, inputs))),
    }
    return _finding(look_at_files(looks, inputs, lambda looked: inputs.publish(_finding(looked))))


def look_at_files(
    looks: Mapping[str, tuple[str, Look | None]], inputs: Inputs, publish: Callable[[Mapping[str, Looked]], None]
) -> dict[str, Looked]:
    """What was found in the file of each part, in order; ``publish`` gets the parts so far, after each.

    The second of a pair makes a ``Looked`` of a file's tensors, or raises CheckpointError or SamplesError; it is None
    where this grader has no scorer for it.
    """
    looked, tensors = {}, {}
    for part, (file, look) in looks.items():
        if not inputs.has(file):
            looked[part] = Looked(inputs.missing(file))
        elif inputs.data is None:
            looked[part] = Looked("Not measured: this grader has no test images. Ask your instructor.")
        elif look is None:
            looked[part] = Looked(f"Not measured: this grader has no scorer for {inputs.dataset}. Ask your instructor.")
        else:
            try:
                tensors[part] = inputs.read(file)
            except Unread as error:
                looked[part] = Looked(reworded(str(error)), finished=not error.late)
    for part in tensors:
        file, look = looks[part]
        try:
            looked[part] = look(tensors[part])
        except (CheckpointError, SamplesError) as error:
            looked[part] = Looked(f"{file}: {error}")
        waiting = {other: Looked("Not scored yet.", finished=False) for other in tensors if other not in looked}
        publish(looked | waiting)
    return looked


def _finding(looked: Mapping[str, Looked]) -> Finding:
    return finding_of(looked, PARTS, TITLES)


def finding_of(
    looked: Mapping[str, Looked],
    parts: Iterable[str],
    titles: Mapping[str, str],
    headline: Headline | None = None,
) -> Finding:
    """The finding of all ``parts``, in order; the samples of the parts in ``titles`` are shown under their titles."""
    shown = {part: looked[part].images for part in titles if looked[part].images is not None}
    return Finding(
        {part: looked[part].sentence for part in parts},
        {part: looked[part].numbers for part in parts if looked[part].numbers},
        tuple(Picture(titles[p], x[:SHOWN], COLUMNS) for p, x in shown.items() if x.shape[1] in (1, 3)),
        all(looked[part].finished for part in parts),
        tuple(looked[part].note for part in parts if looked[part].note),
        headline,
    )


def drawn_from(sheet: Samples, tensors: Mapping[str, torch.Tensor], scorer: Scorer, inputs: Inputs) -> Looked:
    """Draw samples from the checkpoint's network and score them. Raises CheckpointError."""
    data = inputs.data
    shape, networks = tuple(data.manifest["image_shape"]), import_module(NETWORKS[sheet.network])
    model, own_schedule = networks.network(tensors, shape[0]), networks.schedule(tensors)
    alpha_bar = ddim.linear_alpha_bar() if own_schedule is None else own_schedule
    try:
        drawn = ddim.draw(
            model, alpha_bar, (sheet.count, *shape), sheet.steps,
            deadline=inputs.deadline, clock=inputs.clock, progress=inputs.progress,
        )  # fmt: skip
    except ddim.NotFinite:
        raise CheckpointError("The network returns NaN or infinity, so there are no samples.") from None
    except (RuntimeError, ValueError) as error:  # too many levels for the image size, or too little memory
        raise CheckpointError(f"The network does not run on these images: {one_line(str(error))}") from None
    if not drawn.finished:
        sentence = (
            f"The time for this submission ran out after {drawn.steps:,} of {drawn.wanted:,} evaluations of the "
            f"network ({len(drawn.images):,} of {sheet.count:,} samples), so there are no points; use a smaller network."
        )
        return Looked(sentence, finished=False)
    steps = min(sheet.steps, len(alpha_bar))
    about = {"own_schedule": own_schedule is not None}
    return scored(f"{sheet.count:,} samples drawn in {steps} steps", to_bytes(drawn.images), scorer, data, about)


def handed_in(count: int, tensors: Mapping[str, torch.Tensor], scorer: Scorer, inputs: Inputs) -> Looked:
    """Score the ``count`` samples of a file. Raises SamplesError."""
    images = pictures(tensors, tuple(inputs.data.manifest["image_shape"]), count)
    return scored(f"{len(images):,} samples handed in", images, scorer, inputs.data, {})


def scored(what: str, images: torch.Tensor, scorer: Scorer, data: Prepared, about: Mapping[str, Any]) -> Looked:
    """Score (n, c, h, w) uint8 samples and compare them with training and test images."""
    found = scores(scorer, images)
    sentence = f"{what}: {score_sentence(found)} ({source(scorer, data)})."
    numbers = {**asdict(found), **about, "copies": None}
    training = training_images(data)
    if training is None:
        note = f"{what}: not compared with training images, because this grader has none."
        return Looked(sentence, numbers, images, note)
    numbers["copies"] = share_of_copies(images, training, data.images("test"))
    if numbers["copies"] > MOST_COPIES:
        sentence += f" {numbers['copies']:.0%} of them are copies of training or test images, so they earn no points."
    return Looked(sentence, numbers, images)


def share_of_copies(images: torch.Tensor, *known: np.ndarray) -> float:
    """The fraction of the samples that are copies of known images."""
    return copied(images, known).double().mean().item()


def score_sentence(found: Scores) -> str:
    """The three numbers of a score, as text."""
    return f"coverage {found.coverage:.2f}, confidence {found.confidence:.2f}, Fréchet distance {found.frechet:.1f}"


def source(scorer: Scorer, data: Prepared) -> str:
    """Which images the samples are compared with."""
    made_of = scorer.about["source"]
    return (
        f"compared with {made_of}, not with the generated images of this grader"
        if data.manifest["generated"]
        else made_of
    )


def training_images(data: Prepared) -> np.ndarray | None:
    """The training images, (n, c, h, w) uint8; None if this grader has none."""
    try:
        return data.images("train")
    except (DataError, KeyError):
        return None


def reworded(message: str) -> str:
    """The sandbox's message about a file, without the advice for classifiers."""
    return message.replace("classifier.state_dict()", "a dictionary of tensors").replace(
        "a ResNet-18 has about a hundred", "this network has about a hundred"
    )


# --- ./kit score ----------------------------------------------------------------------------------------------------


def score(sheet: Samples, dataset: str, data: Prepared, tensors: Mapping[str, torch.Tensor] | None, split: str) -> str:
    """The score of a file's samples, of its network's samples, or of real images of a split. Raises KitError."""
    scorer = scorer_of(dataset)
    images = real_images(data, split, sheet.count) if tensors is None else samples_of(sheet, tensors, data)
    return score_text(scorer, images, data, sheet.ramps, split)


def scorer_of(dataset: str) -> Scorer:
    """The scorer of a data set. Raises KitError if there is none."""
    scorer = load(dataset)
    if scorer is None:
        raise KitError(f"there is no scorer for {dataset}; run: python -m autograder.scorers.train {dataset}")
    return scorer


def score_text(scorer: Scorer, images: torch.Tensor, data: Prepared, ramps: Ramps, split: str) -> str:
    """The score of samples (n, c, h, w) uint8 as text; images of the split "train" are not compared with themselves."""
    found = scores(scorer, images)
    lines = [
        f"{len(images):,} images: coverage {found.coverage:.3f}, confidence {found.confidence:.3f}, "
        f"Fréchet distance {found.frechet:.2f}; {share_of_points(asdict(found), ramps):.0%} of the points"
    ]
    if split != "train":
        lines.append(f"copies of training images: {share_of_copies(images, data.images('train')):.2%}")
    return "\n".join(lines)


def real_images(data: Prepared, split: str, count: int) -> torch.Tensor:
    """A fixed random selection of a split's images, (count, c, h, w) uint8."""
    everything = data.images(split)
    chosen = torch.randperm(len(everything), generator=torch.Generator().manual_seed(0))[:count]
    return torch.from_numpy(everything[chosen.numpy()])


def samples_of(sheet: Samples, tensors: Mapping[str, torch.Tensor], data: Prepared) -> torch.Tensor:
    """The samples of a file, or of its network, (n, c, h, w) uint8. Raises KitError if it holds neither."""
    shape, networks = tuple(data.manifest["image_shape"]), import_module(NETWORKS[sheet.network])
    if any(name.split(".")[-1] == NAME for name in tensors):
        return pictures(tensors, shape)
    own = networks.schedule(tensors)
    alpha_bar = ddim.linear_alpha_bar() if own is None else own
    try:
        model = networks.network(tensors, shape[0])
        drawn = ddim.draw(model, alpha_bar, (sheet.count, *shape), sheet.steps, deadline=math.inf)
    except ddim.NotFinite:
        raise KitError("the network returns NaN or infinity") from None
    return to_bytes(drawn.images)
