"""STL-10's official archive ``stl10_binary``: raw uint8 files, labelled and unlabelled (Coates, Ng and Lee 2011).

``<split>_X.bin`` holds images of 3 x 96 x 96 bytes, each plane column by column (https://cs.stanford.edu/~acoates/stl10):
this module swaps the last two axes. ``train_y.bin`` and ``test_y.bin`` hold the labels 1..10, one byte each; the
images of "unlabeled" have none and get ``UNLABELLED`` instead of a label.

Rows of train and test come in the order of ``shuffled``, as with the other archives. "unlabeled" keeps its own order: it is
2.8 GB, and the packed archive, which is read without being unpacked (3.1 GB less on the disk), can only be read from its
beginning to its end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from data_scripts.dataset import Dataset, Rows
from data_scripts.errors import DataError
from data_scripts.prepared import UNLABELLED
from data_scripts.sources import official
from data_scripts.sources.order import shuffled

FOLDER = "stl10_binary"
UNLABELLED_SPLIT = "unlabeled"
CHUNK = 500


def recognise(dataset: Dataset, path: Path) -> StlBinary | None:
    """The source where ``path`` is the archive, its folder, or a folder with one of them, else None."""
    place = official.find_archive(path, FOLDER, "train_X.bin", f"{FOLDER}.tar.gz")
    return StlBinary(dataset, place) if place else None


class StlBinary:
    """The files in ``place``, the unpacked folder or the packed archive."""

    generated = False

    def __init__(self, dataset: Dataset, place: Path) -> None:
        self.description = f"{dataset.title}, official archive"
        self.dataset = dataset
        self.place = place
        self.image_bytes = math.prod(dataset.image_shape)
        if place.is_dir():
            for split, count in dataset.counts.items():
                _require_size(place / f"{split}_X.bin", count * self.image_bytes)
                if split != UNLABELLED_SPLIT:
                    _require_size(place / f"{split}_y.bin", count)

    def fingerprint(self) -> str:
        """The MD5s that all files must have and, checked here, do have."""
        official.require_official(self.dataset, self.place)
        return official.fingerprint(self.dataset)

    def chunks(self, split: str, start: int) -> Iterator[Rows]:
        """``CHUNK`` rows at a time. Only train and test of a packed archive are held in memory (221 MB)."""
        return self._unlabelled(split, start) if split == UNLABELLED_SPLIT else self._labelled(split, start)

    def _unlabelled(self, split: str, start: int) -> Iterator[Rows]:
        count = self.dataset.counts[split]
        with official.open_file(self.dataset, self.place, f"{split}_X.bin") as file:
            _skip(file, start * self.image_bytes)
            for first in range(start, count, CHUNK):
                shape = (min(CHUNK, count - first), self.image_bytes)
                yield self._rows(self._read(file, f"{split}_X.bin", shape), UNLABELLED)

    def _labelled(self, split: str, start: int) -> Iterator[Rows]:
        count, classes = self.dataset.counts[split], len(self.dataset.classes)
        labels = self._array(f"{split}_y.bin", (count,))
        if labels.min() < 1 or labels.max() > classes:
            raise DataError(
                f"{self.place / split}_y.bin: holds labels from {labels.min()} to {labels.max()} where "
                f"{self.dataset.title} has 1 to {classes}; get the official file"
            )
        images = self._array(f"{split}_X.bin", (count, self.image_bytes))
        order = shuffled(split, count)
        for first in range(start, count, CHUNK):
            chosen = order[first : first + CHUNK]
            yield self._rows(images[chosen], labels[chosen] - 1)

    def _array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """A whole file: memory-mapped from the folder, in memory from the archive."""
        if self.place.is_dir():
            return np.memmap(self.place / name, np.uint8, "r", shape=shape)
        with official.open_file(self.dataset, self.place, name) as file:
            return self._read(file, name, shape)

    def _read(self, file: BinaryIO, name: str, shape: tuple[int, ...]) -> np.ndarray:
        content = file.read(math.prod(shape))
        if len(content) != math.prod(shape):
            raise DataError(f"{self.place / name}: shorter than in the official archive; download it again")
        return np.frombuffer(content, np.uint8).reshape(shape)

    def _rows(self, images: np.ndarray, labels: np.ndarray | int) -> Rows:
        """Rows of images (k, 3 * 96 * 96) as stored and their labels, counted from 0."""
        channels, height, width = self.dataset.image_shape
        rows = np.empty((len(images), self.dataset.row_bytes), np.uint8)
        rows[:, 0] = labels
        rows[:, 1:] = images.reshape(-1, channels, width, height).transpose(0, 1, 3, 2).reshape(len(images), -1)
        return rows


def _skip(file: BinaryIO, size: int) -> None:
    """Read over ``size`` bytes, in pieces, because a packed archive cannot be sought."""
    while size and (piece := file.read(min(size, 2**20))):
        size -= len(piece)


def _require_size(path: Path, size: int) -> None:
    if not path.is_file():
        raise DataError(f"{path}: missing, the archive is incomplete; unpack it again")
    if path.stat().st_size != size:
        raise DataError(f"{path}: {path.stat().st_size:,} bytes where {size:,} are expected; unpack the archive again")
