"""Samples of a generative model: those that this process draws from the submitted checkpoint, and those handed in.

Both files are unpickled in a sandbox session that runs no student code; only named float32 tensors come back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from autograder.assignment import SAMPLES, SamplesSheet
from autograder.engine import ddim
from autograder.engine.accuracy import in_steps
from autograder.engine.checkpoint import CheckpointError
from autograder.engine.copies import CLOSE, nearest
from autograder.engine.measure import Unread, read_tensors
from autograder.engine.pictures import Picture, SamplesError, pictures, to_bytes
from autograder.engine.quality import Scores, quality, scores, shares
from autograder.engine.session import Sandbox
from autograder.engine.submission import Submission
from autograder.engine.text import one_line
from autograder.engine.unet_checkpoint import network, schedule
from autograder.scorers.classifier import Scorer, load
from data_scripts import DataError, Prepared

MOST_COPIES = 0.02
SHOWN, COLUMNS = 64, 16
TITLES = {
    "checkpoint": "Samples that the grader drew from the submitted checkpoint",
    "own": "Samples that were handed in",
}
# What the lowest number of a score tells a student.
ADVICE = {
    "coverage": "Some classes are missing or too frequent: look at a large grid of samples, and train longer.",
    "confidence": "Many samples do not look like any class: look at the training loss, and train longer.",
    "frechet": "The samples look different from real images, in strokes or in variety: compare both side by side.",
}
NO_SCHEDULE = "The checkpoint has no alpha_bar, so the linear schedule of 1,000 steps was taken."


@dataclass(frozen=True)
class Finding:
    """What is known of one set of samples, whatever it is worth: sentences for the student, scores and pictures if any.

    ``copied`` ones earn nothing. ``remark`` is a further sentence for the student, ``note`` one for the instructor.
    """

    message: str
    scores: Scores | None = None
    copied: bool = False
    images: torch.Tensor | None = None
    remark: str = ""
    note: str = ""

    def quality(self, sheet: SamplesSheet) -> float:
        """In [0, 1]: the share of their points that they earn."""
        return 0.0 if self.scores is None or self.copied else quality(self.scores, sheet.ramps)

    def picture(self, title: str) -> Picture | None:
        """Its first samples, where they can be shown."""
        if self.images is None or self.images.shape[1] not in (1, 3):
            return None
        return Picture(title, self.images[:SHOWN], COLUMNS)


def measure_samples(
    sheet: SamplesSheet, dataset: str, zygote: Sandbox, submission: Submission, data: Prepared | None, deadline: float,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Finding]:  # fmt: skip
    """What was found of the samples of the checkpoint and of those handed in, by their keys in ``SAMPLES``.

    ``deadline`` is a ``time.monotonic()``; ``progress`` gets the number of samples drawn.
    """
    scorer = load(dataset)
    files = {"checkpoint": sheet.checkpoint, "own": sheet.file}
    findings, tensors = {}, {}
    for part, file in files.items():
        if not submission.find(file):
            findings[part] = Finding(f"{file} is not in the submission.")
        elif data is None:
            findings[part] = Finding("Not measured: this grader has no test images. Ask your instructor.")
        elif scorer is None:
            findings[part] = Finding(f"Not measured: this grader has no scorer for {dataset}. Ask your instructor.")
        else:
            try:
                tensors[part] = read_tensors(file, zygote, submission, deadline)
            except Unread as error:
                findings[part] = Finding(reworded(str(error)))
    look_at = {"checkpoint": drawn_from, "own": handed_in}
    for part in tensors:
        try:
            findings[part] = look_at[part](sheet, tensors[part], scorer, data, deadline, progress)
        except (CheckpointError, SamplesError) as error:
            findings[part] = Finding(f"{files[part]}: {error}")
    return {part: findings[part] for part in SAMPLES}


def samples_earned(sheet: SamplesSheet, findings: Mapping[str, Finding]) -> dict[str, tuple[float, str]]:
    """Points of each part, and the sentences for the student.

    Samples that are handed in count as much as those of the model behind them at most.
    """
    most = findings["checkpoint"].quality(sheet)
    earned = {}
    for part, finding in findings.items():
        share = finding.quality(sheet)
        sentences = [finding.message, advice(finding, sheet), finding.remark]
        if share > most:
            share = most
            sentences.append("They earn no larger share of their points than the samples of the checkpoint.")
        earned[part] = in_steps(sheet.points[part] * share), " ".join(filter(None, sentences))
    return earned


def drawn_from(
    sheet: SamplesSheet, tensors: Mapping[str, torch.Tensor], scorer: Scorer, data: Prepared, deadline: float,
    progress: Callable[[int], None],
) -> Finding:  # fmt: skip
    """Draw samples from the checkpoint's network and score them. Raises CheckpointError."""
    shape = tuple(data.manifest["image_shape"])
    model, alpha_bar = network(tensors, shape[0]), schedule(tensors)
    remark = "" if alpha_bar is not None else NO_SCHEDULE
    alpha_bar = ddim.linear_alpha_bar() if alpha_bar is None else alpha_bar
    try:
        drawn = ddim.draw(model, alpha_bar, (sheet.count, *shape), sheet.steps, deadline=deadline, progress=progress)
    except ddim.NotFinite:
        raise CheckpointError("The network's answers are NaN or infinite, so there are no samples.") from None
    except (RuntimeError, ValueError) as error:  # more levels than the images can be halved, or no memory for it
        raise CheckpointError(f"The network does not run on these images: {one_line(str(error))}") from None
    if not drawn.finished:
        return Finding(
            f"The time for this submission ran out after {drawn.steps:,} of {drawn.wanted:,} evaluations of the "
            f"network ({len(drawn.images):,} of {sheet.count:,} samples), so no points are given: use a smaller network."
        )
    steps = min(sheet.steps, len(alpha_bar))
    found = scored(f"{sheet.count:,} samples drawn in {steps} steps", to_bytes(drawn.images), scorer, data)
    return replace(found, remark=remark)


def handed_in(
    sheet: SamplesSheet, tensors: Mapping[str, torch.Tensor], scorer: Scorer, data: Prepared, *_: object
) -> Finding:
    """Score the samples of a file. Raises SamplesError."""
    images = pictures(tensors, tuple(data.manifest["image_shape"]), sheet.own_count)
    return scored(f"{len(images):,} samples handed in", images, scorer, data)


def scored(what: str, images: torch.Tensor, scorer: Scorer, data: Prepared) -> Finding:
    """The scores of (n, c, h, w) uint8 samples, and whether they are copies of training images."""
    found = scores(scorer, images)
    message = f"{what}: {sentence(found)} ({source(scorer, data)})."
    training = training_images(data)
    if training is None:
        note = f"{what}: not compared with training images, which this grader does not have."
        return Finding(message, found, images=images, note=note)
    copies = (nearest(images, training) < CLOSE).double().mean().item()
    if copies > MOST_COPIES:
        message += f" {copies:.0%} of them are copies of training images, so they earn nothing."
    return Finding(message, found, copies > MOST_COPIES, images)


def sentence(found: Scores) -> str:
    """The three numbers of a score."""
    return f"coverage {found.coverage:.2f}, confidence {found.confidence:.2f}, Fréchet distance {found.frechet:.1f}"


def advice(finding: Finding, sheet: SamplesSheet) -> str:
    """What to look at for the number that costs most, or nothing where none does."""
    if finding.scores is None or finding.copied:
        return ""
    share = shares(finding.scores, sheet.ramps)
    worst = min(share, key=share.get)
    return ADVICE[worst] if share[worst] < 1 else ""


def source(scorer: Scorer, data: Prepared) -> str:
    """Which images the samples are compared with."""
    made_of = scorer.about["source"]
    return (
        f"compared with {made_of}, not with the generated images of this grader"
        if data.manifest["generated"]
        else made_of
    )


def training_images(data: Prepared) -> np.ndarray | None:
    """(n, c, h, w) uint8, where this grader has them."""
    try:
        return data.images("train")
    except (DataError, KeyError):
        return None


def reworded(message: str) -> str:
    """The sandbox's sentence about a file; it speaks of a classifier, which is what checkpoints mostly hold."""
    return message.replace("classifier.state_dict()", "a dictionary of tensors").replace(
        "a ResNet-18 has about a hundred", "this network has about a hundred"
    )
