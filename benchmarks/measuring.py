"""Wall time, CPU time and memory of a command with all its processes."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import psutil

MB = 1 << 20
POLL_SECONDS = 0.1
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",  # for every grader alike: small tensors gain nothing by a second thread
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # nbgrader calls alembic by its name
}


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of wall time, seconds of CPU time, peak megabytes."""

    wall: float
    cpu: float
    peak: float


def measured(command: Sequence[str], folder: Path) -> Cost:
    """Run a command in ``folder`` and measure its whole process tree.

    CPU time is user and system time of all processes that were waited for. The peak is the largest sum of proportional
    set sizes seen, so that pages which processes share count once.

    Raises:
        SystemExit: the command failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    _, errors = process.communicate()
    wall = time.monotonic() - start
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:6])} … failed:\n{errors.decode(errors='replace')[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak[0])


def _watch(process: subprocess.Popen, peak: list[float]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], memory(tree(process.pid))["Pss"])
        time.sleep(POLL_SECONDS)


def tree(pid: int) -> list[int]:
    """A process and all that came of it."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def memory(pids: Iterable[int]) -> dict[str, float]:
    """Megabytes of some processes: ``Rss``, ``Pss``, and ``Private``, which nobody shares. An ended process has none.

    Raises:
        PermissionError: a process keeps its memory to itself, as the sandbox's do: measure as root.
    """
    total = {"Rss": 0, "Pss": 0, "Private": 0}
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        except (FileNotFoundError, ProcessLookupError):
            continue
        sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
        total["Rss"] += sizes["Rss"]
        total["Pss"] += sizes["Pss"]
        total["Private"] += sizes["Private_Clean"] + sizes["Private_Dirty"]
    return {name: size / 1024 for name, size in total.items()}


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*(statistics.median(column) for column in zip(*map(astuple, costs), strict=True)))


def machine() -> str:
    """What a figure was measured on, in a line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{os.cpu_count()} processors ({model}), load {os.getloadavg()[0]:.1f}"
