"""What a submission uses of memory and disk, looked at from outside where no kernel limit covers all its processes."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from autograder.sandbox.layers import MB, Confinement

MAX_DEPTH = 40
# How much more than the limit all processes may seem to use because each is charged with what they share.
SHARED = 16


def excess(confinement: Confinement, family: Iterable[psutil.Process], inherited: int) -> str | None:
    """``"memory"`` or ``"disk"`` where a submission uses more of it than it may, else None.

    ``inherited`` bytes of each process may be the preloaded libraries, which all share until they write to them; from
    outside it cannot be seen whether they do. So what a process has beyond them counts, and all of it, many times over.
    """
    if "cgroup" not in confinement.active:
        used = [anonymous_memory(process.pid) for process in family]
        limit = confinement.memory_mb * MB
        if sum(max(0, bytes_ - inherited) for bytes_ in used) > limit or sum(used) > SHARED * limit:
            return "memory"
    if "namespaces" not in confinement.active:
        limit = confinement.scratch_mb * MB, confinement.scratch_files
        if exceeds(confinement.scratch, *limit):
            return "disk"
    return None


def anonymous_memory(pid: int) -> int:
    """Bytes of a process that are in no file, pages shared with its parent included; 0 for one that has ended."""
    with suppress(OSError, ValueError), open(f"/proc/{pid}/statm", "rb") as file:
        _, resident, of_files, *_ = map(int, file.read().split())
        return (resident - of_files) * resource.getpagesize()
    return 0


def exceeds(folder: Path, max_bytes: int, max_files: int) -> bool:
    """Whether a folder holds more bytes or entries than it may, or is nested deeper than anybody needs."""
    used, entries = 0, 0
    waiting = [(folder, 0)]
    while waiting:
        current, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return True
        with suppress(OSError), os.scandir(current) as listing:  # it may go while it is read
            for entry in listing:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    used += status.st_blocks * 512
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append((Path(entry.path), depth + 1))
                entries += 1
                if used > max_bytes or entries > max_files:
                    return True
    return False
