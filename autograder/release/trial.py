"""How a namespace does in the tests of one question: for the tests that a question has of itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from autograder.course import Course
from autograder.engine.judge import Judgement, KeyTest, judge
from autograder.questions.loading import load_question
from autograder.questions.model import Case, Namespace, Test
from autograder.release.compile import key_tests, run_probe


def judgements(folder: Path, namespace: Namespace) -> dict[str, Judgement]:
    """Id of each test of the question in ``folder`` -> how the namespace of trusted code does in it.

    That is the same for every draw of the cases, or the test is unfair.

    Raises:
        AssertionError: the namespace passes with one draw and fails with another.
    """
    found: dict[str, Judgement] = {}
    for test, key in _key(folder):
        results = {case.name: run_probe(test, Case(case.name, case.inputs), namespace) for case in key.cases}
        judgement = judge(key, results)
        first = found.setdefault(test.id, judgement)
        assert first.passed == judgement.passed, f"{test.id}: draw {key.draw} is judged otherwise than draw 0"
    return found


def lost(folder: Path, namespace: Namespace) -> dict[str, str]:
    """The tests that the namespace fails, each with its message."""
    return {id: found.message for id, found in judgements(folder, namespace).items() if not found.passed}


@cache
def _key(folder: Path) -> tuple[tuple[Test, KeyTest], ...]:
    assignment = Course(folder.parents[2]).assignment(folder.parents[0].name)
    (id,) = (id for id, path in assignment.question_folders().items() if path == folder)
    question = load_question(assignment, id, folder)
    tests = {test.id: test for test in question.tests}
    return tuple((tests[key.id], key) for key in key_tests(question))
