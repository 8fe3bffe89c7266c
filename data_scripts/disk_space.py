"""Checks that the disk has enough space before the first byte is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from tqdm import tqdm

from data_scripts.errors import DataError


def require_space(folder: Path, needed: int) -> None:
    """Raise ``DataError`` if fewer than ``needed`` bytes are free in ``folder``, which need not exist yet."""
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise DataError(
            f"{folder}: {human(needed)} more are needed here and {human(free)} are free; free some space or choose "
            "another --out, then run the same command again"
        )


def human(size: int) -> str:
    """A number of bytes for people: '2.64 GB'."""
    number = tqdm.format_sizeof(size)
    return f"{number} B" if number[-1].isdigit() else f"{number[:-1]} {number[-1]}B"
