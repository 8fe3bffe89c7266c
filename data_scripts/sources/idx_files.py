"""MNIST's layout, Fashion-MNIST's too: four IDX files, as they come (``.gz``) or unpacked.

An IDX file is a big-endian header and raw values: two zero bytes, the type (8 is uint8), the number of dimensions and
each dimension as a uint32 (http://yann.lecun.com/exdb/mnist/). Copies differ in order (sorted by class or not) and in
compression, so no checksum is compared; header, length, labels and gzip's own CRC are checked.

The files are also found under the usual other names: ``train-images.idx3-ubyte``, each in a folder of its own name, with
``test`` for ``t10k``, or with the ``(1)`` of a second download.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_scripts.dataset import Dataset, Rows
from data_scripts.download import Remote
from data_scripts.errors import DataError
from data_scripts.part_file import file_sha256
from data_scripts.sources.order import shuffled

FOLDERS = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}  # torchvision keeps the files in <root>/MNIST/raw
PREFIXES = {"train": "train", "test": "t10k"}
OTHER_PREFIXES = {"t10k": "test"}
# Other formats in which MNIST goes round, by the beginnings or ends of names.
OTHER_FORMATS = ("mnist.npz", "mnist.pkl.gz", "mnist.pkl", "mnist.mat", "mnist-original.mat", "mnist_train.csv",
                 "mnist_test.csv", "mnist_784.csv", "*.parquet", "*.arff")  # fmt: skip
SECOND_DOWNLOAD = re.compile(r"\s*\(\d+\)")
UINT8 = 8
CHUNK = 5000


def recognise(dataset: Dataset, path: Path) -> IdxFiles | None:
    """The source where ``path`` holds IDX files, itself, in ``raw`` or in torchvision's ``MNIST/raw``, or is one; or None."""
    keys = {key for split in PREFIXES for name in _names(split) for key in _keys(name)}
    if path.is_file() and _key(path.name) in keys:
        path = path.parent
    for folder in (path / FOLDERS[dataset.name] / "raw", path / "raw", path):
        if any(_file(folder, name) for split in PREFIXES for name in _names(split)):
            _check_name(dataset, folder)
            return IdxFiles(dataset, folder)
    if path.is_dir() and (other := next((f for kind in OTHER_FORMATS for f in sorted(path.glob(kind))), None)):
        raise DataError(
            f"{other}: this format is not read; get the four IDX files ({', '.join(_names('train'))} and those of t10k), or "
            f"leave --source out to download them"
        )
    return None


def remote(dataset: Dataset, root: Path) -> tuple[Remote, ...]:
    """The four packed files, where torchvision's class, with ``download=True``, finds and only unpacks them."""
    official = dataset.official()
    folder = root / FOLDERS[dataset.name] / "raw"
    return tuple(
        Remote(folder / name, tuple(mirror + name for mirror in official.mirrors), md5)
        for name, md5 in official.resources
    )


class IdxFiles:
    """The four files in ``folder``, rows in the order of ``shuffled``."""

    generated = False

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        self.description = f"{dataset.title}, IDX files"
        self.dataset = dataset
        self.files = {split: [_existing(folder, name) for name in _names(split)] for split in dataset.counts}

    def fingerprint(self) -> str:
        """The SHA-256 of each file."""
        return " ".join(file_sha256(path) for paths in self.files.values() for path in paths)

    def chunks(self, split: str, start: int) -> Iterator[Rows]:
        """``CHUNK`` rows at a time; the split's images are held in memory (47 MB for the 60,000 of MNIST)."""
        count = self.dataset.counts[split]
        images_file, labels_file = self.files[split]
        labels = read_idx(labels_file, (count,))
        if labels.max() >= len(self.dataset.classes):
            raise DataError(
                f"{labels_file}: holds the label {labels.max()} where {self.dataset.title} has 0 to "
                f"{len(self.dataset.classes) - 1}; get this file again"
            )
        images = read_idx(images_file, (count, *self.dataset.image_shape[1:])).reshape(count, -1)
        order = shuffled(split, count)
        for first in range(start, count, CHUNK):
            chosen = order[first : first + CHUNK]
            yield np.concatenate([labels[chosen, None], images[chosen]], axis=1)


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The uint8 array of ``shape`` in an IDX file. Raises ``DataError`` if the file holds anything else."""
    header = bytes([0, 0, UINT8, len(shape)]) + np.array(shape, ">u4").tobytes()
    length = len(header) + math.prod(shape)
    content = _read(path, length + 1)  # one byte more than allowed shows that a file is longer, without reading it all
    if content[:4] != header[:4]:
        raise DataError(
            f"{path}: begins with the bytes {content[:4].hex(' ')!r} where an IDX file of this kind begins with "
            f"{header[:4].hex(' ')!r}; get the official file"
        )
    if len(content) < len(header):
        raise DataError(f"{path}: ends inside its header; get this file again")
    if content[: len(header)] != header:
        raise DataError(
            f"{path}: holds an array of shape {tuple(np.frombuffer(content[4 : len(header)], '>u4').tolist())} where "
            f"{shape} is expected; get the official file"
        )
    if len(content) != length:
        problem = "longer" if len(content) > length else "shorter"
        raise DataError(f"{path}: {problem} than its header says; get this file again")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)


def _read(path: Path, limit: int) -> bytes:
    """At most ``limit`` bytes of a file, unpacked."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            return file.read(limit)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: damaged or incomplete ({error}); get this file again") from error


def _names(split: str) -> tuple[str, str]:
    """File names of a split's images and labels."""
    return f"{PREFIXES[split]}-images-idx3-ubyte", f"{PREFIXES[split]}-labels-idx1-ubyte"


def _file(folder: Path, name: str) -> Path | None:
    """The file, packed or not. The packed one comes first: it has a CRC, and unpacking may have been interrupted.

    The official name comes before others, which are those with one of its ``_keys``; a folder of such a name is looked into.
    """
    official = next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)
    if official is not None or not folder.is_dir():
        return official
    alike = [path for path in sorted(folder.iterdir()) if _key(path.name) in _keys(name)]
    inside = [
        path for place in alike if place.is_dir() for path in sorted(place.iterdir()) if _key(path.name) in _keys(name)
    ]
    found = [path for path in (*alike, *inside) if path.is_file()]
    return min(found, key=lambda path: path.suffix != ".gz", default=None)


def _key(name: str) -> str:
    """What the usual spellings of a file name have in common: its letters and digits."""
    name = SECOND_DOWNLOAD.sub("", name.lower()).removesuffix(".gz")
    return re.sub(r"[^a-z0-9]", "", name)


def _keys(name: str) -> set[str]:
    """The keys of a file by its official name."""
    prefix = name.partition("-")[0]
    return {_key(name), _key(name.replace(prefix, OTHER_PREFIXES.get(prefix, prefix), 1))}


def _existing(folder: Path, name: str) -> Path:
    path = _file(folder, name)
    if path is None:
        raise DataError(f"{folder / name}.gz: missing; get all four files")
    return path


def _check_name(dataset: Dataset, folder: Path) -> None:
    """Raise ``DataError`` if the folder has the name of the other data set, whose files have the same names."""
    holder = folder.absolute().parent if folder.name == "raw" else folder.absolute()
    for name, title in FOLDERS.items():
        if name != dataset.name and holder.name.lower().replace("-", "").replace("_", "") == title.lower():
            raise DataError(
                f"{folder}: the name says {title}, not {dataset.title}; give another --source or run "
                f"python -m data_scripts {name}"
            )
