"""What the tests of the stock graders run, in the student's own process: the same cases, probes and judge as here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path

from autograder.course_code import open_package
from autograder.engine.answer_key import read_key
from autograder.engine.judge import KeyTest, judge
from autograder.questions.model import Case, Test
from autograder.release.compile import run_probe


@cache
def _key(path: str) -> dict[tuple[str, str], KeyTest]:
    return {(test.question, test.id): test for test in read_key(Path(path))}


def found(address: str) -> Callable:
    """The probe or count with an address of the key."""
    module, _, name = address.rpartition(".")
    return getattr(import_module(module), name)


def check(namespace: Mapping[str, object], key: str, question: str, test: str) -> None:
    """Run one test on the notebook's names. Raises AssertionError where it does not pass."""
    asked = _key(key)[question, test]
    open_package(Path(key).parent / "code")
    probe, count = found(asked.probe), found(asked.count) if asked.count else None
    run = Test(asked.id, asked.title, probe, (), asked.outputs, count=count)
    with redirect_stderr(StringIO()):  # nbgrader gives no point to a test cell under which a progress bar stands
        results = {case.name: run_probe(run, Case(case.name, case.inputs), namespace) for case in asked.cases}
    judgement = judge(asked, results)
    assert judgement.passed, judgement.message
