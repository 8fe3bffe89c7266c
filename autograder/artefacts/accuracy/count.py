"""Counts the images that a classifier gets correct (top-1), batch by batch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from autograder.artefacts.container import processors

BATCH_SIZE = 16


@dataclass(frozen=True)
class Count:
    """How many of the ``evaluated`` images are classified correctly; the data set has ``dataset_size`` of them."""

    correct: int
    evaluated: int
    dataset_size: int

    @property
    def finished(self) -> bool:
        """Whether all images were evaluated."""
        return self.evaluated == self.dataset_size

    @property
    def top1(self) -> float:
        """The fraction of the evaluated images that are correct; 0 if there are none."""
        return self.correct / self.evaluated if self.evaluated else 0.0


def count_top1(
    model: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    deadline: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
    reached: Callable[[Count], None] = lambda count: None,
    batch_size: int = BATCH_SIZE,
) -> Count:
    """Count the images that ``model`` classifies correctly, in float32 and eval mode.

    Args:
        model: maps ``(n, c, h, w)`` normalised float32 images to ``(n, classes)`` logits.
        images: ``(n, c, h, w)`` uint8; may be a view of a memory map.
        labels: ``(n,)`` integers.
        mean: per channel, for pixels in [0, 1]; ``std`` likewise.
        deadline: time of ``clock`` after which no further batch is started.
        reached: called with the count so far, after every batch.
        batch_size: batches larger than 16 are not faster.

    An image counts as wrong if one of its logits is not finite. Channels-last memory is faster than the default.
    """
    count = Count(0, 0, len(images))
    for logits in outputs(model, images, mean=mean, std=std, deadline=deadline, clock=clock, batch_size=batch_size):
        wanted = torch.from_numpy(np.array(labels[count.evaluated : count.evaluated + len(logits)])).long()
        correct = (logits.argmax(dim=1) == wanted) & logits.isfinite().all(dim=1)
        count = Count(count.correct + int(correct.sum()), count.evaluated + len(logits), count.dataset_size)
        reached(count)
    return count


def outputs(
    model: nn.Module,
    images: np.ndarray,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    deadline: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
    batch_size: int = BATCH_SIZE,
) -> Iterator[torch.Tensor]:
    """What ``model`` returns for each batch of ``images`` in order, as ``count_top1`` says; it ends at the deadline."""
    model = model.eval().to(memory_format=torch.channels_last)
    for first in range(0, len(images), batch_size):
        if clock() >= deadline:
            return
        with threads(processors()), torch.inference_mode():
            found = model(normalised(images[first : first + batch_size], mean, std))
        yield found


@contextmanager
def threads(most: int) -> Iterator[None]:
    """Let torch use at most this many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, most))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def normalised(images: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """``(n, c, h, w)`` uint8 images as normalised float32, in channels-last memory."""
    batch = torch.from_numpy(np.array(images)).to(memory_format=torch.channels_last).float().div_(255)
    means, deviations = (torch.tensor(values).view(1, -1, 1, 1) for values in (mean, std))
    return batch.sub_(means).div_(deviations)
