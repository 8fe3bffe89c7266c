"""Finds samples that are copies of known images, most of them also if they are moved, smaller, blurred, brighter or noisy.

A copy is much closer to one known image than to any other, whatever was done to it. A sample of a model that has learned
is about as close to the second nearest as to the nearest. So the ratio of these two distances tells copies. Both are
distances of slightly blurred images of mean 0 and length 1, at the best of 25 shifts and three sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F

CHUNK = 2000
SHIFTS = range(-2, 3)  # pixels, in both directions
SIZES = (0.93, 1, 1.07)
COARSE = 4  # pixels: the side of the squares whose means find the candidates
CANDIDATES = 8  # known images that are compared at each shift and size
# A sample is a copy if the nearest known image is closer than RATIO times the second nearest, or closer than CLOSE, which
# finds copies of an image that is known twice. The smallest ratio of 1,024 samples of a VAE is 0.63, and of 4,000 real
# test images of MNIST, beside the training images, 0.55. Fashion-MNIST holds images that are nearly alike: 0.4% of its
# test images would be copies; a set of samples loses its points above 2% (MOST_COPIES).
RATIO, CLOSE = 0.45, 0.05


def copied(images: torch.Tensor, known: Sequence[np.ndarray]) -> torch.Tensor:
    """Which images are copies of known ones: (n,) bool.

    Args:
        images: (n, c, h, w) uint8.
        known: arrays (m, c, h, w) uint8, which may be views of memory maps; 2000 images are read at a time.
    """
    found = torch.cat([nearest(images, array) for array in known], dim=1).sort(dim=1).values
    return (found[:, 0] < CLOSE) | (found[:, 0] < RATIO * found[:, 1])


def nearest(images: torch.Tensor, known: np.ndarray) -> torch.Tensor:
    """The distances in [0, 2] to the two nearest of the known images, the nearest first: (n, 2), or (n, 1) for one.

    Only the ``CANDIDATES`` that resemble most at a low resolution are looked at closely.
    """
    moved = [_rows(F.avg_pool2d(image, COARSE)) for image in _moved(_blurred(images))]
    likeness, places = torch.empty(len(images), 0), torch.empty(len(images), 0, dtype=torch.int64)
    for start in range(0, len(known), CHUNK):
        rows = _rows(F.avg_pool2d(_read(known, slice(start, start + CHUNK)), COARSE))
        best = moved[0] @ rows.T
        for more in moved[1:]:
            torch.maximum(best, more @ rows.T, out=best)
        value, place = best.topk(min(CANDIDATES, len(rows)), dim=1)
        likeness, places = torch.cat([likeness, value], dim=1), torch.cat([places, place + start], dim=1)
        likeness, kept = likeness.topk(min(CANDIDATES, likeness.shape[1]), dim=1)
        places = places.gather(1, kept)
    close = torch.full(places.shape, -1.0)
    for start in range(0, len(images), CHUNK // CANDIDATES):
        part = slice(start, start + CHUNK // CANDIDATES)
        candidates = _rows(_read(known, places[part].flatten().numpy())).view(*places[part].shape, -1)
        for size in SIZES:
            for image in _moved(_resized(_blurred(images[part]), size)):
                torch.maximum(close[part], (candidates @ _rows(image)[:, :, None])[:, :, 0], out=close[part])
    return (2 - 2 * close).clamp(min=0).sqrt().sort(dim=1).values[:, :2]


def _read(known: np.ndarray, places: slice | np.ndarray) -> torch.Tensor:
    return _blurred(torch.from_numpy(np.array(known[places])))


def _blurred(images: torch.Tensor) -> torch.Tensor:
    """(n, c, h, w) in [0, 1], after a blur with weights 1, 2, 1 in both directions."""
    weights = torch.tensor([1.0, 2.0, 1.0]) / 4
    channels = images.shape[1]
    kernel = (weights[:, None] * weights).expand(channels, 1, 3, 3)
    return F.conv2d(images.float() / 255, kernel, padding=1, groups=channels)


def _resized(images: torch.Tensor, size: float) -> torch.Tensor:
    """The images, larger or smaller around their centre."""
    if size == 1:
        return images
    view = torch.tensor([[[1 / size, 0, 0], [0, 1 / size, 0]]]).expand(len(images), 2, 3)
    return F.grid_sample(images, F.affine_grid(view, list(images.shape), align_corners=False), align_corners=False)


def _moved(images: torch.Tensor) -> list[torch.Tensor]:
    """The images at each pair of shifts, with zeros where nothing is known."""
    border = max(SHIFTS)
    height, width = images.shape[2:]
    padded = F.pad(images, (border,) * 4)
    return [
        padded[:, :, border + down : border + down + height, border + right : border + right + width]
        for down, right in product(SHIFTS, repeat=2)
    ]


def _rows(images: torch.Tensor) -> torch.Tensor:
    """One row for each image, of mean 0 and length 1; zeros for an image of one colour."""
    rows = images.flatten(1)
    rows = rows - rows.mean(dim=1, keepdim=True)
    return rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-6)
