"""Runs the public checks of the notebook on a submission, in the sandbox, as ``grader.check`` does for students.

They are tests by hand and the question's own tests on public inputs. The engine reads the text of a file by hand to find its
cases, and never runs it. What a case says is the word of the submission's process, and is quoted.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.engine.judge import KeyTest, Result, judge
from autograder.engine.report import Check
from autograder.engine.runner import Runner
from autograder.engine.session import STUB, SessionLost, StudentError
from autograder.text import quoted

FILE = "public.json"  # the tests by hand
OWN = "public.safetensors"  # the questions' own tests on public inputs
STOPPED = "your code was stopped: {}"
STUBBED = "not implemented yet"


def read(bundle: Path) -> dict:
    """What the build wrote about public tests: ``tests``, the text of each question's file. Empty if there is nothing."""
    try:
        return json.loads((bundle / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


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
    ask: Callable[[KeyTest], tuple[Mapping[str, Result], str]],
    blank: Iterable[str] = (),
) -> Iterator[Check]:
    """Run the public checks of some questions and tell of each whether it passed.

    After a check that took all its time, or ended its session, the others of the question are not tried; when the time for
    all is over, nothing more is told.

    Args:
        told: makes the sentence about an exception of the student's code.
        ask: the results of a test, and why its session ended (''). Raises SessionLost when the time for all is over.
        blank: questions of which nothing is written; what builds on them is tried with stand-ins.
    """
    wrong = set(blank)
    try:
        for question in questions:
            ended = yield from _by_hand(runner, question, told)
            own = [] if ended else _own(question, ask, wrong)
            yield from own
            if ended or not all(check.passed for check in own):
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


def _own(
    question: Question, ask: Callable[[KeyTest], tuple[Mapping[str, Result], str]], wrong: Collection[str]
) -> list[Check]:
    """Run the question's own tests, and the variants of those that fail after another one or after something in ``wrong``."""
    found: dict[str, Check] = {}
    for test in sorted(question.own, key=lambda one: bool(one.instead_of)):
        first = found.get(test.instead_of)
        if test.instead_of and (first is None or first.passed or not _is_after(test, found, wrong)):
            continue
        results, ended = ask(test)
        judgement = judge(test, results)
        if first is None:
            message = "" if judgement.passed else judgement.message
            found[test.id] = Check(question.id, test.title, judgement.passed, message)
        elif judgement.passed:
            found[test.instead_of] = replace(first, passed=True, message="")
        if ended:
            break
    return list(found.values())


def _is_after(test: KeyTest, found: Mapping[str, Check], wrong: Collection[str]) -> bool:
    return any(place in wrong or (place in found and not found[place].passed) for place in test.after)


def sentence(error: StudentError, told: Callable[[StudentError], str]) -> str:
    """Why a case did not pass: the words of its assertion, as a quotation; of another exception what ``told`` says."""
    if error.type == "AssertionError" and error.limit is None and error.message and not error.where:
        return quoted(error.message)
    return STUBBED if error.type == STUB else told(error)
