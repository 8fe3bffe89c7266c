"""A lost probe costs itself; a broken cell costs what it alone defines."""

from __future__ import annotations

import time
from dataclasses import dataclass
from textwrap import dedent

import psutil
import pytest
import torch

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


def outcomes(runner, function, cases, seconds=3.0):
    """What came of each case, each asked for once: its result, or the error that it ended with."""
    found = []
    while len(found) < len(cases):
        inputs = [{"function": function, **case} for case in cases[len(found) :]]
        try:
            for answer in runner.calls(f"{PROBES}.apply", inputs, seconds):
                found.append(answer["n"].item())
        except StudentError as error:
            found.append(error)
    return found


def test_each_of_many_cases_has_its_own_result_error_and_time(sandbox):
    """The second case that waits is asked for after the first has been answered, so both have all of the time."""
    source = """
        import time, torch
        done = []
        def f(n, wait):
            done.append(n.item())
            assert n != 2, "no"
            time.sleep(wait)
            return {"n": n + 10}
        def all_done(): return done == [0, 1, 2, 3, 4, 5]
    """
    cases = [{"n": torch.tensor(n), "wait": 0.8 if n in (3, 4) else 0.0} for n in range(6)]
    with Runner(sandbox, cells(dedent(source))) as runner:
        found = outcomes(runner, "f", cases, seconds=1.0)
        assert found[:2] + found[3:] == [10, 11, 13, 14, 15]
        assert found[2].type == "AssertionError" and found[2].line == 6 and found[2].limit is None
        assert true(runner, "all_done")


def test_the_case_that_does_not_end_is_the_one_that_is_stopped(sandbox):
    with Runner(sandbox, cells("def f(n):\n    while n == 1: pass\n    return {'n': n}")) as runner:
        first, second, third = outcomes(runner, "f", [{"n": torch.tensor(n)} for n in range(3)], seconds=0.5)
    assert (first, third) == (0, 2) and second.limit == 0.5


def test_results_that_are_large_together_come_one_after_the_other(sandbox):
    source = "import torch\ndef f(n): return {'n': n, 'large': torch.zeros(5_000_000)}"
    with Runner(sandbox, cells(source)) as runner:
        assert outcomes(runner, "f", [{"n": torch.tensor(n)} for n in range(4)]) == [0, 1, 2, 3]
        one = {"function": "f", "n": torch.tensor(0)}
        found, error = runner._ready().call_some(f"{PROBES}.apply", [one] * 4)
        assert len(found) == 1 and error is None  # of 20 MB, where 32 are allowed


@pytest.mark.parametrize(
    "forged",
    [
        "done=3",
        "done=True",
        "done=-1",
        "done=None",
        "done=0",
        "error=5",
        "error={}",
        "prefix='7/'",
        "prefix=''",
        "prefix='00/'",
    ],
)
def test_a_made_up_reply_to_many_cases_ends_the_session(sandbox, forged):
    source = f"""
        import sys
        protocol = sys.modules["autograder.protocol"]
        encode = protocol.encode
        def forge(done=2, error=None, prefix="0/"):
            def encoded(header, tensors=None):
                tensors = {{prefix + name[2:]: tensor for name, tensor in (tensors or {{}}).items()}}
                return encode({{**header, "done": done, "error": error}}, tensors)
            protocol.encode = encoded
        def f(n):
            forge({forged})
            return {{"n": n}}
    """
    cases = [{"function": "f", "n": torch.tensor(n)} for n in range(2)]
    with Runner(sandbox, cells(dedent(source))) as runner:
        with pytest.raises(SessionLost) as lost:
            list(runner.calls(f"{PROBES}.apply", cases))
        assert lost.value.kind == "protocol"


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
