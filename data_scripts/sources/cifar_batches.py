"""CIFAR-10's official archive: the folder ``cifar-10-batches-py`` with its six pickled batches.

A pickle can run any code when it is loaded, so two locks stand before these files. Each file's MD5 is compared with
the one torchvision knows, on the very bytes that are then read: that proves the archive whole and official, and names
the damaged file otherwise. As MD5 can be forged, the bytes go to an unpickler that builds nothing but lists, dicts,
strings, numbers and uint8 arrays, by functions of this module alone.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data_scripts.dataset import Dataset, Rows
from data_scripts.errors import DataError
from data_scripts.sources.official import downloading

FOLDER = "cifar-10-batches-py"


def recognise(dataset: Dataset, path: Path) -> CifarBatches | None:
    """The source where ``path`` is ``cifar-10-batches-py`` or a folder that holds it, else None."""
    for folder in (path, path / FOLDER):
        if folder.is_dir() and (folder.name == FOLDER or (folder / "data_batch_1").exists()):
            return CifarBatches(dataset, folder)
    return None


def download(dataset: Dataset, root: Path) -> CifarBatches:
    """Fetch the official archive with torchvision (which checks its MD5) into ``root``, unless it is there already.

    ``root`` then is a root for ``torchvision.datasets.CIFAR10`` too. Raises ``DataError`` without network.
    """
    official = dataset.official()
    with downloading(official.url, root, f"unpack the archive elsewhere and give its folder {FOLDER} with --source"):
        official(root=root, train=False, download=True)
    return CifarBatches(dataset, root / FOLDER)


class CifarBatches:
    """The batches in ``folder``, rows in the archive's own order."""

    generated = False

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        official = dataset.official()
        self.description = f"{dataset.title}, official archive"
        self.dataset = dataset
        self.folder = folder
        self.files = {"train": official.train_list, "test": official.test_list}  # lists of [file name, MD5]
        for name, _ in (*self.files["train"], *self.files["test"]):
            if not (folder / name).is_file():
                raise DataError(f"{folder / name}: missing, the archive is incomplete; unpack it again")

    def fingerprint(self) -> str:
        """The MD5s that every file must have, so files with the same ones give the same rows."""
        return " ".join(md5 for files in self.files.values() for _, md5 in files)

    def chunks(self, split: str, start: int) -> Iterator[Rows]:
        """One chunk per batch file; the first one is cut where ``start`` falls inside it."""
        first = 0
        for name, md5 in self.files[split]:
            rows = self._rows(self.folder / name, md5)
            if first + len(rows) > start:
                yield rows[max(start - first, 0) :]
            first += len(rows)

    def _rows(self, path: Path, md5: str) -> Rows:
        content = path.read_bytes()
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            raise DataError(
                f"{path}: damaged or not the official file (wrong MD5); unpack or download the archive again"
            )
        try:
            batch = load_batch(content)
            images, labels = batch["data"].pixels, batch["labels"]
            rows = np.empty((len(labels), self.dataset.row_bytes), np.uint8)
            rows[:, 0] = labels
            rows[:, 1:] = images
        except (
            pickle.UnpicklingError,
            EOFError,
            KeyError,
            IndexError,
            TypeError,
            ValueError,
            OverflowError,
            AttributeError,
        ) as error:
            raise DataError(f"{path}: not a CIFAR batch ({error}); unpack or download the archive again") from error
        return rows


def load_batch(content: bytes) -> Any:
    """Unpickle a batch: a dict whose "data" holds (n, 3072) uint8 ``pixels`` and whose "labels" is a list of n ints.

    Raises ``pickle.UnpicklingError`` where the pickle names anything but an array's own parts.
    """
    return _BatchUnpickler(io.BytesIO(content), encoding="latin1").load()


class _Dtype:
    """Stands for ``numpy.dtype`` while unpickling; only uint8 is admitted."""

    def __init__(self, name: str, *flags: object) -> None:
        if name not in ("u1", "|u1"):
            raise pickle.UnpicklingError(f"an array of type {name!r} where uint8 is expected")

    def __setstate__(self, state: object) -> None:
        """Byte order and alignment mean nothing for uint8."""


class _Array:
    """A uint8 array as numpy pickles it, rebuilt without numpy's own unpickling code: ``pixels`` holds it."""

    pixels: np.ndarray

    def __setstate__(self, state: Any) -> None:
        _version, shape, dtype, fortran, raw = state
        if not isinstance(dtype, _Dtype):
            raise pickle.UnpicklingError("an array without a type")
        content = raw.encode("latin1") if isinstance(raw, str) else raw  # str: a byte string of Python 2
        self.pixels = np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran else "C")


def _reconstruct(_kind: object, _shape: object, _typecode: object) -> _Array:
    return _Array()


def _encode(text: str, _encoding: str) -> bytes:
    """Python 3 pickles bytes as ``_codecs.encode(text, "latin1")`` in the archive's protocol."""
    return text.encode("latin1")


_ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}


class _BatchUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR batch needs")
        return _ADMITTED[module, name]
