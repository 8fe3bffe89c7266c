"""Generated images in the format of a data set that a network can learn, for tests and demonstrations.

A class is a pair: one of five shapes, filled with one of two textures. In colour (as CIFAR-10), place, size, rotation,
phase and contrast vary freely; the shape's colour leans to a hue of the class, a quarter of the time it is any hue; the
background is a smooth field of other colours. So colour alone gives part of the answer (to a linear classifier), shape
and texture the whole. In grey (as MNIST), the shape stands bright and nearly upright in the middle of a black image,
as a digit does.

Image i of a split is the same whatever the number of images: images are drawn in blocks, each from a generator seeded
by split and block. NumPy guarantees the stream of ``RandomState`` for ever.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from data_scripts.dataset import Rows

SHAPES = ("disc", "square", "triangle", "ring", "cross")
TEXTURES = ("striped", "plain")
CLASSES = tuple(f"{texture} {shape}" for texture in TEXTURES for shape in SHAPES)
BLOCK = 100  # images drawn together; each class is in it equally often
VERSION = 1  # of the images: to be raised with every change of what is drawn


class Ranges(NamedTuple):
    """Between which values the place and size of a shape (pixels) and its rotation (radians) vary."""

    centre: tuple[float, float]
    radius: tuple[float, float]
    angle: tuple[float, float]


# Of an image 32 pixels wide; others in proportion.
COLOUR = Ranges(centre=(11, 20), radius=(8, 13), angle=(0, 2 * np.pi))
GREY = Ranges(centre=(14, 17), radius=(9, 13), angle=(-0.3, 0.3))


class Generated:
    """Source of generated images of ``image_shape`` (C, H, H), C 1 or 3; ``counts[split]`` of each split."""

    generated = True

    def __init__(self, counts: Mapping[str, int], image_shape: tuple[int, int, int] = (3, 32, 32)) -> None:
        self.counts = counts
        self.image_shape = image_shape
        kind = "coloured shapes, not photographs" if image_shape[0] == 3 else "grey shapes, not photographs"
        self.description = f"generated images ({kind})"

    def fingerprint(self) -> str:
        """The version of the images, their shape and how many there are."""
        return f"generated {VERSION} {self.image_shape} {dict(self.counts)}"

    def chunks(self, split: str, start: int) -> Iterator[Rows]:
        """Blocks of rows from row ``start`` on; the first and the last may be cut."""
        for block in range(start // BLOCK, -(-self.counts[split] // BLOCK)):
            first = block * BLOCK
            rows = draw_block(split, block, self.image_shape)
            yield rows[max(start - first, 0) : self.counts[split] - first]


def draw_block(split: str, block: int, image_shape: tuple[int, int, int] = (3, 32, 32)) -> Rows:
    """(BLOCK, 1 + C*H*H) uint8: rows ``block * BLOCK`` and following of ``split``."""
    channels, size, _ = image_shape
    random = np.random.RandomState([int.from_bytes(split.encode(), "big") % 2**32, block, VERSION])
    labels = random.permutation(np.arange(BLOCK) % len(CLASSES))
    image = _coloured(random, labels, size) if channels == 3 else _grey(random, labels, size)
    rows = np.empty((BLOCK, 1 + math.prod(image_shape)), np.uint8)
    rows[:, 0] = labels
    rows[:, 1:] = np.rint(np.clip(image, 0, 1) * 255).reshape(BLOCK, -1)
    return rows


def _coloured(random: np.random.RandomState, labels: np.ndarray, size: int) -> np.ndarray:
    """(BLOCK, 3, size, size) around 0..1: shapes in colour before a background, with a little noise."""
    mask, texture = _shapes(random, labels, size, COLOUR)
    colour = _rgb(_hues(random, labels), random.uniform(0.5, 1, BLOCK), random.uniform(0.6, 1, BLOCK))
    shape = colour[:, :, None, None] * texture[:, None]
    image = np.where(mask[:, None], shape, _background(random, size))
    return image + random.normal(0, 0.03, image.shape)


def _grey(random: np.random.RandomState, labels: np.ndarray, size: int) -> np.ndarray:
    """(BLOCK, 1, size, size) in 0..1: bright shapes on black."""
    mask, texture = _shapes(random, labels, size, GREY)
    return (mask * texture * random.uniform(0.7, 1, (BLOCK, 1, 1)))[:, None]


def _shapes(
    random: np.random.RandomState, labels: np.ndarray, size: int, ranges: Ranges
) -> tuple[np.ndarray, np.ndarray]:
    """(BLOCK, size, size) bool masks of the classes' shapes, and the brightness of their textures."""
    mask, u, v = _masks(random, labels % len(SHAPES), size, ranges)
    return mask, np.where((labels < len(SHAPES))[:, None, None], _stripes(random, u, v), 1.0)


def _masks(
    random: np.random.RandomState, shape: np.ndarray, size: int, ranges: Ranges
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(BLOCK, size, size) bool masks, and each pixel's coordinates u, v in its shape's own turned and scaled frame."""
    centre = random.uniform(*ranges.centre, (2, BLOCK, 1, 1)) * (size / 32)
    radius = random.uniform(*ranges.radius, (BLOCK, 1, 1)) * (size / 32)
    angle = random.uniform(*ranges.angle, (BLOCK, 1, 1))
    y, x = np.mgrid[:size, :size][:, None] - centre
    u = (np.cos(angle) * x + np.sin(angle) * y) / radius
    v = (np.cos(angle) * y - np.sin(angle) * x) / radius
    distance = np.hypot(u, v)
    masks = np.stack(
        [
            distance < 0.9,
            np.maximum(abs(u), abs(v)) < 0.8,
            (v > -0.6) & (v < 1.1 - 1.9 * abs(u)),
            (distance < 1) & (distance > 0.5),
            (np.minimum(abs(u), abs(v)) < 0.28) & (np.maximum(abs(u), abs(v)) < 1),
        ]
    )
    return masks[shape, np.arange(BLOCK)], u, v


def _stripes(random: np.random.RandomState, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """(BLOCK, size, size) brightness in 0.15..1: stripes three to five pixels wide in any direction."""
    angle = random.uniform(0, np.pi, (BLOCK, 1, 1))
    phase = random.uniform(0, 2 * np.pi, (BLOCK, 1, 1))
    waves = random.uniform(7, 9, (BLOCK, 1, 1))
    wave = np.sin(waves * (np.cos(angle) * u + np.sin(angle) * v) + phase)
    return np.where(wave > 0, 1.0, 0.15)


def _hues(random: np.random.RandomState, labels: np.ndarray) -> np.ndarray:
    """(BLOCK,) in 0..1: near the class's hue three times of four."""
    own = labels / len(CLASSES) + random.normal(0, 0.06, BLOCK)
    return np.where(random.uniform(size=BLOCK) < 0.75, own, random.uniform(size=BLOCK)) % 1


def _rgb(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """HSV to RGB, (k,) each to (k, 3), all in 0..1."""
    ramp = abs((hue[:, None] * 6 + np.array([0, 4, 2])) % 6 - 3) - 1
    return value[:, None] * (1 - saturation[:, None] * (1 - np.clip(ramp, 0, 1)))


def _background(random: np.random.RandomState, size: int) -> np.ndarray:
    """(BLOCK, 3, size, size) in 0..1: a 4x4 grid of muted colours, blended smoothly."""
    points = BLOCK * 4 * 4
    grid = _rgb(random.uniform(size=points), random.uniform(0, 0.6, points), random.uniform(0.1, 0.8, points))
    grid = grid.reshape(BLOCK, 4, 4, 3).transpose(0, 3, 1, 2)
    place = np.linspace(0, 3, size)
    weights = np.maximum(0, 1 - abs(place[:, None] - np.arange(4)))  # (size, 4) linear interpolation
    columns = np.einsum("ncij,xj->ncix", grid, weights)
    return np.einsum("yi,ncix->ncyx", weights, columns)
