"""Each image's class exactly as the plain network gives it, though most are found by a faster one that rounds more.

The two networks differ by rounding, so only an image whose two largest logits lie close together can get another class.
How close is measured: on images drawn by chance at first, and then on every image that both have seen. The plain network
decides the images in the order of that gap: ``CHECKED`` in any case, and on until the gap is ``SAFETY`` times the largest
difference ever seen in a logit. Ties, overflow and images unlike those drawn come first, as if they had no gap, and it
decides all images where the faster network would be of no help.

What is drawn bounds what stays unseen: weights made so that the two differ by more than rounding on k of N images, with a
clear gap there and nothing unusual in the maps, are found out with a chance of 1 - (1 - k/N)^128. On average no more than
N/350 classes can be gained so (29 of 10,000), and only by one who knows the images.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from autograder.engine.checkpoint import CLASSES
from autograder.engine.winograd import Winograd, fits

# Instead of a class: not known; logits that are not all finite, for an overflow to NaN would else count as some class.
UNDECIDED, OVERFLOW = -1, -2
# Rounding closes a gap by twice the largest difference of a logit at most; the rest is for images worse than those seen.
SAFETY = 256
# How many images are drawn. Of images that round like no others, 5 in 100 stay unseen in 128 with a chance of 0.0014.
DRAWN = 128
# The closest images are decided by the plain network in any case: what they show of rounding matters most.
CHECKED = 64
# How much larger than in all images drawn the values in an image's maps may be.
UNLIKE = 4
# While all weights and values are smaller than this, no sum of either network can overflow.
LARGEST = 1e15
# The share of images left to the plain network from which on the other is of no help.
TOO_MANY = 0.25

PLAIN_BATCH = 16
# Normalised images (n, 3, 32, 32) of these rows of a data set.
Pictures = Callable[[np.ndarray], torch.Tensor]


@dataclass(frozen=True)
class Shortcut:
    """The faster network, with the largest ``noise`` seen in a logit and the ``peaks`` that an image's maps may have."""

    network: Winograd
    noise: float
    peaks: torch.Tensor

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch; NaN for an image that is unlike those of which the noise is known."""
        logits, peaks = self.network(images)
        return logits.masked_fill(~(peaks <= self.peaks).all(dim=1, keepdim=True), math.nan)


@dataclass(frozen=True)
class Trial:
    """What came of the images drawn: processor seconds of both networks, and the share left to the plain one."""

    shortcut: Shortcut
    plain_seconds: float
    seconds: float
    unclear: float

    def worth_it(self) -> bool:
        """Whether the shortcut is one."""
        small = math.isfinite(self.shortcut.noise) and bool((self.shortcut.peaks < LARGEST).all())
        both = self.seconds + self.unclear * self.plain_seconds
        return small and both < self.plain_seconds and self.unclear < TOO_MANY


def find_shortcut(
    model: nn.Module, pictures: Pictures, total: int, batch: int | None, deadline: float = math.inf
) -> Shortcut | None:
    """A faster network for ``model``, if there is one that pays on ``total`` images, and memory for a ``batch`` of it.

    None as well where that is not known before ``deadline``.
    """
    if (
        total < 8 * DRAWN
        or batch is None
        or time.monotonic() >= deadline
        or not fits(model)
        or not small_weights(model)
    ):
        return None
    network = Winograd(model, batch)
    # Not always the same ones, so that nobody can know which they are.
    drawn = np.random.default_rng().choice(total, DRAWN, replace=False).reshape(-1, batch)
    trial = examine(model, network, [pictures(rows) for rows in drawn], deadline)
    return trial.shortcut if trial and network.largest < LARGEST and trial.worth_it() else None


def small_weights(model: nn.Module) -> bool:
    """Whether all weights and statistics are below ``LARGEST``, and no variance is negative.

    Of one close to minus epsilon the sum with epsilon depends on the precision in which it is taken.
    """
    state = model.state_dict()
    positive = all(bool((tensor >= 0).all()) for name, tensor in state.items() if name.endswith("running_var"))
    return positive and all(bool((tensor.abs() < LARGEST).all()) for tensor in state.values())


def examine(
    model: nn.Module, network: Winograd, batches: Sequence[torch.Tensor], deadline: float = math.inf
) -> Trial | None:
    """Try a network on batches of images, beside the plain one; None where ``deadline`` comes first."""
    times, plain, found, peaks = [], [], [], []
    for images in batches:
        start = time.thread_time()
        for some in images.split(PLAIN_BATCH):
            if time.monotonic() >= deadline:
                return None
            plain.append(model(some))
        between = time.thread_time()
        logits, largest = network(images)
        times.append((between - start, time.thread_time() - between))
        found.append(logits)
        peaks.append(largest)
    logits = torch.cat(found)
    noise = difference(torch.cat(plain), logits)
    shortcut = Shortcut(network, noise, UNLIKE * torch.cat(peaks).amax(dim=0))
    # The first batch pays for memory and for compiled loops.
    return Trial(shortcut, *map(min, zip(*times)), float((gaps(logits) <= SAFETY * noise).mean()))


def predict(
    model: nn.Module,
    pictures: Pictures,
    total: int,
    batch_size: int,
    shortcut: Shortcut | None = None,
    deadline: float = math.inf,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Classes (total,) as ``model`` gives them, ``OVERFLOW`` or, for what was not reached before ``deadline``, ``UNDECIDED``.

    ``progress`` is called with the number of images looked at, after every batch.
    """
    if shortcut:
        logits, noise, seen = take_shortcut(shortcut, pictures, total, deadline, progress), shortcut.noise, total
    else:
        logits, noise, seen = no_logits(total), 0.0, 0
    gap = gaps(logits)
    classes = np.where(gap > -np.inf, logits.argmax(dim=1).numpy(), UNDECIDED)
    order = gap.argsort(kind="stable")
    done = 0
    while done < total and time.monotonic() < deadline:
        rows = order[done : done + batch_size]
        if done >= CHECKED and gap[rows[0]] > SAFETY * noise:
            break
        plain = model(pictures(rows))
        classes[rows] = classes_of(plain)
        both = torch.from_numpy(gap[rows] > -np.inf)
        noise = max(noise, difference(plain[both], logits[rows][both]))
        done += len(rows)
        progress(max(seen, done))
    unclear = order[done:]
    classes[unclear[gap[unclear] <= SAFETY * noise]] = UNDECIDED
    return classes


def take_shortcut(
    shortcut: Shortcut, pictures: Pictures, total: int, deadline: float, progress: Callable[[int], None]
) -> torch.Tensor:
    """Logits (total, 10) by the shortcut; NaN where it does not hold or the time ran out."""
    batch = shortcut.network.batch
    logits = no_logits(total)
    for start in range(0, total, batch):
        if time.monotonic() >= deadline:
            break
        rows = np.arange(start, start + batch).clip(max=total - 1)  # the last one fills up the last batch
        logits[rows] = shortcut.logits(pictures(rows))
        progress(min(start + batch, total))
    return logits


def no_logits(total: int) -> torch.Tensor:
    """Logits (total, 10) that are not known."""
    return torch.full((total, CLASSES), math.nan)


def gaps(logits: torch.Tensor) -> np.ndarray:
    """(n,) how far the largest logit is above the second; -inf where they are not all finite."""
    first, second = logits.double().topk(2, dim=1).values.unbind(1)
    return torch.where(logits.isfinite().all(dim=1), first - second, -math.inf).numpy()


def classes_of(logits: torch.Tensor) -> np.ndarray:
    """(n,) the class of the largest logit, or ``OVERFLOW``."""
    return torch.where(logits.isfinite().all(dim=1), logits.argmax(dim=1), OVERFLOW).numpy()


def difference(plain: torch.Tensor, logits: torch.Tensor) -> float:
    """The largest difference of a logit; infinite where one is not a number."""
    largest = float((plain - logits).abs().max()) if len(plain) else 0.0
    return math.inf if math.isnan(largest) else largest
