"""What the tests of the stock graders run, in the student's own process: the same cases, probes and judge as here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import redirect_stderr
from functools import cache
from io import StringIO
from pathlib import Path

from autograder.engine.answer_key import read_key
from autograder.engine.judge import KeyTest, judge
from autograder.questions.model import Case
from autograder.release.compile import probes_of, run_probe


@cache
def _key(path: str) -> dict[tuple[str, str], KeyTest]:
    return {(test.question, test.id): test for test in read_key(Path(path))}


def check(namespace: Mapping[str, object], key: str, question: str, test: str) -> None:
    """Run one test on the notebook's names. Raises AssertionError where it does not pass."""
    asked = _key(key)[question, test]
    probes = probes_of("simclr")
    with redirect_stderr(StringIO()):  # nbgrader gives no point to a test cell under which a progress bar stands
        results = {case.name: run_probe(probes, asked, Case(case.name, case.inputs), namespace) for case in asked.cases}
    judgement = judge(asked, results)
    assert judgement.passed, judgement.message
