"""The grading bundle of an assignment: settings, hidden Otter tests and answer key, all that a grader needs beside code.

``<bundle>/assignment.toml``, ``<bundle>/key.safetensors``, ``<bundle>/tests/<question>.py``
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import jinja2

from autograder.answer_key import compile_key, fingerprint, made_from, read_key, write_key
from autograder.assignment import Assignment, read_assignment
from autograder.engine.judge import KeyTest
from autograder.errors import KitError
from autograder.places import REFERENCES, assignment_folder

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), keep_trailing_newline=True, undefined=jinja2.StrictUndefined
)


def build_bundle(name: str, say: Callable[[str], None] = lambda text: None) -> Path:
    """Bring the bundle of an assignment up to date. The key is compiled only if what it is made from has changed.

    Raises:
        KitError: ``assignment.toml`` gives points to a test that does not exist, or none to one that does.
    """
    settings = assignment_folder(name) / "assignment.toml"
    assignment = read_assignment(settings)
    bundle = REFERENCES / name
    bundle.mkdir(parents=True, exist_ok=True)
    bundle.chmod(0o700)  # a submission runs as another user
    key = bundle / "key.safetensors"
    if made_from(key) != fingerprint(name):
        say("running every probe on the oracle and on each misconception")
        part = key.with_suffix(".part")
        write_key(part, compile_key(name), fingerprint(name))
        part.replace(key)
    check_points(assignment, read_key(key), settings)
    tests = bundle / "tests"
    shutil.rmtree(tests, ignore_errors=True)
    tests.mkdir()
    for question in assignment.questions:
        text = TEMPLATES.get_template("hidden_test.py.jinja").render(question=question)
        (tests / f"{question.id}.py").write_text(text, encoding="utf-8")
    shutil.copyfile(settings, bundle / "assignment.toml")
    return bundle


def check_points(assignment: Assignment, key: tuple[KeyTest, ...], settings: Path) -> None:
    """Every test of the key has points, and every pointed test is in the key."""
    sheet = {(question.id, test) for question in assignment.questions for test in question.points}
    known = {(test.question, test.id) for test in key}
    for question, test in sorted(sheet - known):
        raise KitError(f"{settings}: {question} gives points to {test!r}, which is no test of it")
    for question, test in sorted(known - sheet):
        raise KitError(f"{settings}: {question} gives no points to its test {test!r}; 0 leaves it without effect")
