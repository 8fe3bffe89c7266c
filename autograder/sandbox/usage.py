"""Measures the memory and disk use of a submission from outside, if no kernel limit covers all its processes."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from autograder.sandbox.layers import MB, Confinement
from autograder.sandbox.leftovers import WRITABLE_BY_ALL

MAX_DEPTH = 40
# The factor by which all processes together may seem to exceed the limit, because shared memory counts in each process.
SHARED = 16


def excess(confinement: Confinement, family: Callable[[], Iterable[psutil.Process]], inherited: int) -> str | None:
    """``"memory"`` or ``"disk"`` if a submission uses more of it than allowed, else None. ``family`` finds its processes.

    ``inherited`` bytes of each process may be preloaded libraries, which all processes share until they write to them.
    From outside this is not visible. So there are two limits: on the memory beyond ``inherited``, and, ``SHARED`` times
    larger, on all memory.
    """
    if "cgroup" not in confinement.active:
        used = [anonymous_memory(process.pid) for process in family()]
        limit = confinement.memory_mb * MB
        if sum(max(0, bytes_ - inherited) for bytes_ in used) > limit or sum(used) > SHARED * limit:
            return "memory"
    if "namespaces" not in confinement.active:
        limit = confinement.scratch_mb * MB, confinement.scratch_files
        folders = [confinement.scratch]
        if confinement.uid is not None and "landlock" not in confinement.active:
            folders += map(Path, WRITABLE_BY_ALL)
        if exceeds(folders, *limit, confinement.uid):
            return "disk"
    return None


def anonymous_memory(pid: int) -> int:
    """Bytes of a process that belong to no file, including pages shared with its parent; 0 if it has ended."""
    with suppress(OSError, ValueError), open(f"/proc/{pid}/statm", "rb") as file:
        _, resident, of_files, *_ = map(int, file.read().split())
        return (resident - of_files) * resource.getpagesize()
    return 0


def exceeds(folders: Iterable[Path], max_bytes: int, max_files: int, uid: int | None) -> bool:
    """Whether folders have more bytes or entries of a user than allowed, or are nested deeper than ``MAX_DEPTH``.

    Without ``uid`` the entries of all users count.
    """
    used, entries = 0, 0
    waiting = [(folder, 0) for folder in folders]
    while waiting:
        current, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return True
        with suppress(OSError), os.scandir(current) as listing:  # it may be deleted while it is read
            for entry in listing:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if uid is not None and status.st_uid != uid:
                        continue
                    used += status.st_blocks * 512
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append((Path(entry.path), depth + 1))
                entries += 1
                if used > max_bytes or entries > max_files:
                    return True
    return False
