"""What grading one submission takes, checkpoint included, also in a container as small as Gradescope's.

    python -m benchmarks.submission ddpm runs/ddpm-cpu/ddpm-submission.zip [--cpu 0.5] [--memory 768] [--rounds 3]

Runs ``./kit grade`` from a cold start. ``--cpu`` (of one processor) and ``--memory`` (megabytes) put it into a control
group with these limits, of version 1 or 2; that takes root. Prints wall time, CPU time and the peak of all processes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import machine, measured, median
from tests.checkout import ROOT

CGROUPS = Path("/sys/fs/cgroup")
PERIOD = 100_000  # microseconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("submission", type=Path)
    parser.add_argument("--cpu", type=float)
    parser.add_argument("--memory", type=int)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    groups = limited(options.cpu, options.memory)
    enter = "".join(f"echo $$ > {group}/cgroup.procs; " for group in groups)
    out = Path(tempfile.mkdtemp(prefix="kit-benchmark-"))
    grade = [sys.executable, "-m", "autograder", "grade", options.name, str(options.submission.resolve())]
    grade += ["--jobs", "1", "--regrade", "--out", str(out)]
    try:
        costs = [measured(["sh", "-c", f'{enter}exec "$@"', "sh", *grade], ROOT) for _ in range(options.rounds)]
    finally:
        for group in groups:
            remove(group)
    cost = median(costs)
    score = json.loads(next(out.glob("*/results.json")).read_text())["score"]
    print(machine())
    print(f"limits: {options.cpu or 'no'} CPU, {options.memory or 'no'} MB; score {score:g}")
    print(f"{cost.wall:.1f} s wall, {cost.cpu:.1f} s CPU, peak {cost.peak:.0f} MB over all processes")
    if options.cpu:
        print(f"with nothing beside it the CPU time takes {cost.cpu / options.cpu:.0f} s at this limit")


def limited(cpu: float | None, memory: int | None) -> list[Path]:
    """Control groups with these limits: one of version 2, or one for each controller of version 1."""
    name = f"kit-benchmark-{os.getpid()}"
    second = (CGROUPS / "cgroup.controllers").exists()
    quota = cpu and round(cpu * PERIOD)
    limits = {
        "cpu": cpu and (("cpu.max", f"{quota} {PERIOD}") if second else ("cpu.cfs_quota_us", str(quota))),
        "memory": memory and ("memory.max" if second else "memory.limit_in_bytes", str((memory or 0) << 20)),
    }
    groups = []
    for controller, limit in limits.items():
        if limit:
            group = CGROUPS / name if second else CGROUPS / controller / name
            group.mkdir(exist_ok=True)
            (group / limit[0]).write_text(limit[1])
            groups.append(group)
    return list(dict.fromkeys(groups))


def remove(group: Path) -> None:
    """Take a control group away, once its last process is gone."""
    while (group / "cgroup.procs").read_text().strip():
        time.sleep(0.1)
    group.rmdir()


if __name__ == "__main__":
    main()
