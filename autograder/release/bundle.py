"""The grading bundle of an assignment, everything a grader needs beside the kit: settings, tests, answer key, probes.

``<bundle>/assignment.toml``, ``<bundle>/key.safetensors``, ``<bundle>/tests/<question>.py``, the notebook's public checks in
``<bundle>/public.json`` and ``<bundle>/public.safetensors``, and in ``<bundle>/code/`` the files called ``probes.py`` and
``counts.py`` of the assignment's folder: no other file of it runs while a class is graded.
"""

from __future__ import annotations

import fcntl
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jinja2

from autograder.assignment import Assignment, QuestionSheet, WrongEntry, located, read_assignment
from autograder.course import AssignmentFolder
from autograder.engine.answer_key import made_from, read_key, write_key
from autograder.engine.judge import KeyTest
from autograder.files import write_if_new
from autograder.questions.loading import load_module
from autograder.release.compile import compile_key, fingerprint
from autograder.release.public import public_key
from autograder.release.public_tests import write_public_tests
from autograder.release.written import write_rubrics

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), keep_trailing_newline=True, undefined=jinja2.StrictUndefined
)


def build_bundle(folder: AssignmentFolder, say: Callable[[str], None] = lambda text: None) -> Path:
    """Bring the bundle of an assignment up to date. The key is compiled if something that it is made from has changed.

    Raises:
        KitError: ``assignment.toml`` and the folders of the questions contradict each other, or a question is broken.
    """
    assignment = read_assignment(folder.settings)
    try:
        check_folders(assignment, folder)
    except WrongEntry as error:
        raise located(folder.settings, error) from None
    bundle = folder.bundle
    bundle.mkdir(parents=True, exist_ok=True)
    bundle.chmod(0o700)  # a submission runs as another user
    key = bundle / "key.safetensors"
    with alone(bundle):
        sources = fingerprint(folder)  # before compiling: what is edited meanwhile is compiled the next time
        if made_from(key) != sources:
            say("compiling the answer key: running every probe on the oracle and on each misconception")
            part = key.with_suffix(".part")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # some mistakes are what torch warns of
                write_key(part, compile_key(folder), sources)
            part.replace(key)
        public_key(folder, say)
    try:
        check_points(assignment, read_key(key))
        write_rubrics(bundle, folder, assignment)
        write_public_tests(bundle, folder, assignment)
    except WrongEntry as error:
        raise located(folder.settings, error) from None
    code = f"code/{folder.name}"
    wanted = {
        **{f"tests/{question.id}.py": hidden_test(question).encode() for question in assignment.questions},
        **{f"{code}/{file.relative_to(folder.path)}": file.read_bytes() for file in code_files(folder)},
        "assignment.toml": folder.settings.read_bytes(),
    }
    for file, content in wanted.items():
        write_if_new(bundle / file, content)
    for file in (*(bundle / "tests").glob("*.py"), *(bundle / "code").rglob("*.py")):
        if file.relative_to(bundle).as_posix() not in wanted:  # of a question that is gone
            file.unlink()
    return bundle


def code_files(folder: AssignmentFolder) -> Iterator[Path]:
    """The code of an assignment that grading needs: ``probes.py``, which runs beside student code, and ``counts.py``.

    Both may lie in the assignment's folder and in that of each question.
    """
    places = [folder.path, *folder.question_folders().values()]
    yield from (place / name for place in places for name in ("probes.py", "counts.py") if (place / name).is_file())


@contextmanager
def alone(bundle: Path) -> Iterator[None]:
    """Hold the bundle's lock, so that two processes do not compile the same key at the same time."""
    with (bundle / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_folders(assignment: Assignment, folder: AssignmentFolder) -> None:
    """Check that the settings have the folder's name and exactly one table for each question folder.

    Raises:
        WrongEntry: says what is wrong with the first entry that does not fit.
    """
    if assignment.name != folder.name:
        raise WrongEntry(("name",), f"the name is {assignment.name!r}, but the folder is called {folder.name!r}")
    there = folder.question_folders()
    for number, sheet in enumerate(assignment.sheets):
        if sheet.id not in there:
            known = ", ".join(there) or "none"
            raise WrongEntry(
                ("question", number, "id"),
                f"question {sheet.id} has no folder {folder.path.name}/{sheet.id}_SUBJECT/; questions with a folder: {known}",
            )
    for id, path in there.items():
        if id not in {sheet.id for sheet in assignment.sheets}:
            raise WrongEntry(
                ("question",),
                f'the folder {path.name} has no [[question]] with id = "{id}" here; add one '
                "(with given = true in it, students get the code)",
            )
    place, _, probe = assignment.picture_probe.partition(".")
    found = place in {path.name for path in there.values()} and hasattr(load_module(folder, f"{place}.probes"), probe)
    if place and not found:
        raise WrongEntry(
            ("picture_probe",),
            f"picture_probe is {assignment.picture_probe!r}, which names no function in a question's probes.py; "
            'write FOLDER.FUNCTION, such as q3_augmentation.two_views, or "" for no image',
        )


def hidden_test(question: QuestionSheet) -> str:
    """The text of a question's hidden Otter test file."""
    return TEMPLATES.get_template("hidden_test.py.jinja").render(question=question)


def check_points(assignment: Assignment, key: tuple[KeyTest, ...]) -> None:
    """Check that every question that is graded has tests in the key, and that exactly these tests have points.

    Raises:
        WrongEntry: says what is wrong with the first one that does not fit.
    """
    known: dict[str, list[str]] = {}
    for test in (test for test in key if not test.instead_of):
        known.setdefault(test.question, []).append(test.id)
    for number, question in enumerate(assignment.sheets):
        if question.given:
            continue
        place, tests = ("question", number), known.get(question.id)
        if tests is None:
            raise WrongEntry(
                (*place, "id"), f"question {question.id} has no tests; questions with tests: {', '.join(known)}"
            )
        for test in question.points:
            if test not in tests:
                sentence = f"{question.id} has no test {test!r}; its tests are {', '.join(tests)}"
                raise WrongEntry((*place, "points", test), sentence)
        for test in tests:
            if test not in question.points:
                sentence = f"{question.id} gives no points to its test {test!r}; add it (0 points: no effect)"
                raise WrongEntry((*place, "points"), sentence)
