"""The processor time of one more submission in a batch, for each assignment: of the engine, and of the sandbox.

    python -m benchmarks.batch [NAME ...] [--count 10]

One grader grades the solution of an assignment, without artefacts, again and again, as ``kit grade`` does in a class, in a
process of its own. The first two do not count. Two machines, and two moments on one machine, can differ by half: compare figures of one run.
"""

from __future__ import annotations

import argparse
import statistics
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import psutil

from autograder.engine.grade import Grader
from autograder.release.bundle import build_bundle
from benchmarks.measuring import machine
from tests.checkout import COURSE

FIRST = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", default=COURSE.names())
    parser.add_argument("--count", type=int, default=10)
    options = parser.parse_args()
    print(machine())
    print("| assignment | tests | engine, CPU s | sandbox, CPU s | together |\n| --- | --- | --- | --- | --- |")
    fresh = ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1)
    for name in options.names:
        tests, engine, sandbox = fresh.submit(costs, name, options.count).result()
        print(f"| {name} | {tests} | {engine:.3f} | {sandbox:.3f} | {engine + sandbox:.3f} |", flush=True)


def costs(name: str, count: int) -> tuple[int, float, float]:
    """How many tests there are, and the mean seconds of a submission in the engine and in the sandbox."""
    folder = COURSE.assignment(name)
    with Grader(build_bundle(folder), for_class=True) as grader:
        processes, spent = (psutil.Process(), psutil.Process(grader.sandbox.pid)), []
        for _ in range(FIRST + count):
            before = [seconds(process) for process in processes]
            grader.grade(folder.solution)
            spent.append([seconds(process) - start for process, start in zip(processes, before)])
    return len(grader.tests), *map(statistics.mean, zip(*spent[FIRST:]))


def seconds(process: psutil.Process) -> float:
    """The processor time of a process and of those that it has waited for."""
    return sum(process.cpu_times()[:4])


if __name__ == "__main__":
    main()
