"""CIFAR-10's official archive: ``cifar-10-batches-py`` with its six pickled batches, packed or unpacked.

A pickle can run any code when it is loaded, so these files are protected twice. Each file's MD5 is compared with the one
torchvision knows, on the same bytes that are then read: it shows that the archive is complete and official, or which file
is damaged. Since MD5 can be forged, an unpickler then reads the bytes that builds only lists, dicts, strings, numbers and
uint8 arrays, with functions of this module.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data_scripts.dataset import Dataset, Rows
from data_scripts.download import md5_problem
from data_scripts.errors import DataError
from data_scripts.sources import official

FOLDER = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz"


def recognise(dataset: Dataset, path: Path) -> CifarBatches | None:
    """The source where ``path`` is the archive, its folder, or a folder with one of them, else None."""
    place = official.find_archive(path, FOLDER, "data_batch_1", ARCHIVE)
    return CifarBatches(dataset, place) if place else None


class CifarBatches:
    """The batches in ``place``, the unpacked folder or the packed archive, rows in the archive's own order."""

    generated = False

    def __init__(self, dataset: Dataset, place: Path) -> None:
        known = dataset.official()
        self.description = f"{dataset.title}, official archive"
        self.dataset = dataset
        self.place = place
        self.files = {"train": known.train_list, "test": known.test_list}  # lists of [file name, MD5]
        for name, _ in (*self.files["train"], *self.files["test"]):
            if place.is_dir() and not (place / name).is_file():
                raise DataError(f"{place / name}: missing, the archive is incomplete; unpack it again")

    def fingerprint(self) -> str:
        """The MD5s that every file must have, so files with the same ones give the same rows."""
        if self.place.is_file():
            official.require_official(self.dataset, self.place)  # of a folder, each file is checked as it is read
        return official.fingerprint(self.dataset)

    def chunks(self, split: str, start: int) -> Iterator[Rows]:
        """One chunk per batch file; the first one is cut where ``start`` falls inside it."""
        first = 0
        for name, md5 in self.files[split]:
            rows = self._rows(name, md5)
            if first + len(rows) > start:
                yield rows[max(start - first, 0) :]
            first += len(rows)

    def _rows(self, name: str, md5: str) -> Rows:
        path = self.place / name
        with official.open_file(self.dataset, self.place, name) as file:
            content = file.read()
        if problem := md5_problem(content, md5):
            raise DataError(f"{path}: {problem}; unpack or download the archive again")
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

    Raises ``pickle.UnpicklingError`` if the pickle names anything but the parts of an array.
    """
    return _BatchUnpickler(io.BytesIO(content), encoding="latin1").load()


class _Dtype:
    """Stands for ``numpy.dtype`` while unpickling; only uint8 is admitted."""

    def __init__(self, name: str, *flags: object) -> None:
        if name not in ("u1", "|u1"):
            raise pickle.UnpicklingError(f"an array of type {name!r}, expected uint8")

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
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no CIFAR batch needs")
        return _ADMITTED[module, name]
