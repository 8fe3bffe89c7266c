"""Writes a file in one step, so that a reader sees the old or the new one, never a part."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

TEAM, OWNER = 0o660, 0o600


def write_private(path: Path, text: str, mode: int = TEAM) -> None:
    """Replace ``path`` by a file with ``text`` that other users cannot read. Raises OSError.

    ``mode`` is OWNER, or TEAM: the owner's group may read it too, if the umask allows that.

    The part has a name that nobody can know, so nobody can have put a link there.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_if_new(path: Path, content: bytes) -> Path:
    """Write a product unless its content is the same; in one step, because others may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_bytes() != content:
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_bytes(content)
        part.replace(path)
    return path
