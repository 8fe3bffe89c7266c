"""Runs the public tests of the notebook on a submission, in the sandbox, as ``grader.check`` does for students.

The engine reads the text of a test file to find its cases, and never runs it. What a case says is the word of the
submission's process, and is quoted.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from autograder.engine.report import Check
from autograder.engine.runner import Runner
from autograder.engine.session import STUB, SessionLost, StudentError
from autograder.text import quoted

FILE = "public.json"
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


def run_public(runner: Runner, tests: Mapping[str, str], told: Callable[[StudentError], str]) -> Iterator[Check]:
    """Run the public tests of each question in ``tests`` and tell of each case whether it passed.

    ``told`` makes the sentence about an exception of the student's code. After a case that took all its time, or ended its
    session, the others of the question are not tried; when the time for all is over, nothing more is told.
    """
    for question, source in tests.items():
        for case, title in cases(source).items():
            try:
                runner.check(source, case)
            except StudentError as error:
                yield Check(question, title, False, sentence(error, told))
                if error.limit is not None:
                    break
            except SessionLost as lost:
                if lost.kind == "deadline":  # it says nothing about this case
                    return
                yield Check(question, title, False, STOPPED.format(lost.reason))
                break
            else:
                yield Check(question, title, True)


def sentence(error: StudentError, told: Callable[[StudentError], str]) -> str:
    """Why a case did not pass: the words of its assertion, as a quotation; of another exception what ``told`` says."""
    if error.type == "AssertionError" and error.limit is None and error.message and not error.where:
        return quoted(error.message)
    return STUBBED if error.type == STUB else told(error)
