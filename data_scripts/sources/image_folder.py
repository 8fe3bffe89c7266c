"""Images in a folder or a zip: ``train/<class>/<name>.jpg|png`` and ``test/<class>/...``, at any depth.

The rows come in a fixed shuffled order: images are sorted by the SHA-256 of ``<split>/<class>/<name>``. It depends on
nothing else (no library, seed or platform; folder and zip give the same order), and because the classes are
mixed evenly, the first rows of a split are a fair sample of it.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from data_scripts.dataset import Dataset, Rows
from data_scripts.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png")
CHUNK = 500
MAX_FILE_BYTES = 16 * 2**20  # of one image; a zip may declare any size


def recognise(dataset: Dataset, path: Path) -> ImageFolder | None:
    """The source where ``path`` is a folder with ``train`` (itself or one level down) or a zip, else None."""
    if path.is_dir():
        bases = [folder for folder in (path, *sorted(path.iterdir())) if (folder / "train").is_dir()]
        return ImageFolder(dataset, FolderTree(bases[0])) if bases else None
    if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        return ImageFolder(dataset, ZipTree(path))
    return None


class FolderTree:
    """The files of a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def sizes(self) -> dict[str, str]:
        """Relative path of each file -> what changes when the file is replaced."""
        found = {}
        for folder, _, names in os.walk(self.path):
            for name in names:
                file = Path(folder, name)
                stat = file.stat()
                found[file.relative_to(self.path).as_posix()] = f"{stat.st_size} {stat.st_mtime_ns}"
        return found

    def read(self, name: str) -> bytes:
        """The content of one file."""
        with open(self.path / name, "rb") as file:
            return file.read(MAX_FILE_BYTES)


class ZipTree:
    """The files of a zip, read in place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise DataError(f"{path}: not a complete zip file ({error}); copy or download it again") from error

    def sizes(self) -> dict[str, str]:
        """Path of each file inside the zip -> what changes when the file is replaced."""
        return {info.filename: f"{info.file_size} {info.CRC}" for info in self.archive.infolist() if not info.is_dir()}

    def read(self, name: str) -> bytes:
        """The content of one file."""
        with self.archive.open(name) as file:
            return file.read(MAX_FILE_BYTES)


Tree = FolderTree | ZipTree


class ImageFolder:
    """The images of ``tree``."""

    generated = False

    def __init__(self, dataset: Dataset, tree: Tree) -> None:
        self.dataset = dataset
        self.tree = tree
        self.sizes = tree.sizes()
        kinds = {"PNG" if name.lower().endswith(".png") else "JPEG" for name in self.sizes if _is_image(name)}
        self.description = f"{dataset.title}, {' and '.join(sorted(kinds))} copy"

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """The images of each split, in order. Raises ``DataError`` if a class or an image is missing."""
        names = {split: [name for name in self.sizes if _is_image(name, split)] for split in self.dataset.counts}
        for split in names:
            _check_complete(self.dataset, self.tree.path, split, names[split])
            names[split].sort(key=_place)
        return names

    def fingerprint(self) -> str:
        """A hash over the images' names and sizes, with the CRC (zip) or the time of change (folder) of each."""
        lines = (f"{name} {self.sizes[name]}\n" for names in self.names.values() for name in names)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def chunks(self, split: str, start: int) -> Iterator[Rows]:
        """Decoded rows, ``CHUNK`` at a time.

        One process decodes: images this small keep Python's lock, so threads were no faster (0.95x), and two worker
        processes spent on starting and on reading the zip's index what they saved.
        """
        names = self.names[split]
        for first in range(start, len(names), CHUNK):
            yield self._decode(names[first : first + CHUNK])

    def _decode(self, names: list[str]) -> Rows:
        rows = np.empty((len(names), self.dataset.row_bytes), np.uint8)
        for row, name in zip(rows, names, strict=True):
            row[0] = self.dataset.classes.index(name.split("/")[-2])
            row[1:] = _pixels(self.tree, name, self.dataset.image_shape).ravel()
        return rows


def _is_image(path: str, split: str = "") -> bool:
    """Whether ``path`` is an image of ``split`` (of any, where that is empty): ``.../<split>/<class>/<name>``."""
    if not path.lower().endswith(SUFFIXES):
        return False
    parts = path.split("/")
    # macOS puts hidden copies of every file into its zips.
    hidden = path.startswith(("._", "__MACOSX/")) or "/." in path
    return len(parts) >= 3 and split in ("", parts[-3]) and not hidden


def _place(path: str) -> bytes:
    """What images are sorted by: the SHA-256 of ``<split>/<class>/<name>``."""
    return hashlib.sha256("/".join(path.split("/")[-3:]).encode()).digest()


def _check_complete(dataset: Dataset, path: Path, split: str, names: list[str]) -> None:
    per_class = Counter(name.split("/")[-2] for name in names)
    for name in dataset.classes:
        if not per_class[name]:
            raise DataError(
                f"{path}: no images in {split}/{name}; {dataset.title} has {len(dataset.classes)} classes, "
                "get a complete copy"
            )
    strangers = sorted(set(per_class) - set(dataset.classes))
    if strangers:
        raise DataError(
            f"{path}: {split}/{strangers[0]} is not a class of {dataset.title}; remove it or give another --source"
        )
    if len(names) != dataset.counts[split]:
        fewest = min(dataset.classes, key=per_class.__getitem__)
        raise DataError(
            f"{path}: {len(names):,} {split} images where {dataset.title} has {dataset.counts[split]:,} "
            f"(fewest in {split}/{fewest}: {per_class[fewest]:,}); get a complete copy"
        )


# What Pillow and zipfile raise for damaged images.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    RuntimeError,
    Image.DecompressionBombError,
    zipfile.BadZipFile,
    zlib.error,
)


def _pixels(tree: Tree, name: str, image_shape: tuple[int, int, int]) -> np.ndarray:
    """(C, H, W) uint8. Raises ``DataError`` with the image's name if it is unreadable or not of ``image_shape``."""
    channels, height, width = image_shape
    try:
        with Image.open(io.BytesIO(tree.read(name)), formats=("JPEG", "PNG")) as image:
            size = image.size  # from the header, so an image of a wrong size is never decoded
            if size == (width, height):
                pixels = np.asarray(image.convert("RGB" if channels == 3 else "L"))
    except UNREADABLE as error:
        reason = str(error).partition("<")[0] or type(error).__name__  # Pillow appends "<_io.BytesIO object at ...>"
        raise DataError(f"{tree.path}: cannot read the image {name} ({reason.strip()}); get this file again") from error
    if size != (width, height):
        raise DataError(
            f"{tree.path}: {name} has {size[0]}x{size[1]} pixels where {width}x{height} are expected; give "
            "the images in their original size"
        )
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)
