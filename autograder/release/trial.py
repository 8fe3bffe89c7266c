"""How a namespace does in the tests of one question: for the tests that a question has of itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from autograder.course import Course
from autograder.engine.judge import Judgement, KeyTest, judge
from autograder.questions.loading import load_question
from autograder.questions.model import Case, Namespace, Test
from autograder.release.compile import cases_of, key_test, run_probe


def judgements(folder: Path, namespace: Namespace) -> dict[str, Judgement]:
    """Id of each test of the question in ``folder`` -> how the namespace of trusted code does in it."""
    return {
        test.id: judge(key, {case.name: run_probe(test, Case(case.name, case.inputs), namespace) for case in key.cases})
        for test, key in _key(folder)
    }


def lost(folder: Path, namespace: Namespace) -> dict[str, str]:
    """The tests that the namespace fails, each with its message."""
    return {id: found.message for id, found in judgements(folder, namespace).items() if not found.passed}


@cache
def _key(folder: Path) -> tuple[tuple[Test, KeyTest], ...]:
    assignment = Course(folder.parents[2]).assignment(folder.parents[0].name)
    (id,) = (id for id, path in assignment.question_folders().items() if path == folder)
    question = load_question(assignment, id, folder)
    cases = cases_of(question)
    return tuple((test, key_test(question, test, cases)) for test in question.tests)
