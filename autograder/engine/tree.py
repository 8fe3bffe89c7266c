"""Lists the files of a folder that a student made: within bounds, and without following links."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from autograder.text import file_name

# Tools write these, not students. A notebook checkpoint would look like a second notebook.
IGNORED = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", ".ipynb_checkpoints", "__pycache__", ".git", ".venv"})
# macOS writes a second file beside each file on a foreign disk and in zip files: ._simclr.ipynb beside simclr.ipynb.
APPLE_DOUBLE = "._"

# Bounds on what is looked at. Nobody hands in more, and programs that walk a tree recursively, or by long paths, fail
# at about 1,000 levels and 4,096 bytes.
MOST_LEVELS = 50
MOST_PATH_BYTES = 1024
MOST_ENTRIES = 20_000


def walk(
    folder: Path,
    remarks: list[str],
    levels: int = MOST_LEVELS,
    most: int = MOST_ENTRIES,
    failed: Callable[[OSError], None] = lambda error: None,
) -> Iterator[tuple[Path, str, os.stat_result]]:
    """Path, name in the folder and status of everything under ``folder`` that is not a folder.

    The files of a folder come before its folders, both in the order of their names. What is passed over because it
    cannot be read or is out of bounds gets a sentence in ``remarks``; what is ignored gets none. ``failed`` is called
    with what kept a folder or file from being read, before its sentence.
    """
    waiting, seen = [""], 0
    while waiting and seen <= most:
        prefix = waiting.pop()
        found: list[tuple[str, os.stat_result]] = []
        try:
            with _opened(folder, prefix, os.O_DIRECTORY) as descriptor, os.scandir(descriptor) as listing:
                for child in listing:
                    seen += 1
                    if seen > most:
                        remarks.append(f"There are more than {most:,} files; the rest were ignored.")
                        break
                    if not ignored(child.name) and (status := _status(child, prefix + child.name, remarks, failed)):
                        found.append((child.name, status))
        except OSError as error:
            failed(error)
            remarks.append(f"{shown(prefix or folder)} was left out: {error.strerror}.")
        folders = []
        for name, status in sorted(found, key=lambda pair: pair[0]):
            if reason := out_of_bounds(prefix + name, levels):
                remarks.append(f"{shown(prefix + name)} was left out: {reason}.")
            elif stat.S_ISDIR(status.st_mode):
                folders.append(f"{prefix}{name}/")
            else:
                yield folder / prefix / name, prefix + name, status
        waiting += reversed(folders)


def _status(
    child: os.DirEntry, name: str, remarks: list[str], failed: Callable[[OSError], None]
) -> os.stat_result | None:
    try:
        return child.stat(follow_symlinks=False)
    except OSError as error:  # for example, removed since it was listed
        failed(error)
        remarks.append(f"{shown(name)} was left out: {error.strerror}.")
        return None


def ignored(name: str) -> bool:
    """Whether a tool wrote the file or folder of this name, not a student."""
    return name in IGNORED or name.startswith(APPLE_DOUBLE)


def out_of_bounds(name: str, levels: int = MOST_LEVELS) -> str | None:
    """Why a path within a submission is too deep or too long; None if it is neither."""
    if name.count("/") >= levels:
        return f"it lies more than {levels} levels deep"
    if len(name.encode(errors="replace")) > MOST_PATH_BYTES:
        return f"its path is longer than {MOST_PATH_BYTES:,} bytes"
    return None


def open_regular(path: Path, inside: str = "") -> IO[bytes]:
    """Open a regular file for reading. Refuses a link or FIFO that has replaced it, without waiting for it.

    With ``inside``, ``path`` is a folder and ``inside`` the name of the file in it, as ``walk`` gives it. Then no folder
    on the way may be a link either: in a folder that a student can still write to, one could have taken its place.

    Raises:
        OSError: it cannot be read, or it is not a regular file.
    """
    with _opened(path, inside, os.O_NONBLOCK) as descriptor:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        return os.fdopen(os.dup(descriptor), "rb")


@contextmanager
def _opened(path: Path, inside: str, flags: int) -> Iterator[int]:
    """A descriptor of ``path``, or of what lies at ``inside`` in it, opened part by part. No part may be a link."""
    flags |= os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    parts = [part for part in inside.split("/") if part]
    descriptor = os.open(path, flags | (os.O_DIRECTORY if parts else 0))
    try:
        for left, part in enumerate(parts, 1 - len(parts)):
            further = os.open(part, flags | (os.O_DIRECTORY if left else 0), dir_fd=descriptor)
            os.close(descriptor)
            descriptor = further
        yield descriptor
    finally:
        os.close(descriptor)


def file_kind(mode: int) -> str:
    """What a file is that is not a regular file: ``"a link"``, ``"a named pipe"``, …"""
    kinds = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def shown(path: object) -> str:
    """A student's path for a sentence, see ``file_name``."""
    return file_name(str(path))
