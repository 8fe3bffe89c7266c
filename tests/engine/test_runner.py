"""A lost probe costs itself; a broken cell costs what it alone defines."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil
import pytest

from autograder.engine.runner import Runner
from autograder.engine.session import SessionLost, StudentError
from tests.checkout import PROBES


@dataclass
class Cell:
    index: int
    source: str
    skip: str | None = None
    only: tuple[int, ...] | None = None


def cells(*sources):
    return [Cell(index, source) for index, source in enumerate(sources, 1)]


def true(runner, function, seconds=None):
    return bool(runner.call(f"{PROBES}.true", {"function": function}, seconds)["result"])


def statuses(runner):
    return [outcome.status for outcome in runner.outcomes]


def test_every_cell_has_its_outcome(sandbox):
    notebook = [*cells("a = 1", "b = 1 / 0", "def f(): return a"), Cell(4, "a = 0", skip="tagged skip-grading")]
    with Runner(sandbox, notebook) as runner:
        assert statuses(runner) == ["ok", "error", "ok", "skipped"]
        assert "line 1 of cell 2" in runner.outcomes[1].error.where
        assert true(runner, "f")
    assert not psutil.Process(sandbox.pid).children()


def test_a_lost_probe_costs_only_itself(sandbox):
    notebook = cells("import os", "def dies(): os._exit(1)", "def lives(): return 1")
    with Runner(sandbox, notebook) as runner:
        assert true(runner, "lives")
        with pytest.raises(SessionLost):
            true(runner, "dies")
        assert true(runner, "lives") and runner.restarts == 1
        started = time.monotonic()
        with pytest.raises(SessionLost):
            true(runner, "dies")
        assert true(runner, "lives") and time.monotonic() - started < 3


def test_restarts_are_limited(sandbox):
    with Runner(sandbox, cells("import os\ndef dies(): os._exit(1)")) as runner:
        for _ in range(sandbox.limits.restarts + 1):
            with pytest.raises(SessionLost, match="ended the Python process"):
                true(runner, "dies")
        with pytest.raises(SessionLost, match="restarted 4 times"):
            true(runner, "dies")


@pytest.mark.parametrize(
    ("loop", "status"),
    [("while True: pass", "timeout"), ("while True:\n    try:\n        while True: pass\n    except: pass", "timeout"),
     ("import os; os._exit(0)", "lost")],
    ids=["loop", "unstoppable loop", "exit"],
)  # fmt: skip
def test_a_right_function_beside_a_bad_statement_still_counts(sandbox, loop, status):
    notebook = cells("import os\ndef dies(): os._exit(1)", f"def before(): return 1\n{loop}", "def after(): return 1")
    with Runner(sandbox, notebook) as runner:
        assert statuses(runner) == ["ok", status, "ok"]
        assert true(runner, "before") and true(runner, "after")
        with pytest.raises(SessionLost):
            true(runner, "dies")
        assert true(runner, "before") and true(runner, "after")
        assert statuses(runner) == ["ok", status, "ok"]


def test_definitions_that_end_the_process_are_left_out(sandbox):
    notebook = cells("import os\n@lambda f: os._exit(0)\ndef f(): pass", "def g(): return 1")
    with Runner(sandbox, notebook) as runner:
        assert true(runner, "g")
        with pytest.raises(StudentError) as caught:
            true(runner, "f")
        assert caught.value.missing == "f"


def test_after_the_notebook_s_time_definitions_are_still_run(sandbox):
    notebook = cells(*["while True: pass"] * 5, "def f(): return 1\nwhile True: pass")
    with Runner(sandbox, notebook) as runner:
        assert statuses(runner)[-1] == "definitions" and true(runner, "f")


def test_the_deadline_ends_everything(sandbox):
    with Runner(sandbox, cells("def f(): return 1"), deadline=time.monotonic() + 2) as runner:
        assert true(runner, "f")
        time.sleep(2)
        with pytest.raises(SessionLost, match="time for grading"):
            true(runner, "f")
        assert not psutil.Process(sandbox.pid).children()


def test_cells_after_the_deadline_are_named(sandbox):
    with Runner(sandbox, cells("a = 1", "while True: pass", "b = 1"), deadline=time.monotonic() + 1.5) as runner:
        assert statuses(runner)[-1] == "skipped" and "ended before this cell" in runner.outcomes[-1].message
