"""The grading bundle of an assignment: settings, hidden Otter tests and answer key, all that a grader needs beside code.

``<bundle>/assignment.toml``, ``<bundle>/key.safetensors``, ``<bundle>/tests/<question>.py``
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import jinja2

from autograder.assignment import Assignment, QuestionSheet, WrongEntry, located, read_assignment
from autograder.engine.answer_key import made_from, read_key, write_key
from autograder.engine.judge import KeyTest
from autograder.errors import KitError
from autograder.places import REFERENCES, assignment_folder
from autograder.questions.draw import cases_file, catalogue
from autograder.release.compile import compile_key, fingerprint

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), keep_trailing_newline=True, undefined=jinja2.StrictUndefined
)


def build_bundle(name: str, say: Callable[[str], None] = lambda text: None) -> Path:
    """Bring the bundle of an assignment up to date. The key is compiled only if what it is made from has changed.

    Raises:
        KitError: ``assignment.toml`` gives points to a test that does not exist, or none to one of a question that is in;
            or the questions themselves are broken.
    """
    settings = assignment_folder(name) / "assignment.toml"
    assignment = read_assignment(settings)
    if assignment.name != name:
        raise located(settings, WrongEntry(("name",), f"the name is {assignment.name!r}, and the folder's is {name!r}"))
    bundle = REFERENCES / name
    bundle.mkdir(parents=True, exist_ok=True)
    bundle.chmod(0o700)  # a submission runs as another user
    key = bundle / "key.safetensors"
    if made_from(key) != fingerprint(name):
        say("running every probe on the oracle and on each misconception (minutes)")
        part = key.with_suffix(f".{os.getpid()}.part")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some mistakes are what torch warns of
            compiled = compiled_key(name)
        write_key(part, compiled, fingerprint(name))
        part.replace(key)
    try:
        check_points(assignment, read_key(key))
    except WrongEntry as error:
        raise located(settings, error) from None
    wanted = {f"tests/{question.id}.py": hidden_test(question) for question in assignment.questions}
    for file, content in {**wanted, "assignment.toml": settings.read_text(encoding="utf-8")}.items():
        write_if_new(bundle / file, content.encode())
    for stale in set((bundle / "tests").glob("*.py")) - {bundle / file for file in wanted}:
        stale.unlink()
    return bundle


def compiled_key(name: str) -> tuple[KeyTest, ...]:
    """The answer key, compiled.

    Raises:
        KitError: a question has no stored cases, or its code is broken.
    """
    try:
        missing = next((q.id for q in catalogue(name) if not cases_file(name, q.id).is_file()), None)
        if missing is None:
            return compile_key(name)
    except Exception as error:
        raise KitError(f"the questions of {name} are broken: {type(error).__name__}: {error}") from error
    raise KitError(
        f"{missing} of {name} has no stored cases; draw them: python -m autograder.questions.draw {name} {missing}"
    )


def hidden_test(question: QuestionSheet) -> str:
    """The text of a question's hidden Otter test file."""
    return TEMPLATES.get_template("hidden_test.py.jinja").render(question=question)


def write_if_new(path: Path, content: bytes) -> Path:
    """Write a product in one step unless it is there already, unchanged: others may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_bytes() != content:
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_bytes(content)
        part.replace(path)
    return path


def check_points(assignment: Assignment, key: tuple[KeyTest, ...]) -> None:
    """Every question that is in is in the key, and exactly its tests have points.

    Raises:
        WrongEntry: the place of the first that does not.
    """
    known: dict[str, list[str]] = {}
    for test in key:
        known.setdefault(test.question, []).append(test.id)
    for number, question in enumerate(assignment.questions):
        place, tests = ("question", number), known.get(question.id)
        if tests is None:
            raise WrongEntry((*place, "id"), f"there is no question {question.id}; known are {', '.join(known)}")
        for test in question.points:
            if test not in tests:
                sentence = (
                    f"{question.id} gives points to {test!r}, which is no test of it; known are {', '.join(tests)}"
                )
                raise WrongEntry((*place, "points", test), sentence)
        for test in tests:
            if test not in question.points:
                sentence = f"{question.id} gives no points to its test {test!r}; 0 leaves it without effect"
                raise WrongEntry((*place, "points"), sentence)
