"""How many processors this process may use inside its container.

A container is a control group (cgroup) with limits. Versions 1 and 2 of the kernel's interface are supported. The limits
of parent groups count as well, where they are visible.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

OWN_GROUPS = Path("/proc/self/cgroup")
MOUNTED = Path("/sys/fs/cgroup")


def processors() -> int:
    """How many threads to run, at least 1.

    All threads of a group share its processor time. When one thread waits for the next period, the others spin: two
    threads on half a processor took up to 1.5 times the processor time of one.
    """
    shares = (processor_share(folder) for folder in groups("cpu", OWN_GROUPS, MOUNTED))
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([available, *(share for share in shares if share is not None)])))


def groups(controller: str, own_groups: Path, mounted: Path) -> Iterator[Path]:
    """The folders of the groups that this process is in, the innermost first. Groups that are not visible are skipped.

    ``own_groups`` is the kernel's list of them. Inside a container this list may contain paths of the host, although only
    the container's own group is mounted.
    """
    try:
        lines = own_groups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(",") or not controllers:  # version 1, version 2
            top = mounted / controller if controllers else mounted
            inner = Path(path.lstrip("/"))
            yield from (
                top / part for part in (inner, *inner.parents) if ".." not in part.parts and (top / part).is_dir()
            )


def processor_share(group: Path) -> float | None:
    """The number of processors whose time a group may use; None if there is no limit."""
    quota, _, period = read(group / "cpu.max").partition(" ")
    if not period:
        quota, period = read(group / "cpu.cfs_quota_us"), read(group / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def read(file: Path) -> str:
    """The text of a small file; '' if it cannot be read."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""
