"""Reads a submitted ``.npz`` file, inside the sandbox, into plain arrays with their names.

Nothing is unpickled, and sizes are read from the file's tables before memory is allocated.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from autograder.protocol import CODES, MAX_DIMENSIONS, MAX_NAME
from autograder.text import quoted

ENDING = ".npz"
MAX_ARRAYS = 200
MAX_BYTES = 200 * 2**20


class UnreadableCheckpoint(ValueError):
    """The file has no numbers that can be read safely; the text is a sentence for the student."""


def load(path: Path | str) -> Mapping[str, np.ndarray]:
    """All arrays of a file of ``numpy.savez`` or ``numpy.savez_compressed``, of numbers or truth values.

    Raises:
        UnreadableCheckpoint: the file is truncated, too large or no such file, or contains objects or text.
    """
    path = Path(path)
    shown = path.name[:100]
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            if len(records) > MAX_ARRAYS or sum(record.file_size for record in records) > MAX_BYTES:
                raise UnreadableCheckpoint(
                    f"{shown} unpacks to more than {MAX_ARRAYS} arrays or {MAX_BYTES // 2**20} MB; save the weights only."
                )
            if not records:
                raise UnreadableCheckpoint(f"{shown} has no arrays.")
            return {record.filename.removesuffix(".npy"): _array(archive, record, shown) for record in records}
    except (UnreadableCheckpoint, MemoryError):
        raise
    # A damaged file can raise almost any exception; for the student all of them mean the same.
    except Exception:
        raise UnreadableCheckpoint(f"{shown} is damaged, truncated or not written by numpy.savez.") from None


def _array(archive: zipfile.ZipFile, record: zipfile.ZipInfo, shown: str) -> np.ndarray:
    """One array, after its header is checked: it may declare more numbers than the file has bytes."""
    name = quoted(record.filename.removesuffix(".npy"), 60)
    with archive.open(record) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if dtype.hasobject:
            raise UnreadableCheckpoint(
                f"{shown}: {name} holds Python objects, which are not loaded; save plain arrays."
            )
        if dtype.newbyteorder("=") not in CODES or len(record.filename) > MAX_NAME or not record.filename.isprintable():
            raise UnreadableCheckpoint(f"{shown}: {name} is no array of plain numbers.")
        if len(shape) > MAX_DIMENSIONS or math.prod(shape) * dtype.itemsize > record.file_size:
            raise UnreadableCheckpoint(f"{shown}: {name} declares more numbers than the file holds.")
    with archive.open(record) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
