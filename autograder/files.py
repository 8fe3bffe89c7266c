"""Writes a file that other users cannot read, in one step."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

TEAM, OWNER = 0o660, 0o600


def write_private(path: Path, text: str, mode: int = TEAM) -> None:
    """Replace ``path`` by a file with ``text`` that other users cannot read. Raises OSError.

    ``mode`` is OWNER, or TEAM: the owner's group may read it too, if the umask allows that.

    A reader sees the old or the new file, never a part. The part has a name that nobody can know, so nobody can have put a
    link there.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
