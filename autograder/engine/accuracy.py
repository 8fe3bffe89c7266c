"""Top-1 accuracy of a submitted classifier on the test set, and the points that it earns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from autograder.assignment import AccuracySheet

# Per-channel mean and standard deviation of the CIFAR-10 training images, as the notebook gives them.
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)

BATCH_SIZE = 64
STEPS_PER_POINT = 10


@dataclass(frozen=True)
class Accuracy:
    """Top-1 count over the ``total`` images that were looked at; ``finished`` is False where the time ran out."""

    correct: int
    total: int
    seconds: float
    finished: bool

    @property
    def top1(self) -> float:
        """Fraction of 1; 0 where no image was looked at."""
        return self.correct / self.total if self.total else 0.0


def top1(
    model: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    deadline: float = math.inf,
    progress: Callable[[int], None] = lambda done: None,
    batch_size: int = BATCH_SIZE,
) -> Accuracy:
    """Count the images that ``model`` classifies right, in float32 and eval mode.

    Args:
        model: maps ``(n, 3, 32, 32)`` normalised float32 images to ``(n, 10)`` logits.
        images: ``(n, 3, 32, 32)`` uint8, may be a view of a memory map.
        labels: ``(n,)`` integers.
        deadline: ``time.monotonic()`` time after which no further batch is begun.
        progress: called with the number of images done, after every batch.
        batch_size: 64 takes about 100 MB beside the model, and larger ones were no faster.

    Channels-last memory is faster than the default; folding batch norm into the convolutions gained nothing certain.
    """
    started = time.monotonic()
    model = model.eval().to(memory_format=torch.channels_last)
    correct = done = 0
    with torch.inference_mode():
        while done < len(images) and time.monotonic() < deadline:
            batch = normalised(images[done : done + batch_size])
            logits = model(batch)
            right = logits.argmax(dim=1) == torch.from_numpy(labels[done : done + batch_size].astype(np.int64))
            # An overflow to NaN would otherwise count as some class.
            correct += int((right & logits.isfinite().all(dim=1)).sum())
            done += len(batch)
            progress(done)
    return Accuracy(correct, done, time.monotonic() - started, finished=done == len(images))


def normalised(images: np.ndarray) -> torch.Tensor:
    """``(n, 3, h, w)`` uint8 images as normalised float32, in channels-last memory."""
    batch = torch.from_numpy(np.array(images)).to(memory_format=torch.channels_last).float().div_(255)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return batch.sub_(mean).div_(std)


def points(sheet: AccuracySheet, accuracy: float) -> float:
    """Points of an accuracy in [0, 1], bonus included, in steps of a tenth.

    0 up to ``ramp_from``, then a straight line towards full marks at ``full_above``, rounded down; full marks need
    strictly more than ``full_above``, so at it the line ends one step short of them, and the bonus strictly more
    than ``bonus_above``. The line meets both ends, so no single image is worth more than a step.
    """
    if accuracy > sheet.full_above:
        return sheet.points + (sheet.bonus if accuracy > sheet.bonus_above else 0)
    if accuracy <= sheet.ramp_from:
        return 0.0
    share = (accuracy - sheet.ramp_from) / (sheet.full_above - sheet.ramp_from)
    return min(in_steps(share * sheet.points), (math.ceil(sheet.points * STEPS_PER_POINT) - 1) / STEPS_PER_POINT)


def in_steps(points: float) -> float:
    """Points rounded down to a tenth."""
    return math.floor(points * STEPS_PER_POINT + 1e-9) / STEPS_PER_POINT
