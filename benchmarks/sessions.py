"""What one more submission in flight takes in memory, and what a restart after a kill takes in time.

``python -m benchmarks.sessions [ROUNDS]``, as root (the sandbox's processes show their memory to nobody else). The
submission is the SimCLR network: its notebook's definitions are run, then the probe that computes h in both modes.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable

from autograder.engine.answer_key import read_key
from autograder.engine.judge import KeyTest
from autograder.engine.notebook import Cell
from autograder.engine.runner import Runner
from autograder.engine.session import Probes, Sandbox, SessionLost
from autograder.release.bundle import build_bundle
from autograder.release.notebooks import has_tag, read_master
from benchmarks.measuring import machine, memory, tree
from tests.checkout import COURSE, SOLUTIONS

POLL_SECONDS = 0.01


def cells() -> tuple[Cell, ...]:
    """The code cells of the solution that grading runs."""
    master = read_master(SOLUTIONS / "simclr" / "master.py", "simclr", "")
    code = [cell for cell in master.cells if cell.cell_type == "code" and not has_tag(cell, "skip-grading")]
    return tuple(Cell(index, cell.source, None) for index, cell in enumerate(code))


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    start = time.monotonic()
    action()
    return time.monotonic() - start


def peak_private(pid: int, action: Callable[[], object]) -> float:
    """The largest private memory, in megabytes, of a process and its children while ``action`` runs."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            peak[0] = max(peak[0], memory(tree(pid))["Private"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        action()
    finally:
        done.set()
        watcher.join()
    return peak[0]


def in_flight(sandbox: Sandbox, test: KeyTest) -> dict[str, float]:
    """Megabytes that one submission adds: after its cells have run, at the peak of its forward, and after it."""
    with Runner(sandbox, cells()) as runner:
        runner.outcomes  # noqa: B018  (runs the cells)
        pid = runner._session.pid
        before = memory(tree(pid))["Private"]
        peak = peak_private(pid, lambda: runner.call(test.probe, test.cases[0].inputs, test.seconds))
        return {"cells run": before, "peak of the forward": peak, "after it": memory(tree(pid))["Private"]}


def restart(sandbox: Sandbox, test: KeyTest) -> dict[str, float]:
    """Milliseconds: to see that a session was killed and clear it away, and to have another with all cells run."""
    with Runner(sandbox, cells()) as runner:
        runner.outcomes  # noqa: B018  (runs the cells)
        os.kill(runner._session.pid, signal.SIGKILL)
        lost = timed(lambda: _expect_loss(runner, test))
        again = timed(runner._ready)
    with sandbox.session() as session:
        os.kill(session.pid, signal.SIGKILL)
    bare = timed(lambda: sandbox.session().close())
    return {"kill noticed": 1000 * lost, "next session, cells run again": 1000 * again, "a bare session": 1000 * bare}


def _expect_loss(runner: Runner, test: KeyTest) -> None:
    try:
        runner.call(test.probe, test.cases[0].inputs, test.seconds)
    except SessionLost:
        return
    raise SystemExit("the session answered after it had been killed")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    bundle = build_bundle(COURSE.assignment("simclr"))
    test = next(test for test in read_key(bundle / "key.safetensors") if test.probe.endswith(".simclr_features"))
    print(f"{rounds} rounds; {machine()}\n\n| what | median | largest |\n| --- | --- | --- |")
    with Sandbox(Probes(bundle / "code", (test.probe.rpartition(".")[0],))) as sandbox:
        print(f"| sandbox's parent, all shared pages, MB | {memory([sandbox.pid])['Pss']:.0f} | |")
        for unit, measure in (("MB", in_flight), ("ms", restart)):
            rows = [measure(sandbox, test) for _ in range(rounds)]
            for name in rows[0]:
                values = [row[name] for row in rows]
                print(f"| {name}, {unit} | {statistics.median(values):.0f} | {max(values):.0f} |")


if __name__ == "__main__":
    main()
