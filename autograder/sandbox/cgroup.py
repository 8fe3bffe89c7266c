"""A control group (cgroup) for each session, which limits the memory of all its processes together.

Both versions of the kernel's interface work if the grader may create groups below its own. In version 2 this is possible
only at the root of the hierarchy: elsewhere, a group with processes cannot pass its controllers on.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
OWN_GROUPS = Path("/proc/self/cgroup")
# Version of the interface: the files that limit memory, then swap. The second is missing on a machine without swap.
LIMITS = {1: ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"), 2: ("memory.max", "memory.swap.max")}


@dataclass(frozen=True)
class Hierarchy:
    """The grader's own group in the hierarchy with the memory controller."""

    version: int
    own: Path

    def make(self, memory_bytes: int) -> Path:
        """Create a group below the grader's own. Its processes together may use ``memory_bytes``. Raises OSError.

        No name is used twice, since a parent that was killed leaves its group behind, and numbers of processes come again.
        """
        if self.version == 2:
            (self.own / "cgroup.subtree_control").write_text("+memory")
        group = Path(tempfile.mkdtemp(prefix="autograder-", dir=self.own))
        try:
            memory, swap = LIMITS[self.version]
            (group / memory).write_text(str(memory_bytes))
            with suppress(OSError):
                (group / swap).write_text(str(memory_bytes) if self.version == 1 else "0")
        except OSError:
            group.rmdir()
            raise
        return group


def join(group: Path) -> None:
    """Move this process into a group."""
    (group / "cgroup.procs").write_text("0")


def remove(group: Path) -> None:
    """Remove a group whose processes are dead. If a process is still dying, the empty group remains, which is harmless."""
    with suppress(OSError):
        group.rmdir()


@cache
def missing() -> str | None:
    """Why no group can be created on this machine; None if it can."""
    hierarchy = find()
    if hierarchy is None:
        return "no cgroup with a memory controller is mounted"
    try:
        group = hierarchy.make(1 << 30)
    except OSError as error:
        return f"no cgroup can be created below the grader's own: {error.strerror}"
    remove(group)
    return None


@cache
def find() -> Hierarchy | None:
    """The hierarchy with the memory controller; None if it is not mounted."""
    try:
        mounts, groups = MOUNTS.read_text(), OWN_GROUPS.read_text()
    except OSError:
        return None
    return find_in(mounts, groups)


def find_in(mounts: str, groups: str) -> Hierarchy | None:
    """The same, from the text of ``/proc/self/mountinfo`` and ``/proc/self/cgroup``."""
    own = {controllers: path for _, controllers, path in (line.split(":", 2) for line in groups.splitlines())}
    for line in mounts.splitlines():
        # … root mount-point options [more …] - kind source super-options
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        version = 1 if kind == "cgroup" and "memory" in options.split(",") else 2 if kind == "cgroup2" else None
        name = {1: "memory", 2: ""}.get(version)
        path = next((path for controllers, path in own.items() if name in controllers.split(",")), None)
        if version is None or path is None:
            continue
        folder = Path(point) / Path("/" + path.removeprefix(root if root != "/" else "").lstrip("/")).relative_to("/")
        if version == 2 and "memory" not in _controllers(folder):
            continue
        return Hierarchy(version, folder)
    return None


def _controllers(folder: Path) -> list[str]:
    try:
        return (folder / "cgroup.controllers").read_text().split()
    except OSError:
        return []
