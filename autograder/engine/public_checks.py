"""Runs the public checks of the notebook on a submission, in the sandbox, as ``grader.check`` does for students.

They are tests by hand and the question's own tests on public inputs. The engine reads the text of a file by hand to find its
cases, and never runs it. What a case says is the word of the submission's process, and is quoted.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from autograder.engine.judge import KeyTest
from autograder.engine.outcomes import LATER, Answers, outcomes_of
from autograder.engine.report import Check
from autograder.engine.runner import Runner
from autograder.engine.session import STUB, SessionLost, StudentError
from autograder.text import quoted

FILE = "public.json"  # the tests by hand, and the code cells of the student notebook
OWN = "public.safetensors"  # the questions' own tests on public inputs
STOPPED = "your code was stopped: {}"
STUBBED = "not implemented yet"


def read(bundle: Path) -> dict:
    """What the build wrote of the student notebook: ``tests``, the text of each question's file, and ``cells``, those of
    code. Empty if there is nothing."""
    try:
        return json.loads((bundle / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


@lru_cache(maxsize=64)
def cases(source: str) -> dict[str, str]:
    """The functions of a test file that are decorated with ``test_case``, and their titles."""
    found = {}
    for node in ast.parse(source).body:
        for call in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
            if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "test_case":
                named = {one.arg: one.value for one in call.keywords}
                title = named.get("name", call.args[0] if call.args else None)
                found[node.name] = str(title.value) if isinstance(title, ast.Constant) else node.name
    return found


@dataclass(frozen=True)
class Question:
    """The public checks of a question: the text of its file by hand (''), and its own tests with public inputs.

    ``whole``: all tests of the question passed with the inputs of the grading, so those by hand are not run.
    """

    id: str
    hand: str = ""
    own: tuple[KeyTest, ...] = ()
    whole: bool = False


def run_public(
    runner: Runner,
    questions: Iterable[Question],
    told: Callable[[StudentError], str],
    ask: Callable[[KeyTest], Answers],
    blank: Iterable[str] = (),
) -> Iterator[Check]:
    """Run the public checks of some questions and tell of each whether it passed.

    After a check that took all its time, or ended its session, the others of the question are not tried; when the time for
    all is over, nothing more is told.

    Args:
        told: makes the sentence about an exception of the student's code.
        ask: the answers in the cases of a test. Raises SessionLost when the time for all is over.
        blank: questions of which nothing is written; what builds on them is tried with stand-ins.
    """
    wrong = set(blank)
    try:
        for question in questions:
            ended = yield from _by_hand(runner, question, told)
            own = [] if ended else outcomes_of(question.own, ask, wrong)
            for one in own:
                passed = one.judgement.passed
                yield Check(question.id, one.title, passed, "" if passed else one.judgement.message or LATER)
            if ended or not all(one.judgement.passed for one in own):
                wrong.add(question.id)
    except SessionLost:  # the time is over, which says nothing about this check
        return


def _by_hand(runner: Runner, question: Question, told: Callable[[StudentError], str]) -> Generator[Check, None, bool]:
    """Run the cases by hand. The result is whether one of them ended the session or took all its time."""
    for case, title in cases(question.hand).items():
        if question.whole:
            yield Check(question.id, title, True)
            continue
        try:
            runner.check(question.hand, case)
        except StudentError as error:
            yield Check(question.id, title, False, sentence(error, told))
            if error.limit is not None:
                return True
        except SessionLost as lost:
            if lost.kind == "deadline":
                raise
            yield Check(question.id, title, False, STOPPED.format(lost.reason))
            return True
        else:
            yield Check(question.id, title, True)
    return False


def sentence(error: StudentError, told: Callable[[StudentError], str]) -> str:
    """Why a case did not pass: the words of its assertion, as a quotation; of another exception what ``told`` says."""
    if error.type == "AssertionError" and error.limit is None and error.message and not error.where:
        return quoted(error.message)
    return STUBBED if error.type == STUB else told(error)
