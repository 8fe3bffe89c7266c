"""One submission graded by this kit and by stock ``otter run``, in turn: ``python tests/benchmarks/grading.py [ROUNDS]``.

Both get the solution notebook without checkpoint and the same test cases on the same inputs; stock Otter runs them
inside the notebook's own process, as it does. Both ignore training cells: by tag here, and by leaving them out for
Otter. Printed are wall time, CPU time and peak memory (sum of proportional set sizes) of the whole process tree, as
medians, and their ratios.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from autograder.assignment import read_assignment
from autograder.build.bundle import build_bundle
from autograder.build.notebooks import has_tag, notebook_bytes, read_master
from autograder.places import ROOT, SOLUTIONS

STOCK_TEST = """
from otter.test_files import test_case
OK_FORMAT = False
name = "{question}"
points = None
"""
STOCK_CASE = """
@test_case(points={points}, hidden=True)
def test_{test}(env):
    import sys
    sys.path.insert(0, {root!r})
    from autograder.answer_key import read_key
    from autograder.build.compile import run_probe, probes_of
    from autograder.engine.judge import judge
    from autograder.questions.model import Case
    from pathlib import Path
    key = next(t for t in read_key(Path({key!r})) if (t.question, t.id) == ("{question}", "{test}"))
    results = {{c.name: run_probe(probes_of("simclr"), key, Case(c.name, c.inputs), env) for c in key.cases}}
    verdict = judge(key, results)
    assert verdict.passed, verdict.message
"""


def measured(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak megabytes of a command and all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    _, errors = process.communicate()
    wall = time.monotonic() - start
    watcher.join()
    if process.returncode:
        sys.exit(errors.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak[0]


def _watch(process: subprocess.Popen, peak: list[float]) -> None:
    root = psutil.Process(process.pid)
    while process.poll() is None:
        total = 0
        try:
            for member in [root, *root.children(recursive=True)]:
                total += member.memory_full_info().pss
        except psutil.Error:
            continue
        peak[0] = max(peak[0], total / 2**20)
        time.sleep(0.1)


def stock_autograder(folder: Path, bundle: Path) -> Path:
    """An Otter autograder zip with the same test cases, made by ``otter generate``."""
    tests = folder / "tests"
    tests.mkdir()
    for question in read_assignment(bundle / "assignment.toml").questions:
        text = STOCK_TEST.format(question=question.id)
        for test, points in question.points.items():
            text += STOCK_CASE.format(
                question=question.id, test=test, points=points, root=str(ROOT), key=str(bundle / "key.safetensors")
            )
        (tests / f"{question.id}.py").write_text(text)
    made = folder / "autograder.zip"
    command = [
        sys.executable,
        "-m",
        "otter",
        "generate",
        "-t",
        str(tests),
        "-o",
        str(made),
        "--no-config",
        "--no-requirements",
        "--no-environment",
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return made


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    bundle = build_bundle("simclr")
    master = read_master(SOLUTIONS / "simclr" / "simclr.py", "simclr", "")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        submission = folder / "simclr.ipynb"
        submission.write_bytes(notebook_bytes(master))
        stripped = folder / "stock" / "simclr.ipynb"
        stripped.parent.mkdir()
        master.cells = [cell for cell in master.cells if not has_tag(cell, "skip-grading")]
        stripped.write_bytes(notebook_bytes(master))
        zipped = stock_autograder(folder, bundle)
        commands = {
            "this kit": [
                sys.executable,
                "-m",
                "autograder",
                "grade",
                "simclr",
                str(submission),
                "--out",
                str(folder / "grades"),
            ],
            "stock otter run": [
                sys.executable,
                "-m",
                "otter",
                "run",
                "-a",
                str(zipped),
                "-o",
                str(folder),
                str(stripped),
            ],
        }
        figures = {title: [] for title in commands}
        for _ in range(rounds):
            for title, command in commands.items():
                figures[title].append(measured(command))
    medians = {title: [statistics.median(column) for column in zip(*rows)] for title, rows in figures.items()}
    print(f"{'':18}{'wall s':>10}{'CPU s':>10}{'peak MB':>10}   ({os.cpu_count()} processors, {rounds} rounds)")
    for title, row in medians.items():
        print(f"{title:18}" + "".join(f"{value:10.1f}" for value in row))
    print(f"{'ratio':18}" + "".join(f"{a / b:10.2f}" for a, b in zip(*medians.values())))


if __name__ == "__main__":
    main()
