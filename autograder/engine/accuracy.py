"""Top-1 accuracy of a submitted classifier on the test set, and the points that it earns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from autograder.assignment import AccuracySheet
from autograder.engine.container import free_memory, processors
from autograder.engine.predictions import UNDECIDED, find_shortcut, predict
from autograder.engine.winograd import BATCHES, FIXED_MB, MB_PER_IMAGE, SIDE

# Per-channel mean and standard deviation of the CIFAR-10 training images, as the notebook gives them.
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)

MB = 1 << 20
BATCH_SIZE = 16
# Memory for the plain network's maps, and for the parts of the libraries that must stay in memory to be fast.
RESERVED_MB = 130
STEPS_PER_POINT = 10
FULL_TEST = 10_000 * 32 * 32  # pixels of CIFAR-10's test images


@dataclass(frozen=True)
class Accuracy:
    """Top-1 count over the ``total`` images that were decided, ``of`` so many (0: not known).

    ``finished`` is False where the time ran out.
    """

    correct: int
    total: int
    seconds: float
    finished: bool
    of: int = 0

    @property
    def top1(self) -> float:
        """Fraction of 1; 0 where no image was looked at."""
        return self.correct / self.total if self.total else 0.0

    @property
    def certain(self) -> float:
        """The least that ``top1`` can come to, if no image that was not decided is right."""
        if self.finished:
            return self.top1
        return self.correct / self.of if self.of else 0.0


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
        progress: called with the number of images looked at, after every batch.
        batch_size: larger ones than 16 are no faster.

    Channels-last memory is faster than the default. Most images are decided by a faster network where there is one, as
    many at a time as memory allows; the count is the plain network's (``predictions``).
    """
    started = time.monotonic()
    model = model.eval().to(memory_format=torch.channels_last)
    total = len(images)

    def pictures(rows: np.ndarray) -> torch.Tensor:
        return normalised(images[rows])

    with threads(processors()), torch.inference_mode():
        batch = batch_for(free_memory()) if images.shape[1:] == (3, SIDE, SIDE) else None
        shortcut = find_shortcut(model, pictures, total, batch, deadline)
        classes = predict(model, pictures, total, batch_size, shortcut, deadline, progress)
    decided = int((classes != UNDECIDED).sum())
    correct = int((classes == labels).sum())
    return Accuracy(correct, decided, time.monotonic() - started, decided == total, total)


def batch_for(free: int) -> int | None:
    """The largest batch of the faster network for which ``free`` bytes suffice; None if no batch is small enough."""
    fitting = (batch for batch in BATCHES if (RESERVED_MB + FIXED_MB + batch * MB_PER_IMAGE) * MB <= free)
    return max(fitting, default=None)


@contextmanager
def threads(most: int) -> Iterator[None]:
    """Let torch use no more threads than this."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, most))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def normalised(images: np.ndarray) -> torch.Tensor:
    """``(n, 3, h, w)`` uint8 images as normalised float32, in channels-last memory."""
    batch = torch.from_numpy(np.array(images)).to(memory_format=torch.channels_last).float().div_(255)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return batch.sub_(mean).div_(std)


def measured_images(image_shape: Sequence[int], count: int) -> int:
    """How many test images are measured, from the first on: all, but no more work than ``FULL_TEST`` pixels are.

    The work of a convolutional network grows with the pixels: 10,000 images of CIFAR-10 cost as much as 1,111 of STL-10.
    Prepared images are in shuffled order, so the first are a fair sample.
    """
    return min(count, FULL_TEST // math.prod(image_shape[1:]))


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
