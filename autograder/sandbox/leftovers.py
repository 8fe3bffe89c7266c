"""Removing what a submission wrote, once all its processes are dead."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

WRITABLE_BY_ALL = ("/tmp", "/var/tmp", "/dev/shm")


def remove_tree(folder: Path) -> None:
    """Remove a folder that a submission filled, whatever its modes and however deep.

    ``shutil.rmtree`` recurses, and takes half a minute for a path of 1,500 folders; ``rm`` does neither.
    """
    for command in (["rm", "-rf"], ["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        if folder.exists():
            subprocess.run([*command, "--", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def remove_files_of(uid: int) -> None:
    """Remove what a fresh user left in the folders that everybody may write to."""
    for folder in WRITABLE_BY_ALL:
        with suppress(OSError):
            for entry in list(os.scandir(folder)):
                if entry.stat(follow_symlinks=False).st_uid != uid:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    remove_tree(Path(entry.path))
                else:
                    os.unlink(entry.path)
