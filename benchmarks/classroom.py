"""A class graded: how fast, beside the stock graders, and on two Dask workers, one of which is killed half-way.

``python -m benchmarks.classroom [COUNT] [--jobs N] [--honest N]``, from the checkout, as root (other processes'
memory is read). COUNT submissions of SimCLR without checkpoint: six in ten right, two in ten with mistakes, one in ten
untouched, and of the rest half broken and half with a cell that hangs until its limit. The stock graders get right ones
alone, with the same test cases (``same_tests.py``). Every figure is one run.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.demo.submissions import with_cells
from autograder.questions.loading import load_module
from autograder.release.bundle import build_bundle
from autograder.release.notebooks import notebook_bytes, read_master, student_notebook
from benchmarks.grading import NAME, nbgrader_run, otter_run, whole_assignment
from benchmarks.measuring import ENVIRONMENT, Cost, machine, measured
from tests.checkout import COURSE, ROOT, SOLUTIONS

DEMO = load_module(COURSE.assignment("simclr"), "demo")

KINDS = ("right", "right", "wrong", "right", "untouched", "right", "wrong", "right", "odd", "right")
ODD = ("broken", "hanging")
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def notebooks(master: NotebookNode) -> dict[str, NotebookNode]:
    """One notebook of each kind."""
    right = whole_assignment(master).notebook
    hanging = NotebookNode(right, cells=[*right.cells, new_code_cell("while True:\n    pass", id="hangs")])
    broken = NotebookNode(right, cells=[new_code_cell("def broken(:", id="broken"), *right.cells[1:]])
    wrong = with_cells(right, DEMO.MISTAKES)
    return {"right": right, "wrong": wrong, "untouched": student_notebook(master), "broken": broken, "hanging": hanging}


def write_class(folder: Path, count: int, kinds: dict[str, NotebookNode], only: str | None = None) -> Path:
    """Write ``count`` submissions, each with bytes of its own."""
    for number in range(count):
        kind = only or KINDS[number % len(KINDS)]
        notebook = kinds[ODD[number // len(KINDS) % 2] if kind == "odd" else kind]
        own = NotebookNode(notebook, cells=[*notebook.cells, new_code_cell(f"# student {number}", id="own")])
        path = folder / f"student-{number:04d}" / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(notebook_bytes(own))
    return folder


def grade(work: Path, out: Path, *options: str) -> list[str]:
    """The command that grades a class."""
    return [sys.executable, "-m", "autograder", "grade", NAME, str(work), "--out", str(out), *options]


def totals(out: Path) -> dict[str, float]:
    """Points of each student in ``grades.csv``."""
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["id"]: float(row["total"]) for row in csv.DictReader(file)}


def start_dask(folder: Path, workers: int) -> tuple[str, list[subprocess.Popen]]:
    """A scheduler and workers with one thread each: its address, and all processes, the scheduler's last."""
    dask, file = [sys.executable, "-m", "dask"], folder / "scheduler.json"
    file.unlink(missing_ok=True)
    scheduler = [
        *dask,
        "scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        str(file),
    ]
    processes = [subprocess.Popen(scheduler, cwd=ROOT, env=ENVIRONMENT, start_new_session=True, **QUIET)]
    while not file.is_file():
        time.sleep(0.1)
    time.sleep(0.5)
    address = json.loads(file.read_text())["address"]
    options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder / "dask")]
    for _ in range(workers):
        worker = [*dask, "worker", address, *options]
        processes.insert(0, subprocess.Popen(worker, cwd=ROOT, env=ENVIRONMENT, start_new_session=True, **QUIET))
    time.sleep(20)  # the workers are up, so that the first task goes to all of them
    return address, processes


def stop(processes: list[subprocess.Popen]) -> None:
    """End processes and all that they started."""
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def on_dask(
    folder: Path, work: Path, workers: int, kill_after: int | None = None
) -> tuple[float, dict[str, float], int]:
    """Seconds, points by student and number of records written when a class is graded on Dask workers.

    One of them is killed once ``kill_after`` submissions are graded.
    """
    out = folder / f"dask-{workers}-{kill_after}"
    address, processes = start_dask(folder, workers)
    began = time.monotonic()
    command = subprocess.Popen(grade(work, out, "--scheduler", address), cwd=ROOT, env=ENVIRONMENT, **QUIET)
    while command.poll() is None:
        time.sleep(0.05)
        if kill_after and len(list(out.glob("*/record.json"))) >= kill_after:
            stop(processes[:1])
            kill_after = None
    seconds = time.monotonic() - began
    stop(processes)
    return seconds, totals(out), len(list(out.glob("*/record.json")))


def stock(folder: Path, master: NotebookNode, honest: int) -> Iterator[tuple[str, int, Cost]]:
    """What ``otter run`` and ``nbgrader autograde`` take for right submissions: title, number and cost."""
    subject = whole_assignment(master)
    run = otter_run(subject, folder / "otter")
    yield "otter run", 1, measured(run.command, run.folder)
    if run.points() != subject.points:
        raise SystemExit("otter run did not give full marks to a right notebook")
    run = nbgrader_run(subject, folder / "nbgrader")
    for number in range(1, honest):
        twin = run.folder / "submitted" / f"student{number}" / NAME
        twin.mkdir(parents=True)
        (twin / f"{NAME}.ipynb").write_bytes((run.folder / "submitted/student" / NAME / f"{NAME}.ipynb").read_bytes())
    everyone = [word for word in run.command if not word.startswith("--student")]
    yield "nbgrader autograde", honest, measured(everyone, run.folder)
    if run.points() != subject.points:
        raise SystemExit("nbgrader did not give full marks to a right notebook")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--honest", type=int, default=4, help="right submissions for nbgrader (default: 4)")
    parser.add_argument("--dask", type=int, default=24, help="right submissions on Dask workers (default: 24)")
    arguments = parser.parse_args()
    build_bundle(COURSE.assignment(NAME))
    master = read_master(SOLUTIONS / NAME / "master.py", NAME, "")
    kinds = notebooks(master)
    print(f"{machine()}\n\n| what | submissions | wall s | a minute | CPU s each | peak MB |")
    print("| --- | --- | --- | --- | --- | --- |")

    def row(title: str, count: int, cost: Cost) -> None:
        rate = 60 * count / cost.wall
        print(
            f"| {title} | {count} | {cost.wall:.0f} | {rate:.1f} | {cost.cpu / count:.1f} | {cost.peak:.0f} |",
            flush=True,
        )

    with tempfile.TemporaryDirectory(prefix="kit-benchmark-") as name:
        folder = Path(name)
        mixed = write_class(folder / "mixed", arguments.count, kinds)
        jobs = ("--jobs", str(arguments.jobs))
        row(f"mixed class, {' '.join(jobs)}", arguments.count, measured(grade(mixed, folder / "a", *jobs), ROOT))
        row("the same, nothing changed", arguments.count, measured(grade(mixed, folder / "a", *jobs), ROOT))
        right = write_class(folder / "right", arguments.dask, kinds, only="right")
        row(f"right ones, {' '.join(jobs)}", arguments.dask, measured(grade(right, folder / "b", *jobs), ROOT))
        for title, count, cost in stock(folder, master, arguments.honest):
            row(f"right ones, {title}", count, cost)
        one, points, _ = on_dask(folder, right, 1)
        two, same, _ = on_dask(folder, right, 2)
        print(f"\nDask: {one:.0f} s with one worker, {two:.0f} s with two: {one / two:.2f} times as fast")
        half, killed, records = on_dask(folder, right, 2, kill_after=arguments.dask // 2)
        print(f"One of two workers killed half-way: {half:.0f} s, {records} of {arguments.dask} graded")
        print(f"All runs agree on every student: {points == same == killed == totals(folder / 'b')}")


if __name__ == "__main__":
    main()
