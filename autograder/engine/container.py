"""How many processors the container around this process leaves to it.

A container is a control group with limits, of either version of the kernel's interface. The limits of the groups above
it count as well, where they can be seen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

OWN_GROUPS = Path("/proc/self/cgroup")
MOUNTED = Path("/sys/fs/cgroup")


def processors() -> int:
    """How many threads can run without waiting for one another's share of time.

    A group's share is spent by all threads together, and while one of them must wait for the next period the others
    spin: two threads on half a processor took up to 1.5 times the processor time of one.
    """
    shares = (processor_share(folder) for folder in groups("cpu", OWN_GROUPS, MOUNTED))
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([available, *(share for share in shares if share is not None)])))


def groups(controller: str, own_groups: Path, mounted: Path) -> Iterator[Path]:
    """The folders of the groups that this process is in, the innermost first; those that cannot be seen are passed over.

    ``own_groups`` is the kernel's list of them. Inside a container it may tell their place on the host, while the
    container's own group is what is mounted.
    """
    try:
        lines = own_groups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(",") or not controllers:  # of version 1, of version 2
            top = mounted / controller if controllers else mounted
            inner = Path(path.lstrip("/"))
            yield from (
                top / part for part in (inner, *inner.parents) if ".." not in part.parts and (top / part).is_dir()
            )


def processor_share(group: Path) -> float | None:
    """How many processors' time a group has; None where it is not limited."""
    quota, _, period = read(group / "cpu.max").partition(" ")
    if not period:
        quota, period = read(group / "cpu.cfs_quota_us"), read(group / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def read(file: Path) -> str:
    """A small file's text; '' where it cannot be read."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""
