"""Draws samples from a noise-predicting network in few steps, with a fixed seed. Song et al. (2021)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from autograder.given.unet import UNet

SEED = 20_201_006
# The most numbers in all arrays of one evaluation (about 100 MB), and the most multiplications (a few seconds).
MOST_NUMBERS = 25_000_000
MOST_WORK = 100_000_000_000
ARRAYS = 8  # of each level's size, in memory at the same time
LARGEST_BATCH = 32


class NotFinite(ArithmeticError):
    """The network's output contains NaN or infinity."""


@dataclass(frozen=True)
class Drawn:
    """Images (n, c, h, w) in [-1, 1], after ``steps`` of ``wanted`` evaluations of the network (one per batch and step).

    ``images`` contains only those that were finished before the time ran out.
    """

    images: torch.Tensor
    steps: int
    wanted: int

    @property
    def finished(self) -> bool:
        return self.steps == self.wanted


def linear_alpha_bar(steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> torch.Tensor:
    """The linear schedule of Ho et al. (2020): ᾱ (steps,) float32."""
    beta = torch.linspace(first, last, steps, dtype=torch.float64)
    return (1 - beta).cumprod(dim=0).float()


def strided(length: int, steps: int) -> list[int]:
    """``steps`` evenly spaced steps from ``length - 1`` down to 0, both included; all steps if there are fewer."""
    if min(steps, length) == 1:
        return [length - 1]
    return torch.linspace(length - 1, 0, min(steps, length), dtype=torch.float64).round().long().tolist()


def draw(
    model: UNet,
    alpha_bar: torch.Tensor,
    shape: tuple[int, int, int, int],
    steps: int,
    *,
    deadline: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
    progress: Callable[[int], None] = lambda done: None,
) -> Drawn:
    """Draw samples of ``shape`` (n, c, h, w) from noise with a fixed seed.

    ``deadline`` is a time of ``clock`` after which the network is not evaluated again; ``progress`` gets the number of
    finished images.

    Raises:
        NotFinite: the network's output contains NaN or infinity, which clipping would hide.
    """
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(SEED))
    times = strided(len(alpha_bar), steps)
    batches = noise.split(batch_size(model, shape))
    finished, done = [], 0
    with torch.inference_mode():
        for x in batches:
            for t, before in zip(times, [*times[1:], None]):
                if clock() >= deadline:
                    return Drawn(torch.cat([noise[:0], *finished]), done, len(times) * len(batches))
                x = step(model, x, t, before, alpha_bar)
                done += 1
            finished.append(x)
            progress(sum(map(len, finished)))
    return Drawn(torch.cat(finished), done, done)


def step(model: UNet, x: torch.Tensor, t: int, before: int | None, alpha_bar: torch.Tensor) -> torch.Tensor:
    """x at step ``before`` from x at step ``t`` (both 0-based); for None, the final image. Eq. 12 with eta = 0.

    The predicted image is clipped to [-1, 1]; the predicted noise is used unchanged. With the noise recomputed from the
    clipped image, a good network gives the same quality, but a poor network gives noise.
    """
    here = alpha_bar[t].double().item()
    there = 1.0 if before is None else alpha_bar[before].double().item()
    noise = model(x, torch.full((len(x),), t, dtype=torch.int64))
    if not noise.isfinite().all():
        raise NotFinite
    x_0 = ((x - math.sqrt(1 - here) * noise) / math.sqrt(here)).clamp(-1, 1)
    return math.sqrt(there) * x_0 + math.sqrt(1 - there) * noise


def batch_size(model: UNet, shape: tuple[int, int, int, int]) -> int:
    """The number of images per batch that keeps the memory and time of one evaluation small for any widths."""
    pixels = math.prod(shape[2:])
    numbers = sum(width * pixels / 4**level for level, width in enumerate(model.widths)) * ARRAYS
    work = sum(weight.numel() for weight in model.parameters()) * pixels
    return max(1, min(LARGEST_BATCH, shape[0], int(MOST_NUMBERS / numbers), int(MOST_WORK / max(1, work))))
