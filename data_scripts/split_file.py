"""Writes one split into one ``.npy`` file that is either whole under its name or not there, and can be interrupted.

While rows are written, ``train.npy.part`` holds them and ``train.npy.progress.json`` says which source they come from,
how many are there and their SHA-256. The next run hashes the part, and where all three agree it goes on after the last
of these rows. Rows are appended rather than written to a memory map: on a full disk a map ends the process (SIGBUS).
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from data_scripts.dataset import Rows
from data_scripts.errors import DataError, describe_os_error


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
    ``path`` of the same source is kept. Raises ``DataError`` where the disk is full, another process writes the same
    file or the source has another number of rows.
    """
    try:
        finished = _read_progress(path)
        if path.exists() and finished.source == source and finished.rows == shape[0]:
            sha256 = file_sha256(path)
            if sha256 == finished.sha256:
                return sha256
        with _locked(_part(path)) as file:
            sha256 = _append_rows(file, path, shape, source, chunks)
            file.flush()
            os.fsync(file.fileno())
            os.replace(_part(path), path)
    except OSError as error:
        raise describe_os_error(error, path) from error
    return sha256


def forget_progress(path: Path) -> None:
    """Remove the progress file of ``path``, once something else (the manifest) records that it is whole."""
    _progress_file(path).unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, content: object) -> None:
    """Write ``content`` as JSON so that ``path`` is the old file or the new one, never a piece."""
    part = _part(path)
    part.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(part, path)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _progress_file(path: Path) -> Path:
    return path.with_name(path.name + ".progress.json")


def _read_progress(path: Path) -> Progress:
    try:
        return Progress(**json.loads(_progress_file(path).read_text()))
    except (FileNotFoundError, ValueError, TypeError):  # never begun, or not a progress file: begin
        return Progress(source="", rows=0, sha256="")


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    """``part`` opened for appending, for this process alone. Raises ``DataError`` where another one holds it."""
    with open(part, "a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = os.path.samestat(os.fstat(file.fileno()), os.stat(part))
        except (BlockingIOError, FileNotFoundError):
            mine = False  # another process is writing, or finished and renamed the file since it was opened
        if not mine:
            raise DataError(
                f"{part}: another process is preparing this data set; wait until it is done, then run the command again"
            )
        yield file


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
            f"{path}: the source gave {done:,} images where {shape[0]:,} are expected; get the whole source"
        )
    return digest.hexdigest()


def _continue_from(
    file: BinaryIO, progress: Progress, source: str, header: bytes, shape: tuple[int, int]
) -> tuple[hashlib._Hash, int]:
    """Cut ``file`` to the rows that can be trusted; (their running digest, their number)."""
    length = len(header) + progress.rows * shape[1]
    if progress.source == source and progress.rows <= shape[0]:
        file.seek(0)
        digest = hashlib.sha256(file.read(length))
        if file.tell() == length and digest.hexdigest() == progress.sha256:
            file.truncate(length)
            return digest, progress.rows
    file.truncate(0)
    file.write(header)
    return hashlib.sha256(header), 0


def _npy_header(shape: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()
