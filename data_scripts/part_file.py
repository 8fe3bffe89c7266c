"""Files that are complete or do not exist: until a file is complete, its content is in ``<name>.part``."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from data_scripts.errors import DataError


def part_of(path: Path) -> Path:
    """Where the content of ``path`` is until it is complete."""
    return path.with_name(path.name + ".part")


@contextmanager
def locked(part: Path) -> Iterator[BinaryIO]:
    """``part`` opened for appending, for this process alone; removed at the end if it is empty.

    Raises ``DataError`` if another process holds it.
    """
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
        try:
            yield file
        finally:
            with suppress(FileNotFoundError):  # it has its name
                found = os.stat(part)
                if not found.st_size and os.path.samestat(os.fstat(file.fileno()), found):
                    part.unlink()


def write_json(path: Path, content: object) -> None:
    """Write ``content`` as JSON so that ``path`` is the old file or the new one, never a piece."""
    write_bytes(path, (json.dumps(content, indent=2) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` so that ``path`` is the old file or the new one, never a piece."""
    part = part_of(path)
    part.write_bytes(content)
    os.replace(part, path)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_md5(path: Path) -> str:
    """MD5 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
