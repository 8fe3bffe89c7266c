"""q6: the submitted checkpoint, measured on the test images by this process with the kit's own model.

The file is unpickled in a sandbox session that runs no student code; only named float32 tensors come back. No label ever
leaves this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from autograder.assignment import AccuracySheet
from autograder.engine.accuracy import Accuracy, measured_images, points, top1
from autograder.engine.checkpoint import CheckpointError, classifier
from autograder.engine.session import Sandbox, SessionLost, StudentError
from autograder.engine.submission import Submission
from autograder.errors import KitError
from data_scripts import DATASETS, Prepared

LOAD_SECONDS = 60.0


@dataclass(frozen=True)
class Measured:
    """What is known of a checkpoint, whatever it is worth: its accuracy if it has one, and the sentence for the student."""

    accuracy: Accuracy | None
    message: str


class Unread(KitError):
    """A file's tensors did not come out of the sandbox; the text is a sentence for the student."""


def measure(
    sheet: AccuracySheet, zygote: Sandbox, submission: Submission, data: Prepared | None, deadline: float,
    progress: Callable[[int], None] = lambda done: None,
) -> Measured:  # fmt: skip
    """Measure the checkpoint; ``deadline`` is a ``time.monotonic()``."""
    if not submission.find(sheet.file):
        return Measured(None, f"{sheet.file} is not in the submission.")
    if data is None:
        return Measured(None, "Not measured: this grader has no test images. Ask your instructor.")
    try:
        model = classifier(read_tensors(sheet.file, zygote, submission, deadline))
    except Unread as error:
        return Measured(None, str(error))
    except CheckpointError as error:
        return Measured(None, f"{sheet.file}: {error}")
    images, labels = data.images("test"), data.labels("test")
    count = measured_images(images.shape[1:], len(images))
    accuracy = top1(model, images[:count], labels[:count], deadline=deadline, progress=progress)
    return Measured(accuracy, sentence(accuracy, data))


def read_tensors(file: str, zygote: Sandbox, submission: Submission, deadline: float) -> dict[str, torch.Tensor]:
    """The tensors of a file that is in the submission, read in a session of its own. Raises Unread."""
    name = str(submission.find(file)[0].relative_to(submission.folder))
    try:
        with zygote.session(submission.folder) as session:
            return session.load_checkpoint(name, max(0.1, min(LOAD_SECONDS, deadline - time.monotonic())))
    except StudentError as error:
        raise Unread(error.message if file in error.message else f"{file}: {error.message}") from None
    except SessionLost as error:
        raise Unread(f"{file} could not be read: {error.reason}.") from None


def sentence(accuracy: Accuracy, data: Prepared) -> str:
    """What was measured, on how many images of which kind."""
    title = DATASETS[data.manifest["dataset"]].title
    images = f"generated images, not {title}" if data.manifest["generated"] else data.source
    text = f"{accuracy.top1:.2%} top-1: {accuracy.correct:,} of {accuracy.total:,} test images right ({images})."
    if accuracy.finished:
        return text
    return f"The time ran out after {accuracy.total:,} of {accuracy.of:,} images; the others count as wrong. {text}"


def earned(sheet: AccuracySheet, accuracy: Accuracy | None) -> tuple[float, float]:
    """(points, bonus points) of what is certain in a measurement; nothing for none."""
    if accuracy is None:
        return 0.0, 0.0
    total = points(sheet, accuracy.certain)
    return min(total, sheet.points), max(0.0, total - sheet.points)
