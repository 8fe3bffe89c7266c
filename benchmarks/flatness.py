"""Many submissions graded by one grader: nothing may grow. ``python -m benchmarks.flatness [SUBMISSIONS]``

The small assignment of the corpus is graded again and again; a row of what the grader holds is printed at every tenth.
Run as root: the sandbox's parent process shows its memory and descriptors to nobody else.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psutil

from autograder.engine.grade import Grader
from autograder.release.bundle import build_bundle
from benchmarks.measuring import machine, memory, tree
from tests.checkout import COURSE
from tests.corpus.small import FULL, HONEST, hand_in, small_bundle


@dataclass(frozen=True)
class Holdings:
    """What grader and sandbox hold after a number of submissions. Memory in megabytes, time per submission in ms."""

    submissions: int
    engine_mb: float
    sandbox_mb: float
    descriptors: int
    processes: int
    zombies: int
    files: int
    milliseconds: float


def holdings(grader: Grader, submissions: int, milliseconds: float) -> Holdings:
    """Count. ``files`` are all in the grader's own folder and in the temporary one, which must be nobody else's."""
    gc.collect()
    sandbox = tree(grader.sandbox.pid)
    engine = os.getpid()
    return Holdings(
        submissions,
        memory([engine])["Rss"],
        memory(sandbox)["Rss"],
        sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in (engine, *sandbox)),
        len(tree(engine)),
        sum(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE for pid in tree(engine)),
        sum(len(list(folder.rglob("*"))) for folder in (grader.sandbox.root, Path(tempfile.gettempdir()))),
        milliseconds,
    )


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Make ``folder`` this process's place for temporary files."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def graded(grader: Grader, source: Path, total: int, every: int) -> Iterator[Holdings]:
    """Grade ``source`` so often, and tell what is held after each ``every`` submissions.

    Raises:
        SystemExit: a submission did not get full marks.
    """
    started = time.monotonic()
    for number in range(1, total + 1):
        report = grader.grade(source)
        if report.score != FULL:
            raise SystemExit(f"submission {number} got {report.score} points: {[v.message for v in report.verdicts]}")
        if number % every == 0:
            yield holdings(grader, number, (time.monotonic() - started) / every * 1000)
            started = time.monotonic()


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(machine())
    print("| " + " | ".join(field.name.replace("_mb", " MB") for field in fields(Holdings)) + " |")
    print("|" + " --- |" * len(fields(Holdings)))
    with tempfile.TemporaryDirectory(prefix="flatness-") as name:
        bundle = small_bundle(build_bundle(COURSE.assignment("simclr")), Path(name) / "bundle")
        source = hand_in(Path(name) / "honest", HONEST)
        temporary = Path(name) / "temporary"
        temporary.mkdir()
        with Grader(bundle) as grader, temporary_files_in(temporary):
            for row in graded(grader, source, total, max(1, total // 10)):
                print("| " + " | ".join(f"{value:.0f}" for value in astuple(row)) + " |", flush=True)


if __name__ == "__main__":
    main()
