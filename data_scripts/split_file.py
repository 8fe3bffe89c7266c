"""Writes one split into a ``.npy`` file that is either complete or does not exist; writing can be interrupted.

While rows are written, ``train.npy.part`` holds them and ``train.npy.progress.json`` holds their source,
their number and their SHA-256. The next run hashes the part; if all three agree, it continues after the last of these
rows. Rows are appended rather than written to a memory map: on a full disk a map ends the process (SIGBUS).
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from data_scripts.dataset import Rows
from data_scripts.errors import DataError, describe_os_error
from data_scripts.part_file import file_sha256, locked, part_of, write_json


@dataclass(frozen=True)
class Progress:
    """What the progress file says of a part: its source's fingerprint, its rows, the SHA-256 of header and rows."""

    source: str
    rows: int
    sha256: str


def write_split(
    path: Path,
    shape: tuple[int, int],
    source: str,
    chunks: Callable[[int], Iterator[Rows]],
) -> str:
    """Write the uint8 array of ``shape`` (rows, row bytes) that ``chunks`` yields to ``path``; returns its SHA-256.

    ``source`` is the fingerprint of where the rows come from; ``chunks(k)`` yields them from row k on. A finished
    ``path`` of the same source is kept. Raises ``DataError`` if the disk is full, another process writes the same
    file or the source has another number of rows.
    """
    try:
        finished = _read_progress(path)
        if path.exists() and finished.source == source and finished.rows == shape[0]:
            sha256 = file_sha256(path)
            if sha256 == finished.sha256:
                return sha256
        with locked(part_of(path)) as file:
            sha256 = _append_rows(file, path, shape, source, chunks)
            file.flush()
            os.fsync(file.fileno())
            os.replace(part_of(path), path)
    except OSError as error:
        raise describe_os_error(error, path) from error
    return sha256


def forget_progress(path: Path) -> None:
    """Remove the progress file of ``path``, once the manifest records that it is complete."""
    _progress_file(path).unlink(missing_ok=True)


def bytes_to_write(path: Path, shape: tuple[int, int]) -> int:
    """How many bytes ``write_split`` still has to write, without those that an interrupted run has written."""
    if path.exists() and _read_progress(path).rows == shape[0]:
        return 0
    part = part_of(path)
    return max(0, len(_npy_header(shape)) + math.prod(shape) - (part.stat().st_size if part.exists() else 0))


def _progress_file(path: Path) -> Path:
    return path.with_name(path.name + ".progress.json")


def _read_progress(path: Path) -> Progress:
    try:
        return Progress(**json.loads(_progress_file(path).read_text()))
    except (FileNotFoundError, ValueError, TypeError):  # never begun, or not a progress file: begin
        return Progress(source="", rows=0, sha256="")


def _append_rows(
    file: BinaryIO,
    path: Path,
    shape: tuple[int, int],
    source: str,
    chunks: Callable[[int], Iterator[Rows]],
) -> str:
    header = _npy_header(shape)
    digest, done = _continue_from(file, _read_progress(path), source, header, shape)
    for rows in chunks(done):
        content = np.ascontiguousarray(rows, np.uint8).tobytes()
        file.write(content)
        file.flush()
        digest.update(content)
        done += len(rows)
        write_json(_progress_file(path), asdict(Progress(source, done, digest.hexdigest())))
    if done != shape[0]:
        raise DataError(
            f"{path}: the source gave {done:,} images where {shape[0]:,} are expected; get a complete source"
        )
    return digest.hexdigest()


def _continue_from(
    file: BinaryIO, progress: Progress, source: str, header: bytes, shape: tuple[int, int]
) -> tuple[hashlib._Hash, int]:
    """Cut ``file`` to the rows that can be trusted; (their running digest, their number)."""
    length = len(header) + progress.rows * shape[1]
    if progress.source == source and progress.rows <= shape[0]:
        digest = _sha256_of_first(file, length)
        if file.tell() == length and digest.hexdigest() == progress.sha256:
            file.truncate(length)
            return digest, progress.rows
    file.truncate(0)
    file.write(header)
    return hashlib.sha256(header), 0


def _sha256_of_first(file: BinaryIO, length: int) -> hashlib._Hash:
    """The running digest of the first ``length`` bytes, read in pieces, because a split may be larger than the memory."""
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(min(2**20, length - file.tell())):
        digest.update(piece)
    return digest


def _npy_header(shape: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()
